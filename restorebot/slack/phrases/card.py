"""The card's words, and those on its buttons."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from restorebot.model import Restore, Source, State
from restorebot.slack.mrkdwn import (
    channel_link,
    code,
    date,
    mentions,
    plain_text,
)
from restorebot.slack.phrases import approval
from restorebot.slack.phrases.restore import (
    OUTCOME_NOT_KNOWN,
    PHASES,
    STARTS_AFTER_BACKUP,
    UNCHANGED_SINCE,
    decided_by,
    durations,
    with_end,
)
from restorebot.times import duration, utc_text

ASKED_BY = "Asked by"
PORTAL = "Portal"
STORED_IN = "Stored in"
BACKUP = "Backup"
ARCHIVE = "Archive"
REASON = "Reason"
WHY = "Why"
BLOCKED = "In the way"
BEING_CHECKED = "Everything is checked once more, then it starts."
BACKUP_MADE = "The safety backup is made. Everything is checked once more, then the restore starts."
BACKUP_FIRST = f":floppy_disk: *A safety backup is made first.* {STARTS_AFTER_BACKUP}"
CAN_BE_STOPPED = "Until then it can be stopped."
BEING_SENT = "The request is being sent to the portal."
LAST_TOOK = "*This portal's last restores took:*"
NOT_SEEN_YET = "not seen yet"
NOTHING_RESTORED = "Nothing was restored."
STANDS_STILL = "The number often stands still for most of the run, 75 above all. That is normal."
UNKNOWN_OUTCOME = f":question: {OUTCOME_NOT_KNOWN}"
NEVER_SENT_AGAIN = (
    "The request is never sent a second time. restorebot keeps looking at the portal."
)


def footer(source: Source, *, notify: bool) -> str:
    """Name the backup's id and who is mailed."""
    mails = "Mails to everybody" if notify else "Mails to the owner only"
    if source.backup_id is None:
        return mails
    return f"Backup id {code(source.backup_id)} · {mails}"


def approved(restore: Restore) -> str:
    """Say who approved it, for a restore that goes on or has completed."""
    return f":white_check_mark: {approval.on_card(restore)}"


def about_to_start(restore: Restore) -> str:
    """Say who approved it, for a restore that waits for nothing more."""
    return f"{approved(restore)} {BEING_CHECKED}"


def running(restore: Restore) -> str:
    """Say who approved it, for a restore that runs."""
    return f":arrows_counterclockwise: {approval.on_card(restore)}"


def approvals_missing(missing: int, approvers: Iterable[str]) -> str:
    """Say how many approvals are needed, and whose."""
    needed = "One approval is" if missing == 1 else f"{missing} approvals are"
    return f":hourglass: {needed} needed from {mentions(approvers)}."


def approved_so_far(restore: Restore) -> str:
    """Say who has approved, where that is not enough."""
    return f"Approved so far by {mentions(restore.voters)}."


TO_START = ":calendar: It is to start"


def request_starts(starts_at: datetime) -> str:
    """Say when a request that is not approved yet would start."""
    return f"{TO_START} {date(starts_at)}."


def request_expires(restore: Restore) -> str:
    """Say when a request expires."""
    return f"The request expires {date(restore.expires_at)}."


def starts_if_it_holds(starts_at: datetime) -> str:
    """Say when an approved restore starts."""
    return (
        f":calendar: *It starts {date(starts_at)}*, if all that is checked again then still holds."
    )


def users_are_told(channels: Iterable[str]) -> str:
    """Say in which channels users hear of it."""
    return f"restorebot tells its users in {' and '.join(map(channel_link, channels))}."


def percentage(bar: str, percent: int) -> str:
    """Show the portal's own number."""
    return f"`{bar}` {percent} % by the portal's own count"


def phase(restore: Restore) -> str:
    """Say what the portal is doing."""
    if restore.phase is None:
        return f"*Phase:* {NOT_SEEN_YET}"
    return f"*Phase:* {PHASES[restore.phase]}"


def started_at(sent_at: datetime) -> str:
    """Say when the restore was started."""
    return f"*Started:* {date(sent_at)}"


def last_took(spans: Iterable[timedelta]) -> str:
    """Say how long this portal's last restores took."""
    return f"{LAST_TOOK} {durations(spans)}"


def nothing_changed_since(moment: datetime) -> str:
    """Say that nothing moves."""
    return f":warning: {UNCHANGED_SINCE} {date(moment)}."


def look_at_portal(approvers: Iterable[str]) -> str:
    """Ask the approvers to settle an unknown outcome."""
    return f"{mentions(approvers)}: look at the portal, then say below how it stands."


def _with_end_and_duration(end: str, restore: Restore) -> str:
    if restore.took is None:
        return with_end(end, restore)
    return f"{with_end(end, restore)}, after {duration(restore.took)}"


def completed(restore: Restore) -> str:
    """Say that it completed."""
    end = _with_end_and_duration("*Completed*", restore)
    return f"{end}. What to do next is in the thread."


def ended(restore: Restore) -> str:
    """Say how an ended restore ended."""
    if restore.state is State.FAILED:
        return f"{_with_end_and_duration(':x: *Failed*', restore)}."
    by = decided_by(restore)
    ends = {
        State.CLOSED: f":lock: Closed by {by}",
        State.DENIED: f":no_entry: Denied by {by}",
        State.WITHDRAWN: f":leftwards_arrow_with_hook: Withdrawn by {by}",
        State.EXPIRED: f":alarm_clock: {_what_expired(restore)} expired",
        State.STOPPED: f":octagonal_sign: Stopped by {by}",
        State.VOID: ":heavy_multiplication_x: Void since",
    }
    end = f"{with_end(ends[restore.state], restore)}."
    if restore.state is State.VOID:
        return f"{end} {NOTHING_RESTORED}"
    return end


def _what_expired(restore: Restore) -> str:
    if restore.approved_at is None:
        return "The request"
    return "The approval"


APPROVE = "Approve"
DENY = "Deny"
WITHDRAW = "Withdraw"
STOP = "Stop"
ASK_AGAIN = "Request again"
IT_RUNS = "It is running: watch it"
IT_FINISHED = "It finished, I checked"
IT_DID_NOT_FINISH = "It did not finish"
IT_DID_NOT_START = "It did not start"
GO_BACK = "Go back"
APPROVE_TITLE = "Restore the whole portal?"


def approve_question(restore: Restore) -> str:
    """Say what an approval brings about, as plain text."""
    which = f"the archive {plain_text(restore.source.file_name, 60)}"
    if restore.source.created_on:
        which = f"the backup of {utc_text(restore.source.created_on)}"
    return (
        f"This replaces all data of {restore.portal} by {which}. "
        "It cannot be cancelled, logs everybody out and ends every API key."
    )
