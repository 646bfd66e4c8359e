from __future__ import annotations

from dataclasses import replace

from recommender.training.catalogue_sets import MEMBERS, CatalogueSets, SetName, TextFunctions
from recommender.training.training_set import VIEWS, Label, TrainingSet
from recommender.types import Product


def views(products: list[Product], texts: TextFunctions, passes: int = 1) -> TrainingSet:
    return CatalogueSets(products, range(len(products)), texts, seed=7).draw(SetName.PRODUCTS, passes)


def test_the_views_of_a_product_are_its_text_its_fields_and_a_query(toys: list[Product], texts: TextFunctions) -> None:
    row = views(toys[:24], texts).dataset()[0]
    assert row["text"].startswith(row["title"])
    assert row["description"] in row["text"]
    assert row["query"]
    assert row["label"][Label.FIELDS] == 1


def test_the_category_is_in_no_view_but_the_query(toys: list[Product], texts: TextFunctions) -> None:
    named = [replace(product, category=("Zyx", f"Qwv {product.category[-1]}")) for product in toys]
    for row in views(named, texts, passes=2).dataset():
        assert not any("Qwv" in row[view] for view in VIEWS if view != "query")
        assert ("Qwv" in row["query"]) == bool(row["label"][Label.NAMES_LEAF])


def test_a_product_without_a_description_makes_no_pair(toys: list[Product], texts: TextFunctions) -> None:
    bare = [replace(product, description="") for product in toys[:24]]
    for row in views(bare, texts).dataset():
        assert row["label"][Label.FIELDS] == 0
        assert row["title"] == row["description"] == ""


def test_a_product_without_a_category_keeps_its_fields_and_has_no_home(
    toys: list[Product], texts: TextFunctions
) -> None:
    products = [*toys[:24], replace(toys[30], category=())]
    rows = {row["title"]: row["label"] for row in views(products, texts).dataset()}
    label = rows[toys[30].title]
    assert (label[Label.HOME], label[Label.NAMES_LEAF], label[Label.FIELDS]) == (-1, 0, 1)


def test_a_leaf_of_one_product_falls_back_to_its_parent(toys: list[Product], texts: TextFunctions) -> None:
    alone = replace(toys[0], category=("Sport", "Fencing"))
    made = views([alone, *toys[1:]], texts)
    rows = {row["title"]: row["label"][Label.HOME] for row in made.dataset()}
    assert made.homes.paths[rows[alone.title]] == ("Sport",)


def test_other_categories_are_numbered_as_homes_or_beyond_them(toys: list[Product], texts: TextFunctions) -> None:
    gift, fencing = ("Gifts", "For him"), ("Sport", "Fencing")
    alone = replace(toys[0], category=fencing)  # is trained as its parent
    products = [alone, *(replace(toy, other_categories=(gift, fencing)) for toy in toys[-2:]), *toys[1:-2]]
    made = views(products, texts)
    rows = {row["title"]: row["label"] for row in made.dataset()}
    one, other = (rows[toy.title][Label.OTHERS :] for toy in toys[-2:])
    assert one == other == [len(made.homes.paths), made.homes.paths.index(("Sport",)), -1, -1]
    assert rows[alone.title][Label.OTHERS :] == [-1] * 4


def test_passes_differ_and_the_seed_repeats_them(toys: list[Product], texts: TextFunctions) -> None:
    one, again = views(toys, texts, passes=2).dataset(), views(toys, texts, passes=2).dataset()
    assert one["query"][:] == again["query"][:]
    first, second = one["query"][: len(toys)], one["query"][len(toys) :]
    assert first != second


def test_homes_show_a_few_of_their_members(toys: list[Product], texts: TextFunctions) -> None:
    homes = views(toys, texts).homes
    assert len(homes.paths) == 12
    assert all(1 <= len(members) <= MEMBERS for members in homes.members)
