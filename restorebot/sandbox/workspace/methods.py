"""The Web API methods of the local Slack, as a table: scopes, rate limit, and what each does.

A method is a function of a `MethodContext` and the call's arguments. It returns the fields of a
good answer, or raises `MethodError`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from restorebot.sandbox.control import Json
from restorebot.sandbox.workspace.errors import MethodError
from restorebot.sandbox.workspace.limits import (
    check_message_blocks,
    check_post_text,
    check_update_text,
    check_view,
)
from restorebot.sandbox.workspace.state import (
    BOT,
    BOT_USER,
    TEAM,
    TEAM_DOMAIN,
    Channel,
    Message,
    State,
)
from restorebot.sandbox.workspace.views import Triggers, Views

TIER = {1: 1, 2: 20, 3: 50, 4: 100}  # calls a minute (slack §2.1)
SPECIAL = 600  # auth.test and chat.getPermalink: hundreds a minute


@dataclass(kw_only=True)
class MethodContext:
    """What the methods work on."""

    state: State
    triggers: Triggers
    views: Views
    new_connection_url: Callable[[], str]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One Web API method.

    ``scopes``: one of them is needed; ``app_level``: takes the xapp token, not the bot's.
    """

    run: Callable[[MethodContext, Json], Json]
    per_minute: int
    scopes: tuple[str, ...] = ()
    app_level: bool = False


