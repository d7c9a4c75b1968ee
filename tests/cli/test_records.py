"""The commands that look at the database: audit verify, audit export and history, beside a bot that
holds it.
"""

import asyncio
import csv
import io
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.dialects.sqlite import dialect
from typer.testing import CliRunner, Result

from restorebot.cli import audit as command
from restorebot.cli.main import app
from restorebot.model import Event, State
from restorebot.settings import problems as setting_problems
from restorebot.slack.phrases import approval
from restorebot.storage import audit, problems
from restorebot.storage.store import Store, open_store
from tests.harness import empty_database
from tests.storage.conftest import NOW, a_restore

THOUSAND = pytest.mark.parametrize("rows", [100, pytest.param(1000, marks=pytest.mark.slow)])
"""A thousand audit rows, or in the quick run a hundred."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A bot's database, held by it all the time."""
    made = await open_store(await empty_database(tmp_path / "bot.sqlite3"))
    yield made
    await made.close()


async def fill(store: Store, count: int) -> None:
    """``count`` audit rows, two for each restore."""
    async with store.writing() as tx:
        for number in range(count // 2):
            at = NOW + timedelta(minutes=number)
            await tx.insert_request(a_restore(f"r{number}", portal=f"https://{number}.example"), [])
            restore = await tx.restore(f"r{number}")
            assert restore
            details = {"outcome": f'=cmd {number} \N{FIRE} "quoted", with a comma'}
            await tx.advance(
                restore,
                replace(restore, state=State.DENIED, ended_at=at, outcome="no"),
                at=at,
                actor="UBOB",
                event=Event.DENIED,
                details=details,
            )


async def trail(store: Store, rows: int) -> None:
    """Audit rows and no restores, half of them with no state before."""
    async with store.writing() as tx:
        for number in range(rows):
            old, new, event = (
                (None, "requested", "requested")
                if number % 2 == 0
                else ("requested", "denied", "denied")
            )
            at = NOW + timedelta(microseconds=number)
            details = {"portal": "acme", "reason": f'number {number} \N{FIRE} "quoted"'}
            await audit.append(
                tx.connection,
                audit.Entry(
                    at=at,
                    restore_id=f"r{number // 2}",
                    actor="UALICE",
                    event=event,
                    old_state=old,
                    new_state=new,
                    details=details,
                ),
            )


async def run(folder: Path, *words: str, file: str = "bot.sqlite3") -> Result:
    """The command line, in a thread of its own, for it has an event loop of its own."""
    environment = {"DATABASE_URL": f"sqlite:///{folder / file}"}
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
    assert done.stdout == f"{command.whole(20, head)}\n"
    done = await run(tmp_path, "audit", "verify", "--witness", head.upper())
    assert done.stdout == f"{command.whole_with_witness(20, head, head)}\n"


COLUMNS = ("at", "restore_id", "actor", "event", "old_state", "new_state", "details", "hash")


@THOUSAND
async def test_one_changed_byte_in_any_value_of_a_thousand_rows_is_found(
    store: Store, tmp_path: Path, rows: int
) -> None:
    """Each row's every value loses one bit, or its type, and is then no row that continues the
    chain.
    """
    await trail(store, rows)
    chance = random.Random(4)  # noqa: S311 - which bit, not a secret
    # Our own words.
    raw_rows = audit.raw_rows().compile(dialect=dialect())
    query = f"SELECT * FROM ({raw_rows}) WHERE seq = ?"  # noqa: S608
    raw = sqlite3.connect(tmp_path / "bot.sqlite3", timeout=10)

    def fits(seq: int, before: str) -> bool:
        return audit.verified_row(raw.execute(query, (seq,)).fetchone(), seq, before) is not None

    before = ""
    for seq in range(1, rows + 1):
        assert fits(seq, before)
        for column in COLUMNS:
            # Constants.
            select = f"SELECT {column} FROM audit WHERE seq = ?"  # noqa: S608
            (value,) = raw.execute(select, (seq,)).fetchone()
            for changed in changes(value, chance):
                # Constants.
                update = f"UPDATE audit SET {column} = {changed} WHERE seq = ?"  # noqa: S608
                raw.execute(update, (seq,))
                assert not fits(seq, before), (seq, column, value, changed)
            # Constants.
            raw.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (value, seq))  # noqa: S608
        ((before,),) = raw.execute("SELECT hash FROM audit WHERE seq = ?", (seq,))
    raw.close()


