"""How often to poll, and what the portal's numbers are taken to mean."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from restorebot.docspace.models import Progress
from restorebot.model import Phase, Post, PostKind, Restore

GONE_AFTER = timedelta(minutes=5)
GONE_POLLS = 10
"""A task that the portal has not shown for this long, and for this many polls, is gone."""


@dataclass(frozen=True)
class PollSettings:
    """How often to poll, and when to say that nothing moves."""

    interval: timedelta
    stall_after: timedelta


def phase_of(progress: Progress) -> Phase:
    """Return what the portal's numbers say.

    Portals before 3.7 send no status, and there 0 may be queued or fetching.
    """
    if progress.progress > 0:
        return Phase.LOADING
    if progress.status:
        return Phase.FETCHING
    return Phase.QUEUED


def phase_posts(before: Phase | None, phase: Phase) -> list[Post]:
    """Tell the thread of each phase once, in order; a sawtooth does not take it back."""
    if phase is before:
        return []
    if phase is Phase.FETCHING:
        return [Post(PostKind.FETCHING)]
    if phase is Phase.LOADING:
        return [Post(PostKind.LOADING)]
    return []


def with_missed_poll(restore: Restore, now: datetime) -> Restore:
    """Count a poll that did not show our task."""
    since = restore.missing_since or now
    return replace(restore, missing_since=since, missing_polls=restore.missing_polls + 1)


def is_gone(restore: Restore, now: datetime) -> bool:
    """Return whether our task has not been shown for so long that it has to be called gone."""
    if restore.missing_since is None:
        return False
    return is_gone_for(restore, now - restore.missing_since)


def is_gone_for(restore: Restore, lasted: timedelta) -> bool:
    """Return the same, where it has not been shown for so long."""
    return lasted >= GONE_AFTER and restore.missing_polls >= GONE_POLLS


class Lasting:
    """For how long restores have been as they are, by a clock that nobody can set.

    It begins with the first look of this process.
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._since: dict[str, tuple[object, float]] = {}

    def lasted(self, restore_id: str, what: object = None) -> timedelta:
        """Return for how long the restore has been as ``what`` says; from now on if it was not."""
        now = self._steady()
        known = self._since.get(restore_id)
        if known is None or known[0] != what:
            self._since[restore_id] = what, now
            return timedelta()
        return timedelta(seconds=now - known[1])

    def forget(self, restore_id: str) -> None:
        """Begin anew with the next look."""
        self._since.pop(restore_id, None)


def with_task_seen(restore: Restore) -> Restore:
    """Forget the polls that did not show our task."""
    return replace(restore, missing_since=None, missing_polls=0)
