"""How often to look, and what the portal's numbers are taken to mean."""

from dataclasses import dataclass
from datetime import timedelta

from restorebot.docspace.models import Progress
from restorebot.model import Phase, Post, PostKind

OVER: timedelta | None = None
"""What a step returns when nothing is left to look at."""


GONE_AFTER = timedelta(minutes=5)
GONE_POLLS = 10
"""A task that the portal has not shown for this long, and for this many looks, is gone."""


@dataclass(frozen=True)
class PollSettings:
    """How often to look, and when to say that nothing moves."""

    poll_interval: timedelta
    stall_after: timedelta


def phase_of(progress: Progress) -> Phase:
    """What the portal's numbers say: portals before 3.7 send no status, and there 0 may be queued
    or fetching.
    """
    if progress.progress > 0:
        return Phase.LOADING
    return Phase.FETCHING if progress.status else Phase.QUEUED


def phase_posts(before: Phase | None, phase: Phase) -> list[Post]:
    """The thread hears of each phase once, in order; a sawtooth does not take it back."""
    if phase is before:
        return []
    kind = {Phase.FETCHING: PostKind.FETCHING, Phase.LOADING: PostKind.LOADING}.get(phase)
    return [Post(kind)] if kind else []
