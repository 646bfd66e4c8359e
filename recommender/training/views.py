"""Views of a product: the texts by which it is met, side by side, so that one batch serves every objective."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from recommender.training.categories import Path

VIEWS = ("query", "text", "title", "description")
"""Columns that the model reads: a made-up query, the text that is indexed, and the two fields of a product alone."""


class Label(IntEnum):
    """Positions in a row's label: integers by which the objectives know what is alike.

    `HOME` numbers the category that the product is trained towards (-1: none), `FAMILY` its variants and near-identical
    titles, `LEAF_NAME` the name of its leaf (-1: none). `NAMES_LEAF` is 1 when the query names the leaf, `FIELDS` is 1
    when title and description make a pair, `QUERY` is 1 when there is a query.
    """

    HOME = 0
    FAMILY = 1
    LEAF_NAME = 2
    NAMES_LEAF = 3
    FIELDS = 4
    QUERY = 5


@dataclass(frozen=True, slots=True)
class Homes:
    """The categories that products are trained towards: their paths, and the texts of a few members of each."""

    paths: tuple[Path, ...]
    members: tuple[tuple[str, ...], ...]
