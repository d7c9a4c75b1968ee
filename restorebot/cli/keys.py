"""`restorebot key`: look at, store and forget the portals' API keys, beside a bot that may be
running.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import SecretStr

from restorebot.cli import tables
from restorebot.docspace.client import Auth, DocSpace, ssl_context
from restorebot.docspace.models import KeyInfo
from restorebot.errors import PortalError, Refused, SettingsError
from restorebot.restores.checks import KEY_EXPIRY_MARGIN
from restorebot.settings import PortalSettings, Settings
from restorebot.slack.phrases import SETUP_HINTS
from restorebot.storage import keys
from restorebot.storage.store import open_for_writing, open_read_only

NO_ENCRYPTION_KEY = (
    "RESTOREBOT_ENCRYPTION_KEY: is missing, and without it no key is stored; make one with "
    "restorebot key generate"
)

COLUMNS = ("portal", "key", "from", "age", "permissions", "expires (UTC)", "state")


def select_portal(settings: Settings, name: str) -> PortalSettings:
    """The portal of that name, or the only one. Raises Refused."""
    names = ", ".join(portal.name for portal in settings.portals)
    if name.lower().startswith("sk-"):
        raise Refused(
            "A key is not given as an argument, where the shell's history and others on this "
            "machine see it. Delete "
            "it in DocSpace (Developer Tools, API keys), make a new one and paste it when "
            "restorebot key set asks."
        )
    if not name and len(settings.portals) > 1:
        raise Refused(f"Say which portal: {names}.")
    for portal in settings.portals:
        if name.lower() in {"", portal.name}:
            return portal
    raise Refused(f"There is no portal {name!r} in the settings. There is {names}.")


def encryption_key(settings: Settings) -> SecretStr:
    """Raises SettingsError when there is none."""
    if settings.encryption_key is None:
        raise SettingsError([NO_ENCRYPTION_KEY])
    return settings.encryption_key


async def store_key(settings: Settings, name: str, typed: str) -> str:
    """Try a key at its portal and store it; returns what to say.

    Raises Refused, PortalError, StorageError.
    """
    secret, portal = encryption_key(settings), select_portal(settings, name)
    value = typed.strip()
    if (
        not value.startswith("sk-")
        or not value.isascii()
        or not value.isprintable()
        or " " in value
    ):
        raise Refused(
            "That is no API key of DocSpace, which begins with sk- and has no spaces. Nothing was "
            "stored."
        )
    key = SecretStr(value)
    try:
        info = await _try_key(portal, key)
    except PortalError as error:
        raise Refused(f"{error} Nothing was stored.") from None
    if info and not (info.is_active and info.may_write):
        raise Refused("This key may not write. Make one with all permissions. Nothing was stored.")
    async with open_for_writing(settings.database_url) as conn:
        await keys.put(conn, portal.url, key, secret, datetime.now(UTC))
    soon = info and info.expires_at and info.expires_at < datetime.now(UTC) + KEY_EXPIRY_MARGIN
    warning = (
        f" It expires {info.expires_at:%Y-%m-%d %H:%M} UTC: make one that lasts."
        if info and soon
        else ""
    )
    used = "A bot that runs with this RESTOREBOT_ENCRYPTION_KEY uses it from its next call on."
    return f"The key …{value[-4:]} is stored for {portal.name}. {used}{warning}"


async def _try_key(
    portal: PortalSettings, key: SecretStr, auth: Auth | None = "bearer"
) -> KeyInfo | None:
    docspace = DocSpace(portal.url, key, ssl_context=ssl_context(), auth=auth, hints=SETUP_HINTS)
    try:
        info = await docspace.key_info()
        if info is None:
            # Portals before 3.1 tell nothing of a key; whether it opens the backups is what counts.
            await docspace.history()
    finally:
        await docspace.aclose()
    return info


async def remove_key(settings: Settings, name: str) -> str:
    """Forget a stored key; returns what to say. Raises Refused, StorageError."""
    portal = select_portal(settings, name)
    async with open_read_only(settings.database_url) as conn:
        if await keys.load(conn, portal.url) is None:
            raise Refused(f"No key is stored for {portal.name}.")
    async with open_for_writing(settings.database_url) as conn:
        await keys.forget(conn, portal.url)
    rest = (
        "The one in the settings is used again."
        if portal.key
        else "Until another is stored, no restore of this portal can be asked for."
    )
    return f"The stored key of {portal.name} is forgotten. {rest}"


async def list_keys(settings: Settings) -> list[tuple[str, ...]]:
    """A row for each portal: what is known of the key that the bot uses, never the key.

    Raises StorageError.
    """
    async with open_read_only(settings.database_url) as conn:
        stored = {portal.url: await keys.load(conn, portal.url) for portal in settings.portals}
    return [
        (portal.name, *await _row(settings, portal, stored[portal.url]))
        for portal in settings.portals
    ]


async def _row(
    settings: Settings, portal: PortalSettings, stored: keys.StoredKey | None
) -> tuple[str, ...]:
    if stored is None and portal.key is None:
        return "none", "", "", "", "", "store one with restorebot key set"
    last_four = (
        stored.last_four if stored else (portal.key or SecretStr("")).get_secret_value()[-4:]
    )
    days = (datetime.now(UTC) - stored.stored_at).days if stored else None
    where = (
        f"…{last_four}",
        "stored" if stored else "settings",
        "" if days is None else f"{days} d",
    )
    try:
        key = stored.decrypt(settings.encryption_key) if stored else portal.key
        info = await _try_key(portal, key or SecretStr(""), "bearer" if stored else portal.auth)
    except PortalError as error:
        return *where, "", "", str(error)
    if info is None:
        return *where, "not told", "not told", "accepted"
    expires = info.expires_at.strftime("%Y-%m-%d") if info.expires_at else "never"
    return (
        *where,
        ", ".join(info.permissions) or "all",
        expires,
        "accepted" if info.is_active else "disabled",
    )


def print_keys(rows: Iterable[tuple[str, ...]]) -> None:
    """Print what ``listed`` found."""
    tables.print_table(COLUMNS, rows)
