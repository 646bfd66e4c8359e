"""SKUs that look like one which does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import chain
from string import ascii_lowercase, ascii_uppercase, digits

from sqlalchemy import select
from sqlalchemy.orm import Session

from recommender.catalogue.statements import in_chunks
from recommender.database.tables import ProductRow

NEIGHBOURS = 100
"""Existing SKUs looked at on each side, in the order of the index."""

LONGEST_EDITED = 40
"""Characters of a SKU up to which every single slip is tried: about 3,000 look-ups in the index, some 20 ms."""


def nearest_skus(session: Session, sku: str, limit: int) -> list[str]:
    """Return up to `limit` active SKUs that resemble this one, the most alike first.

    First comes what exists one slip away (a character missing, added, wrong or swapped, or another case), then what
    is alike among its neighbours in sort order, which share its beginning: the catalogue's size does not matter.
    """
    near = {found for chunk in in_chunks(sorted(set(_slips(sku)))) for found in _existing(session, chunk)}
    around = {found for spelling in (sku, sku.upper(), sku.lower()) for found in _neighbours(session, spelling)}
    best = [*_ranked(sku, near - {sku}, limit), *_ranked(sku, around - near - {sku}, limit)]
    return best[:limit]


_ACTIVE = select(ProductRow.sku).where(ProductRow.active.is_(True))


def _ranked(sku: str, candidates: Iterable[str], limit: int) -> list[str]:
    by_folded = {candidate.casefold(): candidate for candidate in sorted(candidates)}
    return [by_folded[found] for found in get_close_matches(sku.casefold(), by_folded, n=limit, cutoff=0.6)]


def _existing(session: Session, skus: Sequence[str]) -> Iterable[str]:
    return session.scalars(_ACTIVE.where(ProductRow.sku.in_(skus)))


def _neighbours(session: Session, sku: str) -> Iterator[str]:
    after = _ACTIVE.where(ProductRow.sku >= sku).order_by(ProductRow.sku).limit(NEIGHBOURS)
    before = _ACTIVE.where(ProductRow.sku < sku).order_by(ProductRow.sku.desc()).limit(NEIGHBOURS)
    return chain(session.scalars(after), session.scalars(before))


def _slips(sku: str) -> Iterator[str]:
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
