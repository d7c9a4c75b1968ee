"""The one place that reads and writes rows.

``WriteTransaction.advance`` is the only thing that moves a restore.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import (
    ColumnElement,
    Select,
    UnaryExpression,
    column,
    delete,
    func,
    insert,
    inspect,
    select,
    table,
    text,
    true,
    update,
)
from sqlalchemy.engine import RowMapping, make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from restorebot.errors import (
    AlreadyRequested,
    AlreadyVoted,
    DatabaseError,
    PortalBusy,
    StaleRow,
    StorageError,
    TaskTaken,
)
from restorebot.model import (
    ENDED,
    LIVE,
    OPEN,
    WITH_WORK,
    Event,
    Phase,
    Post,
    PostKind,
    Restore,
    Source,
    State,
    Vote,
    may_move,
)
from restorebot.storage import audit, keys, problems, sqlite
from restorebot.storage.schema import REVISION, outbox, restores, task, votes

_REVISION = table("alembic_version", column("version_num"))
_SAME_REVISION = update(_REVISION).values(version_num=_REVISION.c.version_num)

_COLUMNS = [field.name for field in fields(Restore) if field.name != "votes"]


@dataclass(frozen=True, kw_only=True)
class QueuedPost:
    """A post in the outbox.

    ``channel`` is None for the restore's own thread. ``attempted`` is set when it was handed to
    Slack and no answer has been seen.
    """

    id: int
    restore_id: str
    kind: PostKind
    channel: str | None
    facts: Mapping[str, Any]
    witness: str | None
    attempted: bool


class ReadTransaction:
    """Reads inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def restore(self, restore_id: str) -> Restore | None:
        """Return the restore with its votes.

        On a database with row locks, it is held until a writing transaction ends.
        """
        found = await self.find(restores.c.id == restore_id)
        return next(iter(found), None)

    async def restore_by_view(self, view_id: str) -> Restore | None:
        """Return the restore that the modal with this ``view.id`` asked for."""
        found = await self.find(restores.c.view_id == view_id)
        return next(iter(found), None)

    async def open_restores(self, portal_url: str | None = None) -> list[Restore]:
        """Return every restore that can still move, oldest first; of one portal or of all."""
        clause: ColumnElement[bool] = restores.c.state.in_(sorted(OPEN))
        if portal_url is not None:
            clause &= restores.c.portal_url == portal_url
        return await self.find(clause)

    async def holder_of(self, task_id: str) -> Restore | None:
        """Return the live restore that has this task of a portal."""
        live = restores.c.state.in_(sorted(LIVE))
        found = await self.find(live & (restores.c.task_id == task_id))
        return next(iter(found), None)

    async def unfinished(self) -> list[Restore]:
        """Return every restore that the clock has work with: the open and the unverified ones."""
        has_work = restores.c.state.in_(sorted(WITH_WORK)) & restores.c.verified.is_(False)
        return await self.find(has_work)

    async def due(self, now: datetime) -> list[str]:
        """Return the ids of the restores that the clock may have work with at this time."""
        rows = restores.c
        is_due = (
            rows.state.in_(sorted(LIVE))
            | ((rows.state == State.REQUESTED) & (rows.expires_at <= now))
            | ((rows.state == State.APPROVED) & rows.starts_at.is_(None))
            | ((rows.state == State.APPROVED) & (rows.starts_at <= now))
            | ((rows.state == State.COMPLETED) & rows.verified.is_(False))
        )
        return list(await self.connection.scalars(select(rows.id).where(is_due)))

    async def last_completed(self, portal_url: str, count: int) -> list[Restore]:
        """Return the portal's latest completed restores, newest first."""
        clause = (restores.c.portal_url == portal_url) & (restores.c.state == State.COMPLETED)
        return await self.find(clause, restores.c.ended_at.desc(), count)

    async def last_ended(self, portal_urls: AbstractSet[str] | None, count: int) -> list[Restore]:
        """Return the latest restores that have ended, however they did, newest first.

        They are of these portals, or of all.
        """
        clause: ColumnElement[bool] = restores.c.state.in_(sorted(ENDED))
        if portal_urls is not None:
            clause &= restores.c.portal_url.in_(sorted(portal_urls))
        return await self.find(clause, restores.c.ended_at.desc(), count)

    async def is_delivered(self, restore_id: str, kind: PostKind) -> bool:
        """Return whether Slack has taken a post of this kind."""
        mine = (outbox.c.restore_id == restore_id) & (outbox.c.kind == kind)
        clause = mine & outbox.c.sent_ts.is_not(None)
        return (await self.connection.execute(select(func.count()).where(clause))).scalar_one() > 0

    async def stored_key(self, portal_url: str) -> keys.StoredKey | None:
        """Return the API key that was stored for a portal, still encrypted."""
        return await keys.load(self.connection, portal_url)

    async def stale_cards(self) -> list[Restore]:
        """Return the restores whose card shows an older version than the row.

        Ended ones come first, for their news matters most.
        """
        clause = restores.c.card_ts.is_not(None) & (restores.c.card_version < restores.c.version)
        found = await self.find(clause)
        return sorted(found, key=lambda restore: restore.state not in ENDED)

    async def queue_heads(self) -> list[QueuedPost]:
        """Return the oldest waiting post of each thread and each channel.

        Their order is the order of the story.
        """
        lane = outbox.c.restore_id, outbox.c.channel
        oldest = select(func.min(outbox.c.id)).where(outbox.c.done_at.is_(None)).group_by(*lane)
        query = select(outbox).where(outbox.c.id.in_(oldest)).order_by(outbox.c.id)
        return [
            QueuedPost(
                id=row.id,
                restore_id=row.restore_id,
                kind=PostKind(row.kind),
                channel=row.channel,
                facts=row.facts,
                witness=row.witness,
                attempted=row.attempted_at is not None,
            )
            for row in await self.connection.execute(query)
        ]

    async def find(
        self,
        clause: ColumnElement[bool] | None = None,
        order: UnaryExpression[datetime] | None = None,
        count: int | None = None,
    ) -> list[Restore]:
        """Return the restores that the clause selects, or all, with their votes; oldest first."""
        if clause is None:
            clause = true()
        if order is None:
            order = restores.c.requested_at.asc()
        query = self._lock(select(restores).where(clause).order_by(order).limit(count))
        rows = (await self.connection.execute(query)).mappings().all()
        if not rows:
            return []
        ids = [row["id"] for row in rows]
        their_votes = select(votes).where(votes.c.restore_id.in_(ids)).order_by(votes.c.id)
        by_restore: dict[str, list[Vote]] = {restore_id: [] for restore_id in ids}
        for vote in await self.connection.execute(their_votes):
            by_restore[vote.restore_id].append(Vote(vote.user, vote.at))
        return [_to_restore(row, tuple(by_restore[row["id"]])) for row in rows]

    def _lock(self, query: Select[Any]) -> Select[Any]:
        return query


