"""Alembic, called from the store: bring the tables to this program's revision."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from restorebot.errors import DatabaseError
from restorebot.storage import problems


def configuration() -> Config:
    """Return Alembic's configuration, without an ini file."""
    folder = str(Path(__file__).parent / "migrations")
    config = Config()
    # Its parser wants percent signs doubled.
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return config


def upgrade(connection: Connection, revision: str | None) -> None:
    """Run the missing migrations.

    Raise DatabaseError when the tables are newer than this program.
    """
    config = configuration()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseError(problems.unknown_revision(revision))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
