"""What the local portal keeps: backups, API keys and tasks."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

ACTIVE, RESTORING = 0, 4
CREATED, RUNNING, COMPLETED, CANCELLED, FAULTED = range(5)
BACKUP, RESTORE = 0, 1
DATA_STORE = 4
NEVER = datetime(1, 1, 1)  # noqa: DTZ001 - DocSpace's own "does not expire", which has no zone
TASK_KEPT_FOR = timedelta(hours=24)
NEWEST = "3.7.2"
INVALID = "The backup file is invalid."

QUEUED_SECONDS, FETCHING_SECONDS, LOADING_SECONDS = 1.0, 5.0, 14.0
"""Seconds of a restore's phases; with them a restore takes 20."""

BACKUP_SECONDS = 10.0
"""Seconds that a backup takes."""


@dataclass
class BackupRecord:
    """A row of the backup history; times are naive UTC, as MySQL has them."""

    id: str
    file_name: str
    storage_type: int
    created_on: datetime
    expires_on: datetime = NEVER

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "fileName": self.file_name,
            "storageType": self.storage_type,
            "createdOn": self.created_on.isoformat(),
            "expiresOn": self.expires_on.isoformat(),
        }


@dataclass
class Key:
    """An API key. ``postfix`` is its last four characters; no permissions means all."""

    value: str
    permissions: list[str] = field(default_factory=list)
    expires_at: datetime | None = None
    is_active: bool = True
    admin: bool = True

    @property
    def may_write(self) -> bool:
        return not self.permissions or bool({"*", "*:write"} & set(self.permissions))

    @property
    def may_read(self) -> bool:
        return self.may_write or "*:read" in self.permissions


@dataclass
class Task:
    """A restore or backup. ``begun`` is when the worker took it; None while it waits."""

    id: str
    kind: int
    created: float
    begun: float | None = None
    status: int = CREATED
    progress: int = 0
    error: str = ""
    completed: bool = False
    changed: float = 0.0
    tenant: int = 1
    dead: bool = False
    dump: bool = False
    warning: str = ""
    storage_type: int = DATA_STORE
    last_publish: bool = False
    """Just completed, and still published with status 1 (fact sheet §4.3)."""

    def as_json(self, profile: str) -> dict[str, Any]:
        status = RUNNING if self.last_publish else self.status
        body: dict[str, Any] = {
            "isCompleted": self.completed,
            "progress": self.progress,
            "error": self.error,
            "tenantId": self.tenant,
            "backupProgressEnum": self.kind,
            "status": status,
            "taskId": self.id,
        }
        if self.kind == BACKUP:
            made = self.completed and self.storage_type == DATA_STORE and not self.error
            body["link"] = f"/storage/backup/{self.id}.tar.gz" if made else ""
            if self.warning and profile >= "3.6":
                body["warning"] = self.warning
        if profile < "3.7":
            del body["status"]
        if profile < "3.1":
            del body["taskId"]
        return body


def new_key() -> str:
    """A key of DocSpace's form: ``sk-`` and 64 hex digits."""
    return f"sk-{secrets.token_hex(32)}"
