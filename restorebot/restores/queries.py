"""What people see of restores: those of the portals that they may read, and what they may do with
each just now.
"""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from restorebot.errors import Refused
from restorebot.model import Restore, State
from restorebot.restores.policy import Directory, Person, membership_of
from restorebot.restores.portals import Portal, Portals
from restorebot.storage.store import Store

ENDED_SEARCHED = 100
"""Ended restores among which somebody's own are looked for."""


class Action(StrEnum):
    """What somebody may do with a restore just now."""

    APPROVE = "approve"
    WITHDRAW = "withdraw"
    STOP = "stop"
    SETTLE = "settle"
    AGAIN = "again"


@dataclass(frozen=True)
class VisibleRestore:
    """A restore as one person sees it."""

    restore: Restore
    rights: frozenset[Action]


class RestoreQueries:
    """The looking side; it changes nothing."""

    def __init__(self, store: Store, portals: Portals, directory: Directory) -> None:
        self._store = store
        self._portals = portals
        self._directory = directory

    async def readable(self, portals: Sequence[Portal], user: str, channel: str) -> list[Portal]:
        """Those of the portals whose restores this person may see.

        Raises Refused for none, SlackUnavailable.
        """
        _, known = await asyncio.gather(
            self._directory.check_channel(channel), self._known(portals, user)
        )
        return [portal for portal in portals if portal.docspace.url in known]

    async def _known(
        self, portals: Sequence[Portal], user: str
    ) -> dict[str, tuple[Person, frozenset[str]]]:
        """Who this person is to each portal whose restores they may see, by its address.

        Raises Refused for none.
        """
        looks = await asyncio.gather(
            *(membership_of(portal.policy, self._directory, user) for portal in portals)
        )
        verdicts = [
            portal.policy.may_read(*look) for portal, look in zip(portals, looks, strict=True)
        ]
        if not any(verdict.allowed for verdict in verdicts):
            raise Refused(verdicts[0].reason)
        found = zip(portals, looks, verdicts, strict=True)
        return {portal.docspace.url: look for portal, look, verdict in found if verdict.allowed}

    async def open_restores(self, urls: AbstractSet[str]) -> list[Restore]:
        """What is open on these portals, oldest first. Raises StorageError."""
        async with self._store.reading() as tx:
            return [restore for restore in await tx.open_restores() if restore.portal_url in urls]

    async def ended_restores(self, urls: AbstractSet[str], count: int) -> list[Restore]:
        """The latest restores of these portals that have ended, newest first.

        Raises StorageError.
        """
        async with self._store.reading() as tx:
            return await tx.last_ended(urls, count)

    async def overview(
        self, user: str, count: int
    ) -> tuple[list[VisibleRestore], list[VisibleRestore]]:
        """What is open, oldest first, and the latest that ended, of every portal whose restores
        this person may see.

        Raises Refused when they may see none, SlackUnavailable, StorageError.
        """
        known = await self._known(self._portals.all, user)

        def mine(restores: list[Restore]) -> list[VisibleRestore]:
            shown = [one for one in restores if self._shows(one, *known[one.portal_url])]
            return [VisibleRestore(one, self._rights(one, *known[one.portal_url])) for one in shown]

        urls = known.keys()
        return mine(await self.open_restores(urls)), mine(
            await self.ended_restores(urls, ENDED_SEARCHED)
        )[:count]

    def _shows(self, restore: Restore, person: Person, groups: frozenset[str]) -> bool:
        """Whether a person who may read sees this restore outside its channel.

        That of a portal which has channels but no requesters is for those who have a part in it: a
        channel may be private.
        """
        policy = self._portals.of(restore).policy
        part = (
            person.id in {restore.requester, *restore.voters}
            or policy.may_decide(person, groups).allowed
        )
        return part or not policy.channels or bool(policy.requesters)

    def _rights(
        self, restore: Restore, person: Person, groups: frozenset[str]
    ) -> frozenset[Action]:
        policy = self._portals.of(restore).policy
        own, decides = person.id == restore.requester, policy.may_decide(person, groups).allowed
        approves = (
            policy.may_approve(person, groups, restore.requester).allowed
            and person.id not in restore.voters
        )
        asks = policy.may_request(person, groups, restore.channel).allowed
        having = {
            State.REQUESTED: {Action.APPROVE: approves, Action.WITHDRAW: own},
            State.APPROVED: {Action.STOP: own or decides},
            State.BACKING_UP: {Action.STOP: own or decides},
            State.UNKNOWN: {Action.SETTLE: decides},
            State.EXPIRED: {Action.AGAIN: asks},
        }.get(restore.state, {})
        return frozenset(right for right, has in having.items() if has)
