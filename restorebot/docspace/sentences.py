"""The sentences of the client, for calls that go wrong.

A sentence says what happened and, where somebody can mend it, how. Where the portal's address and
key are set is not known here: whoever gives them to the client brings the words for that.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SetupHints:
    """How to mend a portal's address and key, in the words of whoever has set them.

    ``address`` is what the address is called there; the others are sentences.
    """

    address: str = "the address"
    store_key: str = "Store one."
    replace_key: str = "Put it where the old one is."


NO_HINTS = SetupHints()

HAS_UNFIT_CHARACTERS = "has characters that no DocSpace key has"
"""Of a key, to go on after its name."""

KEY_UNFIT = f"the key {HAS_UNFIT_CHARACTERS}"


@dataclass(frozen=True)
class Sentences:
    """The sentences about one portal, which is called by its host."""

    host: str
    hints: SetupHints = NO_HINTS

    # The key

    def key_missing(self) -> str:
        """Say that there is no key to send."""
        return f"There is no API key for {self.host}. {self.hints.store_key}"

    def key_rejected(self) -> str:
        """Say that the key is not accepted (401)."""
        return (
            f"{self.host} does not accept the API key (401). After a restore every key is dead: "
            f"make a new one in DocSpace, Developer Tools. {self.hints.replace_key}"
        )

    def key_refused_where_anybody_may_ask(self) -> str:
        """Say that the key is dead or too narrow (403 of a route that is open to anybody)."""
        return (
            f"{self.host} does not accept the API key (403): it is dead, or lacks permissions. "
            f"Make one with all permissions in DocSpace, Developer Tools. {self.hints.replace_key}"
        )

    def key_lacks_scope(self) -> str:
        """Say that the key may not make this call (403 without a body)."""
        return (
            f"{self.host} denies the key this call (403): make a key with all permissions. "
            f"{self.hints.replace_key}"
        )

    def access_denied(self) -> str:
        """Say that the key's owner is no administrator (403 with an error)."""
        return (
            f"{self.host} denies access (403): the key's owner has to be the owner or an "
            "administrator of the portal."
        )

    def room_closed(self) -> str:
        """Say that the archive's room is closed to the key's owner (403 at the start)."""
        return (
            f"{self.host} denies access (403): the key's owner needs the right to create files in "
            "the archive's room, and has to be the owner or an administrator of the portal."
        )

    # The address

    def not_a_portal(self, status: int = 404) -> str:
        """Say that no portal answers at the address: 404 to anybody, 500 to a key."""
        return (
            f"{self.host} is not the address of a portal ({status}); check "
            f"{self.hints.address} and the custom domain."
        )

    def redirects(self, target: str | None) -> str:
        """Say that the address redirects; ``target`` is None where it does not say where to."""
        elsewhere = target or "another address"
        return (
            f"{self.host} redirects to {elsewhere}; set {self.hints.address} to the portal's own "
            "address."
        )

    def not_json(self) -> str:
        """Say that a success is not JSON."""
        return f"{self.host} did not answer in JSON; is {self.hints.address} a DocSpace portal?"

    def unknown_shape(self) -> str:
        """Say that the JSON is no object."""
        return (
            f"{self.host} answered in an unknown shape; is {self.hints.address} a DocSpace portal?"
        )

    def unknown_name(self) -> str:
        """Say that DNS does not have the host."""
        return f"The name {self.host} is not known to DNS; check {self.hints.address}."

    def silent_dns(self) -> str:
        """Say that DNS does not answer."""
        return (
            f"DNS does not answer for {self.host} just now. Try again in a minute; if it stays so, "
            "look at the name server of the machine that asks."
        )

    # The connection

    def refuses_connection(self) -> str:
        """Say that the connection is refused."""
        return f"{self.host} refuses the connection. Is the portal up?"

    def unreachable_in_time(self) -> str:
        """Say that no connection was made in time."""
        return f"{self.host} could not be reached in time. Is it up?"

    def untrusted_certificate(self, why: str) -> str:
        """Say that the certificate is not trusted, and why."""
        return f"{self.host} has a certificate that is not trusted ({why})."

    def no_tls(self) -> str:
        """Say that the host does not speak TLS."""
        return f"{self.host} does not speak TLS as expected."

    def no_answer_within(self, seconds: float) -> str:
        """Say that the answer did not come in time."""
        return f"{self.host} did not answer within {seconds:g} seconds."

    def broke_connection(self) -> str:
        """Say that the connection ended before the answer."""
        return f"{self.host} broke the connection before it had answered."

    # The answer

    def malformed(self, said: str | None) -> str:
        """Say that the request is malformed (400); ``said`` is the portal's own sentence."""
        return f"{self.host} finds the request malformed (400){_quoted(said)}."

    def asks_for_payment(self, said: str | None) -> str:
        """Say that the portal wants payment (402); ``said`` is the portal's own sentence."""
        return (
            f"{self.host} asks for payment (402){_quoted(said)}: the plan has no restore, a quota "
            "is used up, or it is unpaid."
        )

    def locked(self) -> str:
        """Say that the portal is locked (403 as problem+json)."""
        return (
            f"{self.host} is locked (403): it is being restored, moved or encrypted. Wait until it "
            "is active again."
        )

    def ip_address_refused(self) -> str:
        """Say that the bot's IP address is not admitted (403 in bare text)."""
        return (
            f"{self.host} does not admit restorebot's IP address (403): allow it in the portal's "
            "security settings."
        )

    def not_found(self, said: str | None) -> str:
        """Say that there is no such thing (404 with an error); ``said`` is the portal's own."""
        return f"{self.host} does not have what was asked for (404){_quoted(said)}."

    def rate_limited(self, seconds: float) -> str:
        """Say that the portal is asked too often (429), and when it answers again."""
        return f"{self.host} is asked too often (429); it answers again in {seconds:g} seconds."

    def failed_inside(self, status: int, said: str | None) -> str:
        """Say that the portal failed inside (5xx with an error); ``said`` is its own sentence."""
        return f"{self.host} failed inside ({status}){_quoted(said)}."

    def service_away(self, status: int) -> str:
        """Say that a service behind the portal does not answer (5xx without an error)."""
        return (
            f"{self.host} has a fault ({status}): its backup service does not answer. Try again in "
            "a few minutes."
        )

    def unknown_status(self, status: int) -> str:
        """Say that DocSpace has no such status."""
        return f"{self.host} answered with status {status}, which no DocSpace portal does."

    def too_large(self, mebibytes: int) -> str:
        """Say that the reply is too large."""
        return (
            f"{self.host} sent more than {mebibytes} MiB; that is no answer of a DocSpace portal."
        )

    def history_unfit(self) -> str:
        """Say that the history is no list."""
        return f"{self.host} sent a backup history that is no list."


def _quoted(said: str | None) -> str:
    if said is None:
        return ""
    return f" ({said})"
