"""The errors, named by what the caller can do; some are declared where they are raised.

A class with a branch below it is never raised itself.

RestorebotError
├── SettingsError          fix the settings; one line per problem
├── Refusal                tell the person; nothing was changed
│   ├── Refused                with a sentence that needs no type of its own
│   ├── WrongChannel           the portal is asked for in other channels
│   ├── PortalNotNamed         there are several portals
│   ├── UnknownPortal          none has this name
│   ├── NoSuchBackup           none has this name
│   ├── SeveralBackups         several have names that begin so
│   ├── NothingToRestore       the history has none that can be restored
│   ├── RestoreGone            the row is no longer there
│   ├── AlreadyDecided         the restore has moved on before the click
│   └── InvalidSubmission      a modal's fields, with a sentence under each
│       ├── FieldErrors            type them anew
│       └── StaleFields            they are another kind's: draw them afresh
├── StorageError           nothing was changed
│   ├── DatabaseError          the database cannot be read, written or opened
│   └── Conflict               the row is not what the caller read; read it again
│       ├── StaleRow               it moved meanwhile
│       ├── PortalBusy             another restore holds the portal
│       ├── TaskTaken              another restore holds the portal's task
│       ├── AlreadyRequested       its modal asked before
│       └── AlreadyVoted           this person's vote is counted
├── PortalNotConfigured    the settings no longer have a restore's portal; put it back
├── SlackUnavailable       Slack did not answer a question we needed answered; try again
├── Signal                 caught in the room that raises it, and read by nobody
│   ├── EarlierVotersUnchecked look at the earlier voters again, then count
│   ├── AnswerLost             Slack may have taken the message; send it again, marked
│   └── NotSent                Slack has not taken the message; send it again
└── PortalError            a call to DocSpace; ``sent`` and ``transient`` say what may be done
    ├── PortalUnreachable      refused, DNS, TLS: never sent
    ├── PortalTimeout          no answer in time, or the connection broke after sending
    ├── KeyUnusable            store another key
    │   ├── KeyMissing             there is none: never sent
    │   ├── KeyUnreadable          the stored key cannot be decrypted: never sent
    │   └── KeyRejected            401; 403 problem+json of a route that is open to anybody
    ├── PaymentRequired        402
    ├── PortalForbidden        403
    │   ├── AccessDenied           403 with an error: the key's owner has no right to it
    │   ├── KeyLacksScope          403 without a body: the key may read, not write
    │   ├── PortalLocked           403 problem+json: restoring, transferring or encrypting
    │   └── IpAddressRefused       403 in bare text: the bot's IP address
    ├── PortalNotFound         404
    ├── RequestRejected        400
    ├── RateLimited            429, with ``retry_after``
    ├── PortalFault            5xx, with the exception's ``type`` where the portal names it
    └── BadReply               no JSON, not the shape, too large, a redirect to another origin
"""


class RestorebotError(Exception):
    """Base of everything restorebot raises on purpose.

    ``str()`` is a sentence fit for a person, without secrets; a Signal has none.
    """


class SettingsError(RestorebotError):
    """One or more settings are missing or wrong; ``problems`` holds one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Refusal(RestorebotError):
    """What the person asked for is not done; the sentence says why and what to do."""


class Refused(Refusal):
    """A refusal that nobody has to tell from the others."""


class StorageError(RestorebotError):
    """The database did not do what was asked of it; nothing was changed."""


class DatabaseError(StorageError):
    """The database cannot be read, written or opened, or is not this program's."""


class Conflict(StorageError):
    """The row is no longer what the caller read."""


class StaleRow(Conflict):
    """Somebody else moved the row first."""

    def __init__(self) -> None:
        super().__init__("This restore has moved on meanwhile.")


class PortalBusy(Conflict):
    """Another restore holds the portal's claim."""

    def __init__(self) -> None:
        super().__init__("Another restore of this portal is under way.")


class TaskTaken(Conflict):
    """Another live restore has this taskId, so both are of one portal."""

    def __init__(self) -> None:
        super().__init__("Another restore has this task of the portal.")


