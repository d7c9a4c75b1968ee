"""How much Slack may be given, and when again after it refused."""

from datetime import datetime, timedelta

BACKOFF = timedelta(seconds=2)
"""Until a call that failed once is made again; each further failure doubles it."""

LONGEST_BACKOFF = timedelta(minutes=5)
DOUBLINGS = 10


class RateLimit:
    """A rate: ``size`` at once, then one per ``interval``."""

    def __init__(self, size: int, interval: timedelta) -> None:
        self._size = size
        self._interval = interval
        self._full_at: datetime | None = None

    def wait(self, now: datetime) -> timedelta:
        """Return how long until one may be taken."""
        if self._full_at is None:
            return timedelta()
        return max(timedelta(), self._full_at - now - (self._size - 1) * self._interval)

    def take(self, now: datetime) -> None:
        """Take one."""
        full_at = self._full_at or now
        self._full_at = max(now, full_at) + self._interval


class Backoff:
    """When each lane may be tried again. A lane is what one refusal holds up."""

    def __init__(self) -> None:
        self._not_before: dict[str, datetime] = {}
        self._failures: dict[str, int] = {}

    def wait(self, lane: str, now: datetime) -> timedelta:
        """Return how long until the lane may be tried."""
        return max(timedelta(), self._not_before.get(lane, now) - now)

    def failed(self, lane: str, now: datetime) -> None:
        """Put the lane off, longer with each failure."""
        failures = self._failures.get(lane, 0)
        self._failures[lane] = failures + 1
        pause = BACKOFF * 2 ** min(failures, DOUBLINGS)
        self._not_before[lane] = now + min(LONGEST_BACKOFF, pause)

    def pause(self, lane: str, until: datetime) -> None:
        """Put the lane off for as long as Slack asked."""
        self._not_before[lane] = until

    def succeeded(self, lane: str) -> None:
        """Forget the lane's failures."""
        self._failures.pop(lane, None)
        self._not_before.pop(lane, None)
