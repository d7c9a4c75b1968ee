"""Gives Slack what it is owed: the outbox in the order of each story, and cards that lag behind
their rows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.errors import PortalNotConfigured, StorageError
from restorebot.model import ANNOUNCEMENTS, Post, PostKind, Restore
from restorebot.restores.portals import Portals
from restorebot.slack.cards import CardContext, card
from restorebot.slack.client import CALL_ERRORS, error_code, http_status, retry_after_of
from restorebot.slack.thread import mark_sent_again, thread_post
from restorebot.storage.store import QueuedPost, Store

LAST_RESTORES = 3
"""How many of the portal's earlier restores the card compares with."""

BACKOFF = timedelta(seconds=2)
LONGEST_BACKOFF = timedelta(minutes=5)

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

NOT_POSTED = "-"
"""Stands for the ts of an announcement that no channel took."""

log = structlog.get_logger()


class RateLimit:
    """A rate: ``size`` at once, then one per ``interval``."""

    def __init__(self, size: int, interval: timedelta) -> None:
        self._size = size
        self._interval = interval
        self._full_at: datetime | None = None

    def wait(self, now: datetime) -> timedelta:
        """How long until one may be taken."""
        if self._full_at is None:
            return timedelta()
        return max(timedelta(), self._full_at - now - (self._size - 1) * self._interval)

    def take(self, now: datetime) -> None:
        self._full_at = max(now, self._full_at or now) + self._interval


class AnswerLost(Exception):
    """Slack may or may not have taken the message."""


class NotSent(Exception):
    """There was no connection, so Slack has not taken the message."""


