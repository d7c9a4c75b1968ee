"""The kinds of values that settings have.

Each takes what people write in a variable or in TOML, and refuses the rest with a sentence of
``problems``.
"""

import base64
import json
import re
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from restorebot.docspace.credential import can_be_sent
from restorebot.docspace.storages import Storage, parse_backup_storage
from restorebot.model import Approvers, Requesters
from restorebot.settings import problems
from restorebot.subcommands import RESERVED

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)
_UNITS = {
    **dict.fromkeys(("", "s", "sec", "second"), 1),
    **dict.fromkeys(("m", "min", "minute"), 60),
    **dict.fromkeys(("h", "hour"), 3600),
    **dict.fromkeys(("d", "day"), 86400),
}
"""Seconds by unit, in the singular."""

_PORTAL_NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")

_LOCAL = {"localhost", "127.0.0.1", "::1"}

_SQLITE = "sqlite+aiosqlite:///"


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(problems.NO_DURATION)
    number, unit = match[1], match[2].lower()
    seconds = _UNITS.get(unit.removesuffix("s"))
    if seconds is None:
        raise ValueError(problems.NO_DURATION)
    return timedelta(seconds=float(number) * seconds)


def _between(least: str, most: str) -> AfterValidator:
    shortest, longest = _duration(least), _duration(most)

    def check(value: timedelta) -> timedelta:
        if not shortest <= value <= longest:
            raise ValueError(problems.out_of_range(least, most))
        return value

    return AfterValidator(check)


def _parts(value: Any) -> list[Any] | None:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    return None


def _ids(pattern: str, what: str) -> BeforeValidator:
    def check(value: Any) -> list[Any]:
        parts = _parts(value)
        if parts is None:
            raise ValueError(problems.NO_LIST)
        # What is no string is refused afterwards, by the type.
        if all(isinstance(part, str) for part in parts):
            for number, part in enumerate(parts, 1):
                if not re.fullmatch(pattern, part):
                    raise ValueError(problems.wrong_entry(number, what))
        return parts

    return BeforeValidator(check)


def _token(prefix: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        stripped = value.get_secret_value().strip()
        if not stripped.startswith(prefix):
            raise ValueError(problems.wrong_prefix(prefix))
        return SecretStr(stripped)

    return AfterValidator(check)


def _api_key(value: SecretStr) -> SecretStr:
    stripped = value.get_secret_value().strip()
    if not can_be_sent(stripped):
        raise ValueError(problems.NO_KEY)
    return SecretStr(stripped)


def _encryption_key(value: SecretStr) -> SecretStr:
    stripped = value.get_secret_value().strip()
    try:
        decoded = base64.urlsafe_b64decode(stripped)
    except ValueError:
        raise ValueError(problems.NOT_AN_ENCRYPTION_KEY) from None
    if len(decoded) != 32:
        raise ValueError(problems.NOT_AN_ENCRYPTION_KEY)
    return SecretStr(stripped)


def _address(value: str) -> str:
    address = value.strip()
    parts = urlsplit(address)
    local = parts.scheme == "http" and parts.hostname in _LOCAL
    if parts.scheme != "https" and not local:
        raise ValueError(problems.NOT_HTTPS)
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(problems.NOT_A_PLAIN_ADDRESS)
    return address


def _portal_address(value: str) -> str:
    address = _address(value)
    if urlsplit(address).path.strip("/"):
        raise ValueError(problems.HAS_A_PATH)
    return address.rstrip("/").lower()


def _base_address(value: str) -> str:
    return _address(value).rstrip("/") + "/"


def parse_portal_name(value: str) -> str:
    """Return what may be a portal's name. Raise ValueError."""
    if value in RESERVED:
        raise ValueError(problems.reserved_name(RESERVED))
    if not _PORTAL_NAME.fullmatch(value):
        raise ValueError(problems.NO_PORTAL_NAME)
    return value


def _database_url(value: str) -> str:
    if value.startswith(("postgres:", "postgresql")):
        raise ValueError(problems.POSTGRESQL)
    if value.startswith("sqlite:"):
        value = value.replace("sqlite:", "sqlite+aiosqlite:", 1)
    if not value.startswith(_SQLITE) or value == _SQLITE:
        raise ValueError(problems.NO_SQLITE_FILE)
    return value


def _safety_backup(value: Any) -> Storage | None:
    if value is None or value == "none":
        return None
    if isinstance(value, Storage):
        return value
    try:
        if isinstance(value, str):
            # Pairs, so that a name that stands there twice is seen.
            pairs = json.loads(value, object_pairs_hook=list)
        else:
            pairs = value.items()
        given = [(str(name), one) for name, one in pairs]
    except (TypeError, AttributeError, ValueError):
        raise ValueError(problems.NO_STORAGE) from None
    return parse_backup_storage(given)


_Ids = Annotated[frozenset[str], NoDecode]
_PEOPLE = _ids(r"[UWS][A-Z0-9]{2,30}", problems.USER_OR_GROUP_ID)

Channels = Annotated[_Ids, _ids(r"[CG][A-Z0-9]{2,30}", problems.CHANNEL_ID)]
ApproverIds = Annotated[Approvers, NoDecode, _PEOPLE]
RequesterIds = Annotated[Requesters, NoDecode, _PEOPLE]
Users = Annotated[_Ids, _ids(r"[UW][A-Z0-9]{2,30}", problems.USER_ID)]
Quorum = Annotated[int, Field(ge=1, le=10)]
Port = Annotated[int, Field(ge=0, le=65535)]

Duration = Annotated[timedelta, BeforeValidator(_duration)]
Ttl = Annotated[Duration, _between("1 min", "24 h")]
PollInterval = Annotated[Duration, _between("0.05 s", "5 min")]

BotToken = Annotated[SecretStr, _token("xoxb-")]
AppToken = Annotated[SecretStr, _token("xapp-")]
ApiKey = Annotated[SecretStr, AfterValidator(_api_key)]
EncryptionKey = Annotated[SecretStr, AfterValidator(_encryption_key)]

PortalAddress = Annotated[str, AfterValidator(_portal_address)]
BaseAddress = Annotated[str, AfterValidator(_base_address)]
TableName = Annotated[str, AfterValidator(parse_portal_name)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]

SafetyBackup = Annotated[Storage | None, NoDecode, BeforeValidator(_safety_backup)]
"""`none`, or a storage with its parameters: a table, or in the environment JSON."""
