"""What a portal's key or cookie looks like, and the header that it is sent in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import SecretStr

from restorebot.docspace.sentences import KEY_UNFIT

Auth = Literal["bearer", "cookie"]

API_KEY_PREFIX = "sk-"
COOKIE = "asc_auth_key"


def is_api_key(value: str) -> bool:
    """Return whether a key is an API key rather than a cookie, by how it begins."""
    return value.startswith(API_KEY_PREFIX)


def can_be_sent(value: str) -> bool:
    """Return whether a key or cookie can stand in a header."""
    return bool(value) and value.isascii() and value.isprintable()


@dataclass(frozen=True)
class Credential:
    """The header that a key is sent in, and whether the key is an API key rather than a cookie."""

    header: Mapping[str, str] = field(repr=False)
    is_api_key: bool

    @classmethod
    def from_key(cls, key: SecretStr, auth: Auth | None) -> "Credential":
        """Return the credential that a key makes. Raise ValueError, without the value."""
        value = key.get_secret_value().strip()
        if not can_be_sent(value):
            raise ValueError(KEY_UNFIT)
        if auth == "bearer" or (auth is None and is_api_key(value)):
            return cls({"Authorization": f"Bearer {value}"}, is_api_key(value))
        return cls({"Cookie": f"{COOKIE}={value.removeprefix(f'{COOKIE}=')}"}, is_api_key=False)
