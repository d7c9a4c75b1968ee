"""The thread's words."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from restorebot.docspace.storages import StorageType
from restorebot.model import Phase, PostKind, Restore
from restorebot.slack.mrkdwn import (
    channel_link,
    code,
    date,
    escape,
    mention,
    mentions,
)
from restorebot.slack.phrases import approval
from restorebot.slack.phrases.restore import (
    OUTCOME_NOT_KNOWN,
    STARTS_AFTER_BACKUP,
    UNCHANGED_SINCE,
    UNLOCK,
    starts,
    stored_in,
    task,
)
from restorebot.subcommands import COMMAND

SENT_AGAIN = "(sent again)"
"""Marks a post whose first sending got no answer, so that a duplicate explains itself."""

NAME = "Name"
PORTAL_WARNS = "The portal warns"
UNKNOWN_OUTCOME = f":question: *{OUTCOME_NOT_KNOWN}*"

WAYS_BACK: Mapping[int, str] = {
    StorageType.DOCUMENTS: (
        "It does not survive the restore: the restored portal has neither its entry in the history "
        "nor the room's file. Only a copy that was downloaded before is a way back."
    ),
    StorageType.THIRD_PARTY: (
        "The restore gives the archive another id. To find it: store a new API key, look for this "
        f"name in the connected account, and ask with `{COMMAND}` for a file in a connected "
        "account."
    ),
    StorageType.LOCAL: (
        f"Store a new API key, then `{COMMAND} list` shows it by this name under another id, if "
        "the portal's services share the disk that it is on."
    ),
    StorageType.DATA_STORE: (
        "It does not survive the restore: the restored portal cannot reach it. Only a copy that "
        "was downloaded before, from Settings, Backup, is a way back."
    ),
    StorageType.CLOUD: (
        f"The restore gives it another id. To find it: store a new API key, then `{COMMAND} list` "
        "shows it by this name."
    ),
}
"""How to find a safety backup again, by its storage type (docspace-api §9)."""


def witness(restore: Restore, head: str) -> str:
    """Name the restore and the head of the trail."""
    return f"{trail_of(restore)} {code(head)}"


def trail_of(restore: Restore) -> str:
    """Name the restore, to go on with the head of the trail."""
    return f"Restore {code(restore.id)} · audit trail up to"


def break_glass(restore: Restore, approvers: Iterable[str]) -> str:
    """Tell the channel loudly of a start without approval."""
    return (
        f":rotating_light: *Break-glass: {mention(restore.requester)} starts a restore of "
        f"{code(restore.portal)} alone, without approval.* {mentions(approvers)}: it replaces all "
        "data and cannot be cancelled."
    )


def reminder(restore: Restore, approvers: Iterable[str]) -> str:
    """Remind the approvers of a request."""
    return (
        f":alarm_clock: {mentions(approvers)}: {mention(restore.requester)} still waits for an "
        f"answer. The request expires {date(restore.expires_at)}; the buttons are on the card "
        "above."
    )


def vote_revoked(voter: str, why: str) -> str:
    """Say whose yes no longer counts."""
    who = mention(voter)
    return f":warning: The approval of {who} no longer counts: {who} {escape(why)}."


def announcement_failed(channel: str, kind: str) -> str:
    """Say which channel could not be told."""
    what = "is planned" if kind == PostKind.ANNOUNCE_PLANNED else "has begun"
    return (
        f":warning: I could not tell {channel_link(channel)} that this restore {what}: I may not "
        "post there. Tell its people yourself. If the channel is in use, type "
        "`/invite @restorebot` in it."
    )


def start_reminder(restore: Restore) -> str:
    """Say that a planned start is near."""
    return (
        f":alarm_clock: {mentions([restore.requester, *restore.voters])}: this restore of "
        f"{code(restore.portal)} starts {starts(restore)}. It cannot be cancelled once it has "
        "begun; *Stop* is on the card above."
    )


def backing_up(task_id: str) -> str:
    """Say that the safety backup is being made."""
    return (
        f":floppy_disk: The portal makes a safety backup first, as task {code(task_id)}. "
        f"{STARTS_AFTER_BACKUP} Until then *Stop* is on the card above."
    )


def backed_up(restore: Restore) -> str:
    """Say that the safety backup is made, when and where."""
    made, where = "*The safety backup is made*", stored_in(restore.safety_storage)
    if restore.safety_made_at:
        made = f"{made}, {date(restore.safety_made_at)}"
    return f":floppy_disk: {made}, in {where}."


def how_to_find_backup(restore: Restore) -> str:
    """Say how to find the safety backup after the restore."""
    if restore.safety_storage is None:
        return WAYS_BACK[StorageType.CLOUD]
    return WAYS_BACK.get(restore.safety_storage, WAYS_BACK[StorageType.CLOUD])


def sent(restore: Restore, task_id: str) -> str:
    """Say that the portal has taken the restore."""
    return (
        f":rocket: {approval.when_sent(restore)} The portal has taken the restore as task "
        f"{code(task_id)}. It cannot be cancelled from here on. Administrators: do not restart "
        "DocSpace's services until it has ended."
    )


def fetching(restore: Restore) -> str:
    """Say that the archive is being fetched."""
    return (
        f":inbox_tray: {code(restore.portal)} is fetching the archive. People can still work in it."
    )


def loading(restore: Restore) -> str:
    """Say that the portal is locked."""
    return (
        f":lock: {code(restore.portal)} is locked and the data is going in. Nobody can use the "
        "portal until this is over. The percentage may stand still for a long time; that is normal."
    )


WORKER_AWAY = (
    "No worker of the portal has taken the task, and it cannot be cancelled. It starts by itself "
    "when the worker returns; on a portal without a message queue a restart loses it, and then it "
    "does not. Have an administrator look whether the backup worker runs."
)
WORKER_DEAD = (
    "That may be normal, or its worker may have died; DocSpace does not tell the difference. Have "
    "an administrator look at the server's backup worker log."
)
STAYS_LOCKED = f"If it has died, the portal stays locked, and {UNLOCK}."
THEN_SETTLE = "restorebot keeps watching; when it is over, the buttons on the card above settle it."


def stalled(since: datetime, percent: int, phase: Phase | None) -> str:
    """Say that nothing has changed for long, and what can be done."""
    beginning = f":warning: {UNCHANGED_SINCE} {date(since)}: the portal says {percent} %."
    if phase is Phase.QUEUED:
        return f"{beginning} {WORKER_AWAY} {THEN_SETTLE}"
    if phase is Phase.LOADING:
        return f"{beginning} {WORKER_DEAD} {STAYS_LOCKED} {THEN_SETTLE}"
    return f"{beginning} {WORKER_DEAD} {THEN_SETTLE}"


def adopted_by(user: str, task_id: str | None) -> str:
    """Say that an approver named the task."""
    return (
        f":eyes: {mention(user)} says that task {task(task_id)} is this restore. It is watched "
        "from now on."
    )


def task_shown_again(task_id: str | None) -> str:
    """Say that our task is to be seen again."""
    return f":eyes: The portal shows our task {task(task_id)} again. It is watched as before."


def task_found(task_id: str | None) -> str:
    """Say that a task was found that can only be ours."""
    return (
        f":eyes: A restore task {task(task_id)} appeared on the portal right after our request. It "
        "is taken for ours, though the portal never told us so, and is watched from here on."
    )


def please_settle(approvers: Iterable[str]) -> str:
    """Ask the approvers to look."""
    return (
        "The request is not sent a second time. restorebot keeps looking. "
        f"{mentions(approvers)}: please look at the portal, then use the buttons on the card above."
    )
