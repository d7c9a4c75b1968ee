"""What a portal is asked before a restore; the modal and the start share it."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from restorebot.docspace.client import DocSpace
from restorebot.docspace.models import (
    BackupRecord,
    FolderInfo,
    KeyInfo,
    PortalInfo,
    Progress,
    clean_text,
)
from restorebot.docspace.storages import StorageType
from restorebot.errors import PortalError, PortalNotFound, PortalTimeout, StorageError
from restorebot.model import PortalAlias, Restore, Source
from restorebot.restores.checks import (
    ARCHIVE_NOT_FOUND,
    Check,
    CheckResult,
    alias_of,
    check_archive,
    check_backup,
    check_key,
    check_others,
    check_portal,
    check_tasks,
)
from restorebot.storage.store import Store

FILE_NAME_LIMIT = 200
"""Characters of a backup's file name that are kept; the modal's private_metadata has room for 3,000
in all.
"""

T = TypeVar("T")


@dataclass(frozen=True)
class BackupRef:
    """A backup of the portal's history, by its id."""

    backup_id: str


@dataclass(frozen=True)
class ArchiveRef:
    """An archive that somebody named, not looked at yet."""

    source: Source


SourceRef = BackupRef | ArchiveRef


def ref_of(source: Source) -> SourceRef:
    """Return what names this source, to look it up afresh."""
    if source.backup_id:
        return BackupRef(source.backup_id)
    return ArchiveRef(source)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the checks found.

    ``alias`` is the portal's own name for itself, None where it did not tell, and ``source`` the
    backup or archive, if it was found. ``previous_task_id`` is the taskId of the restore task that
    the portal shows, finished by necessity if all checks passed.
    """

    checks: tuple[Check, ...]
    alias: PortalAlias | None = None
    source: Source | None = None
    previous_task_id: str | None = None

    @property
    def failed(self) -> tuple[Check, ...]:
        """Return the checks that will not pass by waiting."""
        return tuple(check for check in self.checks if check.result is CheckResult.FAILED)

    @property
    def why_failed(self) -> str:
        """Return the sentences of those, each once: one trouble can fail several checks."""
        return " ".join(dict.fromkeys(check.sentence for check in self.failed))

    @property
    def unsure(self) -> tuple[Check, ...]:
        """Return the checks that could not be made just now."""
        return tuple(check for check in self.checks if check.result is CheckResult.UNSURE)

    @property
    def passed(self) -> bool:
        """Return whether the restore may be asked for, or started."""
        return not self.failed and not self.unsure and self.source is not None


@dataclass(frozen=True, kw_only=True)
class _Answers:
    """What the portal answered, each with its error where it did not."""

    settings: PortalInfo | PortalError
    key: KeyInfo | PortalError | None
    history: list[BackupRecord] | PortalError
    backup: Progress | PortalError | None
    restore: Progress | PortalError | None
    archive: "_Archive | PortalError | None"
    """A file as the portal shows it; None where it shows nothing, as of what is in no room."""


@dataclass(frozen=True)
class _Archive:
    """A file in a room, and the folder that it is in, None where the portal does not say which."""

    source: Source
    folder: FolderInfo | PortalError | None


class Preflight:
    """Runs the checks against a portal and our own table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(
        self,
        portal: DocSpace,
        wanted: SourceRef,
        now: datetime,
        *,
        patience: float,
        restore: Restore | None = None,
        known: list[BackupRecord] | None = None,
    ) -> Report:
        """Make all checks at once, none of which takes longer than ``patience`` seconds.

        Never raise a PortalError or StorageError. With ``restore``, these are the checks before its
        start: the portal and the backup must be those that were asked for, and its own request is
        not in the way. ``known`` is the history where it has been read already, which is not read
        twice for one modal.
        """
        answers, open_restores = await asyncio.gather(
            _ask(portal, wanted, patience, known), self._open_restores(portal)
        )
        alias: PortalAlias | None = None
        if not isinstance(answers.settings, PortalError):
            alias = alias_of(answers.settings, portal.host)
        found, check = _check_source(wanted, answers, now, restore)
        checks = (
            check_portal(answers.settings, portal.host, restore),
            check_key(answers.key, answers.history, now, portal.hints),
            check,
            check_tasks(answers.backup, answers.restore),
            check_others(open_restores, restore),
        )
        previous_task_id = None
        if isinstance(answers.restore, Progress):
            previous_task_id = answers.restore.task_id
        return Report(checks=checks, alias=alias, source=found, previous_task_id=previous_task_id)

    async def _open_restores(self, portal: DocSpace) -> Sequence[Restore] | StorageError:
        try:
            async with self._store.reading() as tx:
                return await tx.open_restores(portal.url)
        except StorageError as error:
            return error


