"""What the local Slack knows: its clock, people, channels and messages."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from restorebot.sandbox.control import Json
from restorebot.sandbox.workspace.blocks import blocks_with_ids
from restorebot.sandbox.workspace.journal import Journal
from restorebot.sandbox.workspace.manifest import Manifest

TEAM = "T0SANDBOX"
TEAM_DOMAIN = "sandbox"
FOREIGN_TEAM = "T0OTHER"
APP = "A0RESTORE"
BOT_USER = "U0RESTORE"
BOT = "B0RESTORE"


@dataclass(kw_only=True)
class Person:
    """A member of the workspace, or a stranger from another one."""

    id: str
    name: str
    real_name: str
    team_id: str = TEAM
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    tz: str = "Europe/Riga"

    def json(self) -> Json:
        """Return the person as users.info does.

        Slack leaves the role fields out for a deactivated one.
        """
        shown: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1760000000,
            "profile": {
                "real_name": self.real_name,
                "display_name": self.name,
                "real_name_normalized": self.real_name,
                "display_name_normalized": self.name,
                "team": self.team_id,
            },
        }
        if not self.deleted:
            shown |= {
                "real_name": self.real_name,
                "tz": self.tz,
                "is_admin": False,
                "is_owner": False,
                "is_primary_owner": False,
                "is_restricted": self.is_restricted,
                "is_ultra_restricted": self.is_ultra_restricted,
                "is_stranger": self.is_stranger,
            }
        return shown


@dataclass(kw_only=True)
class Channel:
    """A channel, or the direct messages between one person and the bot."""

    id: str
    name: str
    is_private: bool = False
    is_im: bool = False
    is_ext_shared: bool = False
    is_archived: bool = False
    members: list[str] = field(default_factory=list)

    @property
    def is_member(self) -> bool:
        """Whether the bot is in it."""
        return BOT_USER in self.members

    @property
    def other(self) -> str:
        """Return the person at the other end of a direct message."""
        return next(m for m in self.members if m != BOT_USER)

    def json(self) -> Json:
        """Return the channel as conversations.info does."""
        if self.is_im:
            return {
                "id": self.id,
                "created": 1760000000,
                "is_archived": self.is_archived,
                "is_im": True,
                "is_org_shared": False,
                "user": self.other,
            }
        teams = [TEAM, FOREIGN_TEAM] if self.is_ext_shared else [TEAM]
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_general": False,
            "is_shared": self.is_ext_shared,
            "is_org_shared": False,
            "is_ext_shared": self.is_ext_shared,
            "is_pending_ext_shared": False,
            "is_member": self.is_member,
            "created": 1760000000,
            "creator": "U0ALICE",
            "context_team_id": TEAM,
            "shared_team_ids": teams,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "previous_names": [],
        }


@dataclass(kw_only=True)
class Message:
    """A message that everybody in its channel sees."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json]
    thread_ts: str | None = None
    marked_edited: str | None = None  # when; only a change of text without blocks shows the mark

    def json(self) -> Json:
        """Return the message as Slack sends it to the app."""
        shown: Json = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "team": TEAM,
        }
        if self.user == BOT_USER:
            shown |= {
                "bot_id": BOT,
                "app_id": APP,
                "bot_profile": {"id": BOT, "app_id": APP, "team_id": TEAM},
            }
        if self.blocks:
            shown["blocks"] = self.blocks
        if self.thread_ts:
            shown["thread_ts"] = self.thread_ts
        if self.marked_edited:
            shown["edited"] = {"user": BOT, "ts": self.marked_edited}
        return shown

    def control_json(self) -> Json:
        """Return the message as the control interface shows it."""
        return {
            "ts": self.ts,
            "thread_ts": self.thread_ts,
            "user": self.user,
            "text": self.text,
            "blocks": self.blocks,
            "edited_mark": self.marked_edited is not None,
        }


