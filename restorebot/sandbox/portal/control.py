"""The portal's control interface ``/_sandbox/``: let time pass, set faults, change things."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.routing import Route

from restorebot.sandbox.control import (
    Body,
    ControlError,
    Json,
    Nothing,
    control_routes,
    parse_object,
    read,
    validate,
)
from restorebot.sandbox.portal.models import BackupRecord, Key, new_key
from restorebot.sandbox.portal.profiles import NEWEST, profile_named
from restorebot.sandbox.portal.simulator import Portal
from restorebot.sandbox.portal.switches import RouteFault, Switches


class AdvanceBody(Body):
    """Seconds that the portal's clock goes on by."""

    seconds: float = Field(ge=0)


class SpeedBody(Body):
    """Seconds of the portal for each real one."""

    speed: float = Field(ge=0)


class BackupBody(Body):
    """A backup of the history, or what changes of it."""

    model_config = ConfigDict(alias_generator=to_camel)

    id: str | None = None
    file_name: str | None = None
    storage_type: int | None = None
    created_on: datetime | None = None
    expires_on: datetime | None = None
    module: str | None = None
    bucket: str | None = None


class ManyBody(Body):
    """How many backups are added."""

    count: int = Field(ge=0)


class KeyBody(Body):
    """What changes of the newest key."""

    permissions: list[str] = Field(default_factory=list)
    expires_at: datetime | None = None
    is_active: bool = True
    admin: bool = True
    owner: bool = False


class FileBody(Body):
    """What changes of a file; ``closed`` is one that the key's owner may not open."""

    title: str = ""
    version: int = 1
    closed: bool = False
    folder_id: int = Field(default=7, alias="folderId")


class FolderBody(Body):
    """A folder of a room, and whether the key's owner may look in and create there, and sees so.

    ``root_type`` is DocSpace's rootFolderType: 14 is a room, 20 the archive.
    """

    title: str = "Backups"
    closed: bool = False
    create: bool = True
    rights_shown: bool = True
    root_type: int = Field(default=14, alias="rootFolderType")


class FoldersBody(RootModel[dict[str, FolderBody | None]]):
    """Folders by their id; one that is null is deleted."""


class ScheduleBody(Body):
    """Where the portal's own planned backups go; no storage type is no plan."""

    model_config = ConfigDict(alias_generator=to_camel)

    storage_type: int | None = None
    storage_params: dict[str, str] = Field(default_factory=dict)


class ProfileBody(Body):
    """The deployment that the portal behaves as from now on."""

    name: str


class FilesBody(RootModel[dict[str, FileBody | None]]):
    """Changes of files, by their id; a file that is null is deleted."""


class YesterdayBody(Body):
    """Whether the task that is still on show was a dump."""

    dump: bool = False