class WriteTransaction(ReadTransaction):
    """Reads and writes inside one transaction; all of it or nothing is committed."""

    async def insert_request(self, restore: Restore, posts: Iterable[Post]) -> None:
        """Insert a new restore with its first audit event and posts.

        Raise AlreadyRequested where its modal asked before.
        """
        row = {name: _to_column(getattr(restore, name)) for name in _COLUMNS}
        try:
            await self.connection.execute(insert(restores).values(row))
        except IntegrityError:
            raise AlreadyRequested from None
        details = {
            "source": restore.source.audit_record(),
            "portal": restore.portal,
            "reason": restore.reason,
        }
        if restore.starts_at:
            details["starts_at"] = restore.starts_at.isoformat()
        entry = audit.Entry(
            at=restore.requested_at,
            restore_id=restore.id,
            actor=restore.requester,
            event=Event.REQUESTED,
            old_state=None,
            new_state=restore.state,
            details=details,
        )
        witness = await audit.append(self.connection, entry)
        await self._enqueue(restore.id, posts, witness, restore.requested_at)

    async def advance(
        self,
        before: Restore,
        after: Restore,
        *,
        at: datetime,
        actor: str,
        event: Event,
        posts: Iterable[Post] = (),
        details: Mapping[str, Any] | None = None,
    ) -> Restore:
        """Move a restore, with its audit event and its posts; return it as moved.

        ``before`` is what the caller read, ``after`` what ``dataclasses.replace`` made of it.
        Raise StaleRow when the row has changed since, PortalBusy when another restore holds the
        portal, TaskTaken when another has the portal's task.
        """
        if not may_move(before.state, after.state):
            raise ValueError(f"no move from {before.state} to {after.state}")
        moved = await self._update(before, after)
        entry = audit.Entry(
            at=at,
            restore_id=before.id,
            actor=actor,
            event=event,
            old_state=before.state,
            new_state=after.state,
            details=details or {},
        )
        await self._enqueue(before.id, posts, await audit.append(self.connection, entry), at)
        return moved

    async def update_unaudited(self, before: Restore, after: Restore) -> Restore:
        """Write down what was seen without moving the restore: no audit event, no post.

        Raise StaleRow.
        """
        if after.state is not before.state:
            raise ValueError(f"a move from {before.state} to {after.state} needs its audit event")
        return await self._update(before, after)

    async def add_vote(self, restore: Restore, user: str, at: datetime) -> Restore:
        """Add one person's yes; return the restore with it.

        Raise StaleRow, AlreadyVoted.
        """
        # The version is bumped before the votes are counted, so that two voters cannot both miss
        # the quorum.
        bumped = await self._update(restore, restore)
        vote = {"restore_id": restore.id, "user": user, "at": at}
        try:
            await self.connection.execute(insert(votes).values(vote))
        except IntegrityError:
            raise AlreadyVoted from None
        return replace(bumped, votes=(*restore.votes, Vote(user, at)))

    async def revoke_vote(self, restore: Restore, user: str) -> Restore:
        """Take one person's yes back, before the caller moves the row.

        Return the restore without it.
        """
        mine = (votes.c.restore_id == restore.id) & (votes.c.user == user)
        await self.connection.execute(delete(votes).where(mine))
        kept = tuple(vote for vote in restore.votes if vote.user != user)
        return replace(restore, votes=kept)

    async def mark_attempt(self, post: QueuedPost, at: datetime | None) -> None:
        """Note that a post is about to be handed to Slack.

        With None, note that Slack certainly did not take it.
        """
        row = update(outbox).where(outbox.c.id == post.id)
        await self.connection.execute(row.values(attempted_at=at))

    async def enqueue(self, restore_id: str, post: Post, at: datetime) -> None:
        """Queue a post that goes with no change of the restore."""
        await self._enqueue(restore_id, [post], None, at)

    async def mark_done(self, post: QueuedPost, ts: str | None, at: datetime) -> None:
        """Note that Slack has taken a post, as message ``ts``; with None, that it is given up."""
        row = update(outbox).where(outbox.c.id == post.id)
        await self.connection.execute(row.values(sent_ts=ts, done_at=at))

    async def mark_card(
        self, restore_id: str, version: int, ts: str | None = None, *, marked: bool = False
    ) -> None:
        """Note which version of the row the card shows.

        With ``ts``, also where a new card is, and whether it is ``marked`` as perhaps a second
        one. This is no change of the restore.
        """
        values: dict[str, int | str | bool] = {"card_version": version}
        if ts is not None:
            values |= {"card_ts": ts, "card_marked": marked}
        row = update(restores).where(restores.c.id == restore_id)
        await self.connection.execute(row.values(values))

    async def _update(self, before: Restore, after: Restore) -> Restore:
        same = (
            (restores.c.id == before.id)
            & (restores.c.version == before.version)
            & (restores.c.state == before.state)
        )
        after = replace(after, version=before.version + 1)
        if after.id != before.id or after.votes != before.votes:
            raise ValueError("an id never changes, and a vote has a row of its own")
        changes = {
            name: _to_column(getattr(after, name))
            for name in _COLUMNS
            if getattr(after, name) != getattr(before, name)
        }
        try:
            done = await self.connection.execute(update(restores).where(same).values(changes))
        except IntegrityError as error:
            # Both databases name what is unique in it.
            if restores.c.task_id.name in str(error.orig) or str(task.name) in str(error.orig):
                raise TaskTaken from None
            raise PortalBusy from None
        if done.rowcount != 1:
            raise StaleRow
        return after

    async def _enqueue(
        self, restore_id: str, posts: Iterable[Post], witness: str | None, at: datetime
    ) -> None:
        for post in posts:
            row = {
                "restore_id": restore_id,
                "kind": post.kind,
                "channel": post.channel,
                "facts": dict(post.facts),
                "witness": witness,
                "created_at": at,
            }
            await self.connection.execute(insert(outbox).values(row))

    def _lock(self, query: Select[Any]) -> Select[Any]:
        return query.with_for_update()


