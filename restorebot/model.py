"""What a restore is: its record, its states, the moves between them and what each state allows.

Pure; imported by all, imports none.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType

PortalAlias = NewType("PortalAlias", str)
"""A portal's own name for itself, DocSpace's ``tenantAlias``."""

PortalName = NewType("PortalName", str)
"""What the settings call a portal, and people type."""

Approvers = NewType("Approvers", frozenset[str])
"""User ids and usergroup ids of those who may approve."""

Requesters = NewType("Requesters", frozenset[str])
"""User ids and usergroup ids of those who may ask; empty for every full member."""

EVERYBODY = Requesters(frozenset())


def is_group(name: str) -> bool:
    """Return whether an id names a usergroup (``S…``) rather than a user (``U…`` or ``W…``)."""
    return name.startswith("S")


class State(StrEnum):
    """Where a restore stands. The value is what the database and the audit trail hold."""

    REQUESTED = "requested"
    APPROVED = "approved"
    BACKING_UP = "backing_up"
    STARTING = "starting"
    RESTORING = "restoring"
    UNKNOWN = "unknown"
    COMPLETED = "completed"
    FAILED = "failed"
    CLOSED = "closed"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    STOPPED = "stopped"
    VOID = "void"


MOVES: Mapping[State, frozenset[State]] = {
    State.REQUESTED: frozenset(
        {State.APPROVED, State.DENIED, State.WITHDRAWN, State.EXPIRED, State.VOID}
    ),
    State.APPROVED: frozenset(
        {State.BACKING_UP, State.STARTING, State.STOPPED, State.VOID, State.EXPIRED}
    ),
    State.BACKING_UP: frozenset({State.STARTING, State.STOPPED, State.VOID, State.FAILED}),
    State.STARTING: frozenset({State.APPROVED, State.RESTORING, State.FAILED, State.UNKNOWN}),
    State.RESTORING: frozenset({State.COMPLETED, State.FAILED, State.UNKNOWN, State.CLOSED}),
    State.UNKNOWN: frozenset({State.RESTORING, State.COMPLETED, State.FAILED, State.CLOSED}),
}
"""Every move there is. A state without an entry is an end."""

WAITING = frozenset({State.REQUESTED, State.APPROVED})
"""Nothing at all has been sent to the portal yet."""

LIVE = frozenset({State.BACKING_UP, State.STARTING, State.RESTORING, State.UNKNOWN})
"""The restore holds its portal's claim; at most one per portal, by a unique index."""

OPEN = WAITING | LIVE
ENDED = frozenset(State) - OPEN

BEFORE_SENDING = WAITING | {State.BACKING_UP}
"""Nothing that replaces anything has been sent to the portal yet."""

WITH_WORK = OPEN | {State.COMPLETED}
"""The clock has work with these; with a completed restore until it is verified."""


class Action(StrEnum):
    """What a person may do with a restore, in the order in which buttons stand."""

    APPROVE = "approve"
    DENY = "deny"
    WITHDRAW = "withdraw"
    STOP = "stop"
    SETTLE = "settle"
    ASK_AGAIN = "ask_again"


ALLOWED: Mapping[State, frozenset[Action]] = {
    State.REQUESTED: frozenset({Action.APPROVE, Action.DENY, Action.WITHDRAW}),
    State.APPROVED: frozenset({Action.STOP}),
    State.BACKING_UP: frozenset({Action.STOP}),
    State.UNKNOWN: frozenset({Action.SETTLE}),
    State.EXPIRED: frozenset({Action.ASK_AGAIN}),
}
"""What each state allows; a state without an entry allows nothing. The policy says who may.

One that stands still allows more (``allowed_actions``).
"""


def may_move(old: State, new: State) -> bool:
    """Return whether the table has this move.

    An event may also leave a restore with work left where it is.
    """
    if old is new:
        return old in WITH_WORK
    return new in MOVES.get(old, frozenset())


class Phase(StrEnum):
    """What the portal is doing with our task, as far as its numbers tell (docspace-api §4.3)."""

    QUEUED = "queued"
    FETCHING = "fetching"
    LOADING = "loading"
    DONE = "done"


