"""Who may do what, decided from facts alone: a verdict and the reason for it."""

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
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

    async def person(self, user: str) -> Person: ...

    async def check_channel(self, channel: str) -> None:
        """Raises Refused when no restore can be told of there."""
        ...

    async def groups_of(self, user: str, groups: AbstractSet[str]) -> frozenset[str]:
        """Those of the usergroups that the person is in."""
        ...


@dataclass(frozen=True)
class Verdict:
    """``reason`` is a sentence for the person, ``said_of`` the same about them for others; both
    empty when allowed.
    """

    allowed: bool
    reason: str = ""
    said_of: str = ""


YES = Verdict(True)


@dataclass(frozen=True)
class Policy:
    """The two-person rule, and who may break it. Requesters and approvers are ids of users and
    usergroups.

    No requesters means every full member, no channels means every channel that the bot is a member
    of.
    """

    approvers: frozenset[str]
    requesters: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    approvals_needed: int = 1
    allow_self_approval: bool = False
    break_glass: frozenset[str] = frozenset()

    def may_request(self, person: Person, groups: AbstractSet[str], channel: str) -> Verdict:
        """Whether this person may ask for a restore in this channel."""
        if self.channels and channel not in self.channels:
            return Verdict(False, "Restores are not asked for in this channel.")
        member = _full_member(person)
        if not member.allowed:
            return member
        if self.requesters and not _among(person, groups, self.requesters):
            return Verdict(False, "You are not among those who may ask for a restore.")
        return YES

    def may_read(self, person: Person, groups: AbstractSet[str]) -> Verdict:
        """Whether this person may see what is asked for and how it ended: those who may ask, and
        those who decide.
        """
        member = _full_member(person)
        if not member.allowed:
            return member
        if self.requesters and not _among(person, groups, self.requesters | self.approvers):
            return Verdict(
                False, "You are neither among those who may ask for a restore nor an approver."
            )
        return YES

    def may_decide(self, person: Person, groups: AbstractSet[str]) -> Verdict:
        """Whether this person is an approver: may deny, stop and settle."""
        member = _full_member(person)
        if not member.allowed:
            return member
        if not _among(person, groups, self.approvers):
            return Verdict(
                False,
                "You are not an approver of this portal.",
                "is no longer an approver of this portal",
            )
        return YES

    def may_approve(self, person: Person, groups: AbstractSet[str], requester: str) -> Verdict:
        """Whether this person's yes counts for a restore that ``requester`` asked for."""
        decides = self.may_decide(person, groups)
        if decides.allowed and person.id == requester and not self.allow_self_approval:
            sentence = "You asked for this restore, so somebody else has to approve it."
            return Verdict(False, sentence, "asked for it, and self-approval is no longer allowed")
        return decides

    def may_break_glass(self, person: Person) -> Verdict:
        """Whether this person may start a restore alone: those who are named for it, and no
        group.
        """
        member = _full_member(person)
        if not member.allowed:
            return member
        if person.id not in self.break_glass:
            sentence = "You are not among those who may start a restore alone."
            return Verdict(
                False, sentence, "is no longer among those who may start a restore alone"
            )
        return YES


async def ineligible_voters(
    policy: Policy, directory: Directory, voters: Sequence[str], requester: str
) -> Mapping[str, str]:
    """Those whose yes no longer counts, and what is said of each. Raises SlackUnavailable."""
    # All at once, so that one answer about a group serves for all of them.
    found = await asyncio.gather(*(membership_of(policy, directory, voter) for voter in voters))
    verdicts = {
        voter: policy.may_approve(*one, requester) for voter, one in zip(voters, found, strict=True)
    }
    return {voter: verdict.said_of for voter, verdict in verdicts.items() if not verdict.allowed}


async def membership_of(
    policy: Policy, directory: Directory, user: str
) -> tuple[Person, frozenset[str]]:
    """Look up a person and those of the policy's usergroups that they are in.

    Raises SlackUnavailable.
    """
    groups = frozenset(name for name in policy.approvers | policy.requesters if is_group(name))
    # Together, for a command's trigger lives three seconds and a slow Slack takes two for each.
    return await asyncio.gather(directory.person(user), directory.groups_of(user, groups))


def is_group(name: str) -> bool:
    """Whether an id names a usergroup (``S…``) rather than a user (``U…`` or ``W…``)."""
    return name.startswith("S")


def _among(person: Person, groups: AbstractSet[str], ids: AbstractSet[str]) -> bool:
    return person.id in ids or not groups.isdisjoint(ids)


def _full_member(person: Person) -> Verdict:
    if person.is_external:
        sentence = "You belong to another organisation; only members of this workspace may do this."
        return Verdict(False, sentence, "belongs to another organisation")
    if person.is_deactivated:
        return Verdict(False, "Your account is deactivated.", "has a deactivated account")
    if person.is_bot:
        return Verdict(False, "Bots may not do this.", "is a bot")
    if person.is_guest:
        return Verdict(
            False, "Guests may not do this; ask a full member of the workspace.", "is a guest"
        )
    return YES
