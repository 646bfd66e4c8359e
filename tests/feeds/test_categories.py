"""Several categories of a product, in the notations of shops, told apart by the whole column."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from recommender.feeds.formats import open_feed
from recommender.feeds.products import product_of
from recommender.feeds.rows import survey
from recommender.types import Product, category_path

Write = Callable[..., Path]


def _products(path: Path) -> list[Product]:
    with open_feed(path) as feed:
        notation, rows = survey(feed.rows())
        return [product_of(row, notation) for row in rows]


def _paths(write: Write, cells: list[object]) -> list[list[str]]:
    """Return the paths that are read from a column, a list for each product."""
    lines = [json.dumps({"sku": f"p{number}", "title": "P", "category": cell}) for number, cell in enumerate(cells)]
    return [[category_path(path) for path in product.categories] for product in _products(write("\n".join(lines)))]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["Hifi -> TV/Video -> Tuner", "Hifi -> Amps"], [["Hifi > TV/Video > Tuner"], ["Hifi > Amps"]]),
        (["Hifi » TV/Video » Tuner", "Hifi » Amps"], [["Hifi > TV/Video > Tuner"], ["Hifi > Amps"]]),
        (["A/V | Cables", "A/V | Tuners", "Hifi"], [["A/V > Cables"], ["A/V > Tuners"], ["Hifi"]]),
        (["Hifi::Amps", "Hifi::A/V"], [["Hifi > Amps"], ["Hifi > A/V"]]),
        (["Hifi:Amps:Valve", "Hifi:A/V", "Home:Tea"], [["Hifi > Amps > Valve"], ["Hifi > A/V"], ["Home > Tea"]]),
        (["Games: strategy", "Games", "Toys", "Puzzles"], [["Games: strategy"], ["Games"], ["Toys"], ["Puzzles"]]),
        (["Home/Tea", "Home/Size > 40", "Home"], [["Home > Tea"], ["Home > Size / 40"], ["Home"]]),
        (["A/V cables", "Cables", "Plugs", "Lamps"], [["A/V cables"], ["Cables"], ["Plugs"], ["Lamps"]]),
        (["Home > Tea, Home > Cups", "Home > Bed, Bath > Towels"],
         [["Home > Tea", "Home > Cups"], ["Home > Bed, Bath > Towels"]]),
        (["Home > Tea, Gifts", "Gifts"], [["Home > Tea", "Gifts"], ["Gifts"]]),
        (["Home/Tea|Home/Cups", "Home/Tea", "Garden/Tools|Home/Tea", "Garden"],
         [["Home > Tea", "Home > Cups"], ["Home > Tea"], ["Garden > Tools", "Home > Tea"], ["Garden"]]),
        (["Home > Tea; Gifts", "Home > Cups"], [["Home > Tea", "Gifts"], ["Home > Cups"]]),
        (["Boots|Gifts", "Gifts|Hats", "Hats", "Boots"], [["Boots", "Gifts"], ["Gifts", "Hats"], ["Hats"], ["Boots"]]),
        (["Men|Boots", "Men|Hats", "Women|Boots"], [["Men > Boots"], ["Men > Hats"], ["Women > Boots"]]),
        ([["Men", "Boots"], ["Women", "Boots"], ["Men"]], [["Men > Boots"], ["Women > Boots"], ["Men"]]),
        ([["Boots", "Gifts"], ["Gifts", "Hats"], ["Hats"], ["Boots"]],
         [["Boots", "Gifts"], ["Gifts", "Hats"], ["Hats"], ["Boots"]]),
        ([["A > B", "A > C"], ["A > B"]], [["A > B", "A > C"], ["A > B"]]),
        ([["A", "A > B", "a > b"]], [["A > B"]]),
        ([{"name": "Tools"}, {"name": "Saws"}], [["Tools"], ["Saws"]]),
    ],
)  # fmt: skip
def test_what_separates_names_and_paths_is_told_by_the_column(
    write: Write, cells: list[object], expected: list[list[str]]
) -> None:
    # The catalogue writes an arrow within a name as a slash, since its own paths have arrows.
    assert [[path.replace("Size > 40", "Size / 40") for path in paths] for paths in _paths(write, cells)] == expected


def test_a_page_of_offers_of_news_or_of_the_brand_is_not_the_primary_category(write: Write) -> None:
    cells = ["SALE %, Shoes > Boots", "Neu eingetroffen; Shoes > Boots", "Marken > Alder, Shoes > Boots", "Sale"]
    paths = _paths(write, [*cells, "Shoes > Boots"])
    assert [each[0] for each in paths] == [*["Shoes > Boots"] * 3, "Sale", "Shoes > Boots"]
    table = "sku,title,brand,category\na,Boot,Alder,Alder; Shoes > Boots\nb,Boot,Birch,Shoes > Boots\n"
    assert [product.category for product in _products(write(table))] == [("Shoes", "Boots")] * 2


def test_the_primary_category_is_the_one_that_products_of_like_titles_share(write: Write) -> None:
    kinds = {"Boots": "leather boot", "Hats": "woollen hat", "Lamps": "desk lamp"}
    rows = [
        f"{leaf}{number},{title} no {number},{'Winter World;' if number % 4 == 0 else ''}Shop > {leaf}"
        for leaf, title in kinds.items()
        for number in range(20)
    ]
    found = {product.sku: product for product in _products(write("sku,title,category\n" + "\n".join(rows) + "\n"))}
    assert found["Boots4"].categories == (("Shop", "Boots"), ("Winter World",))
    assert {product.category[0] for product in found.values()} == {"Shop"}


def test_other_categories_may_have_a_column_of_their_own(write: Write) -> None:
    (product,) = _products(write("sku,title,category,other_categories\na,A,Home > Tea,Gifts > Her; Home > Tea\n"))
    assert product.categories == (("Home", "Tea"), ("Gifts", "Her"))
