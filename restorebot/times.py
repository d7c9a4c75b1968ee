"""Times and durations as people read them, the same in Slack and on the command line.

And how long something has taken, while the clock may be set or the machine sleep.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Moment:
    """A moment by the wall's clock, and by one that nobody can set, in seconds."""

    wall: datetime
    steady: float


@dataclass(frozen=True)
class Clocks:
    """Both clocks: the wall's may be set, and a machine that sleeps stops the other one."""

    wall: Callable[[], datetime]
    steady: Callable[[], float]

    def now(self) -> Moment:
        """Return this moment."""
        return Moment(self.wall(), self.steady())

    def since(self, moment: Moment) -> timedelta:
        """Return the time since then by the clock that says more."""
        by_wall = self.wall() - moment.wall
        return max(by_wall, timedelta(seconds=self.steady() - moment.steady))


def utc_minute(moment: datetime) -> str:
    """Return a time in UTC to the minute, for a column that says that it is UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def utc_text(moment: datetime) -> str:
    """Return a time in UTC to the minute, for plain text."""
    return f"{utc_minute(moment)} UTC"


def duration(span: timedelta) -> str:
    """Return a duration in the two largest units that matter.

    For example ``3 h 05 min``, ``4 min 10 s`` or ``12 s``.
    """
    seconds = max(0, round(span.total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours >= 48:
        return f"{hours // 24} days"
    if hours:
        return f"{hours} h {minutes:02} min"
    if minutes:
        return f"{minutes} min {seconds % 60:02} s"
    return f"{seconds} s"
