"""What is written down is what is so: README, docs, manifest, habits of the tests."""

import ast
import copy
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from restorebot import subcommands
from restorebot.cli.main import STORIES
from restorebot.cli.main import app as command_line
from restorebot.model import MOVES
from restorebot.sandbox.stories import STORIES as PLAYED
from restorebot.settings import KEYS, LOADER_VARIABLES, VARIABLES
from restorebot.slack import archive_form, cards
from restorebot.subcommands import Subcommand
from tests import manifest_rules
from tests.mutants import MUTANTS, TYPES, Mutant
from tests.readme import with_settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
DOCS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}

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


def test_the_readmes_table_of_settings_is_what_their_declarations_say() -> None:
    """Else write it with `python -m tests.readme`."""
    assert with_settings(README) == README
    rows = re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)
    assert rows == list(VARIABLES)
    assert all(name in README for name in LOADER_VARIABLES)


def test_every_key_of_a_portals_table_is_in_the_readme() -> None:
    section = README.partition("### Several portals")[2].partition("\n## ")[0]
    assert {f"`{key}`" for key in KEYS} <= set(re.findall(r"`\w+`", section))


def test_every_word_of_the_command_is_in_the_readme() -> None:
    assert all(f"`/restore {word}`" in README for word in Subcommand)


def test_the_command_in_the_code_is_the_manifests() -> None:
    assert [command["command"] for command in MANIFEST["features"]["slash_commands"]] == [
        subcommands.COMMAND
    ]


def test_the_manifests_hint_has_every_word_of_the_command() -> None:
    (command,) = MANIFEST["features"]["slash_commands"]
    assert set(re.findall(r"[-\w]+", command["usage_hint"])) == {
        *Subcommand,
        "backup",
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
        path.read_text(encoding="utf-8") for path in (ROOT / "restorebot" / "slack").rglob("*.py")
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


MISSING = object()
"""Stands for a member that is taken away."""

COMMAND = "features.slash_commands.0"

BROKEN: Mapping[str, tuple[str, Any]] = {
    "no name": ("display_information.name", MISSING),
    "a blank name": ("display_information.name", " "),
    "a long name": ("display_information.name", "x" * 36),
    "a long description": ("display_information.description", "x" * 141),
    "a colour by its name": ("display_information.background_color", "navy"),
    "a colour of four digits": ("display_information.background_color", "#1f3a"),
    "an unknown part": ("workflows", {}),
    "an unknown member": ("settings.is_hosted", True),
    "a text for a flag": ("settings.socket_mode_enabled", "true"),
    "a flag for a text": ("features.bot_user.display_name", True),
    "a command without a slash": (f"{COMMAND}.command", "restore"),
    "a long command": (f"{COMMAND}.command", f"/{'x' * 32}"),
    "a command without a description": (f"{COMMAND}.description", MISSING),
    "a long hint": (f"{COMMAND}.usage_hint", "x" * 1001),
    "names that are not escaped": (f"{COMMAND}.should_escape", False),
    "no commands": ("features.slash_commands", []),
    "a scope that is none": ("oauth_config.scopes.bot.0", "Commands!"),
    "a scope to read messages": ("oauth_config.scopes.bot.0", "channels:history"),
    "a scope twice": ("oauth_config.scopes.bot.0", "chat:write"),
    "scopes of a user": ("oauth_config.scopes.user", ["users:read"]),
    "no event for the Home tab": ("settings.event_subscriptions.bot_events", []),
    "a Home tab that is off": ("features.app_home.home_tab_enabled", False),
    "an event that is a message": (
        "settings.event_subscriptions.bot_events.0",
        "message.channels",
    ),
    "buttons that do nothing": ("settings.interactivity.is_enabled", False),
    "another version of the format": ("_metadata.major_version", 1),
}
"""A member of the manifest, and what is put in its place."""


def manifest_with(member: str, value: Any) -> Any:
    """The manifest with one member changed, added or taken away."""
    changed = copy.deepcopy(MANIFEST)
    *above, last = [int(part) if part.isdigit() else part for part in member.split(".")]
    parent = changed
    for part in above:
        parent = parent[part]
    if value is MISSING:
        del parent[last]
    else:
        parent[last] = value
    return changed


def test_the_manifest_keeps_the_rules() -> None:
    assert manifest_rules.problems(MANIFEST) == []


@pytest.mark.parametrize(("member", "value"), BROKEN.values(), ids=BROKEN)
def test_the_rules_refuse_a_broken_manifest(member: str, value: Any) -> None:
    (problem,) = manifest_rules.problems(manifest_with(member, value))
    # What is missing, unknown or there twice is told of the object or list that it belongs to.
    assert problem.partition(":")[0] in {member, member.rpartition(".")[0]}


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
        path.read_text(encoding="utf-8") for path in (ROOT / "restorebot" / "slack").rglob("*.py")
    )
    drawn = (ROOT / "restorebot/sandbox/page/static/mrkdwn.js").read_text(encoding="utf-8")
    assert set(re.findall(r":([a-z]+(?:_[a-z]+)*):", code)) <= set(
        re.findall(r'(\w+): "[^"]+"[,\n]', drawn)
    )


