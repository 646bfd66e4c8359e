"""Google Merchant Center's product data in XML: RSS 2.0 or Atom with the `g:` namespace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice

from recommender.catalogue.columns import Field, require_columns
from recommender.catalogue.google import GoogleColumns, google_row, item_columns
from recommender.catalogue.rows import Row
from recommender.catalogue.sources import FeedFile
from recommender.catalogue.xml_items import Item, items_of
from recommender.errors import BadFeed

SAMPLED_ITEMS = 200
"""Items whose parts are looked at before anything is written."""

MAX_SHAPES = 2_000
"""Sets of parts whose columns are remembered, and unread parts that are kept for the report."""


class GoogleXmlFeed:
    """Reads items. Each may have parts of its own; every shape is matched to the fields by itself."""

    def __init__(self, file: FeedFile, mapping: Mapping[Field, str]) -> None:
        self._file = file
        self._mapping = mapping
        self._shapes: dict[tuple[str, ...], GoogleColumns] = {}
        self._ignored: dict[str, None] = {}
        self.ended_early = ""
        require_columns(file.name, self._sampled_names(), mapping)

    @property
    def name(self) -> str:
        """What messages call the feed."""
        return self._file.name

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        """Parts that no field was read from, in the items read so far."""
        return tuple(self._ignored)

    @property
    def withdrawn(self) -> tuple[str, ...]:
        """None: Google's data states only what is offered."""
        return ()

    def rows(self) -> Iterator[Row]:
        """Read the items, in bounded memory. Raises `BadFeed` where the file is cut off or no XML any more."""
        self.ended_early = ""
        with closing(items_of(self._file)) as items:
            try:
                yield from map(self._row, items)
            except BadFeed as error:
                self.ended_early = str(error)
                raise

    def _sampled_names(self) -> list[str]:
        names: dict[str, None] = {}
        with closing(items_of(self._file)) as items:
            try:
                for item in islice(items, SAMPLED_ITEMS):
                    names.update(dict.fromkeys(item.parts))
            except BadFeed:
                if not names:  # else the items before the damage are worth reading
                    raise
        if not names:
            raise BadFeed(f"{self.name}: holds no <item> or <entry> with product data; expected one for each product")
        return list(names)[:MAX_SHAPES]

    def _row(self, item: Item) -> Row:
        columns = self._columns_of(tuple(item.parts))
        return google_row(item.line, item.parts, columns, item.parts, item.problem)

    def _columns_of(self, names: tuple[str, ...]) -> GoogleColumns:
        columns = self._shapes.get(names)
        if columns is None:
            columns = item_columns(names, self._mapping)
            if len(self._shapes) >= MAX_SHAPES:
                self._shapes.clear()
            self._shapes[names] = columns
            if len(self._ignored) < MAX_SHAPES:
                self._ignored.update(dict.fromkeys(columns.columns.ignored))
        return columns
