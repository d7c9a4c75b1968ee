"""The settings: environment, `.env`, `restorebot.toml` and a secrets directory, in this order.

Problems come out as plain lines.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from restorebot.docspace.storages import Storage
from restorebot.errors import SettingsError
from restorebot.settings.types import (
    ApiKey,
    AppToken,
    Auth,
    BaseAddress,
    BotToken,
    Channels,
    Database,
    EncryptionKey,
    People,
    PollInterval,
    Port,
    PortalAddress,
    PortalName,
    Quorum,
    SafetyBackup,
    Ttl,
    Users,
    parse_portal_name,
)

CONFIG_FILE = "restorebot.toml"
SECRETS_DIRECTORY = "/run/secrets"

HTTP_PORT = 3000

TABLES = "[portals]"
"""The settings' name for the portals' tables: one that no environment variable can have."""

DATABASE = "sqlite+aiosqlite:///restorebot.sqlite3"

FLEETING = {"DYNO": "Heroku", "K_SERVICE": "Cloud Run", "AWS_LAMBDA_FUNCTION_NAME": "Lambda"}
"""Variables of platforms whose disk is gone with the next restart."""

T = TypeVar("T")


class PortalTable(BaseModel):
    """A `[portals.NAME]` table. What it leaves out is as the settings for all portals say."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: PortalAddress
    key: ApiKey | None = None
    auth: Auth | None = None
    channels: Channels | None = None
    requesters: People | None = None
    approvers: People | None = None
    approvals_needed: Quorum | None = None
    approval_ttl: Ttl | None = None
    announce: Channels | None = None
    safety_backup: SafetyBackup | None = None


@dataclass(frozen=True)
class PortalSettings:
    """A portal with all that is set for it."""

    name: str
    url: str
    key: SecretStr | None
    auth: Auth | None
    channels: frozenset[str]
    requesters: frozenset[str]
    approvers: frozenset[str]
    approvals_needed: int
    approval_ttl: timedelta
    announce: frozenset[str]
    safety_backup: Storage | None


