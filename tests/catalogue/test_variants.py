"""Variants that no group tells, found by titles that differ in colour, size or pack alone."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace

import pytest

from recommender.catalogue.repository import Catalogue
from recommender.catalogue.variants import propose_groups
from recommender.jobs.groups import render_groups
from recommender.types import Product


def _shop(titles: Sequence[str], brand: str = "Alder", category: tuple[str, ...] = ("Shoes",)) -> list[Product]:
    return [
        Product(f"{brand}{number}-{title}", title, brand=brand, category=category)
        for number, title in enumerate(titles)
    ]


def _titles(products: Sequence[Product]) -> set[frozenset[str]]:
    return {frozenset(variant.title for variant in group.variants) for group in propose_groups(products)}


@pytest.mark.parametrize(
    "titles",
    [
        ["Ridgeline boot, red", "Ridgeline boot, navy blue", "Ridgeline boot, dark grey"],
        ["Ridgeline boot - Black / S", "Ridgeline boot - Black / M", "Ridgeline boot - White / S"],
        ["Wanderstiefel Ridge schwarz Gr. 42", "Wanderstiefel Ridge schwarz Gr. 43"],
        ["Botte Ridge noire", "Botte Ridge rouge"],
        ["DERİ BOT SİYAH", "DERİ BOT KIRMIZI"],  # whose small letters are not those of English
        ["Wanderstiefel Ridge Größe 42", "Wanderstiefel Ridge GRÖSSE 43"],
        ["Stiefel Ridge tu\u0308rkis", "Stiefel Ridge schwarz"],  # an accent that is a character by itself
        ["Bota Ridge azul oscuro", "Bota Ridge verde"],
        ["Descaler Caldrena 600 ml", "Descaler Caldrena 350 ml"],
        ["Glanz Tabs, 30 Stück", "Glanz Tabs, 60 Stück"],
        ["Ridgeline boot (pack of 2)", "Ridgeline boot (pack of 4)"],
        ["Red Sari", "Blue Sari"],
        ["DERİ BOT SARI", "DERİ BOT SİYAH"],
    ],
)
def test_titles_that_differ_in_colour_size_or_pack_are_a_group(titles: list[str]) -> None:
    others = ["Alder Lowland slipper", "Alder Highland sandal brown", "Model 12 lamp", "Model 13 lamp"]
    assert _titles(_shop([*titles, *others])) == {frozenset(titles)}


@pytest.mark.parametrize(
    "products",
    [
        [*_shop(["Ridge boot red"]), *_shop(["Ridge boot blue"], brand="Birch")],
        [*_shop(["Ridge boot red"]), *_shop(["Ridge boot blue"], category=("Sandals",))],
        _shop(["Ridge boot red", "Moor boot blue"]),
        _shop(["Ridge phone 12", "Ridge phone 13"]),
        _shop(["Men's Ridge boot", "Women's Ridge boot"]),
        _shop(["Ridge monitor 24 inch", "Ridge monitor 27 inch"]),
        _shop(["Ridge boot red", "Ridge boot red"]),
        [replace(product, group_id="g") for product in _shop(["Ridge boot red", "Ridge boot blue"])],
        [replace(product, description=text) for product, text in zip(
            _shop(["Ridge boot red", "Ridge boot blue"]), ["Of leather, for snow and ice", "Sewn canvas for the beach"],
            strict=True,
        )],
    ],
)  # fmt: skip
def test_other_differences_are_none(products: list[Product]) -> None:
    assert propose_groups(products) == []


def test_a_colour_that_no_list_has_is_learned_from_titles_and_attributes() -> None:
    known = [
        f"{name} boot {colour}" for name in ("Ridge", "Moor", "Fell") for colour in ("red", "blue", "green", "wenge")
    ]
    assert len(propose_groups(_shop(known))) == 3
    assert all(len(group.variants) == 4 for group in propose_groups(_shop(known)))
    named = [
        replace(product, attributes={"Farbe": product.title.split()[-1]})
        for product in _shop(["Zed cup zork", "Zed cup blip"])
    ]
    assert len(propose_groups(named)) == 1


def test_where_one_title_stands_for_many_products_titles_tell_no_variants() -> None:
    generic = [f"Women {colour} ring" for colour in ("silver", "gold", "silver", "silver", "gold", "white")]
    assert propose_groups(_shop([*generic, "Women gold bracelet", "Women black bracelet"])) == []


def test_a_group_that_was_taken_on_stays_until_the_shop_names_another(catalogue: Catalogue) -> None:
    red, blue = _shop(["Ridge boot red", "Ridge boot blue"])
    catalogue.upsert([red, blue])
    (group,) = propose_groups([red, blue])
    assert catalogue.assign_groups({variant.sku: group.id for variant in group.variants}) == 2
    assert catalogue.upsert([red, blue]).unchanged == 2
    assert catalogue.upsert([replace(red, url="https://s.example/1"), blue]).updated == 1
    stored = [catalogue.get(sku) for sku in (red.sku, blue.sku)]
    assert [each.product.group_id for each in stored if each] == [group.id, group.id]
    products = [each.product for each in stored if each]
    assert propose_groups(products) == []
    green = replace(red, sku="green", title="Ridge boot green")
    (grown,) = propose_groups([*products, green])
    assert (grown.id, len(grown.variants)) == (group.id, 3)
    assert catalogue.upsert([replace(red, group_id="own")]).updated == 1
    assert catalogue.assign_groups({red.sku: group.id}) == 0


def test_a_report_for_spreadsheets_holds_no_formula() -> None:
    groups = propose_groups(_shop(["=cmd boot, red", "=cmd boot, navy blue"], brand="@Alder", category=("+1",)))
    cells = [cell for row in csv.reader(render_groups(groups, "csv").splitlines()) for cell in row]
    assert "'=cmd boot, red" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
