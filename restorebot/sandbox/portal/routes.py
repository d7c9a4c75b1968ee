"""The portal's controllers: backup, restore, settings, keys (docspace-api §2 to §6, §11)."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from restorebot.sandbox.portal.filters import bearer_key
from restorebot.sandbox.portal.models import (
    CLOUD,
    DOCUMENTS,
    LOCAL,
    NO_CLOUD_KEYS,
    STORAGE_TYPES,
    THIRD_PARTY,
    UNKNOWN_STORAGE,
    Task,
)
from restorebot.sandbox.portal.parsing import flag, is_guid, params_of, storage_type_of
from restorebot.sandbox.portal.responses import (
    Refusal,
    access_denied,
    envelope,
    error,
    invalid,
)
from restorebot.sandbox.portal.simulator import Portal

ROOM = 14
"""A folder's rootFolderType inside a room that is not archived."""

MODULES = frozenset({"s3", "googlecloud", "rackspace"})
"""The clouds that the portal has keys for."""


async def start_restore(portal: Portal, request: Request, body: Mapping[str, Any]) -> Response:
    """Start a restore (docspace-api §2)."""
    state = portal.state
    if "backupid" not in body and state.profile.version >= "3.5":
        raise invalid(request, "$", "missing required properties including: 'backupId'.")
    wanted = {
        "backupId": str(body.get("backupid") or ""),
        "storageType": storage_type_of(request, body),
        "storageParams": params_of(body),
        "notify": body.get("notify"),
    }
    if body.get("dump"):
        raise access_denied()
    if state.switches.tariff_without_restore:
        message = "Your pricing plan does not include this option."
        raise error(402, message, "ASC.Core.Billing.BillingException")
    _check_archive(portal, wanted)
    state.starts.append(wanted)
    task = state.start_restore(_doom_of(portal, wanted))
    if state.profile.version < "3.1":
        return envelope(request)
    return envelope(request, task.as_json(state.profile.version))


def _doom_of(portal: Portal, wanted: Mapping[str, Any]) -> str | None:
    """Return what a restore fails with as soon as the worker takes it."""
    record = portal.state.record(wanted["backupId"])
    storage_type, module = wanted["storageType"], wanted["storageParams"].get("module")
    if record:
        storage_type, module = record.storage_type, record.module
    if storage_type not in STORAGE_TYPES:
        return UNKNOWN_STORAGE
    keys_missing = portal.state.switches.cloud_keys_missing or module not in MODULES
    return NO_CLOUD_KEYS if storage_type == CLOUD and keys_missing else None


def _check_archive(portal: Portal, wanted: Mapping[str, Any]) -> None:
    backup_id, params = wanted["backupId"], wanted["storageParams"]
    if is_guid(backup_id):
        if backup_id != str(uuid.UUID(int=0)) and portal.state.record(backup_id) is None:
            raise _file_not_found("Unable to find the specified file.")
    elif "filePath" not in params:
        raise _missing_param("filePath")
    elif wanted["storageType"] == DOCUMENTS:
        _check_room_file(portal, params["filePath"])


def _check_room_file(portal: Portal, file_id: str) -> None:
    file = portal.state.files.get(file_id)
    if file is None:
        raise _item_not_found("The required file was not found")
    folder = portal.state.folders.get(str(file["folderId"]), {})
    if not _may_create(folder):
        raise access_denied()


def _may_create(folder: Mapping[str, Any]) -> bool:
    is_archived = folder.get("rootFolderType", ROOM) != ROOM
    return bool(folder.get("create", True)) and not is_archived


def _file_not_found(message: str) -> Refusal:
    return error(404, message, "System.IO.FileNotFoundException", -2147024894)


def _item_not_found(message: str) -> Refusal:
    return error(404, message, "ASC.Common.Web.ItemNotFoundException")


def _missing_param(name: str) -> Refusal:
    message = f"The given key '{name}' was not present in the dictionary."
    return error(500, message, "System.Collections.Generic.KeyNotFoundException", -2146232969)


