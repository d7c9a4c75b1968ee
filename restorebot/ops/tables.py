"""Tables for the terminal, whose cells hold words from outside."""

import sys
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from restorebot.docspace.models import clean

ELSEWHERE = 400
"""Columns in a file or a pipe, where nothing needs to be folded."""

CELL = 1000


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows to standard output. What is too wide is folded, never cut; nothing in a cell is taken for markup."""
    table = Table(box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(cell, CELL)) for cell in row))
    Console(width=None if sys.stdout.isatty() else ELSEWHERE).print(table)
