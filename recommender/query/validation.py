"""What a query may ask: the one set of limits that Python, the command line and HTTP share.

The types say the shape; this says which values make sense. Each function raises `UsageError` with what it got, what is
expected, and nothing else: no database and no index is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Any

from recommender.errors import UsageError
from recommender.query import (
    MAX_EXAMPLES,
    MAX_OFFSET,
    MAX_RESULTS,
    MAX_TEXT,
    Boost,
    BoostKind,
    Fallback,
    Filters,
    Mode,
    Options,
    Strategy,
    Variants,
)
from recommender.types import Product

MAX_FILTER_VALUES = 500
"""Values of one filter: a basket's or a session's worth of SKUs. The engine looks up each of them."""

MAX_VALUE = 2_000
"""Characters of one value of a filter: longer than any category path, brand or SKU that the catalogue keeps."""

MAX_BOOSTS = 20
"""Boosts of one query: each is another term of the formula that the engine works out for every candidate."""

MIN_WEIGHT, MAX_WEIGHT = -1.0, 10.0
"""A weight of -1 takes the whole score away; one of 10 multiplies it by 11, beyond which relevance no longer counts."""

MIN_HALF_LIFE_DAYS = 0.01
"""A quarter of an hour: the engine takes one that comes to nothing for an error of its own."""

MAX_HALF_LIFE_DAYS = 36_500.0
"""A hundred years: nothing in a shop is older."""


def check_query(k: int, filters: Filters, options: Options) -> None:
    """Check what every query has: how many are wanted, the filters and the options."""
    if not isinstance(filters, Filters):
        raise UsageError(f"filters is {_shown(filters)}; give Filters(in_stock=True) and the like")
    if not isinstance(options, Options):
        raise UsageError(f"options is {_shown(options)}; give Options(diversity=0.3) and the like")
    check_count(k, options.offset)
    check_filters(filters)
    check_options(options)


def check_count(k: int, offset: int = 0) -> None:
    """Check how many products are wanted, and how many are skipped before them."""
    if not _is_int(k) or not 1 <= k <= MAX_RESULTS:
        raise UsageError(f"k is {k!r}; give 1 to {MAX_RESULTS}")
    if not _is_int(offset) or offset < 0:
        raise UsageError(f"offset is {offset!r}; give 0 or more")
    if offset + k > MAX_OFFSET:
        raise UsageError(f"offset {offset} and k {k} reach beyond the first {MAX_OFFSET} products; narrow the filters")


def check_filters(filters: Filters) -> None:
    """Check the values of the filters."""
    for name in ("brands", "exclude_brands", "exclude_skus", "exclude_groups"):
        _check_values(getattr(filters, name), name)
    _check_size(filters.categories, "categories")
    for path in filters.categories:
        if not path or not isinstance(path, tuple | list):
            raise UsageError(f"categories holds {path!r}; give each as its names from the top, ('Shoes', 'Boots')")
        _check_values(path, "categories")
    _check_attributes(filters.attributes)
    _check_prices(filters.price_min, filters.price_max)
    if filters.min_score is not None and not _is_number(filters.min_score):
        raise UsageError(f"min_score is {_shown(filters.min_score)}; give a finite number")


def check_options(options: Options) -> None:
    """Check the values of the options, except the offset, which goes with `k`."""
    _check_choice(options.mode, Mode, "mode")
    _check_choice(options.variants, Variants, "variants")
    _check_choice(options.strategy, Strategy, "strategy")
    _check_choice(options.fallback, Fallback, "fallback")
    if not _is_number(options.diversity) or not 0 <= options.diversity <= 1:
        raise UsageError(f"diversity is {options.diversity!r}; give 0 (relevance alone) to 1")
    if options.model:
        _check_value(options.model, "model")
    if len(options.boosts) > MAX_BOOSTS:
        raise UsageError(f"{len(options.boosts)} boosts are given; at most {MAX_BOOSTS} can be")
    for boost in options.boosts:
        check_boost(boost)


def check_boost(boost: Boost) -> None:
    """Check one boost."""
    if not isinstance(boost, Boost):
        raise UsageError(f"boosts holds {boost!r}; give Boost(BoostKind.IN_STOCK, 0.2) and the like")
    _check_choice(boost.kind, BoostKind, "the kind of a boost")
    if not _is_number(boost.weight) or not MIN_WEIGHT <= boost.weight <= MAX_WEIGHT:
        raise UsageError(
            f"the boost {boost.kind} has the weight {boost.weight!r}; give {MIN_WEIGHT:g} to {MAX_WEIGHT:g}"
        )
    if boost.kind in (BoostKind.BRAND, BoostKind.ATTRIBUTE):
        _check_value(boost.value, f"the value of the boost {boost.kind}")
    if boost.kind is BoostKind.ATTRIBUTE:
        _check_value(boost.name, "the attribute's name in a boost")
    if boost.kind is BoostKind.NEWNESS and not (
        _is_number(boost.half_life_days) and MIN_HALF_LIFE_DAYS <= boost.half_life_days <= MAX_HALF_LIFE_DAYS
    ):
        raise UsageError(
            f"the half-life of newness is {boost.half_life_days!r}; give {MIN_HALF_LIFE_DAYS} days or more, such as 30"
        )


def check_text(text: str) -> None:
    """Check the text of a search."""
    if not isinstance(text, str):
        raise UsageError(f"the query is {_shown(text)}; give a text")
    if len(text) > MAX_TEXT:
        raise UsageError(f"the query has {len(text):,} characters; at most {MAX_TEXT:,} are read")
    if not text.strip():
        raise UsageError("the query is empty; say what to search for")
    check_encodable(text, "the query")


def check_examples(like: Sequence[str], dislike: Sequence[str] = ()) -> None:
    """Check the liked and disliked SKUs of a recommendation."""
    for name, skus in (("like", like), ("dislike", dislike)):
        _check_size(skus, name, MAX_EXAMPLES)
        _check_values(skus, name)
    if not like:
        raise UsageError("nothing is liked; name at least one product that is")
    both = set(like) & set(dislike)
    if both:
        raise UsageError(f"{min(both)!r} is both liked and disliked; name it once")


def check_sku(sku: str) -> None:
    """Check a SKU that is asked about: a text that has something in it. Whether it exists, the catalogue says."""
    _check_value(sku, "the SKU")


def each_product(products: Iterable[Product]) -> Iterator[Product]:
    """Give the products that are to be written. One alone, or something else among them, is a mistake of the caller."""
    if isinstance(products, Product | Mapping) or not isinstance(products, Iterable):
        raise UsageError(f"the products are {_shown(products)}; give a list of them, even for one")
    for product in products:
        if not isinstance(product, Product):
            raise UsageError(f"the products hold {_shown(product)}; give Product('SKU', 'title') and the like")
        yield product


def each_sku(skus: Iterable[str]) -> Iterator[str]:
    """Give the SKUs that are to be taken out. A text alone is a mistake: its characters would be taken for SKUs."""
    if isinstance(skus, str) or not isinstance(skus, Iterable):
        raise UsageError(f"the SKUs are {_shown(skus)}; give a list of them, even for one")
    for sku in skus:
        check_sku(sku)
        yield sku


def check_disjoint(upsert: Iterable[str], delete: Set[str]) -> None:
    """Check that no SKU of a write is to be both there and gone."""
    if both := delete & set(upsert):
        raise UsageError(f"the SKU {min(both)[:60]!r} is in 'upsert' and in 'delete'; leave it in one")


def check_encodable(text: str, what: str) -> None:
    """Check that a text has a form in UTF-8: half of a surrogate pair, which JSON and arguments can hold, has none."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} holds half of a surrogate pair at {error.start}; send text in UTF-8") from None


