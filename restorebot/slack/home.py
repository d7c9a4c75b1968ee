"""App Home: what runs, what waits for this person, what was; with the card's own buttons."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.errors import RestorebotError
from restorebot.model import Action, State
from restorebot.restores.queries import RestoreQueries, VisibleRestore
from restorebot.slack import cards, lists, request_modal
from restorebot.slack.client import CALL_ERRORS, error_code
from restorebot.slack.mrkdwn import Block, context, date, escape, header, section

RECENT = 10
"""Ended restores on show."""

SHOWN = 30
"""Open restores on show: each takes two of a view's hundred blocks, as each of the recent ones may.
"""

NOTHING = (
    "Nothing that you have a part in runs or waits. Ask for a restore with `/restore` in a channel "
    "that I am in."
)
NOTICE = "restore_notice"

log = structlog.get_logger()


class Home:
    """Draws App Home for whoever opens it, and again after what they do."""

    def __init__(
        self, client: AsyncWebClient, viewer: RestoreQueries, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._viewer = viewer
        self._clock = clock
        self._seen: set[str] = set()

    def mark_opened(self, user: str) -> None:
        """Note that somebody has the tab before them, perhaps since before the bot last started."""
        self._seen.add(user)

    async def show(self, user: str, notice: str = "") -> None:
        """Publish the tab for a person. Never raises; what Slack does not take is logged."""
        self.mark_opened(user)
        try:
            mine, recent = await self._viewer.overview(user, RECENT)
            blocks = home_blocks(mine, recent, self._clock())
        except RestorebotError as error:
            blocks = [header("Restores"), section(escape(str(error), 600))]
        if notice:
            blocks = [section(notice), *blocks]
        try:
            await self._client.views_publish(user_id=user, view={"type": "home", "blocks": blocks})
        except CALL_ERRORS as error:
            log.warning("home_publish_failed", reason=error_code(error))

    async def refresh(self, user: str) -> None:
        """Draw the tab afresh for somebody who has opened it before."""
        if user in self._seen:
            await self.show(user)

    async def tell(self, user: str, trigger_id: str, sentence: str) -> None:
        """Answer a click in the tab, where there is no channel: in a modal, or above the tab when
        it is too late.
        """
        try:
            notice = request_modal.modal([section(sentence)], NOTICE)
            await self._client.views_open(trigger_id=trigger_id, view=notice)
        except CALL_ERRORS:
            await self.show(user, sentence)
            return
        await self.show(user)


def home_blocks(
    mine: Sequence[VisibleRestore], recent: Sequence[VisibleRestore], now: datetime
) -> list[Block]:
    """The tab's blocks: what waits for the person, what runs, what is planned, what waits for
    others, recent.
    """
    blocks, left = [header("Restores")], SHOWN
    for title in GROUPS:
        group = [one for one in mine if _group(one) == title][:left]
        left -= len(group)
        if group:
            blocks += [section(f"*{title}*"), *(block for one in group for block in _open(one))]
    if len(mine) > SHOWN:
        blocks.append(
            context(
                f"{len(mine) - SHOWN} more are open: `/restore status` in their channels shows "
                "them."
            )
        )
    if not mine:
        blocks.append(section(NOTHING))
    if recent:
        blocks += [section("*Recent*"), *(block for one in recent for block in _recent(one))]
    return [*blocks, context(f"As of {date(now)}. Open this tab again to see it afresh.")]


GROUPS = ("Waiting for you", "Running", "Planned", "Waiting for others")


def _group(one: VisibleRestore) -> str:
    if one.actions & {Action.APPROVE, Action.SETTLE}:
        return "Waiting for you"
    if one.restore.state is State.REQUESTED:
        return "Waiting for others"
    return "Planned" if one.restore.is_planned else "Running"


def _open(one: VisibleRestore) -> list[Block]:
    restore = one.restore
    lines = [
        lists.open_line(restore, ""),
        f"in <#{restore.channel}>: {escape(restore.reason, 300)}",
    ]
    return [section("\n".join(lines)), *_buttons(one)]


def _recent(one: VisibleRestore) -> list[Block]:
    return [section(lists.ended_line(one.restore)), *_buttons(one)]


def _buttons(one: VisibleRestore) -> list[Block]:
    row = cards.buttons(one.restore, one.actions)
    return [row | {"block_id": f"home-{one.restore.id}-{one.restore.version}"}] if row else []
