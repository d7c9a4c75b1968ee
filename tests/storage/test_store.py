"""The store: one move at a time, all or nothing, and one live restore per portal."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from restorebot.errors import (
    AlreadyRequested,
    AlreadyVoted,
    PortalBusy,
    StaleRow,
    StorageError,
    TaskTaken,
)
from restorebot.model import MOVES, OPEN, Event, Post, PostKind, Restore, State
from restorebot.restores import votes
from restorebot.storage import audit, sqlite
from restorebot.storage.store import Store, open_store
from tests.harness import migrated
from tests.storage.conftest import NOW, a_restore


async def request(store: Store, restore: Restore) -> Restore:
    async with store.writing() as tx:
        await tx.insert_request(restore, [Post(PostKind.CARD)])
    return restore


def event_of(state: State) -> Event:
    if state is State.BACKING_UP:
        return Event.BACKUP_REQUESTED
    return Event(state.value)


async def move(store: Store, restore: Restore, *path: State) -> Restore:
    for to in path:
        after = replace(restore, state=to)
        async with store.writing() as tx:
            restore = await tx.advance(
                restore, after, at=NOW, actor="restorebot", event=event_of(to)
            )
    return restore


async def test_a_request_comes_back_as_it_went_in(store: Store) -> None:
    restore = await request(store, a_restore("r1"))
    async with store.reading() as tx:
        assert await tx.restore("r1") == restore
        assert await tx.restore_by_view("Vr1") == restore
        assert await tx.restore("r2") is None


async def test_what_a_move_returns_is_what_the_database_holds(store: Store) -> None:
    restore = await request(store, a_restore("r1"))
    async with store.writing() as tx:
        voted = await tx.add_vote(restore, "UBOB", NOW)
        moved = await tx.advance(
            voted,
            replace(voted, state=State.APPROVED, approved_at=NOW),
            at=NOW,
            actor="UBOB",
            event=Event.APPROVED,
        )
    async with store.reading() as tx:
        assert await tx.restore("r1") == moved
    assert moved.voters == ("UBOB",)
    assert moved.version == 3


async def test_a_modal_that_is_submitted_twice_asks_once(store: Store) -> None:
    first = await request(store, a_restore("r1"))
    with pytest.raises(AlreadyRequested):
        async with store.writing() as tx:
            await tx.insert_request(Restore(**{**vars(first), "id": "r2"}), [Post(PostKind.CARD)])
    async with store.reading() as tx:
        assert len(await tx.open_restores()) == 1
        assert len(await tx.queue_heads()) == 1


async def test_a_move_from_an_older_reading_is_overtaken(store: Store) -> None:
    restore = await request(store, a_restore("r1"))
    await move(store, restore, State.DENIED)
    with pytest.raises(StaleRow):
        await move(store, restore, State.APPROVED)


async def test_a_move_that_did_not_see_the_last_change_is_overtaken(store: Store) -> None:
    restore = await request(store, a_restore("r1"))
    async with store.writing() as tx:
        await tx.add_vote(restore, "UBOB", NOW)
    with pytest.raises(StaleRow):
        await move(store, restore, State.APPROVED)


async def test_a_move_that_is_not_in_the_table_is_a_mistake_of_ours(store: Store) -> None:
    restore = await request(store, a_restore("r1"))
    with pytest.raises(ValueError, match="no move"):
        await move(store, restore, State.RESTORING)


@settings(max_examples=settings().max_examples * 2 // 5)  # each opens a database
@given(st.lists(st.sampled_from(sorted(State)), max_size=20))
def test_a_random_walk_goes_only_where_the_table_says_and_leaves_a_trail_of_it(
    wishes: list[State],
) -> None:
    """Every wish is put to the database: a legal one moves the row, an illegal one changes
    nothing.
    """

    async def walk(url: str) -> None:
        store = await open_store(url)
        restore = await request(store, a_restore("r1"))
        trail = [restore.state]
        for wish in wishes:
            try:
                restore = await move(store, restore, wish)
                trail.append(wish)
            except ValueError:
                assert wish not in MOVES.get(restore.state, frozenset())
            async with store.reading() as tx:
                assert await tx.restore("r1") == restore
        async with store.reading() as tx:
            assert (await audit.verify(tx.connection)).first_broken is None
            rows = [row.entry async for row in audit.rows(tx.connection)]
        await store.close()
        assert [entry.new_state for entry in rows] == trail
        assert [entry.old_state for entry in rows] == [None, *trail[:-1]]
        assert sum(new is State.STARTING and old is not new for old, new in pairwise(trail)) <= 1
        for old, new in pairwise(trail):
            assert new in MOVES.get(old, frozenset()) or (
                old is new and old in OPEN | {State.COMPLETED}
            )

    with TemporaryDirectory() as folder:
        file = Path(folder) / "walk.sqlite3"
        file.write_bytes(migrated())
        asyncio.run(walk(f"sqlite+aiosqlite:///{file}"))


async def test_of_two_moves_at_once_one_wins(store: Store) -> None:
    restore = await request(store, a_restore("r1"))
    results = await asyncio.gather(
        *(move(store, restore, to) for to in (State.APPROVED, State.DENIED, State.WITHDRAWN)),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == [
        "Restore",
        "StaleRow",
        "StaleRow",
    ]


async def test_two_voters_at_once_both_count_when_they_read_again(store: Store) -> None:
    await request(store, a_restore("r1"))

    async def vote(user: str) -> Restore:
        async with store.writing() as tx:
            restore = await tx.restore("r1")
            assert restore is not None
            return await tx.add_vote(restore, user, NOW)

    await asyncio.gather(*(vote(user) for user in ("UBOB", "UERIN", "UDAN")))
    async with store.reading() as tx:
        restore = await tx.restore("r1")
    assert restore is not None
    assert set(restore.voters) == {"UBOB", "UERIN", "UDAN"}


async def test_one_person_votes_once(store: Store) -> None:
    restore = await request(store, a_restore("r1"))
    async with store.writing() as tx:
        voted = await tx.add_vote(restore, "UBOB", NOW)
    with pytest.raises(AlreadyVoted):
        async with store.writing() as tx:
            await tx.add_vote(voted, "UBOB", NOW)


async def test_a_portal_has_one_live_restore(store: Store) -> None:
    first = await move(store, await request(store, a_restore("r1")), State.APPROVED)
    second = await move(store, await request(store, a_restore("r2")), State.APPROVED)
    elsewhere = await move(
        store, await request(store, a_restore("r3", "https://other.example")), State.APPROVED
    )
    await move(store, elsewhere, State.STARTING)
    first = await move(store, first, State.STARTING)
    with pytest.raises(PortalBusy):
        await move(store, second, State.STARTING)
    await move(store, first, State.RESTORING, State.COMPLETED)
    await move(store, second, State.STARTING)


async def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    restore = await request(store, a_restore("r1"))
    with pytest.raises(RuntimeError):
        async with store.writing() as tx:
            await tx.advance(
                restore,
                replace(restore, state=State.DENIED),
                at=NOW,
                actor="UBOB",
                event=Event.DENIED,
                posts=[Post(PostKind.CLOSING)],
            )
            raise RuntimeError
    async with store.reading() as tx:
        assert await tx.restore("r1") == restore
        assert [head.kind for head in await tx.queue_heads()] == [PostKind.CARD]


async def test_the_outbox_is_a_queue_per_restore(store: Store) -> None:
    for name in ("r1", "r2"):
        restore = await request(store, a_restore(name))
        async with store.writing() as tx:
            await tx.advance(
                restore,
                replace(restore, state=State.DENIED),
                at=NOW,
                actor="UBOB",
                event=Event.DENIED,
                posts=[Post(PostKind.CLOSING)],
            )
    async with store.writing() as tx:
        card, other = await tx.queue_heads()
        assert (card.restore_id, card.kind, other.restore_id) == ("r1", PostKind.CARD, "r2")
        await tx.mark_attempt(card, NOW)
    async with store.writing() as tx:
        again = (await tx.queue_heads())[0]
        assert again.attempted
        await tx.mark_done(again, "1.0", NOW)
        assert [head.kind for head in await tx.queue_heads()] == [PostKind.CLOSING, PostKind.CARD]


async def test_closing_cards_are_redrawn_before_others(store: Store) -> None:
    for name, to in (("r1", State.APPROVED), ("r2", State.DENIED)):
        restore = await request(store, a_restore(name))
        async with store.writing() as tx:
            await tx.mark_card(name, restore.version, "1.0")
        await move(store, restore, to)
    async with store.reading() as tx:
        assert [restore.id for restore in await tx.stale_cards()] == ["r2", "r1"]


async def test_a_boot_finds_everything_that_needs_a_job(store: Store) -> None:
    paths = {
        "waiting": [],
        "running": [State.APPROVED, State.STARTING, State.RESTORING],
        "denied": [State.DENIED],
        "completed": [State.APPROVED, State.STARTING, State.RESTORING, State.COMPLETED],
    }
    for name, path in paths.items():
        await move(store, await request(store, a_restore(name, f"https://{name}.example")), *path)
    async with store.reading() as tx:
        assert {restore.id for restore in await tx.unfinished()} == {
            "waiting",
            "running",
            "completed",
        }


async def test_every_write_is_announced_and_no_read(store: Store) -> None:
    announced: list[int] = []
    store.changed = lambda: announced.append(1)
    async with store.reading() as tx:
        await tx.open_restores()
    assert not announced
    await request(store, a_restore("r1"))
    assert announced == [1]


async def test_the_tables_are_made_once_and_found_again(url: str) -> None:
    first = await open_store(url)
    await request(first, a_restore("r1"))
    await first.close()
    second = await open_store(url)
    async with second.reading() as tx:
        assert await tx.restore("r1") is not None
    await second.close()


async def test_a_database_of_a_newer_program_is_left_alone(url: str, tmp_path: Path) -> None:
    await (await open_store(url)).close()
    with sqlite3.connect(tmp_path / "test.sqlite3") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StorageError, match="newer restorebot"):
        await open_store(url)


async def test_a_directory_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        await open_store(f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'x.sqlite3'}")


async def test_a_file_that_is_no_database_is_one_sentence(url: str, tmp_path: Path) -> None:
    (tmp_path / "test.sqlite3").write_text("this is a shopping list, not a database" * 100)
    with pytest.raises(StorageError, match="not a database"):
        await open_store(url)


async def test_a_full_disk_is_one_sentence_without_the_statement(store: Store) -> None:
    async with store.writing() as tx:
        await tx.connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(StorageError, match="full") as caught:
        for number in range(200):
            await request(store, a_restore(f"r{number}"))
    assert "INSERT" not in str(caught.value)
    assert "because" not in str(caught.value)


async def test_a_second_bot_on_the_same_file_does_not_start(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOCK_PATIENCE", 0.05)
    with pytest.raises(StorageError, match="Another restorebot"):
        await open_store(url)


async def test_a_yes_beside_one_that_was_not_looked_at_again_does_not_fill_the_quorum(
    store: Store,
) -> None:
    restore = await request(store, a_restore("r1"))
    async with store.writing() as tx:
        restore = await tx.add_vote(restore, "UBOB", NOW)
        with pytest.raises(votes.EarlierVotersUnchecked):
            await votes.count_vote(
                tx,
                restore,
                NOW,
                votes.CheckedVote(user="UERIN", needed=2, checked=frozenset(), ineligible={}),
            )


async def test_what_is_due_is_found_by_the_row_alone(store: Store) -> None:
    """A clock that jumps over a deadline makes it due, whatever was planned before."""
    later = NOW + timedelta(hours=1)
    rows = {
        "waits": a_restore("waits"),
        "late": replace(a_restore("late"), expires_at=NOW),
        "approved": a_restore("approved", state=State.APPROVED),
        "planned": replace(a_restore("planned", state=State.APPROVED), starts_at=later),
        "its time": replace(a_restore("its time", state=State.APPROVED), starts_at=NOW),
        "runs": a_restore("runs", state=State.RESTORING),
        "ended": a_restore("ended", state=State.DENIED),
        "not seen": a_restore("not seen", state=State.COMPLETED),
        "seen": replace(a_restore("seen", state=State.COMPLETED), verified=True),
    }
    for restore in rows.values():
        await request(store, restore)
    async with store.reading() as tx:
        assert set(await tx.due(NOW)) == {"late", "approved", "its time", "runs", "not seen"}
        plan = await tx.connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT id FROM restores WHERE state IN ('runs') "
                "OR (state = 'completed' AND verified IS 0)"
            )
        )
        assert "SCAN" not in str(plan.all())


async def test_of_two_live_restores_only_one_has_a_task(store: Store) -> None:
    one = replace(a_restore("one", state=State.RESTORING), task_id="t")
    await request(store, one)
    other = await request(store, a_restore("other", "https://twin.example", State.STARTING))
    running = replace(other, state=State.RESTORING, task_id="t")
    with pytest.raises(TaskTaken):
        async with store.writing() as tx:
            await tx.advance(other, running, at=NOW, actor="portal", event=Event.RESTORING)


async def test_a_write_that_is_cancelled_leaves_no_lock_behind(store: Store) -> None:
    """Whoever cancelled it may keep what came of it, with its traceback and all in it."""
    kept: list[BaseException | None] = []

    async def write(name: str) -> None:
        async with store.writing() as tx:
            await tx.insert_request(a_restore(name), [])

    for turn in range(40):
        writer = asyncio.create_task(write(f"cancelled {turn}"))
        for _ in range(turn):
            await asyncio.sleep(0)
        writer.cancel()
        kept += await asyncio.gather(writer, return_exceptions=True)
        async with asyncio.timeout(4):
            await write(f"after {turn}")
    assert any(isinstance(one, asyncio.CancelledError) for one in kept)
