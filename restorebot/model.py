"""What a restore is: its record, its states and the moves between them.

Pure; imported by all, imports none.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a restore stands. The value is what the database and the audit trail hold."""

    REQUESTED = "requested"
    APPROVED = "approved"
    BACKING_UP = "backing_up"
    STARTING = "starting"
    RESTORING = "restoring"
    UNKNOWN = "unknown"
    COMPLETED = "completed"
    FAILED = "failed"
    CLOSED = "closed"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    STOPPED = "stopped"
    VOID = "void"


MOVES: Mapping[State, frozenset[State]] = {
    State.REQUESTED: frozenset(
        {State.APPROVED, State.DENIED, State.WITHDRAWN, State.EXPIRED, State.VOID}
    ),
    State.APPROVED: frozenset(
        {State.BACKING_UP, State.STARTING, State.STOPPED, State.VOID, State.EXPIRED}
    ),
    State.BACKING_UP: frozenset({State.STARTING, State.STOPPED, State.VOID, State.FAILED}),
    State.STARTING: frozenset({State.RESTORING, State.FAILED, State.UNKNOWN}),
    State.RESTORING: frozenset({State.COMPLETED, State.FAILED, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.RESTORING, State.COMPLETED, State.FAILED, State.CLOSED}),
}
"""Every move there is. A state without an entry is an end."""

WAITING = frozenset({State.REQUESTED, State.APPROVED})
"""Nothing has been sent to the portal yet."""

LIVE = frozenset({State.BACKING_UP, State.STARTING, State.RESTORING, State.UNKNOWN})
"""The restore holds its portal's claim; at most one per portal, by a unique index."""

OPEN = WAITING | LIVE
ENDED = frozenset(State) - OPEN


def may_move(old: State, new: State) -> bool:
    """Whether the table has this move.

    An event may also leave a restore with work left where it is.
    """
    return new in MOVES.get(old, frozenset()) or (old is new and old in OPEN | {State.COMPLETED})


class Phase(StrEnum):
    """What the portal is doing with our task, as far as its numbers tell (docspace-api §4.3)."""

    QUEUED = "queued"
    FETCHING = "fetching"
    LOADING = "loading"
    DONE = "done"


HIDDEN_PARAMS = frozenset({"ssekey"})
"""``storageParams`` that are sent to the portal and shown to nobody."""


@dataclass(frozen=True)
class Source:
    """What is restored: a backup of the portal's history, or an archive that somebody named.

    ``storage_type`` is DocSpace's ``storageType`` number (docspace-api §2.1). Times are UTC;
    ``expires_on`` is None for a backup that does not expire. An archive has no ``backup_id`` but
    ``params``, the ``storageParams`` in the order in which they are sent. ``size`` (bytes),
    ``version`` and ``changed_on`` are known of a file in a room only; when the backup in it was
    made, nobody tells of an archive.
    """

    backup_id: str
    file_name: str
    storage_type: int
    created_on: datetime | None
    expires_on: datetime | None = None
    params: tuple[tuple[str, str], ...] = ()
    size: int | None = None
    version: int | None = None
    changed_on: datetime | None = None

    @property
    def path(self) -> str:
        """An archive's own id or path; empty for a backup of the history."""
        return dict(self.params).get("filePath", "")

    @property
    def shown_params(self) -> dict[str, str]:
        """The parameters less those that nobody needs to see."""
        return {key: value for key, value in self.params if key not in HIDDEN_PARAMS}

    def audit_record(self) -> dict[str, Any]:
        """What the audit trail keeps, as JSON values: all that tells it from every other source."""
        known = {
            name: value for name, value in self.to_json().items() if value not in (None, "", [])
        }
        return {**known, **({"params": self.shown_params} if self.params else {})}

    def to_json(self) -> dict[str, Any]:
        """JSON values, which ``of`` makes a source of again."""
        plain = asdict(self)
        times = {name: plain[name] and plain[name].isoformat() for name in _TIMES}
        return {**plain, **times, "params": [list(pair) for pair in self.params]}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Source":
        times = {name: datetime.fromisoformat(plain[name]) for name in _TIMES if plain.get(name)}
        params = tuple((key, value) for key, value in plain.get("params", ()))
        return cls(**{**plain, **times, "params": params})


_TIMES = ("created_on", "expires_on", "changed_on")


@dataclass(frozen=True)
class Vote:
    """One person's yes to one restore."""

    user: str
    at: datetime


