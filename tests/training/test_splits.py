from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import BadInput
from recommender.jobs.evaluate import sample
from recommender.training.splits import (
    Split,
    check_leaks,
    one_of_each_family,
    product_families,
    split_products,
    without_lone_category,
)
from recommender.types import Product

LEAVES = [(f"D{number % 3}", f"L{number}") for number in range(30)]
WORDS = st.sampled_from(["red", "blue", "shoe", "boot", "lamp", "desk", "trail", "oak", "steel", "mug"])


@st.composite
def catalogues(draw: st.DrawFn) -> list[Product]:
    size = draw(st.integers(40, 120))
    return [
        Product(
            sku=f"S{number}",
            title=" ".join(draw(st.lists(WORDS, min_size=1, max_size=7))),
            category=draw(st.sampled_from([*LEAVES, ()])),
            group_id=draw(st.sampled_from(["", "", "", "g1", "g2", "g3"])),
        )
        for number in range(size)
    ] + [
        Product(sku=f"P{number}", title=f"lamp {number} of a pair", category=LEAVES[number // 2]) for number in range(4)
    ]


def catalogue(size: int = 600) -> list[Product]:
    return [
        Product(sku=f"S{number}", title=f"{number} thing number {number}", category=LEAVES[number % len(LEAVES)])
        for number in range(size)
    ]


@settings(max_examples=60, deadline=None)
@given(catalogues(), st.integers(0, 5))
def test_no_family_and_no_unseen_category_is_in_two_parts(products: list[Product], seed: int) -> None:
    split = split_products(products, seed)
    check_leaks(products, split)
    families = product_families(products)
    parts = [{families[i] for i in part} for part in (split.train, split.validation, split.test, split.unseen)]
    assert sum(map(len, parts)) == len(set().union(*parts))


@settings(max_examples=30, deadline=None)
@given(catalogues(), st.randoms(use_true_random=False))
def test_the_split_does_not_depend_on_the_order_of_the_products(products: list[Product], draw: random.Random) -> None:
    shuffled = draw.sample(products, len(products))
    one, other = split_products(products, 7), split_products(shuffled, 7)
    for part in ("train", "validation", "test", "unseen"):
        assert {products[i].sku for i in getattr(one, part)} == {shuffled[i].sku for i in getattr(other, part)}


def test_variants_and_near_identical_titles_are_asked_about_once() -> None:
    sizes = [Product(f"s{size}", f"Trail shoe {size}", group_id="shoe") for size in (40, 41, 42)]
    alike = [Product(f"d{number}", f"A desk with a very long name, the same {number}") for number in range(2)]
    products = [*sizes, *alike, Product("lamp", "Lamp")]
    assert one_of_each_family(products, [1, 2, 4, 5]) == [1, 4, 5]
    chosen = sample(products, Split((0,), (), (1, 2, 3, 4), (5,), 0))
    assert [chosen.corpus[row].sku for row in (*chosen.queries, *chosen.unseen)] == ["s41", "d0", "lamp"]
    assert len(chosen.corpus) == len(products)


def test_a_product_keeps_its_part_when_the_catalogue_grows() -> None:
    small, large = catalogue(600), catalogue(900)
    one, other = split_products(small, 1), split_products(large, 1)
    assert set(one.test) == {index for index in other.test if index < 600}
    assert set(one.unseen) == {index for index in other.unseen if index < 600}


def test_the_shares_are_about_those_requested() -> None:
    products = catalogue(3000)
    split = split_products(products, 3, unseen_share=0)
    assert 0.07 < len(split.test) / len(products) < 0.13
    assert 0.03 < len(split.validation) / len(products) < 0.07
    assert not split.unseen


def test_held_out_categories_are_held_out_whole() -> None:
    products = catalogue(900)
    split = split_products(products, 2)
    unseen = {products[i].category for i in split.unseen}
    assert unseen
    assert {i for i, product in enumerate(products) if product.category in unseen} == set(split.unseen)


def test_another_seed_gives_another_split() -> None:
    assert split_products(catalogue(), 1).test != split_products(catalogue(), 2).test


def test_a_small_catalogue_still_gets_every_part_that_it_can_have() -> None:
    titles = ["red mug", "blue desk", "oak lamp", "steel boot", "trail shoe", "paper kite"]
    products = [Product(sku=t, title=t, category=LEAVES[n % 2]) for n, t in enumerate(titles)]
    split = split_products(products, 0)
    assert len(split.test) == 1
    assert len(split.validation) == 1
    assert len(split.train) == 4


def test_one_huge_family_never_becomes_the_test_set() -> None:
    products = [replace(product, group_id="g" if n < 300 else "") for n, product in enumerate(catalogue(600))]
    for seed in range(20):
        assert len(split_products(products, seed, unseen_share=0).test) < 150


@pytest.mark.parametrize("category", [(), ("Only",)])
def test_a_catalogue_without_categories_to_tell_apart_is_refused(category: tuple[str, ...]) -> None:
    products = [replace(product, category=category) for product in catalogue(50)]
    with pytest.raises(BadInput, match="at least 2 categories"):
        split_products(products, 0)


def test_a_leak_names_the_product_that_leaks() -> None:
    products = catalogue(60)
    twin = replace(products[0], sku="TWIN")
    leaking = Split(train=tuple(range(60)), validation=(), test=(60,), unseen=(), seed=0)
    with pytest.raises(BadInput, match="'TWIN'"):
        check_leaks([*products, twin], leaking)


def test_an_unseen_category_in_training_is_a_leak() -> None:
    products = catalogue(60)
    with pytest.raises(BadInput, match="held-out category"):
        check_leaks(products, Split(train=tuple(range(59)), validation=(), test=(), unseen=(59,), seed=0))


def test_variants_and_near_identical_titles_are_one_family() -> None:
    titles = [
        "Northwind Trail Running Shoe Waterproof - Blue, size 42",
        "Northwind trail running shoe waterproof: red",
        "Blue mug, large",
        "Large mug (blue)",
        "Large mug green",
        "!!!",
        "???",
        "北欧简约现代实木床头柜卧室收纳储物 白色",
        "北欧简约现代实木床头柜卧室收纳储物 胡桃色",
    ]
    families = product_families([Product(sku=f"S{n}", title=title) for n, title in enumerate(titles)])
    assert families[0] == families[1]
    assert families[2] == families[3]
    assert families[7] == families[8]
    assert len(set(families)) == 6


def test_a_category_that_all_products_have_beside_their_own_is_none() -> None:
    shop = ("Online shop",)
    products = [
        Product(sku=str(n), title=f"thing {n}", category=("ab"[n % 2],), other_categories=(shop, ("c",))[: 1 + n % 2])
        for n in range(20)
    ]
    told = without_lone_category(products)
    assert [product.other_categories for product in told] == [(("c",),) * (n % 2) for n in range(20)]
    assert [product.category for product in told] == [product.category for product in products]


@pytest.mark.parametrize("families", [1, 2])
def test_a_catalogue_that_is_all_variants_of_one_product_is_refused(families: int) -> None:
    products = [
        replace(product, group_id=f"g{number % families}", title=f"shoe {number % families} in size {number}")
        for number, product in enumerate(catalogue(300))
    ]
    with pytest.raises(BadInput, match=f"the 300 products are {families} with their variants"):
        split_products(products, 0)
