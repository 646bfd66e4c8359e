"""How much of everything may be asked, and the texts, lists and prices that queries are made of."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen

from recommender.forms import (
    LARGEST_PRICE,
    PRICE_TEXT,
    SEVERAL,
    SOMETHING,
    TEXT,
    Form,
    PathText,
    Pattern,
    price_json,
    read_path,
    read_price,
)

DEFAULT_K = 10

MAX_RESULTS = 1000
"""Ceiling of `k`: a page of recommendations is tens; more is an export, which the catalogue does better."""

MAX_OFFSET = 1000
"""Ceiling of `offset` + `k`: what lies further is an export, which the catalogue does better."""

MAX_EXAMPLES = 100
"""Ceiling of liked and of disliked products: a session, not a history."""

MAX_TEXT = 100_000
"""Characters of a search text. The encoder reads the first few hundred words; a body of megabytes is a mistake."""

MAX_VALUE = 2_000
"""Characters of one value of a filter: longer than any category path, brand or SKU that the catalogue keeps."""

MAX_FILTER_VALUES = 500
"""Values of one filter: a basket's or a session's worth of SKUs. The engine looks up each of them."""

MAX_BOOSTS = 20
"""Boosts of one query: each is another term of the formula that the engine works out for every candidate."""

MIN_WEIGHT, MAX_WEIGHT = -1, 10
"""A weight of -1 takes the whole score away; one of 10 multiplies it by 11, beyond which relevance no longer counts."""

MIN_HALF_LIFE_DAYS, MAX_HALF_LIFE_DAYS = 0.01, 36_500
"""A quarter of an hour, since the engine rejects one that rounds to nothing; and a hundred years."""

MAX_SKU = 200

Text = Annotated[str, TEXT, MinLen(1), MaxLen(MAX_VALUE)]
OptionalText = Annotated[str, Pattern("^$|" + TEXT.regex, TEXT.expected), MaxLen(MAX_VALUE)]
Sku = Annotated[str, TEXT, MinLen(1), MaxLen(MAX_VALUE)]
SearchText = Annotated[str, SOMETHING, MinLen(1), MaxLen(MAX_TEXT)]
Texts = Annotated[tuple[Text, ...], MaxLen(MAX_FILTER_VALUES), SEVERAL]
Values = Annotated[tuple[Text, ...], MinLen(1), MaxLen(MAX_FILTER_VALUES), SEVERAL]
Path = Annotated[
    tuple[Text, ...],
    MaxLen(MAX_FILTER_VALUES),
    Form(read_path, Annotated[list[Text], MinLen(1), MaxLen(MAX_FILTER_VALUES)] | PathText),
]
PriceBound = Annotated[
    Decimal,
    Ge(0),
    Form(read_price, Annotated[float, Ge(0), Le(LARGEST_PRICE)] | Annotated[str, PRICE_TEXT], price_json, float | str),
]
Examples = Annotated[Sequence[Text], MaxLen(MAX_EXAMPLES)]
