"""What keeps the code readable, in numbers."""

import ast
import builtins
import warnings
from pathlib import Path

from radon.complexity import cc_rank, cc_visit  # type: ignore[import-untyped]
from radon.visitors import Function  # type: ignore[import-untyped]

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "restorebot"
ALL = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
PRODUCT = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if not {"sandbox", "migrations"} & set(path.relative_to(PACKAGE).parts)
)

BUILT_IN = set(dir(builtins))
COLUMNS = 100
FUNCTION_LINES = 40
FIELDS_BY_POSITION = 3
CONDITIONALS_PER_1000_LINES = 12
TABLES_OF_CASES: set[str] = set()
"""Functions that read best as one long list of cases, though radon rates them C."""


def place(path: Path, node: ast.expr | ast.stmt) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def test_no_line_is_wider_than_a_page() -> None:
    wide = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in ALL
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > COLUMNS
    ]
    assert wide == []


def test_a_function_fits_on_a_screen() -> None:
    long = [
        f"{place(path, node)} {node.name}"
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
    ]
    assert long == []


def test_no_conditional_hides_inside_another_expression() -> None:
    """A statement may be one, or hold one: a value that is returned or named."""
    hidden = [
        place(path, inner)
        for path in sorted(PACKAGE.rglob("*.py"))
        for outer in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if not isinstance(outer, ast.stmt)
        for inner in ast.iter_child_nodes(outer)
        if isinstance(inner, ast.IfExp)
    ]
    assert hidden == []


def test_a_record_of_many_fields_names_each_of_them_where_it_is_made() -> None:
    """In a dataclass of more than three, two values of one type change places unnoticed."""
    by_position = [
        f"{place(path, node)} {node.name}"
        for path in ALL
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and len(_fields(node)) > FIELDS_BY_POSITION
        if any(_takes_positions(decorator) for decorator in node.decorator_list)
    ]
    assert by_position == []


def _fields(node: ast.ClassDef) -> list[ast.AnnAssign]:
    return [one for one in node.body if isinstance(one, ast.AnnAssign)]


def _takes_positions(decorator: ast.expr) -> bool:
    said = ast.unparse(decorator)
    return said.startswith("dataclass") and "kw_only=True" not in said


def test_conditional_expressions_are_rare() -> None:
    lines = conditionals = 0
    for path in PRODUCT:
        text = path.read_text(encoding="utf-8")
        lines += len(text.splitlines())
        conditionals += sum(isinstance(node, ast.IfExp) for node in ast.walk(ast.parse(text)))
    assert 1000 * conditionals / lines < CONDITIONALS_PER_1000_LINES


def test_no_function_has_many_ways_through() -> None:
    winding = set()
    for path in PRODUCT:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # radon's own
            blocks = cc_visit(path.read_text(encoding="utf-8"))
        functions = [one for one in blocks if isinstance(one, Function)]
        winding |= {one.fullname for one in functions if cc_rank(one.complexity) > "B"}
    assert winding == TABLES_OF_CASES


def test_an_error_that_has_kinds_is_never_raised_itself() -> None:
    """Base and concrete at once would be caught together with its kinds by mistake."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PRODUCT]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    bases = {ast.unparse(base) for node in classes for base in node.bases}
    raised = {
        ast.unparse(node.exc.func)
        for node in nodes
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    }
    raised |= {ast.unparse(node.exc) for node in nodes if isinstance(node, ast.Raise) and node.exc}
    assert "PortalError" in bases, "the errors' bases are not found any more"
    assert raised & (bases - BUILT_IN) == set()
