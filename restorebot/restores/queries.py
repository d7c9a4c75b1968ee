"""What people see of restores: those of the portals that they may read, and what they may do."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from restorebot.errors import Refused
from restorebot.model import Action, Restore, allowed_actions
from restorebot.restores.policy import Allowed, Denied, Directory, Person, membership_of
from restorebot.restores.portals import Portal, Portals
from restorebot.storage.store import Store

ENDED_SEARCHED = 100
"""Ended restores among which somebody's own are looked for."""

Membership = tuple[Person, frozenset[str]]
"""A person, and the usergroups that they are in."""


@dataclass(frozen=True)
class VisibleRestore:
    """A restore as one person sees it, with what they may do with it just now."""

    restore: Restore
    actions: frozenset[Action]


class RestoreQueries:
    """The reading side; it changes nothing."""

    def __init__(self, store: Store, portals: Portals, directory: Directory) -> None:
        self._store = store
        self._portals = portals
        self._directory = directory

    async def readable(self, portals: Sequence[Portal], user: str, channel: str) -> list[Portal]:
        """Return those of the portals whose restores this person may see.

        Raise Refused if there are none, SlackUnavailable if Slack cannot say.
        """
        _, known = await asyncio.gather(
            self._directory.check_channel(channel), self._memberships(portals, user)
        )
        return [portal for portal in portals if portal.docspace.url in known]

    async def _memberships(self, portals: Sequence[Portal], user: str) -> dict[str, Membership]:
        """Return who this person is to each portal whose restores they may see, by its address.

        Raise Refused if there is none.
        """
        found = await asyncio.gather(
            *(membership_of(portal.policy, self._directory, user) for portal in portals)
        )
        readable: dict[str, Membership] = {}
        denials: list[Denied] = []
        for portal, (person, groups) in zip(portals, found, strict=True):
            verdict = portal.policy.may_read(person, groups)
            if isinstance(verdict, Denied):
                denials.append(verdict)
            else:
                readable[portal.docspace.url] = person, groups
        if not readable:
            raise Refused(denials[0].reason)
        return readable

    async def open_restores(self, urls: AbstractSet[str]) -> list[Restore]:
        """Return what is open on these portals, oldest first. Raise StorageError."""
        async with self._store.reading() as tx:
            return [restore for restore in await tx.open_restores() if restore.portal_url in urls]

    async def ended_restores(self, urls: AbstractSet[str], count: int) -> list[Restore]:
        """Return the latest restores of these portals that have ended, newest first.

        Raise StorageError.
        """
        async with self._store.reading() as tx:
            return await tx.last_ended(urls, count)

    async def overview(
        self, user: str, count: int
    ) -> tuple[list[VisibleRestore], list[VisibleRestore]]:
        """Return what is open, oldest first, and the latest ``count`` that ended.

        They are of every portal whose restores this person may see. Raise Refused when they may
        see none, SlackUnavailable, StorageError.
        """
        memberships = await self._memberships(self._portals.all, user)
        urls = memberships.keys()
        running = self._visible(await self.open_restores(urls), memberships)
        ended = self._visible(await self.ended_restores(urls, ENDED_SEARCHED), memberships)
        return running, ended[:count]

    def _visible(
        self, restores: Sequence[Restore], memberships: dict[str, Membership]
    ) -> list[VisibleRestore]:
        visible = []
        for restore in restores:
            person, groups = memberships[restore.portal_url]
            if self._is_shown(restore, person, groups):
                actions = self._actions(restore, person, groups)
                visible.append(VisibleRestore(restore, actions))
        return visible

    def _is_shown(self, restore: Restore, person: Person, groups: frozenset[str]) -> bool:
        """Return whether a person who may read sees this restore outside its channel.

        That of a portal which has channels but no requesters is for those who have a part in it: a
        channel may be private.
        """
        policy = self._portals.of(restore).policy
        if not policy.channels or policy.requesters:
            return True
        if person.id in {restore.requester, *restore.voters}:
            return True
        return isinstance(policy.may_decide(person, groups), Allowed)

    def _actions(
        self, restore: Restore, person: Person, groups: frozenset[str]
    ) -> frozenset[Action]:
        policy = self._portals.of(restore).policy
        own = person.id == restore.requester
        decides = isinstance(policy.may_decide(person, groups), Allowed)
        approves = isinstance(policy.may_approve(person, groups, restore.requester), Allowed)
        asks = isinstance(policy.may_request(person, groups, restore.channel), Allowed)
        votes = approves and person.id not in restore.voters
        may = {
            Action.APPROVE: votes,
            Action.DENY: votes and not own,
            Action.WITHDRAW: own,
            Action.STOP: own or decides,
            Action.SETTLE: decides,
            Action.ASK_AGAIN: asks,
        }
        return frozenset(action for action in allowed_actions(restore) if may[action])
