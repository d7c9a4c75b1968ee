"""The one place that reads and writes rows.

``Writing.advance`` is the only thing that moves a restore.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import delete, func, insert, inspect, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from restorebot.errors import (
    AlreadyRequested,
    AlreadyVoted,
    DatabaseError,
    PortalBusy,
    StaleRow,
    StorageError,
)
from restorebot.model import (
    ENDED,
    OPEN,
    Phase,
    Post,
    PostKind,
    Restore,
    Source,
    State,
    Vote,
    may_move,
)
from restorebot.storage import audit, keys, sqlite
from restorebot.storage.schema import REVISION, outbox, restores, votes

_NOT_COLUMNS = {"votes"}


@dataclass(frozen=True)
class QueuedPost:
    """A post in the outbox.

    ``attempted`` is set when it was handed to Slack and no answer has been seen.
    """

    id: int
    restore_id: str
    kind: PostKind
    channel: str
    facts: Mapping[str, Any]
    witness: str
    attempted: bool


class ReadTransaction:
    """Reads inside one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def restore(self, restore_id: str) -> Restore | None:
        """The restore with its votes; on a database with row locks, held until a writing
        transaction ends.
        """
        found = await self._restores(restores.c.id == restore_id)
        return found[0] if found else None

    async def restore_by_view(self, view_id: str) -> Restore | None:
        """The restore that the modal with this ``view.id`` asked for."""
        found = await self._restores(restores.c.view_id == view_id)
        return found[0] if found else None

    async def open_restores(self, portal_url: str | None = None) -> list[Restore]:
        """Every restore that can still move, oldest first; of one portal or of all."""
        clause = restores.c.state.in_(sorted(OPEN))
        return await self._restores(
            clause if portal_url is None else clause & (restores.c.portal_url == portal_url)
        )

    async def unfinished(self) -> list[Restore]:
        """Every restore that the clock has work with: the open ones, and the completed not yet
        looked at afterwards.
        """
        skip_verification = (restores.c.state == State.COMPLETED) & restores.c.verified.is_(False)
        return await self._restores(restores.c.state.in_(sorted(OPEN)) | skip_verification)

    async def last_completed(self, portal_url: str, count: int) -> list[Restore]:
        """The portal's latest completed restores, newest first."""
        clause = (restores.c.portal_url == portal_url) & (restores.c.state == State.COMPLETED)
        return await self._restores(clause, restores.c.ended_at.desc(), count)

    async def last_ended(self, portal_urls: AbstractSet[str] | None, count: int) -> list[Restore]:
        """The latest restores that have ended, however they did, newest first; of these portals, or
        of all.
        """
        clause: Any = restores.c.state.in_(sorted(ENDED))
        if portal_urls is not None:
            clause &= restores.c.portal_url.in_(sorted(portal_urls))
        return await self._restores(clause, restores.c.ended_at.desc(), count)

    async def is_delivered(self, restore_id: str, kind: PostKind) -> bool:
        """Whether Slack has taken a post of this kind."""
        clause = (
            (outbox.c.restore_id == restore_id)
            & (outbox.c.kind == kind)
            & outbox.c.sent_ts.is_not(None)
        )
        return (await self._conn.execute(select(func.count()).where(clause))).scalar_one() > 0

    async def stored_key(self, portal_url: str) -> keys.StoredKey | None:
        """The API key that was stored for a portal, still encrypted."""
        return await keys.load(self._conn, portal_url)

    async def stale_cards(self) -> list[Restore]:
        """Restores whose card shows an older version than the row; ended ones first, for their news
        matters most.
        """
        clause = restores.c.card_ts.is_not(None) & (restores.c.card_version < restores.c.version)
        found = await self._restores(clause)
        return sorted(found, key=lambda restore: restore.state not in ENDED)

    async def queue_heads(self) -> list[QueuedPost]:
        """The oldest unsent post of each thread and each channel: their order is the order of the
        story.
        """
        lane = outbox.c.restore_id, outbox.c.channel
        oldest = select(func.min(outbox.c.id)).where(outbox.c.sent_ts.is_(None)).group_by(*lane)
        rows = await self._conn.execute(
            select(outbox).where(outbox.c.id.in_(oldest)).order_by(outbox.c.id)
        )
        return [
            QueuedPost(
                row.id,
                row.restore_id,
                PostKind(row.kind),
                row.channel,
                row.facts,
                row.witness,
                bool(row.attempted_at),
            )
            for row in rows
        ]

    async def _restores(
        self, clause: Any, order: Any = restores.c.requested_at, count: int | None = None
    ) -> list[Restore]:
        query = self._lock(select(restores).where(clause).order_by(order).limit(count))
        rows = (await self._conn.execute(query)).mappings().all()
        if not rows:
            return []
        cast = (
            select(votes)
            .where(votes.c.restore_id.in_([row["id"] for row in rows]))
            .order_by(votes.c.id)
        )
        by_restore: dict[str, list[Vote]] = {row["id"]: [] for row in rows}
        for vote in await self._conn.execute(cast):
            by_restore[vote.restore_id].append(Vote(vote.user, vote.at))
        return [_restore(row, tuple(by_restore[row["id"]])) for row in rows]

    def _lock(self, query: Any) -> Any:
        return query


