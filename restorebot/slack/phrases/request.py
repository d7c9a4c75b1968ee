"""The request's modal: its facts, fields and what is wrong with them."""

from restorebot.model import Restore
from restorebot.slack.mrkdwn import (
    code,
    mention,
    plain_text,
)

TITLE = "Restore a portal"
DENY_TITLE = "Deny a restore"
CANCEL = "Cancel"
CLOSE = "Close"
BACK = "Back"
SUBMIT = "Ask for approval"
LOADING = ":hourglass_flowing_sand: Loading: asking the portal about this backup…"
NOTHING_ASKED = "Nothing has been asked."
CANNOT_BE_ASKED = (
    "*This restore cannot be asked for now.* See what each failed check says, then try again."
)
BACKUP_ID = "Backup id"
REASON_LABEL = "Why is this restore needed?"
MAIL_LABEL = "Mail"
MAIL_OPTION = "Notify all users by mail"
START_LABEL = "Start at"
START_HINT = "Leave it empty to start as soon as it is approved."
ALONE_LABEL = "Without approval"
ALONE_OPTION = "Start alone, without waiting for an approver"
DENIAL_LABEL = "Why not? The thread will say so."
REASON_NEEDED = "Say why, so that an approver can judge."
DENIAL_NEEDED = "Say why, so that the person who asked knows what to change."
BREAK_GLASS = (
    ":rotating_light: *Break-glass.* You may start this restore alone. The channel and the "
    "approvers are told loudly, and the audit trail keeps it."
)
CONSEQUENCES = (
    "*What a restore does*\n"
    "• It replaces all data of the portal. Every change since the backup is lost.\n"
    "• It cannot be cancelled once it has begun.\n"
    "• It logs everybody out. Everybody has to set a new password, and two-factor sign-in is "
    "cleared.\n"
    "• Every API key dies, restorebot's own included.\n"
    "• The ids of all backups change.\n"
    "• Mail goes to the portal's owner even if the others are not notified."
)


def refused(sentence: str) -> str:
    """Say why nothing can be asked; the sentence is mrkdwn."""
    return f":x: {sentence}"


def backup_id(wanted: str) -> str:
    """Name a backup that was not found."""
    return f"{BACKUP_ID} {code(wanted)}"


def alias_label(alias: str) -> str:
    """Ask for the portal's alias, as plain text."""
    return f"Type {plain_text(alias, 100)} to confirm"


def wrong_alias(alias: str) -> str:
    """Say that the alias was not typed, as plain text."""
    return f"This is not the portal's alias. Type {plain_text(alias, 100)} exactly."


def alone_phrase(alias: str) -> str:
    """Return what somebody types who starts a restore alone, as plain text."""
    return f"restore {plain_text(alias, 100)} without approval"


def alone_label(alias: str) -> str:
    """Ask for that phrase, as plain text."""
    return f'To start alone, type "{alone_phrase(alias)}"'


def wrong_phrase(alias: str) -> str:
    """Say that the phrase was not typed, as plain text."""
    return f"To start alone, type exactly: {alone_phrase(alias)}. Or untick the box above."


def asks_to_restore(restore: Restore) -> str:
    """Say whose request is being denied."""
    return f"{mention(restore.requester)} asks to restore {code(restore.portal)}."


def check_line(mark: str, name: str, sentence: str) -> str:
    """Say how a check came out; plain text or mrkdwn, as the sentence is."""
    return f"{mark} {name}: {sentence}"


def dry_run_title(backup: str) -> str:
    """Head a dry run."""
    return f"*A dry run of {code(backup)}: nothing was started*"


DRY_RUN_FAILED = "*This restore could not be asked for now.*"


def shown_request(address: str, body: str) -> str:
    """Show a request as it would be sent; both parts are outside text in mrkdwn."""
    return f"`POST {address}`\n```{body}```"


def would_back_up(request: str) -> str:
    """Show the request for a safety backup."""
    return f"A safety backup would be asked for first:\n{request}"


def would_send(request: str) -> str:
    """Show the request for the restore."""
    return f"After approval this would be sent, once:\n{request}"