def _required(args: Json, name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        messages = [f"[ERROR] missing required field: {name}"]
        raise MethodError("invalid_arguments", response_metadata={"messages": messages})
    return value


def _decoded(args: Json, name: str, code: str) -> Any:
    # Form posts carry it as a string of JSON.
    value = args.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise MethodError(code) from None


def check_scopes(state: State, needed: tuple[str, ...]) -> None:
    """Raise missing_scope unless the app was granted one of these."""
    if needed and not state.manifest.scopes.intersection(needed):
        provided = ",".join(sorted(state.manifest.scopes))
        raise MethodError("missing_scope", needed=",".join(needed), provided=provided)


# who and where


def auth_test(context: MethodContext, _args: Json) -> Json:
    """Say who the bot is."""
    return {
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": "Sandbox",
        "team_id": TEAM,
        "user": context.state.manifest.name,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def apps_connections_open(context: MethodContext, _args: Json) -> Json:
    """Give a URL for one Socket Mode connection."""
    return {"url": context.new_connection_url()}


def users_info(context: MethodContext, args: Json) -> Json:
    """Describe a person."""
    person = context.state.people.get(_required(args, "user"))
    if person is None:
        raise MethodError("user_not_found")
    return {"user": person.json()}


def usergroups_list(context: MethodContext, args: Json) -> Json:
    """List the usergroups, with their members where that is asked for."""
    with_users = str(args.get("include_users", "")).lower() in {"1", "true"}
    groups: list[Json] = []
    for group_id, users in context.state.usergroups.items():
        handle = group_id.removeprefix("S0").lower()
        group: Json = {"id": group_id, "team_id": TEAM, "name": handle, "handle": handle}
        group |= {"is_usergroup": True, "date_delete": 0, "user_count": len(users)}
        if with_users:
            group["users"] = users
        groups.append(group)
    return {"usergroups": groups}


def usergroups_users_list(context: MethodContext, args: Json) -> Json:
    """List a usergroup's members."""
    users = context.state.usergroups.get(_required(args, "usergroup"))
    if users is None:
        raise MethodError("no_such_subteam")
    return {"users": users}


def _scope_of(channel: Channel) -> str:
    if channel.is_im:
        return "im:read"
    return "groups:read" if channel.is_private else "channels:read"


def _visible(context: MethodContext, channel_id: str) -> Channel:
    # The bot may know of public channels, and of those it is a member of.
    channel = context.state.channels.get(channel_id)
    if channel is None:
        raise MethodError("channel_not_found")
    if not channel.is_member and (channel.is_private or channel.is_im):
        raise MethodError("channel_not_found")
    return channel


def conversations_info(context: MethodContext, args: Json) -> Json:
    """Describe a channel."""
    channel_id = _required(args, "channel")
    known = context.state.channels.get(channel_id)
    if known is not None:
        check_scopes(context.state, (_scope_of(known),))
    return {"channel": _visible(context, channel_id).json()}


# messages


def _content(args: Json) -> tuple[str | None, list[Json] | None]:
    # Each is None when it is not given.
    text, blocks = args.get("text"), _decoded(args, "blocks", "invalid_blocks_format")
    if blocks is not None:
        blocks = check_message_blocks(blocks)
    if text is not None and not isinstance(text, str):
        raise MethodError(
            "invalid_arguments", response_metadata={"messages": ["[ERROR] must provide a string"]}
        )
    if text is not None and not text.strip():
        text = ""  # spaces alone are no text
    return text, blocks


def _writable(context: MethodContext, args: Json) -> Channel:
    # By its id, or by a person's for the direct messages with them.
    wanted = _required(args, "channel")
    person = context.state.people.get(wanted)
    if person is not None and not person.deleted and not person.is_bot:
        return context.state.direct_channel(person.id)
    channel = _visible(context, wanted)
    if not channel.is_member:
        raise MethodError("not_in_channel")
    if channel.is_archived:
        raise MethodError("is_archived")
    return channel


def _thread(context: MethodContext, channel: Channel, args: Json) -> str | None:
    # An answer to an answer goes into the same thread.
    wanted = args.get("thread_ts")
    if not wanted:
        return None
    parent = context.state.message(channel.id, str(wanted))
    if parent is None:
        raise MethodError("thread_not_found")
    return parent.thread_ts or parent.ts


def chat_post_message(context: MethodContext, args: Json) -> Json:
    """Post into a channel, a thread or the direct messages with a person."""
    channel = _writable(context, args)
    text, blocks = _content(args)
    if not text and not blocks:
        raise MethodError("no_text")
    thread_ts = _thread(context, channel, args)
    message = context.state.post(
        channel.id, BOT_USER, check_post_text(text or ""), blocks or [], thread_ts
    )
    return {"channel": channel.id, "ts": message.ts, "message": message.json()}


def _own_message(context: MethodContext, args: Json) -> Message:
    channel = _visible(context, _required(args, "channel"))
    message = context.state.message(channel.id, _required(args, "ts"))
    if message is None:
        raise MethodError("message_not_found")
    if message.user != BOT_USER:
        raise MethodError("cant_update_message")
    if channel.is_archived:
        raise MethodError("is_archived")
    return message


def chat_update(context: MethodContext, args: Json) -> Json:
    """Change a message.

    Text without blocks takes the blocks away; blocks without text keep the text and show no mark.
    """
    message = _own_message(context, args)
    text, blocks = _content(args)
    if not text and blocks is None:
        raise MethodError("no_text")
    if not text and not blocks and not message.text:
        raise MethodError("no_text")
    new_text = message.text if text is None else check_update_text(text)
    context.state.edit(message, new_text, blocks or [], mark=not blocks)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": message.json(),
    }


def chat_post_ephemeral(context: MethodContext, args: Json) -> Json:
    """Show a message to one member of a channel."""
    channel = _writable(context, args)
    user = _required(args, "user")
    if user not in channel.members:
        raise MethodError("user_not_in_channel")
    text, blocks = _content(args)
    if not text and not blocks:
        raise MethodError("no_text")
    _thread(context, channel, args)
    message = context.state.post_ephemeral(
        user, channel.id, check_post_text(text or ""), blocks or [], "ephemeral"
    )
    return {"message_ts": message.ts}


def chat_get_permalink(context: MethodContext, args: Json) -> Json:
    """Give a message's address."""
    channel = _visible(context, _required(args, "channel"))
    message = context.state.message(channel.id, _required(args, "message_ts"))
    if message is None:
        raise MethodError("message_not_found")
    place = f"{channel.id}/p{message.ts.replace('.', '')}"
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.thread_ts else ""
    return {
        "channel": channel.id,
        "permalink": f"https://{TEAM_DOMAIN}.slack.com/archives/{place}{thread}",
    }


# views


def _view(args: Json, *kinds: str) -> Json:
    return check_view(_decoded(args, "view", "invalid_arguments"), *kinds)


def views_open(context: MethodContext, args: Json) -> Json:
    """Open a modal before the person to whom the trigger belongs."""
    definition = _view(args, "modal")
    user = context.triggers.exchange(args.get("trigger_id"))
    return {"view": context.views.open(user, definition).json()}


def views_update(context: MethodContext, args: Json) -> Json:
    """Put another view in the place of one that is open."""
    if not args.get("view_id") and not args.get("external_id"):
        _required(args, "view_id")
    view = context.views.find(args.get("view_id"), args.get("external_id"))
    definition = _view(args, view.definition["type"])
    return {"view": context.views.update(view, definition, args.get("hash")).json()}


def views_publish(context: MethodContext, args: Json) -> Json:
    """Set a person's Home tab."""
    if not context.state.manifest.home_tab:
        raise MethodError("not_enabled")
    user = _required(args, "user_id")
    if user not in context.state.people:
        raise MethodError("user_not_found")
    return {"view": context.views.publish(user, _view(args, "home"), args.get("hash")).json()}


READ_ANY = ("channels:read", "groups:read", "im:read")

METHODS: dict[str, Method] = {
    "auth.test": Method(run=auth_test, per_minute=SPECIAL),
    "apps.connections.open": Method(run=apps_connections_open, per_minute=TIER[3], app_level=True),
    "chat.postMessage": Method(run=chat_post_message, per_minute=300, scopes=("chat:write",)),
    "chat.postEphemeral": Method(
        run=chat_post_ephemeral, per_minute=TIER[4], scopes=("chat:write",)
    ),
    "chat.update": Method(run=chat_update, per_minute=TIER[3], scopes=("chat:write",)),
    "chat.getPermalink": Method(run=chat_get_permalink, per_minute=SPECIAL),
    "conversations.info": Method(run=conversations_info, per_minute=TIER[3], scopes=READ_ANY),
    "usergroups.list": Method(run=usergroups_list, per_minute=TIER[2], scopes=("usergroups:read",)),
    "usergroups.users.list": Method(
        run=usergroups_users_list, per_minute=TIER[2], scopes=("usergroups:read",)
    ),
    "users.info": Method(run=users_info, per_minute=TIER[4], scopes=("users:read",)),
    "views.open": Method(run=views_open, per_minute=TIER[4]),
    "views.publish": Method(run=views_publish, per_minute=TIER[4]),
    "views.update": Method(run=views_update, per_minute=TIER[4]),
}
