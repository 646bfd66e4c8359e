"""Data sets of the Hugging Face Hub as tables of training data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from recommender.hub_datasets import hub_source, load_hub_data
from recommender.training.data.tables import Table, TableRow


def hub_table(source: str) -> Table:
    """Load `hf:NAME[:CONFIG][:SPLIT]`, by default the `train` split; from the cache where it is there.

    Raises `UsageError` for another form, and what `load_hub_data` raises.
    """
    dataset = load_hub_data(hub_source(source, "--data"))

    def rows() -> Iterator[TableRow]:
        return (TableRow(number, row) for number, row in enumerate(dataset, start=1))

    return Table(source, tuple(dataset.column_names), rows, _content_hash(rows()), unit="row")


def _content_hash(rows: Iterator[TableRow]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row.cells, sort_keys=True, default=str).encode())
    return digest.hexdigest()