def changes(value: str | None, chance: random.Random) -> list[str]:
    """SQL for what one byte, or one bit of the file's own record of a type, makes of a value."""
    if value is None:
        return ["''", "0"]
    touched = bytearray(value.encode())
    touched[chance.randrange(len(touched))] ^= 1 << chance.randrange(8)
    return [f"CAST(X'{touched.hex()}' AS TEXT)", f"X'{value.encode().hex()}'", "''"]


@THOUSAND
async def test_the_first_row_of_a_thousand_that_does_not_fit_is_named(
    store: Store, tmp_path: Path, rows: int
) -> None:
    await trail(store, rows)
    for seq in (rows, rows // 2 + 17, 2, 1):
        tampered(
            tmp_path, "UPDATE audit SET details = replace(details, ':', ' :') WHERE seq = ?", seq
        )
        done = await run(tmp_path, "audit", "verify")
        assert done.stdout == f"{command.broken(seq, seq - 1)}\n"


@pytest.mark.parametrize(
    "statement", ["DELETE FROM audit_head", "INSERT INTO audit_head VALUES (2, 20, 'x')"]
)
async def test_a_head_that_is_gone_or_doubled_is_a_misfit(
    store: Store, tmp_path: Path, statement: str
) -> None:
    await fill(store, 20)
    tampered(tmp_path, statement)
    done = await run(tmp_path, "audit", "verify")
    assert (done.exit_code, done.stdout) == (1, f"{command.broken(21, 20)}\n")


async def test_a_row_that_cannot_be_read_is_told_by_the_export(
    store: Store, tmp_path: Path
) -> None:
    await fill(store, 20)
    tampered(tmp_path, "UPDATE audit SET actor = X'55' WHERE seq = 7")
    done = await run(tmp_path, "audit", "export")
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 6
    assert done.stderr == f"{problems.unreadable_row(7)}\n"


async def test_the_command_names_the_row_and_exits_with_1(store: Store, tmp_path: Path) -> None:
    await fill(store, 20)
    tampered(tmp_path, "UPDATE audit SET actor = 'UEVE' WHERE seq = 7")
    done = await run(tmp_path, "audit", "verify")
    assert done.exit_code == 1
    assert done.stdout == f"{command.broken(7, 6)}\n"


async def test_a_cut_tail_is_found_by_the_head_and_by_a_witness_when_the_head_was_cut_too(
    store: Store, tmp_path: Path
) -> None:
    await fill(store, 20)
    witness = (await run(tmp_path, "audit", "verify")).stdout.rpartition(" ")[2].strip(".\n")
    tampered(tmp_path, "DELETE FROM audit WHERE seq > 15")
    cut = (await run(tmp_path, "audit", "verify")).stdout
    assert cut == f"{command.broken(16, 15)}\n"
    tampered(
        tmp_path, "UPDATE audit_head SET seq = 15, hash = (SELECT hash FROM audit WHERE seq = 15)"
    )
    assert (await run(tmp_path, "audit", "verify")).exit_code == 0
    done = await run(tmp_path, "audit", "verify", "--witness", witness)
    assert done.exit_code == 1
    assert done.stdout == f"{command.without_witness(15, witness)}\n"


async def test_export_writes_every_row_as_lines_of_json_or_as_csv(
    store: Store, tmp_path: Path
) -> None:
    await fill(store, 20)
    lines = (await run(tmp_path, "audit", "export")).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["seq"] for row in rows] == list(range(1, 21))
    assert rows[1]["details"]["outcome"].startswith("=cmd 0 \N{FIRE}")
    table = list(
        csv.DictReader(
            io.StringIO((await run(tmp_path, "audit", "export", "--format", "csv")).stdout)
        )
    )
    assert [row["hash"] for row in table] == [row["hash"] for row in rows]
    assert json.loads(table[1]["details"]) == rows[1]["details"]


