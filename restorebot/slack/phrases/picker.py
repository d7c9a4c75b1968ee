"""The picker's words, and those of its fields for an archive, in plain text unless said."""

from datetime import timedelta

from restorebot.docspace.storages import StorageType
from restorebot.slack.mrkdwn import code
from restorebot.slack.phrases.restore import stored_in
from restorebot.subcommands import COMMAND
from restorebot.times import duration

TITLE = "Choose a backup"
NEXT = "Next"
CANCEL = "Cancel"

BACKUP_LABEL = "Backup"
BACKUP_PLACEHOLDER = "Choose a backup, or type to filter"
NAME_LABEL = "A backup's file name, or its id"
OTHER_NAME_LABEL = "Or another backup's file name, or its id"

LIST_SHOWS_ALL = f"`{COMMAND} list` shows them all."
NOT_READ = "The backups could not be read"
NOT_OFFERED = (
    "Not offered: an upload (DocSpace restores whatever was uploaded last), a custom cloud "
    "(DocSpace does not implement it), and a whole instance (it would replace every portal of it)."
)

FIELDS_COMING = "The fields of this choice are coming up just now. Fill them in, then press Next."
BOTH_GIVEN = "Choose a backup or type a name, not both. Empty this field to take the one chosen."
NONE_GIVEN = "Choose a backup, or type the file name of one."

KIND_LABEL = "Restore from"
HISTORY_KIND = "A backup of the portal's history"
ARCHIVE_KINDS = {
    StorageType.DOCUMENTS: "A file in a room",
    StorageType.THIRD_PARTY: "A file in a connected third-party account",
    StorageType.CLOUD: "An archive in own cloud storage",
}
"""Where an archive can be named: not in temporary storage and on the server's disk.

Their backups are found in the history alone.
"""

FILE_LABEL = "File id"
ROOM_FILE_HINT = "The number in the file's address."
PROVIDER_FILE_HINT = "The provider's own id, as the file's address has it."
MODULE_LABEL = "Storage"
PATH_LABEL = "Path of the archive"
PATH_HINT = "Its path in the storage, for example acme_2026-03-01.tar.gz."
SUBDIR_LABEL = "Folder"
SUBDIR_HINT = "Empty for DocSpace's own, which is backup."
NO_CHOICE = "None"

NO_ROOM_FILE = "A file in a room has a number as its id; it stands in the file's address."
NO_PROVIDER_FILE = (
    "A connected account's file has an id that is no number, such as sbox-4-|backup.tar.gz."
)
NO_PATH = "Type the archive's path in the storage, with the file's name at its end."
TOO_LONG_TOGETHER = (
    "All these values are too long together for Slack to carry them. Shorten the path."
)


def none_usable(portal: str) -> str:
    """Say that there is nothing to choose from, in mrkdwn."""
    return f"The history of {code(portal)} has no backup that can be restored."


def newest_first(portal: str, more: int) -> str:
    """Head the backups, in mrkdwn; ``more`` are older and not offered."""
    if not more:
        return f"Backups of {code(portal)}, newest first."
    return (
        f"Backups of {code(portal)}, newest first. The {more} older ones are not among them: "
        f"{LIST_SHOWS_ALL}"
    )


def age_and_place(age: timedelta, storage_type: int) -> str:
    """Say how old a backup is, and where it is kept."""
    return f"{duration(age)} old, in {stored_in(storage_type)}"