class Notifier:
    """Sends and edits.

    ``drain`` is one round, callable with any clock; ``run`` makes rounds until cancelled.
    """

    def __init__(
        self, client: AsyncWebClient, store: Store, portals: Portals, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._store = store
        self._portals = portals
        self._clock = clock
        self._woken = asyncio.Event()
        # chat.update is about 50 a minute for the whole workspace, chat.postMessage one a second
        # per channel with
        # short bursts (slack §2.1).
        self._edits = RateLimit(8, timedelta(seconds=1.5))
        self._posts: dict[str, RateLimit] = {}
        self._not_before: dict[str, datetime] = {}
        self._failures: dict[str, int] = {}

    def wake(self) -> None:
        """Something was committed that Slack may have to be told."""
        self._woken.set()

    async def run(self) -> None:
        """Make a round after every commit, and whenever something that was put off is due."""
        while True:
            self._woken.clear()
            try:
                due = await self.drain(self._clock())
            except StorageError as error:
                log.warning("outbox_read_failed", why=str(error))
                due = self._clock() + BACKOFF
            except Exception:
                # Whatever it is, the other threads have to hear of their restores.
                log.exception("delivery_round_failed")
                due = self._clock() + BACKOFF
            try:
                async with asyncio.timeout(
                    None if due is None else max(0.0, (due - self._clock()).total_seconds())
                ):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def drain(self, now: datetime) -> datetime | None:
        """One round: give Slack all that may be given now.

        Returns when the rest is due, None when nothing is left.
        """
        due = [await self._drain_posts(now), await self._redraw(now)]
        return min((moment for moment in due if moment), default=None)

    async def _drain_posts(self, now: datetime) -> datetime | None:
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
                wait = self._post_wait(restore, head, now)
                if wait:
                    waits.append(now + wait)
                elif await self._guarded(self._post(restore, head, now), _lane(head), now):
                    sent = True
                else:
                    waits.append(self._not_before.get(_lane(head), now))
            if not sent:
                return min(waits, default=None)

    async def _guarded(self, work: Awaitable[bool], lane: str, now: datetime) -> bool:
        """One message; should our own code fail at it, it is put off, and holds up no other
        restore's.
        """
        try:
            return await work
        except StorageError:
            raise
        except Exception:
            log.exception("delivery_failed", restore=lane)
            self._back_off(lane, now)
            return False

    def _post_wait(self, restore: Restore, queued: QueuedPost, now: datetime) -> timedelta:
        bucket = self._posts.setdefault(
            queued.channel or restore.channel, RateLimit(4, timedelta(seconds=1))
        )
        return max(bucket.wait(now), self._backoff_left(_lane(queued), now))

    async def _post(self, restore: Restore, queued: QueuedPost, now: datetime) -> bool:
        card_context = await self._card_context(restore)
        if queued.kind is PostKind.CARD:
            text, blocks = card(restore, card_context)
        else:
            text, blocks = thread_post(
                queued.kind, restore, queued.facts, queued.witness, card_context
            )
        if queued.attempted:
            text, blocks = mark_sent_again(text, blocks)
        # The attempt is committed first: a process that dies now must know later that Slack may
        # have the message.
        async with self._store.writing() as tx:
            await tx.mark_attempt(queued, now)
        self._posts[queued.channel or restore.channel].take(now)
        try:
            if queued.kind in ANNOUNCEMENTS:
                ts = await self._announce(queued, text, blocks)
            else:
                ts = await self._post_message(
                    restore, text, blocks, loud=queued.kind is PostKind.BREAK_GLASS
                )
        except AnswerLost:
            self._back_off(_lane(queued), now)
            return False
        except (SlackApiError, NotSent) as error:
            async with self._store.writing() as tx:
                await tx.mark_attempt(queued, None)
            self._refused("post", _lane(queued), error, now)
            return False
        self._succeeded(_lane(queued))
        async with self._store.writing() as tx:
            await tx.mark_sent(queued, ts)
            if ts == NOT_POSTED and queued.kind is not PostKind.ANNOUNCE_ENDED:
                await tx.enqueue(
                    restore.id,
                    Post(
                        PostKind.ANNOUNCEMENT_FAILED,
                        {"channel": queued.channel, "kind": queued.kind},
                    ),
                    now,
                )
            if queued.kind is PostKind.CARD:
                await tx.mark_card(restore.id, restore.version, ts)
        return True

    async def _announce(self, queued: QueuedPost, text: str, blocks: list[dict[str, Any]]) -> str:
        """Tell another channel; one that cannot be posted into is given up, and the log says so."""
        message = {"channel": queued.channel, "text": text, "blocks": blocks, "unfurl_links": False}
        try:
            return str((await self._call("chat.postMessage", message))["ts"])
        except SlackApiError as error:
            reason = error.response.get("error")
            if reason not in CHANNEL_CLOSED:
                raise
        log.warning("announcement_refused", channel=queued.channel, kind=queued.kind, reason=reason)
        return NOT_POSTED

    async def _post_message(
        self, restore: Restore, text: str, blocks: list[dict[str, Any]], *, loud: bool
    ) -> str:
        """Post into the thread, or what is loud into the channel; returns the message's ts."""
        message = {
            "channel": restore.channel,
            "text": text,
            "blocks": blocks,
            "unfurl_links": False,
        }
        try:
            return str(
                (
                    await self._call(
                        "chat.postMessage", message | ({} if loud else _thread(restore))
                    )
                )["ts"]
            )
        except SlackApiError as error:
            if error.response.get("error") != "thread_not_found":
                raise
        # Somebody deleted the card; the story is told in the channel instead.
        return str((await self._call("chat.postMessage", message))["ts"])

    async def _redraw(self, now: datetime) -> datetime | None:
        async with self._store.reading() as tx:
            stale = await tx.stale_cards()
        due = []
        for restore in stale:
            wait = max(self._edits.wait(now), self._backoff_left(_card_lane(restore), now))
            if wait or not await self._guarded(self._edit(restore, now), _card_lane(restore), now):
                due.append(now + (wait or self._backoff_left(_card_lane(restore), now)))
        return min(due, default=None)

    async def _edit(self, restore: Restore, now: datetime) -> bool:
        text, blocks = card(restore, await self._card_context(restore))
        self._edits.take(now)
        try:
            message = {
                "channel": restore.channel,
                "ts": restore.card_ts,
                "text": text,
                "blocks": blocks,
            }
            await self._call("chat.update", message)
        except (AnswerLost, NotSent):
            self._back_off(_card_lane(restore), now)
            return False
        except SlackApiError as error:
            if error.response.get("error") not in CARD_GONE:
                self._refused("edit", _card_lane(restore), error, now)
                return False
            log.warning("card_gone", restore=restore.id, reason=error.response.get("error"))
        else:
            self._succeeded(_card_lane(restore))
        async with self._store.writing() as tx:
            await tx.mark_card(restore.id, restore.version)
        return True

    async def _call(self, method: str, body: dict[str, Any]) -> Any:
        """Raises SlackApiError or Unsent when Slack certainly did not do it, Lost when it may
        have.
        """
        try:
            return await self._client.api_call(method, json=body)
        except SlackApiError as error:
            status = http_status(error)
            if status is None or status >= 500:
                log.warning("slack_server_error", method=method, status=status)
                raise AnswerLost from None
            raise
        except aiohttp.ClientConnectorError:
            log.warning("slack_unreachable", method=method)
            raise NotSent from None
        except CALL_ERRORS as error:
            log.warning("slack_response_lost", method=method, error=type(error).__name__)
            raise AnswerLost from None

    async def _card_context(self, restore: Restore) -> CardContext:
        try:
            approvers = tuple(sorted(self._portals.of(restore).policy.approvers))
        except PortalNotConfigured:
            approvers = ()
        if restore.posted_at is None:
            return CardContext(approvers)
        async with self._store.reading() as tx:
            last = await tx.last_completed(restore.portal_url, LAST_RESTORES + 1)
        others = [one for one in last if one.id != restore.id][:LAST_RESTORES]
        spans = tuple(
            one.ended_at - one.posted_at for one in others if one.ended_at and one.posted_at
        )
        return CardContext(approvers, spans)

    def _refused(self, what: str, lane: str, error: SlackApiError | NotSent, now: datetime) -> None:
        if isinstance(error, NotSent):
            self._back_off(lane, now)
            return
        log.warning("slack_refused", what=what, restore=lane, reason=error_code(error))
        if http_status(error) == 429:
            self._not_before[lane] = now + timedelta(seconds=retry_after_of(error))
        else:
            self._back_off(lane, now)

    def _back_off(self, lane: str, now: datetime) -> None:
        failures = self._failures.get(lane, 0)
        self._failures[lane] = failures + 1
        self._not_before[lane] = now + min(LONGEST_BACKOFF, BACKOFF * 2 ** min(failures, 10))

    def _backoff_left(self, lane: str, now: datetime) -> timedelta:
        return max(timedelta(), self._not_before.get(lane, now) - now)

    def _succeeded(self, lane: str) -> None:
        self._failures.pop(lane, None)
        self._not_before.pop(lane, None)


def _lane(queued: QueuedPost) -> str:
    """What a refusal holds up: the restore's own thread, or one channel that is told of it."""
    return f"{queued.restore_id} {queued.channel}".strip()


def _card_lane(restore: Restore) -> str:
    """A card's own: a post that is put off holds up no edit."""
    return f"{restore.id} card"


def _thread(restore: Restore) -> dict[str, str]:
    return {"thread_ts": restore.card_ts} if restore.card_ts else {}
