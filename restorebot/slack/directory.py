"""Who somebody is and where the bot may speak, asked of Slack afresh each time.

What Slack does not answer fails closed.
"""

import asyncio
from collections.abc import Callable, Coroutine
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.errors import Refused, SlackUnavailable
from restorebot.restores.policy import Person
from restorebot.slack.client import CALL_ERRORS, error_code, http_status, is_refusal
from restorebot.slack.phrases import answers as words

CALL_TIMEOUT = 2.0
"""Seconds for one question: a command's trigger lives three."""

SHARED_SECONDS = 2.0
"""From its beginning, how long a question on its way may serve a second click too."""

NO_SUCH_USER = {"user_not_found", "user_not_visible"}
NO_SUCH_GROUP = {"no_such_subteam", "subteam_not_found"}

NOT_VISIBLE = {"channel_not_found", "missing_scope", "method_not_supported_for_channel_type"}
"""Slack's words for a conversation that the bot is not in.

It is a private channel, or a direct message between others.
"""

log = structlog.get_logger()


class SlackDirectory:
    """Looks people and usergroups up; a ``Directory`` for the policy.

    ``team`` is the bot's own workspace, None until Slack has told it.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self.team: str | None = None
        self._in_flight: dict[str, tuple[float, asyncio.Task[Any]]] = {}

    async def greet(self) -> None:
        """Ask Slack who we are, which also tries the token. Raise what a call raises."""
        self.team = str((await self._client.auth_test())["team_id"])

    async def person(self, user: str) -> Person:
        """Return who somebody is. Raise SlackUnavailable."""
        found: Person = await self._shared(user, partial(self._person, user))
        return found

    async def _shared(self, name: str, ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Return an answer that is on its way, if it is young enough, or else one asked for now.

        An answer that has arrived is never used again: who left a group since must not count.
        """
        now = asyncio.get_running_loop().time()
        begun, task = self._in_flight.get(name, (0.0, None))
        if task is None or task.done() or now - begun > SHARED_SECONDS:
            task = asyncio.create_task(ask())
            self._in_flight[name] = (now, task)
            task.add_done_callback(partial(self._arrived, name))
        # One whose caller gives up goes on for the others.
        return await asyncio.shield(task)

    def _arrived(self, name: str, task: asyncio.Task[Any]) -> None:
        if name in self._in_flight and self._in_flight[name][1] is task:
            del self._in_flight[name]
        if not task.cancelled():
            # Or asyncio complains of an error that nobody was left to hear.
            task.exception()

    async def _person(self, user: str) -> Person:
        try:
            reply = await self._ask("users.info", {"user": user}, words.WHO)
        except SlackApiError as error:
            if error_code(error) in NO_SUCH_USER:
                return Person(id=user, is_external=True)
            raise _unavailable(words.WHO) from None
        if self.team is None:
            raise _unavailable(words.WHO)
        found = reply["user"]
        elsewhere = found.get("team_id", self.team) != self.team
        return Person(
            id=user,
            is_bot=bool(found.get("is_bot")),
            is_guest=bool(found.get("is_restricted") or found.get("is_ultra_restricted")),
            is_deactivated=bool(found.get("deleted")),
            is_external=elsewhere or bool(found.get("is_stranger")),
        )

    async def groups_of(self, user: str, groups: AbstractSet[str]) -> frozenset[str]:
        """Return those of the usergroups that the person is in. Raise SlackUnavailable.

        A usergroup that is gone or disabled has no members.
        """
        members = await asyncio.gather(
            *(self._shared(group, partial(self._members, group)) for group in groups)
        )
        found = zip(groups, members, strict=True)
        return frozenset(group for group, users in found if user in users)

    async def _members(self, group: str) -> list[str]:
        try:
            reply = await self._ask("usergroups.users.list", {"usergroup": group}, words.GROUP)
        except SlackApiError as error:
            if error_code(error) in NO_SUCH_GROUP:
                log.warning("usergroup_gone", usergroup=group)
                return []
            raise _unavailable(words.GROUP) from None
        return list(reply["users"])

    async def check_channel(self, channel: str) -> None:
        """Raise Refused when the bot cannot or must not post there.

        Raise SlackUnavailable when that cannot be told.
        """
        # Without the scope to see them, Slack says no more of direct messages than that they are
        # none of ours.
        if channel.startswith("D"):
            raise Refused(words.IN_PRIVATE)
        found = await self._shared(channel, partial(self._channel, channel))
        if found is None:
            raise Refused(words.NOT_A_MEMBER)
        if found.get("is_im") or found.get("is_mpim"):
            raise Refused(words.IN_PRIVATE)
        if found.get("is_ext_shared") or found.get("is_pending_ext_shared"):
            raise Refused(words.SHARED_CHANNEL)
        if found.get("is_archived"):
            raise Refused(words.ARCHIVED_CHANNEL)
        if not found.get("is_member"):
            raise Refused(words.NOT_A_MEMBER)

    async def _channel(self, channel: str) -> Any:
        try:
            reply = await self._ask("conversations.info", {"channel": channel}, words.PLACE)
        except SlackApiError as error:
            if error_code(error) in NOT_VISIBLE:
                return None
            raise _unavailable(words.PLACE) from None
        return reply["channel"]

    async def _ask(self, method: str, params: dict[str, str], what: str) -> Any:
        """Ask Slack once.

        Raise SlackUnavailable where it does not answer, SlackApiError where it refuses.
        """
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                return await self._client.api_call(method, http_verb="GET", params=params)
        except SlackApiError as error:
            if http_status(error) == 429 or not is_refusal(error):
                raise _unavailable(what) from None
            raise
        except CALL_ERRORS:
            raise _unavailable(what) from None


def _unavailable(what: str) -> SlackUnavailable:
    return SlackUnavailable(words.slack_did_not_tell(what))
