"""The portal's JSON, parsed once into small frozen models that accept every version of
docspace-api §11 and §12.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from restorebot.errors import BadReply

STORAGE_NAMES: Mapping[int, str] = {
    0: "a room of the portal",
    1: "a connected third-party account",
    2: "a custom cloud",
    3: "the server's disk",
    4: "temporary storage",
    5: "own cloud storage",
}
"""DocSpace's ``storageType`` in words (docspace-api §2.1)."""

_STORAGE = {
    "documents": 0,
    "thridpartydocuments": 1,
    "customcloud": 2,
    "local": 3,
    "datastore": 4,
    "thirdpartyconsumer": 5,
}
_STATUS = {"created": 0, "running": 1, "completed": 2, "canceled": 3, "failted": 4}

CANCELLED, FAULTED = 3, 4

BACKUP_CANCELLED = "Backup cancelled"
"""A cancelled backup's ``warning``, in English portals (docspace-api §9)."""

NEVER = 1
"""The year of an ``expiresOn`` that means "does not expire"."""


@dataclass(frozen=True)
class PortalInfo:
    """What the portal says of itself to anybody.

    ``tenant_status`` 0 is active, 4 is restoring (docspace-api §5).
    """

    tenant_status: int
    tenant_alias: str
    version: str

    @classmethod
    def parse(cls, value: Any) -> "PortalInfo":
        """Raises BadReply."""
        item = _JsonObject(value, "settings")
        return cls(item.number("tenantStatus") or 0, item.text("tenantAlias"), item.text("version"))


@dataclass(frozen=True)
class BackupRecord:
    """One backup of the portal's history.

    Times are UTC; ``expires_on`` is None when it does not expire.
    """

    id: str
    file_name: str
    storage_type: int
    created_on: datetime
    expires_on: datetime | None

    @classmethod
    def parse(cls, value: Any) -> "BackupRecord":
        """Raises BadReply."""
        item = _JsonObject(value, "backup record")
        created = item.time("createdOn")
        if not item.text("id") or created is None:
            raise BadReply("The portal sent a backup record without an id or a time.")
        expires = item.time("expiresOn")
        storage_type = item.number("storageType", _STORAGE) or 0
        return cls(item.text("id"), item.text("fileName"), storage_type, created, expires)


@dataclass(frozen=True)
class FileInfo:
    """A file in a room, as `GET files/file/{id}` tells; ``size`` is in bytes, None where the portal
    does not tell.

    Source: the vendor's API reference of the method.
    """

    title: str
    size: int | None
    version: int
    updated: datetime | None

    @classmethod
    def parse(cls, value: Any) -> "FileInfo":
        """Raises BadReply."""
        item = _JsonObject(value, "file")
        if not item.text("title"):
            raise BadReply("The portal sent a file without a title.")
        return cls(
            item.text("title"),
            item.number("pureContentLength"),
            item.number("version") or 1,
            item.time("updated"),
        )


@dataclass(frozen=True)
class Progress:
    """A backup's or restore's task as the portal sees it (docspace-api §1.5, §4.3).

    ``progress`` is 0 to 100.
    """

    is_completed: bool
    progress: int
    error: str = ""
    status: int | None = None
    task_id: str | None = None
    warning: str = ""
    """Of a backup: what was left out, or that it was cancelled."""

    @classmethod
    def parse(cls, value: Any) -> "Progress":
        """Raises BadReply."""
        item = _JsonObject(value, "progress")
        return cls(
            item.flag("isCompleted"),
            min(100, max(0, item.number("progress") or 0)),
            item.text("error"),
            item.number("status", _STATUS),
            item.text("taskId") or None,
            item.text("warning"),
        )

    @property
    def succeeded(self) -> bool:
        """Completed without error at 100, and not cancelled or faulted; status 2 alone is no
        success.
        """
        finished = self.is_completed and self.progress == 100
        return finished and not self.error and not self._was_cancelled

    @property
    def failed(self) -> bool:
        """Over, and no success.

        Before 3.7 a cancelled task differs from success by its progress alone.
        """
        return self._was_cancelled or (self.is_completed and not self.succeeded)

    @property
    def _was_cancelled(self) -> bool:
        return self.status in {CANCELLED, FAULTED} or self.warning == BACKUP_CANCELLED


@dataclass(frozen=True)
class KeyInfo:
    """The calling API key (docspace-api §E). No permissions, or ``*``, means all of them."""

    name: str
    permissions: tuple[str, ...]
    expires_at: datetime | None
    is_active: bool

    @classmethod
    def parse(cls, value: Any) -> "KeyInfo":
        """Raises BadReply."""
        item = _JsonObject(value, "key")
        permissions = item.value("permissions") or []
        if not isinstance(permissions, list):
            raise BadReply("The portal sent a key whose permissions are no list.")
        active = item.value("isActive")
        return cls(
            item.text("name"),
            tuple(map(str, permissions)),
            item.time("expiresAt"),
            active is None or bool(active),
        )

    @property
    def may_write(self) -> bool:
        """Whether the key may start a restore: backup routes need ``*:write`` (docspace-api §3)."""
        return not self.permissions or not {"*", "*:write"}.isdisjoint(self.permissions)


def clean_text(text: str, limit: int = 300) -> str:
    """Text from outside on one line, without control and direction characters, at most ``limit``
    characters.
    """
    kept = "".join(
        char if unicodedata.category(char) not in {"Cc", "Cs", "Co"} else " " for char in text
    )
    kept = " ".join(
        "".join(
            char for char in kept if unicodedata.category(char) != "Cf" or char == "\u200d"
        ).split()
    )
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


class _JsonObject:
    """An object of the reply, read member by member, in camelCase or PascalCase.

    What does not fit is a BadReply.
    """

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise BadReply(f"The portal's {what} is not of the known shape.")
        self._members = {str(name).lower(): member for name, member in value.items()}
        self._what = what

    def value(self, name: str) -> Any:
        return self._members.get(name.lower())

    def text(self, name: str) -> str:
        value = self.value(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        value = self.value(name)
        return value.lower() == "true" if isinstance(value, str) else bool(value)

    def number(self, name: str, names: Mapping[str, int] | None = None) -> int | None:
        """An integer, sent as a number, a numeric string or one of the names; None when absent."""
        value = self.value(name)
        if value is None or value == "":
            return None
        if isinstance(value, str) and names and value.strip().lower() in names:
            return names[value.strip().lower()]
        try:
            return int(float(value))
        except (TypeError, ValueError, OverflowError):
            raise BadReply(f"The portal's {self._what} has a {name} that is no number.") from None

    def time(self, name: str) -> datetime | None:
        """A time in UTC, which a missing zone means too; None when absent or in the year 1."""
        value = self.value(name)
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(str(value))
            if moment.year == NEVER:
                return None
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise BadReply(f"The portal's {self._what} has a {name} that is no time.") from None