CITED = ("docspace-api", "slack", "architecture")
"""The pages of `docs/` that the code cites, each by the numbers of its sections."""

SIGN = "\N{SECTION SIGN}"
NUMBER = rf"{SIGN}(?:[A-Z]|\d+(?:\.\d+)*)"
CITATION = re.compile(rf"\b({'|'.join(CITED)}) ({NUMBER}(?:(?:,? and|,| to) {NUMBER})*)")
"""A page of `docs/` and one or more of its sections."""

PYTHON = sorted([*(ROOT / "restorebot").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])


def flowing(path: Path) -> str:
    """A file's text on one line, without the marks of its comments, for a citation may be broken
    anywhere.
    """
    return re.sub(r"\s*\n\s*(?:# ?)?", " ", path.read_text(encoding="utf-8"))


def sections_of(cited: str) -> Iterator[str]:
    """The sections that a citation names, with those between the ends of a range."""
    before = ""
    for joint, section in re.findall(rf"( to )?{SIGN}([A-Z]|[\d.]*\d)", cited):
        if joint:
            yield from between(before, section)
        yield section
        before = section


def between(first: str, last: str) -> Iterator[str]:
    """What lies between two sections of one level: 1.3 and 1.4 between 1.2 and 1.5."""
    if first.isalpha():
        yield from (chr(code) for code in range(ord(first) + 1, ord(last)))
        return
    above, _, low = first.rpartition(".")
    same, _, high = last.rpartition(".")
    assert above == same, f"{first} and {last} are of different levels"
    yield from (f"{above}.{number}".lstrip(".") for number in range(int(low) + 1, int(high)))


def headings(page: str) -> set[str]:
    """The sections that a page of the docs has: `## 4. …`, `### 4.1 …` and `## D. …`."""
    found = re.findall(r"^#{2,4} (?:([A-Z]|\d+)\.|(\d+(?:\.\d+)+)) ", DOCS[page], re.MULTILINE)
    return {first or second for first, second in found}


def broken_citations(text: str) -> list[str]:
    return [
        f"{page} {SIGN}{section}"
        for page, cited in CITATION.findall(text)
        for section in sections_of(cited)
        if section not in headings(page)
    ]


@pytest.mark.parametrize(
    ("cited", "sections"),
    [
        ("docspace-api §4.1", "4.1"),
        ("docspace-api §1.5, §4.3", "1.5 4.3"),
        ("docspace-api §1 to §4, §11 and §C to §E", "1 2 3 4 11 C D E"),
        ("slack §2.1 to §2.3", "2.1 2.2 2.3"),
    ],
)
def test_a_citation_is_read_with_all_its_sections(cited: str, sections: str) -> None:
    assert sorted(sections_of(cited)) == sorted(sections.split())


def test_every_citation_in_the_code_leads_to_a_heading() -> None:
    broken = {str(path.relative_to(ROOT)): broken_citations(flowing(path)) for path in PYTHON}
    assert {path: found for path, found in broken.items() if found} == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_citation_in_a_document_leads_to_a_heading(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert broken_citations(" ".join(text.split())) == []


@pytest.mark.parametrize("page", CITED)
def test_a_page_that_cites_itself_has_the_section(page: str) -> None:
    rest = CITATION.sub("", " ".join(DOCS[page].split()))
    assert set(re.findall(rf"{SIGN}([A-Z]|[\d.]*\d)", rest)) <= headings(page)


def test_the_code_cites_nothing_but_pages_of_the_docs() -> None:
    """A section sign without a page leads nowhere, and so does a source outside of the
    repository.
    """
    for path in PYTHON:
        rest = CITATION.sub("", flowing(path))
        assert SIGN not in rest, path
        assert not re.search(r"fact\s+sheet", rest), path


def test_the_moves_are_those_of_the_architecture() -> None:
    section = DOCS["architecture"].partition("### 2.1 ")[2].partition("\n### ")[0]
    told: dict[str, set[str]] = {}
    for old, news in re.findall(r"^\| `(\w+)` \| (`[^|]*`) \|", section, re.MULTILINE):
        told.setdefault(old, set()).update(re.findall(r"`(\w+)`", news))
    assert told == {old.value: {new.value for new in news} for old, news in MOVES.items()}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_named_fault_still_has_its_line_and_its_test(mutant: Mutant) -> None:
    text = (ROOT / "restorebot" / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.line) == 1
    if mutant.tests == TYPES:
        return
    for test in mutant.tests.split():
        path, _, name = test.partition("::")
        file = ROOT / "tests" / path
        assert file.exists()
        assert not name or f"def {name}(" in file.read_text(encoding="utf-8")


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


QUICK_STORIES = {"happy", "restart"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK_STORIES else pytest.mark.slow)
        for name in STORIES
    ],
)
def test_each_story_of_the_demo_ends_as_it_should(name: str) -> None:
    program = [sys.executable, "-m", "restorebot", "demo", "--script", name, "--speed", "10"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    done = subprocess.run(  # noqa: S603 - our own program
        program, capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "the story ended as it should" in done.stdout
