"""The migrations lead to the tables that the program uses."""

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from restorebot.model import LIVE
from restorebot.storage.migrate import configuration
from restorebot.storage.schema import REVISION, metadata
from restorebot.storage.store import Store


def test_the_programs_revision_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == REVISION


async def test_migrated_tables_are_the_programs_tables(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with store.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.parametrize("index", ["uq_restores_live_portal", "uq_restores_live_task"])
async def test_the_claim_is_held_by_every_live_state(store: Store, index: str) -> None:
    """Alembic does not compare an index's condition, and I2 hangs on these."""
    query = text("SELECT sql FROM sqlite_master WHERE name = :name")
    async with store.engine.connect() as connection:
        index = (await connection.execute(query, {"name": index})).scalar_one()
    held = re.findall(r"'(\w+)'", str(index).partition("WHERE")[2])
    assert set(held) == LIVE
