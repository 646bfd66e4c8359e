"""What the commands that ask have in common: filters and options as flags, and how their texts become values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from decimal import Decimal, InvalidOperation
from functools import wraps
from itertools import chain
from typing import Annotated, Any, get_type_hints

import typer

from recommender.cli.options import Json, Limit
from recommender.errors import UsageError
from recommender.query import Boost, Fallback, Filters, Mode, Options, Strategy, Variants

Texts = list[str] | None

SEVERAL = "may be given several times"

Category = Annotated[
    Texts, typer.Option("--category", help=f"Only this category and those below it, as `A > B`; {SEVERAL}.")
]
Brand = Annotated[Texts, typer.Option("--brand", help=f"Only this brand; {SEVERAL}.")]
NotBrand = Annotated[Texts, typer.Option("--not-brand", help=f"Without this brand; {SEVERAL}.")]
Price = Annotated[str | None, typer.Option("--price", help="Price range: `10..50`, `..50` or `10..`.")]
InStock = Annotated[bool, typer.Option("--in-stock", help="Only what is in stock.")]
Attribute = Annotated[
    Texts, typer.Option("--attribute", help=f"Only with this attribute: `colour:red` or `colour:red|blue`; {SEVERAL}.")
]
Exclude = Annotated[Texts, typer.Option("--exclude", metavar="SKU", help=f"Without this product; {SEVERAL}.")]
ExcludeGroup = Annotated[
    Texts, typer.Option("--exclude-group", metavar="ID", help=f"Without the variants of this group; {SEVERAL}.")
]
MinScore = Annotated[
    float | None, typer.Option("--min-score", help="Only from this score on; scores differ between modes.")
]

ModeOption = Annotated[Mode, typer.Option("--mode", help="hybrid: vectors and words fused; dense; lexical.")]
VariantsOption = Annotated[
    Variants, typer.Option("--variants", help="collapse: the best variant of each product; all: each of them.")
]
Offset = Annotated[int, typer.Option("--offset", help="Skip this many: the next page.", min=0)]
Diversity = Annotated[float, typer.Option("--diversity", help="From 0, relevance alone, to 1.", min=0, max=1)]
BoostOption = Annotated[
    Texts,
    typer.Option(
        "--boost",
        metavar="WHAT=WEIGHT",
        help="Multiply the score of what fits by 1 + weight: `in-stock=0.2`, `brand:Nike=0.3`, "
        f"`attribute:size:XL=1`, `newness=0.5` (`newness@7`: half of it a week later); {SEVERAL}.",
    ),
]
FallbackOption = Annotated[
    Fallback,
    typer.Option("--fallback", help="widen: fill up from wider categories, then with popular or new products."),
]
NoRules = Annotated[bool, typer.Option("--no-rules", help="Without the shop's pins and bans.")]
Explain = Annotated[bool, typer.Option("--explain", help="Say of each product why it is there.")]
FacetsOption = Annotated[bool, typer.Option("--facets", help="Count categories, brands and price bands.")]
Model = Annotated[str, typer.Option("--model", help="Ask this model instead of the live one.")]
StrategyOption = Annotated[
    Strategy, typer.Option("--strategy", help="How several products make one question: by the nearest, mean, or sum.")
]


Fields = dict[str, Any]
"""Fields of `Filters` and of `Options`, whose names differ, as far as a group of flags says them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the flags of a command that asks come to."""

    k: int
    filters: Filters
    options: Options
    as_json: bool


def filtering(
    category: Category = None,
    brand: Brand = None,
    not_brand: NotBrand = None,
    price: Price = None,
    in_stock: InStock = False,
    attribute: Attribute = None,
    exclude: Exclude = None,
    exclude_group: ExcludeGroup = None,
) -> Fields:
    """Return what every query is filtered by. Raises `UsageError` for what can't be read."""
    low, high = _price_range(price)
    return {
        "categories": _paths(category),
        "brands": tuple(brand or ()),
        "exclude_brands": tuple(not_brand or ()),
        "price_min": low,
        "price_max": high,
        "in_stock": in_stock,
        "attributes": _attributes(attribute),
        "exclude_skus": tuple(exclude or ()),
        "exclude_groups": tuple(exclude_group or ()),
    }


