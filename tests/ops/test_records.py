"""The commands that look at the database: audit verify, audit export and history, beside a bot that holds it."""

import asyncio
import csv
import io
import json
import random
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from restorebot.cli import app
from restorebot.model import State
from restorebot.storage.store import Store, open_store
from tests.storage.conftest import NOW, a_restore

ROWS = 1000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A bot's database, held by it all the time."""
    made = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'bot.sqlite3'}")
    yield made
    await made.close()


async def fill(store: Store, count: int = ROWS) -> None:
    """``count`` audit rows, two for each restore."""
    async with store.writing() as tx:
        for number in range(count // 2):
            at = NOW + timedelta(minutes=number)
            await tx.request(a_restore(f"r{number}", portal=f"https://{number}.example"), [])
            restore = await tx.restore(f"r{number}")
            assert restore
            details = {"outcome": f'=cmd {number} \N{FIRE} "quoted", with a comma'}
            await tx.advance(
                restore, State.DENIED, at=at, actor="UBOB", event="denied", details=details, ended_at=at, outcome="no"
            )


async def run(folder: Path, *words: str, file: str = "bot.sqlite3") -> Result:
    """The command line, in a thread of its own, for it has an event loop of its own."""
    environment = {"DATABASE_URL": f"sqlite:///{folder / file}", "COLUMNS": "200"}
    return await asyncio.to_thread(CliRunner().invoke, app, words, env=environment)


def tampered(folder: Path, statement: str, *values: object) -> None:
    raw = sqlite3.connect(folder / "bot.sqlite3", timeout=10)
    with raw:
        raw.execute(statement, values)
    raw.close()


async def test_a_whole_trail_fits_and_has_its_witness(store: Store, tmp_path: Path) -> None:
    await fill(store, 20)
    done = await run(tmp_path, "audit", "verify")
    assert (done.exit_code, done.stderr) == (0, "")
    head = done.stdout.rpartition(" ")[2].strip(".\n")
    assert done.stdout == f"All 20 rows fit. The head is {head}.\n"
    done = await run(tmp_path, "audit", "verify", "--witness", head.upper())
    assert done.stdout == f"All 20 rows fit and hold the witness {head}. The head is {head}.\n"


async def test_one_changed_byte_in_any_of_a_thousand_rows_is_found(store: Store, tmp_path: Path) -> None:
    """Each round changes one byte of one value in a row of its own, looks, and puts it back."""
    from restorebot.storage import audit  # noqa: PLC0415 - the chain itself, for a thousand looks

    await fill(store)
    chance = random.Random(4)  # noqa: S311 - which byte, not a secret
    columns = ("at", "restore_id", "actor", "event", "new_state", "details", "hash")
    raw = sqlite3.connect(tmp_path / "bot.sqlite3", timeout=10)
    for seq in [1, 2, ROWS - 1, ROWS, *chance.sample(range(3, ROWS - 1), 46)]:
        column = chance.choice(columns)
        (before,) = raw.execute(f"SELECT CAST({column} AS BLOB) FROM audit WHERE seq = ?", (seq,)).fetchone()  # noqa: S608 - constants
        place = chance.randrange(len(before))
        after = bytearray(before)
        after[place] ^= 1 << chance.randrange(8)
        with raw:
            raw.execute(f"UPDATE audit SET {column} = CAST(? AS TEXT) WHERE seq = ?", (bytes(after), seq))  # noqa: S608 - constants
        async with store.reading() as tx:
            assert await audit.first_misfit(tx._conn) == seq, (seq, column, before, bytes(after))
        with raw:
            raw.execute(f"UPDATE audit SET {column} = CAST(? AS TEXT) WHERE seq = ?", (before, seq))  # noqa: S608 - constants
    raw.close()
    async with store.reading() as tx:
        assert await audit.first_misfit(tx._conn) is None


async def test_the_command_names_the_row_and_exits_with_1(store: Store, tmp_path: Path) -> None:
    await fill(store, 20)
    tampered(tmp_path, "UPDATE audit SET actor = 'UEVE' WHERE seq = 7")
    done = await run(tmp_path, "audit", "verify")
    assert done.exit_code == 1
    assert done.stdout == "Row 7 does not fit: it was changed, removed or cut off. The 6 rows before it fit.\n"


async def test_a_cut_tail_is_found_by_the_head_and_by_a_witness_when_the_head_was_cut_too(
    store: Store, tmp_path: Path
) -> None:
    await fill(store, 20)
    witness = (await run(tmp_path, "audit", "verify")).stdout.rpartition(" ")[2].strip(".\n")
    tampered(tmp_path, "DELETE FROM audit WHERE seq > 15")
    assert "Row 16 does not fit" in (await run(tmp_path, "audit", "verify")).stdout
    tampered(tmp_path, "UPDATE audit_head SET seq = 15, hash = (SELECT hash FROM audit WHERE seq = 15)")
    assert (await run(tmp_path, "audit", "verify")).exit_code == 0
    done = await run(tmp_path, "audit", "verify", "--witness", witness)
    assert done.exit_code == 1
    assert f"none has the witness {witness}: the trail was cut or rewritten" in done.stdout


async def test_export_writes_every_row_as_lines_of_json_or_as_csv(store: Store, tmp_path: Path) -> None:
    await fill(store, 20)
    lines = (await run(tmp_path, "audit", "export")).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["seq"] for row in rows] == list(range(1, 21))
    assert rows[1]["details"]["outcome"].startswith("=cmd 0 \N{FIRE}")
    table = list(csv.DictReader(io.StringIO((await run(tmp_path, "audit", "export", "--format", "csv")).stdout)))
    assert [row["hash"] for row in table] == [row["hash"] for row in rows]
    assert json.loads(table[1]["details"]) == rows[1]["details"]


