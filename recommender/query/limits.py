"""How much of everything a query may ask for, and the texts and lists that queries are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from recommender.forms import STORABLE, TEXT, PathText, read_path

DEFAULT_K = 10

MAX_RESULTS = 1000
"""Ceiling of `k`: a page of recommendations is tens; more is an export, which the catalogue does better."""

MAX_OFFSET = 1000
"""Ceiling of `offset` + `k`: more is an export, which the catalogue does better."""

DEFAULT_FACET_VALUES = 30

MAX_FACET_VALUES = 10_000
"""Ceiling of `facet_values`: the brands of a large shop, a few hundred kilobytes of an answer."""

MAX_EXAMPLES = 100
"""Ceiling of liked and of disliked products: a session, not a history."""

MAX_TEXT = 100_000
"""Characters of a search text. The encoder reads the first few hundred words; a body of megabytes is a mistake."""

MAX_VALUE = 2_000
"""Characters of one value of a filter: longer than any category path, brand or SKU that the catalogue keeps."""

MAX_FILTER_VALUES = 500
"""Values of one filter: a basket's or a session's worth of SKUs. The engine looks up each of them."""

MAX_BOOSTS = 20
"""Boosts of one query: each is another term of the formula that the engine computes for every candidate."""

MIN_WEIGHT, MAX_WEIGHT = -1, 10
"""A weight of -1 takes the whole score away; one of 10 multiplies it by 11, beyond which relevance no longer counts."""

MIN_HALF_LIFE_DAYS, MAX_HALF_LIFE_DAYS = 0.01, 36_500
"""At least a quarter of an hour, since the engine rejects one that rounds to nothing; and at most a hundred years."""

MAX_SKU = 200

DEFAULT_SUGGESTIONS = 8

MAX_SUGGESTIONS = 50
"""More than anybody reads below a search box."""

MAX_TYPED = 300
"""Characters of a text that is completed; a longer one was pasted."""

DEFAULT_SEARCHES = 100


def parameter(
    default: Any,
    meaning: str,
    *examples: Any,
    name: str = "",
    option: str = "",
    metavar: str | None = None,
    text: Any = None,
    **limits: Any,
) -> Any:
    """Declare a field of a dataclass that is also a parameter of an address and an option of a command.

    pydantic reads its meaning and limits. If it does not have the field's own name there, `name` is its name in an
    address, and `option` on the command line. `text` is the type of one of its values in both, if such a text combines
    parts that a JSON body keeps apart.
    """
    named = {"name": name, "option": option, "metavar": metavar, "text": text}
    return field(
        default=default, metadata=named | limits | {"description": meaning, "examples": list(examples) or None}
    )


SEVERAL = Field(max_length=MAX_FILTER_VALUES, strict=False)
Text = Annotated[str, Field(pattern=TEXT, min_length=1, max_length=MAX_VALUE)]
OptionalText = Annotated[str, Field(pattern="^$|" + TEXT, max_length=MAX_VALUE)]
StorableText = Annotated[str, Field(pattern=STORABLE)]
Sku = Text
SearchText = Annotated[str, Field(pattern=r"\S", min_length=1, max_length=MAX_TEXT)]
Texts = Annotated[tuple[Text, ...], SEVERAL]
Values = Annotated[tuple[Text, ...], SEVERAL, Field(min_length=1)]
Path = Annotated[Values, BeforeValidator(read_path, json_schema_input_type=Values | PathText)]
Examples = Annotated[Sequence[Text], Field(max_length=MAX_EXAMPLES)]
