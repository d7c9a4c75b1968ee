"""Where DocSpace keeps backups: the storage types, and the ``storageParams`` that each takes
(docspace-api §2.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

DOCUMENTS, THIRD_PARTY, CUSTOM_CLOUD, LOCAL, DATA_STORE, CLOUD = range(6)

REFUSED: Mapping[int, str] = {
    CUSTOM_CLOUD: (
        "DocSpace does not implement storage type 2: such a task fails with Unknown storage type."
    ),
    LOCAL: (
        "With storage type 3 DocSpace ignores the path and restores whatever archive was uploaded "
        "last."
    ),
}
"""Why some types are not offered."""

MODULES: Mapping[str, Mapping[str, bool]] = {
    "s3": {
        "bucket": True,
        "region": False,
        "serviceurl": False,
        "forcepathstyle": False,
        "usehttp": False,
        "sse": False,
        "ssekey": False,
    },
    "googlecloud": {"bucket": True},
    "rackspace": {"public_container": True, "private_container": True, "region": True},
    "selectel": {"public_container": True, "private_container": True},
}
"""The own clouds: each module's keys, and whether it cannot do without."""

SSE = ("aes256", "awskms", "clientawskms")
WITH_KEY = {"awskms", "clientawskms"}
FLAGS = {"forcepathstyle", "usehttp"}

LONGEST = 200
"""Characters of a parameter's value."""


@dataclass(frozen=True)
class Storage:
    """A storage type with its parameters, in the order in which they are sent."""

    storage_type: int
    params: tuple[tuple[str, str], ...] = ()


def encode_params(params: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    """``storageParams`` as the portal reads them: a list of key and value, both strings
    (docspace-api §2.2).
    """
    return [{"key": key, "value": value} for key, value in params]


def parse_backup_storage(given: Sequence[tuple[str, Any]]) -> Storage:
    """Where a backup is to go, from names and values as somebody wrote them.

    Raises ValueError, whose words go on after the name of what was written, and show no value.
    """
    names = [name.lower() for name, _ in given]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise ValueError(f"has {twice} twice; keep one of them")
    params = {name: _text(value) for name, (_, value) in zip(names, given, strict=True)}
    storage_type = params.pop("storagetype", "")
    if storage_type in {str(number) for number in REFUSED}:
        raise ValueError(f"cannot go there. {REFUSED[int(storage_type)].removesuffix('.')}")
    if wrong := _wrong_for_backup(storage_type, params):
        raise ValueError(wrong)
    if "folderid" in params:
        params = {"folderId": params["folderid"]}
    return Storage(int(storage_type), tuple(params.items()))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _wrong_for_backup(storage_type: str, params: Mapping[str, str]) -> str:
    if storage_type == str(CLOUD):
        module = params.get("module", "")
        if module not in MODULES:
            return f"needs a module, one of {', '.join(MODULES)}"
        problems = problems_of_module(
            module, {name: value for name, value in params.items() if name != "module"}
        )
        return "; ".join(
            f"{name}: {sentence.removesuffix('.')}" for name, sentence in problems.items()
        )
    if storage_type in {str(DOCUMENTS), str(THIRD_PARTY)}:
        folder, numbered = params.get("folderid", ""), storage_type == str(DOCUMENTS)
        fits = len(params) == 1 and bool(folder) and folder.isdigit() == numbered
        kind = "a number" if numbered else "the provider's own id, which is no number"
        return "" if fits else f"needs a folderId and nothing else with this storageType: {kind}"
    if storage_type == str(DATA_STORE):
        return "takes no parameters with this storageType" if params else ""
    return "needs a storageType: 0, 1, 4 or 5"


def problems_of_module(module: str, given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the parameters of an own cloud: a sentence by parameter."""
    keys = MODULES[module]
    problems = {
        key: f"{module} has no such parameter; there are {', '.join(keys)}."
        for key in given
        if key not in keys
    }
    problems |= {
        key: f"{module} needs it." for key, needed in keys.items() if needed and not given.get(key)
    }
    problems |= {
        key: f"It is longer than {LONGEST} characters."
        for key, value in given.items()
        if len(value) > LONGEST
    }
    if module == "s3":
        problems |= _problems_of_s3(given)
    return problems


def _wrong_address(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        return "This is not an address. Write it as https://s3.example.com."
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return "It has to begin with https://."
    # The card would show them to the whole channel.
    return (
        "Leave the name and password out: the portal has its own keys."
        if "@" in parts.netloc
        else ""
    )


def _problems_of_s3(given: Mapping[str, str]) -> dict[str, str]:
    problems = {
        key: "Write true or false."
        for key in FLAGS
        if given.get(key, "true") not in {"true", "false"}
    }
    if not given.get("region") and not given.get("serviceurl"):
        problems["region"] = (
            "Give the bucket's region, or the service URL of a storage that is not Amazon's."
        )
    if given.get("serviceurl") and (wrong := _wrong_address(given["serviceurl"])):
        problems["serviceurl"] = wrong
    sse = given.get("sse", "")
    if sse and sse not in SSE:
        problems["sse"] = f"Choose one of {', '.join(SSE)}."
    if sse in WITH_KEY and not given.get("ssekey"):
        problems["ssekey"] = f"{sse} needs the id of its key."
    if given.get("ssekey") and sse not in WITH_KEY:
        problems["ssekey"] = f"It goes with {' or '.join(sorted(WITH_KEY))} only."
    return problems
