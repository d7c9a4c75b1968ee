"""Portals' API keys at rest: encrypted with Fernet, read afresh at each use, so that a new one
works at once.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from restorebot.errors import KeyUnreadable
from restorebot.storage.schema import portal_keys


@dataclass(frozen=True)
class StoredKey:
    """A key as it is stored.

    ``last_four`` are its last four characters, by which DocSpace shows it too.
    """

    portal_url: str
    encrypted: str
    last_four: str
    stored_at: datetime

    def decrypt(self, encryption_key: SecretStr | None) -> SecretStr:
        """The key itself. Raises KeyUnreadable."""
        if encryption_key is None:
            raise KeyUnreadable(
                "An API key is stored, but without RESTOREBOT_ENCRYPTION_KEY it cannot be "
                "decrypted. Set that and "
                "start restorebot again, or forget the stored key with restorebot key remove."
            )
        try:
            return SecretStr(
                Fernet(encryption_key.get_secret_value()).decrypt(self.encrypted.encode()).decode()
            )
        except (InvalidToken, ValueError):
            raise KeyUnreadable(
                "The stored API key cannot be decrypted: RESTOREBOT_ENCRYPTION_KEY is not the one "
                "that it was stored "
                "with. Put the old one back, or store the API key again with restorebot key set."
            ) from None


def generate_encryption_key() -> str:
    """A new encryption key, for RESTOREBOT_ENCRYPTION_KEY."""
    return Fernet.generate_key().decode()


async def load(conn: AsyncConnection, portal_url: str) -> StoredKey | None:
    """The key of a portal, None when none is stored."""
    row = (
        await conn.execute(select(portal_keys).where(portal_keys.c.portal_url == portal_url))
    ).one_or_none()
    return StoredKey(row.portal_url, row.encrypted, row.last_four, row.stored_at) if row else None


async def put(
    conn: AsyncConnection, portal_url: str, key: SecretStr, encryption_key: SecretStr, at: datetime
) -> None:
    """Keep a portal's key, in the place of the one before."""
    value = key.get_secret_value()
    encrypted = Fernet(encryption_key.get_secret_value()).encrypt(value.encode()).decode()
    await forget(conn, portal_url)
    await conn.execute(
        insert(portal_keys).values(
            portal_url=portal_url, encrypted=encrypted, last_four=value[-4:], stored_at=at
        )
    )


async def forget(conn: AsyncConnection, portal_url: str) -> bool:
    """Forget a portal's key; returns whether there was one."""
    return bool(
        (
            await conn.execute(delete(portal_keys).where(portal_keys.c.portal_url == portal_url))
        ).rowcount
    )
