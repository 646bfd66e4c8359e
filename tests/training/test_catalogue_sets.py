from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.errors import BadInput
from recommender.evaluation.held_out import is_telling
from recommender.training.catalogue_sets import CatalogueSets, SetName, TextFunctions, synthetic_query
from recommender.training.category_triplets import LEAF_CAP
from recommender.types import Product

SHOE = Product(
    sku="1",
    title="Northpeak trail running shoe blue",
    brand="Northpeak",
    category=("Shoes", "Trail shoes"),
    attributes={"colour": "blue", "care": "wash by hand, dry in the shade and never near an oven"},
)


def queries(product: Product) -> set[str]:
    random = np.random.default_rng(0)
    drawn = [synthetic_query(product, product.title, random) for _ in range(400)]
    return {query.text for query in drawn if query is not None}


def test_a_synthetic_query_is_title_words_the_leaf_with_or_without_brand_or_an_attribute_of_it() -> None:
    boot = replace(SHOE, title="Blue trail boot")
    words = boot.title.split()
    windows = {" ".join(words[start:end]) for start in range(3) for end in range(start + 1, 4)}
    named = {"Trail shoes", "Northpeak Trail shoes", "Trail shoes Northpeak", "blue Trail shoes"}
    assert queries(boot) == windows | named


def test_a_longer_title_is_also_searched_for_as_another_shop_might_write_it() -> None:
    reworded = queries(replace(SHOE, category=())) - {SHOE.title}
    words = SHOE.title.split()
    assert all(set(query.split()) < set(words) or sorted(query.split()) == sorted(words) for query in reworded)
    assert any(" ".join(words[:3]) not in query and len(query.split()) == 3 for query in reworded)
    assert any(sorted(query.split()) == sorted(words) for query in reworded)
    assert any(query.startswith("Alta ") for query in queries(replace(SHOE, brand="Alta", category=())))


def test_a_product_with_a_title_alone_is_searched_for_by_its_title_words() -> None:
    assert queries(Product(sku="1", title="Mug")) == {"Mug"}


def test_only_a_query_that_names_the_category_says_so() -> None:
    random = np.random.default_rng(1)
    for _ in range(100):
        query = synthetic_query(SHOE, SHOE.title, random)
        assert query is not None
        assert query.names_category == ("Trail shoes" in query.text)


def test_field_pairs_need_a_description_that_says_something(toys: list[Product], texts: TextFunctions) -> None:
    products = [replace(p, description="Nice." if n % 2 else p.description) for n, p in enumerate(toys)]
    fields = CatalogueSets(products, range(len(products)), texts, seed=0).draw(SetName.FIELDS, 1)
    assert len(fields) == sum(is_telling(p.description) for p in products)


def test_field_pairs_go_both_ways(toys: list[Product], texts: TextFunctions) -> None:
    rows = CatalogueSets(toys, range(len(toys)), texts, seed=0).draw(SetName.FIELDS, 2).dataset()[:]
    titles = {product.title for product in toys}
    from_titles = sum(anchor in titles for anchor in rows["anchor"])
    assert from_titles == len(rows["anchor"]) // 2
    assert len(set(zip(rows["anchor"], rows["positive"], strict=True))) == len(rows["anchor"])


def test_only_the_products_to_train_on_are_ever_shown(toys: list[Product], texts: TextFunctions) -> None:
    train = [index for index in range(len(toys)) if index % 3]
    held_out = {text for i in range(0, len(toys), 3) for text in (texts.text(toys[i]), toys[i].title)}
    sets = CatalogueSets(toys, train, texts, seed=0)
    for rows in (sets.draw(SetName.CATEGORY, 2), sets.draw(SetName.FIELDS, 2), sets.draw(SetName.QUERIES, 2)):
        for column in rows.dataset()[:].values():
            assert not held_out & set(column)


def test_the_category_is_in_synthetic_queries_alone(toys: list[Product], texts: TextFunctions) -> None:
    sets = CatalogueSets(toys, range(len(toys)), texts, seed=0)
    leaves = {product.category[-1] for product in toys}
    for rows in (sets.draw(SetName.CATEGORY, 1), sets.draw(SetName.FIELDS, 1)):
        assert not leaves & {word for column in rows.dataset()[:].values() for text in column for word in text.split()}
    queries = sets.draw(SetName.QUERIES, 1).dataset()[:]
    assert leaves & set(queries["anchor"])
    assert not leaves & {word for text in queries["positive"] for word in text.split()}


