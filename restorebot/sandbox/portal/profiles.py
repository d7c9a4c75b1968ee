"""How a portal behaves, by how and in what version it is deployed (docspace-api §11)."""

from collections.abc import Mapping
from dataclasses import dataclass

NEWEST = "3.7.2"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A deployment: its version, and what its parts do to the answers."""

    name: str
    version: str = NEWEST
    standalone: bool = True
    """On the operator's own server. The vendor's cloud has cloud keys for each tenant, counts and
    sells backups, and keeps none on its disks.
    """
    in_process: bool = False
    """Without a message queue: a task runs before its start is answered, and is lost with the
    process.
    """
    proxied: bool = False
    """A proxy answers in pages where the portal does not answer at all."""


_PROFILES = (
    Profile(name="rabbitmq"),
    Profile(name="in-process", in_process=True),
    Profile(name="3.0", version="3.0.4"),
    Profile(name="sawtooth", version="3.6.1"),
    Profile(name="saas", standalone=False),
    Profile(name="behind-a-proxy", proxied=True),
)

DEFAULT = "rabbitmq"
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in _PROFILES}


def profile_named(name: str) -> Profile:
    """Return a profile; a version's number is that version with a message queue.

    Raise ValueError for a name that is neither.
    """
    if name in PROFILES:
        return PROFILES[name]
    if name.replace(".", "").isdigit():
        return Profile(name=name, version=name)
    raise ValueError(f"There is no profile {name}; choose one of {', '.join(PROFILES)}.")
