"""Options that several commands share, and how their texts become values."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from recommender.errors import UsageError
from recommender.types import MAX_RESULTS, Filters

MAX_SEED = 2**32 - 1
"""The largest seed that NumPy's generators take."""

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Limit = Annotated[
    int, typer.Option("-k", "--limit", help=f"How many products, at most {MAX_RESULTS}.", min=1, max=MAX_RESULTS)
]
Category = Annotated[
    list[str] | None,
    typer.Option("--category", help="Only this category and those below it, as `A > B`; may be given several times."),
]
Brand = Annotated[list[str] | None, typer.Option("--brand", help="Only this brand; may be given several times.")]
Price = Annotated[str | None, typer.Option("--price", help="Price range: `10..50`, `..50` or `10..`.")]
InStock = Annotated[bool, typer.Option("--in-stock", help="Only what is in stock.")]

Keep = Annotated[
    int | None,
    typer.Option(
        "--keep", help="Generations that were live and stay for a rollback, kept fresh; by default as set.", min=0
    ),
]


def keeping(keep: int | None) -> dict[str, object]:
    """Return the settings that `--keep` overrides."""
    return {} if keep is None else {"keep_generations": keep}


def filters_of(category: list[str] | None, brand: list[str] | None, price: str | None, in_stock: bool) -> Filters:
    """Build the filters of a query. Raises `UsageError` for a price range that can't be read."""
    low, high = _price_range(price)
    return Filters(
        categories=tuple(_path(text) for text in category or ()),
        brands=tuple(brand or ()),
        price_min=low,
        price_max=high,
        in_stock=in_stock,
    )


def _path(text: str) -> tuple[str, ...]:
    names = tuple(" ".join(name.split()) for name in text.split(">"))
    if not all(names):
        raise UsageError(f"--category {text!r} has an empty name; write it as 'A > B'")
    return names


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
