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
    problem_of_path,
)
from restorebot.docspace.storages import StorageType
from restorebot.model import Source
from restorebot.slack.blocks import Block, checkbox, input_block, option, select, text_input
from restorebot.slack.forms import FieldErrors, input_value, is_ticked, selected_value
from restorebot.slack.phrases import picker as words

KIND, MODULE, FILE, PATH, SUBDIR = "kind", "module", "file", "path", "subdir"
CHOOSE_KIND, CHOOSE_MODULE = "restore_kind", "restore_module"
HISTORY = "history"

KINDS = {HISTORY: words.HISTORY_KIND}
KINDS |= {str(storage): label for storage, label in words.ARCHIVE_KINDS.items()}

MODULE_LABELS = {module.name: module.label for module in MODULES.values()}
DEFAULT_MODULE = next(iter(MODULES))

NO_CHOICE = "none"
"""The value of a choice that is left out; Slack's selects have no empty option."""

TICKED = "true"

CARRIED = 2000
"""Characters of an archive's parameters.

The modal's private_metadata has 3,000 for these and the rest.
"""

NAME_KEPT = 200
FILE_NUMBER_LIMIT = 20
PATH_LIMIT = 400


def kind_select(kind: str) -> Block:
    """Return the first field, which decides the others."""
    kinds = _select(KINDS, kind, CHOOSE_KIND)
    return input_block(KIND, words.KIND_LABEL, kinds, dispatch=True)


def inputs(kind: str, module: str | None) -> list[Block]:
    """Return the fields of a kind that is not the history."""
    storage = StorageType(int(kind))
    if storage is StorageType.CLOUD:
        return _cloud_inputs(MODULES[module or DEFAULT_MODULE])
    if storage is StorageType.DOCUMENTS:
        number = text_input(max_length=FILE_NUMBER_LIMIT)
        return [input_block(FILE, words.FILE_LABEL, number, hint=words.ROOM_FILE_HINT)]
    file_id = text_input(max_length=PATH_LIMIT)
    return [input_block(FILE, words.FILE_LABEL, file_id, hint=words.PROVIDER_FILE_HINT)]


def _cloud_inputs(module: CloudModule) -> list[Block]:
    modules = _select(MODULE_LABELS, module.name, CHOOSE_MODULE)
    path = text_input(max_length=PATH_LIMIT)
    subdir = text_input(max_length=VALUE_LIMIT)
    return [
        input_block(MODULE, words.MODULE_LABEL, modules, dispatch=True),
        input_block(PATH, words.PATH_LABEL, path, hint=words.PATH_HINT),
        *(_key_input(key) for key in module.keys),
        input_block(SUBDIR, words.SUBDIR_LABEL, subdir, optional=True, hint=words.SUBDIR_HINT),
    ]


def _key_input(key: ModuleKey) -> Block:
    match key:
        case FlagKey():
            element = checkbox(key.tick, TICKED)
        case ChoiceKey():
            choices = {NO_CHOICE: words.NO_CHOICE} | {choice: choice for choice in key.choices}
            element = _select(choices, NO_CHOICE)
        case _:
            element = text_input(max_length=VALUE_LIMIT)
    return input_block(block_of(key), key.label, element, optional=not key.required)


def _select(labels: Mapping[str, str], initial: str, action_id: str | None = None) -> Block:
    """Return a select of options, given as labels by their values."""
    options = [option(label, value) for value, label in labels.items()]
    if action_id is None:
        return select(options, initial=initial)
    return select(options, initial=initial, action_id=action_id)


def block_of(key: ModuleKey) -> str:
    """Return the id of the block that holds a cloud's parameter."""
    return f"p_{key.name}"


def selected_kind(view: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the kind and the module that are chosen just now.

    The module is None where the kind has none.
    """
    kind = selected_value(view, KIND, CHOOSE_KIND) or HISTORY
    if kind != str(StorageType.CLOUD):
        return kind, None
    return kind, selected_value(view, MODULE, CHOOSE_MODULE) or DEFAULT_MODULE


def parse_archive(view: Mapping[str, Any], kind: str, module: str | None) -> Source:
    """Return the archive that the fields name, not looked at yet. Raise FieldErrors."""
    storage = StorageType(int(kind))
    if storage is StorageType.CLOUD:
        return _parse_cloud(view, MODULES[module or DEFAULT_MODULE])
    file_id = input_value(view, FILE)
    if storage is StorageType.DOCUMENTS:
        if not (file_id.isascii() and file_id.isdigit()):
            raise FieldErrors({FILE: words.NO_ROOM_FILE})
    elif not file_id or file_id.isdigit():
        raise FieldErrors({FILE: words.NO_PROVIDER_FILE})
    return _archive(storage, file_id, {"filePath": file_id})


def _parse_cloud(view: Mapping[str, Any], module: CloudModule) -> Source:
    given = _given(view, module)
    path, subdir = input_value(view, PATH), input_value(view, SUBDIR)
    params = {"module": module.name, "filePath": path, **given}
    if subdir:
        params["subdir"] = subdir
    problems = module.problems(given)
    errors = {block_of(key): problems[key.name] for key in module.keys if key.name in problems}
    misread = problem_of_path(path, has_own_folder=not subdir)
    if not path or path.endswith("/"):
        errors[PATH] = words.NO_PATH
    elif misread is not None:
        errors[PATH] = misread
    elif len(json.dumps(params)) > CARRIED:
        errors[PATH] = words.TOO_LONG_TOGETHER
    if errors:
        raise FieldErrors(errors)
    return _archive(StorageType.CLOUD, path.rpartition("/")[2][:NAME_KEPT], params)


def _archive(storage: StorageType, file_name: str, params: Mapping[str, str]) -> Source:
    return Source(file_name=file_name, storage_type=storage, params=tuple(params.items()))


def _given(view: Mapping[str, Any], module: CloudModule) -> dict[str, str]:
    """Return the values of a cloud's parameters, less those that were left empty."""
    typed = {key.name: _typed(view, key) for key in module.keys}
    return {name: value for name, value in typed.items() if value is not None}


def _typed(view: Mapping[str, Any], key: ModuleKey) -> str | None:
    """Return a parameter's value as it is sent; None where it was left empty."""
    block_id = block_of(key)
    match key:
        case FlagKey():
            if is_ticked(view, block_id):
                return TICKED
            return None
        case ChoiceKey():
            chosen = selected_value(view, block_id)
            if chosen == NO_CHOICE:
                return None
            return chosen
        case _:
            return input_value(view, block_id) or None
