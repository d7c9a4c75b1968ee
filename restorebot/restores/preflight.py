"""The named checks that a restore must pass, shared by the modal and the start."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from restorebot.docspace.client import DocSpace
from restorebot.docspace.models import BackupRecord, KeyInfo, PortalInfo, Progress, clean_text
from restorebot.docspace.replies import HOW_TO_STORE
from restorebot.docspace.storages import DOCUMENTS, REFUSED
from restorebot.errors import (
    AccessDenied,
    KeyUnusable,
    PortalError,
    PortalForbidden,
    PortalNotFound,
    PortalTimeout,
    StorageError,
)
from restorebot.model import LIVE, Restore, Source
from restorebot.storage.store import Store

KEY_EXPIRY_MARGIN = timedelta(days=1)
"""A key that expires within this may die before the restore is over."""

TENANT_STATUS_NAMES = {
    0: "active",
    1: "suspended",
    2: "about to be removed",
    3: "being transferred",
    4: "locked by a restore",
    5: "being migrated",
    6: "being encrypted",
}
"""DocSpace's ``tenantStatus`` in words (docspace-api §5)."""


FILE_NAME_LIMIT = 200
"""Characters of a backup's file name that are kept; the modal's private_metadata has room for 3,000
in all.
"""

T = TypeVar("T")


class CheckResult(StrEnum):
    """How a check came out.

    UNSURE could not be made just now: it stops a restore too, but may pass later.
    """

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Check:
    """One check. ``sentence`` says what was found and, where it did not pass, what to do."""

    name: str
    result: CheckResult
    sentence: str


@dataclass(frozen=True)
class Report:
    """What the checks found. ``alias`` is the portal's own name for itself, ``source`` the backup,
    if they were found.

    ``previous_task_id`` is the taskId of the restore task that the portal shows, finished by
    necessity if all checks passed.
    """

    checks: tuple[Check, ...]
    alias: str = ""
    source: Source | None = None
    previous_task_id: str | None = None

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.result is CheckResult.FAILED)

    @property
    def unsure(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.result is CheckResult.UNSURE)

    @property
    def passed(self) -> bool:
        return not self.failed and not self.unsure and self.source is not None


