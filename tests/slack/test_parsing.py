"""What may be typed after `/restore`, case by case; and what a click carries."""

import pytest

from restorebot.errors import Refused
from restorebot.restores.named import NamedBackup
from restorebot.restores.preflight import BackupRef
from restorebot.slack import cards
from restorebot.slack.actions import Click
from restorebot.slack.parsing import EMPTY_GUID, ParsedCommand, parse_command
from restorebot.slack.phrases import answers as words
from restorebot.slack.phrases.answers import EXAMPLE_NAME
from restorebot.subcommands import USAGES, Subcommand

PORTALS = ("acme", "beta")

EXAMPLE_ID = "3c0f8f0a-7a6b-4f2e-9a51-0d7a4a1f6b11"

UNDERSTOOD = {
    "": ParsedCommand(),
    "acme": ParsedCommand(portal="acme"),
    EXAMPLE_ID: ParsedCommand(backup=BackupRef(EXAMPLE_ID)),
    EXAMPLE_ID.upper(): ParsedCommand(backup=BackupRef(EXAMPLE_ID)),
    f"{EXAMPLE_ID} Beta": ParsedCommand(backup=BackupRef(EXAMPLE_ID), portal="Beta"),
    f"{EXAMPLE_ID} --dry-run": ParsedCommand(backup=BackupRef(EXAMPLE_ID), dry_run=True),
    f"--dry-run {EXAMPLE_ID} beta": ParsedCommand(
        backup=BackupRef(EXAMPLE_ID), portal="beta", dry_run=True
    ),
    f"{EXAMPLE_ID} \N{EM DASH}dry-run": ParsedCommand(backup=BackupRef(EXAMPLE_ID), dry_run=True),
    EXAMPLE_NAME: ParsedCommand(backup=NamedBackup(EXAMPLE_NAME)),
    f"{EXAMPLE_NAME} Beta": ParsedCommand(backup=NamedBackup(EXAMPLE_NAME), portal="Beta"),
    f"{EXAMPLE_NAME} --dry-run": ParsedCommand(backup=NamedBackup(EXAMPLE_NAME), dry_run=True),
    "before the move.tar.gz": ParsedCommand(backup=NamedBackup("before the move.tar.gz")),
    '"before the move.tar.gz" beta': ParsedCommand(
        backup=NamedBackup("before the move.tar.gz"), portal="beta"
    ),
    "acme_2": ParsedCommand(backup=NamedBackup("acme_2")),
    "latest": ParsedCommand(backup=NamedBackup("latest")),
    "Latest beta": ParsedCommand(backup=NamedBackup("Latest"), portal="beta"),
    "latest gamma": ParsedCommand(backup=NamedBackup("latest"), portal="gamma"),
    EMPTY_GUID: ParsedCommand(backup=NamedBackup(EMPTY_GUID)),
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
    "lastest": words.did_you_mean("lastest", "latest"),
    "latest acme beta": words.ONE_BACKUP,
    "--dry-run": words.DRY_RUN_NEEDS_BACKUP,
    f"{EXAMPLE_ID} acme beta": words.ONE_BACKUP,
    f"{EXAMPLE_ID} {EXAMPLE_ID}": words.ONE_BACKUP,
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


@pytest.mark.parametrize("text", ["stauts", "acmee", "list of all"])
def test_unknown_words_are_answered_with_the_usage(text: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_command(text, PORTALS)
    assert str(caught.value).endswith(words.USAGE)


def test_what_is_typed_pings_nobody_in_the_answer() -> None:
    assert "<!here>" not in words.no_such_backup("<!here>")


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
