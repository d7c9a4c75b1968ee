"""What is written down is what is so: README, manifest, layers and the habits of the tests."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.main import get_command

from restorebot.cli.main import STORIES
from restorebot.cli.main import app as command_line
from restorebot.sandbox.stories import STORIES as PLAYED
from restorebot.settings import KEYS, LOADER_VARIABLES, VARIABLES, WORDS
from restorebot.slack import app, archive_form, cards
from restorebot.slack.parsing import SUBCOMMANDS
from tests.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
SOURCES = [path for path in (ROOT / "restorebot").rglob("*.py") if "sandbox" not in path.parts]
SCHEMA = ROOT.parent / "shared" / "facts" / "slack-manifest.schema.2.0.0.json"

SCOPES_OF = {
    "conversations.info": {"channels:read", "groups:read"},
    "users.info": {"users:read"},
    "usergroups.users.list": {"usergroups:read"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "chat.postEphemeral": {"chat:write"},
    "chat.getPermalink": set(),
}
"""What each Web API method that the bot calls needs (Slack's method reference)."""


def test_every_setting_has_its_row_in_the_readme_and_the_other_way_round() -> None:
    rows = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    assert rows == set(VARIABLES)
    assert all(name in README for name in LOADER_VARIABLES)


def test_every_key_of_a_portals_table_is_in_the_readme() -> None:
    section = README.partition("### Several portals")[2].partition("\n## ")[0]
    assert {f"`{key}`" for key in KEYS} <= set(re.findall(r"`\w+`", section))


def test_every_word_of_the_command_is_in_the_readme_and_none_may_be_a_portals_name() -> None:
    assert all(f"`/restore {word}`" in README for word in SUBCOMMANDS)
    assert {*SUBCOMMANDS, "dump"} == set(WORDS)


def test_the_command_in_the_code_is_the_manifests() -> None:
    assert [command["command"] for command in MANIFEST["features"]["slash_commands"]] == [
        app.COMMAND
    ]


def test_the_manifests_hint_has_every_word_of_the_command() -> None:
    (command,) = MANIFEST["features"]["slash_commands"]
    assert set(re.findall(r"[-\w]+", command["usage_hint"])) == {
        *SUBCOMMANDS,
        "backupId",
        "portal",
        "--dry-run",
    }


def leaves(group: Any, words: str = "") -> Iterator[tuple[str, Any]]:
    """Every command of the command line by the words that it is called with."""
    for name, command in group.commands.items():
        found = f"{words} {name}".strip()
        yield from leaves(command, found) if hasattr(command, "commands") else [(found, command)]


COMMANDS = dict(leaves(get_command(command_line)))


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_of_the_command_line_and_its_options_are_in_the_readme(words: str) -> None:
    assert f"`restorebot {words}" in README
    options = [{*param.opts, *param.secondary_opts} for param in COMMANDS[words].params]
    told = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", README))
    assert all(spellings & told for spellings in options if next(iter(spellings)).startswith("--"))


def test_the_readme_names_no_command_that_there_is_not() -> None:
    named = re.findall(r"`(?:\.venv/bin/)?restorebot ([a-z]+(?: [a-z]+)?)", README)
    groups = {words.split()[0] for words in COMMANDS if " " in words}
    assert {one if one.split()[0] in groups else one.split()[0] for one in named} <= set(COMMANDS)


def test_the_events_in_the_code_are_the_manifests_and_there_is_a_home_tab() -> None:
    code = (ROOT / "restorebot/slack/app.py").read_text(encoding="utf-8")
    assert (
        re.findall(r'app\.event\("(\w+)"\)', code)
        == MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    )
    assert MANIFEST["features"]["app_home"]["home_tab_enabled"]


def test_the_scopes_are_those_that_the_called_methods_need() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "restorebot" / "slack").glob("*.py")
    )
    called = set(re.findall(r'"((?:chat|users|usergroups|conversations)\.[\w.]+)"', code))
    called |= {name.replace("_", ".", 1) for name in re.findall(r"client\.(chat_\w+)\(", code)}
    assert called == set(SCOPES_OF)
    needed = {"commands"}.union(*(SCOPES_OF[method] for method in called))
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed


