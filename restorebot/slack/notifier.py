"""Delivers the outbox in the order of each story, and refreshes cards that lag behind."""

import asyncio
import contextlib
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.errors import PortalNotConfigured, Signal, StorageError
from restorebot.model import ANNOUNCEMENTS, Post, PostKind, Restore
from restorebot.restores.portals import Portals
from restorebot.slack.blocks import Block
from restorebot.slack.cards import CardContext, card
from restorebot.slack.client import CALL_ERRORS, error_code, http_status, is_refusal, retry_after_of
from restorebot.slack.rates import BACKOFF, Backoff, RateLimit
from restorebot.slack.thread import mark_sent_again, thread_post
from restorebot.storage.store import QueuedPost, Store
from restorebot.times import Clocks

LAST_RESTORES = 3
"""How many of the portal's earlier restores the card compares with."""

CARD_GONE = {
    "message_not_found",
    "cant_update_message",
    "channel_not_found",
    "is_archived",
    "edit_window_closed",
}
"""Slack's words for a card that can never be edited again."""

CHANNEL_CLOSED = {"channel_not_found", "not_in_channel", "is_archived", "restricted_action"}
"""Slack's words for a channel that the bot cannot post into."""

MALFORMED = {
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
}
"""Slack's words for a message that it will never take as it is."""

NEVER_LEFT_OUT = {PostKind.CARD, PostKind.CLOSING, PostKind.BREAK_GLASS}

PLAIN_LENGTH = 1000
"""Characters of a message that was malformed and is sent again in plain words."""

log = structlog.get_logger()


class AnswerLost(Signal):
    """Slack may or may not have taken the message."""


class NotSent(Signal):
    """There was no connection, so Slack has not taken the message."""