class Preflight:
    """Runs the checks against a portal and our own table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(
        self,
        portal: DocSpace,
        wanted: str | Source,
        now: datetime,
        *,
        patience: float,
        restore: Restore | None = None,
        known: list[BackupRecord] | None = None,
    ) -> Report:
        """All checks at once, none of which takes longer than ``patience`` seconds. Never raises a
        PortalError.

        ``wanted`` is the id of a backup in the history, or an archive. With ``restore``, the checks
        before its start: the portal and the backup must be those that were asked for, and its own
        request is not in the way. ``known`` is the history where it has been read already, which is
        not read twice for one modal.
        """
        archive = wanted if isinstance(wanted, Source) and not wanted.backup_id else None
        backup_id = wanted.backup_id if isinstance(wanted, Source) else wanted
        (settings, key, history, backup, progress, others), file = await asyncio.gather(
            asyncio.gather(
                result_or_error(portal.settings(), patience, portal.host),
                result_or_error(portal.key_info(), patience, portal.host),
                result_or_error(
                    portal.history() if known is None else _at_once(known), patience, portal.host
                ),
                result_or_error(portal.backup_progress(), patience, portal.host),
                result_or_error(portal.restore_progress(), patience, portal.host),
                self._others(portal, restore),
            ),
            result_or_error(_looked_at(portal, archive), patience, portal.host),
        )
        alias = settings.tenant_alias or portal.host if isinstance(settings, PortalInfo) else ""
        found = (
            _find(history, backup_id)
            if archive is None
            else file
            if isinstance(file, Source)
            else None
        )
        checks = (
            _check_portal(settings, alias, restore),
            _check_key(key, history, now),
            _check_archive(file, restore)
            if archive
            else _check_backup(history, found, now, restore),
            _check_tasks(backup, progress),
            others,
        )
        previous_task_id = progress.task_id if isinstance(progress, Progress) else None
        return Report(checks, alias, found, previous_task_id)

    async def _others(self, portal: DocSpace, restore: Restore | None) -> Check:
        name = "no other request"
        try:
            async with self._store.reading() as tx:
                open_ones = await tx.open_restores(portal.url)
        except StorageError as error:
            return Check(name, CheckResult.FAILED, f"{error} Tell whoever runs restorebot.")
        # A request that waits for approval is no obstacle to one that is approved: who starts
        # first, wins the claim.
        others = [
            other
            for other in open_ones
            if restore is None or (other.id != restore.id and other.state in LIVE)
        ]
        ahead = next((other.starts_at for other in others if other.is_planned), None)
        others = [other for other in others if not other.is_planned]
        if ahead and not others:
            sentence = (
                f"Another restore is planned for {ahead:%Y-%m-%d %H:%M} UTC; when one completes, "
                "the other is void."
            )
            return Check(name, CheckResult.WARNED, sentence)
        if others:
            sentence = f"Another restore of this portal is open here ({others[0].state})."
            return Check(
                name,
                CheckResult.FAILED,
                f"{sentence} Wait until it has ended, or have it withdrawn.",
            )
        return Check(name, CheckResult.PASSED, "No other restore of this portal is open here.")


async def _at_once(value: T) -> T:
    return value


async def result_or_error(call: Awaitable[T], patience: float, host: str) -> T | PortalError:
    """The call's result, or its error as a value; none takes longer than ``patience`` seconds."""
    try:
        async with asyncio.timeout(patience):
            return await call
    except PortalError as error:
        return error
    except TimeoutError:
        return PortalTimeout(
            f"{host} did not answer within {patience:g} seconds; try again when it is quicker."
        )


def _broken(name: str, error: PortalError) -> Check:
    return Check(name, CheckResult.UNSURE if error.transient else CheckResult.FAILED, str(error))


def _check_portal(settings: PortalInfo | PortalError, alias: str, restore: Restore | None) -> Check:
    name = "portal"
    if isinstance(settings, PortalError):
        return _broken(name, settings)
    if restore and alias != restore.portal:
        sentence = (
            f"The address answers for the portal {alias}, not for {restore.portal}. Find out why, "
            "then ask again."
        )
        return Check(name, CheckResult.FAILED, sentence)
    if settings.tenant_status != 0:
        status = TENANT_STATUS_NAMES.get(
            settings.tenant_status, f"in status {settings.tenant_status}"
        )
        return Check(
            name,
            CheckResult.FAILED,
            f"The portal {alias} is {status}. Ask again when it is active.",
        )
    return Check(name, CheckResult.PASSED, f"The portal {alias} answers and is active.")


def _check_key(
    key: KeyInfo | PortalError | None, history: list[BackupRecord] | PortalError, now: datetime
) -> Check:
    name = "API key"
    if isinstance(key, PortalError):
        return _broken(name, key)
    if isinstance(history, KeyUnusable | PortalForbidden):
        return _broken(name, history)
    if key is None:
        if isinstance(history, PortalError):
            return Check(
                name,
                CheckResult.UNSURE,
                "The key could not be tried: the backup history was not answered.",
            )
        return Check(
            name, CheckResult.PASSED, "The key is accepted. This portal does not tell its rights."
        )
    if not key.is_active or not key.may_write:
        sentence = (
            f"The key {key.name} may not write. Make one with all permissions. {HOW_TO_STORE}"
        )
        return Check(name, CheckResult.FAILED, sentence)
    if key.expires_at and key.expires_at < now + KEY_EXPIRY_MARGIN:
        sentence = (
            f"The key {key.name} expires in less than a day. Make a new one if the restore is not "
            "to start soon."
        )
        return Check(name, CheckResult.WARNED, sentence)
    return Check(name, CheckResult.PASSED, "The key is accepted and may write.")


