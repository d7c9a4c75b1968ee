"""The picker's fields for an archive that is not in the history, by its kind; and their reading."""

import json
from collections.abc import Mapping
from typing import Any

from restorebot.docspace.clouds import (
    MODULES,
    VALUE_LIMIT,
    ChoiceKey,
    CloudModule,
    FlagKey,
    ModuleKey,
)
from restorebot.docspace.storages import StorageType
from restorebot.model import Source
from restorebot.slack.mrkdwn import Block
from restorebot.slack.request_modal import FieldErrors, input_value

KIND, MODULE, FILE, PATH, SUBDIR = "kind", "module", "file", "path", "subdir"
CHOOSE_KIND, CHOOSE_MODULE = "restore_kind", "restore_module"
HISTORY = "history"

ARCHIVES: Mapping[StorageType, str] = {
    StorageType.DOCUMENTS: "A file in a room",
    StorageType.THIRD_PARTY: "A file in a connected third-party account",
    StorageType.CLOUD: "An archive in own cloud storage",
}
"""Where an archive can be named: what is offered, except for temporary storage, whose backups are
found in the history alone.
"""

KINDS = {HISTORY: "A backup of the portal's history"}
KINDS |= {str(storage): label for storage, label in ARCHIVES.items()}

MODULE_LABELS = {module.name: module.label for module in MODULES.values()}
DEFAULT_MODULE = next(iter(MODULES))

NO_CHOICE = "none"
"""The value of a choice that is left out; Slack's selects have no empty option."""

CARRIED = 2000
"""Characters of an archive's parameters: the modal's private_metadata has 3,000 for these and the
rest.
"""

NAME_KEPT = 200
FILE_NUMBER_LIMIT = 20
PATH_LIMIT = 400

NOT_OFFERED = (
    "Not offered: an upload (DocSpace restores whatever was uploaded last), a custom cloud "
    "(DocSpace does not implement it), and a whole instance (it would replace every portal of it)."
)

ROOM_FILE_HINT = "The number in the file's address."
PROVIDER_FILE_HINT = "The provider's own id, as the file's address has it."
PATH_HINT = "Its path in the storage, for example acme_2026-03-01.tar.gz."
SUBDIR_HINT = "Empty for DocSpace's own, which is backup."

NO_ROOM_FILE = "A file in a room has a number as its id; it stands in the file's address."
NO_PROVIDER_FILE = (
    "A connected account's file has an id that is no number, such as sbox-4-|backup.tar.gz."
)
NO_PATH = "Type the archive's path in the storage, with the file's name at its end."
TOO_LONG_TOGETHER = (
    "All these values are too long together for Slack to carry them. Shorten the path."
)


def kind_select(kind: str) -> Block:
    """Return the first field, which decides the others."""
    return _dispatching(_select(KIND, "Restore from", KINDS, kind, CHOOSE_KIND))


def inputs(kind: str, module: str | None) -> list[Block]:
    """Return the fields of a kind that is not the history."""
    storage = StorageType(int(kind))
    if storage is StorageType.CLOUD:
        return _cloud_inputs(MODULES[module or DEFAULT_MODULE])
    if storage is StorageType.DOCUMENTS:
        return [_text(FILE, "File id", FILE_NUMBER_LIMIT, hint=ROOM_FILE_HINT, required=True)]
    return [_text(FILE, "File id", PATH_LIMIT, hint=PROVIDER_FILE_HINT, required=True)]


def _cloud_inputs(module: CloudModule) -> list[Block]:
    modules = _select(MODULE, "Storage", MODULE_LABELS, module.name, CHOOSE_MODULE)
    return [
        _dispatching(modules),
        _text(PATH, "Path of the archive", PATH_LIMIT, hint=PATH_HINT, required=True),
        *(_key_input(key) for key in module.keys),
        _text(SUBDIR, "Folder", VALUE_LIMIT, hint=SUBDIR_HINT),
    ]


def _key_input(key: ModuleKey) -> Block:
    block = block_of(key)
    match key:
        case FlagKey():
            return _tick(block, key.label, key.tick)
        case ChoiceKey():
            options = {NO_CHOICE: "None"} | {choice: choice for choice in key.choices}
            return _select(block, key.label, options, NO_CHOICE, "value")
        case _:
            return _text(block, key.label, VALUE_LIMIT, required=key.required)


def block_of(key: ModuleKey) -> str:
    """Return the id of the block that holds a cloud's parameter."""
    return f"p_{key.name}"