def paging(
    variants: VariantsOption = Variants.COLLAPSE,
    offset: Offset = 0,
    no_rules: NoRules = False,
    facets: FacetsOption = False,
    model: Model = "",
) -> Fields:
    """Return the options of every query."""
    return {"variants": variants, "offset": offset, "rules": not no_rules, "facets": facets, "model": model}


def ranking(
    mode: ModeOption = Mode.HYBRID,
    min_score: MinScore = None,
    diversity: Diversity = 0.0,
    boost: BoostOption = None,
    fallback: FallbackOption = Fallback.NONE,
    explain: Explain = False,
) -> Fields:
    """Return what queries can ask that rank by something. Raises `UsageError` for what can't be read."""
    found = {"mode": mode, "diversity": diversity, "boosts": _boosts(boost), "fallback": fallback, "explain": explain}
    return found | {"min_score": min_score}


def joining(strategy: StrategyOption = Strategy.BEST_SCORE) -> Fields:
    """Return what queries by several products can ask."""
    return {"strategy": strategy}


def asks(*groups: Callable[..., Fields]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of these groups in place of its parameter `asked`, which gets what they come to.

    Typer reads flags from a signature: without this, four commands would repeat twenty parameters each.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        names = [(group, tuple(inspect.signature(group).parameters)) for group in groups]

        @wraps(command)
        def run(**given: Any) -> None:
            k, as_json = given.pop("limit"), given.pop("as_json")
            fields: Fields = {}
            for group, flags in names:
                fields |= group(**{flag: given.pop(flag) for flag in flags})
            command(asked=_asked(k, fields, as_json), **given)

        parameters = [*_parameters(command), *_flags(_limit), *chain(*map(_flags, groups)), *_flags(_format)]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _limit(limit: Limit = 10) -> None: ...


def _format(as_json: Json = False) -> None: ...


def _asked(k: int, fields: Fields, as_json: bool) -> Asked:
    filters = {name: value for name, value in fields.items() if name in _FILTERS}
    options = {name: value for name, value in fields.items() if name not in _FILTERS}
    return Asked(k, Filters(**filters), Options(**options), as_json)


_FILTERS = frozenset(field.name for field in dataclass_fields(Filters))


def _parameters(command: Callable[..., None]) -> list[inspect.Parameter]:
    return [parameter for parameter in _flags(command) if parameter.name != "asked"]


def _flags(group: Callable[..., Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    found = inspect.signature(group).parameters.values()
    return [each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY) for each in found]


# What reads the texts is imported where there are any: most queries have none, and start a little sooner.


def _paths(texts: Texts) -> tuple[tuple[str, ...], ...]:
    if not texts:
        return ()
    from recommender.query.serialization import parse_path

    return tuple(parse_path(text, "--category") for text in texts)


def _attributes(texts: Texts) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not texts:
        return ()
    from recommender.query.serialization import parse_attribute

    return tuple(parse_attribute(text) for text in texts)


def _boosts(texts: Texts) -> tuple[Boost, ...]:
    if not texts:
        return ()
    from recommender.query.serialization import parse_boost

    return tuple(parse_boost(text) for text in texts)


def _price_range(text: str | None) -> tuple[Decimal | None, Decimal | None]:
    if text is None:
        return None, None
    low, dots, high = text.partition("..")
    if not dots or not (low.strip() or high.strip()):
        raise UsageError(f"--price {text!r} is not a range; write 10..50, ..50 or 10..")
    bounds = _amount(low), _amount(high)
    if bounds[0] is not None and bounds[1] is not None and bounds[0] > bounds[1]:
        raise UsageError(f"--price {text!r} starts above its end; write the lower price first")
    return bounds


def _amount(text: str) -> Decimal | None:
    if not text.strip():
        return None
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise UsageError(f"--price has {text.strip()!r} where a price belongs; write a number such as 19.99")
    return amount
