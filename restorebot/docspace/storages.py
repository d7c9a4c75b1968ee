"""Where DocSpace keeps backups: the storage types, and a place to put a backup in.

Each type takes its own ``storageParams`` (docspace-api §2.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from restorebot.docspace.clouds import MODULES

PREFER_CLOUD = "Prefer own cloud storage (storageType 5)."


@dataclass(frozen=True, kw_only=True)
class StorageFacts:
    """What is known of a storage type beside its number."""

    api_name: str
    """DocSpace's own spelling, which it may send in the number's place."""
    label: str
    """What people read, as "in …"."""
    refusal: str | None = None
    """Why nothing is restored from it, in a sentence; None where it is offered."""
    way_back_warning: str | None = None
    """Why it is a poor place for a safety backup, in sentences (docspace-api §9); None for one to
    rely on, and where it is not offered.
    """


class StorageType(IntEnum):
    """DocSpace's ``storageType``: the numbers by which the portal knows them."""

    DOCUMENTS = 0
    THIRD_PARTY = 1
    CUSTOM_CLOUD = 2
    LOCAL = 3
    DATA_STORE = 4
    CLOUD = 5

    @property
    def facts(self) -> StorageFacts:
        """Return what is known of it."""
        return _FACTS[self]


_FACTS: Mapping[StorageType, StorageFacts] = {
    StorageType.DOCUMENTS: StorageFacts(
        api_name="Documents",
        label="a room of the portal",
        way_back_warning=(
            "Its archive lies in a room of the portal that is replaced, and its entry in the "
            f"history does not survive the restore. {PREFER_CLOUD}"
        ),
    ),
    StorageType.THIRD_PARTY: StorageFacts(
        api_name="ThridpartyDocuments",
        label="a connected third-party account",
        way_back_warning=(
            "Its archive stays with the provider, but the portal finds it under another id after "
            f"the restore. {PREFER_CLOUD}"
        ),
    ),
    StorageType.CUSTOM_CLOUD: StorageFacts(
        api_name="CustomCloud",
        label="a custom cloud",
        refusal=(
            "DocSpace does not implement storage type 2: such a task fails with Unknown storage "
            "type."
        ),
    ),
    StorageType.LOCAL: StorageFacts(
        api_name="Local",
        label="the server's disk",
        way_back_warning=(
            "Its archive is on the disk of the portal's server, where the restored portal finds it "
            "only if its services share that disk; the vendor's cloud takes no such backup. "
            f"{PREFER_CLOUD}"
        ),
    ),
    StorageType.DATA_STORE: StorageFacts(
        api_name="DataStore",
        label="temporary storage",
        way_back_warning=(
            "Its archive is kept for a day and belongs to the portal as it was before the restore, "
            f"so it has to be downloaded before the restore starts. {PREFER_CLOUD}"
        ),
    ),
    StorageType.CLOUD: StorageFacts(api_name="ThirdPartyConsumer", label="own cloud storage"),
}


OFFERED = tuple(storage for storage in StorageType if storage.facts.refusal is None)


def name_of(number: int) -> str:
    """Return what people call a storage type, which may be one that is not known here."""
    try:
        return StorageType(number).facts.label
    except ValueError:
        return f"storage type {number}"


def refusal_of(number: int) -> str | None:
    """Return why nothing is restored from a storage type, in a sentence; None where it may be.

    One that is not known here is the portal's to refuse.
    """
    try:
        return StorageType(number).facts.refusal
    except ValueError:
        return None


@dataclass(frozen=True)
class Storage:
    """A storage type with its parameters, in the order in which they are sent."""

    storage_type: StorageType
    params: tuple[tuple[str, str], ...] = ()


def encode_params(params: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    """Return ``storageParams`` as the portal reads them: key and value, both strings.

    Source: docspace-api §2.2.
    """
    return [{"key": key, "value": value} for key, value in params]


# The sentences about a place for backups; each goes on after the name of what was written.

NO_STORAGE_TYPE = f"needs a storageType: {', '.join(map(str, OFFERED[:-1]))} or {OFFERED[-1]}"
NO_MODULE = f"needs a module, one of {', '.join(MODULES)}"
NO_PARAMETERS = "takes no parameters with this storageType"
_ONE_FOLDER = "needs a folderId and nothing else with this storageType"
NO_ROOM_FOLDER = f"{_ONE_FOLDER}: a number"
NO_DIRECTORY = (
    "needs a filePath and nothing else with this storageType: a directory of the portal's server"
)
NO_PROVIDER_FOLDER = f"{_ONE_FOLDER}: the provider's own id, which is no number"


def given_twice(name: str) -> str:
    """Say that a parameter stands there twice."""
    return f"has {name} twice; keep one of them"


def not_offered(refusal: str) -> str:
    """Say why a storage type is not offered."""
    return f"cannot go there. {refusal.removesuffix('.')}"


def unfit_parameter(name: str, sentence: str) -> str:
    """Say why a cloud's parameter does not fit."""
    return f"{name}: {sentence.removesuffix('.')}"


def parse_backup_storage(given: Sequence[tuple[str, Any]]) -> Storage:
    """Return where a backup is to go, from names and values as somebody wrote them.

    Raise ValueError, whose words go on after the name of what was written, and show no value.
    """
    params = _lowered(given)
    storage_type = _STORAGE_TYPES.get(params.pop("storagetype", ""))
    if storage_type is None:
        raise ValueError(NO_STORAGE_TYPE)
    refusal = storage_type.facts.refusal
    if refusal is not None:
        raise ValueError(not_offered(refusal))
    problem = _problem_of_place(storage_type, params)
    if problem is not None:
        raise ValueError(problem)
    spelled = {_SPELLINGS.get(name, name): value for name, value in params.items()}
    return Storage(storage_type, tuple(spelled.items()))


_SPELLINGS: Mapping[str, str] = {"folderid": "folderId", "filepath": "filePath"}
"""The parameters that DocSpace does not write in small letters."""


_STORAGE_TYPES: Mapping[str, StorageType] = {str(storage): storage for storage in StorageType}


def _lowered(given: Sequence[tuple[str, Any]]) -> dict[str, str]:
    """Return the values as texts by their names in small letters. Raise ValueError for a double."""
    params: dict[str, str] = {}
    for written, value in given:
        name = written.lower()
        if name in params:
            raise ValueError(given_twice(name))
        params[name] = _text(value)
    return params


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip()


def _problem_of_place(storage_type: StorageType, params: Mapping[str, str]) -> str | None:
    match storage_type:
        case StorageType.CLOUD:
            return _problem_of_cloud(params)
        case StorageType.DOCUMENTS if not _is_one_folder(params, numbered=True):
            return NO_ROOM_FOLDER
        case StorageType.THIRD_PARTY if not _is_one_folder(params, numbered=False):
            return NO_PROVIDER_FOLDER
        case StorageType.LOCAL if set(params) != {"filepath"} or not params["filepath"]:
            return NO_DIRECTORY
        case StorageType.DATA_STORE if params:
            return NO_PARAMETERS
    return None


def _problem_of_cloud(params: Mapping[str, str]) -> str | None:
    module = MODULES.get(params.get("module", ""))
    if module is None:
        return NO_MODULE
    given = {name: value for name, value in params.items() if name != "module"}
    problems = module.problems(given).items()
    sentences = [unfit_parameter(name, sentence) for name, sentence in problems]
    return "; ".join(sentences) or None


def _is_one_folder(params: Mapping[str, str], *, numbered: bool) -> bool:
    folder = params.get("folderid", "")
    return len(params) == 1 and bool(folder) and folder.isdigit() == numbered
