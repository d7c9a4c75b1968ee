"""The settings: environment, `.env`, `restorebot.toml` and a secrets directory, in this order.

Problems come out as plain lines.
"""

import base64
import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
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
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from restorebot.docspace.storages import Storage, parse_backup_storage
from restorebot.errors import SettingsError

CONFIG_FILE = "restorebot.toml"
SECRETS_DIRECTORY = "/run/secrets"

HTTP_PORT = 3000

WORDS = ("list", "status", "history", "help", "dump")
"""The words of the `/restore` command, which no portal may be named after; `dump` is one that is
refused.
"""

TABLES = "[portals]"
"""The settings' name for the portals' tables: one that no environment variable can have."""

DATABASE = "sqlite+aiosqlite:///restorebot.sqlite3"

FLEETING = {"DYNO": "Heroku", "K_SERVICE": "Cloud Run", "AWS_LAMBDA_FUNCTION_NAME": "Lambda"}
"""Variables of platforms whose disk is gone with the next restart."""

_UNITS = {
    "": 1,
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
}
_UNITS |= {"d": 86400, "day": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)

T = TypeVar("T")

_LOCAL = {"localhost", "127.0.0.1", "::1"}


def _duration(value: Any) -> Any:
    match = (
        _DURATION.fullmatch(str(value).strip()) if isinstance(value, str | int | float) else None
    )
    unit = match and _UNITS.get(match[2].lower().removesuffix("s") or match[2].lower())
    if match and unit:
        return timedelta(seconds=float(match[1]) * unit)
    if isinstance(value, timedelta):
        return value
    raise ValueError("is not a duration")


def _between(least: timedelta, most: timedelta, words: str) -> AfterValidator:
    def check(value: timedelta) -> timedelta:
        if not least <= value <= most:
            raise ValueError(f"has to be {words}")
        return value

    return AfterValidator(check)


def _listed(value: Any) -> Any:
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


def _ids(pattern: str, what: str) -> AfterValidator:
    def check(value: tuple[str, ...]) -> tuple[str, ...]:
        for number, one in enumerate(value, 1):
            # The entry itself is not shown: somebody may have pasted a token here.
            if not re.fullmatch(pattern, one):
                raise ValueError(f"has an entry, number {number}, that is no {what}")
        return value

    return AfterValidator(check)


