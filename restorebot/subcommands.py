"""The words of the `/restore` command, which no portal may be named after."""

from collections.abc import Mapping
from enum import StrEnum

COMMAND = "/restore"
"""As the manifest names it."""


class Subcommand(StrEnum):
    """A word that may follow `/restore`. What it does stands in ``slack/commands.py``."""

    LIST = "list"
    STATUS = "status"
    HISTORY = "history"
    HELP = "help"


USAGES: Mapping[Subcommand, str] = {
    Subcommand.LIST: "shows all backups",
    Subcommand.STATUS: "shows what is open and running",
    Subcommand.HISTORY: "shows how the last restores ended",
    Subcommand.HELP: "shows this",
}
"""What each word does, in plain text, for the answer to `/restore help`."""

DUMP = "dump"
"""DocSpace's word for a whole instance; it is refused."""

LATEST = "latest"
"""What stands for the newest backup that can be restored."""

RESERVED = (*Subcommand, LATEST, DUMP)
"""What no portal may be called."""