async def test_export_can_begin_at_a_time_and_keep_to_a_portal(
    store: Store, tmp_path: Path
) -> None:
    await fill(store, 20)
    since = (NOW + timedelta(minutes=8)).isoformat()
    denied = [
        json.loads(line)
        for line in (await run(tmp_path, "audit", "export", "--since", since)).stdout.splitlines()
    ]
    assert [row["seq"] for row in denied] == [18, 20]
    assert (
        len((await run(tmp_path, "audit", "export", "--portal", "acme")).stdout.splitlines()) == 20
    )


async def test_the_portal_is_that_of_the_chained_row_and_an_unknown_one_is_told(
    store: Store, tmp_path: Path
) -> None:
    await fill(store, 20)
    tampered(tmp_path, "UPDATE restores SET portal = 'beta'")
    assert (
        len((await run(tmp_path, "audit", "export", "--portal", "ACME")).stdout.splitlines()) == 20
    )
    done = await run(tmp_path, "audit", "export", "--portal", "prod")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"{command.unknown_portal('prod', {'acme'})}\n"


async def test_a_day_without_a_zone_is_utc(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        await fill(store, 20)
        since = f"{NOW + timedelta(minutes=8):%Y-%m-%dT%H:%M}"
        assert (
            len((await run(tmp_path, "audit", "export", "--since", since)).stdout.splitlines()) == 2
        )
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_a_text_that_a_spreadsheet_would_calculate_is_marked(
    store: Store, tmp_path: Path
) -> None:
    async with store.writing() as tx:
        await tx.insert_request(replace(a_restore("r1"), requester="=1+1"), [])
    (row,) = csv.DictReader(
        io.StringIO((await run(tmp_path, "audit", "export", "--format", "csv")).stdout)
    )
    assert row["actor"] == "'=1+1"


MEGABYTES = 200


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux",
    reason="only Linux tells how much memory a program took at most since it began",
)
async def test_a_hundred_thousand_rows_are_exported_within_200_megabytes(
    store: Store, tmp_path: Path
) -> None:
    """A program of its own, which says how much memory it took at most.

    The rows are as large as they come.
    """
    await fill(store, 2)
    await store.close()
    tampered(
        tmp_path,
        """WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO audit
        SELECT i, at, restore_id, actor, event, old_state, new_state, ?, hash FROM n, audit
        WHERE seq = 2""",
        json.dumps({"why": "x" * 1000}),
    )
    # Not ru_maxrss, which a program that a large one has started inherits.
    program = (
        "import re, sys; from pathlib import Path; from restorebot.cli.main import app\n"
        "try: app(['audit', 'export'])\n"
        "finally: print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1], "
        "file=sys.stderr)"
    )
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'bot.sqlite3'}"}
    with (tmp_path / "out.jsonl").open("wb") as out:
        done = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            stdout=out,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        _, said = await done.communicate()
    assert (done.returncode, (tmp_path / "out.jsonl").read_bytes().count(b"\n")) == (0, 100_000)
    assert int(said) / 1024 < MEGABYTES


async def test_looking_changes_no_byte_of_a_copy(store: Store, tmp_path: Path) -> None:
    """A copy that was put aside may be evidence one day."""
    await fill(store, 20)
    tampered(tmp_path, "VACUUM INTO ?", str(tmp_path / "copy.sqlite3"))
    before = (tmp_path / "copy.sqlite3").read_bytes()
    for words in (("audit", "verify"), ("audit", "export"), ("history",)):
        assert (await run(tmp_path, *words, file="copy.sqlite3")).exit_code == 0
    assert (tmp_path / "copy.sqlite3").read_bytes() == before
    assert not await asyncio.to_thread(lambda: list(tmp_path.glob("copy.sqlite3?*")))


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", problems.newer),
        ("DROP TABLE alembic_version", problems.foreign),
    ],
)
async def test_another_versions_database_is_told(
    store: Store, tmp_path: Path, statement: str, sentence: Callable[[str], str]
) -> None:
    tampered(tmp_path, statement)
    done = await run(tmp_path, "history")
    file = str(tmp_path / "bot.sqlite3")
    assert (done.exit_code, done.stderr) == (1, f"{sentence(file)}\n")