def selected_kind(view: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the kind and the module that are chosen just now.

    The module is None where the kind has none.
    """
    values = view["state"]["values"]
    kind = selected_value(values, KIND, CHOOSE_KIND) or HISTORY
    if kind != str(StorageType.CLOUD):
        return kind, None
    return kind, selected_value(values, MODULE, CHOOSE_MODULE) or DEFAULT_MODULE


def parse_archive(view: Mapping[str, Any], kind: str, module: str | None) -> Source:
    """Return the archive that the fields name, not looked at yet. Raise FieldErrors."""
    storage = StorageType(int(kind))
    if storage is StorageType.CLOUD:
        return _parse_cloud(view, MODULES[module or DEFAULT_MODULE])
    file_id = input_value(view, FILE)
    if storage is StorageType.DOCUMENTS:
        if not (file_id.isascii() and file_id.isdigit()):
            raise FieldErrors({FILE: NO_ROOM_FILE})
    elif not file_id or file_id.isdigit():
        raise FieldErrors({FILE: NO_PROVIDER_FILE})
    return _archive(storage, file_id, {"filePath": file_id})


def _parse_cloud(view: Mapping[str, Any], module: CloudModule) -> Source:
    given = _given(view, module)
    path, subdir = input_value(view, PATH), input_value(view, SUBDIR)
    params = {"module": module.name, "filePath": path, **given}
    if subdir:
        params["subdir"] = subdir
    problems = module.problems(given)
    errors = {block_of(key): problems[key.name] for key in module.keys if key.name in problems}
    if not path or path.endswith("/"):
        errors[PATH] = NO_PATH
    elif len(json.dumps(params)) > CARRIED:
        errors[PATH] = TOO_LONG_TOGETHER
    if errors:
        raise FieldErrors(errors)
    return _archive(StorageType.CLOUD, path.rpartition("/")[2][:NAME_KEPT], params)


def _archive(storage: StorageType, file_name: str, params: Mapping[str, str]) -> Source:
    return Source(
        backup_id="",
        file_name=file_name,
        storage_type=storage,
        created_on=None,
        params=tuple(params.items()),
    )


def _given(view: Mapping[str, Any], module: CloudModule) -> dict[str, str]:
    """Return the values of a cloud's parameters, less those that were left empty."""
    typed = {key.name: _typed(view, key) for key in module.keys}
    return {name: value for name, value in typed.items() if value is not None}


def _typed(view: Mapping[str, Any], key: ModuleKey) -> str | None:
    """Return a parameter's value as it is sent; None where it was left empty."""
    values, block = view["state"]["values"], block_of(key)
    match key:
        case FlagKey():
            if values[block]["value"].get("selected_options"):
                return "true"
            return None
        case ChoiceKey():
            chosen = selected_value(values, block, "value")
            if chosen == NO_CHOICE:
                return None
            return chosen
        case _:
            return input_value(view, block) or None


def selected_value(values: Mapping[str, Any], block: str, action: str) -> str | None:
    """Return the value that is chosen in a select; None where none is, or there is no such one."""
    element = (values.get(block) or {}).get(action) or {}
    option = element.get("selected_option") or {}
    return option.get("value") or None


def _text(
    block: str, label: str, limit: int, *, hint: str | None = None, required: bool = False
) -> Block:
    element = {"type": "plain_text_input", "action_id": "value", "max_length": limit}
    made = input_block(block, label, element) | {"optional": not required}
    if hint is not None:
        made["hint"] = text_object(hint)
    return made


def _tick(block: str, label: str, option: str) -> Block:
    options = [{"text": text_object(option), "value": "true"}]
    element = {"type": "checkboxes", "action_id": "value", "options": options}
    return input_block(block, label, element)


def _select(block: str, label: str, options: Mapping[str, str], initial: str, action: str) -> Block:
    """Return a select of the options, which are labels by their values."""
    shown = {value: {"text": text_object(text), "value": value} for value, text in options.items()}
    element = {
        "type": "static_select",
        "action_id": action,
        "options": list(shown.values()),
        "initial_option": shown[initial],
    }
    return input_block(block, label, element)


def _dispatching(select: Block) -> Block:
    """Return a select that tells at once what is chosen, for other fields depend on it."""
    return select | {"dispatch_action": True, "optional": False}


def input_block(block: str, label: str, element: Block) -> Block:
    """Return a field that may be left empty."""
    return {
        "type": "input",
        "block_id": block,
        "optional": True,
        "label": text_object(label),
        "element": element,
    }


def text_object(text: str) -> Block:
    """Return a text that Slack shows as it is."""
    return {"type": "plain_text", "text": text}
