"""Tables for the terminal, whose cells hold words from outside."""

import sys
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from restorebot.docspace.models import clean_text

ELSEWHERE = 400
"""Columns in a file or a pipe."""

CELL = 1000


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows to standard output: a table where it fits, else a line for each cell.

    psql does the same. Nothing is cut off, and nothing in a cell is taken for markup.
    """
    cells = [[Text(clean_text(cell, CELL)) for cell in row] for row in rows]
    console = Console()
    if not sys.stdout.isatty():
        console = Console(width=ELSEWHERE)
    table = Table(*columns, box=SIMPLE_HEAD)
    for row in cells:
        table.add_row(*row)
    unbounded = console.options.update(width=10 * ELSEWHERE)
    if console.measure(table, options=unbounded).maximum <= console.width:
        console.print(table)
        return
    for row in cells:
        lines = Table.grid(padding=(0, 2))
        lines.add_column(no_wrap=True, style="bold")
        lines.add_column(overflow="fold")
        for name, cell in zip(columns, row, strict=True):
            lines.add_row(name, cell)
        console.print(lines, "")
