"""SKUs that resemble one which does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from string import ascii_lowercase, ascii_uppercase, digits

from sqlalchemy import select
from sqlalchemy.orm import Session

from recommender.database.statements import in_chunks
from recommender.database.tables import ProductRow

NEIGHBOURS = 100
"""Existing SKUs that are compared on each side, in the order of the index."""

LONGEST_EDITED = 40
"""Longest SKU for which every single edit is tried: about 3,000 look-ups in the index, some 20 ms."""


def nearest_skus(session: Session, sku: str, limit: int) -> list[str]:
    """Return up to `limit` active SKUs that resemble this one, the most alike first.

    SKUs that are one edit away come first: a character missing, added, wrong or swapped, or another case. Then come
    similar ones among its neighbours in sort order, which have the same beginning. The catalogue's size does not
    matter.
    """
    column = ProductRow.sku
    active = select(column).where(ProductRow.active.is_(True))
    near: set[str] = set()
    for chunk in in_chunks(sorted(set(_edits(sku)))):
        near.update(session.scalars(active.where(column.in_(chunk))))
    around: set[str] = set()
    for spelling in (sku, sku.upper(), sku.lower()):
        around.update(session.scalars(active.where(column >= spelling).order_by(column).limit(NEIGHBOURS)))
        around.update(session.scalars(active.where(column < spelling).order_by(column.desc()).limit(NEIGHBOURS)))
    best = [*_most_alike(sku, near - {sku}, limit), *_most_alike(sku, around - near - {sku}, limit)]
    return best[:limit]


def _most_alike(sku: str, candidates: Iterable[str], limit: int) -> list[str]:
    by_folded = {candidate.casefold(): candidate for candidate in sorted(candidates)}
    return [by_folded[found] for found in get_close_matches(sku.casefold(), by_folded, n=limit, cutoff=0.6)]


def _edits(sku: str) -> Iterator[str]:
    if len(sku) > LONGEST_EDITED:
        return
    alphabet = digits + "-_" + (ascii_lowercase if sku.islower() else ascii_uppercase)
    for spelling in {sku, sku.upper(), sku.lower()}:
        yield spelling
        for place in range(len(spelling)):
            head, tail = spelling[:place], spelling[place:]
            yield head + tail[1:]
            yield head + tail[1:2] + tail[0] + tail[2:]
    for place in range(len(sku) + 1):
        for character in alphabet:
            yield sku[:place] + character + sku[place + 1 :]
            yield sku[:place] + character + sku[place:]
