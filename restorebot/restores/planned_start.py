"""The rules about a start that is planned for a later time."""

from datetime import datetime, timedelta

from restorebot.model import Restore, Source
from restorebot.restores.transitions import UNSENT

FURTHEST = timedelta(days=14)
"""How far ahead a start may be planned."""

REMINDER_LEAD = timedelta(minutes=15)
"""Before a planned start, its thread is told that it is near."""

MISSED_GRACE = timedelta(minutes=15)
"""A planned start that is missed by more than this is not made up for."""

MISSED_BY = f"more than {MISSED_GRACE // timedelta(minutes=1)} minutes"

IN_THE_PAST = (
    "This time is over. Choose a later one, or empty the field to start as soon as it is approved."
)
TOO_FAR = f"A start can be planned at most {FURTHEST.days} days ahead. Choose an earlier time."
EXPIRES_BEFORE = "The backup expires before then. Choose an earlier time, or another backup."
MISSED = f"The planned start was missed by {MISSED_BY}. {UNSENT}"


def problem_with(starts_at: datetime, source: Source, now: datetime) -> str | None:
    """Return why a restore cannot be planned for this time, as a sentence; None when it can."""
    if starts_at <= now:
        return IN_THE_PAST
    if starts_at > now + FURTHEST:
        return TOO_FAR
    if source.expires_on and source.expires_on <= starts_at:
        return EXPIRES_BEFORE
    return None


def request_expiry(now: datetime, approval_ttl: timedelta, starts_at: datetime | None) -> datetime:
    """Return until when a request waits: no longer than its planned start could be made up for."""
    expiry = now + approval_ttl
    if starts_at is None:
        return expiry
    return min(expiry, starts_at + MISSED_GRACE)


def approval_counts_from(restore: Restore, now: datetime) -> datetime:
    """Return from when the approval's shelf life counts."""
    return restore.starts_at or restore.approved_at or now


def too_late(restore: Restore, approval_ttl: timedelta, now: datetime) -> str | None:
    """Return why it is too late to start an approved restore, as a sentence; None while it is not.

    A planned one is late by ``MISSED_GRACE``, another by the approval's shelf life.
    """
    if restore.starts_at:
        if now > restore.starts_at + MISSED_GRACE:
            return MISSED
        return None
    if now >= approval_counts_from(restore, now) + approval_ttl:
        return UNSENT
    return None