class Store:
    """The database. ``changed`` is called after each commit that wrote something."""

    def __init__(self, engine: AsyncEngine, lock: TextIO | None) -> None:
        self.engine = engine
        self._lock = lock
        self._writer = engine.execution_options(writing=True)
        self.changed: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadTransaction]:
        """Open a transaction that only reads. Raise StorageError."""
        with _as_database_error("read"):
            async with self.engine.begin() as connection:
                yield ReadTransaction(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteTransaction]:
        """Open a transaction that may write and is committed at the end.

        Raise StorageError; then nothing was written.
        """
        with _as_database_error("written"):
            async with self._writer.begin() as connection:
                yield WriteTransaction(connection)
        self.changed()

    async def try_writing(self) -> None:
        """Commit a write that changes nothing. Raise StorageError where none can be committed."""
        with _as_database_error("written"):
            async with self._writer.begin() as connection:
                await connection.execute(_SAME_REVISION)

    async def close(self) -> None:
        """Close all connections and let go of the file."""
        await self.engine.dispose()
        if self._lock:
            self._lock.close()


async def open_store(url: str) -> Store:
    """Open the database and bring its tables to this program's revision.

    Raise DatabaseError: not readable or writable, held by another process, or made by a newer
    restorebot.
    """
    lock = await sqlite.lock_file(url)
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":
        sqlite.configure(engine.sync_engine)
    store = Store(engine, lock)
    try:
        with _as_database_error("opened"):
            async with engine.execution_options(writing=True).begin() as connection:
                await _migrate(connection)
    except BaseException:
        await store.close()
        raise
    return store