async def restore_progress(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show the restore task (docspace-api §4)."""
    dump = flag(request, "dump")
    if portal.state.profile.version < "3.1":
        dump = None
    task = portal.state.visible_restore(dump)
    return envelope(request, _shown(portal, task))


async def history(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """List the backups, and forget those whose files are not found (docspace-api §6)."""
    found = portal.state.look_for_files()
    if flag(request, "dump"):
        return envelope(request, [])
    return envelope(request, [record.as_json() for record in found])


async def start_backup(portal: Portal, request: Request, body: Mapping[str, Any]) -> Response:
    """Start a backup (docspace-api §C)."""
    state = portal.state
    storage_type, params = storage_type_of(request, body), params_of(body)
    if not state.profile.standalone and (body.get("dump") or storage_type == LOCAL):
        if body.get("dump"):
            raise access_denied()
        raise error(500, "Access denied", "System.Exception")
    _check_folder(portal, storage_type, params)
    if state.switches.free_backups_used:
        message = "The number of free backups should not exceed 2 within a month"
        raise error(402, message, "ASC.Core.Tenants.TenantQuotaException")
    if state.switches.backup_overtaken:
        # Somebody else's began a moment ago, and is answered instead.
        state.start_backup().created -= 2
        state.catch_up()
    state.backups.append({"storageType": storage_type, "storageParams": params})
    shown = state.backup
    task = state.start_backup(storage_type, params)
    if state.switches.backup_answer_stale and shown is not None:
        task = shown
    return envelope(request, task.as_json(state.profile.version))


def _check_folder(portal: Portal, storage_type: int, params: Mapping[str, str]) -> None:
    if storage_type not in {DOCUMENTS, THIRD_PARTY}:
        return
    if storage_type == THIRD_PARTY and "folderId" not in params:
        raise _missing_param("folderId")
    is_room = params.get("folderId", "").isdigit()
    if is_room != (storage_type == DOCUMENTS):
        raise error(400, "wrong folder type", "System.ArgumentException")
    if is_room:
        _check_room(portal, params["folderId"])


def _check_room(portal: Portal, folder_id: str) -> None:
    folder = portal.state.folders.get(folder_id)
    if folder is None:
        raise _item_not_found("The required folder was not found")
    if not _may_create(folder):
        raise access_denied()
    if portal.state.switches.room_quota_used:
        message = "The room's storage space limit is exceeded."
        raise error(402, message, "ASC.Core.Tenants.TenantQuotaException")


async def cancel_backup(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Cancel the backup that runs (docspace-api §C)."""
    _check_since(portal, "3.7")
    return envelope(request, portal.state.cancel_backup())


async def backup_schedule(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show where the portal's planned backups go (docspace-api §C)."""
    if portal.state.schedule is None:
        return envelope(request)
    plan = {"cronParams": {"period": 0, "hour": 1, "day": 0}, "backupsStored": 10, "dump": False}
    return envelope(request, portal.state.schedule | plan)


async def backups_count(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Tell how many backups were made (docspace-api §C)."""
    _check_since(portal, "3.5")
    return envelope(request, len(portal.state.history))


async def service_state(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Tell whether backups are made that are paid for (docspace-api §C)."""
    _check_since(portal, "3.5")
    return envelope(request, {"enabled": not portal.state.switches.free_backups_used})


def _check_since(portal: Portal, version: str) -> None:
    if portal.state.profile.version < version:
        raise _no_route()


def _no_route() -> Refusal:
    return Refusal(Response(status_code=404))


async def backup_progress(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show the backup task (docspace-api §C)."""
    portal.state.catch_up()
    return envelope(request, _shown(portal, portal.state.backup))


async def settings(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show the portal's alias, version and lock (docspace-api §5)."""
    state = portal.state
    state.catch_up()
    alias, status = state.alias, state.shown_tenant_status
    if state.tenant_id > 1 and state.switches.alias_elsewhere is not None:
        alias, status = state.switches.alias_elsewhere, 0
    body = {
        "tenantStatus": status,
        "tenantAlias": alias,
        "version": state.profile.version,
        "standalone": state.profile.standalone,
        "culture": "en-US",
    }
    return envelope(request, body)


async def key_self(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show the key that the request carries (docspace-api §3)."""
    _check_since(portal, "3.1")
    bearer = bearer_key(request)
    key = portal.state.key(bearer) if bearer else None
    if key is None:
        message = "Index and length must refer to a location within the string."
        raise error(500, message, "System.ArgumentOutOfRangeException")
    expires_at = key.expires_at.isoformat() if key.expires_at else None
    return envelope(
        request,
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, key.value)),
            "name": "restorebot",
            "keyPostfix": key.value[-4:],
            "permissions": key.permissions,
            "expiresAt": expires_at,
            "isActive": key.is_active,
            "createBy": {"displayName": "Administrator"},
        },
    )


async def file_info(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show a file of a room (docspace-api §E)."""
    file_id = request.path_params["id"]
    if file_id not in portal.state.files:
        raise _item_not_found("The required file was not found")
    file = portal.state.files[file_id]
    if file.get("closed") or _is_visitor(portal, request):
        raise _not_seen("file")
    return envelope(request, {"id": int(file_id), **file})


async def folder_info(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show a folder of a room, with what the key's owner may do there (docspace-api §E)."""
    folder_id = request.path_params["id"]
    if folder_id not in portal.state.folders:
        raise _item_not_found("The required folder was not found")
    folder = portal.state.folders[folder_id]
    if folder.get("closed") or _is_visitor(portal, request):
        raise _not_seen("folder")
    body: dict[str, Any] = {
        "id": int(folder_id),
        "title": folder["title"],
        "rootFolderType": folder.get("rootFolderType", ROOM),
    }
    if folder.get("rights_shown", True):
        body["security"] = {"Read": True, "Create": bool(folder.get("create", True))}
    return envelope(request, body)


def _is_visitor(portal: Portal, request: Request) -> bool:
    """Return whether nobody is known to ask: so a dead key reads before 3.7."""
    return portal.state.key(bearer_key(request)) is None


def _not_seen(what: str) -> Refusal:
    message = f"You don't have enough permission to view the {what}"
    return error(403, message, "System.InvalidOperationException")


def _shown(portal: Portal, task: Task | None) -> dict[str, Any] | None:
    return task.as_json(portal.state.profile.version) if task else None


Handler = Callable[[Portal, Request, Mapping[str, Any]], Awaitable[Response]]


ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", "/backup/startrestore", start_restore),
    ("GET", "/backup/getrestoreprogress", restore_progress),
    ("GET", "/backup/getbackuphistory", history),
    ("POST", "/backup/startbackup", start_backup),
    ("GET", "/backup/getbackupprogress", backup_progress),
    ("POST", "/backup/cancelbackup", cancel_backup),
    ("GET", "/backup/getbackupschedule", backup_schedule),
    ("GET", "/backup/getbackupscount", backups_count),
    ("GET", "/backup/getservicestate", service_state),
    ("GET", "/settings", settings),
    ("GET", "/keys/@self", key_self),
    ("GET", "/files/file/{id}", file_info),
    ("GET", "/files/folder/{id}", folder_info),
]
