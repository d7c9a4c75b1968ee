"""Reading the settings, or saying in lines what is wrong with them."""

import os
import re

from dotenv import dotenv_values
from pydantic import ValidationError

from restorebot.errors import SettingsError
from restorebot.settings import problems
from restorebot.settings.declaration import PREFIX
from restorebot.settings.lines import line_of_unknown, line_of_variable, lines_of
from restorebot.settings.model import VARIABLES, DatabaseSettings, Settings
from restorebot.settings.sources import (
    CONFIG_TABLES,
    CONFIG_VARIABLE,
    DOTENV_FILE,
    SECRETS_VARIABLE,
    config_file,
    read_config,
)

LOADER_VARIABLES = (CONFIG_VARIABLE, SECRETS_VARIABLE)
"""Variables that say where settings are read, and are none of them."""

FLEETING = {"DYNO": "Heroku", "K_SERVICE": "Cloud Run", "AWS_LAMBDA_FUNCTION_NAME": "Lambda"}
"""Variables of platforms whose disk is gone with the next restart."""


def database_url() -> str:
    """Read where the database is, whatever else is set or not. Raise SettingsError."""
    _refuse_unread_config()
    try:
        return DatabaseSettings.model_validate({}).database_url
    except ValidationError as error:
        lines = lines_of(error)
    # Raised out here, so that pydantic's error with its inputs is not carried along as the context.
    raise SettingsError(lines)


def load() -> Settings:
    """Read the settings.

    Raise SettingsError with a line for each problem, none of which shows a value.
    """
    _refuse_unread_config()
    lines = _unknown_names()
    try:
        found = Settings.model_validate({})
        lines += _unfit_here(found)
    except ValidationError as error:
        lines += lines_of(error)
    # Raised out here for the same reason.
    if lines:
        raise SettingsError(lines)
    return found


def _refuse_unread_config() -> None:
    try:
        read_config()
    except (OSError, ValueError) as error:
        line = f"{config_file()}: {_unread(str(error))}"
        raise SettingsError([line]) from None


def _unread(error: str) -> str:
    """Say what is wrong in which line; the line is not shown, for there may be a key in it."""
    sentence = problems.NO_TOML
    if "overwrite" in error or "twice" in error:
        sentence = problems.NAME_TWICE
    line = re.search(r"at line (\d+)", error)
    if line:
        return f"line {line[1]}: {sentence}"
    return sentence


def _unknown_names() -> list[str]:
    known = (*VARIABLES, *LOADER_VARIABLES)
    names = {name for name in (*os.environ, *dotenv_values(DOTENV_FILE)) if _is_ours(name)}
    names.update(read_config())
    names.discard(CONFIG_TABLES)
    return [line_of_unknown(name, known) for name in sorted(names) if name.upper() not in known]


def _is_ours(name: str) -> bool:
    return name.upper().startswith(PREFIX)


def _unfit_here(settings: Settings) -> list[str]:
    if not settings.database_url.startswith("sqlite"):
        return []
    return [
        line_of_variable("DATABASE_URL", problems.forgets_files(platform))
        for variable, platform in FLEETING.items()
        if variable in os.environ
    ]
