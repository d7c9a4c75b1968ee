"""The portals that may be restored, and which of them somebody means."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from restorebot.docspace.client import DocSpace
from restorebot.docspace.storages import Storage
from restorebot.errors import PortalNotConfigured, Refusal
from restorebot.model import PortalName, Restore
from restorebot.restores.policy import WRONG_CHANNEL, Policy

NO_SUCH_PORTAL = "There is no portal of that name."


class WrongChannel(Refusal):
    """No portal, or not the one that is named, is asked for in this channel.

    ``channels`` are those where it is: empty for a portal that is asked for everywhere else.
    """

    def __init__(self, channels: Iterable[str], portal: PortalName | None = None) -> None:
        super().__init__(WRONG_CHANNEL.reason)
        self.channels = tuple(sorted(set(channels)))
        self.portal = portal


class PortalNotNamed(Refusal):
    """There are several portals, and none was named. ``names`` are those of this channel."""

    def __init__(self, names: Iterable[PortalName]) -> None:
        super().__init__("Say which portal.")
        self.names = tuple(names)


class UnknownPortal(Refusal):
    """No portal has this name.

    ``near`` has the name that was probably meant, if there is one; ``names`` are those of this
    channel.
    """

    def __init__(self, near: Sequence[PortalName], names: Iterable[PortalName]) -> None:
        super().__init__(NO_SUCH_PORTAL)
        self.near = tuple(near)
        self.names = tuple(names)


@dataclass(frozen=True, kw_only=True)
class Portal:
    """A portal with its client and its rules.

    ``name`` is what people type, and what ``restorebot.toml`` calls it.
    """

    name: PortalName
    docspace: DocSpace
    policy: Policy
    approval_ttl: timedelta
    announce: frozenset[str] = frozenset()
    """Channels whose people are told of restores."""
    safety_backup: Storage | None = None
    """Where a backup goes before each restore; None for no such backup."""


class Portals:
    """All portals of this bot, by name and by address."""

    def __init__(self, portals: Sequence[Portal]) -> None:
        self.all = tuple(portals)
        self._by_url = {portal.docspace.url: portal for portal in portals}
        self._by_name = {portal.name: portal for portal in portals}

    def of(self, restore: Restore) -> Portal:
        """Return the portal that a restore is of.

        Raise PortalNotConfigured when the settings no longer have it.
        """
        portal = self._by_url.get(restore.portal_url)
        if portal is None:
            raise PortalNotConfigured(restore.portal, restore.portal_url)
        return portal

    def resolve(self, name: str | None, channel: str) -> Portal:
        """Return the portal that somebody in a channel means; None where there is no choice.

        Raise WrongChannel, PortalNotNamed, UnknownPortal.
        """
        here = self.available_in(channel)
        if not here:
            raise WrongChannel(bound for portal in self.all for bound in portal.policy.channels)
        if name is not None:
            return self._portal_named(name, here)
        if len(here) > 1:
            raise PortalNotNamed(portal.name for portal in here)
        return here[0]

    def _portal_named(self, name: str, here: Sequence[Portal]) -> Portal:
        wanted = self._by_name.get(PortalName(name.lower()))
        if wanted is None:
            names = [portal.name for portal in here]
            near = difflib.get_close_matches(name.lower(), names, n=1)
            raise UnknownPortal([PortalName(one) for one in near], names)
        if wanted not in here:
            raise WrongChannel(wanted.policy.channels, wanted.name)
        return wanted

    def select(self, name: str | None, channel: str) -> tuple[Portal, ...]:
        """Return the portal of that name, or without a name all that a channel may ask for.

        Raise WrongChannel, UnknownPortal.
        """
        here = self.available_in(channel)
        if here and name is None:
            return here
        return (self.resolve(name, channel),)

    def available_in(self, channel: str) -> tuple[Portal, ...]:
        """Return the portals that may be asked for in a channel.

        They are those bound to it, or else those that are bound to none.
        """
        bound = tuple(portal for portal in self.all if channel in portal.policy.channels)
        return bound or tuple(portal for portal in self.all if not portal.policy.channels)
