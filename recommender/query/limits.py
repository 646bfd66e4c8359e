"""How much of everything may be asked, and the texts and lists that queries are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from recommender.forms import STORABLE, TEXT, PathText, read_path

DEFAULT_K = 10

MAX_RESULTS = 1000
"""Ceiling of `k`: a page of recommendations is tens; more is an export, which the catalogue does better."""

MAX_OFFSET = 1000
"""Ceiling of `offset` + `k`: what lies further is an export, which the catalogue does better."""

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
"""Boosts of one query: each is another term of the formula that the engine works out for every candidate."""

MIN_WEIGHT, MAX_WEIGHT = -1, 10
"""A weight of -1 takes the whole score away; one of 10 multiplies it by 11, beyond which relevance no longer counts."""

MIN_HALF_LIFE_DAYS, MAX_HALF_LIFE_DAYS = 0.01, 36_500
"""A quarter of an hour, since the engine rejects one that rounds to nothing; and a hundred years."""

MAX_SKU = 200


@dataclass(frozen=True, slots=True)
class Named:
    """How a field is called in an address and on the command line, where it does not go by its own name.

    `text` is the type of one of its values there, where it has parts that a body keeps apart.
    """

    name: str = ""
    option: str = ""
    metavar: str | None = None
    text: Any = None


def parameter(meaning: str, *examples: Any, **limits: Any) -> Any:
    """Declare that a field is also a parameter of an address and an option of a command, and what it means."""
    return Field(description=meaning, examples=list(examples) or None, **limits)


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