class _Sources(BaseSettings):
    """Where settings come from, for all of them or a part."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = InitSettingsSource(settings_cls, _toml())
        directory = os.environ.get("RESTOREBOT_SECRETS_DIR", SECRETS_DIRECTORY)
        # Only where there is one: pydantic warns of a directory that is not.
        files = (
            (SecretsSettingsSource(settings_cls, directory),) if Path(directory).is_dir() else ()
        )
        return init_settings, env_settings, dotenv_settings, toml, *files


class DatabaseSettings(_Sources):
    """What the commands that only look at the database need."""

    database_url: Database = DATABASE


class Settings(_Sources):
    """All settings.

    The names of the fields are the names of the variables, in lower case, less RESTOREBOT_.
    """

    slack_bot_token: BotToken
    slack_app_token: AppToken | None = None
    slack_signing_secret: SecretStr | None = None
    slack_api_url: BaseAddress = "https://slack.com/api/"
    encryption_key: EncryptionKey | None = Field(default=None, alias="RESTOREBOT_ENCRYPTION_KEY")
    tables: dict[PortalName, PortalTable] = Field(default={}, alias="[portals]")
    docspace_url: PortalAddress | None = Field(default=None, validate_default=True)
    docspace_api_key: ApiKey | None = Field(default=None, validate_default=True)
    docspace_auth: Auth | None = None
    database_url: Database = DATABASE
    port: Port | None = None
    host: str = "0.0.0.0"  # noqa: S104 - a platform's router comes from outside
    channels: Channels = Field(default=(), alias="RESTOREBOT_CHANNELS")
    requesters: People = Field(default=(), alias="RESTOREBOT_REQUESTERS")
    approvers: People | None = Field(
        default=None, alias="RESTOREBOT_APPROVERS", validate_default=True
    )
    break_glass: Users = Field(default=(), alias="RESTOREBOT_BREAK_GLASS")
    approvals_needed: Quorum = Field(default=1, alias="RESTOREBOT_APPROVALS_NEEDED")
    allow_self_approval: bool = Field(default=False, alias="RESTOREBOT_ALLOW_SELF_APPROVAL")
    approval_ttl: Ttl = Field(default=timedelta(minutes=30), alias="RESTOREBOT_APPROVAL_TTL")
    announce: Channels = Field(default=(), alias="RESTOREBOT_ANNOUNCE")
    safety_backup: SafetyBackup = Field(default=None, alias="RESTOREBOT_SAFETY_BACKUP")
    # Each poll takes a lock of the whole portal (fact sheet §4.1): under 2 s is for the sandbox.
    poll_interval: PollInterval = Field(
        default=timedelta(seconds=5), alias="RESTOREBOT_POLL_INTERVAL"
    )
    stall_after: Ttl = Field(default=timedelta(minutes=30), alias="RESTOREBOT_STALL_AFTER")

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is listened to over Socket Mode rather than HTTP."""
        return self.slack_app_token is not None

    @property
    def listen_port(self) -> int | None:
        """The port to serve on; None for no server, which only Socket Mode can do without."""
        return self.port if self.port is not None or self.socket_mode else HTTP_PORT

    @property
    def portals(self) -> tuple[PortalSettings, ...]:
        """Every portal: the tables, or the one of DOCSPACE_URL.

        That one is named after the first part of its host, or `portal` where that is no name.
        """
        tables: dict[str, PortalTable] = dict(self.tables)
        if self.docspace_url:
            label = (urlsplit(self.docspace_url).hostname or "").split(".")[0]
            try:
                name = parse_portal_name(label)
            except ValueError:
                name = "portal"
            tables[name] = PortalTable(
                url=self.docspace_url, key=self.docspace_api_key, auth=self.docspace_auth
            )
        return tuple(self._resolved(name, table) for name, table in tables.items())

    def _resolved(self, name: str, table: PortalTable) -> PortalSettings:
        def own(special: T | None, general: T) -> T:
            return general if special is None else special

        return PortalSettings(
            name,
            table.url,
            table.key,
            table.auth,
            frozenset(own(table.channels, self.channels)),
            frozenset(own(table.requesters, self.requesters)),
            frozenset(own(table.approvers, self.approvers or ())),
            own(table.approvals_needed, self.approvals_needed),
            own(table.approval_ttl, self.approval_ttl),
            frozenset(own(table.announce, self.announce)),
            self.safety_backup
            if "safety_backup" not in table.model_fields_set
            else table.safety_backup,
        )

    def secrets(self) -> list[str]:
        """Every secret's value, for the log to mask."""
        values = [
            self.slack_bot_token,
            self.slack_app_token,
            self.slack_signing_secret,
            self.encryption_key,
        ]
        values += [portal.key for portal in self.portals]
        return [value.get_secret_value() for value in values if value]

    @field_validator("docspace_url", "docspace_api_key", "approvers")
    @classmethod
    def _needed(cls, value: T, info: ValidationInfo) -> T:
        stored = info.field_name == "docspace_api_key" and info.data.get("encryption_key")
        if value is None and not info.data.get("tables") and not stored:
            raise PydanticCustomError("missing", "is missing")
        return value

    @model_validator(mode="after")
    def _together(self) -> "Settings":
        if self.tables and (self.docspace_url or self.docspace_api_key):
            raise ValueError(
                "DOCSPACE_URL: is set beside [portals]; give this portal a table too, with url and "
                "key"
            )
        urls = [portal.url for portal in self.portals]
        for portal in self.portals:
            approvers, quorum = "RESTOREBOT_APPROVERS", "RESTOREBOT_APPROVALS_NEEDED"
            if self.tables:
                approvers, quorum = (
                    f"[portals.{portal.name}] {name}" for name in ("approvers", "approvals_needed")
                )
            if portal.key is None and self.encryption_key is None:
                raise ValueError(f"[portals.{portal.name}] key: is missing")
            if urls.count(portal.url) > 1:
                raise ValueError(f"[portals.{portal.name}] url: is that of another portal too")
            if not portal.approvers:
                raise ValueError(f"{approvers}: names nobody")
            only_users = not any(name.startswith("S") for name in portal.approvers)
            if only_users and portal.approvals_needed > len(portal.approvers):
                raise ValueError(f"{quorum}: is more than there are approvers")
        if not self.slack_app_token and not self.slack_signing_secret:
            raise ValueError(
                "SLACK_APP_TOKEN: is missing, and so is SLACK_SIGNING_SECRET; one of them is needed"
            )
        return self


