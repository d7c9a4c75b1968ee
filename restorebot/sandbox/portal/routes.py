"""The portal's controllers: backup, restore, settings, keys (docspace-api §2 to §6, §11)."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from restorebot.sandbox.portal.filters import bearer_key
from restorebot.sandbox.portal.models import ACTIVE, DOCUMENTS, THIRD_PARTY, Task
from restorebot.sandbox.portal.parsing import flag, is_guid, params_of, storage_type_of
from restorebot.sandbox.portal.responses import Refusal, envelope, error, invalid, problem_details
from restorebot.sandbox.portal.simulator import Portal


async def start_restore(portal: Portal, request: Request, body: Mapping[str, Any]) -> Response:
    """Start a restore (docspace-api §2)."""
    state = portal.state
    if "backupid" not in body and state.profile >= "3.5":
        raise invalid(request, "$", "missing required properties including: 'backupId'.")
    wanted = {
        "backupId": str(body.get("backupid") or ""),
        "storageType": storage_type_of(request, body),
        "storageParams": params_of(body),
        "notify": body.get("notify"),
    }
    if body.get("dump"):
        raise error(403, "Access denied", "System.Security.SecurityException", -2146233078)
    if state.switches.tariff_without_restore:
        message = "Your pricing plan does not include this option."
        raise error(402, message, "ASC.Core.Billing.BillingException")
    _check_archive(portal, wanted)
    state.starts.append(wanted)
    task = state.start_restore()
    if state.profile < "3.1":
        return envelope(request)
    return envelope(request, task.as_json(state.profile))


def _check_archive(portal: Portal, wanted: Mapping[str, Any]) -> None:
    backup_id, params = wanted["backupId"], wanted["storageParams"]
    if is_guid(backup_id):
        if backup_id != str(uuid.UUID(int=0)) and portal.state.record(backup_id) is None:
            raise _file_not_found("Unable to find the specified file.")
    elif "filePath" not in params:
        raise _missing_param("filePath")
    elif wanted["storageType"] == DOCUMENTS and params["filePath"] not in portal.state.files:
        raise _file_not_found("The required file was not found")


def _file_not_found(message: str) -> Refusal:
    return error(404, message, "System.IO.FileNotFoundException", -2147024894)


def _missing_param(name: str) -> Refusal:
    message = f"The given key '{name}' was not present in the dictionary."
    return error(500, message, "System.Collections.Generic.KeyNotFoundException", -2146232969)


async def restore_progress(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show the restore task (docspace-api §4)."""
    dump = flag(request, "dump")
    if portal.state.profile < "3.1":
        dump = None
    task = portal.state.visible_restore(dump)
    return envelope(request, _shown(portal, task))


async def history(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """List the backups (docspace-api §6)."""
    if flag(request, "dump"):
        return envelope(request, [])
    return envelope(request, [record.as_json() for record in portal.state.history])


async def start_backup(portal: Portal, request: Request, body: Mapping[str, Any]) -> Response:
    """Start a backup (docspace-api §C)."""
    state = portal.state
    storage_type, params = storage_type_of(request, body), params_of(body)
    _check_folder(storage_type, params)
    if state.switches.free_backups_used:
        message = "The number of free backups should not exceed 2 within a month"
        raise error(402, message, "ASC.Core.Tenants.TenantQuotaException")
    if state.switches.backup_overtaken:
        # Somebody else's began a moment ago, and is answered instead.
        state.start_backup().created -= 2
        state.catch_up()
    state.backups.append({"storageType": storage_type, "storageParams": params})
    return envelope(request, state.start_backup(storage_type).as_json(state.profile))


def _check_folder(storage_type: int, params: Mapping[str, str]) -> None:
    if storage_type not in {DOCUMENTS, THIRD_PARTY}:
        return
    if storage_type == THIRD_PARTY and "folderId" not in params:
        raise _missing_param("folderId")
    is_room = params.get("folderId", "").isdigit()
    if is_room != (storage_type == DOCUMENTS):
        raise error(400, "wrong folder type", "System.ArgumentException")


async def backup_progress(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show the backup task (docspace-api §C)."""
    portal.state.catch_up()
    return envelope(request, _shown(portal, portal.state.backup))


async def settings(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show the portal's alias, version and lock (docspace-api §5)."""
    state = portal.state
    state.catch_up()
    alias, status = state.alias, state.tenant_status
    if state.tenant_id > 1 and state.switches.alias_elsewhere is not None:
        alias, status = state.switches.alias_elsewhere, ACTIVE
    body = {
        "tenantStatus": status,
        "tenantAlias": alias,
        "version": state.profile,
        "standalone": True,
        "culture": "en-US",
    }
    return envelope(request, body)


async def key_self(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    """Show the key that the request carries (docspace-api §3)."""
    if portal.state.profile < "3.1":
        raise problem_details(404, "Not Found")
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
        raise _file_not_found("The required file was not found")
    file = portal.state.files[file_id]
    if file.get("closed"):
        message = "You don't have enough permission to view the file"
        raise error(403, message, "System.InvalidOperationException")
    return envelope(request, {"id": int(file_id), **file})


def _shown(portal: Portal, task: Task | None) -> dict[str, Any] | None:
    return task.as_json(portal.state.profile) if task else None


Handler = Callable[[Portal, Request, Mapping[str, Any]], Awaitable[Response]]


ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", "/backup/startrestore", start_restore),
    ("GET", "/backup/getrestoreprogress", restore_progress),
    ("GET", "/backup/getbackuphistory", history),
    ("POST", "/backup/startbackup", start_backup),
    ("GET", "/backup/getbackupprogress", backup_progress),
    ("GET", "/settings", settings),
    ("GET", "/keys/@self", key_self),
    ("GET", "/files/file/{id}", file_info),
]
