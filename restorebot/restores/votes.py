"""One person's yes, counted in the transaction that it may approve the restore in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from restorebot.errors import Refused
from restorebot.model import Post, PostKind, Restore, State
from restorebot.restores import announcing
from restorebot.restores.transitions import BOT
from restorebot.storage.store import WriteTransaction


@dataclass(frozen=True)
class CheckedVote:
    """A yes whose giver may approve. ``needed`` is the quorum as it is now.

    ``checked`` are the earlier voters who were looked at again, ``lost`` those of them who no
    longer count, and why.
    """

    user: str
    needed: int
    checked: frozenset[str]
    lost: Mapping[str, str]


class VotersUnchecked(Exception):
    """The yes would fill the quorum together with one that has not been looked at again."""


async def count_vote(
    tx: WriteTransaction, restore: Restore, now: datetime, yes: CheckedVote
) -> Restore:
    """Take back what no longer counts and add the yes; the quorum may be full then.

    Raises Refused, Conflict, and Unchecked when nothing may be counted before somebody else has
    been looked at.
    """
    if yes.user in restore.voters:
        raise Refused("Your approval is counted already.")
    lost = {voter: yes.lost[voter] for voter in restore.voters if voter in yes.lost}
    full = len(restore.votes) - len(lost) + 1 >= yes.needed
    if full and not yes.checked.issuperset(restore.voters):
        raise VotersUnchecked
    for voter, why in lost.items():
        restore = await tx.advance(
            await tx.revoke_vote(restore, voter),
            State.REQUESTED,
            at=now,
            actor=BOT,
            event="vote revoked",
            posts=revoked_vote_posts({voter: why}),
            details={"voter": voter, "why": why},
        )
    voted = await tx.add_vote(restore, yes.user, now)
    return await tx.advance(
        voted,
        State.APPROVED if full else State.REQUESTED,
        at=now,
        actor=yes.user,
        event="approved" if full else "voted",
        posts=announcing.planned_posts(restore, now) if full else (),
        approvals_needed=yes.needed,
        self_approved=restore.requester in voted.voters,
        approved_at=now if full else None,
    )


def revoked_vote_posts(lost: Mapping[str, str]) -> list[Post]:
    """The thread hears whose yes no longer counts, and why."""
    return [
        Post(PostKind.VOTE_REVOKED, {"voter": voter, "why": why}) for voter, why in lost.items()
    ]