class Notifier:
    """Sends and edits.

    ``drain`` is one round, callable with any clock; ``run`` makes rounds until cancelled.
    """

    def __init__(
        self, client: AsyncWebClient, store: Store, portals: Portals, clocks: Clocks
    ) -> None:
        self._client = client
        self._store = store
        self._portals = portals
        self._clocks = clocks
        self._woken = asyncio.Event()
        # chat.update is about 50 a minute for the whole workspace, chat.postMessage one a second
        # per channel with short bursts (slack §2.1).
        self._edits = RateLimit(8, timedelta(seconds=1.5), clocks.steady)
        self._posts: dict[str, RateLimit] = {}
        self._backoff = Backoff(clocks.steady)

    def wake(self) -> None:
        """Look again: something was committed that Slack may have to be told."""
        self._woken.set()

    async def run(self) -> None:
        """Make a round after every commit, and whenever something that was put off is due."""
        while True:
            self._woken.clear()
            wait: timedelta | None = BACKOFF
            try:
                wait = await self.drain()
            except StorageError as error:
                log.warning("outbox_read_failed", why=str(error))
            except Exception:
                # Whatever it is, the other threads have to hear of their restores.
                log.exception("delivery_round_failed")
            await self._sleep(wait)

    async def _sleep(self, wait: timedelta | None) -> None:
        patience: float | None = None
        if wait is not None:
            patience = wait.total_seconds()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._woken.wait()

    async def drain(self) -> timedelta | None:
        """Give Slack all that may be given now.

        Return how long until the rest is due, None when nothing is left.
        """
        waits = [await self._drain_posts(), await self._redraw()]
        return min((wait for wait in waits if wait is not None), default=None)

    async def _drain_posts(self) -> timedelta | None:
        while True:
            async with self._store.reading() as tx:
                heads = await tx.queue_heads()
                rows = {head.restore_id: await tx.restore(head.restore_id) for head in heads}
            waits = []
            sent = False
            for head in heads:
                restore = rows[head.restore_id]
                if restore is None:
                    continue
                wait = self._post_wait(restore, head)
                if wait:
                    waits.append(wait)
                elif await self._guarded(self._deliver(restore, head), restore, _lane(head)):
                    sent = True
                else:
                    waits.append(self._backoff.wait(_lane(head)))
            if not sent:
                return min(waits, default=None)

    async def _guarded(self, work: Awaitable[bool], restore: Restore, lane: str) -> bool:
        """Deliver one message; return whether Slack took it.

        Should our own code fail at it, it is put off, and holds up no other restore's.
        """
        try:
            return await work
        except StorageError:
            raise
        except Exception:
            log.exception("delivery_failed", restore=restore.id, lane=lane)
            self._backoff.failed(lane)
            return False

    def _post_wait(self, restore: Restore, queued: QueuedPost) -> timedelta:
        rate = self._rate_of(queued.channel or restore.channel)
        return max(rate.wait(), self._backoff.wait(_lane(queued)))

    def _rate_of(self, channel: str) -> RateLimit:
        return self._posts.setdefault(
            channel, RateLimit(4, timedelta(seconds=1), self._clocks.steady)
        )

    async def _deliver(self, restore: Restore, queued: QueuedPost) -> bool:
        now = self._clocks.wall()
        text, blocks = await self._render(restore, queued)
        # The attempt is committed first: a process that dies now must know later that Slack may
        # have the message.
        async with self._store.writing() as tx:
            await tx.mark_attempt(queued, now)
        self._rate_of(queued.channel or restore.channel).take()
        try:
            if queued.kind in ANNOUNCEMENTS:
                ts = await self._announce(queued, text, blocks)
            else:
                ts = await self._tell(restore, queued, text, blocks)
        except AnswerLost:
            self._backoff.failed(_lane(queued))
            return False
        except (SlackApiError, NotSent) as error:
            if _is_given_up(queued, error):
                await self._give_up(queued, now)
                return True
            if not queued.attempted:
                # What an earlier try may have left in the channel, this refusal does not undo.
                async with self._store.writing() as tx:
                    await tx.mark_attempt(queued, None)
            self._put_off(error, restore, what="post", lane=_lane(queued))
            return False
        self._backoff.succeeded(_lane(queued))
        await self._note_delivered(restore, queued, ts, now)
        return True

    async def _give_up(self, queued: QueuedPost, now: datetime) -> None:
        log.warning("post_given_up", restore=queued.restore_id, kind=queued.kind)
        self._backoff.succeeded(_lane(queued))
        async with self._store.writing() as tx:
            await tx.mark_done(queued, None, now)

    async def _render(self, restore: Restore, queued: QueuedPost) -> tuple[str, list[Block]]:
        context = await self._card_context(restore)
        if queued.kind is PostKind.CARD:
            text, blocks = card(restore, context)
        else:
            text, blocks = thread_post(
                queued.kind,
                restore,
                facts=queued.facts,
                witness=queued.witness,
                context=context,
            )
        if queued.attempted:
            return mark_sent_again(text, blocks)
        return text, blocks

    async def _note_delivered(
        self, restore: Restore, queued: QueuedPost, ts: str | None, now: datetime
    ) -> None:
        async with self._store.writing() as tx:
            await tx.mark_done(queued, ts, now)
            if ts is None and queued.kind is not PostKind.ANNOUNCE_ENDED:
                facts = {"channel": queued.channel, "kind": queued.kind}
                await tx.enqueue(restore.id, Post(PostKind.ANNOUNCEMENT_FAILED, facts), now)
            if queued.kind is PostKind.CARD:
                await tx.mark_card(restore.id, restore.version, ts, marked=queued.attempted)

    async def _announce(self, queued: QueuedPost, text: str, blocks: list[Block]) -> str | None:
        """Tell another channel; return the message's ts.

        None for a channel that cannot be posted into: it is given up, and the log says so.
        """
        try:
            return await self._post({"channel": queued.channel, "text": text, "blocks": blocks})
        except SlackApiError as error:
            reason = error_code(error)
            if reason not in CHANNEL_CLOSED:
                raise
        log.warning("announcement_refused", channel=queued.channel, kind=queued.kind, reason=reason)
        return None

    async def _tell(
        self, restore: Restore, queued: QueuedPost, text: str, blocks: list[Block]
    ) -> str:
        """Post into the thread, or what is loud into the channel; return the message's ts."""
        message = {"channel": restore.channel, "text": text, "blocks": blocks}
        loud = queued.kind is PostKind.BREAK_GLASS
        if restore.card_ts is None or loud:
            return await self._post(message)
        try:
            return await self._post(message | {"thread_ts": restore.card_ts})
        except SlackApiError as error:
            if error_code(error) != "thread_not_found":
                raise
        # Somebody deleted the card; the story is told in the channel instead.
        return await self._post(message)

    async def _post(self, message: dict[str, Any]) -> str:
        """Post a message, in plain words where Slack finds it malformed; return its ts."""
        message = message | {"unfurl_links": False}
        try:
            reply = await self._call("chat.postMessage", message)
        except SlackApiError as error:
            if error_code(error) not in MALFORMED:
                raise
            log.warning("post_malformed", channel=message["channel"], reason=error_code(error))
            plain = message["text"][:PLAIN_LENGTH]
            reply = await self._call("chat.postMessage", message | {"text": plain, "blocks": []})
        return str(reply["ts"])

    async def _redraw(self) -> timedelta | None:
        async with self._store.reading() as tx:
            stale = await tx.stale_cards()
        waits = []
        for restore in stale:
            lane = _card_lane(restore)
            wait = max(self._edits.wait(), self._backoff.wait(lane))
            if wait:
                waits.append(wait)
            elif not await self._guarded(self._edit(restore), restore, lane):
                waits.append(self._backoff.wait(lane))
        return min(waits, default=None)

    async def _edit(self, restore: Restore) -> bool:
        lane = _card_lane(restore)
        text, blocks = card(restore, await self._card_context(restore))
        if restore.card_marked:
            text, blocks = mark_sent_again(text, blocks)
        message = {"channel": restore.channel, "ts": restore.card_ts, "text": text}
        self._edits.take()
        try:
            await self._call("chat.update", message | {"blocks": blocks})
        except (AnswerLost, NotSent):
            self._backoff.failed(lane)
            return False
        except SlackApiError as error:
            if error_code(error) not in CARD_GONE:
                self._put_off(error, restore, what="edit", lane=lane)
                return False
            log.warning("card_gone", restore=restore.id, reason=error_code(error))
        else:
            self._backoff.succeeded(lane)
        async with self._store.writing() as tx:
            await tx.mark_card(restore.id, restore.version)
        return True

    async def _call(self, method: str, body: dict[str, Any]) -> Any:
        """Call Slack once.

        Raise SlackApiError or NotSent when Slack certainly did not do it, AnswerLost when it may
        have.
        """
        try:
            return await self._client.api_call(method, json=body)
        except SlackApiError as error:
            if is_refusal(error):
                raise
            log.warning("slack_server_error", method=method, reason=error_code(error))
            raise AnswerLost from None
        except aiohttp.ClientConnectorError:
            log.warning("slack_unreachable", method=method)
            raise NotSent from None
        except CALL_ERRORS as error:
            log.warning("slack_response_lost", method=method, error=type(error).__name__)
            raise AnswerLost from None

    async def _card_context(self, restore: Restore) -> CardContext:
        approvers = restore.approvers
        with contextlib.suppress(PortalNotConfigured):
            approvers = tuple(sorted(self._portals.of(restore).policy.approvers))
        if restore.sent_at is None:
            return CardContext(approvers)
        async with self._store.reading() as tx:
            last = await tx.last_completed(restore.portal_url, LAST_RESTORES + 1)
        others = [other for other in last if other.id != restore.id][:LAST_RESTORES]
        spans = [other.took for other in others if other.took is not None]
        return CardContext(approvers, tuple(spans))

    def _put_off(
        self,
        error: SlackApiError | NotSent,
        restore: Restore,
        *,
        what: str,
        lane: str,
    ) -> None:
        if isinstance(error, NotSent):
            self._backoff.failed(lane)
            return
        log.warning(
            "slack_refused", what=what, restore=restore.id, lane=lane, reason=error_code(error)
        )
        if http_status(error) == 429:
            self._backoff.pause(lane, timedelta(seconds=retry_after_of(error)))
        else:
            self._backoff.failed(lane)


def _lane(queued: QueuedPost) -> str:
    """Name what a refusal holds up: the restore's own thread, or one channel that is told of it."""
    if queued.channel is None:
        return queued.restore_id
    return f"{queued.restore_id} {queued.channel}"


def _is_given_up(queued: QueuedPost, error: SlackApiError | NotSent) -> bool:
    """Return whether a post is left out, so that it holds up no later one of its thread.

    The card, the closing post and a break-glass start's loud post are never left out.
    """
    if isinstance(error, NotSent) or queued.kind in NEVER_LEFT_OUT:
        return False
    return error_code(error) in MALFORMED


def _card_lane(restore: Restore) -> str:
    """Name a card's own lane: a post that is put off holds up no edit."""
    return f"{restore.id} card"
