"""The picker's fields for an archive that is not in the history, by its kind; and how they are
read.
"""

import json
from collections.abc import Mapping
from typing import Any

from restorebot.docspace.storages import (
    CLOUD,
    DOCUMENTS,
    FLAGS,
    MODULES,
    SSE,
    THIRD_PARTY,
    problems_of_module,
)
from restorebot.model import Source
from restorebot.slack.blocks import Block
from restorebot.slack.forms import FieldErrors, input_value

KIND, MODULE, FILE, PATH, SUBDIR = "kind", "module", "file", "path", "subdir"
CHOOSE_KIND, CHOOSE_MODULE = "restore_kind", "restore_module"
HISTORY = "history"

KINDS = {
    HISTORY: "A backup of the portal's history",
    str(DOCUMENTS): "A file in a room",
    str(THIRD_PARTY): "A file in a connected third-party account",
    str(CLOUD): "An archive in own cloud storage",
}

MODULE_NAMES = {
    "s3": "Amazon S3 or compatible",
    "googlecloud": "Google Cloud",
    "rackspace": "Rackspace",
}
MODULE_NAMES |= {"selectel": "Selectel"}

LABELS = {
    "bucket": "Bucket",
    "region": "Region",
    "serviceurl": "Service URL",
    "forcepathstyle": "Path style",
    "usehttp": "HTTP",
    "sse": "Server-side encryption",
    "ssekey": "Encryption key id",
    "public_container": "Public container",
    "private_container": "Private container",
}
TICKS = {"forcepathstyle": "Force path style", "usehttp": "Use HTTP instead of HTTPS"}

CARRIED = 2000
"""Characters of an archive's parameters: the modal's private_metadata has 3,000 for these and the
rest.
"""

NAME_KEPT = 200
PATH_LIMIT = 400
VALUE_LIMIT = 200

NOT_OFFERED = (
    "Not offered: an upload (DocSpace restores whatever was uploaded last), a custom cloud "
    "(DocSpace does not "
    "implement it), and a whole instance (it would replace every portal of it)."
)


def kind_select(kind: str) -> Block:
    """The first field, which decides the others."""
    return _select(KIND, "Restore from", KINDS, kind, CHOOSE_KIND, dispatch=True)


def inputs(kind: str, module: str) -> list[Block]:
    """The fields of a kind that is not the history."""
    if kind == str(DOCUMENTS):
        return [_text(FILE, "File id", "The number in the file's address.", 20, needed=True)]
    if kind == str(THIRD_PARTY):
        return [
            _text(
                FILE,
                "File id",
                "The provider's own id, as the file's address has it.",
                PATH_LIMIT,
                needed=True,
            )
        ]
    blocks = [
        _select(MODULE, "Storage", MODULE_NAMES, module, CHOOSE_MODULE, dispatch=True),
        _text(
            PATH,
            "Path of the archive",
            "Its path in the storage, for example acme_2026-03-01.tar.gz.",
            PATH_LIMIT,
            needed=True,
        ),
    ]
    for key, needed in MODULES[module].items():
        if key in FLAGS:
            blocks.append(_tick(f"p_{key}", LABELS[key], TICKS[key]))
        elif key == "sse":
            none = {"none": "None"} | {name: name for name in SSE}
            blocks.append(_select(f"p_{key}", LABELS[key], none, "none", "value"))
        else:
            blocks.append(_text(f"p_{key}", LABELS[key], "", VALUE_LIMIT, needed=needed))
    return [
        *blocks,
        _text(SUBDIR, "Folder", "Empty for DocSpace's own, which is backup.", VALUE_LIMIT),
    ]


def selected_kind(view: Mapping[str, Any]) -> tuple[str, str]:
    """The kind and the module that are chosen just now; the module is empty where the kind has
    none.
    """
    values = view["state"]["values"]
    kind = _option(values, KIND, CHOOSE_KIND) or HISTORY
    return kind, (_option(values, MODULE, CHOOSE_MODULE) or "s3") if kind == str(CLOUD) else ""


def parse_archive(view: Mapping[str, Any], kind: str, module: str) -> Source:
    """The archive that the fields name, not looked at yet. Raises FieldErrors."""
    if kind in {str(DOCUMENTS), str(THIRD_PARTY)}:
        return _file(input_value(view, FILE), kind)
    given = {key: value for key in MODULES[module] if (value := _value(view, f"p_{key}"))}
    errors = {f"p_{key}": sentence for key, sentence in problems_of_module(module, given).items()}
    path, subdir = input_value(view, PATH), input_value(view, SUBDIR)
    params = {"module": module, "filePath": path, **given, **({"subdir": subdir} if subdir else {})}
    if not path or path.endswith("/"):
        errors[PATH] = "Type the archive's path in the storage, with the file's name at its end."
    elif len(json.dumps(params)) > CARRIED:
        errors[PATH] = (
            "All these values are too long together for Slack to carry them. Shorten the path."
        )
    if errors:
        raise FieldErrors(errors)
    name = path.rpartition("/")[2][:NAME_KEPT]
    return Source(file_name=name, storage_type=CLOUD, params=tuple(params.items()))


def _file(file_id: str, kind: str) -> Source:
    if kind == str(DOCUMENTS) and not (file_id.isascii() and file_id.isdigit()):
        raise FieldErrors(
            {FILE: "A file in a room has a number as its id; it stands in the file's address."}
        )
    if kind == str(THIRD_PARTY) and (not file_id or file_id.isdigit()):
        raise FieldErrors(
            {
                FILE: (
                    "A connected account's file has an id that is no number, such as "
                    "sbox-4-|backup.tar.gz."
                )
            }
        )
    return Source(file_name=file_id, storage_type=int(kind), params=(("filePath", file_id),))


def _value(view: Mapping[str, Any], block: str) -> str:
    entry = view["state"]["values"][block]["value"]
    if entry["type"] == "checkboxes":
        return "true" if entry.get("selected_options") else ""
    if entry["type"] == "static_select":
        value = str((entry.get("selected_option") or {}).get("value") or "")
        return "" if value == "none" else value
    return input_value(view, block)


def _option(values: Mapping[str, Any], block: str, action: str) -> str:
    return str(
        ((values.get(block) or {}).get(action, {}).get("selected_option") or {}).get("value") or ""
    )


def _text(block: str, label: str, hint: str, longest: int, *, needed: bool = False) -> Block:
    element = {"type": "plain_text_input", "action_id": "value", "max_length": longest}
    made = _input(block, label, element) | {"optional": not needed}
    return made | ({"hint": _plain(hint)} if hint else {})


def _select(
    block: str,
    label: str,
    options: Mapping[str, str],
    initial: str,
    action: str,
    *,
    dispatch: bool = False,
) -> Block:
    shown = [{"text": _plain(text), "value": value} for value, text in options.items()]
    first = next(option for option in shown if option["value"] == initial)
    element = {
        "type": "static_select",
        "action_id": action,
        "options": shown,
        "initial_option": first,
    }
    return _input(block, label, element) | (
        {"dispatch_action": True, "optional": False} if dispatch else {}
    )


def _tick(block: str, label: str, option: str) -> Block:
    element = {
        "type": "checkboxes",
        "action_id": "value",
        "options": [{"text": _plain(option), "value": "true"}],
    }
    return _input(block, label, element)


def _input(block: str, label: str, element: Block) -> Block:
    return {
        "type": "input",
        "block_id": block,
        "optional": True,
        "label": _plain(label),
        "element": element,
    }


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
