"""The named checks that a restore must pass: what a portal answered, judged.

Pure; each sentence says what was found and, where the check does not pass, what to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from restorebot.docspace.models import (
    ACTIVE,
    BackupRecord,
    FolderInfo,
    KeyInfo,
    PortalInfo,
    Progress,
    tenant_status_name,
)
from restorebot.docspace.sentences import SetupHints
from restorebot.docspace.storages import StorageType, refusal_of
from restorebot.errors import (
    AccessDenied,
    KeyUnusable,
    PortalError,
    PortalForbidden,
    PortalNotFound,
    StorageError,
)
from restorebot.model import LIVE, PortalAlias, Restore, Source
from restorebot.times import utc_text

KEY_EXPIRY_MARGIN = timedelta(days=1)
"""A key that expires within this may die before the restore is over."""

ARCHIVE_ENDINGS = (".tar.gz", ".tar")


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


def unanswered(name: str, error: PortalError) -> Check:
    """Return a check that the portal's answer kept from being made."""
    if error.transient:
        return Check(name, CheckResult.UNSURE, str(error))
    return Check(name, CheckResult.FAILED, str(error))


PORTAL = "portal"


def portal_active(alias: str) -> str:
    """Say that the portal can be restored."""
    return f"The portal {alias} answers and is active."


def portal_inactive(alias: str, tenant_status: int) -> str:
    """Say that nobody can use the portal just now, and why."""
    return (
        f"The portal {alias} is {tenant_status_name(tenant_status)}. Ask again when it is active."
    )


def another_portal(alias: str, wanted: str) -> str:
    """Say that the address answers for another portal than it did."""
    return (
        f"The address answers for the portal {alias}, not for {wanted}. Find out why, then ask "
        "again."
    )


def alias_of(settings: PortalInfo, host: str) -> PortalAlias:
    """Return the portal's own name for itself, or its host where it has none."""
    return PortalAlias(settings.tenant_alias or host)


def check_portal(settings: PortalInfo | PortalError, host: str, restore: Restore | None) -> Check:
    """Check that the portal is active, and the one that was asked for."""
    if isinstance(settings, PortalError):
        return unanswered(PORTAL, settings)
    alias = alias_of(settings, host)
    if restore and alias != restore.portal:
        return Check(PORTAL, CheckResult.FAILED, another_portal(alias, restore.portal))
    if settings.tenant_status != ACTIVE:
        sentence = portal_inactive(alias, settings.tenant_status)
        return Check(PORTAL, CheckResult.FAILED, sentence)
    return Check(PORTAL, CheckResult.PASSED, portal_active(alias))


API_KEY = "API key"

KEY_ACCEPTED = "The key is accepted and may write."
KEY_ACCEPTED_BLINDLY = "The key is accepted. This portal does not tell its rights."
KEY_UNTRIED = "The key could not be tried: the backup history was not answered."


def key_read_only(name: str, hints: SetupHints) -> str:
    """Say that the key may not write."""
    return f"The key {name} may not write. Make one with all permissions. {hints.replace_key}"


def key_expires(name: str) -> str:
    """Say that the key expires within KEY_EXPIRY_MARGIN."""
    return (
        f"The key {name} expires in less than a day. Make a new one if the restore is not to start "
        "soon."
    )


def check_key(
    key: KeyInfo | PortalError | None,
    history: Sequence[BackupRecord] | PortalError,
    now: datetime,
    hints: SetupHints,
) -> Check:
    """Check that the key may start a restore; the history tells too whether it opens anything."""
    if isinstance(key, PortalError):
        return unanswered(API_KEY, key)
    if isinstance(history, KeyUnusable | PortalForbidden):
        return unanswered(API_KEY, history)
    if key is None:
        if isinstance(history, PortalError):
            return Check(API_KEY, CheckResult.UNSURE, KEY_UNTRIED)
        return Check(API_KEY, CheckResult.PASSED, KEY_ACCEPTED_BLINDLY)
    if not key.is_active or not key.may_write:
        return Check(API_KEY, CheckResult.FAILED, key_read_only(key.name, hints))
    if key.expires_at and key.expires_at < now + KEY_EXPIRY_MARGIN:
        return Check(API_KEY, CheckResult.WARNED, key_expires(key.name))
    return Check(API_KEY, CheckResult.PASSED, KEY_ACCEPTED)


ARCHIVE = "archive"

ARCHIVE_FOUND = "The file is in a room of this portal."
ARCHIVE_NOT_FOUND = (
    "The portal shows the key's owner no file with this id. Copy it from the file's address."
)
ARCHIVE_CLOSED = (
    "The key's owner may not open this file. Let them into its room, or choose another file."
)
ARCHIVE_UNSEEN = (
    "The portal looks for it only when it has taken the restore; until then nobody can tell if it "
    "is there."
)
ARCHIVE_ROOM_CLOSED = (
    "The key's owner may not create files in this file's folder, and the portal restores from "
    "nowhere else. Give them that right, or choose another file."
)
ARCHIVE_CHANGED = "The file has changed since it was asked for. Look at it and ask again."


def archive_misnamed(file_name: str) -> str:
    """Say that the file is not called like a backup."""
    return (
        f"The name {file_name} does not end in .tar.gz or .tar. If it is no backup, the portal "
        "refuses it."
    )