@asynccontextmanager
async def open_read_only(url: str) -> AsyncIterator[AsyncConnection]:
    """Open the database as it is, beside a bot that may be running on it; for the command line.

    Raise DatabaseError.
    """
    file = make_url(url).database
    if file is None or not await asyncio.to_thread(Path(file).exists):
        raise DatabaseError(problems.missing(file))
    engine = create_async_engine(url)
    sqlite.configure(engine.sync_engine, sqlite.READ_ONLY_PRAGMAS)
    try:
        with _as_database_error("read"):
            async with engine.begin() as connection:
                await _refuse_other_tables(connection, file)
                yield connection
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_for_writing(url: str) -> AsyncIterator[AsyncConnection]:
    """Open a transaction on the database, beside a bot that may be running on it.

    The database is made if there is none. Raise DatabaseError.
    """
    if not await _is_current(url):
        await (await open_store(url)).close()
    engine = create_async_engine(url)
    sqlite.configure(engine.sync_engine)
    try:
        with _as_database_error("written"):
            async with engine.execution_options(writing=True).begin() as connection:
                yield connection
    finally:
        await engine.dispose()


async def _is_current(url: str) -> bool:
    try:
        async with open_read_only(url):
            return True
    except StorageError:
        return False


async def _refuse_other_tables(connection: AsyncConnection, file: str) -> None:
    revision = await _revision(connection)
    if revision is None:
        raise DatabaseError(problems.foreign(file))
    if revision > REVISION:
        raise DatabaseError(problems.newer(file))


async def _revision(connection: AsyncConnection) -> str | None:
    known = await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version"))
    if not known:
        return None
    return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()


async def _migrate(connection: AsyncConnection) -> None:
    revision = await _revision(connection)
    if revision != REVISION:
        # Alembic costs a quarter of a second to import, and nearly every start needs none of it.
        from restorebot.storage import migrate  # noqa: PLC0415

        await connection.run_sync(migrate.upgrade, revision)


@contextmanager
def _as_database_error(verb: str) -> Iterator[None]:
    """Turn the driver's errors into one sentence, without the statement and its parameters."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or type(error).__name__)
        raise DatabaseError(problems.cannot(verb, cause)) from None


def _to_column(value: Any) -> Any:
    if isinstance(value, Source):
        return value.to_json()
    if isinstance(value, tuple):
        return list(value)
    return value


def _to_restore(row: RowMapping, their_votes: tuple[Vote, ...]) -> Restore:
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    values["state"] = State(values["state"])
    if values["phase"] is not None:
        values["phase"] = Phase(values["phase"])
    values["source"] = Source.from_json(values["source"])
    values["approvers"] = tuple(values["approvers"])
    values["announce"] = tuple(values["announce"])
    return Restore(**values, votes=their_votes)
