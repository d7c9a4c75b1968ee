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
from restorebot.slack.client import CALL_ERRORS, http_status

CALL_TIMEOUT = 2.0
"""Seconds for one question: a command's trigger lives three."""

SHARED_SECONDS = 2.0
"""Seconds from its beginning during which a question that Slack has not answered yet may serve a
second click.
"""

TASK_NOT_VISIBLE = {"channel_not_found", "missing_scope", "method_not_supported_for_channel_type"}
"""Slack's words for a conversation that the bot is not in: a private channel, or a direct message
between others.
"""

IN_PRIVATE = (
    "Restores are asked for in a channel, where others see them. Use a channel that I am in."
)
NOT_A_MEMBER = (
    "I am not a member of this channel. Type `/invite @restorebot` here, or use a channel that I "
    "am in."
)

WHO, GROUP, PLACE = "who somebody is", "who is in a usergroup", "about this channel"
"""What Slack was asked, for the sentence that says that it did not answer."""

log = structlog.get_logger()


class SlackDirectory:
    """Looks people and usergroups up; a ``Directory`` for the policy.

    ``team`` is the bot's own workspace.
    """

    def __init__(self, client: AsyncWebClient, team: str) -> None:
        self._client = client
        self._team = team
        self._flying: dict[str, tuple[float, asyncio.Task[Any]]] = {}

    async def person(self, user: str) -> Person:
        """Raises SlackUnavailable."""
        found: Person = await self._shared(user, lambda: self._person(user))
        return found

    async def _shared(self, name: str, ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """An answer that is on its way already and at most ``SHARED_SECONDS`` old, or else one
        asked for now.

        An answer that has arrived is never used again: who left a group since must not count.
        """
        now = asyncio.get_running_loop().time()
        begun, task = self._flying.get(name, (0.0, None))
        if task is None or task.done() or now - begun > SHARED_SECONDS:
            task = asyncio.create_task(ask())
            self._flying[name] = (now, task)
            task.add_done_callback(lambda done: self._landed(name, done))
        # One whose caller gives up goes on for the others.
        return await asyncio.shield(task)

    def _landed(self, name: str, task: asyncio.Task[Any]) -> None:
        if name in self._flying and self._flying[name][1] is task:
            del self._flying[name]
        if not task.cancelled():
            # Or asyncio complains of an error that nobody was left to hear.
            task.exception()

    async def _person(self, user: str) -> Person:
        try:
            found = (await _ask(self._client, "users.info", {"user": user}, WHO))["user"]
        except SlackApiError as error:
            if error.response.get("error") in {"user_not_found", "user_not_visible"}:
                return Person(id=user, is_external=True)
            raise _unavailable(WHO) from None
        return Person(
            id=user,
            is_bot=bool(found.get("is_bot")),
            is_guest=bool(found.get("is_restricted") or found.get("is_ultra_restricted")),
            is_deactivated=bool(found.get("deleted")),
            is_external=bool(found.get("is_stranger"))
            or found.get("team_id", self._team) != self._team,
        )

    async def groups_of(self, user: str, groups: AbstractSet[str]) -> frozenset[str]:
        """Raises SlackUnavailable. A usergroup that is gone or disabled has no members."""
        members = await asyncio.gather(
            *(self._shared(group, partial(self._members, group)) for group in groups)
        )
        return frozenset(
            group for group, users in zip(groups, members, strict=True) if user in users
        )

    async def _members(self, group: str) -> list[str]:
        try:
            return list(
                (await _ask(self._client, "usergroups.users.list", {"usergroup": group}, GROUP))[
                    "users"
                ]
            )
        except SlackApiError as error:
            if error.response.get("error") in {"no_such_subteam", "subteam_not_found"}:
                log.warning("usergroup_gone", usergroup=group)
                return []
            raise _unavailable(GROUP) from None

    async def check_channel(self, channel: str) -> None:
        """Raises Refused when the bot cannot or must not post there, SlackUnavailable when that
        cannot be told.
        """
        # Without the scope to see them, Slack says no more of direct messages than that they are
        # none of ours.
        if channel.startswith("D"):
            raise Refused(IN_PRIVATE)
        found = await self._shared(channel, lambda: self._channel(channel))
        if found is None:
            raise Refused(NOT_A_MEMBER)
        if found.get("is_im") or found.get("is_mpim"):
            raise Refused(IN_PRIVATE)
        if found.get("is_ext_shared") or found.get("is_pending_ext_shared"):
            raise Refused(
                "This channel is shared with another organisation, so no restore is asked for "
                "here. "
                "Use a channel of your own."
            )
        if found.get("is_archived"):
            raise Refused("This channel is archived. Use another one that I am in.")
        if not found.get("is_member"):
            raise Refused(NOT_A_MEMBER)

    async def _channel(self, channel: str) -> Any:
        try:
            return (await _ask(self._client, "conversations.info", {"channel": channel}, PLACE))[
                "channel"
            ]
        except SlackApiError as error:
            if error.response.get("error") in TASK_NOT_VISIBLE:
                return None
            raise _unavailable(PLACE) from None


async def _ask(client: AsyncWebClient, method: str, params: dict[str, str], what: str) -> Any:
    try:
        async with asyncio.timeout(CALL_TIMEOUT):
            return await client.api_call(method, http_verb="GET", params=params)
    except SlackApiError as error:
        if http_status(error) in {None, 429}:
            raise _unavailable(what) from None
        raise
    except CALL_ERRORS:
        raise _unavailable(what) from None


def _unavailable(what: str) -> SlackUnavailable:
    return SlackUnavailable(
        f"Slack did not tell {what}, so nothing was done. Try again in a moment."
    )