@dataclass(frozen=True)
class Restore:
    """One restore: the record and the act. Times are UTC, ``progress`` is the portal's own number,
    0 to 100.

    ``version`` goes up by one with every change of the row, and ``card_version`` is the version
    that the card in Slack shows.
    """

    id: str
    version: int
    state: State
    portal: str
    portal_url: str
    source: Source
    reason: str
    notify: bool
    requester: str
    channel: str
    view_id: str
    approvals_needed: int
    requested_at: datetime
    expires_at: datetime
    starts_at: datetime | None = None
    """When it is planned to start; None for as soon as it is approved."""
    announce: tuple[str, ...] = ()
    """Channels whose people are told that the portal is going to be replaced, as the settings were
    at the request.
    """
    self_approved: bool = False
    break_glass: bool = False
    """The requester started it alone, without any approval."""
    reminded: bool = False
    """The approvers have been mentioned a second time, at half of the request's time."""
    start_reminded: bool = False
    """The thread has been told that the planned start is near."""
    votes: tuple[Vote, ...] = ()
    approved_at: datetime | None = None
    safety_storage: int | None = None
    """The ``storageType`` that the backup before the restore goes to; None where none was asked
    for.
    """
    safety_task: str | None = None
    """That backup's taskId, which is the id of its record too."""
    safety_progress: int = 0
    safety_name: str | None = None
    safety_made_at: datetime | None = None
    """When it was made, by the portal's history; None until it has been found there."""
    backup_watched_at: datetime | None = None
    """Until when a planned restore's safety backup was watched, to the minute: whether the bot was
    down since.
    """
    posted_at: datetime | None = None
    """When ``startrestore`` was about to be sent; None until then."""
    previous_task_id: str | None = None
    """The taskId that the portal still showed just before the POST, which can therefore not be
    ours.
    """
    task_id: str | None = None
    adopted: bool = False
    """The taskId was found by looking, not told by the reply to our POST."""
    phase: Phase | None = None
    progress: int = 0
    changed_at: datetime | None = None
    """When the portal's words about our task last changed."""
    missing_since: datetime | None = None
    """Since when the portal no longer shows our task; None while it does."""
    missing_polls: int = 0
    """How many looks in a row found our task gone: a clock alone would count the time the bot was
    down.
    """
    stalled: bool = False
    blocked_reason: str = ""
    """Why the next step cannot be made just now, in a sentence; empty when nothing is in the way.
    """
    outcome: str = ""
    """How it ended, or why nobody knows, in a sentence; the portal's own words for a failure."""
    decided_by: str | None = None
    """Who denied, withdrew, stopped or settled it."""
    tenant_status: int | None = None
    """The portal's ``tenantStatus`` when it failed; 4 is locked. None when it could not be read."""
    ended_at: datetime | None = None
    verified: bool = False
    """A completed restore's portal and key have been looked at, and the thread has been told."""
    card_ts: str | None = None
    card_version: int = 0

    @property
    def voters(self) -> tuple[str, ...]:
        return tuple(vote.user for vote in self.votes)

    @property
    def is_planned(self) -> bool:
        """Whether it waits for a planned time, and so is in nobody's way."""
        return self.starts_at is not None and self.state in WAITING

    @property
    def is_open(self) -> bool:
        """Whether the clock still has work with it: not ended, or completed and not looked at
        afterwards.
        """
        return self.state in OPEN or (self.state is State.COMPLETED and not self.verified)


class PostKind(StrEnum):
    """The turns of the story that a restore's thread is told."""

    CARD = "card"
    REMINDER = "reminder"
    VOTE_REVOKED = "vote_revoked"
    BREAK_GLASS = "break_glass"
    BACKING_UP = "backing_up"
    BACKED_UP = "backed_up"
    SENT = "sent"
    FETCHING = "fetching"
    LOADING = "loading"
    STALLED = "stalled"
    ADOPTED = "adopted"
    UNKNOWN = "unknown"
    CLOSING = "closing"
    VERIFIED = "verified"
    START_REMINDER = "start_reminder"
    PLANNED = "planned"
    STARTED = "started"
    OVER = "over"
    ANNOUNCEMENT_FAILED = "announce_failed"


ANNOUNCEMENTS = frozenset({PostKind.PLANNED, PostKind.STARTED, PostKind.OVER})
"""Told to other channels than the restore's own, in words for the portal's users."""


@dataclass(frozen=True)
class Post:
    """A message that Slack is still to be given. ``facts`` are plain JSON values, which the words
    are made of.

    ``channel`` is where it is announced; empty for the restore's own thread.
    """

    kind: PostKind
    facts: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    channel: str = ""
