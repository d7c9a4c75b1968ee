"""How a restore stands and what it is restored from, wherever it is told."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from restorebot.docspace.storages import name_of
from restorebot.model import ENDED, Phase, Restore, Source, State
from restorebot.slack.mrkdwn import (
    code,
    date,
    escape,
    mention,
)
from restorebot.slack.phrases import approval
from restorebot.subcommands import COMMAND
from restorebot.times import duration

TITLES: Mapping[State, str] = {
    State.REQUESTED: "waiting for approval",
    State.APPROVED: "approved",
    State.BACKING_UP: "safety backup",
    State.STARTING: "starting",
    State.RESTORING: "running",
    State.UNKNOWN: "outcome unknown",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
    State.CLOSED: "closed",
    State.DENIED: "denied",
    State.WITHDRAWN: "withdrawn",
    State.EXPIRED: "expired",
    State.STOPPED: "stopped",
    State.VOID: "void",
}

PHASES: Mapping[Phase, str] = {
    Phase.QUEUED: "queued: the portal has not begun yet",
    Phase.FETCHING: "the archive is being fetched",
    Phase.LOADING: "the portal is locked and data is going in",
    Phase.DONE: "done",
}

BOT_NAME = "restorebot"
YOUR_CLICK_CHANGED_NOTHING = "Your click changed nothing."
OUTCOME_NOT_KNOWN = "It is not known whether this restore runs, or how it ended."
STARTS_AFTER_BACKUP = "The restore starts only when it is done."
UNCHANGED_SINCE = "Nothing has changed since"
ASK_AGAIN = f"Ask again with `{COMMAND}`."


def title(restore: Restore) -> str:
    """Return the card's headline."""
    return f"Restore of {restore.portal}: {TITLES[restore.state]}"


def decided_by(restore: Restore) -> str:
    """Say who ended it."""
    if restore.decided_by:
        return mention(restore.decided_by)
    return BOT_NAME


def with_end(end: str, restore: Restore) -> str:
    """Add to how it ended when it did, where that is known."""
    if restore.ended_at is None:
        return end
    return f"{end} {date(restore.ended_at)}"


def starts(restore: Restore) -> str:
    """Say when it is planned to start."""
    if restore.starts_at is None:
        return "soon"
    return date(restore.starts_at)


def durations(spans: Iterable[timedelta]) -> str:
    """List how long other restores took."""
    return ", ".join(duration(span) for span in spans)


def describe(restore: Restore) -> str:
    """Say how the restore stands, and who made it so."""
    if restore.state in ENDED:
        return _describe_end(restore)
    approved = approval.as_beginning(restore)
    sentences = {
        State.REQUESTED: "This restore still waits for approval.",
        State.APPROVED: f"{approved}; it starts {_start_of_approved(restore)}.",
        State.BACKING_UP: f"{approved}; its safety backup is being made.",
        State.STARTING: f"{approved} and is being started.",
        State.RESTORING: f"{approved} and is running.",
        State.UNKNOWN: f"{approved}, and its outcome is not known.",
    }
    return sentences[restore.state]


def _describe_end(restore: Restore) -> str:
    approved, by = approval.as_beginning(restore), decided_by(restore)
    ends = {
        State.COMPLETED: f"{approved} and has completed",
        State.FAILED: f"{approved} and has failed",
        State.CLOSED: f"This restore was closed by {by}",
        State.DENIED: f"This restore was denied by {by}",
        State.WITHDRAWN: f"This restore was withdrawn by {by}",
        State.STOPPED: f"This restore was stopped by {by}",
        State.EXPIRED: "This restore expired",
        State.VOID: "This restore became void",
    }
    end = f"{with_end(ends[restore.state], restore)}."
    if restore.state in {State.EXPIRED, State.VOID}:
        return f"{end} {ASK_AGAIN}"
    return end


def _start_of_approved(restore: Restore) -> str:
    if restore.starts_at:
        return date(restore.starts_at)
    return "as soon as its last checks have passed"


def describe_too_late(restore: Restore) -> str:
    """Say how the restore stands, for somebody whose click came too late."""
    return f"{describe(restore)} {YOUR_CLICK_CHANGED_NOTHING}"


def describe_done(restore: Restore) -> str:
    """Say how the restore stands, for somebody whose click in App Home made it so."""
    return f"Done. {describe(restore)}"


NOT_KNOWN = "not known"
BACKUP_MADE = "Backup made"
FILE_CHANGED = "File last changed"


def stored_in(storage_type: int | None) -> str:
    """Name a storage type."""
    if storage_type is None:
        return "its storage"
    return name_of(storage_type)


def age(source: Source, now: datetime | None = None) -> tuple[str, str]:
    """Say what is known of its age, as a label and mrkdwn; with ``now``, also how long ago.

    A file's time is that of its upload: the backup in it may be much older.
    """
    label, moment = BACKUP_MADE, source.created_on
    if source.changed_on:
        label, moment = FILE_CHANGED, source.changed_on
    if moment is None:
        return label, NOT_KNOWN
    if now is None:
        return label, date(moment)
    return label, f"{date(moment)}\n{duration(now - moment)} ago"


def portal_and_address(portal: str, url: str) -> str:
    """Name a portal with its address."""
    return f"{code(portal)}\n{escape(url)}"


def archive_place(source: Source) -> str:
    """Say where an archive lies, whole: what an approver says yes to."""
    parts = [f"storageType {source.storage_type}"]
    parts += [f"{key} {value}" for key, value in source.shown_params.items()]
    if source.size is not None:
        parts.append(f"{size(source.size)}, version {source.version}")
    return ", ".join(parts)


def size(count: int) -> str:
    """Return bytes in the unit that people read: ``1.4 GB``, in thousands."""
    if count < 1000:
        return f"{count} bytes"
    amount = count / 1000
    for unit in ("kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


UNLOCK = (
    "an administrator has to set `tenants_tenants.status` to 0 in DocSpace's database; on "
    "ONLYOFFICE's own cloud its support does that"
)
ADOPTED = "adopted"


def whose_task(restore: Restore) -> str:
    """Say why the task of an adopted restore may be another's."""
    if restore.reply_seconds is not None:
        took = duration(timedelta(seconds=restore.reply_seconds))
        return (
            f":warning: The portal took {took} to answer: another start in that time cannot be "
            "excluded."
        )
    return (
        f":warning: Task {task(restore.task_id)} was not named to us, but found by looking. If "
        "somebody else started it, the backup is theirs."
    )


def with_mark(end: str, restore: Restore) -> str:
    """Add to how it ended that its task was adopted, where it was."""
    if restore.adopted:
        return f"{end} ({ADOPTED})"
    return end


def task(task_id: str | None) -> str:
    """Name a task; old portals give theirs no id."""
    return code(task_id or "without an id")
