"""The settings: environment, `.env`, `restorebot.toml` and a secrets directory, in this order.

Problems come out as plain lines.
"""

from restorebot.settings.fields import (
    FLEETING,
    NAMES,
    OF_THE_LOADER,
    TABLE_EXAMPLES,
    PortalSettings,
    PortalTable,
    Settings,
    database_url,
    load,
)
from restorebot.settings.types import WORDS

__all__ = [
    "FLEETING",
    "NAMES",
    "OF_THE_LOADER",
    "TABLE_EXAMPLES",
    "WORDS",
    "PortalSettings",
    "PortalTable",
    "Settings",
    "database_url",
    "load",
]
