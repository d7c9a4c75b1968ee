"""The audit trail: it verifies, and shows every touched byte and a cut tail."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from restorebot.model import Event, State
from restorebot.storage import audit
from restorebot.storage.store import Store
from tests.storage.conftest import NOW, a_restore

ROWS = 20


async def fill(store: Store) -> None:
    for number in range(ROWS // 2):
        restore = a_restore(f"r{number}")
        async with store.writing() as tx:
            await tx.insert_request(restore, [])
            await tx.advance(
                restore,
                replace(restore, state=State.DENIED),
                at=NOW,
                actor="UBOB",
                event=Event.DENIED,
                details={"number": number},
            )


async def first_broken(store: Store) -> int | None:
    async with store.reading() as tx:
        return (await audit.verify(tx.connection)).first_broken


async def test_an_untouched_trail_fits(store: Store) -> None:
    assert await first_broken(store) is None
    await fill(store)
    assert await first_broken(store) is None


TAMPERINGS = [
    "actor = 'UEVE'",
    "event = 'approved'",
    "new_state = 'approved'",
    "at = '2020-01-01 00:00:00.000000'",
    "details = '{\"number\": 99}'",
    "restore_id = 'r9999'",
    "hash = replace(hash, substr(hash, 1, 1), 'x')",
]


@pytest.mark.parametrize("change", TAMPERINGS)
@pytest.mark.parametrize("seq", [1, 8, ROWS])
async def test_a_touched_row_is_named(store: Store, tmp_path: Path, change: str, seq: int) -> None:
    await fill(store)
    # A test's own constants.
    tamper(tmp_path, f"UPDATE audit SET {change} WHERE seq = {seq}")  # noqa: S608
    assert await first_broken(store) == seq


async def test_a_removed_row_and_a_cut_tail_are_named(store: Store, tmp_path: Path) -> None:
    await fill(store)
    tamper(tmp_path, f"DELETE FROM audit WHERE seq = {ROWS}")  # noqa: S608 - a test's own constant
    assert await first_broken(store) == ROWS
    tamper(tmp_path, "DELETE FROM audit WHERE seq = 3")
    assert await first_broken(store) == 3


async def test_fifty_writers_at_once_make_one_chain(store: Store) -> None:
    async def ask(number: int) -> None:
        async with store.writing() as tx:
            await tx.insert_request(a_restore(f"w{number}"), [])

    await asyncio.gather(*(ask(number) for number in range(50)))
    assert await first_broken(store) is None
    async with store.reading() as tx:
        assert len(await tx.open_restores()) == 50


def tamper(folder: Path, statement: str) -> None:
    raw = sqlite3.connect(folder / "test.sqlite3")
    with raw:
        raw.execute(statement)
    raw.close()
