from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from recommender.evaluation.reports import (
    ENOUGH_QUERIES,
    MAX_SLICES,
    MIN_QUERIES,
    Measured,
    Slice,
    SliceKind,
    slice_metrics,
)
from recommender.types import Product


def _slices(corpus: Sequence[Product], described: Sequence[bool] | None = None) -> tuple[dict[str, int], int]:
    """Ask every product, and return how many queries each slice has."""
    rows = np.arange(len(corpus))
    measured = {"metric": Measured(rows, rows.astype(np.float64))}
    slices, left_out = slice_metrics(corpus, measured, described or [True] * len(corpus))
    return {str(part): len(metrics["metric"].values) for part, metrics in slices.items()}, left_out


def _product(row: int, **fields: object) -> Product:
    return Product(str(row), "title", **fields)  # type: ignore[arg-type]


def test_every_field_makes_its_slices() -> None:
    corpus = [
        _product(
            row,
            category=("Shoes",) if row < 30 else ("Home", "Lamps"),
            brand="alta" if row % 3 == 0 else "",
            price=Decimal(row) if row >= 20 else None,
            currency="EUR" if row >= 20 else "",
        )
        for row in range(60)
    ]
    counted, left_out = _slices(corpus, [row < 15 for row in range(60)])
    assert list(counted)[4:8] == [name for name in counted if "EUR" in name]
    assert counted == {
        "department: Home": 30,
        "department: Shoes": 30,
        "brand: none": 40,
        "brand: alta": 20,
        "price: up to 29 EUR": 10,
        "price: over 29 to 39 EUR": 10,
        "price: over 39 to 49 EUR": 10,
        "price: over 49 EUR": 10,
        "price: none": 20,
        "description: without": 45,
        "description: with": 15,
    }
    assert left_out == 0


def test_the_values_of_a_slice_are_those_of_its_own_queries() -> None:
    corpus = [_product(row, category=("Even",) if row % 2 == 0 else ("Odd",)) for row in range(40)]
    asked = np.arange(0, 40)[::-1]
    slices, _ = slice_metrics(corpus, {"metric": Measured(asked, asked * 10.0)}, [True] * 40)
    values = slices[Slice(SliceKind.DEPARTMENT, "Even")]["metric"].values
    assert sorted(values) == [row * 10.0 for row in range(0, 40, 2)]


def test_a_field_that_does_not_tell_the_queries_apart_makes_none() -> None:
    assert _slices([_product(row, brand="Alta", price=Decimal(5)) for row in range(30)]) == ({}, 0)


def test_slices_with_few_queries_are_left_out_and_counted() -> None:
    corpus = [_product(row, category=("Large" if row >= MIN_QUERIES - 1 else "Small",)) for row in range(40)]
    assert _slices(corpus) == ({"department: Large": 31}, 1)


def test_of_many_brands_the_most_common_ones_are_kept_and_every_one_the_gate_looks_at() -> None:
    few = [f"few-{number:02}" for number in range(30) for _ in range(MIN_QUERIES)]
    many = [f"many-{number:02}" for number in range(MAX_SLICES + 2) for _ in range(ENOUGH_QUERIES)]
    assert _slices([_product(row, brand=name) for row, name in enumerate(few + many)]) == (
        {f"brand: many-{number:02}": ENOUGH_QUERIES for number in range(MAX_SLICES + 2)},
        30,
    )


def test_one_brand_written_in_several_ways_is_one() -> None:
    names = ["NIKE"] * 12 + ["Nike"] * 15 + ["nike"] * 3 + ["Alta"] * 10
    assert _slices([_product(row, brand=name) for row, name in enumerate(names)])[0] == {
        "brand: Nike": 30,
        "brand: Alta": 10,
    }


def test_prices_of_another_currency_are_not_compared() -> None:
    corpus = [_product(row, price=Decimal(row % 5), currency="EUR" if row < 50 else "JPY") for row in range(60)]
    counted, _ = _slices(corpus)
    assert counted["price: other currency"] == 10
    assert sum(count for name, count in counted.items() if name.endswith("EUR")) == 50