async def _looked_at(portal: DocSpace, archive: Source | None) -> Source | None:
    """The archive with what the portal tells of it, which is nothing of those outside its rooms."""
    if archive is None or archive.storage_type != DOCUMENTS:
        return archive
    file = await portal.file(archive.path or "")
    title = clean_text(file.title, FILE_NAME_LIMIT)
    return replace(
        archive, file_name=title, size=file.size, version=file.version, changed_on=file.updated
    )


def _check_archive(file: Source | PortalError | None, restore: Restore | None) -> Check:
    name = "archive"
    if isinstance(file, PortalNotFound):
        sentence = (
            "The portal shows the key's owner no file with this id. Copy it from the file's "
            "address."
        )
        return Check(name, CheckResult.FAILED, sentence)
    if isinstance(file, AccessDenied):
        sentence = (
            "The key's owner may not open this file. Let them into its room, or choose another "
            "file."
        )
        return Check(name, CheckResult.FAILED, sentence)
    if isinstance(file, PortalError):
        return _broken(name, file)
    if file is None or file.storage_type != DOCUMENTS:
        sentence = (
            "The portal looks for it only when it has taken the restore; until then nobody can "
            "tell if it is there."
        )
        return Check(name, CheckResult.WARNED, sentence)
    if restore and file != restore.source:
        return Check(
            name,
            CheckResult.FAILED,
            "The file has changed since it was asked for. Look at it and ask again.",
        )
    if not file.file_name.lower().endswith((".tar.gz", ".tar")):
        sentence = (
            f"The name {file.file_name} does not end in .tar.gz or .tar. If it is no backup, the "
            "portal refuses it."
        )
        return Check(name, CheckResult.WARNED, sentence)
    return Check(name, CheckResult.PASSED, "The file is in a room of this portal.")


def _find(history: list[BackupRecord] | PortalError, backup_id: str | None) -> Source | None:
    if isinstance(history, PortalError) or backup_id is None:
        return None
    for record in history:
        if record.id.lower() == backup_id.lower():
            file_name = clean_text(record.file_name, FILE_NAME_LIMIT)
            return Source(
                backup_id=record.id,
                file_name=file_name,
                storage_type=record.storage_type,
                created_on=record.created_on,
                expires_on=record.expires_on,
            )
    return None


def _check_backup(
    history: list[BackupRecord] | PortalError,
    found: Source | None,
    now: datetime,
    restore: Restore | None,
) -> Check:
    name = "backup"
    if isinstance(history, PortalError):
        return _broken(name, history)
    if found is None:
        sentence = (
            "This portal's history has no such backup. Copy the id of one from DocSpace: Settings, "
            "Backup."
        )
        return Check(name, CheckResult.FAILED, sentence)
    if found.storage_type in REFUSED:
        return Check(
            name, CheckResult.FAILED, f"{REFUSED[found.storage_type]} Choose another backup."
        )
    if restore and found != restore.source:
        return Check(
            name,
            CheckResult.FAILED,
            "The backup has changed since it was asked for. Look at it and ask again.",
        )
    if found.expires_on and found.expires_on <= now:
        return Check(
            name,
            CheckResult.FAILED,
            "The backup has expired: its file is no longer kept. Choose another one.",
        )
    return Check(name, CheckResult.PASSED, "The backup is in this portal's history.")


def _check_tasks(
    backup: Progress | PortalError | None, restore: Progress | PortalError | None
) -> Check:
    name = "nothing running"
    for progress, what in ((restore, "restore"), (backup, "backup")):
        if isinstance(progress, PortalError):
            return _broken(name, progress)
        if progress and not progress.is_completed:
            sentence = (
                f"A {what} is running on the portal, at {progress.progress} %. Ask again when it "
                "has ended."
            )
            return Check(name, CheckResult.FAILED, sentence)
    return Check(name, CheckResult.PASSED, "No backup and no restore is running on the portal.")