@dataclass(kw_only=True)
class PrivateMessage:
    """A message that one person alone sees: an ephemeral post, or an answer by response_url."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json]
    at: float
    via: str

    def control_json(self) -> Json:
        """Return the message as the control interface shows it."""
        return {
            "channel": self.channel,
            "ts": self.ts,
            "text": self.text,
            "blocks": self.blocks,
            "at": self.at,
            "via": self.via,
        }


@dataclass(kw_only=True)
class ResponseUrl:
    """The right to answer one interaction: 5 times within 30 minutes (slack §1.4)."""

    USES = 5
    SECONDS = 30 * 60

    key: str
    kind: str  # "commands" or "actions"
    user: str
    channel: str
    made_at: float
    used: int = 0


def seed_people() -> dict[str, Person]:
    """Return the people every workspace starts with."""
    people = [
        Person(id="U0ALICE", name="alice", real_name="Alice Adams"),
        Person(id="U0BOB", name="bob", real_name="Bob Brown"),
        Person(id="U0CAROL", name="carol", real_name="Carol Clark"),
        Person(id="U0ERIN", name="erin", real_name="Erin Evans"),
        Person(id="U0GUEST", name="guest", real_name="Gus Guest", is_restricted=True),
        Person(id="U0GONE", name="gone", real_name="Gordon Gone", deleted=True),
        Person(id="U0ROBOT", name="robot", real_name="Robot", is_bot=True),
        Person(
            id="U0OTHER",
            name="other",
            real_name="Olga Other",
            team_id=FOREIGN_TEAM,
            is_stranger=True,
        ),
        Person(id=BOT_USER, name="restorebot", real_name="restorebot", is_bot=True),
    ]
    return {p.id: p for p in people}


def seed_channels() -> dict[str, Channel]:
    """Return the channels every workspace starts with."""
    staff = ["U0ALICE", "U0BOB", "U0CAROL", "U0ERIN"]
    everybody = [*staff, "U0GUEST", "U0ROBOT"]
    channels = [
        Channel(id="C0RESTORES", name="restores", members=[*everybody, BOT_USER]),
        Channel(id="C0PRIVATE", name="ops-private", is_private=True, members=[*staff, BOT_USER]),
        Channel(id="C0NOBOT", name="random", members=[*everybody]),
        Channel(id="C0HIDDEN", name="hidden", is_private=True, members=[*staff]),
        Channel(
            id="C0SHARED", name="shared", is_ext_shared=True, members=[*staff, "U0OTHER", BOT_USER]
        ),
        Channel(id="C0ARCHIVED", name="archived", is_archived=True, members=[*staff, BOT_USER]),
        Channel(id="D0ALICE", name="", is_im=True, members=["U0ALICE", BOT_USER]),
    ]
    return {c.id: c for c in channels}


def seed_usergroups() -> dict[str, list[str]]:
    """Return the usergroups every workspace starts with, by id."""
    return {"S0APPROVERS": ["U0BOB", "U0ERIN"], "S0REQUESTERS": ["U0ALICE", "U0CAROL"]}


class State:
    """Everything in the workspace but the views and the connections to the bot."""

    def __init__(self, manifest: Manifest, clock: Callable[[], float]) -> None:
        self.manifest = manifest
        self.clock = clock
        self.offset = 0.0
        self.base_url = ""
        self.people = seed_people()
        self.people[BOT_USER].name = self.people[BOT_USER].real_name = manifest.name
        self.channels = seed_channels()
        self.usergroups = seed_usergroups()
        self.messages: dict[str, list[Message]] = {}
        self.private: dict[str, list[PrivateMessage]] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.journal = Journal(self.now)
        self._last_stamp = 0

    def now(self) -> float:
        """Return the seconds since 1970 on the workspace's clock, which tests advance."""
        return self.clock() + self.offset

    def new_ts(self) -> str:
        """Return a ``ts``: the time with six decimals, never the same twice."""
        self._last_stamp = max(int(self.now() * 1_000_000), self._last_stamp + 1)
        return f"{self._last_stamp // 1_000_000}.{self._last_stamp % 1_000_000:06d}"

    def post(
        self, channel: str, user: str, text: str, blocks: list[Json], thread_ts: str | None = None
    ) -> Message:
        """Put a message into a channel."""
        message = Message(
            channel=channel,
            ts=self.new_ts(),
            user=user,
            text=text,
            blocks=blocks_with_ids(blocks),
            thread_ts=thread_ts,
        )
        self.messages.setdefault(channel, []).append(message)
        self.journal.event(
            "message", channel=channel, ts=message.ts, thread_ts=thread_ts, user=user, text=text
        )
        return message

    def edit(self, message: Message, text: str, blocks: list[Json], *, mark: bool) -> None:
        """Change a message; ``mark`` shows "(edited)" beside it."""
        message.text, message.blocks = text, blocks_with_ids(blocks)
        message.marked_edited = self.new_ts() if mark else message.marked_edited
        self.journal.event("edit", channel=message.channel, ts=message.ts, text=text)

    def post_ephemeral(
        self, user: str, channel: str, text: str, blocks: list[Json], via: str
    ) -> PrivateMessage:
        """Show a message to one person only."""
        message = PrivateMessage(
            channel=channel,
            ts=self.new_ts(),
            user=user,
            text=text,
            blocks=blocks_with_ids(blocks),
            at=self.now(),
            via=via,
        )
        self.private.setdefault(user, []).append(message)
        self.journal.event("private", user=user, channel=channel, text=text, via=via)
        return message

    def message(self, channel: str, ts: str) -> Message | None:
        """Return the message with this ts."""
        return next((m for m in self.messages.get(channel, []) if m.ts == ts), None)

    def private_message(self, user: str, channel: str, ts: str) -> PrivateMessage | None:
        """Return the private message with this ts."""
        found = (m for m in self.private.get(user, []) if (m.channel, m.ts) == (channel, ts))
        return next(found, None)

    def direct_channel(self, user: str) -> Channel:
        """Return the direct messages between the bot and a person, opened if they were not."""
        found = (c for c in self.channels.values() if c.is_im and user in c.members)
        existing = next(found, None)
        if existing is not None:
            return existing
        opened = Channel(id=f"D{user[1:]}", name="", is_im=True, members=[user, BOT_USER])
        self.channels[opened.id] = opened
        return opened

    def new_response_url(self, kind: str, user: str, channel: str) -> str:
        """Return an address at which the bot may answer an interaction."""
        key = f"{len(self.response_urls) + 1}/{secrets.token_urlsafe(16)}"
        self.response_urls[key] = ResponseUrl(
            key=key, kind=kind, user=user, channel=channel, made_at=self.now()
        )
        return f"{self.base_url}/{kind}/{TEAM}/{key}"
