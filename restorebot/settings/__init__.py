"""The settings: environment, `.env`, `restorebot.toml` and a secrets directory, in this order.

Problems come out as plain lines. A setting is declared in ``fields``, and nowhere else.
"""

from restorebot.settings.lines import line_of_variable
from restorebot.settings.loading import FLEETING, LOADER_VARIABLES, database_url, load
from restorebot.settings.model import KEYS, VARIABLES, PortalSettings, Settings

__all__ = [
    "FLEETING",
    "KEYS",
    "LOADER_VARIABLES",
    "VARIABLES",
    "PortalSettings",
    "Settings",
    "database_url",
    "line_of_variable",
    "load",
]
