"""The state of the local DocSpace portal (docspace-api §3 to §6, §C to §E).

It is computed from a clock. Nothing runs in the background: each look catches up with everything
that has happened until now.
"""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from restorebot.sandbox.control import validate
from restorebot.sandbox.portal.history import BOUND_TO_TENANT, still_found
from restorebot.sandbox.portal.models import (
    ACTIVE,
    BACKUP,
    BACKUP_SECONDS,
    CANCELLED,
    CLOUD,
    COMPLETED,
    CREATED,
    DATA_STORE,
    DOCUMENTS,
    FAULTED,
    FETCHING_SECONDS,
    INVALID,
    LOADING_SECONDS,
    NEVER,
    NO_CLOUD_KEYS,
    QUEUED_SECONDS,
    RESTORE,
    RESTORING,
    RUNNING,
    TASK_KEPT_FOR,
    BackupRecord,
    Key,
    Task,
)
from restorebot.sandbox.portal.profiles import Profile
from restorebot.sandbox.portal.switches import Switches


class PortalState:
    """The portal; ``clock`` gives seconds, ``epoch`` is the wall-clock time of its zero."""

    def __init__(
        self, clock: Callable[[], float], epoch: datetime, *, alias: str, key: str, profile: Profile
    ) -> None:
        self._clock = clock
        self._epoch = epoch
        self.alias = alias
        self.profile = profile
        self.tenant_id = 1
        self.tenant_status = ACTIVE
        self.keys = [Key(value=key)]
        self.history = _seeds(self.wall())
        self.restore: Task | None = None
        self.backup: Task | None = None
        self.dump: Task | None = None
        self.switches = Switches()
        self.files: dict[str, dict[str, Any]] = {
            "4711": _file("acme-before-import.tar.gz", self.wall())
        }
        self.folders: dict[str, dict[str, Any]] = {"7": {"title": "Backups"}}
        self.schedule: dict[str, Any] | None = None
        self.starts: list[dict[str, Any]] = []
        self.backups: list[dict[str, Any]] = []
        self._unmapped_until = 0.0
        self._away_until = 0.0
        self._worker_since = 0.0

    def now(self) -> float:
        """Return the seconds of the portal's clock."""
        return self._clock()

    def wall(self) -> datetime:
        """Return the portal's time of day, naive UTC."""
        moment = self._epoch + timedelta(seconds=self._clock())
        return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def switch(self, changes: Mapping[str, Any]) -> None:
        """Set faults; one that lasts for seconds begins now. Raises ControlError."""
        self.catch_up()
        self.switches = validate(Switches, self.switches.model_dump() | dict(changes))
        if "worker_down" in changes:
            self._worker_since = self.now()
        if "away" in changes:
            self._away_until = self.now() + self.switches.away

    @property
    def shown_tenant_status(self) -> int:
        """Return the tenant's status, or what a switch makes of it."""
        if self.switches.tenant_status is not None:
            return self.switches.tenant_status
        return self.tenant_status

    @property
    def is_away(self) -> bool:
        """Whether it breaks every connection."""
        return self.now() < self._away_until

    @property
    def is_unmapped(self) -> bool:
        """Whether the host maps to no portal, as for moments at the end of a restore."""
        return self.now() < self._unmapped_until

    def key(self, value: str) -> Key | None:
        """Return the key with this value; expired and disabled ones are simply not found."""
        for key in self.keys:
            expired = key.expires_at is not None and key.expires_at <= self.wall()
            if key.value == value and key.is_active and not expired:
                return key
        return None

    def record(self, backup_id: str) -> BackupRecord | None:
        """Return a backup of the history."""
        return next((one for one in self.history if one.id == backup_id), None)

    def visible_restore(self, dump: bool | None) -> Task | None:
        """Return the task that progress shows (docspace-api §4.1).

        Without ``dump`` a dump task comes first.
        """
        self.catch_up()
        if dump is None:
            return self.dump or self.restore
        return self.dump if dump else self.restore

    def start_restore(self, doom: str | None = None) -> Task:
        """Start a restore, or return the old one while it is not completed."""
        self.catch_up()
        if self.restore is None or self.restore.completed:
            self.restore = self._new_task(RESTORE)
            self.restore.doom = doom
        return self.restore

    def start_backup(
        self, storage_type: int = DATA_STORE, params: Mapping[str, str] | None = None
    ) -> Task:
        """Start a backup, or return the old one while it is not completed."""
        self.catch_up()
        if self.backup is None or self.backup.completed:
            self.backup = self._new_task(BACKUP)
            self.backup.storage_params = dict(params or {})
            if not self.switches.backup_elsewhere:
                self.backup.storage_type = storage_type
            if self.backup.storage_type == CLOUD and self.switches.cloud_keys_missing:
                self.backup.doom = NO_CLOUD_KEYS
        return self.backup

    def cancel_backup(self) -> bool:
        """Cancel the backup that runs, and return whether any is known, a finished one too."""
        self.catch_up()
        if self.backup is None:
            return False
        if not self.backup.completed:
            self._cancel_backup(self.backup)
        return True

    def restart(self) -> None:
        """Start the portal's processes again: a queue in memory is lost, and a lock stays."""
        self.catch_up()
        if self.profile.in_process:
            self.restore = self.backup = self.dump = None

    def look_for_files(self) -> list[BackupRecord]:
        """Return the backups whose files are found, and forget the others."""
        self.catch_up()
        self.history = still_found(
            self.history,
            has_cloud_keys=not self.switches.cloud_keys_missing,
            sees_disk=not self.switches.disk_apart,
        )
        return self.history

    def _new_task(self, kind: int) -> Task:
        now = self.now()
        status = RUNNING if self.profile.in_process else CREATED
        return Task(
            id=str(uuid.uuid4()),
            kind=kind,
            created=now,
            tenant=self.tenant_id,
            changed=now,
            status=status,
        )

    def show_finished_task(self, *, dump: bool = False) -> Task:
        """Show a task that finished some time ago."""
        task = Task(
            id=str(uuid.uuid4()), kind=RESTORE, created=self.now(), dump=dump, changed=self.now()
        )
        task.status, task.progress, task.completed = COMPLETED, 100, True
        if dump:
            self.dump = task
        else:
            self.restore = task
        return task

    def repair(self) -> None:
        """Take away the task and the lock that a dead worker left."""
        self.restore = None
        self.tenant_status = ACTIVE

    def catch_up(self) -> None:
        """Let everything happen that should have happened by now."""
        if self.backup:
            self._update_backup(self.backup)
        if self.restore:
            self._update_restore(self.restore)
            if (self.now() - self.restore.changed) >= TASK_KEPT_FOR.total_seconds():
                self.restore = None

    def _update_backup(self, task: Task) -> None:
        if task.completed:
            return
        done = (self.now() - task.created) / (self.switches.backup_takes or BACKUP_SECONDS)
        if done < 0.05:
            return
        if task.doom:
            self._publish(task, status=COMPLETED)
            task.error, task.completed = task.doom, True
            return
        self._publish(task, status=RUNNING, progress=min(90, int(done * 90)))
        if done >= 0.5 and self.switches.backup_broken:
            self._publish(task, status=COMPLETED)
            task.error, task.completed = "There is not enough space on the disk.", True
        elif done >= 0.5 and self.switches.backup_cancelled:
            self._cancel_backup(task)
        elif done >= 1:
            self._keep_backup(task)

    def _cancel_backup(self, task: Task) -> None:
        self._publish(task, status=CANCELLED)
        task.warning, task.completed = "Backup cancelled", True

    def _keep_backup(self, task: Task) -> None:
        self._publish(task, status=COMPLETED, progress=100)
        task.completed = True
        if self.switches.backup_leaves_out:
            task.warning = "Some files were not included."
        made = self.wall()
        name = f"{self.alias}_{made:%Y-%m-%d_%H-%M-%S}.tar.gz"
        record = BackupRecord(
            id=task.id,
            file_name=name,
            storage_type=task.storage_type,
            created_on=made,
            module=task.storage_params.get("module", ""),
            bucket=task.storage_params.get("bucket", ""),
        )
        if task.storage_type == DATA_STORE:
            record.expires_on = made + timedelta(days=1)
        self.history.append(record)

    def _update_restore(self, task: Task) -> None:
        if task.completed:
            task.last_publish = task.last_publish and self.now() - task.changed < 1
            return
        if task.dead:
            return
        if task.begun is None:
            if self.switches.worker_down or self.now() - task.created < QUEUED_SECONDS:
                return
            # A durable queue: it starts by itself when the worker is back.
            task.begun = max(task.created + QUEUED_SECONDS, self._worker_since)
        self._advance_restore(task, self.now() - task.begun)

    def _advance_restore(self, task: Task, spent: float) -> None:
        self._publish(task, status=RUNNING)
        if spent < FETCHING_SECONDS:
            return
        if task.doom or self.switches.archive_broken:
            self._fail(task, task.doom or INVALID)
            return
        if self.switches.cancelled:
            self._publish(task, status=CANCELLED)
            task.completed = True
            self.tenant_status = ACTIVE
            return
        self.tenant_status = RESTORING
        self._load(task, spent - FETCHING_SECONDS)

    def _load(self, task: Task, loading: float) -> None:
        switches = self.switches
        self._publish(task, progress=self._percent(loading))
        if switches.worker_killed:
            # Nobody marks the task, and nothing takes the lock away (docspace-api §4.6).
            task.dead = True
        elif switches.broken_while_loading:
            self._fail(task, INVALID)
        elif switches.faulted:
            self._publish(task, status=FAULTED)
            task.error, task.completed = "One or more errors occurred. (Object reference.)", True
            self.tenant_status = ACTIVE
        elif loading >= LOADING_SECONDS and not switches.stall_at_75:
            self._finish(task)

    def _finish(self, task: Task) -> None:
        if self.switches.address_busy:
            # The old tenant is renamed already, and stays so.
            self.alias = f"{self.alias}_deleted"
            self._fail(task, "Address busy.")
        else:
            self._succeed(task)

    def _percent(self, loading: float) -> int:
        # 10 to 16, then 75 for nearly the whole run; before 3.7 it falls back and rises again
        # (docspace-api §4.4).
        if loading < 1:
            return 10 + int(loading * 6)
        if "3.2" <= self.profile.version < "3.7":
            return 10 + int(loading % 4 / 4 * 65)
        return 75

    def _publish(
        self, task: Task, *, status: int | None = None, progress: int | None = None
    ) -> None:
        before = task.status, task.progress
        if status is not None:
            task.status = status
        if progress is not None:
            task.progress = progress
        if before != (task.status, task.progress):
            task.changed = self.now()

    def _fail(self, task: Task, error: str) -> None:
        self._publish(task, status=COMPLETED)
        task.error, task.completed, task.last_publish = error, True, True
        self.tenant_status = RESTORING if self.switches.locked_after_failure else ACTIVE

    def _succeed(self, task: Task) -> None:
        self._publish(task, status=COMPLETED, progress=100)
        task.completed = task.last_publish = True
        self.tenant_id += 1
        task.tenant = self.tenant_id
        self.tenant_status = ACTIVE
        if not self.switches.key_survives:
            self.keys = []
        if self.switches.cloud_keys_younger and not self.profile.standalone:
            self.switches.cloud_keys_missing = True
        self.history = [_after_restore(record) for record in self.history]
        self._unmapped_until = self.now() + self.switches.host_lost


