"""Alembic, called from the store: bring the tables to this program's revision."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from restorebot.errors import DatabaseError


def configuration() -> Config:
    """Alembic's configuration without an ini file.

    Percent signs in the path are doubled, as its parser wants.
    """
    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    return config


def upgrade(connection: Connection, revision: str | None) -> None:
    """Run the missing migrations.

    Raises StorageError when the tables are newer than this program.
    """
    config = configuration()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseError(
            f"The database was made by a newer restorebot (its revision is {revision}): "
            "install that version, or point DATABASE_URL at another database."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
