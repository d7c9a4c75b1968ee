"""The workspace's control interface ``/_sandbox/``: play people, see what they see, set faults."""

from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from restorebot.sandbox.control import (
    ControlError,
    Json,
    Nothing,
    control_routes,
    parse_object,
    read,
    read_query,
    validate,
)
from restorebot.sandbox.workspace import bodies
from restorebot.sandbox.workspace.api import Faults, RateLimits
from restorebot.sandbox.workspace.delivery import Ack, Delivery, RequestUrl
from restorebot.sandbox.workspace.people import People
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


@dataclass(kw_only=True)
class Control:
    """The handlers, and all they work on."""

    state: State
    views: Views
    people: People
    delivery: Delivery
    faults: Faults
    limits: RateLimits

    def routes(self) -> list[Route]:
        """Return every control route."""
        return control_routes(
            {
                "command": {"POST": self._command},
                "click": {"POST": self._click},
                "submit": {"POST": self._submit},
                "close": {"POST": self._close},
                "home": {"POST": self._open_home},
                "say": {"POST": self._say},
                "screen": {"GET": self._show_screen},
                "views": {"GET": self._show_views},
                "messages": {"GET": self._show_messages},
                "private": {"GET": self._show_private},
                "calls": {"GET": self._show_calls},
                "traffic": {"GET": self._show_traffic},
                "events": {"GET": self._show_events},
                "state": {"GET": self._show_state},
                "faults": {"PATCH": self._set_faults, "DELETE": self._clear_faults},
                "settings": {"PATCH": self._change_settings},
                "advance": {"POST": self._advance},
                "deliver": {"POST": self._deliver},
                "people/{id}": {"PATCH": self._change_person, "PUT": self._put_person},
                "channels/{id}": {"PATCH": self._change_channel, "PUT": self._put_channel},
                "usergroups/{id}": {"PUT": self._put_usergroup, "DELETE": self._delete_usergroup},
            }
        )

    # people act

    async def _command(self, request: Request) -> Json:
        ack, trigger_id = await self.people.command(await read(request, bodies.CommandBody))
        return _ack_json(ack) | {"trigger_id": trigger_id}

    async def _click(self, request: Request) -> Json:
        members = parse_object(await request.body())
        if "view_id" in members:
            ack = await self.people.click_in_view(validate(bodies.ViewClick, members))
        else:
            ack = await self.people.click(validate(bodies.MessageClick, members))
        return _ack_json(ack)

    async def _submit(self, request: Request) -> Json:
        done = await self.people.submit(await read(request, bodies.SubmitBody))
        answer = _ack_json(done.ack) | {"closed": done.closed, "errors": done.errors}
        if done.trouble:
            answer["error"] = done.trouble
        return answer

    async def _close(self, request: Request) -> Json:
        self.people.close(await read(request, bodies.CloseBody))
        return {}

    async def _open_home(self, request: Request) -> Json:
        user = (await read(request, bodies.HomeBody)).user
        ack = await self.people.open_home(user)
        return _ack_json(ack) | {"view": self._home(user)}

    async def _say(self, request: Request) -> Json:
        return {"ts": self.people.say(await read(request, bodies.SayBody)).ts}

    # what there is to see

    async def _show_views(self, request: Request) -> Json:
        user = read_query(request, bodies.UserQuery).user
        return {"views": self._stack(user), "home": self._home(user)}

    async def _show_screen(self, request: Request) -> Json:
        user = read_query(request, bodies.UserQuery).user
        if user not in self.state.people:
            raise ControlError(404, f"There is nobody with the id {user}.")
        channels = [one for one in self.state.channels.values() if user in one.members]
        shown = [one for one in channels if not one.is_archived]
        return {
            "team": TEAM_DOMAIN,
            "bot": BOT_USER,
            "connected": bool(self.delivery.connections.open),
            "commands": self.state.manifest.hints,
            "people": {one.id: _name_json(one) for one in self.state.people.values()},
            "usergroups": {group: group[1:].lower() for group in self.state.usergroups},
            "channels": [_channel_json(one) for one in shown],
            "messages": {one.id: self._messages(one.id) for one in shown},
            "private": self._private(user),
            "views": self._stack(user),
            "home": self._home(user),
        }

    def _stack(self, user: str) -> list[Json]:
        return [view.json(view.inputs) for view in self.views.stack(user)]

    def _home(self, user: str) -> Json | None:
        home = self.views.homes.get(user)
        return home.json(home.inputs) if home else None

    def _messages(self, channel: str) -> list[Json]:
        return [one.control_json() for one in self.state.messages.get(channel, [])]

    def _private(self, user: str) -> list[Json]:
        return [one.control_json() for one in self.state.private.get(user, [])]

    async def _show_messages(self, request: Request) -> Json:
        channel = read_query(request, bodies.ChannelQuery).channel
        if channel not in self.state.channels:
            raise ControlError(404, f"There is no channel {channel}.")
        return {"messages": self._messages(channel)}

    async def _show_private(self, request: Request) -> Json:
        return {"messages": self._private(read_query(request, bodies.UserQuery).user)}

    async def _show_calls(self, _request: Request) -> Json:
        return {"calls": self.state.journal.calls}

    async def _show_traffic(self, _request: Request) -> Json:
        return {"traffic": self.state.journal.traffic}

    async def _show_events(self, request: Request) -> Json:
        asked = read_query(request, bodies.EventsQuery)
        events = await self.state.journal.events_after(asked.after, asked.wait)
        return {"events": events, "last": len(self.state.journal.events)}

    async def _show_state(self, _request: Request) -> Json:
        links = self.delivery.connections
        return {
            "connected": bool(links.open),
            "connections": len(links.open),
            "now": self.state.now(),
            "team": TEAM,
            "bot": {"user": BOT_USER, "bot_id": BOT, "app": APP, "name": self.state.manifest.name},
            "delivery": self._delivery_json(),
            "faults": self.faults.json(),
            "people": {one.id: _person_json(one) for one in self.state.people.values()},
            "channels": {one.id: _channel_json(one) for one in self.state.channels.values()},
            "usergroups": self.state.usergroups,
        }

    def _delivery_json(self) -> Json:
        target = self.delivery.target
        if target is None:
            return {"transport": "socket", "url": None}
        return {"transport": "http", "url": target.url}

    # change the world

    async def _set_faults(self, request: Request) -> Json:
        for method, faults in (await read(request, bodies.FaultsBody)).root.items():
            self.faults.set(method, faults)
        return {"faults": self.faults.json()}

    async def _clear_faults(self, request: Request) -> Json:
        await read(request, Nothing)
        self.faults.clear()
        return {"faults": {}}

    async def _change_settings(self, request: Request) -> Json:
        self.limits.on = (await read(request, bodies.SettingsBody)).rate_limits
        return {"rate_limits": self.limits.on}

    async def _advance(self, request: Request) -> Json:
        self.state.offset += (await read(request, bodies.AdvanceBody)).seconds
        await self.delivery.send_due_events()
        return {"now": self.state.now()}

    async def _deliver(self, request: Request) -> Json:
        body = await read(request, bodies.DeliverBody)
        secret = body.signing_secret or self.delivery.signing_secret
        self.delivery.target = RequestUrl(body.url, secret) if body.url else None
        return self._delivery_json()

    async def _change_person(self, request: Request) -> Json:
        person = self.state.people.get(request.path_params["id"])
        if person is None:
            raise ControlError(404, f"There is nobody with the id {request.path_params['id']}.")
        return self._keep_person(person, await read(request, bodies.PersonChanges))

    async def _put_person(self, request: Request) -> Json:
        body = await read(request, bodies.NewPerson)
        person = Person(id=request.path_params["id"], name=body.name, real_name=body.name)
        return self._keep_person(person, body)

    def _keep_person(self, person: Person, changes: bodies.PersonChanges) -> Json:
        changed = replace(person, **changes.model_dump(exclude_none=True))
        self.state.people[person.id] = changed
        return _person_json(changed)

    async def _change_channel(self, request: Request) -> Json:
        channel = self.state.channels.get(request.path_params["id"])
        if channel is None:
            raise ControlError(404, f"There is no channel {request.path_params['id']}.")
        return self._keep_channel(channel, await read(request, bodies.ChannelChanges))

    async def _put_channel(self, request: Request) -> Json:
        body = await read(request, bodies.NewChannel)
        return self._keep_channel(Channel(id=request.path_params["id"], name=body.name), body)

    def _keep_channel(self, channel: Channel, changes: bodies.ChannelChanges) -> Json:
        new: dict[str, Any] = changes.model_dump(exclude_none=True, exclude={"is_member"})
        changed = replace(channel, **new)
        if changes.is_member is not None:
            others = [one for one in changed.members if one != BOT_USER]
            changed.members = [*others, BOT_USER] if changes.is_member else others
        self.state.channels[channel.id] = changed
        return _channel_json(changed)

    async def _put_usergroup(self, request: Request) -> Json:
        users = (await read(request, bodies.UsergroupBody)).users
        self.state.usergroups[request.path_params["id"]] = users
        return {"id": request.path_params["id"], "users": users}

    async def _delete_usergroup(self, request: Request) -> Json:
        await read(request, Nothing)
        if self.state.usergroups.pop(request.path_params["id"], None) is None:
            raise ControlError(404, f"There is no usergroup {request.path_params['id']}.")
        return {}


def _ack_json(ack: Ack) -> Json:
    return {"acked": ack.acked, "error": ack.error, "http_status": ack.http_status}


def _name_json(person: Person) -> Json:
    return {"name": person.name, "real_name": person.real_name}


def _person_json(person: Person) -> Json:
    return dict(vars(person))


def _channel_json(channel: Channel) -> Json:
    return {**vars(channel), "is_member": channel.is_member}
