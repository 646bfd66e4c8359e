"""Data sets of the Hugging Face Hub."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from recommender.errors import BadInput, MissingExtra, NotFound, Unavailable, UsageError
from recommender.training.data.tables import Table, TableRow

PREFIX = "hf:"

DEFAULT_SPLIT = "train"


def hub_table(source: str) -> Table:
    """Load `hf:NAME[:CONFIG][:SPLIT]`, by default the `train` split; from the cache where it is there.

    No code of a data set is run. Raises `UsageError` for another form, `NotFound` when there is no such data set,
    `BadInput` for a configuration or a split that it does not have, `Unavailable` when the Hub can't be reached.
    """
    name, config, split = _parts(source)
    dataset = _load(source, name, config, split)

    def rows() -> Iterator[TableRow]:
        return (TableRow(number, row) for number, row in enumerate(dataset, start=1))

    return Table(source, tuple(dataset.column_names), rows, _content_hash(rows()), unit="row")


def _parts(source: str) -> tuple[str, str | None, str]:
    name, config, split, *more = [*source.removeprefix(PREFIX).split(":"), "", ""][: max(3, source.count(":"))]
    if not name or any(more):
        raise UsageError(
            f"--data {source!r} is no data set of the Hub; write hf:NAME, hf:NAME:CONFIG:SPLIT or hf:NAME::SPLIT"
        )
    return name, config or None, split or DEFAULT_SPLIT


def _load(source: str, name: str, config: str | None, split: str) -> Any:
    try:
        from datasets import load_dataset
        from datasets.exceptions import DatasetNotFoundError
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
    except ImportError as error:
        raise MissingExtra("train", "a data set of the Hub") from error
    try:
        with _quiet():
            return load_dataset(name, config, split=split)
    except DatasetNotFoundError as error:
        raise NotFound(
            f"--data {source}: there is no such data set, or it is not open to you ({_line(error)})"
        ) from error
    except (ConnectionError, HfHubHTTPError, OfflineModeIsEnabled) as error:
        raise Unavailable(
            f"--data {source}: the Hub can't be reached and the data set is not in the cache ({_line(error)}); "
            "connect once, or give a file"
        ) from error
    except (ValueError, RuntimeError, OSError) as error:
        raise BadInput(
            f"--data {source}: can't be loaded ({_line(error)}); check the name, CONFIG and SPLIT"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    from datasets.utils import logging
    from datasets.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown, verbosity = not are_progress_bars_disabled(), logging.get_verbosity()
    disable_progress_bars()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            enable_progress_bars()


def _content_hash(rows: Iterator[TableRow]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row.cells, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