def test_every_scope_says_why() -> None:
    lines = (ROOT / "manifest.yml").read_text(encoding="utf-8").splitlines()
    scopes = [
        line
        for line in lines
        if re.match(r"\s+- [a-z]+(:[a-z]+)?\b", line) and "command:" not in line
    ]
    assert len(scopes) == len(MANIFEST["oauth_config"]["scopes"]["bot"])
    assert all("#" in line for line in scopes)


def test_the_manifest_is_valid_by_slacks_schema() -> None:
    if not SCHEMA.exists():
        pytest.skip(
            "Slack's schema is not beside this checkout; it is 43 kB of somebody else's file"
        )
    jsonschema.validate(MANIFEST, json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_every_action_has_a_button_and_every_button_an_action() -> None:
    ids = {
        value
        for name, value in vars(cards).items()
        if name.isupper() and str(value).startswith("restore_")
    }
    handled = set(
        re.findall(
            r"cards\.([A-Z_]+):", (ROOT / "restorebot/slack/actions.py").read_text(encoding="utf-8")
        )
    )
    assert {getattr(cards, name) for name in handled} == ids
    selects = {name for name in vars(archive_form) if name.startswith("CHOOSE_")}
    code = (ROOT / "restorebot/slack/actions.py").read_text(encoding="utf-8")
    assert set(re.findall(r"archive_form\.([A-Z_]+):", code)) == selects


def test_the_demo_plays_the_stories_that_it_lists() -> None:
    assert set(STORIES) == set(PLAYED)
    assert all(f"`{name}`" in README or f"--script {name}" in README for name in STORIES)


def test_the_demos_page_draws_every_emoji_that_the_bot_says() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "restorebot" / "slack").glob("*.py")
    )
    drawn = (ROOT / "restorebot/sandbox/page/static/mrkdwn.js").read_text(encoding="utf-8")
    assert set(re.findall(r":([a-z]+(?:_[a-z]+)*):", code)) <= set(
        re.findall(r'(\w+): "[^"]+"[,\n]', drawn)
    )


LAYERS = ["model", "storage", "docspace", "restores", "slack", "app"]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.startswith("restorebot")}


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_arrows_point_down_only(path: Path) -> None:
    layer = path.relative_to(ROOT / "restorebot").parts[0].removesuffix(".py")
    if layer not in LAYERS:
        return
    above = LAYERS[LAYERS.index(layer) + 1 :]
    if layer == "storage":
        above.append("docspace")
    used = {name.split(".")[1] for name in imports(path) if "." in name}
    assert not used & set(above)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_named_fault_still_has_its_line_and_its_test(mutant: Mutant) -> None:
    text = (ROOT / "restorebot" / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.line) == 1
    for test in mutant.tests.split():
        path, _, name = test.partition("::")
        file = ROOT / "tests" / path
        assert file.exists()
        assert not name or f"def {name}(" in file.read_text(encoding="utf-8")


def test_the_sandbox_imports_nothing_of_the_product() -> None:
    for path in (ROOT / "restorebot" / "sandbox").rglob("*.py"):
        assert all(name.startswith("restorebot.sandbox") for name in imports(path)), path


def test_no_test_sleeps_longer_than_a_twentieth_of_a_second() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "asyncio.sleep",
                "time.sleep",
                "sleep",
            }:
                (argument,) = node.args
                assert isinstance(argument, ast.Constant), (path, ast.unparse(node))
                assert float(str(argument.value)) <= 0.05, (path, ast.unparse(node))


def test_the_pinned_requirements_are_those_of_the_project_and_name_no_registry() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = {
        name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[\[<>=~!; ]", line)[0].lower() for line in project["dependencies"]}
    assert wanted <= pinned
    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.parametrize("name", STORIES)
def test_each_story_of_the_demo_ends_as_it_should(name: str) -> None:
    program = [sys.executable, "-m", "restorebot", "demo", "--script", name, "--speed", "10"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    done = subprocess.run(  # noqa: S603 - our own program
        program, capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "the story ended as it should" in done.stdout
