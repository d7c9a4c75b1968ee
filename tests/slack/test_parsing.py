"""What may be typed after `/restore`, case by case."""

import pytest

from restorebot.errors import Refused
from restorebot.slack.parsing import EXAMPLE, USAGE, Wish, Word, understood

PORTALS = ("acme", "beta")

UNDERSTOOD = {
    "": Wish(Word.PICK),
    "acme": Wish(Word.PICK, portal="acme"),
    EXAMPLE: Wish(Word.RESTORE, EXAMPLE),
    EXAMPLE.upper(): Wish(Word.RESTORE, EXAMPLE),
    f"{EXAMPLE} Beta": Wish(Word.RESTORE, EXAMPLE, "Beta"),
    f"{EXAMPLE} --dry-run": Wish(Word.RESTORE, EXAMPLE, dry_run=True),
    f"--dry-run {EXAMPLE} beta": Wish(Word.RESTORE, EXAMPLE, "beta", dry_run=True),
    f"{EXAMPLE} \N{EM DASH}dry-run": Wish(Word.RESTORE, EXAMPLE, dry_run=True),
    "LIST": Wish(Word.LIST),
    "list acme": Wish(Word.LIST, portal="acme"),
    "status": Wish(Word.STATUS),
    "history beta": Wish(Word.HISTORY, portal="beta"),
    "help": Wish(Word.HELP),
}

REFUSED = {
    "stauts": "Did you mean `/restore status`?",
    "histroy": "Did you mean `/restore history`?",
    "acmee": "Did you mean `/restore acme`?",
    "list of all": "`/restore list` takes nothing but a portal's name.",
    f"history {EXAMPLE}": "`/restore history` takes nothing but a portal's name.",
    "latest": "is not a backup id",
    "--dry-run": "A dry run needs a backup's id",
    f"{EXAMPLE} acme beta": "Type one backup id",
    f"{EXAMPLE} {EXAMPLE}": "Type one backup id",
    "00000000-0000-0000-0000-000000000000": "is not a backup id",
    "<!here>": "&lt;!here&gt;",
}


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_understood(text: str) -> None:
    assert understood(text, PORTALS) == UNDERSTOOD[text]


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_what_to_type_instead(text: str) -> None:
    with pytest.raises(Refused, match=r"`") as caught:
        understood(text, PORTALS)
    assert REFUSED[text] in str(caught.value)


@pytest.mark.parametrize("text", ["stauts", "latest", "list of all"])
def test_unknown_words_are_answered_with_the_usage(text: str) -> None:
    with pytest.raises(Refused) as caught:
        understood(text, PORTALS)
    assert str(caught.value).endswith(USAGE)
