"""The query parameters of the GETs: how each is read, and how the OpenAPI document tells of it. One table for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from recommender.errors import UsageError
from recommender.query import MAX_OFFSET, MAX_RESULTS, Fallback, Filters, Mode, Options, Strategy, Variants
from recommender.query.reading import amount_of, choice_of, members_of, number_of, parse_path
from recommender.query.serialization import parse_attribute, parse_boost
from recommender.query.validation import MAX_BOOSTS, MAX_FILTER_VALUES
from recommender.types import JsonObject

LONGEST = 1_000
LONGEST_QUESTION = 4_000
"""Characters of a text in an address, which has 64 KiB; a body takes more."""

MAX_PARAMETERS = 4 * MAX_FILTER_VALUES
"""Parameters of one request, repeated ones counted each time."""

DEFAULT_K = 10

TEXT_PATTERN = r"^[^\x00]*[^\s\x00][^\x00]*$"
"""A text with something in it; no database keeps a NUL."""

PATH_PATTERN = r"^[^>\x00]*[^\s>\x00][^>\x00]*(>[^>\x00]*[^\s>\x00][^>\x00]*)*$"
ATTRIBUTE_PATTERN = r"^[^:\x00]*[^\s:\x00][^:\x00]*:[^\x00]*[^\s|\x00][^\x00]*$"

LARGEST_PRICE = 999_999_999_999_999

_FLAGS = {"true": True, "false": False}

Read = Callable[[str, str], Any]


def _whole(text: str, what: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        raise UsageError(f"{what} is {text[:60]!r}; a whole number is expected")
    return int(text)


def _number(text: str, what: str) -> float:
    try:
        return number_of(float(text), what)
    except ValueError:
        raise UsageError(f"{what} is {text[:60]!r}; a finite number is expected") from None


def _flag(text: str, what: str) -> bool:
    if text not in _FLAGS:
        raise UsageError(f"{what} is {text[:60]!r}; true or false is expected")
    return _FLAGS[text]


def _short(text: str, what: str) -> str:
    return _text(text, what, LONGEST)


def _question(text: str, what: str) -> str:
    return _text(text, what, LONGEST_QUESTION)


def _text(text: str, what: str, most: int) -> str:
    if len(text) > most:
        raise UsageError(f"{what} has {len(text):,} characters; an address takes {most:,}, and the body of a POST more")
    return text


def _choice(kind: type[Any]) -> Read:
    return lambda text, what: choice_of(text, kind, what)


def _attribute(text: str, _what: str) -> tuple[str, tuple[str, ...]]:
    return parse_attribute(text)


def _boost(text: str, _what: str) -> Any:
    return parse_boost(text)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter: its reader, its JSON schema, the field that it fills and whether it may be repeated."""

    name: str
    read: Read
    schema: JsonObject
    description: str
    fills: str = ""
    many: bool = False
    required: bool = False
    example: Any = None

    @property
    def document(self) -> JsonObject:
        """The parameter as OpenAPI has it."""
        schema = {"type": "array", "items": self.schema, "maxItems": self._most} if self.many else self.schema
        found: JsonObject = {"name": self.name, "in": "query", "description": self.description, "schema": schema}
        if self.required:
            found["required"] = True
        return found if self.example is None else found | {"example": self.example}

    @property
    def _most(self) -> int:
        return MAX_BOOSTS if self.name == "boost" else MAX_FILTER_VALUES