def _token(prefix: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        stripped = value.get_secret_value().strip()
        if not stripped.startswith(prefix):
            raise ValueError(f"does not begin with {prefix}")
        return SecretStr(stripped)

    return AfterValidator(check)


def _key(value: SecretStr) -> SecretStr:
    stripped = value.get_secret_value().strip()
    if not stripped or not stripped.isascii() or not stripped.isprintable():
        raise ValueError("is empty or has characters that no DocSpace key has")
    return SecretStr(stripped)


def _fernet(value: SecretStr) -> SecretStr:
    stripped = value.get_secret_value().strip()
    try:
        whole = len(base64.urlsafe_b64decode(stripped)) == 32
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("is no encryption key; make one with restorebot key generate")
    return SecretStr(stripped)


def _address(value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise ValueError("has to begin with https://")
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("has to be a plain address")
    return value.strip()


def _portal(value: str) -> str:
    address = _address(value)
    if urlsplit(address).path.strip("/"):
        raise ValueError("has to be the portal's address without a path")
    return address.rstrip("/").lower()


def _portal_name(value: str) -> str:
    if value in WORDS:
        raise ValueError(
            f"is a word of the /restore command, as are {', '.join(WORDS)}; choose another name"
        )
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}", value):
        raise ValueError(
            "is no portal's name: up to 30 small letters, digits and hyphens, a letter first"
        )
    return value


def _api(value: str) -> str:
    return _address(value).rstrip("/") + "/"


def _database(value: str) -> str:
    if value.startswith("sqlite:"):
        value = value.replace("sqlite:", "sqlite+aiosqlite:", 1)
    if value.startswith(("postgres:", "postgresql")):
        raise ValueError("names PostgreSQL, which this version does not support yet")
    if not value.startswith("sqlite+aiosqlite:///") or len(value) == len("sqlite+aiosqlite:///"):
        raise ValueError("has to name an SQLite file")
    return value


def _safety_backup(value: Any) -> Storage | None:
    """`none`, or a storage with its parameters: a table, or in the environment JSON."""
    if value is None or value == "none":
        return None
    try:
        pairs = (
            json.loads(value, object_pairs_hook=list)
            if isinstance(value, str)
            else list(value.items())
        )
        given = [(str(name), one) for name, one in pairs]
    except (TypeError, AttributeError, ValueError):
        raise ValueError("is neither none nor a storage with a storageType") from None
    return parse_backup_storage(given)


Ids = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
People = Annotated[Ids, _ids(r"[UWS][A-Z0-9]{2,30}", "id of a Slack user (U…) or usergroup (S…)")]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Channels = Annotated[Ids, _ids(r"[CG][A-Z0-9]{2,30}", "id of a channel (C…)")]
Quorum = Annotated[int, Field(ge=1, le=10)]
Ttl = Annotated[Duration, _between(timedelta(minutes=1), timedelta(days=1), "from 1 min to 24 h")]
Address = Annotated[str, AfterValidator(_portal)]
SafetyBackup = Annotated[Storage | None, NoDecode, BeforeValidator(_safety_backup)]
ApiKey = Annotated[SecretStr, AfterValidator(_key)]


class PortalTable(BaseModel):
    """A `[portals.NAME]` table. What it leaves out is as the settings for all portals say."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Address
    key: ApiKey | None = None
    auth: Literal["bearer", "cookie"] | None = None
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
    auth: Literal["bearer", "cookie"] | None
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

    database_url: Annotated[str, AfterValidator(_database)] = DATABASE


class Settings(_Sources):
    """All settings.

    The names of the fields are the names of the variables, in lower case, less RESTOREBOT_.
    """

    slack_bot_token: Annotated[SecretStr, _token("xoxb-")]
    slack_app_token: Annotated[SecretStr, _token("xapp-")] | None = None
    slack_signing_secret: SecretStr | None = None
    slack_api_url: Annotated[str, AfterValidator(_api)] = "https://slack.com/api/"
    encryption_key: Annotated[SecretStr, AfterValidator(_fernet)] | None = Field(
        default=None, alias="RESTOREBOT_ENCRYPTION_KEY"
    )
    tables: dict[Annotated[str, AfterValidator(_portal_name)], PortalTable] = Field(
        default={}, alias="[portals]"
    )
    docspace_url: Address | None = Field(default=None, validate_default=True)
    docspace_api_key: ApiKey | None = Field(default=None, validate_default=True)
    docspace_auth: Literal["bearer", "cookie"] | None = None
    database_url: Annotated[str, AfterValidator(_database)] = DATABASE
    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    host: str = "0.0.0.0"  # noqa: S104 - a platform's router comes from outside
    channels: Channels = Field(default=(), alias="RESTOREBOT_CHANNELS")
    requesters: People = Field(default=(), alias="RESTOREBOT_REQUESTERS")
    approvers: People | None = Field(
        default=None, alias="RESTOREBOT_APPROVERS", validate_default=True
    )
    break_glass: Annotated[Ids, _ids(r"[UW][A-Z0-9]{2,30}", "id of a Slack user (U…)")] = Field(
        default=(), alias="RESTOREBOT_BREAK_GLASS"
    )
    approvals_needed: Quorum = Field(default=1, alias="RESTOREBOT_APPROVALS_NEEDED")
    allow_self_approval: bool = Field(default=False, alias="RESTOREBOT_ALLOW_SELF_APPROVAL")
    approval_ttl: Ttl = Field(default=timedelta(minutes=30), alias="RESTOREBOT_APPROVAL_TTL")
    announce: Channels = Field(default=(), alias="RESTOREBOT_ANNOUNCE")
    safety_backup: SafetyBackup = Field(default=None, alias="RESTOREBOT_SAFETY_BACKUP")
    # Each poll takes a lock of the whole portal (fact sheet §4.1): under 2 s is for the sandbox.
    poll_interval: Annotated[
        Duration, _between(timedelta(seconds=0.05), timedelta(minutes=5), "from 0.05 s to 5 min")
    ] = Field(default=timedelta(seconds=5), alias="RESTOREBOT_POLL_INTERVAL")
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
                name = _portal_name(label)
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
