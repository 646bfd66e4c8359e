"""Reading judgement files: CSV in UTF-8, plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from recommender.errors import BadInput


def rows(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Give the line number and the stripped cells of each row, the columns in the order asked for.

    Raises `BadInput` that names file and line: for a file that can't be read, a missing column, an empty required cell.
    """
    with _open(path, required) as file:
        reader = csv.DictReader(file, strict=True)
        names = reader.fieldnames or ()
        columns = {name.strip().lower(): name for name in names}
        missing = [name for name in required if name not in columns]
        if missing:
            raise BadInput(f"{path} has the columns {','.join(names) or 'none'}; expected {','.join(required)}")
        for row in reader:
            cells = tuple((row.get(columns.get(name, "")) or "").strip() for name in (*required, *optional))
            if not all(cells[: len(required)]):
                raise BadInput(f"{path} line {reader.line_num}: {', '.join(required)} must all be there")
            yield reader.line_num, cells


def header(path: Path, expected: Sequence[str]) -> set[str]:
    """Return the names of the columns, in lower case. Raises `BadInput` for a file that can't be read."""
    with _open(path, expected) as file:
        return {name.strip().lower() for name in next(csv.reader(file, strict=True), [])}


def number(path: Path, line: int, column: str, text: str) -> float:
    """Read a finite number. Raises `BadInput` that names file and line."""
    try:
        read = float(text)
    except ValueError:
        read = float("nan")
    if not np.isfinite(read):
        raise BadInput(f"{path} line {line}: {column} {text!r} is not a number")
    return read


@contextmanager
def _open(path: Path, expected: Sequence[str]) -> Iterator[IO[str]]:
    try:
        gzipped = path.suffix == ".gz"
        with (gzip.open if gzipped else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise BadInput(f"{path} can't be read ({error}); expected CSV in UTF-8 with {','.join(expected)}") from error