_TEXT: JsonObject = {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": TEXT_PATTERN}


def _of(kind: type[Any], default: Any) -> JsonObject:
    return {"type": "string", "enum": [each.value for each in kind], "default": default.value}


def _boolean(default: bool) -> JsonObject:
    return {"type": "boolean", "default": default}


_PRICE: JsonObject = {"type": "number", "minimum": 0, "maximum": LARGEST_PRICE}

SKU = Parameter("sku", _short, _TEXT, "The product's SKU.", required=True, example="OS-1196")
TEXT = Parameter(
    "q",
    _question,
    {"type": "string", "minLength": 1, "maxLength": LONGEST_QUESTION, "pattern": r"\S"},
    "What to look for, in plain words.",
    required=True,
    example="light walking boots",
)

_K = Parameter(
    "k", _whole, {"type": "integer", "minimum": 1, "maximum": MAX_RESULTS, "default": DEFAULT_K},
    f"How many products. With `offset` it reaches to the first {MAX_OFFSET} at most.",
)  # fmt: skip

_FILTERS = (
    Parameter(
        "category", parse_path, {"type": "string", "pattern": PATH_PATTERN},
        "Only this category and those below it; `A > B` is a path from the top. Any of several.",
        "categories", many=True, example=["Footwear > Boots"],
    ),
    Parameter("brand", _short, _TEXT, "Only this brand; any of several.", "brands", many=True),
    Parameter("exclude_brand", _short, _TEXT, "Not this brand.", "exclude_brands", many=True),
    Parameter("price_min", amount_of, _PRICE, "Lowest price, inclusive."),
    Parameter("price_max", amount_of, _PRICE, "Highest price, inclusive; at least `price_min`."),
    Parameter("in_stock", _flag, _boolean(False), "Only what is in stock."),
    Parameter(
        "attribute", _attribute, {"type": "string", "pattern": ATTRIBUTE_PATTERN},
        "A name and the values of which a product must have one, `colour:red|blue`; all of several must hold.",
        "attributes", many=True, example=["colour:red|blue"],
    ),
    Parameter("exclude_sku", _short, _TEXT, "Not this product.", "exclude_skus", many=True),
    Parameter("exclude_group", _short, _TEXT, "Not the variants of this group.", "exclude_groups", many=True),
    Parameter("min_score", _number, {"type": "number"}, "Lowest score, in the scores of the mode."),
)  # fmt: skip

_OPTIONS = (
    Parameter("mode", _choice(Mode), _of(Mode, Mode.HYBRID), "By vector and words fused, or by one of them."),
    Parameter("variants", _choice(Variants), _of(Variants, Variants.COLLAPSE), "One variant of a group, or all."),
    Parameter(
        "offset", _whole, {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET - 1, "default": 0},
        "How many to skip.",
    ),
    Parameter(
        "diversity", _number, {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        "From 0, relevance alone, to 1: the engine's maximal marginal relevance.",
    ),
    Parameter(
        "boost", _boost, {"type": "string", "format": "boost"},
        "`in-stock=0.2`, `brand:Nike=0.3`, `attribute:colour:red=0.1`, `newness=0.5`, or `newness@7=0.5` for a"
        " half-life of 7 days.",
        "boosts", many=True, example=["in-stock=0.2"],
    ),
    Parameter("strategy", _choice(Strategy), _of(Strategy, Strategy.BEST_SCORE), "How examples make one query."),
    Parameter("fallback", _choice(Fallback), _of(Fallback, Fallback.NONE), "What fills up an answer too short."),
    Parameter("rules", _flag, _boolean(True), "Whether the shop's pins and bans hold."),
    Parameter("explain", _flag, _boolean(False), "Whether each hit says why it is there."),
    Parameter("facets", _flag, _boolean(False), "Whether categories, brands and prices are counted."),
    Parameter(
        "model", _short, {"type": "string", "maxLength": LONGEST, "pattern": "^$|" + TEXT_PATTERN},
        "Another model than the live one, whose generation is kept.",
    ),
)  # fmt: skip


class Asked(NamedTuple):
    """What the parameters of one request say; `subject` is the SKU or the text."""

    subject: str
    k: int
    filters: Filters
    options: Options


class QueryParameters:
    """The parameters of one route. What is not given is not looked at: most requests give two of two dozen."""

    def __init__(self, subject: Parameter | None = None) -> None:
        self._subject = subject.name if subject else ""
        self._known = {each.name: each for each in (*([subject] if subject else []), _K, *_FILTERS, *_OPTIONS)}
        self._filters = frozenset(each.name for each in _FILTERS)

    @property
    def document(self) -> list[JsonObject]:
        """The parameters as OpenAPI has them."""
        return [each.document for each in self._known.values()]

    def read(self, query: bytes) -> Asked:
        """Read a query string. Raises `UsageError` that names the parameter which is wrong, missing or unknown."""
        filters: JsonObject = {}
        options: JsonObject = {}
        own: JsonObject = {}
        for parameter, value in self._values(query):
            name = parameter.name
            target = filters if name in self._filters else own if name in ("k", self._subject) else options
            _put(target, parameter, value)
        if self._subject and self._subject not in own:
            raise UsageError(f"the parameter {self._subject!r} is missing")
        return Asked(
            own.get(self._subject, ""),
            own.get("k", DEFAULT_K),
            Filters(**_frozen(filters)) if filters else Filters(),
            Options(**_frozen(options)) if options else Options(),
        )

    def _values(self, query: bytes) -> Iterator[tuple[Parameter, Any]]:
        for name, text in _pairs(query):
            parameter = self._known.get(name)
            if parameter is None:
                members_of({name: text}, "the request", tuple(self._known))  # says which it may have been
                continue
            yield parameter, parameter.read(text, name)


def _pairs(query: bytes) -> Sequence[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise UsageError("the query string is not UTF-8; encode each text in it with %XX") from None
    except ValueError:
        raise UsageError(f"more than {MAX_PARAMETERS} parameters; send the question in a POST") from None


def _put(target: JsonObject, parameter: Parameter, value: Any) -> None:
    name = parameter.fills or parameter.name
    if parameter.many:
        target.setdefault(name, []).append(value)
    elif name in target:
        raise UsageError(f"the parameter {parameter.name!r} is given twice")
    else:
        target[name] = value


def _frozen(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in members.items()}
