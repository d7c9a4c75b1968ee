"""Where settings come from: environment, `.env`, `restorebot.toml` and a secrets directory."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from restorebot.settings.declaration import variable_of

CONFIG_VARIABLE = "RESTOREBOT_CONFIG"
CONFIG_FILE = "restorebot.toml"

SECRETS_VARIABLE = "RESTOREBOT_SECRETS_DIR"
SECRETS_DIRECTORY = "/run/secrets"

DOTENV_FILE = ".env"

CONFIG_TABLES = "PORTALS"
"""What ``read_config`` calls the portals' tables."""

TABLES = "[portals]"
"""What the portals' tables are called among the variables: no environment can have it."""


def config_file() -> Path:
    """Return where the TOML file is, which may be missing."""
    return Path(os.environ.get(CONFIG_VARIABLE, CONFIG_FILE))


def read_config() -> Mapping[str, Any]:
    """Read the TOML file.

    Return its values by their names in upper case, and nothing of a file that is missing.
    Raise OSError, or ValueError when it is no TOML.
    """
    path = config_file()
    if not path.exists():
        return {}
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    return {key.upper(): value for key, value in found.items()}


class Sourced(BaseSettings):
    """Settings that are read from their sources; the first source that has one wins."""

    model_config = SettingsConfigDict(
        alias_generator=variable_of,
        env_file=DOTENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the sources in order, when pydantic asks for it."""
        found = [env_settings(), dotenv_settings(), _variables_of_config()]
        directory = Path(os.environ.get(SECRETS_VARIABLE, SECRETS_DIRECTORY))
        # Only where there is one: pydantic warns of a directory that is missing.
        if directory.is_dir():
            found.append(SecretsSettingsSource(settings_cls, directory)())
        # By their variables alone: fields may be given by name in code, but CHANNELS in the
        # environment is somebody else's.
        variables = {field.alias for field in settings_cls.model_fields.values()}
        sources = [init_settings]
        for values in found:
            ours = {name: value for name, value in values.items() if name in variables}
            sources.append(InitSettingsSource(settings_cls, ours))
        return tuple(sources)


def _variables_of_config() -> dict[str, Any]:
    values = dict(read_config())
    if CONFIG_TABLES in values:
        values[TABLES] = values.pop(CONFIG_TABLES)
    return values
