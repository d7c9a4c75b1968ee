"""Whose yes a restore has, in each place that tells it: approvers', the requester's own, nobody's.

A start alone comes first: a break-glass restore has no approval.
"""

from restorebot.model import Restore
from restorebot.slack.mrkdwn import date, mention, mentions

ALONE = "alone (break-glass)"
NOBODY = "nobody: break-glass"
OWN_REQUEST = "(their own request)"


def _noting_own(restore: Restore, approved: str) -> str:
    """Add to who approved it that the requester is one of them, where that is so."""
    if restore.self_approved:
        return f"{approved} {OWN_REQUEST}"
    return approved


def approved_by(restore: Restore) -> str:
    """Say whose yes it has."""
    return _noting_own(restore, mentions(restore.voters))


def on_card(restore: Restore) -> str:
    """Say it in a sentence of its own."""
    if restore.break_glass:
        who = mention(restore.requester)
        return f":rotating_light: Started by {who} alone, without approval (break-glass)."
    return f"Approved by {approved_by(restore)}."


def when_sent(restore: Restore) -> str:
    """Say it in a sentence of its own, when the portal has taken the restore."""
    if restore.break_glass:
        return f"Started by {mention(restore.requester)} {ALONE}."
    approvers = mentions(restore.voters)
    if restore.self_approved:
        return f"Approved by {approvers}, who also asked for it."
    return f"Approved by {approvers}."


def as_beginning(restore: Restore) -> str:
    """Begin a sentence with it, which goes on with how the restore stands."""
    if restore.break_glass:
        return f"This restore was started by {mention(restore.requester)} {ALONE}"
    return f"This restore has been approved by {approved_by(restore)}"


def in_story(restore: Restore) -> str:
    """Say it and when, to go on after "Approved"."""
    if restore.break_glass:
        return f"by nobody: {mention(restore.requester)} started it {ALONE}"
    if restore.approved_at is None:
        return "never"
    return _noting_own(restore, f"by {mentions(restore.voters)} {date(restore.approved_at)}")


def in_list(restore: Restore) -> str | None:
    """Say it in a line of a list; None where nobody has approved it."""
    if restore.break_glass:
        return f"started {ALONE}"
    if restore.votes:
        return f"approved by {approved_by(restore)}"
    return None


def in_table(restore: Restore) -> str:
    """Name the approvers by their ids, for a table of the command line."""
    if restore.break_glass:
        return NOBODY
    return _noting_own(restore, ", ".join(restore.voters))