HIDDEN_PARAMS = frozenset({"ssekey"})
"""``storageParams`` that are sent to the portal and shown to nobody."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is restored: a backup of the portal's history, or an archive that somebody named.

    ``storage_type`` is DocSpace's ``storageType`` number (docspace-api §2.1). Times are UTC;
    ``expires_on`` is None for a backup that does not expire. An archive has no ``backup_id`` but
    ``params``, the ``storageParams`` in the order in which they are sent. ``size`` (bytes),
    ``version`` and ``changed_on`` are known of a file in a room only; when the backup in it was
    made, nobody tells of an archive.
    """

    backup_id: str | None = None
    file_name: str
    storage_type: int
    created_on: datetime | None = None
    expires_on: datetime | None = None
    params: tuple[tuple[str, str], ...] = ()
    size: int | None = None
    version: int | None = None
    changed_on: datetime | None = None

    @property
    def path(self) -> str | None:
        """Return an archive's own id or path; None for a backup of the history."""
        return dict(self.params).get("filePath")

    @property
    def shown_params(self) -> dict[str, str]:
        """Return the parameters less those that nobody needs to see."""
        return {key: value for key, value in self.params if key not in HIDDEN_PARAMS}

    def audit_record(self) -> dict[str, Any]:
        """Return what the audit trail keeps: all that tells it from every other source."""
        record = {name: value for name, value in self.to_json().items() if value is not None}
        del record["params"]
        if self.params:
            record["params"] = self.shown_params
        return record

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, which ``from_json`` makes a source of again."""
        plain = asdict(self)
        for name in _TIMES:
            if plain[name] is not None:
                plain[name] = plain[name].isoformat()
        plain["params"] = [list(pair) for pair in self.params]
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Source":
        """Make a source of what ``to_json`` returned."""
        times = {name: datetime.fromisoformat(plain[name]) for name in _TIMES if plain[name]}
        params = tuple((key, value) for key, value in plain["params"])
        return cls(**{**plain, **times, "params": params})


_TIMES = ("created_on", "expires_on", "changed_on")


@dataclass(frozen=True)
class Vote:
    """One person's yes to one restore."""

    user: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Restore:
    """One restore: the record and the act.

    Times are UTC, ``progress`` is the portal's own number, 0 to 100. ``version`` goes up by one
    with every change of the row, and ``card_version`` is the version that the card in Slack shows.
    """

    id: str
    version: int
    state: State
    portal: PortalAlias
    portal_url: str
    source: Source
    reason: str
    notify: bool
    requester: str
    channel: str
    view_id: str
    approvals_needed: int
    requested_at: datetime
    expires_at: datetime
    starts_at: datetime | None = None
    """When it is planned to start; None for as soon as it is approved."""
    approvers: tuple[str, ...] = ()
    """Who could approve it when it was asked for; they settle it when its portal has left the
    settings."""
    announce: tuple[str, ...] = ()
    """Channels to tell that the portal is going to be replaced, by the settings at the request."""
    self_approved: bool = False
    break_glass: bool = False
    """The requester started it alone, without any approval."""
    reminded: bool = False
    """The approvers have been mentioned a second time, at half of the request's time."""
    start_reminded: bool = False
    """The thread has been told that the planned start is near."""
    votes: tuple[Vote, ...] = ()
    approved_at: datetime | None = None
    safety_storage: int | None = None
    """The ``storageType`` that the backup before the restore goes to; None for no such backup."""
    safety_task_id: str | None = None
    """That backup's taskId, which is the id of its record too."""
    safety_progress: int = 0
    safety_name: str | None = None
    safety_made_at: datetime | None = None
    """When it was made, by the portal's history; None until it has been found there."""
    safety_watched_at: datetime | None = None
    """Until when a planned restore's safety backup was watched, to the minute.

    It tells whether the bot was down since.
    """
    sent_at: datetime | None = None
    """When ``startrestore`` was about to be sent; None until then."""
    previous_task_id: str | None = None
    """The taskId that the portal still showed just before the POST, so it cannot be ours."""
    task_id: str | None = None
    adopted: bool = False
    """That the task is ours, the reply to our POST does not show.

    It was found by looking, or named by an approver, or the reply took so long that another start
    in that time cannot be excluded.
    """
    reply_seconds: int | None = None
    """How long the portal took to answer, where that is why it is adopted."""
    another_seen: bool = False
    """Another restore was seen on the portal when this one was to begin."""
    phase: Phase | None = None
    progress: int = 0
    progress_changed_at: datetime | None = None
    """When the portal's words about our task last changed."""
    missing_since: datetime | None = None
    """Since when the portal no longer shows our task; None while it does."""
    missing_polls: int = 0
    """How many polls in a row did not show our task.

    A clock alone would count the time that the bot was down.
    """
    stalled: bool = False
    blocked_reason: str | None = None
    """Why the next step cannot be made just now, in a sentence; None while it can."""
    outcome: str | None = None
    """How it ended, or why nobody knows, in a sentence; the portal's own words for a failure."""
    decided_by: str | None = None
    """Who denied, withdrew, stopped or settled it."""
    tenant_status: int | None = None
    """The portal's ``tenantStatus`` when it failed; 4 is locked. None when it could not be read."""
    ended_at: datetime | None = None
    verified: bool = False
    """A completed restore's portal and key have been looked at, and the thread has been told."""
    card_ts: str | None = None
    card_version: int = 0
    card_marked: bool = False
    """The card may be a second one, and says so."""

    @property
    def voters(self) -> tuple[str, ...]:
        """Return the user ids of those who approved, in the order in which they did."""
        return tuple(vote.user for vote in self.votes)

    @property
    def is_planned(self) -> bool:
        """Return whether it waits for a planned time, and so is in nobody's way."""
        return self.starts_at is not None and self.state in WAITING

    @property
    def has_work(self) -> bool:
        """Return whether the clock still has work with it: not ended, or not verified yet."""
        return self.state in WITH_WORK and not self.verified

    @property
    def has_task(self) -> bool:
        """Return whether the portal's task for it is known; old portals give theirs no id."""
        return self.task_id is not None or self.adopted

    @property
    def took(self) -> timedelta | None:
        """Return the time from the POST to the end; None where nothing was sent or it goes on."""
        if self.ended_at is None or self.sent_at is None:
            return None
        return self.ended_at - self.sent_at