class WriteTransaction(ReadTransaction):
    """Reads and writes inside one transaction; all of it or nothing is committed."""

    async def insert_request(self, restore: Restore, posts: Iterable[Post]) -> None:
        """Insert a new restore with its first audit event and posts.

        Raises Conflict when its modal asked before.
        """
        row = asdict(restore) | {"source": restore.source.to_json()}
        try:
            await self._conn.execute(
                insert(restores).values({k: v for k, v in row.items() if k not in _NOT_COLUMNS})
            )
        except IntegrityError:
            raise AlreadyRequested from None
        entry = audit.Entry(
            restore.requested_at,
            restore.id,
            restore.requester,
            "requested",
            None,
            restore.state,
            {
                "source": restore.source.audit_record(),
                "portal": restore.portal,
                "reason": restore.reason,
                **({"starts_at": restore.starts_at.isoformat()} if restore.starts_at else {}),
            },
        )
        await self._post(
            restore.id, posts, await audit.append(self._conn, entry), restore.requested_at
        )

    async def advance(
        self,
        restore: Restore,
        to: State,
        *,
        at: datetime,
        actor: str,
        event: str,
        posts: Iterable[Post] = (),
        details: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Restore:
        """Move a restore, with its audit event and its posts, if it is still what the caller read;
        returns it as moved.

        Raises Conflict when the row has changed since, PortalBusy when another restore holds the
        portal.
        """
        if not may_move(restore.state, to):
            raise ValueError(f"no move from {restore.state} to {to}")
        moved = await self._update(restore, state=to, **changes)
        entry = audit.Entry(at, restore.id, actor, event, restore.state, to, details or {})
        await self._post(restore.id, posts, await audit.append(self._conn, entry), at)
        return moved

    async def update_unaudited(self, restore: Restore, **changes: Any) -> Restore:
        """Write down what was seen without moving the restore: no audit event, no post.

        Raises Conflict.
        """
        return await self._update(restore, **changes)

    async def add_vote(self, restore: Restore, user: str, at: datetime) -> Restore:
        """Add one person's yes; returns the restore with it.

        Raises Conflict when they have voted already.
        """
        # The version is bumped before the votes are counted, so that two voters cannot both miss
        # the quorum.
        bumped = await self._update(restore)
        try:
            await self._conn.execute(insert(votes).values(restore_id=restore.id, user=user, at=at))
        except IntegrityError:
            raise AlreadyVoted from None
        return replace(bumped, votes=(*restore.votes, Vote(user, at)))

    async def revoke_vote(self, restore: Restore, user: str) -> Restore:
        """Take one person's yes back, before the caller moves the row; returns the restore without
        it.
        """
        await self._conn.execute(
            delete(votes).where((votes.c.restore_id == restore.id) & (votes.c.user == user))
        )
        return replace(restore, votes=tuple(vote for vote in restore.votes if vote.user != user))

    async def mark_attempt(self, post: QueuedPost, at: datetime | None) -> None:
        """Note that a post is about to be handed to Slack, or with None that Slack certainly did
        not take it.
        """
        await self._conn.execute(
            update(outbox).where(outbox.c.id == post.id).values(attempted_at=at)
        )

    async def enqueue(self, restore_id: str, post: Post, at: datetime) -> None:
        """Queue a post that goes with no change of the restore."""
        await self._post(restore_id, [post], "", at)

    async def mark_sent(self, post: QueuedPost, ts: str) -> None:
        """Note that Slack has taken a post, as message ``ts``."""
        await self._conn.execute(update(outbox).where(outbox.c.id == post.id).values(sent_ts=ts))

    async def mark_card(self, restore_id: str, version: int, ts: str | None = None) -> None:
        """Note which version of the row the card shows, and where the card is.

        This is no change of the restore.
        """
        values: dict[str, Any] = {"card_version": version} | ({"card_ts": ts} if ts else {})
        await self._conn.execute(update(restores).where(restores.c.id == restore_id).values(values))

    async def _update(self, restore: Restore, **changes: Any) -> Restore:
        same = (
            (restores.c.id == restore.id)
            & (restores.c.version == restore.version)
            & (restores.c.state == restore.state)
        )
        statement = update(restores).where(same).values(version=restore.version + 1, **changes)
        try:
            done = await self._conn.execute(statement)
        except IntegrityError:
            raise PortalBusy from None
        if done.rowcount != 1:
            raise StaleRow
        return replace(restore, version=restore.version + 1, **changes)

    async def _post(
        self, restore_id: str, posts: Iterable[Post], witness: str, at: datetime
    ) -> None:
        for post in posts:
            await self._conn.execute(
                insert(outbox).values(
                    restore_id=restore_id,
                    kind=post.kind,
                    channel=post.channel,
                    facts=dict(post.facts),
                    witness=witness,
                    created_at=at,
                )
            )

    def _lock(self, query: Any) -> Any:
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
        """A transaction that only reads. Raises StorageError."""
        with _as_storage_error("read"):
            async with self.engine.begin() as conn:
                yield ReadTransaction(conn)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteTransaction]:
        """A transaction that may write, committed at the end.

        Raises StorageError; then nothing was written.
        """
        with _as_storage_error("written"):
            async with self._writer.begin() as conn:
                yield WriteTransaction(conn)
        self.changed()

    async def close(self) -> None:
        await self.engine.dispose()
        if self._lock:
            self._lock.close()


