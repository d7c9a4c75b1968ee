"""`restorebot key`: look at, store and forget the portals' API keys, beside a running bot too."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from restorebot.cli import tables
from restorebot.docspace.client import DocSpace, ssl_context
from restorebot.docspace.credential import Auth, can_be_sent, is_api_key
from restorebot.docspace.models import KeyInfo
from restorebot.errors import PortalError, Refused, SettingsError
from restorebot.restores.checks import KEY_EXPIRY_MARGIN
from restorebot.settings import PortalSettings, Settings, line_of_variable, problems
from restorebot.setup_hints import SETUP_HINTS
from restorebot.storage import keys
from restorebot.storage.store import open_for_writing, open_read_only
from restorebot.times import utc_text

NOTHING_STORED = "Nothing was stored."
NOTHING_TO_ENCRYPT_WITH = line_of_variable(
    "RESTOREBOT_ENCRYPTION_KEY", problems.NOTHING_TO_ENCRYPT_WITH
)
KEY_AS_ARGUMENT = (
    "A key is not given as an argument, where the shell's history and others on this machine see "
    "it. Delete it in DocSpace (Developer Tools, API keys), make a new one and paste it when "
    "restorebot key set asks."
)
NOT_A_KEY = (
    "That is no API key of DocSpace, which begins with sk- and has no spaces. " + NOTHING_STORED
)
READ_ONLY_KEY = "This key may not write. Make one with all permissions. " + NOTHING_STORED
USED_AT_ONCE = "A bot that runs with this RESTOREBOT_ENCRYPTION_KEY uses it from its next call on."
SETTINGS_KEY_AGAIN = "The one in the settings is used again."
STORE_ONE = "store one with restorebot key set"
NO_KEY_LEFT = "Until another is stored, no restore of this portal can be asked for."

COLUMNS = ("portal", "key", "from", "age", "permissions", "expires (UTC)", "state")


def which_portal(names: str) -> str:
    """Say that there are several portals and none is named."""
    return f"Say which portal: {names}."


def unknown_portal(name: str, names: str) -> str:
    """Say that the settings have no such portal."""
    return f"There is no portal {name!r} in the settings. There is {names}."


def no_stored_key(portal: str) -> str:
    """Say that there is nothing to forget."""
    return f"No key is stored for {portal}."


def stored(last_four: str, portal: str) -> str:
    """Say that a key has been stored."""
    return f"The key …{last_four} is stored for {portal}. {USED_AT_ONCE}"


def expires_soon(expires_at: datetime) -> str:
    """Say that a stored key expires within KEY_EXPIRY_MARGIN."""
    return f"It expires {utc_text(expires_at)}: make one that lasts."


def forgotten(portal: str, rest: str) -> str:
    """Say that a key has been forgotten; ``rest`` says which one is left."""
    return f"The stored key of {portal} is forgotten. {rest}"


def select_portal(settings: Settings, name: str | None) -> PortalSettings:
    """Return the portal of that name, or without a name the only one. Raise Refused."""
    names = ", ".join(portal.name for portal in settings.portals)
    if name is None:
        if len(settings.portals) > 1:
            raise Refused(which_portal(names))
        return settings.portals[0]
    if is_api_key(name.lower()):
        raise Refused(KEY_AS_ARGUMENT)
    for portal in settings.portals:
        if name.lower() == portal.name:
            return portal
    raise Refused(unknown_portal(name, names))


def encryption_key(settings: Settings) -> SecretStr:
    """Return the encryption key. Raise SettingsError when there is none."""
    if settings.encryption_key is None:
        raise SettingsError([NOTHING_TO_ENCRYPT_WITH])
    return settings.encryption_key


async def store_key(settings: Settings, name: str | None, typed: str | None) -> str:
    """Try a key at its portal and store it; return what to say.

    ``typed`` is None where nothing could be typed.
    Raise Refused, SettingsError, StorageError.
    """
    secret, portal = encryption_key(settings), select_portal(settings, name)
    key = _parse_key(typed)
    try:
        info = await _try_key(portal, key, "bearer")
    except PortalError as error:
        raise Refused(f"{error} {NOTHING_STORED}") from None
    if info and not (info.is_active and info.may_write):
        raise Refused(READ_ONLY_KEY)
    now = datetime.now(UTC)
    async with open_for_writing(settings.database_url) as conn:
        await keys.put(conn, portal.url, key=key, encryption_key=secret, at=now)
    said = stored(_last_four(key), portal.name)
    if info and info.expires_at and info.expires_at < now + KEY_EXPIRY_MARGIN:
        return f"{said} {expires_soon(info.expires_at)}"
    return said


def _parse_key(typed: str | None) -> SecretStr:
    """Return what was typed as a key. Raise Refused for what can be none."""
    if typed is None:
        raise Refused(NOT_A_KEY)
    value = typed.strip()
    if not is_api_key(value) or not can_be_sent(value) or " " in value:
        raise Refused(NOT_A_KEY)
    return SecretStr(value)


async def _try_key(portal: PortalSettings, key: SecretStr, auth: Auth | None) -> KeyInfo | None:
    """Return what the portal says of a key; None of portals before 3.1. Raise PortalError."""
    docspace = DocSpace(portal.url, key, ssl_context=ssl_context(), auth=auth, hints=SETUP_HINTS)
    try:
        info = await docspace.key_info()
        if info is None:
            # Whether it opens the backups is what counts.
            await docspace.history()
    finally:
        await docspace.aclose()
    return info


async def remove_key(settings: Settings, name: str | None) -> str:
    """Forget a stored key; return what to say. Raise Refused, StorageError."""
    portal = select_portal(settings, name)
    async with open_read_only(settings.database_url) as conn:
        if await keys.load(conn, portal.url) is None:
            raise Refused(no_stored_key(portal.name))
    async with open_for_writing(settings.database_url) as conn:
        await keys.forget(conn, portal.url)
    if portal.key is None:
        return forgotten(portal.name, NO_KEY_LEFT)
    return forgotten(portal.name, SETTINGS_KEY_AGAIN)


async def list_keys(settings: Settings) -> list[tuple[str, ...]]:
    """Return a row for each portal: what is known of the key that the bot uses, never the key.

    Raise StorageError.
    """
    async with open_read_only(settings.database_url) as conn:
        found = {portal.url: await keys.load(conn, portal.url) for portal in settings.portals}
    return [await _row(settings, portal, found[portal.url]) for portal in settings.portals]


async def _row(
    settings: Settings, portal: PortalSettings, found: keys.StoredKey | None
) -> tuple[str, ...]:
    if found is not None:
        age = f"{(datetime.now(UTC) - found.stored_at) // timedelta(days=1)} d"
        where = (portal.name, f"…{found.last_four}", "stored", age)
        try:
            key = found.decrypt(settings.encryption_key)
        except PortalError as error:
            return *where, "", "", str(error)
        return *where, *await _standing(portal, key, "bearer")
    if portal.key is None:
        return portal.name, "none", "", "", "", "", STORE_ONE
    where = (portal.name, f"…{_last_four(portal.key)}", "settings", "")
    return *where, *await _standing(portal, portal.key, portal.auth)


async def _standing(
    portal: PortalSettings, key: SecretStr, auth: Auth | None
) -> tuple[str, str, str]:
    """Return what the portal says of a key: its permissions, its expiry and how it stands."""
    try:
        info = await _try_key(portal, key, auth)
    except PortalError as error:
        return "", "", str(error)
    if info is None:
        return "not told", "not told", "accepted"
    permissions = ", ".join(info.permissions) or "all"
    expires, standing = "never", "accepted"
    if info.expires_at is not None:
        expires = f"{info.expires_at:%Y-%m-%d}"
    if not info.is_active:
        standing = "disabled"
    return permissions, expires, standing


def _last_four(key: SecretStr) -> str:
    return key.get_secret_value()[-4:]


def print_keys(rows: Iterable[tuple[str, ...]]) -> None:
    """Print what ``list_keys`` found."""
    tables.print_table(COLUMNS, rows)
