"""What a Slack manifest of this project may have: rules of our own, as a JSON schema.

Slack's schema (slack §8) takes any scope, any event and any colour, and much that this app does not
use. These rules are closed: a member, a scope or an event that is not named here is refused. Who
gives the manifest something new names it here first, with the bound that slack §8 has for it.
"""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft7Validator

SCOPES = (
    "commands",
    "chat:write",
    "channels:read",
    "groups:read",
    "usergroups:read",
    "users:read",
)
"""Everything that the bot may ever ask a workspace for."""

EVENTS = ("app_home_opened",)


def closed(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Any:
    """An object that has the first, may have the second, and has nothing else."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def text(longest: int, pattern: str = r"\S") -> Any:
    """A string that is not blank and at most so long, in characters."""
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern}


def some_of(names: tuple[str, ...]) -> Any:
    """A list of at least one of these names, each at most once."""
    return {
        "type": "array",
        "items": {"enum": list(names)},
        "minItems": 1,
        "uniqueItems": True,
    }


FLAG = {"type": "boolean"}
ON = {"const": True}
OFF = {"const": False}

COMMAND = closed(
    {
        # The pattern's end is \Z, for $ would let a line break pass.
        "command": text(32, r"\A/[a-z][a-z0-9_-]*\Z"),
        "description": text(2000),
        "usage_hint": text(1000),
        # People and channels in the text come as ids, which nobody can forge by a name.
        "should_escape": ON,
    }
)

DISPLAY = closed(
    {
        "name": text(35),
        "description": text(140),
        "background_color": text(7, r"\A#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z"),
    }
)

FEATURES = closed(
    {
        "app_home": closed(
            {
                "home_tab_enabled": ON,
                "messages_tab_enabled": FLAG,
                "messages_tab_read_only_enabled": FLAG,
            }
        ),
        "bot_user": closed({"display_name": text(80), "always_online": FLAG}),
        "slash_commands": {
            "type": "array",
            "items": COMMAND,
            "minItems": 1,
            "maxItems": 50,
        },
    }
)

SETTINGS = closed(
    {
        "event_subscriptions": closed({"bot_events": some_of(EVENTS)}),
        "interactivity": closed({"is_enabled": ON}),
        "socket_mode_enabled": FLAG,
        # One workspace: the bot answers only members of its own.
        "org_deploy_enabled": OFF,
        # A token that is renewed would need a place to be kept in.
        "token_rotation_enabled": OFF,
    }
)

SCHEMA: Mapping[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    **closed(
        {
            "_metadata": closed({"major_version": {"const": 2}, "minor_version": {"const": 0}}),
            "display_information": DISPLAY,
            "features": FEATURES,
            "oauth_config": closed({"scopes": closed({"bot": some_of(SCOPES)})}),
            "settings": SETTINGS,
        }
    ),
}


def problems(manifest: Any) -> list[str]:
    """Everything that is wrong with a manifest, a line each that begins with the place."""
    return sorted(
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft7Validator(SCHEMA).iter_errors(manifest)
    )
