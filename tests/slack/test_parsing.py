"""What may be typed after `/restore`, case by case; and what a click carries."""

import pytest

from restorebot.errors import Refused
from restorebot.slack import cards
from restorebot.slack.actions import Click
from restorebot.slack.parsing import EMPTY_GUID, ParsedCommand, parse_command
from restorebot.slack.phrases import answers as words
from restorebot.slack.phrases.answers import EXAMPLE_ID
from restorebot.subcommands import USAGES, Subcommand

PORTALS = ("acme", "beta")

UNDERSTOOD = {
    "": ParsedCommand(),
    "acme": ParsedCommand(portal="acme"),
    EXAMPLE_ID: ParsedCommand(backup_id=EXAMPLE_ID),
    EXAMPLE_ID.upper(): ParsedCommand(backup_id=EXAMPLE_ID),
    f"{EXAMPLE_ID} Beta": ParsedCommand(backup_id=EXAMPLE_ID, portal="Beta"),
    f"{EXAMPLE_ID} --dry-run": ParsedCommand(backup_id=EXAMPLE_ID, dry_run=True),
    f"--dry-run {EXAMPLE_ID} beta": ParsedCommand(
        backup_id=EXAMPLE_ID, portal="beta", dry_run=True
    ),
    f"{EXAMPLE_ID} \N{EM DASH}dry-run": ParsedCommand(backup_id=EXAMPLE_ID, dry_run=True),
    "LIST": ParsedCommand(subcommand=Subcommand.LIST),
    "list acme": ParsedCommand(subcommand=Subcommand.LIST, portal="acme"),
    "status": ParsedCommand(subcommand=Subcommand.STATUS),
    "history beta": ParsedCommand(subcommand=Subcommand.HISTORY, portal="beta"),
    "help": ParsedCommand(subcommand=Subcommand.HELP),
}

REFUSED = {
    "stauts": words.did_you_mean("stauts", "status"),
    "histroy": words.did_you_mean("histroy", "history"),
    "acmee": words.did_you_mean("acmee", "acme"),
    "list of all": words.only_a_portal("list"),
    f"history {EXAMPLE_ID}": words.only_a_portal("history"),
    "latest": words.no_backup_id("latest"),
    "--dry-run": words.DRY_RUN_NEEDS_ID,
    f"{EXAMPLE_ID} acme beta": words.ONE_BACKUP_ID,
    f"{EXAMPLE_ID} {EXAMPLE_ID}": words.ONE_BACKUP_ID,
    EMPTY_GUID: words.no_backup_id(EMPTY_GUID),
    "<!here>": words.no_backup_id("<!here>"),
    "dump": words.DUMP_REFUSED,
    f"{EXAMPLE_ID} --dump": words.DUMP_REFUSED,
}


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_understood(text: str) -> None:
    assert parse_command(text, PORTALS) == UNDERSTOOD[text]


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_what_to_type_instead(text: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_command(text, PORTALS)
    assert str(caught.value) == REFUSED[text]


@pytest.mark.parametrize("text", ["stauts", "latest", "list of all"])
def test_unknown_words_are_answered_with_the_usage(text: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_command(text, PORTALS)
    assert str(caught.value).endswith(words.USAGE)


def test_what_is_typed_pings_nobody_in_the_answer() -> None:
    assert "<!here>" not in words.no_backup_id("<!here>")


def test_the_usage_has_every_word_but_the_one_that_shows_it() -> None:
    assert set(USAGES) == set(Subcommand)
    for word in Subcommand:
        assert (f"`/restore {word}`" in words.USAGE) == (word is not Subcommand.HELP)


def test_a_button_without_a_value_belongs_to_no_restore() -> None:
    click = Click.parse(
        {
            "actions": [{"action_id": cards.APPROVE}],
            "user": {"id": "UBOB"},
            "trigger_id": "1.2",
        }
    )
    with pytest.raises(Refused) as refused:
        _ = click.restore_id
    assert str(refused.value) == words.UNKNOWN_BUTTON
