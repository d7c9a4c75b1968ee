"""A line for each problem: the setting's name, what is wrong with it, and an example."""

import difflib
from collections.abc import Collection

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from restorebot.settings import problems
from restorebot.settings.model import KEYS, SETTINGS, VARIABLES
from restorebot.settings.problems import SettingsConflict
from restorebot.settings.sources import TABLES

ANY_TABLE = "[portals.acme]"


def lines_of(error: ValidationError) -> list[str]:
    """Write a line for each problem that pydantic found; none shows a value."""
    return [_line(one) for one in error.errors(include_input=False)]


def line_of_variable(variable: str, sentence: str) -> str:
    """Write what is wrong with a setting for all portals."""
    setting = VARIABLES[variable]
    if setting.purpose:
        sentence = f"{sentence}, and {setting.purpose}"
    return f"{variable}: {sentence}; for example {setting.as_variable()}"


def line_of_key(portal: str, key: str, sentence: str) -> str:
    """Write what is wrong with a key of a portal's table."""
    return f"[portals.{portal}] {key}: {sentence}; for example {KEYS[key].as_key()}"


def line_of_unknown(name: str, known: Collection[str]) -> str:
    """Write that a variable is none of the known ones, and which one was probably meant."""
    hint = _hint(name.upper(), known, otherwise=problems.SEE_README)
    return f"{name}: {problems.NO_SETTING}; {hint}"


def _hint(name: str, known: Collection[str], otherwise: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return problems.did_you_mean(near[0])
    return otherwise


def _line(found: ErrorDetails) -> str:
    conflict = found.get("ctx", {}).get("error")
    if isinstance(conflict, SettingsConflict):
        return _line_of_conflict(conflict)
    sentence = found["msg"].removeprefix("Value error, ")
    if found["type"] == "missing":
        sentence = problems.MISSING
    first, *place = map(str, found["loc"])
    if first == TABLES:
        return _line_of_table(place, sentence)
    # Pydantic says the field where nothing was given, and else the variable.
    if first in SETTINGS:
        first = SETTINGS[first].variable
    return line_of_variable(first, sentence)


def _line_of_conflict(conflict: SettingsConflict) -> str:
    if conflict.portal is None:
        return line_of_variable(SETTINGS[conflict.field].variable, str(conflict))
    return line_of_key(conflict.portal, conflict.field, str(conflict))


def _line_of_table(place: list[str], sentence: str) -> str:
    match place:
        case [name, "[key]", *_]:
            return f"[portals.{name}]: {sentence}; for example {ANY_TABLE}"
        case [name, key, *_] if key in KEYS:
            return line_of_key(name, key, sentence)
        case [name, key, *_]:
            hint = _hint(key, KEYS, otherwise=problems.there_are(KEYS))
            return f"[portals.{name}] {key}: {problems.NO_SETTING_OF_A_PORTAL}; {hint}"
        case _:
            where = ".".join(["portals", *place])
            return f"[{where}]: {problems.NO_TABLE}; for example {ANY_TABLE}"
