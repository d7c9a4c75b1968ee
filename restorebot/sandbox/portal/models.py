"""What the local portal keeps: backups, API keys and tasks."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

ACTIVE, SUSPENDED, REMOVE_PENDING, RESTORING = 0, 1, 2, 4
CREATED, RUNNING, COMPLETED, CANCELLED, FAULTED = range(5)
BACKUP, RESTORE = 0, 1
DOCUMENTS, THIRD_PARTY, LOCAL, DATA_STORE, CLOUD = 0, 1, 3, 4, 5
NEVER = datetime(1, 1, 1)  # noqa: DTZ001 - DocSpace's own "does not expire", which has no zone
TASK_KEPT_FOR = timedelta(hours=24)
INVALID = "The backup file is invalid."
NO_CLOUD_KEYS = "Object reference not set to an instance of an object."
UNKNOWN_STORAGE = "Unknown storage type."

STORAGE_TYPES = range(6)
"""The ones that the worker knows; the API takes any number."""

QUEUED_SECONDS, FETCHING_SECONDS, LOADING_SECONDS = 1.0, 5.0, 14.0
"""Seconds of a restore's phases; with them a restore takes 20."""

BACKUP_SECONDS = 10.0
"""Seconds that a backup takes."""


@dataclass(kw_only=True)
class BackupRecord:
    """A row of the backup history; times are naive UTC, as MySQL has them."""

    id: str
    file_name: str
    storage_type: int
    created_on: datetime
    expires_on: datetime = NEVER
    module: str = "s3"
    bucket: str = "acme"
    is_left_behind: bool = False
    """Whether its file is where only the tenant before the last restore found it."""

    @property
    def place(self) -> tuple[str, str]:
        """Return the cloud and bucket that it is in, if it is in a cloud."""
        return self.module, self.bucket

    def as_json(self) -> dict[str, Any]:
        """Return it as getbackuphistory shows it."""
        return {
            "id": self.id,
            "fileName": self.file_name,
            "storageType": self.storage_type,
            "createdOn": self.created_on.isoformat(),
            "expiresOn": self.expires_on.isoformat(),
        }


@dataclass(kw_only=True)
class Key:
    """An API key; no permissions means all."""

    value: str
    permissions: list[str] = field(default_factory=list)
    expires_at: datetime | None = None
    is_active: bool = True
    admin: bool = True
    owner: bool = False

    @property
    def may_write(self) -> bool:
        """Whether it may call what changes something."""
        return not self.permissions or bool({"*", "*:write"} & set(self.permissions))

    @property
    def may_read(self) -> bool:
        """Whether it may call what changes nothing."""
        return self.may_write or "*:read" in self.permissions


@dataclass(kw_only=True)
class Task:
    """A restore or backup; ``begun`` is when the worker took it, None while it waits."""

    id: str
    kind: int
    created: float
    begun: float | None = None
    status: int = CREATED
    progress: int = 0
    error: str | None = None
    completed: bool = False
    changed: float = 0.0
    tenant: int = 1
    dead: bool = False
    dump: bool = False
    warning: str | None = None
    storage_type: int = DATA_STORE
    storage_params: dict[str, str] = field(default_factory=dict)
    doom: str | None = None
    """What it fails with as soon as the worker takes it."""
    last_publish: bool = False
    """Just completed, and still published with status 1 (docspace-api §4.3)."""

    def as_json(self, version: str) -> dict[str, Any]:
        """Return it as the progress of a portal of this version shows it."""
        body: dict[str, Any] = {
            "isCompleted": self.completed,
            "progress": self.progress,
            "error": self.error or "",
            "tenantId": self.tenant,
            "backupProgressEnum": self.kind,
        }
        if version >= "3.7":
            body["status"] = RUNNING if self.last_publish else self.status
        if version >= "3.1":
            body["taskId"] = self.id
        if self.kind == BACKUP:
            body["link"] = self._link
        if self.warning is not None and version >= "3.6":
            body["warning"] = self.warning
        return body

    @property
    def _link(self) -> str:
        made = self.completed and self.error is None
        if made and self.storage_type == DATA_STORE:
            return f"/storage/backup/{self.id}.tar.gz"
        return ""


def new_key() -> str:
    """Return a key of DocSpace's form: ``sk-`` and 64 hex digits."""
    return f"sk-{secrets.token_hex(32)}"