def check_archive(
    file: Source | PortalError, folder: FolderInfo | PortalError | None, restore: Restore | None
) -> Check:
    """Check that an archive is there as it was asked for, as far as the portal tells.

    ``folder`` is the one that it is in, None where it is not known.
    """
    if isinstance(file, PortalNotFound):
        return Check(ARCHIVE, CheckResult.FAILED, ARCHIVE_NOT_FOUND)
    if isinstance(file, AccessDenied):
        return Check(ARCHIVE, CheckResult.FAILED, ARCHIVE_CLOSED)
    if isinstance(file, PortalError):
        return unanswered(ARCHIVE, file)
    if file.storage_type != StorageType.DOCUMENTS:
        return Check(ARCHIVE, CheckResult.WARNED, ARCHIVE_UNSEEN)
    if restore and file != restore.source:
        return Check(ARCHIVE, CheckResult.FAILED, ARCHIVE_CHANGED)
    in_the_way = _folder_problem(folder)
    if in_the_way is not None:
        return in_the_way
    if not file.file_name.lower().endswith(ARCHIVE_ENDINGS):
        return Check(ARCHIVE, CheckResult.WARNED, archive_misnamed(file.file_name))
    return Check(ARCHIVE, CheckResult.PASSED, ARCHIVE_FOUND)


def _folder_problem(folder: FolderInfo | PortalError | None) -> Check | None:
    """Return why an archive cannot be restored from its folder; None where nothing is known of it.

    The portal asks for the right to create there, which is more than the right to read.
    """
    match folder:
        case AccessDenied() | FolderInfo(may_create=False):
            return Check(ARCHIVE, CheckResult.FAILED, ARCHIVE_ROOM_CLOSED)
        case PortalError(transient=True):
            return unanswered(ARCHIVE, folder)
    return None


BACKUP = "backup"

BACKUP_FOUND = "The backup is in this portal's history."
BACKUP_NOT_FOUND = (
    "This portal's history has no such backup. Look at the list of its backups and choose one."
)
BACKUP_CHANGED = "The backup has changed since it was asked for. Look at it and ask again."
BACKUP_EXPIRED = "The backup has expired: its file is no longer kept. Choose another one."


def backup_refused(refusal: str) -> str:
    """Say that the backup is in a storage that is not offered."""
    return f"{refusal} Choose another backup."


def check_backup(
    found: Source | PortalError | None, now: datetime, restore: Restore | None
) -> Check:
    """Check that a backup is in the history as it was asked for, and can be restored."""
    if isinstance(found, PortalError):
        return unanswered(BACKUP, found)
    if found is None:
        return Check(BACKUP, CheckResult.FAILED, BACKUP_NOT_FOUND)
    refusal = refusal_of(found.storage_type)
    if refusal is not None:
        return Check(BACKUP, CheckResult.FAILED, backup_refused(refusal))
    if restore and found != restore.source:
        return Check(BACKUP, CheckResult.FAILED, BACKUP_CHANGED)
    if found.expires_on and found.expires_on <= now:
        return Check(BACKUP, CheckResult.FAILED, BACKUP_EXPIRED)
    return Check(BACKUP, CheckResult.PASSED, BACKUP_FOUND)


NOTHING_RUNNING = "nothing running"

NO_TASK = "No backup and no restore is running on the portal."


def task_running(what: str, percent: int) -> str:
    """Say that a backup or restore runs; ``percent`` is the portal's number."""
    return f"A {what} is running on the portal, at {percent} %. Ask again when it has ended."


def check_tasks(
    backup: Progress | PortalError | None, restore: Progress | PortalError | None
) -> Check:
    """Check that neither a restore nor a backup is running on the portal."""
    for progress, what in ((restore, "restore"), (backup, "backup")):
        if isinstance(progress, PortalError):
            return unanswered(NOTHING_RUNNING, progress)
        if progress and not progress.is_completed:
            sentence = task_running(what, progress.progress)
            return Check(NOTHING_RUNNING, CheckResult.FAILED, sentence)
    return Check(NOTHING_RUNNING, CheckResult.PASSED, NO_TASK)


NO_OTHER_REQUEST = "no other request"

NO_OTHER = "No other restore of this portal is open here."


def other_open(state: str) -> str:
    """Say that another restore of the portal is under way."""
    return (
        f"Another restore of this portal is open here ({state}). Wait until it has ended, or have "
        "it withdrawn."
    )


def other_planned(starts_at: datetime) -> str:
    """Say that another restore of the portal waits for its time."""
    return (
        f"Another restore is planned for {utc_text(starts_at)}; when one completes, the other is "
        "void."
    )


def table_unreadable(error: StorageError) -> str:
    """Say that our own requests cannot be looked at."""
    return f"{error} Tell whoever runs restorebot."


def check_others(open_restores: Sequence[Restore] | StorageError, restore: Restore | None) -> Check:
    """Check that no other restore of the portal is open here."""
    if isinstance(open_restores, StorageError):
        return Check(NO_OTHER_REQUEST, CheckResult.FAILED, table_unreadable(open_restores))
    others = [other for other in open_restores if _is_in_the_way(other, restore)]
    for other in others:
        if not other.is_planned:
            return Check(NO_OTHER_REQUEST, CheckResult.FAILED, other_open(other.state))
    for other in others:
        if other.starts_at is not None:
            return Check(NO_OTHER_REQUEST, CheckResult.WARNED, other_planned(other.starts_at))
    return Check(NO_OTHER_REQUEST, CheckResult.PASSED, NO_OTHER)


def _is_in_the_way(other: Restore, restore: Restore | None) -> bool:
    """Return whether another open restore is in the way of one, or of one to be asked for.

    A request that waits for approval is no obstacle to one that is approved: who starts first, wins
    the claim.
    """
    if restore is None:
        return True
    return other.id != restore.id and other.state in LIVE
