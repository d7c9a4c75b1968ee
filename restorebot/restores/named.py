"""Backups by what people can see: DocSpace's own page shows file names, and never ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from restorebot.docspace.models import BackupRecord
from restorebot.docspace.storages import refusal_of
from restorebot.errors import Refusal
from restorebot.restores.preflight import BackupRef, SourceRef
from restorebot.subcommands import LATEST


@dataclass(frozen=True)
class NamedBackup:
    """A backup as somebody typed it: its file name, how that begins, or ``latest``."""

    typed: str


Wanted = SourceRef | NamedBackup


class NoSuchBackup(Refusal):
    """No backup has what was typed as its name, or as the beginning of it."""

    def __init__(self, typed: str) -> None:
        super().__init__("There is no such backup.")
        self.typed = typed


class SeveralBackups(Refusal):
    """Several backups have names that begin so; ``records`` are they, newest first."""

    def __init__(self, typed: str, records: Sequence[BackupRecord]) -> None:
        super().__init__("Several backups have a name that begins so.")
        self.typed = typed
        self.records = tuple(records)


class NothingToRestore(Refusal):
    """No backup of the history can be restored."""


def is_usable(record: BackupRecord, now: datetime) -> bool:
    """Tell whether a backup can be restored, as far as its record says."""
    if record.expires_on and record.expires_on <= now:
        return False
    return refusal_of(record.storage_type) is None


def backup_named(wanted: NamedBackup, history: Sequence[BackupRecord], now: datetime) -> BackupRef:
    """Return the backup that somebody means; ``history`` is newest first.

    A whole name wins over one that only begins so. Raise NoSuchBackup, SeveralBackups,
    NothingToRestore.
    """
    typed = _comparable(wanted.typed)
    if typed == LATEST:
        return BackupRef(_latest(history, now).id)
    names = [(_comparable(record.file_name), record) for record in history]
    found = [record for name, record in names if name == typed]
    if not found:
        found = [record for name, record in names if name.startswith(typed)]
    if not found:
        raise NoSuchBackup(wanted.typed)
    if len(found) > 1:
        raise SeveralBackups(wanted.typed, found)
    return BackupRef(found[0].id)


def _latest(history: Sequence[BackupRecord], now: datetime) -> BackupRecord:
    for record in history:
        if is_usable(record, now):
            return record
    raise NothingToRestore("The portal's history has no backup that can be restored.")


def _comparable(name: str) -> str:
    return " ".join(name.split()).casefold()
