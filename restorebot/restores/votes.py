"""One person's yes, counted in the transaction that it may approve the restore in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from restorebot.errors import Refused, Signal
from restorebot.model import Event, Post, PostKind, Restore, State
from restorebot.restores.transitions import BOT, planned_posts
from restorebot.storage.store import WriteTransaction

COUNTED_ALREADY = "Your approval is counted already."


@dataclass(frozen=True, kw_only=True)
class CheckedVote:
    """A yes whose giver may approve.

    ``needed`` is the quorum as it is now. ``checked`` are the earlier voters who were looked at
    again, ``ineligible`` those of them who no longer count, and why.
    """

    user: str
    needed: int
    checked: frozenset[str]
    ineligible: Mapping[str, str]


class EarlierVotersUnchecked(Signal):
    """The yes would fill the quorum together with one that has not been looked at again."""


async def count_vote(
    tx: WriteTransaction, restore: Restore, now: datetime, vote: CheckedVote
) -> Restore:
    """Take back what no longer counts and add the yes; the quorum may be full then.

    Raise Refused, StaleRow, and EarlierVotersUnchecked when nothing may be counted before somebody
    else has been looked at.
    """
    if vote.user in restore.voters:
        raise Refused(COUNTED_ALREADY)
    ineligible = {
        voter: vote.ineligible[voter] for voter in restore.voters if voter in vote.ineligible
    }
    full = len(restore.votes) - len(ineligible) + 1 >= vote.needed
    if full and not vote.checked.issuperset(restore.voters):
        raise EarlierVotersUnchecked
    restore = await _revoke(tx, restore, now, ineligible)
    voted = await tx.add_vote(restore, vote.user, now)
    counted = replace(
        voted,
        approvals_needed=vote.needed,
        self_approved=restore.requester in voted.voters,
    )
    if not full:
        return await tx.advance(voted, counted, at=now, actor=vote.user, event=Event.VOTED)
    return await tx.advance(
        voted,
        replace(counted, state=State.APPROVED, approved_at=now),
        at=now,
        actor=vote.user,
        event=Event.APPROVED,
        posts=planned_posts(restore, now),
    )


async def _revoke(
    tx: WriteTransaction, restore: Restore, now: datetime, ineligible: Mapping[str, str]
) -> Restore:
    for voter, why in ineligible.items():
        fewer = await tx.revoke_vote(restore, voter)
        restore = await tx.advance(
            fewer,
            fewer,
            at=now,
            actor=BOT,
            event=Event.VOTE_REVOKED,
            posts=revoked_vote_posts({voter: why}),
            details={"voter": voter, "why": why},
        )
    return restore


def revoked_vote_posts(ineligible: Mapping[str, str]) -> list[Post]:
    """Tell the thread whose yes no longer counts, and why."""
    return [
        Post(PostKind.VOTE_REVOKED, {"voter": voter, "why": why})
        for voter, why in ineligible.items()
    ]
