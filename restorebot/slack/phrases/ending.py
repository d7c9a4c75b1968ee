"""How a restore ended, told to those who have a part in it, and what to do next."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from restorebot.docspace.models import (
    ACTIVE,
    ADDRESS_BUSY,
    DELETED,
    RESTORING,
    tenant_status_name,
)
from restorebot.model import Restore, Source, State
from restorebot.restores.watch import KeyFate
from restorebot.setup_hints import REPLACE_KEY
from restorebot.slack.mrkdwn import (
    code,
    date,
    escape,
    mention,
    mentions,
)
from restorebot.slack.phrases import approval
from restorebot.slack.phrases.restore import TITLES, UNLOCK, decided_by, durations
from restorebot.slack.phrases.thread import how_to_find_backup
from restorebot.times import duration

SAID = "What was said"
BEFORE_TOOK = "the restores before took"
IF_IT_FINISHED = (
    "If it did finish: passwords, two-factor sign-in and every API key, restorebot's included, are "
    "void."
)

KEYS_ARE_DEAD = "Every API key is dead, restorebot's included."
NO_UNDO = (
    "To get back to how it was, restore a backup that was made before this one started. There is "
    "no undo."
)


def people(restore: Restore) -> str:
    """Mention requester and approvers."""
    return f"({mentions([restore.requester, *restore.voters])})"


def way_back(restore: Restore) -> str:
    """Say how to get back to how it was before the restore."""
    if not restore.safety_name:
        return NO_UNDO
    name = escape(restore.safety_name)
    return f"To get back to how it was: the safety backup {name}. {how_to_find_backup(restore)}"


def story(restore: Restore, spans: Sequence[timedelta]) -> str:
    """Tell the whole story in five lines."""
    posted, ended = "never", "just now"
    if restore.sent_at:
        posted = date(restore.sent_at)
    if restore.ended_at:
        ended = date(restore.ended_at)
    lines = [
        f"*Asked* by {mention(restore.requester)} {date(restore.requested_at)}",
        f"*Approved* {approved_when(restore)}",
        f"*Started* {posted}",
        f"*Ended* {ended}: {TITLES[restore.state]}",
        f"*Took* {_took_compared(restore, spans)}",
    ]
    return "\n".join(lines)


def approved_when(restore: Restore) -> str:
    """Say who approved it, when, and for when."""
    if restore.starts_at is None:
        return approval.in_story(restore)
    return f"{approval.in_story(restore)}, to start {date(restore.starts_at)}"


def _took_compared(restore: Restore, spans: Sequence[timedelta]) -> str:
    if restore.took is None:
        return "nothing was started"
    if not spans:
        return duration(restore.took)
    return f"{duration(restore.took)} ({BEFORE_TOOK} {durations(spans)})"


def has_been_restored(restore: Restore) -> str:
    """Say that it is done."""
    return f":white_check_mark: *{code(restore.portal)} has been restored.* {people(restore)}"


def restored_from(source: Source) -> str:
    """Name the backup."""
    if source.created_on:
        return f"Backup of {date(source.created_on)}."
    return f"From the archive {escape(source.file_name)}."


def next_steps(restore: Restore) -> str:
    """Say what to do after a restore."""
    mailed = "everybody" if restore.notify else "the owner only"
    return (
        "*What to do next*\n"
        "1. Everybody sets a new password; the old ones no longer work. A link has been mailed "
        f'to {mailed}; "Forgot password?" at {escape(restore.portal_url)} does the same. '
        "Two-factor sign-in has to be set up again.\n"
        f"2. {KEYS_ARE_DEAD} Make a new one with all permissions in DocSpace (Developer Tools, API "
        f"keys). {REPLACE_KEY} Until then no restore can be asked for.\n"
        "3. Backups have new ids; copy them afresh from Settings, Backup.\n"
        f"4. {way_back(restore)}"
    )


def has_failed(restore: Restore) -> str:
    """Say that it failed."""
    return f":x: *The restore of {code(restore.portal)} failed.* {people(restore)}"


DATA_UNTOUCHED = "No restore was asked for, so the portal's data is as it was."
ANOTHER_SEEN = (
    "Another restore was seen on the portal at that time: what became of the data, only its own "
    "end tells."
)
NOT_TAKEN = "The portal did not take the request, so this restore has changed nothing."
LOCK_NOT_READ = "Whether the portal is locked could not be read; open it to see."
NOT_LOCKED = "The portal is active, not locked."


def failed_state(restore: Restore) -> str:
    """Say in what state a failed restore left the portal."""
    if restore.another_seen:
        return ANOTHER_SEEN
    if restore.sent_at is None:
        return DATA_UNTOUCHED
    if not restore.has_task:
        return NOT_TAKEN
    status = left_in_status(restore.tenant_status)
    if restore.outcome == ADDRESS_BUSY:
        status = f"{left_renamed(restore)} {status}"
    if restore.task_id is None:
        return status
    return f"{status} Task {code(restore.task_id)}."


def left_renamed(restore: Restore) -> str:
    """Say that the portal lost its name on the way."""
    return (
        "DocSpace had given the portal's address away before it failed: the portal is left as "
        f"{code(restore.portal + DELETED)}, and an administrator has to give it its name back on "
        "the server."
    )


def left_in_status(tenant_status: int | None) -> str:
    """Say what a ``tenantStatus`` means for those who want to work."""
    if tenant_status is None:
        return LOCK_NOT_READ
    if tenant_status == ACTIVE:
        return NOT_LOCKED
    if tenant_status == RESTORING:
        return f"The portal stays locked: {UNLOCK}."
    status = tenant_status_name(tenant_status)
    return (
        f"The portal is {status}: an administrator has to look at the server before anybody can "
        "work."
    )


def closing(restore: Restore) -> str:
    """Say how it ended, to those who have a part in it."""
    by, portal = decided_by(restore), code(restore.portal)
    sentences = {
        State.CLOSED: f":lock: Closed by {by}.",
        State.DENIED: f":no_entry: Denied by {by}. {portal} is as it was.",
        State.WITHDRAWN: (f":leftwards_arrow_with_hook: Withdrawn by {by}. {portal} is as it was."),
        State.EXPIRED: (
            f":alarm_clock: The time for this restore of {portal} is over. Ask again if you need "
            "it."
        ),
        State.STOPPED: f":octagonal_sign: Stopped by {by}. {portal} is as it was.",
        State.VOID: (
            f":heavy_multiplication_x: This restore of {portal} is void and will not start. Ask "
            "again."
        ),
    }
    return f"{sentences[restore.state]} {people(restore)}"


VERIFICATION = "*A look afterwards*"
KEYS = {
    KeyFate.REPLACED: ":white_check_mark: A new API key has been stored already.",
    KeyFate.DEAD: ":white_check_mark: The old API key is dead, as it must be after a restore.",
    KeyFate.ALIVE: (
        ":warning: The old API key still works. After a restore it must not: this contradicts the "
        "portal's word that it is completed. Look at the portal's data before you rely on it."
    ),
    KeyFate.UNKNOWN: ":warning: Whether the old API key is dead could not be found out.",
}


def verification(restore: Restore, facts: Mapping[str, Any]) -> str:
    """Say what was found of the portal and the key after a completed restore."""
    return f"{VERIFICATION}\n{verified_portal(restore, facts)}\n{KEYS[facts['key']]}"


def verified_portal(restore: Restore, facts: Mapping[str, Any]) -> str:
    """Say whether the portal is itself again."""
    alias = facts["alias"]
    if facts["active"]:
        return portal_is_active(restore)
    if alias and alias != restore.portal:
        return other_alias(restore, alias)
    return portal_is_silent(restore)


def portal_is_active(restore: Restore) -> str:
    """Say that the portal is itself again."""
    return f":white_check_mark: {code(restore.portal)} is active under its own name."


def portal_is_silent(restore: Restore) -> str:
    """Say that the portal does not answer as it should."""
    return (
        f":warning: {code(restore.portal)} does not answer as an active portal. Open it and look."
    )


def other_alias(restore: Restore, alias: str) -> str:
    """Say that the address answers for another portal."""
    if alias == f"{restore.portal}{DELETED}":
        return f":warning: {left_renamed(restore)}"
    return (
        f":warning: The address now answers for the portal {code(alias)}, not for "
        f"{code(restore.portal)}. A custom domain in the backup may have replaced today's: check "
        "it."
    )
