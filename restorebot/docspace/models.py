"""The portal's JSON, parsed once into small frozen models.

They accept what every version sends (docspace-api §11, §12).
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from restorebot.docspace.storages import StorageType
from restorebot.errors import BadReply

_STORAGE = {storage.facts.api_name.lower(): int(storage) for storage in StorageType}

CANCELLED, FAULTED = 3, 4

_STATUS = {"created": 0, "running": 1, "completed": 2, "canceled": CANCELLED, "failted": FAULTED}

BACKUP_CANCELLED = "Backup cancelled"
"""A cancelled backup's ``warning``, in English portals (docspace-api §9)."""

NO_CLOUD_KEYS = "Object reference not set to an instance of an object"
"""How a task fails at 0 % whose cloud the portal has no keys for (docspace-api §2.1)."""

CLOUD_KEYS_MISSING = (
    "The portal has no keys for this cloud. Set them in DocSpace: Settings, Integration."
)

NEVER = 1
"""The year of an ``expiresOn`` that means "does not expire"."""

ACTIVE = 0
"""The ``tenantStatus`` of a portal that people can use."""

LOCKED = frozenset({3, 4, 6})
"""The ``tenantStatus`` of a portal that answers 403 to nearly everything."""

RESTORING = 4
"""The ``tenantStatus`` of a portal that a restore has locked."""

ADDRESS_BUSY = "Address busy."
"""What a restore says that failed at its very end, when it was to take the portal's address."""

DELETED = "_deleted"
"""What such a restore has added to the alias of the portal that it was to replace."""

LOCKED_BY_RESTORE = "locked by a restore"

_TENANT_STATUS_NAMES: Mapping[int, str] = {
    ACTIVE: "active",
    1: "suspended",
    2: "about to be removed",
    3: "being transferred",
    RESTORING: LOCKED_BY_RESTORE,
    5: "being migrated",
    6: "being encrypted",
}


RECORD_INCOMPLETE = "The portal sent a backup record without an id or a time."
FILE_INCOMPLETE = "The portal sent a file without a title."
PERMISSIONS_UNFIT = "The portal sent a key whose permissions are no list."


def unknown_shape(what: str) -> str:
    """Say that a part of a reply is no object."""
    return f"The portal's {what} is not of the known shape."


def unfit_member(what: str, name: str, kind: str) -> str:
    """Say that a member is not of its kind."""
    return f"The portal's {what} has a {name} that is no {kind}."


def tenant_status_name(number: int) -> str:
    """Return DocSpace's ``tenantStatus`` in words, to go on after "is" (docspace-api §5)."""
    return _TENANT_STATUS_NAMES.get(number, f"in status {number}")


@dataclass(frozen=True, kw_only=True)
class PortalInfo:
    """What the portal says of itself to anybody.

    ``tenant_status`` is ACTIVE, or what ``tenant_status_name`` says (docspace-api §5).
    """

    tenant_status: int
    tenant_alias: str | None

    @property
    def is_locked(self) -> bool:
        """Return whether the portal refuses everybody for now: it is moved, restored or encrypted.

        Source: docspace-api §5.
        """
        return self.tenant_status in LOCKED

    @classmethod
    def parse(cls, value: Any) -> "PortalInfo":
        """Return the portal's settings as it sent them. Raise BadReply."""
        item = _JsonObject(value, "settings")
        return cls(
            tenant_status=item.number("tenantStatus") or ACTIVE,
            tenant_alias=item.text("tenantAlias"),
        )


@dataclass(frozen=True, kw_only=True)
class BackupRecord:
    """One backup of the portal's history.

    Times are UTC; ``expires_on`` is None when it does not expire. ``storage_type`` is DocSpace's
    number, which need not be one of StorageType.
    """

    id: str
    file_name: str
    storage_type: int
    created_on: datetime
    expires_on: datetime | None

    @classmethod
    def parse(cls, value: Any) -> "BackupRecord":
        """Return a record of the history as the portal sent it. Raise BadReply."""
        item = _JsonObject(value, "backup record")
        backup_id, created_on = item.text("id"), item.time("createdOn")
        if backup_id is None or created_on is None:
            raise BadReply(RECORD_INCOMPLETE)
        return cls(
            id=backup_id,
            file_name=item.text("fileName") or "",
            storage_type=item.number("storageType", _STORAGE) or StorageType.DOCUMENTS,
            created_on=created_on,
            expires_on=item.time("expiresOn"),
        )


@dataclass(frozen=True, kw_only=True)
class FileInfo:
    """A file in a room, as ``GET files/file/{id}`` tells, and the folder that it is in.

    ``size`` is in bytes; it and ``updated`` (UTC) are None where the portal does not tell. Source:
    the vendor's API reference of the method.
    """

    title: str
    size: int | None
    version: int
    updated: datetime | None
    folder_id: str | None

    @classmethod
    def parse(cls, value: Any) -> "FileInfo":
        """Return a file as the portal sent it. Raise BadReply."""
        item = _JsonObject(value, "file")
        title = item.text("title")
        if title is None:
            raise BadReply(FILE_INCOMPLETE)
        return cls(
            title=title,
            size=item.number("pureContentLength"),
            version=item.number("version") or 1,
            updated=item.time("updated"),
            folder_id=item.text("folderId"),
        )


