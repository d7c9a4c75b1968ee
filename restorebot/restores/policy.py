"""Who may do what, decided from facts alone: a verdict and the reason for it."""

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from restorebot.errors import Refused
from restorebot.model import EVERYBODY, Approvers, Requesters, is_group


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody in Slack, as ``users.info`` tells."""

    id: str
    is_bot: bool = False
    is_guest: bool = False
    is_deactivated: bool = False
    is_external: bool = False


class Directory(Protocol):
    """Where people, groups and channels are looked up, afresh at each call.

    All raise SlackUnavailable.
    """

    async def person(self, user: str) -> Person:
        """Return who somebody is."""
        ...

    async def check_channel(self, channel: str) -> None:
        """Raise Refused when no restore can be told of there."""
        ...

    async def groups_of(self, user: str, groups: AbstractSet[str]) -> frozenset[str]:
        """Return those of the usergroups that the person is in."""
        ...


@dataclass(frozen=True)
class Allowed:
    """They may."""


@dataclass(frozen=True)
class Denied:
    """They may not: ``reason`` says so to the person, ``said_of`` to others, after the name."""

    reason: str
    said_of: str


Verdict = Allowed | Denied

WRONG_CHANNEL = Denied(
    "Restores are not asked for in this channel.", "asked in a channel that is not for restores"
)
NO_REQUESTER = Denied(
    "You are not among those who may ask for a restore.",
    "is not among those who may ask for a restore",
)
NO_READER = Denied(
    "You are neither among those who may ask for a restore nor an approver.",
    "is neither among those who may ask for a restore nor an approver",
)
NO_APPROVER = Denied(
    "You are not an approver of this portal.", "is no longer an approver of this portal"
)
OWN_REQUEST = Denied(
    "You asked for this restore, so somebody else has to approve it.",
    "asked for it, and self-approval is no longer allowed",
)
NO_BREAK_GLASS = Denied(
    "You are not among those who may start a restore alone.",
    "is no longer among those who may start a restore alone",
)
EXTERNAL = Denied(
    "You belong to another organisation; only members of this workspace may do this.",
    "belongs to another organisation",
)
DEACTIVATED = Denied("Your account is deactivated.", "has a deactivated account")
BOT = Denied("Bots may not do this.", "is a bot")
GUEST = Denied("Guests may not do this; ask a full member of the workspace.", "is a guest")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The two-person rule, and who may break it.

    No requesters means every full member, no channels means every channel that the bot is a member
    of. ``break_glass`` are user ids.
    """

    approvers: Approvers
    requesters: Requesters = EVERYBODY
    channels: frozenset[str] = frozenset()
    approvals_needed: int = 1
    allow_self_approval: bool = False
    break_glass: frozenset[str] = frozenset()

    def may_request(self, person: Person, groups: AbstractSet[str], channel: str) -> Verdict:
        """Decide whether this person may ask for a restore in this channel."""
        if self.channels and channel not in self.channels:
            return WRONG_CHANNEL
        member = _full_member(person)
        if isinstance(member, Denied):
            return member
        if self.requesters and not _among(person, groups, self.requesters):
            return NO_REQUESTER
        return Allowed()

    def may_read(self, person: Person, groups: AbstractSet[str]) -> Verdict:
        """Decide whether this person may see what is asked for and how it ended.

        Requesters and approvers may.
        """
        member = _full_member(person)
        if isinstance(member, Denied):
            return member
        if self.requesters and not _among(person, groups, self.requesters | self.approvers):
            return NO_READER
        return Allowed()

    def may_decide(self, person: Person, groups: AbstractSet[str]) -> Verdict:
        """Decide whether this person is an approver: may deny, stop and settle."""
        member = _full_member(person)
        if isinstance(member, Denied):
            return member
        if not _among(person, groups, self.approvers):
            return NO_APPROVER
        return Allowed()

    def may_approve(self, person: Person, groups: AbstractSet[str], requester: str) -> Verdict:
        """Decide whether this person's yes counts for a restore that ``requester`` asked for."""
        decides = self.may_decide(person, groups)
        if isinstance(decides, Denied):
            return decides
        if person.id == requester and not self.allow_self_approval:
            return OWN_REQUEST
        return Allowed()

    def may_break_glass(self, person: Person) -> Verdict:
        """Decide whether this person may start a restore alone.

        Only people named in the settings may; usergroups do not count.
        """
        member = _full_member(person)
        if isinstance(member, Denied):
            return member
        if person.id not in self.break_glass:
            return NO_BREAK_GLASS
        return Allowed()

    def quorum(self, asked_with: int) -> int:
        """Return how many approvals a restore needs, given the number when it was requested.

        A number that was raised since holds for open restores too.
        """
        return max(asked_with, self.approvals_needed)


def require(verdict: Verdict) -> None:
    """Raise Refused with the reason, unless they may."""
    if isinstance(verdict, Denied):
        raise Refused(verdict.reason)


async def ineligible_voters(
    policy: Policy, directory: Directory, voters: Sequence[str], requester: str
) -> Mapping[str, str]:
    """Return those whose yes no longer counts, each with the reason. Raise SlackUnavailable."""
    # All at once, so that one answer about a group serves for all of them.
    found = await asyncio.gather(*(membership_of(policy, directory, voter) for voter in voters))
    ineligible: dict[str, str] = {}
    for voter, (person, groups) in zip(voters, found, strict=True):
        verdict = policy.may_approve(person, groups, requester)
        if isinstance(verdict, Denied):
            ineligible[voter] = verdict.said_of
    return ineligible


async def membership_of(
    policy: Policy, directory: Directory, user: str
) -> tuple[Person, frozenset[str]]:
    """Look up a person and those of the policy's usergroups that they are in.

    Raise SlackUnavailable.
    """
    groups = frozenset(name for name in policy.approvers | policy.requesters if is_group(name))
    # Together, for a command's trigger lives three seconds and a slow Slack takes two for each.
    return await asyncio.gather(directory.person(user), directory.groups_of(user, groups))


def _among(person: Person, groups: AbstractSet[str], ids: AbstractSet[str]) -> bool:
    return person.id in ids or not groups.isdisjoint(ids)


def _full_member(person: Person) -> Verdict:
    if person.is_external:
        return EXTERNAL
    if person.is_deactivated:
        return DEACTIVATED
    if person.is_bot:
        return BOT
    if person.is_guest:
        return GUEST
    return Allowed()
