"""What may be wrong with a setting: each sentence once.

A sentence goes on after the setting's name and a colon, and shows no value: somebody may have
pasted a token where it does not belong.
"""

from collections.abc import Iterable

from restorebot.docspace.sentences import HAS_UNFIT_CHARACTERS
from restorebot.subcommands import COMMAND

MISSING = "is missing"
NO_WAY_TO_LISTEN = "is missing, and so is SLACK_SIGNING_SECRET; one of them is needed"

NO_LIST = "is no list"
NO_DURATION = "is not a duration"
NO_KEY = f"is empty or {HAS_UNFIT_CHARACTERS}"
NOT_AN_ENCRYPTION_KEY = "is no encryption key; make one with restorebot key generate"
NOTHING_TO_ENCRYPT_WITH = f"{MISSING}, and without it no key is stored"

NOT_HTTPS = "has to begin with https://"
NOT_A_PLAIN_ADDRESS = "has to be a plain address"
HAS_A_PATH = "has to be the portal's address without a path"
NO_PORTAL_NAME = "is no portal's name: up to 30 small letters, digits and hyphens, a letter first"

POSTGRESQL = "names PostgreSQL, which this version does not support yet"
NO_SQLITE_FILE = "has to name an SQLite file"

NO_STORAGE = "is neither none nor a storage with a storageType"

NOBODY = "names nobody"
MORE_THAN_APPROVERS = "is more than there are approvers"
URL_TWICE = "is that of another portal too"
NO_TABLE = "is no table"
BESIDE_TABLES = "is set beside [portals]; give this portal a table too, with url and key"

NAME_TWICE = "a name stands there twice; keep one of them"
NO_TOML = "cannot be read as TOML; each line is a name, an equals sign and a value"

NO_SETTING = "is no setting of restorebot"
NO_SETTING_OF_A_PORTAL = "is no setting of a portal"
SEE_README = "the README lists the settings"

CHANNEL_ID = "id of a channel (C…)"
USER_ID = "id of a Slack user (U…)"
USER_OR_GROUP_ID = "id of a Slack user (U…) or usergroup (S…)"


class SettingsConflict(ValueError):
    """Settings that do not fit each other.

    ``field`` is the one to change, of all portals or, with ``portal``, of that portal's table.
    """

    def __init__(self, sentence: str, field: str, *, portal: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field
        self.portal = portal


def port_taken(address: str) -> str:
    """Say that another program has the port."""
    return f"{address} is already in use; choose another"


def cannot_listen(address: str, reason: str | None) -> str:
    """Say that the port cannot be had, and why the system refuses it."""
    return f"{address} cannot be listened on ({reason}); choose another"


def wrong_prefix(prefix: str) -> str:
    """Say how a token has to begin."""
    return f"does not begin with {prefix}"


def out_of_range(least: str, most: str) -> str:
    """Say which durations are taken."""
    return f"has to be from {least} to {most}"


def wrong_entry(number: int, what: str) -> str:
    """Say which entry of a list, counted from 1, is not what the list is of."""
    return f"has an entry, number {number}, that is no {what}"


def reserved_name(words: Iterable[str]) -> str:
    """Say that a portal is named after one of the command's words."""
    named = ", ".join(words)
    return f"is a word of the {COMMAND} command, as are {named}; choose another name"


def forgets_files(platform: str) -> str:
    """Say that an SQLite file does not last where the bot runs."""
    return (
        f"is an SQLite file, and {platform} forgets its files at every restart; "
        "run restorebot where the disk lasts"
    )


def did_you_mean(name: str) -> str:
    """Suggest the name that was probably meant."""
    return f"did you mean {name}?"


def there_are(names: Iterable[str]) -> str:
    """List the names that there are."""
    return f"there are {', '.join(names)}"


def refused_by_slack(code: str) -> str:
    """Say that Slack does not take a token, with Slack's error code."""
    return f"Slack refuses it ({code})"