@dataclass(frozen=True, kw_only=True)
class FolderInfo:
    """A folder of a room, as ``GET files/folder/{id}`` tells.

    ``may_create`` is None where the portal does not tell.
    """

    may_create: bool | None

    @classmethod
    def parse(cls, value: Any) -> "FolderInfo":
        """Return a folder as the portal sent it. Raise BadReply."""
        rights = _JsonObject(value, "folder").value("security")
        if rights is None:
            return cls(may_create=None)
        members = _JsonObject(rights, "folder")
        if members.value("create") is None:
            return cls(may_create=None)
        return cls(may_create=members.flag("create"))


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A backup's or restore's task as the portal sees it (docspace-api §1.5, §4.3).

    ``progress`` is 0 to 100.
    """

    is_completed: bool
    progress: int
    error: str | None = None
    status: int | None = None
    task_id: str | None = None
    warning: str | None = None
    """Of a backup: what was left out, or that it was cancelled."""

    @classmethod
    def parse(cls, value: Any) -> "Progress":
        """Return a task as the portal sent it. Raise BadReply."""
        item = _JsonObject(value, "progress")
        return cls(
            is_completed=item.flag("isCompleted"),
            progress=min(100, max(0, item.number("progress") or 0)),
            error=item.text("error"),
            status=item.number("status", _STATUS),
            task_id=item.text("taskId"),
            warning=item.text("warning"),
        )

    @property
    def said(self) -> str:
        """Return what it failed with in the portal's words, or in ours where those tell nothing."""
        error = clean_text(self.error or "")
        if error.startswith(NO_CLOUD_KEYS) and self.progress == 0:
            return CLOUD_KEYS_MISSING
        return error

    @property
    def succeeded(self) -> bool:
        """Return whether it is completed at 100 without error, and not cancelled or faulted.

        Status 2 alone is no success.
        """
        finished = self.is_completed and self.progress == 100
        return finished and self.error is None and not self._was_cancelled

    @property
    def failed(self) -> bool:
        """Return whether it is over, and no success.

        Before 3.7 a cancelled task differs from success by its progress alone.
        """
        return self._was_cancelled or (self.is_completed and not self.succeeded)

    @property
    def _was_cancelled(self) -> bool:
        return self.status in {CANCELLED, FAULTED} or self.warning == BACKUP_CANCELLED


@dataclass(frozen=True, kw_only=True)
class KeyInfo:
    """The calling API key (docspace-api §E). No permissions, or ``*``, means all of them."""

    name: str
    permissions: tuple[str, ...]
    expires_at: datetime | None
    is_active: bool

    @classmethod
    def parse(cls, value: Any) -> "KeyInfo":
        """Return a key as the portal sent it. Raise BadReply."""
        item = _JsonObject(value, "key")
        permissions = item.value("permissions") or []
        if not isinstance(permissions, list):
            raise BadReply(PERMISSIONS_UNFIT)
        active = item.value("isActive")
        return cls(
            name=item.text("name") or "",
            permissions=tuple(map(str, permissions)),
            expires_at=item.time("expiresAt"),
            is_active=active is None or bool(active),
        )

    @property
    def may_write(self) -> bool:
        """Return whether the key may start a restore.

        Backup routes need ``*:write`` (docspace-api §3).
        """
        return not self.permissions or not {"*", "*:write"}.isdisjoint(self.permissions)


_ZERO_WIDTH_JOINER = "\u200d"
"""Holds emoji together, and is the one format character that is kept."""


def clean_text(text: str, limit: int = 300) -> str:
    """Return text from outside on one line of at most ``limit`` characters.

    Control and direction characters are left out.
    """
    line = " ".join("".join(map(_visible, text)).split())
    if len(line) > limit:
        return line[: limit - 1] + "…"
    return line


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category in {"Cc", "Cs", "Co"}:
        return " "
    if category == "Cf" and char != _ZERO_WIDTH_JOINER:
        return ""
    return char


class _JsonObject:
    """An object of the reply, read member by member, in camelCase or PascalCase.

    What does not fit is a BadReply.
    """

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise BadReply(unknown_shape(what))
        self._members = {str(name).lower(): member for name, member in value.items()}
        self._what = what

    def value(self, name: str) -> Any:
        """Return a member as it was sent; None when absent."""
        return self._members.get(name.lower())

    def text(self, name: str) -> str | None:
        """Return a member as text; None when absent or empty."""
        value = self.value(name)
        if value is None:
            return None
        return str(value) or None

    def flag(self, name: str) -> bool:
        """Return a truth value, sent as one or in words; False when absent."""
        value = self.value(name)
        if isinstance(value, str):
            return value.lower() == "true"
        return bool(value)

    def number(self, name: str, names: Mapping[str, int] | None = None) -> int | None:
        """Return an integer, sent as a number, a numeric string or one of the names.

        None when absent.
        """
        value = self.value(name)
        if value is None or value == "":
            return None
        if isinstance(value, str) and names and value.strip().lower() in names:
            return names[value.strip().lower()]
        try:
            return int(float(value))
        except (TypeError, ValueError, OverflowError):
            raise BadReply(unfit_member(self._what, name, "number")) from None

    def time(self, name: str) -> datetime | None:
        """Return a time in UTC, which a missing zone means too.

        None when absent or in the year 1.
        """
        value = self.value(name)
        if not value:
            return None
        try:
            return _in_utc(datetime.fromisoformat(str(value)))
        except (ValueError, OverflowError):
            raise BadReply(unfit_member(self._what, name, "time")) from None


def _in_utc(moment: datetime) -> datetime | None:
    if moment.year == NEVER:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
