"""The control interface ``/_sandbox/``: play the people, look at what they see, change the
workspace, set faults.

JSON in and out. Whatever a person or the workspace could not do is answered with a 4xx and
``{"error": sentence}``.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from restorebot.sandbox.workspace.api import Fault, Faults, RateLimits
from restorebot.sandbox.workspace.delivery import Ack, Delivery, HttpOptions, Target
from restorebot.sandbox.workspace.errors import ControlError, Json
from restorebot.sandbox.workspace.people import Overrides, People
from restorebot.sandbox.workspace.state import (
    APP,
    BOT,
    BOT_USER,
    TEAM,
    TEAM_DOMAIN,
    Channel,
    Person,
    State,
)
from restorebot.sandbox.workspace.views import Views

LONGEST_WAIT = 60.0  # real seconds that a long poll may take

Handler = Callable[[Request], Awaitable[Json]]


class Body:
    """A request's JSON object, read member by member; what nobody has read is refused at the
    end.
    """

    def __init__(self, raw: bytes) -> None:
        try:
            parsed = json.loads(raw or b"{}")
        except ValueError:
            raise ControlError(400, "The body is not JSON.") from None
        if not isinstance(parsed, dict):
            raise ControlError(400, "The body is not a JSON object.")
        self._left: Json = parsed

    def take(self, name: str, *kinds: type) -> Any:
        """A member that must be there."""
        if name not in self._left:
            raise ControlError(422, f"The member '{name}' is missing.")
        return self.may(name, *kinds)

    def may(self, name: str, *kinds: type, default: Any = None) -> Any:
        """A member that may be left out or null."""
        value = self._left.pop(name, None)
        if value is None:
            return default
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            wanted = " or ".join(k.__name__ for k in kinds)
            raise ControlError(422, f"The member '{name}' must be of type {wanted}.")
        return value

    def rest(self) -> Json:
        """All that was not read yet."""
        left, self._left = self._left, {}
        return left

    def end(self) -> None:
        """Refuse members that nothing knows."""
        if self._left:
            raise ControlError(422, f"There is no member '{next(iter(self._left))}' here.")

    def overrides(self) -> Overrides:
        """What the payload is to say instead of the truth."""
        how = self.may("http", dict, default={})
        known = {f.name for f in fields(HttpOptions)}
        if not all(k in known and isinstance(v, bool) for k, v in how.items()):
            raise ControlError(
                422, f"The member 'http' may hold {', '.join(sorted(known))}, each true or false."
            )
        return Overrides(self.may("team_id", str), self.may("trigger", str), HttpOptions(**how))


@dataclass
class Control:
    """The handlers, and all they work on."""

    state: State
    views: Views
    people: People
    delivery: Delivery
    faults: Faults
    limits: RateLimits

    # --- people act -------------------------------------------------------------------------------
    # -----------------

    async def command(self, request: Request) -> Json:
        body = Body(await request.body())
        user, channel = body.take("user", str), body.take("channel", str)
        text, command = (
            body.may("text", str, default=""),
            body.may("command", str, default="/restore"),
        )
        over = body.overrides()
        body.end()
        ack, trigger_id = await self.people.command(user, channel, text, command, over)
        return _ack_json(ack) | {"trigger_id": trigger_id}

    async def click(self, request: Request) -> Json:
        body = Body(await request.body())
        user, action_id = body.take("user", str), body.take("action_id", str)
        value, confirm = body.may("value", str, list), body.may("confirm", bool, default=True)
        view_id = body.may("view_id", str)
        over = body.overrides()
        if view_id is not None:
            values = body.may("values", dict)
            body.end()
            ack = await self.people.click_in_view(
                user, view_id, action_id, value, confirm=confirm, values=values, over=over
            )
        else:
            channel, ts = body.take("channel", str), body.take("ts", str)
            body.end()
            ack = await self.people.click(
                user, channel, ts, action_id, value, confirm=confirm, over=over
            )
        return _ack_json(ack)

    async def submit(self, request: Request) -> Json:
        body = Body(await request.body())
        user, view_id = body.take("user", str), body.take("view_id", str)
        values, over = body.may("values", dict, default={}), body.overrides()
        body.end()
        done = await self.people.submit(user, view_id, values, over)
        answer = _ack_json(done.ack) | {"closed": done.closed, "errors": done.errors}
        return answer | ({"error": done.trouble} if done.trouble else {})

    async def close(self, request: Request) -> Json:
        body = Body(await request.body())
        user, view_id = body.take("user", str), body.take("view_id", str)
        body.end()
        self.people.close(user, view_id)
        return {}

    async def open_home(self, request: Request) -> Json:
        body = Body(await request.body())
        user = body.take("user", str)
        body.end()
        ack = await self.people.open_home(user)
        home = self.views.homes.get(user)
        return _ack_json(ack) | {"view": home.json({}) if home else None}

    # --- what there is to see
    # --------------------------------------------------------------------------------------

    async def show_views(self, request: Request) -> Json:
        user = _query(request, "user")
        home = self.views.homes.get(user)
        stack = [v.json(v.inputs) for v in self.views.stack(user)]
        return {"views": stack, "home": home.json(home.inputs) if home else None}

    async def show_screen(self, request: Request) -> Json:
        """All that one person's client shows."""
        user, state = _query(request, "user"), self.state
        if user not in state.people:
            raise ControlError(404, f"There is nobody with the id {user}.")
        channels = [c for c in state.channels.values() if user in c.members and not c.is_archived]
        return {
            "team": TEAM_DOMAIN,
            "bot": BOT_USER,
            "connected": bool(self.delivery.links.open),
            "commands": state.manifest.hints,
            "people": {
                p.id: {"name": p.name, "real_name": p.real_name} for p in state.people.values()
            },
            "usergroups": {group: f"{group[1:].lower()}" for group in state.usergroups},
            "channels": [_channel_json(c) for c in channels],
            "messages": {
                c.id: [m.control_json() for m in state.messages.get(c.id, [])] for c in channels
            },
            "private": [m.control_json() for m in state.private.get(user, [])],
            "views": [v.json(v.inputs) for v in self.views.stack(user)],
            "home": self.views.homes[user].json({}) if user in self.views.homes else None,
        }

    async def say(self, request: Request) -> Json:
        body = Body(await request.body())
        user, channel, text = (
            body.take("user", str),
            body.take("channel", str),
            body.take("text", str),
        )
        thread_ts = body.may("thread_ts", str)
        body.end()
        return {"ts": self.people.say(user, channel, text, thread_ts).ts}

    async def show_messages(self, request: Request) -> Json:
        channel = _query(request, "channel")
        if channel not in self.state.channels:
            raise ControlError(404, f"There is no channel {channel}.")
        return {"messages": [m.control_json() for m in self.state.messages.get(channel, [])]}

    async def show_private(self, request: Request) -> Json:
        private = self.state.private.get(_query(request, "user"), [])
        return {"messages": [m.control_json() for m in private]}

    async def show_calls(self, _request: Request) -> Json:
        return {"calls": self.state.journal.calls}

    async def show_traffic(self, _request: Request) -> Json:
        return {"traffic": self.state.journal.traffic}

    async def show_events(self, request: Request) -> Json:
        try:
            after = int(request.query_params.get("after", "0"))
            wait = min(float(request.query_params.get("wait", "0")), LONGEST_WAIT)
        except ValueError:
            raise ControlError(422, "The parameters 'after' and 'wait' are numbers.") from None
        events = await self.state.journal.events_after(max(after, 0), wait)
        return {"events": events, "last": len(self.state.journal.events)}

    async def show_state(self, _request: Request) -> Json:
        links = self.delivery.links
        target = self.delivery.target
        return {
            "connected": bool(links.open),
            "connections": len(links.open),
            "now": self.state.now(),
            "team": TEAM,
            "bot": {"user": BOT_USER, "bot_id": BOT, "app": APP, "name": self.state.manifest.name},
            "delivery": {
                "transport": "socket" if target is None else "http",
                "url": target.url if target else None,
            },
            "faults": self.faults.json(),
            "people": {p.id: _person_json(p) for p in self.state.people.values()},
            "channels": {c.id: _channel_json(c) for c in self.state.channels.values()},
            "usergroups": self.state.usergroups,
        }

    # --- change the world
    # ------------------------------------------------------------------------------------------

    async def set_faults(self, request: Request) -> Json:
        for method, given in Body(await request.body()).rest().items():
            self.faults.put(method, Fault.parse(given))
        return {"faults": self.faults.json()}

    async def clear_faults(self, _request: Request) -> Json:
        self.faults.clear()
        return {"faults": {}}

    async def change_settings(self, request: Request) -> Json:
        body = Body(await request.body())
        self.limits.on = body.take("rate_limits", bool)
        body.end()
        return {"rate_limits": self.limits.on}

    async def advance(self, request: Request) -> Json:
        body = Body(await request.body())
        seconds = body.take("seconds", int, float)
        body.end()
        if seconds < 0:
            raise ControlError(422, "Time goes forward only.")
        self.state.offset += seconds
        await self.delivery.send_due_events()
        return {"now": self.state.now()}

    async def deliver(self, request: Request) -> Json:
        body = Body(await request.body())
        url, secret = (
            body.may("url", str),
            body.may("signing_secret", str, default=self.delivery.signing_secret),
        )
        body.end()
        self.delivery.target = Target(url, secret) if url else None
        return {"transport": "http" if url else "socket", "url": url}

    async def change_person(self, request: Request) -> Json:
        return _person_json(_changed(self._person(request), Body(await request.body())))

    async def put_person(self, request: Request) -> Json:
        person_id: str = request.path_params["id"]
        body = Body(await request.body())
        name = body.take("name", str)
        person = Person(person_id, name, body.may("real_name", str, default=name))
        self.state.people[person_id] = _changed(person, body)
        return _person_json(person)

    def _person(self, request: Request) -> Person:
        person = self.state.people.get(request.path_params["id"])
        if person is None:
            raise ControlError(404, f"There is nobody with the id {request.path_params['id']}.")
        return person

    async def change_channel(self, request: Request) -> Json:
        channel, body = self._channel(request), Body(await request.body())
        member = body.may("is_member", bool)
        changed = _changed(channel, body)
        if member is not None:
            changed.members = [m for m in changed.members if m != BOT_USER] + [BOT_USER] * member
        return _channel_json(changed)

    async def put_channel(self, request: Request) -> Json:
        channel_id: str = request.path_params["id"]
        body = Body(await request.body())
        channel = Channel(channel_id, body.take("name", str))
        self.state.channels[channel_id] = _changed(channel, body)
        return _channel_json(channel)

    def _channel(self, request: Request) -> Channel:
        channel = self.state.channels.get(request.path_params["id"])
        if channel is None:
            raise ControlError(404, f"There is no channel {request.path_params['id']}.")
        return channel

    async def put_usergroup(self, request: Request) -> Json:
        body = Body(await request.body())
        users = _strings(body.take("users", list), "users")
        body.end()
        self.state.usergroups[request.path_params["id"]] = users
        return {"id": request.path_params["id"], "users": users}

    async def delete_usergroup(self, request: Request) -> Json:
        if self.state.usergroups.pop(request.path_params["id"], None) is None:
            raise ControlError(404, f"There is no usergroup {request.path_params['id']}.")
        return {}

    def routes(self) -> list[BaseRoute]:
        """Every control route; each path has its methods in one table."""
        table: dict[str, dict[str, Handler]] = {
            "/command": {"POST": self.command},
            "/click": {"POST": self.click},
            "/submit": {"POST": self.submit},
            "/close": {"POST": self.close},
            "/home": {"POST": self.open_home},
            "/say": {"POST": self.say},
            "/screen": {"GET": self.show_screen},
            "/views": {"GET": self.show_views},
            "/messages": {"GET": self.show_messages},
            "/private": {"GET": self.show_private},
            "/calls": {"GET": self.show_calls},
            "/traffic": {"GET": self.show_traffic},
            "/events": {"GET": self.show_events},
            "/state": {"GET": self.show_state},
            "/faults": {"PATCH": self.set_faults, "DELETE": self.clear_faults},
            "/settings": {"PATCH": self.change_settings},
            "/advance": {"POST": self.advance},
            "/deliver": {"POST": self.deliver},
            "/people/{id}": {
                "PATCH": self.change_person,
                "PUT": self.put_person,
            },
            "/channels/{id}": {
                "PATCH": self.change_channel,
                "PUT": self.put_channel,
            },
            "/usergroups/{id}": {"PUT": self.put_usergroup, "DELETE": self.delete_usergroup},
        }
        return [_route(path, handlers) for path, handlers in table.items()]