def allowed_actions(restore: Restore) -> frozenset[Action]:
    """Return what anybody at all may do with this restore as it stands."""
    if restore.state is State.RESTORING and restore.stalled:
        return frozenset({Action.SETTLE})
    return ALLOWED.get(restore.state, frozenset())


def allows(restore: Restore, action: Action) -> bool:
    """Return whether this restore can be acted upon in this way by anybody."""
    return action in allowed_actions(restore)


class Event(StrEnum):
    """What the audit trail calls an event; an end is called as its state is."""

    REQUESTED = "requested"
    VOTED = "voted"
    VOTE_REVOKED = "vote_revoked"
    REMINDED = "reminded"
    APPROVED = "approved"
    BREAK_GLASS = "break_glass"
    START_REMINDED = "start_reminded"
    BACKUP_REQUESTED = "backup_requested"
    BACKUP_STARTED = "backup_started"
    BACKUP_COMPLETED = "backup_completed"
    STARTING = "starting"
    NOT_SENT = "not_sent"
    RESTORING = "restoring"
    FETCHING = "fetching"
    LOADING = "loading"
    STALLED = "stalled"
    UNKNOWN = "unknown"
    TASK_SEEN_AGAIN = "task_seen_again"
    ADOPTED = "adopted"
    COMPLETED = "completed"
    FAILED = "failed"
    CLOSED = "closed"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    STOPPED = "stopped"
    VOID = "void"
    VERIFIED = "verified"


class PostKind(StrEnum):
    """The turns of the story that a restore's thread is told."""

    CARD = "card"
    REMINDER = "reminder"
    VOTE_REVOKED = "vote_revoked"
    BREAK_GLASS = "break_glass"
    BACKING_UP = "backing_up"
    BACKED_UP = "backed_up"
    SENT = "sent"
    FETCHING = "fetching"
    LOADING = "loading"
    STALLED = "stalled"
    ADOPTED = "adopted"
    UNKNOWN = "unknown"
    CLOSING = "closing"
    VERIFIED = "verified"
    START_REMINDER = "start_reminder"
    ANNOUNCE_PLANNED = "announce_planned"
    ANNOUNCE_STARTED = "announce_started"
    ANNOUNCE_ENDED = "announce_ended"
    ANNOUNCEMENT_FAILED = "announcement_failed"


ANNOUNCEMENTS = frozenset(
    {PostKind.ANNOUNCE_PLANNED, PostKind.ANNOUNCE_STARTED, PostKind.ANNOUNCE_ENDED}
)
"""Told to other channels than the restore's own, in words for the portal's users."""


@dataclass(frozen=True)
class Post:
    """A message that Slack is still to be given.

    ``facts`` are plain JSON values, which the words are made of. ``channel`` is where it is
    announced; None for the restore's own thread.
    """

    kind: PostKind
    facts: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    channel: str | None = None