class AlreadyRequested(Conflict):
    """The modal that asks has asked before."""

    def __init__(self) -> None:
        super().__init__("This request has been made already; its card is in the channel.")


class AlreadyVoted(Conflict):
    """The person's vote is in the table already."""

    def __init__(self) -> None:
        super().__init__("You have approved this restore already.")


class PortalNotConfigured(RestorebotError):
    """A restore is of a portal that the settings no longer have."""

    def __init__(self, portal: str, url: str) -> None:
        super().__init__(f"The portal {portal} ({url}) is no longer in restorebot's settings.")


class SlackUnavailable(RestorebotError):
    """Slack did not answer, so a check that needs it fails closed."""


class Signal(RestorebotError):
    """One part of a room tells another what to do next; it never leaves the room."""


class PortalError(RestorebotError):
    """A call to DocSpace went wrong.

    ``sent`` is whether the request can have had an effect: False only when it certainly had none.
    ``transient`` is whether the same call may well work in a while, ``retry_after`` seconds from
    now at the earliest. ``status`` is the HTTP status, None without an answer.
    """

    sent = False
    transient = False
    retry_after = 0.0

    def __init__(self, sentence: str, *, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class PortalUnreachable(PortalError):
    """No connection: refused, unknown host, TLS. Nothing was sent."""

    transient = True


class PortalTimeout(PortalError):
    """No complete answer in time, or the connection broke after the request went out."""

    sent = True
    transient = True


class KeyUnusable(PortalError):
    """No call can be made with the key that there is, or is not."""


class KeyMissing(KeyUnusable):
    """There is no API key to send."""


class KeyUnreadable(KeyUnusable):
    """The stored key cannot be decrypted with the encryption key that is set."""


class KeyRejected(KeyUnusable):
    """401: the key or cookie is unknown, expired or disabled.

    A route that is open to anybody answers 403 instead, and does so where it lacks a scope too.
    """


class PaymentRequired(PortalError):
    """402: the tariff has no restore, a quota is used up, or the portal is unpaid."""


class PortalForbidden(PortalError):
    """403: which of the four it is stands in its body (docspace-api §1.2)."""


class AccessDenied(PortalForbidden):
    """403 with an error: the key's owner may not do this, or the section is hidden."""


class KeyLacksScope(PortalForbidden):
    """403 without a body: the key exists but its scopes do not allow the call."""


class PortalLocked(PortalForbidden):
    """403 as problem+json: the portal is restoring, transferring or encrypting."""

    transient = True


class IpAddressRefused(PortalForbidden):
    """403 in bare text: the portal does not accept the bot's IP address."""


class PortalNotFound(PortalError):
    """404: no such backup or file, no such route, or the host maps to no portal."""


class RequestRejected(PortalError):
    """400: the portal finds the request malformed."""


class RateLimited(PortalError):
    """429. ``retry_after`` is in seconds, as the portal said or 30 when it did not."""

    transient = True

    def __init__(self, sentence: str, *, retry_after: float) -> None:
        super().__init__(sentence, status=429)
        self.retry_after = retry_after


class PortalFault(PortalError):
    """5xx. ``type`` is the exception's short class name where the portal sends one, else None.

    FaultException and KeyNotFoundException are thrown before a restore's task is made, so they mean
    "not started"; any other 5xx can come from a proxy after the portal did its part (architecture
    §2.2).
    """

    NOT_STARTED = frozenset({"FaultException", "KeyNotFoundException"})

    # Whatever its type: a lock, database or cache that is away for a moment names one too.
    transient = True

    # The portal's own word.
    def __init__(
        self,
        sentence: str,
        *,
        status: int,
        type: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(sentence, status=status)
        self.type = type
        self.sent = not (status == 500 and type in self.NOT_STARTED)


class BadReply(PortalError):
    """The answer is no JSON, not of the known shape, too large, or a redirect elsewhere.

    A proxy answers so for a moment, and none of it is the portal's own word.
    """

    sent = True
    transient = True