async def test_a_broken_settings_file_is_told(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.toml").write_text("DATABASE_URL = ")
    monkeypatch.setenv("RESTOREBOT_CONFIG", str(tmp_path / "broken.toml"))
    done = await run(tmp_path, "history")
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"broken.toml: {setting_problems.NO_TOML}" in done.stderr


async def test_names_with_markup_quotes_and_newlines_are_printed_as_they_are(
    store: Store, tmp_path: Path
) -> None:
    names = [
        "backup[/].tar.gz",
        "acme [old] 1.tar.gz",
        'it\'s "quoted"',
        "two\nlines \x1b[31mred",
        "\N{FIRE}",
    ]
    async with store.writing() as tx:
        for number, name in enumerate(names):
            restore = a_restore(f"r{number}", portal=f"https://{number}.example")
            restore = replace(
                restore, source=replace(restore.source, file_name=name), break_glass=number == 0
            )
            await tx.insert_request(restore, [])
            await tx.advance(
                restore,
                replace(restore, state=State.DENIED, ended_at=NOW),
                at=NOW,
                actor="UBOB",
                event=Event.DENIED,
            )
    done = await run(tmp_path, "history")
    assert approval.NOBODY in done.stdout
    for name in names[:3] + names[4:]:
        assert name in done.stdout
    assert "two lines [31mred" in done.stdout


def test_what_does_not_fit_the_terminal_is_a_line_for_each_cell(tmp_path: Path) -> None:
    """On a real terminal of 80 columns; nothing of a name is lost."""
    name = (
        "acme-[old]_2026-03-01_02-15-00"
        "_before-the-import-of-tuesday-which-broke-the-rooms_full.tar.gz"
    )
    program = (
        "from restorebot.cli import tables; tables.print_table(('restore', 'backup'), [('r1', "
        f"{name!r}), "
        "('r2', 'b')])"
    )
    ours, theirs = os.openpty()
    done = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        stdout=theirs,
        env={**os.environ, "COLUMNS": "80", "TERM": "dumb"},
    )
    assert done.wait(30) == 0
    os.close(theirs)
    said = os.read(ours, 10_000).decode().replace("\r", "")
    os.close(ours)
    first, second = said.strip().split("\n\n")
    assert "".join(line[9:].strip() for line in first.splitlines()) == f"r1{name}"
    assert [line.split() for line in second.splitlines()] == [["restore", "r2"], ["backup", "b"]]


async def test_history_is_a_table_of_how_restores_ended(store: Store, tmp_path: Path) -> None:
    await fill(store, 6)
    done = await run(tmp_path, "history", "--count", "2")
    assert done.exit_code == 0
    assert "r2" in done.stdout
    assert "r0" not in done.stdout
    assert "denied" in done.stdout


BAD = [
    (("audit", "verify", "--witness", "xyz"), command.NO_WITNESS),
    (("audit", "export", "--format", "xml"), command.no_format("xml")),
    (("audit", "export", "--since", "yesterday"), command.no_day("yesterday")),
]


@pytest.mark.parametrize(("words", "sentence"), BAD, ids=lambda value: str(value)[:30])
async def test_what_cannot_be_done_is_said_in_a_sentence(
    tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    done = await run(tmp_path, *words, file="nothing.sqlite3")
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"{sentence}\n")
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


@pytest.mark.parametrize("words", [("history",), ("audit", "verify")])
async def test_a_database_that_is_not_there_is_told_and_not_made(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = await run(tmp_path, *words, file="nothing.sqlite3")
    sentence = problems.missing(str(tmp_path / "nothing.sqlite3"))
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"{sentence}\n")
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


async def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "bot.sqlite3").write_text("not a database, but long enough to be looked at" * 100)
    done = await run(tmp_path, "audit", "verify")
    sentence = problems.cannot("read", "file is not a database")
    assert (done.exit_code, done.stderr) == (1, f"{sentence}\n")
