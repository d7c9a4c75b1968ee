"""What the client says of a portal: to be read without knowing who has set it up, and how."""

import re
from pathlib import Path

import pytest

from restorebot.docspace.sentences import Sentences
from restorebot.setup_hints import SETUP_HINTS

PACKAGE = Path(__file__).parent.parent.parent / "restorebot"
READ_WITHOUT_US = [
    *PACKAGE.glob("docspace/*.py"),
    PACKAGE / "restores" / "checks.py",
    PACKAGE / "restores" / "preflight.py",
]
OURS = re.compile(r"\b(RESTOREBOT|DOCSPACE)_[A-Z]+|restorebot (key|run|audit|history)|/restore\b")
"""Names of settings and commands."""


@pytest.mark.parametrize("path", READ_WITHOUT_US, ids=lambda path: path.name)
def test_neither_the_client_nor_the_checks_name_a_setting_or_a_command(path: Path) -> None:
    assert not OURS.search(path.read_text(encoding="utf-8"))


def test_the_bot_names_them_where_somebody_has_to_mend_them() -> None:
    say = Sentences("acme.example", SETUP_HINTS)
    for sentence in (say.not_json(), say.unknown_shape(), say.unknown_name(), say.not_a_portal()):
        assert "DOCSPACE_URL" in sentence
    assert "set DOCSPACE_URL" in say.redirects("elsewhere.example")
    for sentence in (say.key_missing(), say.key_rejected(), say.key_lacks_scope()):
        assert "restorebot key set" in sentence
