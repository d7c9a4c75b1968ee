"""Answers to commands and clicks, told to one person."""

from collections.abc import Iterable, Sequence

from restorebot.docspace.models import BackupRecord
from restorebot.errors import RestorebotError
from restorebot.model import PortalName
from restorebot.restores.named import NoSuchBackup, SeveralBackups
from restorebot.restores.policy import WRONG_CHANNEL
from restorebot.restores.portals import (
    NO_SUCH_PORTAL,
    PortalNotNamed,
    UnknownPortal,
    WrongChannel,
)
from restorebot.restores.service import RestoreGone
from restorebot.slack.mrkdwn import (
    channel_link,
    code,
    escape,
)
from restorebot.subcommands import COMMAND, LATEST, USAGES, Subcommand

OTHER_WORKSPACE = "restorebot answers only members of the workspace that it is installed in."
NOTHING_SAVED = "Nothing was saved or posted."
INTERNAL_ERROR = "Something went wrong inside restorebot; its log says what."
LOOK_AT_CARD = "Look at the card before you try again."
UNKNOWN_BUTTON = "This button is from another version of restorebot and does nothing any more."
CLICK_DENY_AGAIN = "Click Deny again."
CLICK_AGAIN = "Click the button again."
PRESS_NEXT_AGAIN = "Press Next again."
CHOOSE_AGAIN = "Choose again what to restore from."


def nothing_done(error: Exception) -> str:
    """Say that a click did nothing, and why."""
    return f"Nothing was done. {escape(str(error), 600)}"


def nothing_saved(error: Exception) -> str:
    """Say under a field that the database did not take a request, as plain text."""
    return f"{NOTHING_SAVED} {error} Tell whoever runs restorebot."


def nothing_posted() -> str:
    """Say under a field that our own code failed, as plain text."""
    return f"Nothing was posted. {INTERNAL_ERROR}"


def nothing_asked() -> str:
    """Say in the picker that our own code failed, as plain text."""
    return f"Nothing was asked. {INTERNAL_ERROR}"


def failed_inside() -> str:
    """Say that our own code failed, and may have done something before."""
    return f"{INTERNAL_ERROR} {LOOK_AT_CARD}"


def try_again(text: str) -> str:
    """Say what to type again."""
    command = f"{COMMAND} {text}".strip()
    return f"Try again: `{command}`"


def answer_incomplete(retry: str) -> str:
    """Say that Slack did not take a long answer."""
    return f"Slack did not take the whole answer. {retry}"


def window_not_opened(retry: str) -> str:
    """Say that Slack did not open a modal."""
    return f"Slack did not open the window in time, and nothing has been done. {retry}"


def window_not_filled(retry: str) -> str:
    """Say that Slack did not update a modal."""
    return f"The window could not be filled, and nothing has been asked. {retry}"


def window_closed(retry: str) -> str:
    """Say that a modal was closed too early."""
    return f"You closed the window while it loaded, and nothing has been asked. {retry}"


EXAMPLE_NAME = "acme_2026-03-01.tar.gz"

_WORDS = "".join(
    f"• `{COMMAND} {word}` {usage}.\n"
    for word, usage in USAGES.items()
    if word is not Subcommand.HELP
)

USAGE = (
    f"*`{COMMAND} <backup>`* asks to restore the DocSpace portal from one of its backups. Type its "
    f"file name as DocSpace shows it, only how that begins, its id, or `{LATEST}`.\n"
    f"Example: `{COMMAND} {EXAMPLE_NAME}`\n"
    f"• `{COMMAND}` alone lets you choose a backup.\n"
    f"• `{COMMAND} <backup> --dry-run` makes every check and starts nothing.\n"
    f"{_WORDS}"
    "Where there are several portals, the portal's name comes last.\n"
    "You say why, an approver says yes, and the thread tells how it goes. Nothing starts before "
    "the approver's yes."
)
DUMP_REFUSED = (
    "A whole instance (dump) is not restored from here: it would replace every portal of the "
    "instance, and reset its license."
)
DRY_RUN_NEEDS_BACKUP = f"A dry run needs a backup: `{COMMAND} <backup> --dry-run`."
ONE_BACKUP = (
    "Type one backup, and after it one portal's name if there are several, as in "
    f"`{COMMAND} {EXAMPLE_NAME}`; `{COMMAND} help` shows what else may be typed."
)
CANDIDATES_SHOWN = 5
"""Backups that are named where what was typed means several."""
NAME_SHOWN = 120
"""Characters of each of their names."""


