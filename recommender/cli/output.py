"""What goes to stdout (answers) and to stderr (everything else)."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 80
"""Columns if stdout is not a terminal: what a log or a pipe shows without wrapping."""

GAP = 2
"""Blank columns between two columns of a table."""

MIN_WIDTH = 8
"""Columns that the last shrinking column keeps: a shorter title says nothing."""


@cache
def stdout() -> Console:
    """Return the console of answers."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def say(text: str) -> None:
    """Print a message for people that is not part of the answer."""
    typer.echo(text, err=True)


def print_text(text: str) -> None:
    """Print an answer in words; on a terminal, lines that are too long for it are broken between words."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        wrap = partial(
            textwrap.wrap, width=width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        text = "\n".join("\n".join(wrap(line)) if len(line) > width else line for line in text.split("\n"))
    typer.echo(text)


def print_json(value: Any) -> None:
    """Write one JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def print_table(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print rows under (heading, kind) columns.

    A "left" or "right" column is as wide as its longest cell; "shrink" ones share what is left, cut with an ellipsis.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD, title=title and Text(title), title_justify="left", pad_edge=False, padding=(0, 1, 0, 0)
    )
    # Give each column the width of its longest cell, then take from the widest "shrink" one until all fit.
    widths = [max([len(heading), *(len(row[at]) for row in rows)]) for at, (heading, _) in enumerate(columns)]
    shrinking = [at for at, (_, kind) in enumerate(columns) if kind == "shrink"] or list(range(len(columns)))
    room = stdout().width - 2 - GAP * (len(columns) - 1)
    while sum(widths) > room and max(widths[at] for at in shrinking) > MIN_WIDTH:
        widest = max(shrinking, key=lambda at: widths[at])
        widths[widest] -= 1
    for (heading, kind), width in zip(columns, widths, strict=True):
        table.add_column(heading, justify="right" if kind == "right" else "left", width=width, no_wrap=kind == "shrink")
    for row in rows:
        table.add_row(
            *(
                Text(cell, overflow="ellipsis" if kind == "shrink" else "fold")
                for cell, (_, kind) in zip(row, columns, strict=True)
            )
        )
    stdout().print(table)