async def test_export_can_begin_at_a_time_and_keep_to_a_portal(store: Store, tmp_path: Path) -> None:
    await fill(store, 20)
    since = (NOW + timedelta(minutes=8)).isoformat()
    denied = [
        json.loads(line) for line in (await run(tmp_path, "audit", "export", "--since", since)).stdout.splitlines()
    ]
    assert [row["seq"] for row in denied] == [18, 20]
    assert len((await run(tmp_path, "audit", "export", "--portal", "acme")).stdout.splitlines()) == 20
    assert (await run(tmp_path, "audit", "export", "--portal", "beta")).stdout == ""


async def test_history_is_a_table_of_how_restores_ended(store: Store, tmp_path: Path) -> None:
    await fill(store, 6)
    done = await run(tmp_path, "history", "--count", "2")
    assert done.exit_code == 0
    assert "r2" in done.stdout
    assert "r0" not in done.stdout
    assert "denied" in done.stdout


BAD = [
    (("audit", "verify", "--witness", "xyz"), 2, "A witness is 6 to 64 of the digits"),
    (("audit", "export", "--format", "xml"), 2, "There is no format 'xml'. Choose jsonl or csv."),
    (("audit", "export", "--since", "yesterday"), 2, "'yesterday' is no day."),
    (("history",), 1, "There is no database at"),
    (("audit", "verify"), 1, "There is no database at"),
]


@pytest.mark.parametrize(("words", "status", "sentence"), BAD, ids=lambda value: str(value)[:30])
async def test_what_cannot_be_done_is_said_in_a_sentence(
    tmp_path: Path, words: tuple[str, ...], status: int, sentence: str
) -> None:
    done = await run(tmp_path, *words, file="nothing.sqlite3")
    assert (done.exit_code, done.stdout) == (status, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


async def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "bot.sqlite3").write_text("not a database, but long enough to be looked at" * 100)
    done = await run(tmp_path, "audit", "verify")
    assert (done.exit_code, done.stderr) == (1, "The database cannot be read: file is not a database.\n")
