"""Portals' API keys at rest: encrypted with Fernet.

They are read afresh at each use, so that a new one works at once.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from restorebot.errors import KeyUnreadable
from restorebot.storage.schema import portal_keys

NO_ENCRYPTION_KEY = (
    "An API key is stored, but without RESTOREBOT_ENCRYPTION_KEY it cannot be decrypted. Set that "
    "and start restorebot again, or forget the stored key with restorebot key remove."
)
OTHER_ENCRYPTION_KEY = (
    "The stored API key cannot be decrypted: RESTOREBOT_ENCRYPTION_KEY is not the one that it was "
    "stored with. Put the old one back, or store the API key again with restorebot key set."
)


@dataclass(frozen=True, kw_only=True)
class StoredKey:
    """A key as it is stored.

    ``last_four`` are its last four characters, by which DocSpace shows it too.
    """

    portal_url: str
    encrypted: str
    last_four: str
    stored_at: datetime

    def decrypt(self, encryption_key: SecretStr | None) -> SecretStr:
        """Return the key itself. Raise KeyUnreadable."""
        if encryption_key is None:
            raise KeyUnreadable(NO_ENCRYPTION_KEY)
        fernet = Fernet(encryption_key.get_secret_value())
        try:
            return SecretStr(fernet.decrypt(self.encrypted.encode()).decode())
        except (InvalidToken, ValueError):
            raise KeyUnreadable(OTHER_ENCRYPTION_KEY) from None


def generate_encryption_key() -> str:
    """Make a new encryption key, for RESTOREBOT_ENCRYPTION_KEY."""
    return Fernet.generate_key().decode()


async def load(connection: AsyncConnection, portal_url: str) -> StoredKey | None:
    """Return the key of a portal, None when none is stored."""
    query = select(portal_keys).where(portal_keys.c.portal_url == portal_url)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    return StoredKey(**row)


async def put(
    connection: AsyncConnection,
    portal_url: str,
    *,
    key: SecretStr,
    encryption_key: SecretStr,
    at: datetime,
) -> None:
    """Keep a portal's key, in the place of the one before."""
    value = key.get_secret_value()
    encrypted = Fernet(encryption_key.get_secret_value()).encrypt(value.encode()).decode()
    await forget(connection, portal_url)
    row = {
        "portal_url": portal_url,
        "encrypted": encrypted,
        "last_four": value[-4:],
        "stored_at": at,
    }
    await connection.execute(insert(portal_keys).values(row))


async def forget(connection: AsyncConnection, portal_url: str) -> bool:
    """Forget a portal's key; return whether there was one."""
    query = delete(portal_keys).where(portal_keys.c.portal_url == portal_url)
    return (await connection.execute(query)).rowcount > 0
