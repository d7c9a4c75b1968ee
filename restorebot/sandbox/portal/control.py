"""The portal's control interface; its table is in `portal`."""

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from restorebot.sandbox.portal.faults import ROUTE_FAULTS
from restorebot.sandbox.portal.machine import Portal, RouteFault
from restorebot.sandbox.portal.state import SWITCHES, Key, Record, new_key

Json = dict[str, Any]


class ControlError(Exception):
    """A request that cannot be taken, with the sentence that says why."""


def control_routes(portal: Portal) -> list[BaseRoute]:
    """Everything under ``/_sandbox/``."""
    control = _Control(portal)
    table: list[tuple[str, str, Callable[[Json], Any]]] = [
        ("GET", "state", control.state),
        ("POST", "advance", control.advance),
        ("POST", "speed", control.speed),
        ("PATCH", "faults", control.set_faults),
        ("DELETE", "faults", control.clear_faults),
        ("GET", "requests", control.requests),
        ("DELETE", "requests", control.clear_requests),
        ("POST", "backups", control.put_backup),
        ("POST", "backups/many", control.put_many),
        ("PATCH", "keys", control.change_key),
        ("POST", "keys", control.add_key),
        ("PATCH", "files", control.change_file),
        ("POST", "someone-else-starts", control.someone_else),
        ("POST", "someone-else-backs-up", control.someone_elses_backup),
        ("POST", "yesterday", control.yesterday),
        ("POST", "repair", control.repair),
    ]
    routes: list[BaseRoute] = [
        Route(f"/_sandbox/{path}", _route(act), methods=[method]) for method, path, act in table
    ]

    async def remove(request: Request) -> Response:
        wanted = request.path_params["id"]
        portal.state.history = [record for record in portal.state.history if record.id != wanted]
        return JSONResponse({})

    async def lost(request: Request) -> Response:
        return JSONResponse(
            {"error": f"There is no {request.method} {request.url.path} here."}, 404
        )

    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes.append(Route("/_sandbox/backups/{id}", remove, methods=["DELETE"]))
    routes.append(Route("/_sandbox/{path:path}", lost, methods=every))
    return routes


def _route(act: Callable[[Json], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(act(dict(json.loads(await request.body() or b"{}"))))
        except ControlError as error:
            return JSONResponse({"error": str(error)}, 422)
        except ValueError:
            return JSONResponse(
                {"error": "The body is not JSON, or a value in it cannot be read."}, 400
            )
        except (KeyError, TypeError) as error:
            return JSONResponse(
                {"error": f"A member is missing, unknown or of the wrong type: {error}."}, 422
            )

    return answer


class _Control:
    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def state(self, _: Json) -> Json:
        state = self._portal.state
        state.settle()
        tasks = {"restore": state.restore, "backup": state.backup, "dump": state.dump}
        return {
            "alias": state.alias,
            "profile": state.profile,
            "now": state.now(),
            "wall": state.wall().isoformat(),
            "speed": self._portal.clock.speed,
            "away": state.is_away,
            "tenantId": state.tenant_id,
            "tenantStatus": state.tenant_status,
            "history": [record.as_json() for record in state.history],
            "tasks": {
                name: task.as_json("3.7.2") if task else None for name, task in tasks.items()
            },
            "starts": state.starts,
            "backups": state.backups,
            "faults": state.switches,
            "keys": len(state.keys),
        }

    def advance(self, body: Json) -> Json:
        self._portal.clock.advance(float(body["seconds"]))
        self._portal.state.settle()
        return {"now": self._portal.state.now()}

    def speed(self, body: Json) -> Json:
        self._portal.clock.pace(float(body["speed"]))
        return {"speed": self._portal.clock.speed}

    def set_faults(self, body: Json) -> Json:
        if "on" in body:
            known = {field.name for field in fields(RouteFault)}
            if body.get("fault") not in ROUTE_FAULTS or set(body) - known:
                raise ControlError(
                    f"A route fault has a fault of {', '.join(sorted(ROUTE_FAULTS))}."
                )
            self._portal.route_faults.append(RouteFault(**body))
            return {}
        unknown = set(body) - set(SWITCHES)
        if unknown:
            raise ControlError(
                f"There is no fault {min(unknown)}; there are {', '.join(SWITCHES)}."
            )
        for name, value in body.items():
            self._portal.state.switch(name, value)
        return self._portal.state.switches

    def clear_faults(self, _: Json) -> Json:
        for name, value in SWITCHES.items():
            self._portal.state.switch(name, value)
        self._portal.route_faults.clear()
        return {}

    def requests(self, _: Json) -> Json:
        return {"requests": self._portal.requests}

    def clear_requests(self, _: Json) -> Json:
        self._portal.requests.clear()
        return {}

    def put_backup(self, body: Json) -> Json:
        state = self._portal.state
        backup_id = str(body.get("id") or uuid.uuid4())
        old = state.record(backup_id)
        base: Json = old.as_json() if old else {"fileName": "acme-added.tar.gz", "storageType": 5}
        merged = (
            {"createdOn": state.wall().isoformat(), "expiresOn": "0001-01-01T00:00:00"}
            | base
            | body
        )
        times = [datetime.fromisoformat(merged[name]) for name in ("createdOn", "expiresOn")]
        record = Record(backup_id, str(merged["fileName"]), int(merged["storageType"]), *times)
        state.history = [one for one in state.history if one.id != backup_id] + [record]
        return record.as_json()

    def put_many(self, body: Json) -> Json:
        """A long history, of backups a minute apart before 2025."""
        first = datetime(2025, 1, 1)  # noqa: DTZ001 - the portal's own times have no zone
        state, count = self._portal.state, int(body["count"])
        state.history += [
            Record(
                str(uuid.uuid4()),
                f"nightly-{number:05}.tar.gz",
                5,
                first - timedelta(minutes=number),
            )
            for number in range(count)
        ]
        return {"history": len(state.history)}

    def change_key(self, body: Json) -> Json:
        state = self._portal.state
        if not state.keys:
            raise ControlError("The portal has no key any more.")
        for name, value in body.items():
            if not hasattr(state.keys[-1], name):
                raise ControlError(f"A key has no member {name}.")
            setattr(
                state.keys[-1],
                name,
                datetime.fromisoformat(value) if name == "expires_at" and value else value,
            )
        return {}

    def add_key(self, _: Json) -> Json:
        """What an administrator does after a restore; the answer alone shows the key, as DocSpace
        does.
        """
        key = Key(new_key())
        self._portal.state.keys.append(key)
        return {"key": key.value}

    def change_file(self, body: Json) -> Json:
        """Change a file in a room, by its id; a file that is null is deleted."""
        for file_id, changes in body.items():
            old = self._portal.state.files.pop(file_id, {})
            if changes is not None:
                self._portal.state.files[file_id] = old | changes
        return self._portal.state.files

    def someone_else(self, _: Json) -> Json:
        return self._portal.state.start_restore().as_json("3.7.2")

    def someone_elses_backup(self, _: Json) -> Json:
        return self._portal.state.start_backup().as_json("3.7.2")

    def repair(self, _: Json) -> Json:
        """What the vendor's support does to a portal whose worker died: no task, no lock."""
        self._portal.state.repair()
        return {}

    def yesterday(self, body: Json) -> Json:
        return self._portal.state.yesterday(dump=bool(body.get("dump"))).as_json("3.7.2")
