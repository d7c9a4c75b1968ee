"""How a setting is declared, and how its declaration is read.

``setting`` stands behind the field's type in ``fields``. Whatever else speaks of the setting, an
error's example or the README's row, asks ``declared`` for it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

REQUIRED: Any = ...

PREFIX = "RESTOREBOT_"


class _Facts(TypedDict):
    """What a declaration says that pydantic's fields have no place for."""

    example: Any
    unset: str | None
    source: str | None
    purpose: str | None


def setting(
    default: Any = REQUIRED,
    *,
    meaning: str,
    example: Any = None,
    unset: str | None = None,
    variable: str | None = None,
    source: str | None = None,
    purpose: str | None = None,
) -> Any:
    """Declare a setting: its default, and what people are told of it; return the field.

    Default and example are as people write them in TOML: a duration is ``"30 min"``. Without an
    example, the default is one. ``meaning`` is the README's, and ``unset`` stands in its column of
    defaults where the default itself says nothing to a reader.

    ``variable`` names it in the environment, unless that is the field's name behind RESTOREBOT_.
    In errors, ``source`` tells where the value is copied from, and ``purpose`` what it is for.
    """
    if example is None:
        example = default
    facts = _Facts(example=example, unset=unset, source=source, purpose=purpose)
    return Field(
        default,
        alias=variable,
        description=meaning,
        json_schema_extra=cast("dict[str, Any]", facts),
    )


def variable_of(field: str) -> str:
    """Name the variable of a field whose declaration names none."""
    return PREFIX + field.upper()


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting as it was declared."""

    key: str
    """Its name in a portal's table, and in code."""
    variable: str
    """Its name everywhere else."""
    meaning: str
    required: bool
    default: Any
    example: Any
    unset: str | None
    source: str | None
    purpose: str | None

    def as_variable(self) -> str:
        """Write the example as for the environment."""
        written = f"{self.variable}={as_text(self.example)}"
        if self.source:
            written += f", {self.source}"
        return written

    def as_key(self) -> str:
        """Write the example as for a portal's table."""
        return f"{self.key} = {_toml(self.example)}"


def declared(model: type[BaseModel]) -> Mapping[str, Setting]:
    """Read a model's settings; return them by field, in the order of their declarations."""
    found = {}
    for name, field in model.model_fields.items():
        if field.json_schema_extra is not None:
            found[name] = _setting(name, field)
    return found


def _setting(name: str, field: FieldInfo) -> Setting:
    facts = cast("_Facts", field.json_schema_extra)
    return Setting(
        key=name,
        variable=field.alias or variable_of(name),
        meaning=field.description or "",
        required=field.is_required(),
        default=field.default,
        **facts,
    )


def as_text(value: Any) -> str:
    """Write a value as for the environment: without quotes, or as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join(value)
    return json.dumps(value)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{name} = {_toml(one)}" for name, one in value.items())
        return f"{{ {pairs} }}"
    return json.dumps(value, ensure_ascii=False)
