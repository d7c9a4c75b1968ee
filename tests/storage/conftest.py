"""A real SQLite database on disk for each test."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from restorebot.model import PortalAlias, Restore, Source, State
from restorebot.storage.store import Store, open_store
from tests.harness import empty_database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'test.sqlite3'}"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(await empty_database(tmp_path / "test.sqlite3"))
    yield store
    await store.close()


def a_restore(
    name: str, portal: str = "https://acme.example", state: State = State.REQUESTED
) -> Restore:
    return Restore(
        id=name,
        version=1,
        state=state,
        portal=PortalAlias("acme"),
        portal_url=portal,
        source=Source(
            backup_id="3c0f8f0a-7a6b-4f2e-9a51-0d7a4a1f6b11",
            file_name="acme.tar.gz",
            storage_type=4,
            created_on=NOW,
            expires_on=NOW + timedelta(days=1),
        ),
        reason="because",
        notify=False,
        requester="UALICE",
        channel="C1",
        view_id=f"V{name}",
        approvals_needed=1,
        requested_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
    )
