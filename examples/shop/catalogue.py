"""The shop's own catalogue: a feed file here, a database elsewhere."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Article:
    """What a product page shows."""

    sku: str
    title: str
    description: str
    brand: str
    price: str


def read_catalogue(feed: Path) -> Mapping[str, Article]:
    """Read the articles of a CSV feed, gzipped or not, by SKU."""
    with gzip.open(feed, "rt", encoding="utf-8") if feed.suffix == ".gz" else feed.open(encoding="utf-8") as lines:
        articles = [_article(row) for row in csv.DictReader(lines)]
    return {article.sku: article for article in articles}


def _article(row: Mapping[str, str]) -> Article:
    price = f"{row['price']} {row.get('currency', '')}".strip()
    return Article(row["sku"], row["title"], row.get("description", ""), row.get("brand", ""), price)
