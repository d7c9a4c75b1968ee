"""Which room may import which, and what no room may hold (architecture §3)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from restorebot.settings import VARIABLES
from restorebot.subcommands import Subcommand

PACKAGE = Path(__file__).parent.parent / "restorebot"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")

GROUND = {"errors", "model", "subcommands", "tasks", "times", "logs"}
"""They import nothing of the package, and every room may import them."""

MAY_IMPORT: dict[str, set[str]] = {
    "docspace": set(),
    "setup_hints": {"docspace"},
    "storage": set(),
    "restores": {"docspace", "storage"},
    "slack": {"docspace", "setup_hints", "storage", "restores"},
    "settings": {"docspace"},
    "server": set(),
    "app": {"docspace", "setup_hints", "storage", "restores", "slack", "settings"},
    "run": {"setup_hints", "slack", "settings", "server", "app"},
    "cli": {
        "docspace",
        "setup_hints",
        "storage",
        "restores",
        "slack",
        "settings",
        "run",
        "sandbox",
    },
    "__main__": {"cli"},
}
"""The rooms above the ground, lowest first. The sandbox is outside: it knows nothing of them."""


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "restorebot":
            found |= {f"restorebot.{name.name}" for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name.split(".")[1] for name in found if name.startswith("restorebot.")}


def test_every_room_has_its_place() -> None:
    assert {room(path) for path in SOURCES} == GROUND | MAY_IMPORT.keys() | {"sandbox"}


def test_arrows_point_down() -> None:
    below: set[str] = set()
    for name, allowed in MAY_IMPORT.items():
        assert allowed <= below | {"sandbox"}, name
        below.add(name)


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_room_imports_what_is_below_it(path: Path) -> None:
    here = room(path)
    used = imported_rooms(path) - {here}
    if here in GROUND or here == "sandbox":
        assert used == set()
    else:
        assert used <= GROUND | MAY_IMPORT[here]


def texts(path: Path) -> Iterator[str]:
    """Each string and each fixed part of an f-string, docstrings apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in alone and isinstance(node.value, str):
            yield node.value


def below_slack(*rooms: str) -> list[Path]:
    return [path for path in SOURCES if room(path) in rooms]


MARKUP = re.compile(r"<[@#!]|:[a-z_]{3,}:|`|(^|\s)\*\S.*\S\*(\s|$)|\bmrkdwn\b")


@pytest.mark.parametrize("path", below_slack("docspace", "storage", "restores"), ids=named)
def test_below_slack_nothing_speaks_its_markup(path: Path) -> None:
    assert [text for text in texts(path) if MARKUP.search(text)] == []


COMMANDS = re.compile(rf"/restore\b|\brestorebot (key|audit|run|{'|'.join(Subcommand)})\b")
"""A command of Slack's or the command line's."""


@pytest.mark.parametrize("path", below_slack("docspace", "restores"), ids=named)
def test_below_slack_no_command_is_named(path: Path) -> None:
    assert [text for text in texts(path) if COMMANDS.search(text)] == []


SETTINGS = re.compile("|".join(rf"\b{name}\b" for name in VARIABLES))


@pytest.mark.parametrize("path", below_slack("docspace"), ids=named)
def test_the_client_of_docspace_names_no_setting(path: Path) -> None:
    assert [text for text in texts(path) if SETTINGS.search(text)] == []