def test_passes_differ_and_seeds_repeat(toys: list[Product], texts: TextFunctions) -> None:
    first, second = (CatalogueSets(toys, range(len(toys)), texts, seed=3) for _ in range(2))
    assert first.triplets(0) == second.triplets(0)
    assert first.triplets(0) != first.triplets(1)
    assert first.draw(SetName.QUERIES, 2).dataset()[:] == second.draw(SetName.QUERIES, 2).dataset()[:]


def test_products_that_give_no_triplet_are_refused(texts: TextFunctions) -> None:
    products = [Product(sku=str(n), title=f"Thing {n}", category=(f"C{n}",)) for n in range(9)]
    with pytest.raises(BadInput, match="no triplet"):
        CatalogueSets(products, range(9), texts, seed=0)


def test_scored_pairs_have_the_share_of_the_path_that_they_have_in_common(
    toys: list[Product], texts: TextFunctions
) -> None:
    category = {texts.text(product): product.category for product in toys}
    examples = list(CatalogueSets(toys, range(len(toys)), texts, seed=0).draw(SetName.SCORED, 1).examples())
    for (one, other), score in examples:
        expected = {0: 0.0, 1: 0.5, 2: 1.0}[sum(a == b for a, b in zip(category[one], category[other], strict=True))]
        assert score == expected
    scores = [score for _, score in examples]
    assert min(map(scores.count, (0.0, 0.5, 1.0))) > len(toys) / 2


def test_classes_tell_the_same_category_from_a_sibling_and_a_distant_one(
    toys: list[Product], texts: TextFunctions
) -> None:
    category = {texts.text(product): product.category for product in toys}
    sets = CatalogueSets(toys, range(len(toys)), texts, seed=0)
    for (one, other), kind in sets.draw(SetName.CLASSES, 1).examples():
        same_leaf, same_department = category[one] == category[other], category[one][0] == category[other][0]
        assert (kind == 0, kind == 1, kind == 2) == (same_leaf, same_department and not same_leaf, not same_department)
    assert sets.draw(SetName.CLASSES, 1).classes == 3
    for (one, other), together in sets.draw(SetName.CONTRASTIVE, 1).examples():
        assert together == (category[one] == category[other])


def test_leaves_have_one_label_for_each_category(toys: list[Product], texts: TextFunctions) -> None:
    category = {texts.text(product): product.category for product in toys}
    rows = CatalogueSets(toys, range(len(toys)), texts, seed=0).draw(SetName.LEAVES, 2)
    pairs = {(category[text], label) for (text,), label in rows.examples()}
    assert len(pairs) == len(set(category.values())) == rows.classes
    assert len(rows) == 2 * len(toys)


def test_a_tree_of_one_level_has_no_distant_products(texts: TextFunctions) -> None:
    products = [
        Product(sku=f"{c}{n}", title=f"{c} thing {n} of {n * 7}", category=(c,)) for c in "AB" for n in range(6)
    ]
    assert CatalogueSets(products, range(12), texts, seed=0).draw(SetName.CLASSES, 1).classes == 2


def test_a_shop_without_categories_learns_from_all_its_products_in_a_pass(texts: TextFunctions) -> None:
    products = [Product(sku=str(n), title=f"{n} lamp", description=f"number {n} " * 9) for n in range(900)]
    sets = CatalogueSets(products, range(900), texts, seed=0)
    assert len(sets.draw(SetName.PRODUCTS, 1)) == 900


@pytest.mark.parametrize(
    ("leaves", "drawn"),
    [
        ({(): 500}, 500),
        ({("Films",): 480, ("Toys",): 20}, 500),
        ({("Films",): 400, ("Toys",): 100}, LEAF_CAP + 100),
        ({("Films",): 300, ("Toys",): 10, (): 190}, LEAF_CAP + 200),
        ({("Films",): 100, ("Toys",): 10, (): 390}, 110 + LEAF_CAP),
    ],
)
def test_a_huge_category_does_not_outweigh_others_unless_it_is_nearly_the_whole_shop(
    leaves: dict[tuple[str, ...], int], drawn: int, texts: TextFunctions
) -> None:
    paths = [path for path, count in leaves.items() for _ in range(count)]
    products = [
        Product(f"s{number}", f"thing {number} of a kind {number % 7}", category=path)
        for number, path in enumerate(paths)
    ]
    assert len(CatalogueSets(products, range(len(products)), texts, seed=0).draw(SetName.PRODUCTS, 1)) == drawn
