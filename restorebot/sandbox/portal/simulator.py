"""The portal with its clock, its faults and its record of requests."""

import time
from datetime import UTC, datetime
from typing import Any

from restorebot.sandbox.portal.models import new_key
from restorebot.sandbox.portal.profiles import DEFAULT, profile_named
from restorebot.sandbox.portal.state import PortalState
from restorebot.sandbox.portal.switches import RouteFault


class PortalClock:
    """Seconds since the start: real ones times ``speed``, plus what was advanced by hand.

    Speed 0 stands still.
    """

    def __init__(self, speed: float) -> None:
        self._since = time.monotonic()
        self._base = 0.0
        self.speed = speed

    def __call__(self) -> float:
        """Return the seconds since the start."""
        return self._base + (time.monotonic() - self._since) * self.speed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._base += seconds

    def set_speed(self, speed: float) -> None:
        """Go on at another speed."""
        self._base, self._since, self.speed = self(), time.monotonic(), speed


class Portal:
    """The portal with its clock, which with ``manual`` is moved by ``advance`` alone."""

    def __init__(
        self,
        *,
        key: str | None = None,
        alias: str = "acme",
        profile: str = DEFAULT,
        speed: float = 1.0,
        manual: bool = False,
    ) -> None:
        if manual:
            speed = 0.0
        self.clock = PortalClock(speed)
        self.state = PortalState(
            self.clock,
            datetime.now(UTC),
            alias=alias,
            key=key or new_key(),
            profile=profile_named(profile),
        )
        self.requests: list[dict[str, Any]] = []
        self.route_faults: list[RouteFault] = []

    def next_route_fault(self, path: str) -> RouteFault | None:
        """Return the fault that this request meets, counted down."""
        for fault in self.route_faults:
            if fault.times > 0 and path.endswith(fault.on):
                fault.times -= 1
                return fault
        return None