def only_a_portal(word: str) -> str:
    """Say that a word takes nothing but a portal's name."""
    return f"`{COMMAND} {word}` takes nothing but a portal's name.\n{USAGE}"


def did_you_mean(typed: str, near: str) -> str:
    """Say that a word is not known, but another is."""
    return f"{code(typed)} is no word that I know. Did you mean `{COMMAND} {near}`?\n{USAGE}"


def no_such_backup(typed: str) -> str:
    """Say that no backup has this name."""
    return (
        f"No backup of this portal has a file name that begins with {code(typed)}. "
        f"`{COMMAND} list` shows all of them, and `{COMMAND} help` what else may be typed."
    )


def several_backups(typed: str, records: Sequence[BackupRecord]) -> str:
    """Name the backups that may be meant, at most a few of them."""
    lines = [f"{len(records)} backups have a file name that begins with {code(typed)}:"]
    lines += [
        f"• {code(record.file_name, NAME_SHOWN)}, id {code(record.id)}"
        for record in records[:CANDIDATES_SHOWN]
    ]
    more = len(records) - CANDIDATES_SHOWN
    if more > 0:
        lines.append(f"• and {more} more; `{COMMAND} list` shows all")
    lines.append("Type more of the name, or the id.")
    return "\n".join(lines)


IN_PRIVATE = (
    "Restores are asked for in a channel, where others see them. Use a channel that I am in."
)
NOT_A_MEMBER = (
    "I am not a member of this channel. Type `/invite @restorebot` here, or use a channel that I "
    "am in."
)
SHARED_CHANNEL = (
    "This channel is shared with another organisation, so no restore is asked for here. Use a "
    "channel of your own."
)
ARCHIVED_CHANNEL = "This channel is archived. Use another one that I am in."

WHO = "who somebody is"
GROUP = "who is in a usergroup"
PLACE = "about this channel"


def slack_did_not_tell(what: str) -> str:
    """Say that a check could not be made."""
    return f"Slack did not tell {what}, so nothing was done. Try again in a moment."


def explain(error: RestorebotError) -> str:
    """Say why something is not done, and what to do."""
    match error:
        case WrongChannel():
            return wrong_channel(error.channels, error.portal)
        case PortalNotNamed():
            return portal_not_named(error.names)
        case UnknownPortal():
            return unknown_portal(error.near, error.names)
        case NoSuchBackup():
            return no_such_backup(error.typed)
        case SeveralBackups():
            return several_backups(error.typed, error.records)
        case RestoreGone():
            return f"{error} Ask again with {COMMAND}."
        case _:
            return str(error)


def wrong_channel(channels: Iterable[str], portal: PortalName | None) -> str:
    """Say where restores are asked for."""
    places = ", ".join(map(channel_link, channels)) or "a channel of no portal"
    if portal is None:
        return f"{WRONG_CHANNEL.reason} Use {places}."
    return f"Restores of `{portal}` are not asked for in this channel. Use {places}."


def portal_not_named(names: Iterable[PortalName]) -> str:
    """Say that there are several portals."""
    return (
        "Say which portal: type the same again with its name at the end. "
        f"Here you can name {_spans(names)}."
    )


def unknown_portal(near: Iterable[PortalName], names: Iterable[PortalName]) -> str:
    """Say that no portal has the name that was typed."""
    meant = next(iter(near), None)
    if meant is not None:
        return f"{NO_SUCH_PORTAL} Did you mean `{meant}`?"
    return f"{NO_SUCH_PORTAL} Here you can name {_spans(names)}."


def _spans(names: Iterable[PortalName]) -> str:
    return ", ".join(f"`{name}`" for name in names)