@dataclass
class Control:
    """The handlers, and the portal that they work on."""

    portal: Portal

    def routes(self) -> list[Route]:
        """Return every control route."""
        return control_routes(
            {
                "state": {"GET": self._show_state},
                "advance": {"POST": self._advance},
                "speed": {"POST": self._set_speed},
                "faults": {"PATCH": self._set_faults, "DELETE": self._clear_faults},
                "requests": {"GET": self._show_requests, "DELETE": self._clear_requests},
                "backups": {"POST": self._put_backup},
                "backups/many": {"POST": self._put_many},
                "backups/{id}": {"DELETE": self._remove_backup},
                "keys": {"PATCH": self._change_key, "POST": self._add_key},
                "files": {"PATCH": self._change_files},
                "folders": {"PATCH": self._change_folders},
                "schedule": {"POST": self._set_schedule},
                "profile": {"POST": self._set_profile},
                "restart": {"POST": self._restart},
                "someone-else-starts": {"POST": self._someone_else_starts},
                "someone-else-backs-up": {"POST": self._someone_else_backs_up},
                "yesterday": {"POST": self._yesterday},
                "repair": {"POST": self._repair},
            }
        )

    async def _show_state(self, _request: Request) -> Json:
        state = self.portal.state
        state.catch_up()
        tasks = {"restore": state.restore, "backup": state.backup, "dump": state.dump}
        return {
            "alias": state.alias,
            "profile": state.profile.name,
            "now": state.now(),
            "wall": state.wall().isoformat(),
            "speed": self.portal.clock.speed,
            "away": state.is_away,
            "tenantId": state.tenant_id,
            "tenantStatus": state.tenant_status,
            "history": [record.as_json() for record in state.history],
            "tasks": {name: task and task.as_json(NEWEST) for name, task in tasks.items()},
            "starts": state.starts,
            "backups": state.backups,
            "faults": state.switches.model_dump(),
            "keys": len(state.keys),
        }

    async def _advance(self, request: Request) -> Json:
        self.portal.clock.advance((await read(request, AdvanceBody)).seconds)
        self.portal.state.catch_up()
        return {"now": self.portal.state.now()}

    async def _set_speed(self, request: Request) -> Json:
        self.portal.clock.set_speed((await read(request, SpeedBody)).speed)
        return {"speed": self.portal.clock.speed}

    async def _set_faults(self, request: Request) -> Json:
        members = parse_object(await request.body())
        if "on" in members:
            self.portal.route_faults.append(validate(RouteFault, members))
            return {}
        self.portal.state.switch(members)
        return self.portal.state.switches.model_dump()

    async def _clear_faults(self, request: Request) -> Json:
        await read(request, Nothing)
        self.portal.state.switch(Switches().model_dump())
        self.portal.route_faults.clear()
        return {}

    async def _show_requests(self, _request: Request) -> Json:
        return {"requests": self.portal.requests}

    async def _clear_requests(self, request: Request) -> Json:
        await read(request, Nothing)
        self.portal.requests.clear()
        return {}

    async def _put_backup(self, request: Request) -> Json:
        """Add a backup to the history, or change the one with this id."""
        changes = (await read(request, BackupBody)).model_dump(exclude_none=True)
        state = self.portal.state
        backup_id = str(changes.get("id", uuid.uuid4()))
        old = state.record(backup_id) or BackupRecord(
            id=backup_id, file_name="acme-added.tar.gz", storage_type=5, created_on=state.wall()
        )
        record = replace(old, **changes)
        state.history = [one for one in state.history if one.id != backup_id] + [record]
        return record.as_json()

    async def _put_many(self, request: Request) -> Json:
        """Add a long history, of backups a minute apart before 2025."""
        first = datetime(2025, 1, 1)  # noqa: DTZ001 - the portal's own times have no zone
        state = self.portal.state
        for number in range((await read(request, ManyBody)).count):
            made = first - timedelta(minutes=number)
            name = f"nightly-{number:05}.tar.gz"
            state.history.append(
                BackupRecord(id=str(uuid.uuid4()), file_name=name, storage_type=5, created_on=made)
            )
        return {"history": len(state.history)}

    async def _remove_backup(self, request: Request) -> Json:
        await read(request, Nothing)
        state, unwanted = self.portal.state, request.path_params["id"]
        state.history = [record for record in state.history if record.id != unwanted]
        return {}

    async def _change_key(self, request: Request) -> Json:
        changes = (await read(request, KeyBody)).model_dump(exclude_unset=True)
        keys = self.portal.state.keys
        if not keys:
            raise ControlError(422, "The portal has no key any more.")
        keys[-1] = replace(keys[-1], **changes)
        return {}

    async def _add_key(self, request: Request) -> Json:
        """Make a key, as an administrator does after a restore.

        The answer alone shows it, as DocSpace's does.
        """
        await read(request, Nothing)
        self.portal.state.catch_up()
        key = Key(value=new_key())
        self.portal.state.keys.append(key)
        return {"key": key.value}

    async def _change_files(self, request: Request) -> Json:
        files = self.portal.state.files
        for file_id, changes in (await read(request, FilesBody)).root.items():
            old = files.pop(file_id, {})
            if changes is not None:
                files[file_id] = old | changes.model_dump(exclude_unset=True, by_alias=True)
        return files

    async def _change_folders(self, request: Request) -> Json:
        folders = self.portal.state.folders
        for folder_id, folder in (await read(request, FoldersBody)).root.items():
            folders.pop(folder_id, None)
            if folder is not None:
                folders[folder_id] = folder.model_dump(by_alias=True)
        return folders

    async def _set_schedule(self, request: Request) -> Json:
        body = await read(request, ScheduleBody)
        planned = body.storage_type is not None
        self.portal.state.schedule = body.model_dump(by_alias=True) if planned else None
        return {}

    async def _set_profile(self, request: Request) -> Json:
        name = (await read(request, ProfileBody)).name
        try:
            self.portal.state.profile = profile_named(name)
        except ValueError as error:
            raise ControlError(422, str(error)) from None
        return {"profile": name}

    async def _restart(self, request: Request) -> Json:
        """Start the portal's processes again."""
        await read(request, Nothing)
        self.portal.state.restart()
        return {}

    async def _someone_else_starts(self, request: Request) -> Json:
        await read(request, Nothing)
        return self.portal.state.start_restore().as_json(NEWEST)

    async def _someone_else_backs_up(self, request: Request) -> Json:
        await read(request, Nothing)
        return self.portal.state.start_backup().as_json(NEWEST)

    async def _yesterday(self, request: Request) -> Json:
        body = await read(request, YesterdayBody)
        return self.portal.state.show_finished_task(dump=body.dump).as_json(NEWEST)

    async def _repair(self, request: Request) -> Json:
        """Do what the vendor's support does when a worker died: take away task and lock."""
        await read(request, Nothing)
        self.portal.state.repair()
        return {}
