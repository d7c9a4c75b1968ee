"""What a portal's users are told, in the channels that the portal names: that it is going to be
replaced, and when.
"""

from datetime import datetime

from restorebot.model import Post, PostKind, Restore


def planned_posts(restore: Restore, now: datetime) -> list[Post]:
    """For a restore that has just been approved for a later time."""
    ahead = restore.starts_at is not None and restore.starts_at > now
    return _everywhere(restore, PostKind.PLANNED) if ahead else []


def started_posts(restore: Restore) -> list[Post]:
    """For a restore whose task has just become known."""
    return _everywhere(restore, PostKind.STARTED) if restore.task_id is None else []


def ended_posts(restore: Restore, *, happened: bool) -> list[Post]:
    """For a restore that ends; only where something has been announced before.

    ``happened`` is False where it is known that the portal was not touched.
    """
    told = restore.task_id is not None or (
        restore.starts_at is not None and restore.approved_at is not None
    )
    return _everywhere(restore, PostKind.OVER, happened=happened) if told else []


def _everywhere(restore: Restore, kind: PostKind, **facts: bool) -> list[Post]:
    return [Post(kind, facts, channel) for channel in restore.announce]