def too_slow(host: str, seconds: float) -> str:
    """Say that a check does not wait any longer."""
    return f"{host} did not answer within {seconds:g} seconds; try again when it is quicker."


async def result_or_error(call: Awaitable[T], patience: float, host: str) -> T | PortalError:
    """Return the call's result, or its error; none takes longer than ``patience`` seconds."""
    try:
        async with asyncio.timeout(patience):
            return await call
    except PortalError as error:
        return error
    except TimeoutError:
        return PortalTimeout(too_slow(host, patience))


async def _ask(
    portal: DocSpace, wanted: SourceRef, patience: float, known: list[BackupRecord] | None
) -> _Answers:
    """Ask the portal everything at once."""

    async def asked(call: Awaitable[T]) -> T | PortalError:
        return await result_or_error(call, patience, portal.host)

    settings, key, history, backup, restore, archive = await asyncio.gather(
        asked(portal.settings()),
        asked(portal.key_info()),
        asked(_history(portal, known)),
        asked(portal.backup_progress()),
        asked(portal.restore_progress()),
        asked(_archive(portal, wanted)),
    )
    return _Answers(
        settings=settings,
        key=key,
        history=history,
        backup=backup,
        restore=restore,
        archive=archive,
    )


async def _history(portal: DocSpace, known: list[BackupRecord] | None) -> list[BackupRecord]:
    if known is not None:
        return known
    return await portal.history()


async def _archive(portal: DocSpace, wanted: SourceRef) -> _Archive | None:
    """Return an archive with what the portal tells of it; None of those outside its rooms."""
    if isinstance(wanted, BackupRef) or wanted.source.storage_type != StorageType.DOCUMENTS:
        return None
    if wanted.source.path is None:
        raise PortalNotFound(ARCHIVE_NOT_FOUND)
    file = await portal.file(wanted.source.path)
    source = replace(
        wanted.source,
        file_name=clean_text(file.title, FILE_NAME_LIMIT),
        size=file.size,
        version=file.version,
        changed_on=file.updated,
    )
    return _Archive(source, await _folder(portal, file.folder_id))


async def _folder(portal: DocSpace, folder_id: str | None) -> FolderInfo | PortalError | None:
    if folder_id is None:
        return None
    try:
        return await portal.folder(folder_id)
    except PortalError as error:
        return error


def _check_source(
    wanted: SourceRef, answers: _Answers, now: datetime, restore: Restore | None
) -> tuple[Source | None, Check]:
    """Return what was wanted, if it was found, and how its check came out."""
    if isinstance(wanted, BackupRef):
        found = _find(answers.history, wanted.backup_id)
        check = check_backup(found, now, restore)
    else:
        found, folder = _shown(answers.archive, wanted)
        check = check_archive(found, folder, restore)
    if isinstance(found, PortalError):
        return None, check
    return found, check


def _shown(
    archive: _Archive | PortalError | None, wanted: ArchiveRef
) -> tuple[Source | PortalError, FolderInfo | PortalError | None]:
    """Return an archive as the portal shows it, or as it was wanted, and its folder."""
    match archive:
        case _Archive():
            return archive.source, archive.folder
        case PortalError():
            return archive, None
    return wanted.source, None


def _find(history: list[BackupRecord] | PortalError, backup_id: str) -> Source | PortalError | None:
    if isinstance(history, PortalError):
        return history
    for record in history:
        if record.id.lower() == backup_id.lower():
            return Source(
                backup_id=record.id,
                file_name=clean_text(record.file_name, FILE_NAME_LIMIT),
                storage_type=record.storage_type,
                created_on=record.created_on,
                expires_on=record.expires_on,
            )
    return None
