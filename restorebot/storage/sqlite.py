"""What only SQLite needs: one process a file, and transactions that begin when they should."""

import asyncio
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from restorebot.errors import DatabaseError
from restorebot.storage import problems

LOCK_PATIENCE = 10.0
"""Seconds to wait for the process before us to let go of the database file."""


async def lock_file(url: str) -> TextIO | None:
    """Hold SQLite's file for this process alone. Raise DatabaseError.

    Two bots on one file would tell every thread everything twice. Whatever link leads to it, the
    file itself is held.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    file = await asyncio.to_thread(os.path.realpath, parsed.database)
    try:
        handle = await asyncio.to_thread(Path(f"{file}.lock").open, "w")
    except OSError as error:
        sentence = problems.cannot_open(parsed.database, str(error.strerror))
        raise DatabaseError(sentence) from None
    for _ in range(int(LOCK_PATIENCE / 0.05)):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return handle
    handle.close()
    raise DatabaseError(problems.held(parsed.database))


PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=2000")
"""FULL, because a lost commit of "starting" would let a second POST out. A submit is committed
before its ack, for which Slack waits 3 s: what is locked has to be given up before.
"""

READ_ONLY_PRAGMAS = ("query_only=ON", "busy_timeout=5000")
"""What changes no byte of the file: it may be evidence."""


def configure(engine: Engine, pragmas: Iterable[str] = PRAGMAS) -> None:
    """Set up each new connection and begin each transaction explicitly."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        # The driver's own transaction handling begins too late; "begin" below does it.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "invalidate")
    def invalidate(connection: Any, _: Any, __: Any) -> None:
        # Of a write that was cancelled. Closed with a statement that its traceback still holds, a
        # connection would keep its transaction, and the lock.
        connection.rollback()

    @event.listens_for(engine, "begin")
    def begin(conn: Any) -> None:
        # A writer takes its lock at once: upgrading a reader's later fails whenever two meet.
        if conn.get_execution_options().get("writing"):
            conn.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            conn.exec_driver_sql("BEGIN")
