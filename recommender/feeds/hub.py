"""Data sets of the Hugging Face Hub as feeds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from recommender.errors import Unavailable, one_line
from recommender.feeds.tables import Table, TableRow
from recommender.hub_datasets import (
    PREFIX,
    hub_source,
    load_hub_data,
    quiet_datasets,
    reading_errors,
)

_MEDIA = frozenset({"Image", "Audio", "Video", "Pdf", "Mesh", "Nifti"})
"""Features that are files, not text: reading one would download and decode it."""


def is_hub_name(source: str) -> bool:
    """Tell `hf:NAME` from a path."""
    return source.startswith(PREFIX)


class HubTable(Table):
    """Reads the rows of `hf:NAME[:CONFIG][:SPLIT]` as they arrive, of the columns that are used.

    Without a connection the data set comes from the cache. Raises the errors of `hub_source` and `load_hub_data`.
    """

    unit: ClassVar[str] = "row"

    def __init__(self, source: str) -> None:
        self._source = hub_source(f"{PREFIX}{source.removeprefix(PREFIX)}")
        self.name = self._source.shown
        from huggingface_hub import constants

        # Offline, rows that lie in a folder can be streamed; those in the cache can't.
        streaming = not constants.HF_HUB_OFFLINE or Path(self._source.name).exists()
        data = load_hub_data(self._source, streaming=streaming)
        names = list(data.column_names or next(iter(islice(data, 1)), {}))
        features = data.features or {}
        media = {name for name in names if type(features.get(name)).__name__ in _MEDIA}
        self.columns = tuple(name for name in names if name not in media)
        self.unreadable = tuple(sorted(media))
        self._data = data
        self._labels = {name: feature for name, feature in features.items() if hasattr(feature, "int2str")}

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:
        """Read the rows, numbered from 1. Raises `Unavailable` when the Hub goes away meanwhile."""
        self.early_end = ""
        for number, cells in enumerate(self._arriving(self.columns if wanted is None else wanted), start=1):
            named = dict(cells)
            for name, label in self._labels.items():
                if isinstance(value := cells.get(name), int) and value >= 0:
                    named[name] = label.int2str(value)
            yield TableRow(number, named, cells)

    def _arriving(self, wanted: Collection[str]) -> Iterator[Mapping[str, Any]]:
        number = 0
        try:
            with quiet_datasets():
                for number, cells in enumerate(self._data.select_columns(sorted(wanted)), start=1):  # noqa: B007 - where it ended is told below
                    yield cells
        except reading_errors() as error:
            self.early_end = f"beyond row {number:,}: {one_line(error, 200)}"
            raise Unavailable(
                f"{self.name}: can't be read beyond row {number:,} ({one_line(error, 200)}); the rows before it may"
                " have been taken in, and the same command goes on from there"
            ) from error
