"""App Home: what runs, what waits for this person, what was; with the card's own buttons."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.errors import RestorebotError
from restorebot.model import Action, State
from restorebot.restores.queries import RestoreQueries, VisibleRestore
from restorebot.slack import cards
from restorebot.slack.blocks import Block, context_block, header, modal, section
from restorebot.slack.client import CALL_ERRORS, error_code
from restorebot.slack.mrkdwn import escape
from restorebot.slack.phrases import home as words
from restorebot.slack.phrases import request
from restorebot.slack.phrases.lists import ended_line, open_line

RECENT = 10
"""Ended restores on show."""

SHOWN = 30
"""Open restores on show.

Each takes two of a view's hundred blocks, as each of the recent ones may.
"""

NOTICE = "restore_notice"
HOME_ERROR_SHOWN = 600

GROUPS = (
    words.WAITING_FOR_YOU,
    words.RUNNING,
    words.PLANNED,
    words.WAITING_FOR_OTHERS,
)

log = structlog.get_logger()


class Home:
    """Draws App Home for whoever opens it, and again after what they do."""

    def __init__(
        self, client: AsyncWebClient, queries: RestoreQueries, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._queries = queries
        self._clock = clock
        self._opened_by: set[str] = set()

    def mark_opened(self, user: str) -> None:
        """Note that somebody has opened the tab, perhaps before the last start."""
        self._opened_by.add(user)

    async def show(self, user: str, notice: str | None = None) -> None:
        """Publish the tab for a person. Never raise; what Slack does not take is logged."""
        self.mark_opened(user)
        try:
            running, recent = await self._queries.overview(user, RECENT)
            blocks = home_blocks(running, recent, self._clock())
        except RestorebotError as error:
            blocks = [header(words.TITLE), section(escape(str(error), HOME_ERROR_SHOWN))]
        if notice:
            blocks.insert(0, section(notice))
        try:
            await self._client.views_publish(user_id=user, view={"type": "home", "blocks": blocks})
        except CALL_ERRORS as error:
            log.warning("home_publish_failed", reason=error_code(error))

    async def refresh(self, user: str) -> None:
        """Draw the tab afresh for somebody who has opened it before."""
        if user in self._opened_by:
            await self.show(user)

    async def notify(self, user: str, trigger_id: str, sentence: str) -> None:
        """Answer a click in the tab, where there is no channel.

        The answer is in a modal, or above the tab when it is too late for one.
        """
        notice = modal(
            [section(sentence)], callback_id=NOTICE, title=request.TITLE, close=request.CLOSE
        )
        try:
            await self._client.views_open(trigger_id=trigger_id, view=notice)
        except CALL_ERRORS:
            await self.show(user, sentence)
            return
        await self.show(user)


def home_blocks(
    running: Sequence[VisibleRestore], recent: Sequence[VisibleRestore], now: datetime
) -> list[Block]:
    """Return the tab's blocks: the open restores by group, and the recent ones."""
    blocks = [header(words.TITLE)]
    room = SHOWN
    for title in GROUPS:
        members = [visible for visible in running if _group(visible) == title][:room]
        room -= len(members)
        if members:
            blocks.append(section(words.group(title)))
        for visible in members:
            blocks += _open(visible)
    if len(running) > SHOWN:
        blocks.append(context_block(words.more_open(len(running) - SHOWN)))
    if not running:
        blocks.append(section(words.NOTHING_FOR_YOU))
    if recent:
        blocks.append(section(words.group(words.RECENT)))
    for visible in recent:
        blocks += _recent(visible)
    blocks.append(context_block(words.as_of(now)))
    return blocks


def _group(visible: VisibleRestore) -> str:
    if visible.actions & {Action.APPROVE, Action.SETTLE}:
        return words.WAITING_FOR_YOU
    if visible.restore.state is State.REQUESTED:
        return words.WAITING_FOR_OTHERS
    if visible.restore.is_planned:
        return words.PLANNED
    return words.RUNNING


def _open(visible: VisibleRestore) -> list[Block]:
    restore = visible.restore
    lines = [open_line(restore, None), words.channel_and_reason(restore)]
    return [section("\n".join(lines)), *_buttons(visible)]


def _recent(visible: VisibleRestore) -> list[Block]:
    return [section(ended_line(visible.restore)), *_buttons(visible)]


def _buttons(visible: VisibleRestore) -> list[Block]:
    restore = visible.restore
    row = cards.buttons(restore, visible.actions)
    if row is None:
        return []
    return [row | {"block_id": f"home-{restore.id}-{restore.version}"}]
