"""Availability as feeds state it: words, flags, schema.org addresses, or how many are in stock."""

from __future__ import annotations

import re
from functools import lru_cache

from recommender.feeds.rejections import BadRow
from recommender.types import Availability

_WORDS = {
    Availability.IN_STOCK: (
        "instock available availablenow instoreonly onlineonly limitedavailability limited lowstock onbackorderinstock"
        " 1 true yes y t on active onstock auflager lieferbar sofortlieferbar enstock disponible"
    ),
    Availability.OUT_OF_STOCK: (
        "outofstock outstock oos soldout unavailable notavailable discontinued nostock notinstock"
        " 0 false no n f off inactive nichtauflager ausverkauft nichtlieferbar epuise rupturedestock agotado"
    ),
    Availability.PREORDER: "preorder presale comingsoon preorderable availablesoon vorbestellbar",
    Availability.BACKORDER: "backorder onbackorder backordered availablefororder onorder madetoorder",
}
_MEANING = {word: availability for availability, words in _WORDS.items() for word in words.split()}
_QUANTITY = re.compile(r"[-+]?[0-9]{1,15}(?:[.,][0-9]{1,15})?")


@lru_cache(maxsize=4096)
def parse_availability(text: str) -> Availability:
    """Read an availability cell; an empty one says in stock, a number is a quantity.

    Raises `BadRow` for a word that is not known: guessing could offer what can't be bought.
    """
    stated = text.strip()
    if not stated:
        return Availability.IN_STOCK
    word = "".join(filter(str.isalnum, stated.rstrip("/").rpartition("/")[2].casefold()))
    if word in _MEANING and not stated.startswith("-"):
        return _MEANING[word]
    if _QUANTITY.fullmatch(stated):
        return Availability.IN_STOCK if float(stated.replace(",", ".")) > 0 else Availability.OUT_OF_STOCK
    raise BadRow(f"availability {stated[:40]!r} is not known; use {', '.join(Availability)}, or a quantity")
