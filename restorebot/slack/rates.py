"""How much Slack may be given, and when again after it refused.

All by a clock that nobody can set: an hour back on the wall's would silence a thread for an hour.
"""

from collections.abc import Callable
from datetime import timedelta

BACKOFF = timedelta(seconds=2)
"""Until a call that failed once is made again; each further failure doubles it."""

LONGEST_BACKOFF = timedelta(minutes=5)
DOUBLINGS = 10

Steady = Callable[[], float]
"""Seconds that only go forward."""


class RateLimit:
    """A rate: ``size`` at once, then one per ``interval``."""

    def __init__(self, size: int, interval: timedelta, steady: Steady) -> None:
        self._size = size
        self._interval = interval.total_seconds()
        self._steady = steady
        self._full_at = steady()

    def wait(self) -> timedelta:
        """Return how long until one may be taken."""
        free_at = self._full_at - (self._size - 1) * self._interval
        return timedelta(seconds=max(0.0, free_at - self._steady()))

    def take(self) -> None:
        """Take one."""
        self._full_at = max(self._steady(), self._full_at) + self._interval


class Backoff:
    """When each lane may be tried again. A lane is what one refusal holds up."""

    def __init__(self, steady: Steady) -> None:
        self._steady = steady
        self._not_before: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def wait(self, lane: str) -> timedelta:
        """Return how long until the lane may be tried."""
        not_before = self._not_before.get(lane, 0.0)
        return timedelta(seconds=max(0.0, not_before - self._steady()))

    def failed(self, lane: str) -> None:
        """Put the lane off, longer with each failure."""
        failures = self._failures.get(lane, 0)
        self._failures[lane] = failures + 1
        pause = BACKOFF * 2 ** min(failures, DOUBLINGS)
        self.pause(lane, min(LONGEST_BACKOFF, pause))

    def pause(self, lane: str, wait: timedelta) -> None:
        """Put the lane off for as long as Slack asked."""
        self._not_before[lane] = self._steady() + wait.total_seconds()

    def succeeded(self, lane: str) -> None:
        """Forget the lane's failures."""
        self._failures.pop(lane, None)
        self._not_before.pop(lane, None)
