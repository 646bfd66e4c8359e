"""Reads a feed to its end."""

from __future__ import annotations

from pathlib import Path

from recommender.feeds.formats import open_feed
from recommender.feeds.products import is_offered, product_of
from recommender.feeds.remarks import Remark
from recommender.feeds.rows import survey
from recommender.types import Product


def read_feed(path: Path) -> tuple[list[Product], list[Remark]]:
    """Return the products that are on sale, and what the report says of them."""
    remarks: list[Remark] = []
    with open_feed(path) as feed:
        notation, rows = survey(feed.rows())
        return [product_of(row, notation, remarks) for row in rows if is_offered(row)], remarks
