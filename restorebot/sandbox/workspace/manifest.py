"""The app manifest, as far as the local Slack lets it decide what the app may do."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from restorebot.sandbox.control import Json


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The parts of an app manifest that change how Slack behaves towards the app."""

    name: str
    scopes: frozenset[str]
    commands: dict[str, bool]  # the command, and whether names in its text are escaped
    hints: list[Json]  # what a client's completion shows of each command
    interactive: bool
    home_tab: bool
    events: frozenset[str]

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Read a manifest in YAML or JSON (JSON is YAML)."""
        raw: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
        features, settings = raw.get("features", {}), raw.get("settings", {})
        return cls(
            name=features.get("bot_user", {}).get("display_name")
            or raw["display_information"]["name"],
            scopes=frozenset(raw.get("oauth_config", {}).get("scopes", {}).get("bot", [])),
            commands={
                c["command"]: bool(c.get("should_escape"))
                for c in features.get("slash_commands", [])
            },
            hints=[
                {
                    "command": c["command"],
                    "usage": c.get("usage_hint", ""),
                    "description": c["description"],
                }
                for c in features.get("slash_commands", [])
            ],
            interactive=bool(settings.get("interactivity", {}).get("is_enabled")),
            home_tab=bool(features.get("app_home", {}).get("home_tab_enabled")),
            events=frozenset(settings.get("event_subscriptions", {}).get("bot_events", [])),
        )
