"""The README's table of settings, from their declarations."""

from restorebot.settings.declaration import Setting, as_text
from restorebot.settings.model import SETTINGS


def table() -> str:
    """Write a row of Markdown for each setting: its variable, its default and its meaning."""
    rows = [
        f"| `{setting.variable}` | {_default(setting)} | {setting.meaning} |"
        for setting in SETTINGS.values()
    ]
    return "\n".join(["| name | default | meaning |", "| --- | --- | --- |", *rows])


def _default(setting: Setting) -> str:
    if setting.unset is not None:
        return setting.unset
    if setting.required:
        return "required"
    if setting.default is None:
        return ""
    return f"`{as_text(setting.default)}`"