def _route(path: str, handlers: dict[str, Handler]) -> Route:
    async def endpoint(request: Request) -> Response:
        handler = handlers.get(request.method)
        if handler is None:
            sentence = f"{request.url.path} takes {' and '.join(handlers)}, not {request.method}."
            return JSONResponse({"error": sentence}, 405)
        try:
            return JSONResponse(await handler(request))
        except ControlError as wrong:
            return JSONResponse({"error": wrong.sentence}, wrong.status)

    return Route(f"/_sandbox{path}", endpoint, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])


async def no_such_path(request: Request) -> Response:
    """The answer to a control path that does not exist."""
    return JSONResponse({"error": f"There is no {request.url.path}."}, 404)


def _ack_json(ack: Ack) -> Json:
    return {"acked": ack.acked, "error": ack.error, "http_status": ack.http_status}


def _query(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise ControlError(422, f"The parameter '{name}' is missing.")
    return value


def _person_json(person: Person) -> Json:
    return dict(vars(person))


def _channel_json(channel: Channel) -> Json:
    return {**vars(channel), "is_member": channel.is_member}


def _strings(value: list[Any], name: str) -> list[str]:
    if not all(isinstance(v, str) for v in value):
        raise ControlError(422, f"The member '{name}' is a list of strings.")
    return value


Thing = TypeVar("Thing", Person, Channel)


def _changed(thing: Thing, body: Body) -> Thing:
    """Set the members that the body names, all or none."""
    changes: Json = {}
    for member in fields(thing):
        kind = type(getattr(thing, member.name))
        value = None if member.name == "id" else body.may(member.name, kind)
        if value is not None:
            changes[member.name] = (
                _strings(value, member.name) if isinstance(value, list) else value
            )
    body.end()
    for name, value in changes.items():
        setattr(thing, name, value)
    return thing