def _after_restore(record: BackupRecord) -> BackupRecord:
    """Return a row as a restore copies it: under a new id, its file perhaps out of reach."""
    lost = record.is_left_behind or record.storage_type in BOUND_TO_TENANT
    return replace(record, id=str(uuid.uuid4()), is_left_behind=lost)


def _file(title: str, updated: datetime) -> dict[str, Any]:
    """Return a file in a room, with the members that the API has."""
    when = f"{updated.isoformat()}.0000000+00:00"
    return {
        "title": title,
        "version": 1,
        "pureContentLength": 1_234_567_890,
        "contentLength": "1.15 GB",
        "updated": when,
        "folderId": 7,
    }


def _seeds(now: datetime) -> list[BackupRecord]:
    """Return a handful of backups, in no order, one expired; their ids are always the same."""
    day, hour = timedelta(days=1), timedelta(hours=1)
    return [
        _seed("acme-weekly", 5, now - 8 * day),
        _seed("acme-nightly", 5, now - 9 * hour),
        _seed("acme-download", DATA_STORE, now - 3 * day, now - 2 * day),
        _seed("acme-fresh-download", DATA_STORE, now - 2 * hour, now + 22 * hour),
        _seed("acme-room", DOCUMENTS, now - 2 * day),
    ]


def _seed(
    name: str, storage_type: int, created: datetime, expires: datetime = NEVER
) -> BackupRecord:
    backup_id = str(uuid.UUID(hashlib.sha256(name.encode()).hexdigest()[:32]))
    file_name = f"{name}_{created:%Y-%m-%d_%H-%M-%S}.tar.gz"
    return BackupRecord(
        id=backup_id,
        file_name=file_name,
        storage_type=storage_type,
        created_on=created,
        expires_on=expires,
    )