def _check_attributes(attributes: Any) -> None:
    if isinstance(attributes, Mapping):
        raise UsageError(f"attributes is {_shown(attributes)}; give pairs, (('colour', ('red', 'blue')),)")
    _check_size(attributes, "attributes")
    for pair in attributes:
        if isinstance(pair, str) or len(pair) != 2:
            raise UsageError(f"attributes holds {_shown(pair)}; give pairs, ('colour', ('red', 'blue'))")
        name, values = pair
        _check_value(name, "an attribute's name")
        _check_values(values, f"attributes {name!r}")
        if not values:
            raise UsageError(f"the attribute {name!r} has no values; name those that fit, or leave it out")


def _check_prices(low: Decimal | None, high: Decimal | None) -> None:
    for name, amount in (("price_min", low), ("price_max", high)):
        if amount is None:
            continue
        if not isinstance(amount, Decimal | int | float) or not _is_finite(amount) or amount < 0:
            raise UsageError(f"{name} is {_shown(amount)}; give a price of 0 or more, such as 19.99")
    if low is not None and high is not None and low > high:
        raise UsageError(f"price_min {low} is above price_max {high}; give the lower one first")


def _check_values(values: Iterable[str], name: str) -> None:
    _check_size(values, name)
    for value in values:
        _check_value(value, name)


def _check_size(values: Any, name: str, most: int = MAX_FILTER_VALUES) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise UsageError(f"{name} is {_shown(values)}; give a tuple of them, even for one")
    if len(values) > most:
        raise UsageError(f"{name} has {len(values):,} values; at most {most} can be given")


def _check_value(value: Any, name: str) -> None:
    if not isinstance(value, str):
        raise UsageError(f"{name} holds {_shown(value)}; give a text")
    if not value.strip():
        raise UsageError(f"{name} holds an empty text; leave it out, or say which")
    if len(value) > MAX_VALUE:
        raise UsageError(f"{name} holds a text of {len(value):,} characters; at most {MAX_VALUE:,} can be given")
    check_encodable(value, name)
    _check_storable(value, name)


def _check_storable(text: str, name: str) -> None:
    if "\x00" in text:
        raise UsageError(f"{name} holds a NUL character, which no catalogue keeps; leave it out")


def _check_choice(value: Any, kind: type[StrEnum], name: str) -> None:
    if not isinstance(value, kind):
        raise UsageError(f"{name} is {_shown(value)}; give one of {kind.__name__}: {', '.join(kind)}")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)


def _is_finite(value: Decimal | float) -> bool:
    try:
        return isfinite(value)
    except (OverflowError, ValueError):  # a whole number beyond every float, or a signaling NaN
        return False


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