NAMES: Mapping[str, str] = {
    (field.alias or name).upper(): field.alias or name
    for name, field in Settings.model_fields.items()
    if field.alias != TABLES
}
"""The variables' names, and what each is called inside."""

EXAMPLES: Mapping[str, str] = {
    "SLACK_BOT_TOKEN": "xoxb-…, from OAuth & Permissions",
    "SLACK_APP_TOKEN": "xapp-…, from Basic Information, with connections:write",
    "SLACK_SIGNING_SECRET": "the Signing Secret under Basic Information",
    "SLACK_API_URL": "https://slack.com/api/",
    "DOCSPACE_URL": "https://acme.onlyoffice.com",
    "DOCSPACE_API_KEY": "sk-…, from Developer Tools, API keys",
    "DOCSPACE_AUTH": "bearer",
    "RESTOREBOT_ENCRYPTION_KEY": "what restorebot key generate prints",
    "DATABASE_URL": "sqlite:////var/lib/restorebot/restorebot.sqlite3",
    "PORT": "3000",
    "HOST": "127.0.0.1",
    "RESTOREBOT_CHANNELS": "C0123ABCD",
    "RESTOREBOT_REQUESTERS": "U0123ABCD,S0123ABCD",
    "RESTOREBOT_APPROVERS": "U0123ABCD,S0123ABCD",
    "RESTOREBOT_BREAK_GLASS": "U0123ABCD",
    "RESTOREBOT_APPROVALS_NEEDED": "1",
    "RESTOREBOT_ALLOW_SELF_APPROVAL": "false",
    "RESTOREBOT_APPROVAL_TTL": "30 min",
    "RESTOREBOT_ANNOUNCE": "C0123ABCD",
    "RESTOREBOT_SAFETY_BACKUP": (
        '{"storageType": 5, "module": "s3", "bucket": "acme", "region": "eu-west-1"}'
    ),
    "RESTOREBOT_POLL_INTERVAL": "5 s",
    "RESTOREBOT_STALL_AFTER": "30 min",
}

TABLE_EXAMPLES: Mapping[str, str] = {
    "url": '"https://acme.onlyoffice.com"',
    "key": '"sk-…"',
    "auth": '"bearer"',
    "channels": '["C0123ABCD"]',
    "requesters": '["U0123ABCD", "S0123ABCD"]',
    "approvers": '["U0123ABCD", "S0123ABCD"]',
    "approvals_needed": "1",
    "approval_ttl": '"30 min"',
    "announce": '["C0123ABCD"]',
    "safety_backup": '{ storageType = 5, module = "s3", bucket = "acme", region = "eu-west-1" }',
}

WHY: Mapping[str, str] = {"RESTOREBOT_APPROVERS": "without it nobody could approve a restore"}

OF_THE_LOADER = {"RESTOREBOT_CONFIG", "RESTOREBOT_SECRETS_DIR"}


def database_url() -> str:
    """Where the database is, whatever else is set or not. Raises SettingsError."""
    _refuse_unread_file()
    problems = []
    try:
        return DatabaseSettings.model_validate({}).database_url
    except ValidationError as error:
        problems = [
            _problem(one["loc"], one["type"], one["msg"])
            for one in error.errors(include_input=False)
        ]
    raise SettingsError(problems)


