"""What may be typed after `/restore`, case by case."""

import pytest

from restorebot.errors import Refused
from restorebot.slack.parsing import EXAMPLE_ID, USAGE, ParsedCommand, Subcommand, parse_command

PORTALS = ("acme", "beta")

UNDERSTOOD = {
    "": ParsedCommand(Subcommand.PICK),
    "acme": ParsedCommand(Subcommand.PICK, portal="acme"),
    EXAMPLE_ID: ParsedCommand(Subcommand.RESTORE, EXAMPLE_ID),
    EXAMPLE_ID.upper(): ParsedCommand(Subcommand.RESTORE, EXAMPLE_ID),
    f"{EXAMPLE_ID} Beta": ParsedCommand(Subcommand.RESTORE, EXAMPLE_ID, "Beta"),
    f"{EXAMPLE_ID} --dry-run": ParsedCommand(Subcommand.RESTORE, EXAMPLE_ID, dry_run=True),
    f"--dry-run {EXAMPLE_ID} beta": ParsedCommand(
        Subcommand.RESTORE, EXAMPLE_ID, "beta", dry_run=True
    ),
    f"{EXAMPLE_ID} \N{EM DASH}dry-run": ParsedCommand(Subcommand.RESTORE, EXAMPLE_ID, dry_run=True),
    "LIST": ParsedCommand(Subcommand.LIST),
    "list acme": ParsedCommand(Subcommand.LIST, portal="acme"),
    "status": ParsedCommand(Subcommand.STATUS),
    "history beta": ParsedCommand(Subcommand.HISTORY, portal="beta"),
    "help": ParsedCommand(Subcommand.HELP),
}

REFUSED = {
    "stauts": "Did you mean `/restore status`?",
    "histroy": "Did you mean `/restore history`?",
    "acmee": "Did you mean `/restore acme`?",
    "list of all": "`/restore list` takes nothing but a portal's name.",
    f"history {EXAMPLE_ID}": "`/restore history` takes nothing but a portal's name.",
    "latest": "is not a backup id",
    "--dry-run": "A dry run needs a backup's id",
    f"{EXAMPLE_ID} acme beta": "Type one backup id",
    f"{EXAMPLE_ID} {EXAMPLE_ID}": "Type one backup id",
    "00000000-0000-0000-0000-000000000000": "is not a backup id",
    "<!here>": "&lt;!here&gt;",
}


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_understood(text: str) -> None:
    assert parse_command(text, PORTALS) == UNDERSTOOD[text]


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_what_to_type_instead(text: str) -> None:
    with pytest.raises(Refused, match=r"`") as caught:
        parse_command(text, PORTALS)
    assert REFUSED[text] in str(caught.value)


@pytest.mark.parametrize("text", ["stauts", "latest", "list of all"])
def test_unknown_words_are_answered_with_the_usage(text: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_command(text, PORTALS)
    assert str(caught.value).endswith(USAGE)
