"""Each sentence that people read stands once in the product, and tests name it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = sorted(
    path
    for path in (ROOT / "restorebot").rglob("*.py")
    if not {"sandbox", "migrations"} & set(path.relative_to(ROOT).parts)
)
SLACK_ROOMS = [path for path in PRODUCT if "slack" in path.parts and "phrases" not in path.parts]
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
FORMATS = ("{date_short_pretty} at {time}",)

Text = tuple[str, list[str]]
"""Where it stands, and its words."""


def texts(path: Path, least: int) -> Iterator[Text]:
    """Each string and each fixed part of an f-string of so many words, docstrings apart."""
    tree = ast.parse(path.read_text())
    docstrings: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED):
            docstrings |= {one.value for one in node.body if isinstance(one, ast.Expr)}
    for node in ast.walk(tree):
        if node in docstrings or not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, str) and node.value not in FORMATS:
            found = node.value.split()
            if len(found) >= least:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", found


def runs(found: list[str], length: int) -> set[str]:
    """Each run of so many words."""
    return {" ".join(found[at : at + length]) for at in range(len(found) - length + 1)}


@pytest.fixture(scope="module")
def spoken() -> set[str]:
    """Each run of four words that the product says: of three, too many are just English."""
    return {run for path in PRODUCT for _, found in texts(path, 4) for run in runs(found, 4)}


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_test_repeats_a_sentence_of_the_product(path: Path, spoken: set[str]) -> None:
    repeated = [
        (place, " ".join(found)) for place, found in texts(path, 4) if runs(found, 4) & spoken
    ]
    assert repeated == [], "name the phrase, or the error's sentence, instead"


def test_each_sentence_stands_once() -> None:
    places: dict[str, list[str]] = {}
    for path in PRODUCT:
        for place, found in texts(path, 5):
            places.setdefault(" ".join(found), []).append(place)
    assert {text: at for text, at in places.items() if len(at) > 1} == {}


@pytest.mark.parametrize("path", SLACK_ROOMS, ids=lambda path: path.stem)
def test_the_rooms_of_slack_speak_through_phrases(path: Path) -> None:
    assert [(place, " ".join(found)) for place, found in texts(path, 3)] == []
