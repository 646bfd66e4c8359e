"""Google Merchant Center's product data in XML: RSS 2.0 or Atom with the `g:` namespace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice

from recommender.errors import BadFeed
from recommender.feeds.columns import MAX_NAMES, Field, Shapes, require_columns
from recommender.feeds.platforms.google import google_row, item_columns
from recommender.feeds.rows import Feed, Row
from recommender.feeds.sources import FeedFile
from recommender.feeds.xml_items import Item, items_of

SAMPLED_ITEMS = 200
"""Items whose parts are looked at before anything is written."""


class GoogleXmlFeed(Feed):
    """Reads items. Each may have parts of its own; every shape is matched to the fields by itself."""

    def __init__(self, file: FeedFile, mapping: Mapping[Field, str]) -> None:
        self.name = file.name
        self._file = file
        self._shapes = Shapes(lambda names: item_columns(names, mapping))
        require_columns(file.name, self._sample_names(), mapping)

    @property
    def leftover_columns(self) -> tuple[str, ...]:
        """Parts that no field was read from, in the items read so far."""
        return self._shapes.leftover_names

    @property
    def field_columns(self) -> Mapping[Field, str]:
        """The part that each field was read from, in the items read so far."""
        return self._shapes.field_columns

    def rows(self) -> Iterator[Row]:
        """Read the items, in bounded memory. Raises `BadFeed` where the file is cut off or no XML any more."""
        self.early_end = ""
        with closing(items_of(self._file)) as items:
            try:
                yield from map(self._row, items)
            except BadFeed as error:
                self.early_end = str(error)
                raise

    def _sample_names(self) -> list[str]:
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
        return list(names)[:MAX_NAMES]

    def _row(self, item: Item) -> Row:
        columns = self._shapes.of(tuple(item.parts))
        return google_row(item.line, item.parts, columns, item.parts, item.problem)
