"""The clouds that a portal can be connected to: one declaration for each, with all its keys.

The settings' validation, the modal's fields and the README's list follow these declarations
(docspace-api §2.1).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

VALUE_LIMIT = 200
"""Characters of a parameter's value."""

FLAG_VALUES = ("true", "false")

OWN_FOLDER = "backup/"
"""Where DocSpace keeps its backups in a bucket, and adds by itself to each path."""

NOT_A_FLAG = "Write true or false."
NOT_AN_ADDRESS = "This is not an address. Write it as https://s3.example.com."
ADDRESS_WITHOUT_SCHEME = "It has to begin with https://."
ADDRESS_WITH_CREDENTIALS = "Leave the name and password out: the portal has its own keys."
NOT_A_REGION = "This is no region's name. Write it as the cloud does, for example eu-west-1."
PATH_WITH_BUCKET = "Leave the bucket's address out: write the path inside the bucket."
PATH_WITH_SLASH = "Leave the slash at its beginning out."
PATH_WITH_FOLDER = (
    f"Leave {OWN_FOLDER} out, for DocSpace looks in that folder by itself; or name another folder."
)
TOO_LONG = f"It is longer than {VALUE_LIMIT} characters."
REGION_NEEDED = "Give the bucket's region, or the service URL of a storage that is not Amazon's."


def parameter_needed(module: str) -> str:
    """Say that a cloud needs a parameter."""
    return f"{module} needs it."


def parameter_unknown(module: str, known: str) -> str:
    """Say that a cloud has no such parameter."""
    return f"{module} has no such parameter; there are {known}."


def not_a_choice(choices: tuple[str, ...]) -> str:
    """Say that a value is none of the choices."""
    return f"Choose one of {', '.join(choices)}."


def encryption_key_needed(encryption: str) -> str:
    """Say that an encryption lacks the id of its key."""
    return f"{encryption} needs the id of its key."


def encryption_key_unused(encryptions: tuple[str, ...]) -> str:
    """Say that a key's id needs an encryption that takes one."""
    return f"It goes with {' or '.join(encryptions)} only."


@dataclass(frozen=True, kw_only=True)
class ModuleKey:
    """A parameter of a cloud, as a text: the portal's name for it, and the one that people read."""

    name: str
    label: str
    required: bool = False

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a value, in a sentence; None where nothing is."""
        if len(value) > VALUE_LIMIT:
            return TOO_LONG
        return None


@dataclass(frozen=True, kw_only=True)
class AddressKey(ModuleKey):
    """A parameter that is a web address, without a name and password."""

    def problem(self, value: str) -> str | None:
        """Return what is wrong with an address, in a sentence; None where nothing is."""
        if not value:
            return None
        try:
            parts = urlsplit(value)
        except ValueError:
            return NOT_AN_ADDRESS
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            return ADDRESS_WITHOUT_SCHEME
        # The card would show them to the whole channel.
        if "@" in parts.netloc:
            return ADDRESS_WITH_CREDENTIALS
        return super().problem(value)


@dataclass(frozen=True, kw_only=True)
class RegionKey(ModuleKey):
    """A parameter that is a region's name, as clouds write them."""

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a region, in a sentence; None where nothing is."""
        if value and not re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", value):
            return NOT_A_REGION
        return super().problem(value)


@dataclass(frozen=True, kw_only=True)
class FlagKey(ModuleKey):
    """A parameter that is true or false; ``tick`` is the text beside its box."""

    tick: str

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a flag's value; None where nothing is."""
        if value not in FLAG_VALUES:
            return NOT_A_FLAG
        return None


@dataclass(frozen=True, kw_only=True)
class ChoiceKey(ModuleKey):
    """A parameter that is one of a few words, or left out."""

    choices: tuple[str, ...]

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a choice; None where nothing is."""
        if value and value not in self.choices:
            return not_a_choice(self.choices)
        return None


def _no_rules(_: Mapping[str, str]) -> dict[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class CloudModule:
    """A cloud: the portal's name for its module, what people call it, and its keys in order.

    ``rules`` find what is wrong between several keys: a sentence by the key it belongs to.
    """

    name: str
    label: str
    keys: tuple[ModuleKey, ...]
    rules: Callable[[Mapping[str, str]], dict[str, str]] = _no_rules

    def problems(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return what is wrong with these parameters: a sentence by the parameter's name."""
        names = [key.name for key in self.keys]
        unknown = parameter_unknown(self.name, ", ".join(names))
        problems = {name: unknown for name in given if name not in names}
        for key in self.keys:
            problem = self._problem(key, given.get(key.name))
            if problem is not None:
                problems[key.name] = problem
        return problems | self.rules(given)

    def _problem(self, key: ModuleKey, value: str | None) -> str | None:
        if key.required and not value:
            return parameter_needed(self.name)
        if value is None:
            return None
        return key.problem(value)


ENCRYPTIONS_WITH_KEY = ("awskms", "clientawskms")


def _s3_rules(given: Mapping[str, str]) -> dict[str, str]:
    problems = {}
    if not given.get("region") and not given.get("serviceurl"):
        problems["region"] = REGION_NEEDED
    encryption = given.get("sse", "")
    takes_key = encryption in ENCRYPTIONS_WITH_KEY
    if takes_key and not given.get("ssekey"):
        problems["ssekey"] = encryption_key_needed(encryption)
    if given.get("ssekey") and not takes_key:
        problems["ssekey"] = encryption_key_unused(ENCRYPTIONS_WITH_KEY)
    return problems


_BUCKET = ModuleKey(name="bucket", label="Bucket", required=True)
_PUBLIC_CONTAINER = ModuleKey(name="public_container", label="Public container", required=True)
_PRIVATE_CONTAINER = ModuleKey(name="private_container", label="Private container", required=True)

_MODULES = (
    CloudModule(
        name="s3",
        label="Amazon S3 or compatible",
        keys=(
            _BUCKET,
            RegionKey(name="region", label="Region"),
            AddressKey(name="serviceurl", label="Service URL"),
            FlagKey(name="forcepathstyle", label="Path style", tick="Force path style"),
            FlagKey(name="usehttp", label="HTTP", tick="Use HTTP instead of HTTPS"),
            ChoiceKey(
                name="sse",
                label="Server-side encryption",
                choices=("aes256", *ENCRYPTIONS_WITH_KEY),
            ),
            ModuleKey(name="ssekey", label="Encryption key id"),
        ),
        rules=_s3_rules,
    ),
    CloudModule(name="googlecloud", label="Google Cloud", keys=(_BUCKET,)),
    CloudModule(
        name="rackspace",
        label="Rackspace",
        keys=(
            _PUBLIC_CONTAINER,
            _PRIVATE_CONTAINER,
            RegionKey(name="region", label="Region", required=True),
        ),
    ),
)

MODULES: Mapping[str, CloudModule] = {module.name: module for module in _MODULES}
"""Every cloud that is offered, by its module's name; the first is shown where none is chosen."""


def problem_of_path(path: str, *, has_own_folder: bool) -> str | None:
    """Return what is wrong with an archive's path in its bucket; None where nothing is.

    A console shows more than DocSpace takes. ``has_own_folder`` is whether DocSpace adds its own.
    """
    if "://" in path:
        return PATH_WITH_BUCKET
    if path.startswith("/"):
        return PATH_WITH_SLASH
    if has_own_folder and path.startswith(OWN_FOLDER):
        return PATH_WITH_FOLDER
    return None
