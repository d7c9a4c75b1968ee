"""The settings as they are loaded: all of them, each portal's, or the database's alone."""

from collections import Counter
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from restorebot.model import is_group
from restorebot.settings import problems
from restorebot.settings.declaration import declared
from restorebot.settings.fields import (
    DOCSPACE_API_KEY,
    DOCSPACE_URL,
    BotAccess,
    BotRules,
    DatabaseAccess,
    PortalAccess,
    PortalRules,
)
from restorebot.settings.problems import SettingsConflict
from restorebot.settings.sources import TABLES, Sourced
from restorebot.settings.types import ApiKey, PortalAddress, TableName, parse_portal_name

# In these classes the fields of the last base come first: in checks, in errors, in the README.


class PortalTable(PortalRules, PortalAccess):
    """A table `[portals.NAME]`, as it is written."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_by_alias=False,
        validate_by_name=True,
        validate_default=True,
    )


class PortalSettings(PortalTable):
    """A portal with all that is set for it: by its table, or else for all portals."""

    name: str


class ConfiguredPortals(BaseModel):
    """The portals: a table each, or the address and the key of the only one."""

    tables: Annotated[dict[TableName, PortalTable], NoDecode, Field(alias=TABLES)] = {}
    docspace_url: Annotated[PortalAddress | None, DOCSPACE_URL] = None
    docspace_api_key: Annotated[ApiKey | None, DOCSPACE_API_KEY] = None


class DatabaseSettings(DatabaseAccess, Sourced):
    """What the commands that only look at the database need."""


class Settings(DatabaseAccess, BotRules, PortalRules, ConfiguredPortals, BotAccess, Sourced):
    """All settings."""

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is listened to over Socket Mode rather than HTTP."""
        return self.slack_app_token is not None

    @property
    def listen_port(self) -> int | None:
        """The port to serve on; None for no server, which only Socket Mode can do without."""
        if self.socket_mode and not self.health:
            return None
        return self.port

    @property
    def listen_host(self) -> str:
        """The address to serve on: Slack, or a platform's router, has to get at it from outside."""
        if self.host is not None:
            return self.host
        if self.socket_mode:
            return "127.0.0.1"
        return "0.0.0.0"  # noqa: S104

    @property
    def portals(self) -> tuple[PortalSettings, ...]:
        """Every portal: the tables, or the one of DOCSPACE_URL.

        That one is named after the first part of its host, or `portal` where that is no name.
        """
        tables = dict(self.tables)
        if self.docspace_url:
            name = _name_after_host(self.docspace_url)
            tables[name] = PortalTable(url=self.docspace_url, key=self.docspace_api_key)
        rules = {field: getattr(self, field) for field in PortalRules.model_fields}
        return tuple(
            PortalSettings(**(rules | _own(table)), name=name) for name, table in tables.items()
        )

    def secrets(self) -> list[str]:
        """Return every secret's value, for the log to mask."""
        values = [value for part in (self, *self.tables.values()) for _, value in part]
        secrets = [value for value in values if isinstance(value, SecretStr)]
        return [secret.get_secret_value() for secret in secrets if secret]

    @field_validator("docspace_url", "docspace_api_key", "approvers", mode="before")
    @classmethod
    def _needed_without_tables(cls, value: Any, info: ValidationInfo) -> Any:
        stored = info.field_name == "docspace_api_key" and info.data.get("encryption_key")
        left_out = value is None or value == ()
        if left_out and not info.data.get("tables") and not stored:
            raise PydanticCustomError("missing", problems.MISSING)
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> "Settings":
        if self.tables and (self.docspace_url or self.docspace_api_key):
            raise SettingsConflict(problems.BESIDE_TABLES, "docspace_url")
        self._check_portals()
        if not self.slack_app_token and not self.slack_signing_secret:
            raise SettingsConflict(problems.NO_WAY_TO_LISTEN, "slack_app_token")
        return self

    def _check_portals(self) -> None:
        portals = self.portals
        urls = Counter(portal.url for portal in portals)
        for portal in portals:
            if portal.key is None and self.encryption_key is None:
                raise SettingsConflict(problems.MISSING, "key", portal=portal.name)
            if urls[portal.url] > 1:
                raise SettingsConflict(problems.URL_TWICE, "url", portal=portal.name)
            self._check_approvers(portal)

    def _check_approvers(self, portal: PortalSettings) -> None:
        table = None
        if self.tables:
            table = portal.name
        if not portal.approvers:
            raise SettingsConflict(problems.NOBODY, "approvers", portal=table)
        # How many people a usergroup has is not known here.
        only_users = not any(is_group(name) for name in portal.approvers)
        if only_users and portal.approvals_needed > len(portal.approvers):
            raise SettingsConflict(problems.MORE_THAN_APPROVERS, "approvals_needed", portal=table)


def _own(table: PortalTable) -> dict[str, Any]:
    return {field: value for field, value in table if field in table.model_fields_set}


def _name_after_host(url: str) -> str:
    host = urlsplit(url).hostname or ""
    try:
        return parse_portal_name(host.split(".")[0])
    except ValueError:
        return "portal"


SETTINGS = declared(Settings)
"""What is declared for all portals, by field."""

VARIABLES = {setting.variable: setting for setting in SETTINGS.values()}
"""The same, by variable."""

KEYS = declared(PortalTable)
"""What a portal's table may have, by key."""
