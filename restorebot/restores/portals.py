"""The portals that may be restored, and which of them somebody means."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from restorebot.docspace.client import DocSpace
from restorebot.docspace.storages import Storage
from restorebot.errors import PortalNotConfigured, Refused
from restorebot.model import Restore
from restorebot.restores.policy import Policy


@dataclass(frozen=True)
class Portal:
    """A portal with its client and its rules.

    ``name`` is what people type, and what ``restorebot.toml`` calls it.
    """

    name: str
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
        """The portal that a restore is of.

        Raises PortalNotConfigured when the settings no longer have it.
        """
        portal = self._by_url.get(restore.portal_url)
        if portal is None:
            raise PortalNotConfigured(restore.portal, restore.portal_url)
        return portal

    def resolve(self, name: str, channel: str) -> Portal:
        """The portal that somebody in a channel means; an empty name where there is no choice.

        Raises Refused.
        """
        here = self.available_in(channel)
        if not here:
            bound = {place for portal in self.all for place in portal.policy.channels}
            raise Refused(f"Restores are not asked for in this channel. Use {_places(bound)}.")
        if not name:
            if len(here) > 1:
                how = "type the same again with its name at the end"
                raise Refused(f"Say which portal: {how}. Here you can name {_names(here)}.")
            return here[0]
        wanted = self._by_name.get(name.lower())
        if wanted is None:
            near = difflib.get_close_matches(name.lower(), [portal.name for portal in here], n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Here you can name {_names(here)}."
            raise Refused(f"There is no portal of that name. {hint}")
        if wanted not in here:
            there = _places(wanted.policy.channels)
            raise Refused(
                f"Restores of `{wanted.name}` are not asked for in this channel. Use {there}."
            )
        return wanted

    def select(self, name: str, channel: str) -> tuple[Portal, ...]:
        """The portal of that name, or without a name all that may be asked for in a channel.

        Raises Refused.
        """
        here = self.available_in(channel)
        return (self.resolve(name, channel),) if name or not here else here

    def available_in(self, channel: str) -> tuple[Portal, ...]:
        """The portals that may be asked for in a channel: those bound to it, or else those that are
        bound to none.
        """
        bound = tuple(portal for portal in self.all if channel in portal.policy.channels)
        return bound or tuple(portal for portal in self.all if not portal.policy.channels)


def _places(channels: Iterable[str]) -> str:
    return ", ".join(f"<#{channel}>" for channel in sorted(channels)) or "a channel of no portal"


def _names(portals: Sequence[Portal]) -> str:
    return ", ".join(f"`{portal.name}`" for portal in portals)