async def open_store(url: str) -> Store:
    """Open the database and bring its tables to this program's revision.

    Raises StorageError: not readable or writable, held by another process, or made by a newer
    restorebot.
    """
    lock = await sqlite.lock_file(url)
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":
        sqlite.configure(engine.sync_engine)
    store = Store(engine, lock)
    try:
        with _as_storage_error("opened"):
            async with engine.execution_options(writing=True).begin() as conn:
                await _migrate(conn)
    except BaseException:
        await store.close()
        raise
    return store


@asynccontextmanager
async def open_read_only(url: str) -> AsyncIterator[AsyncConnection]:
    """The database as it is, beside a bot that may be running on it; for the command line.

    Raises StorageError.
    """
    file = make_url(url).database
    if file is None or not await asyncio.to_thread(Path(file).exists):
        raise DatabaseError(
            f"There is no database at {file}. Has restorebot run here, with this DATABASE_URL?"
        )
    engine = create_async_engine(url)
    sqlite.configure(engine.sync_engine, sqlite.READ_ONLY_PRAGMAS)
    try:
        with _as_storage_error("read"):
            async with engine.begin() as conn:
                await _refuse_other_tables(conn, file)
                yield conn
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_for_writing(url: str) -> AsyncIterator[AsyncConnection]:
    """A transaction on the database, which is made if there is none, beside a bot that may be
    running on it.

    Raises StorageError.
    """
    if not await _is_current(url):
        await (await open_store(url)).close()
    engine = create_async_engine(url)
    sqlite.configure(engine.sync_engine)
    try:
        with _as_storage_error("written"):
            async with engine.execution_options(writing=True).begin() as conn:
                yield conn
    finally:
        await engine.dispose()


async def _is_current(url: str) -> bool:
    try:
        async with open_read_only(url):
            return True
    except StorageError:
        return False


async def _refuse_other_tables(conn: AsyncConnection, file: str) -> None:
    revision = await _revision(conn)
    if revision is None:
        raise DatabaseError(
            f"{file} is no database of restorebot. Point DATABASE_URL at the one that it runs with."
        )
    if revision > REVISION:
        raise DatabaseError(
            f"The database {file} was made by a newer restorebot: install that version."
        )


async def _revision(conn: AsyncConnection) -> str | None:
    known = await conn.run_sync(lambda sync: inspect(sync).has_table("alembic_version"))
    return (
        (await conn.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        if known
        else None
    )


async def _migrate(conn: AsyncConnection) -> None:
    revision = await _revision(conn)
    if revision != REVISION:
        # Alembic costs a quarter of a second to import, and nearly every start needs none of it.
        from restorebot.storage import migrate  # noqa: PLC0415

        await conn.run_sync(migrate.upgrade, revision)


class _as_storage_error:  # noqa: N801 - used as a context manager
    """Turn the driver's errors into one sentence, without the statement and its parameters."""

    def __init__(self, verb: str) -> None:
        self._verb = verb

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        if isinstance(error, SQLAlchemyError):
            cause = str(getattr(error, "orig", None) or type(error).__name__)
            raise DatabaseError(f"The database cannot be {self._verb}: {cause}.") from None


def _restore(row: Mapping[Any, Any], cast: tuple[Vote, ...]) -> Restore:
    values = {
        field.name: row[field.name] for field in fields(Restore) if field.name not in _NOT_COLUMNS
    }
    values["state"] = State(values["state"])
    values["phase"] = Phase(values["phase"]) if values["phase"] else None
    more = {
        "source": Source.from_json(values["source"]),
        "announce": tuple(values["announce"]),
        "votes": cast,
    }
    return Restore(**{**values, **more})
