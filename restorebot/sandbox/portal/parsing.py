"""Requests as the portal reads them: names in any case, enums in any spelling (docspace-api §2)."""

import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request

from restorebot.sandbox.portal.responses import error, invalid

STORAGE = {
    "documents": 0,
    "thridpartydocuments": 1,
    "customcloud": 2,
    "local": 3,
    "datastore": 4,
    "thirdpartyconsumer": 5,
}


def json_body(request: Request, raw: bytes) -> dict[str, Any]:
    """Return the JSON object with its names in lower case. Raises Refusal."""
    if request.method != "POST" or not raw:
        return {}
    try:
        parsed = json.loads(raw)
    except ValueError:
        raise invalid(request, "$", "The JSON value could not be converted.") from None
    if not isinstance(parsed, dict):
        raise invalid(request, "$", "The JSON value could not be converted.")
    return {str(name).lower(): value for name, value in parsed.items()}


def storage_type_of(request: Request, body: Mapping[str, Any]) -> int:
    """Read storageType (docspace-api §2.1).

    It is a number, of which any is taken, a numeric string or a name in any case; nothing is 0.
    """
    value = body.get("storagetype")
    if value is None:
        return 0
    text = str(value).strip().lower()
    if text.isdigit():
        return int(text)
    if text not in STORAGE:
        raise invalid(request, "storageType", "The value is not valid.")
    return STORAGE[text]


def params_of(body: Mapping[str, Any]) -> dict[str, str]:
    """Read storageParams as the server does (docspace-api §2.2)."""
    found: dict[str, str] = {}
    for item in body.get("storageparams") or []:
        if not isinstance(item, dict) or item.get("key") is None or item.get("value") is None:
            raise error(500, "Value cannot be null.", "System.NullReferenceException")
        if item["key"] in found:
            raise error(
                400,
                f"An item with the same key has already been added. Key: {item['key']}",
                "System.ArgumentException",
            )
        found[str(item["key"])] = str(item["value"])
    return found


def flag(request: Request, name: str) -> bool | None:
    """Read an optional boolean of the query, whose names are in any case."""
    values = {key.lower(): value for key, value in parse_qs(request.url.query).items()}.get(name)
    if values is None:
        return None
    if values[0].lower() not in {"true", "false"}:
        raise invalid(request, name, f"The value '{values[0]}' is not valid.")
    return values[0].lower() == "true"


def is_guid(text: str) -> bool:
    """Say whether a text is a GUID."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