def load() -> Settings:
    """Read the settings.

    Raises SettingsError with a line for each problem, none of which shows a value.
    """
    _refuse_unread_file()
    problems = _unknown_names()
    try:
        found = Settings.model_validate({})
        problems += _unfit_here(found)
    except ValidationError as error:
        problems += [
            _problem(one["loc"], one["type"], one["msg"])
            for one in error.errors(include_input=False)
        ]
    # Raised out here, so that pydantic's error with its inputs is not carried along as the context.
    if problems:
        raise SettingsError(problems)
    return found


def _refuse_unread_file() -> None:
    try:
        _toml_keys()
    except (OSError, ValueError) as error:
        raise SettingsError([f"{_config_file()}: {_unread(error)}"]) from None


def _unread(error: Exception) -> str:
    """What is wrong with the file, by its line; its text is not shown, for there may be keys
    in it.
    """
    line = re.search(r"at line (\d+)", str(error))
    place = f"line {line[1]}: " if line else ""
    if "overwrite" in str(error) or "twice" in str(error):
        return f"{place}a name stands there twice; keep one of them"
    return f"{place}cannot be read as TOML; each line is a name, an equals sign and a value"


def _problem(where: tuple[int | str, ...], kind: str, message: str) -> str:
    sentence = message.removeprefix("Value error, ")
    if where[:1] == (TABLES,) or sentence.startswith("[portals."):
        return _problem_of_table(where, kind, sentence)
    inside = str(where[0]) if where else sentence.partition(":")[0]
    field = Settings.model_fields.get(inside)
    name = (field.alias or inside if field else inside).upper()
    said = (
        sentence.partition(": ")[2]
        if not where
        else "is missing"
        if kind == "missing"
        else sentence
    )
    why = f", and {WHY[name]}" if name in WHY else ""
    return f"{name}: {said}{why}; for example {name}={EXAMPLES[name]}"


def _problem_of_table(where: tuple[int | str, ...], kind: str, sentence: str) -> str:
    if not where:
        # From a check of the whole, which names its place itself.
        key = sentence.partition("] ")[2].partition(":")[0]
        return f"{sentence}; for example {key} = {TABLE_EXAMPLES[key]}"
    name, key = (str(part) for part in (*where[1:3], "", "")[:2])
    if key == "[key]":
        return f"[portals.{name}]: {sentence}; for example [portals.acme]"
    if key not in TABLE_EXAMPLES:
        near = difflib.get_close_matches(key, TABLE_EXAMPLES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(TABLE_EXAMPLES)}"
        return f"[portals.{name}] {key}: is no setting of a portal; {hint}"
    said = "is missing" if kind == "missing" else sentence
    return f"[portals.{name}] {key}: {said}; for example {key} = {TABLE_EXAMPLES[key]}"


def _unfit_here(settings: Settings) -> list[str]:
    return [
        f"DATABASE_URL: is an SQLite file, and {platform} forgets its files at every restart; run "
        "restorebot where "
        "the disk lasts; for example DATABASE_URL=sqlite:////var/lib/restorebot/restorebot.sqlite3"
        for variable, platform in FLEETING.items()
        if variable in os.environ and settings.database_url.startswith("sqlite")
    ]


def _unknown_names() -> list[str]:
    known = [*NAMES, *OF_THE_LOADER]
    config = {key.upper() for key in _toml_keys()}
    config.discard("PORTALS")
    problems = []
    ours = {
        name
        for name in (*os.environ, *dotenv_values(".env"))
        if name.upper().startswith("RESTOREBOT_")
    }
    for name in sorted({*ours, *config}):
        if name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else "the README lists the settings"
            problems.append(f"{name}: is no setting of restorebot; {hint}")
    return problems


def _config_file() -> Path:
    return Path(os.environ.get("RESTOREBOT_CONFIG", CONFIG_FILE))


def _toml_keys() -> dict[str, Any]:
    path = _config_file()
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _toml() -> dict[str, Any]:
    """The file's values by the names that the fields have inside; its keys may be in any case."""
    names = {**NAMES, "PORTALS": TABLES}
    return {
        names[key.upper()]: value for key, value in _toml_keys().items() if key.upper() in names
    }
