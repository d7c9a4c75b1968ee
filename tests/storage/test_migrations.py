"""The migrations lead to the tables that the program uses."""

import re

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


async def test_the_claim_is_held_by_every_live_state(store: Store) -> None:
    """Alembic does not compare an index's condition, and I2 hangs on this one."""
    name = "SELECT sql FROM sqlite_master WHERE name = 'uq_restores_live_portal'"
    async with store.engine.connect() as connection:
        index = (await connection.execute(text(name))).scalar_one()
    held = re.findall(r"'(\w+)'", str(index).partition("WHERE")[2])
    assert set(held) == LIVE
