from __future__ import annotations

from collections import Counter

import numpy as np

from recommender.training.category_triplets import LEAF_CAP, ProductTree, sample_triplets

PATHS = {
    0: ("Shoes", "Running"),
    1: ("Shoes", "Running"),
    2: ("Shoes", "Hiking"),
    3: ("Shoes", "Hiking"),
    4: ("Shoes", "Sandals"),
    5: ("Audio", "Head", "Wired"),
    6: ("Audio", "Head", "Wired"),
    7: (),
    8: ("Lonely",),
}
FAMILIES = list(range(len(PATHS)))
TEXTS = [f"text {index}" for index in PATHS]


def test_a_leaf_with_two_families_is_the_home_of_its_products() -> None:
    tree = ProductTree(PATHS, FAMILIES)
    assert tree.homes["Shoes", "Running"] == [0, 1]


def test_a_leaf_that_is_too_small_falls_back_to_its_parent() -> None:
    tree = ProductTree(PATHS, FAMILIES)
    assert tree.homes[("Shoes",)] == [4]


def test_two_variants_of_one_product_do_not_make_a_home() -> None:
    tree = ProductTree({0: ("A", "B"), 1: ("A", "B"), 2: ("A", "C")}, ["same", "same", "other"])
    assert tree.homes[("A",)] == [0, 1, 2]


def test_a_product_without_a_category_or_alone_in_its_department_has_no_home() -> None:
    homes = ProductTree(PATHS, FAMILIES).homes
    assert not {7, 8} & {index for members in homes.values() for index in members}


def test_siblings_are_the_children_of_the_nearest_ancestor_that_has_others() -> None:
    tree = ProductTree(PATHS, FAMILIES)
    assert set(tree.siblings(("Shoes", "Running"))) == {("Shoes", "Hiking"), ("Shoes", "Sandals")}
    assert set(tree.siblings(("Audio", "Head", "Wired"))) == {("Shoes",), ("Lonely",)}


def test_a_triplet_takes_its_positive_from_the_home_and_its_negative_from_a_sibling() -> None:
    tree = ProductTree(PATHS, FAMILIES)
    for seed in range(30):
        triplets = {t.anchor: t for t in sample_triplets(tree, FAMILIES, TEXTS, np.random.default_rng(seed))}
        assert set(triplets) == {0, 1, 2, 3, 4, 5, 6}
        assert triplets[0].positive == 1
        assert triplets[0].negative in {2, 3, 4}
        assert triplets[4].positive in {0, 1, 2, 3}
        assert triplets[4].negative in {5, 6, 8}


def test_a_positive_is_never_a_variant_or_the_same_text() -> None:
    paths = dict.fromkeys(range(20), ("A",)) | dict.fromkeys(range(20, 30), ("B",))
    families = [f"f{index // 2}" for index in range(30)]
    texts = ["same" if index < 4 else f"text {index}" for index in range(30)]
    for seed in range(20):
        for t in sample_triplets(ProductTree(paths, families), families, texts, np.random.default_rng(seed)):
            assert families[t.anchor] not in {families[t.positive], families[t.negative]}
            assert texts[t.anchor] not in {texts[t.positive], texts[t.negative]}


def test_a_huge_leaf_gives_no_more_anchors_than_the_cap() -> None:
    paths = dict.fromkeys(range(1000), ("Films",)) | dict.fromkeys(range(1000, 1050), ("Toys",))
    tree = ProductTree(paths, range(1050))
    triplets = sample_triplets(tree, range(1050), [f"t{i}" for i in range(1050)], np.random.default_rng(0))
    assert Counter(t.home for t in triplets) == {("Films",): LEAF_CAP, ("Toys",): 50}


def test_negatives_are_spread_over_the_siblings_not_over_their_products() -> None:
    paths = {0: ("D", "A"), 1: ("D", "A")}
    paths |= dict.fromkeys(range(2, 102), ("D", "Big")) | dict.fromkeys(range(102, 104), ("D", "Small"))
    tree = ProductTree(paths, range(104))
    texts = [f"t{i}" for i in range(104)]
    drawn = [sample_triplets(tree, range(104), texts, np.random.default_rng(seed)) for seed in range(200)]
    small = sum(t.negative >= 102 for triplets in drawn for t in triplets if t.anchor == 0)
    assert 60 < small < 140


def test_the_same_seed_draws_the_same_triplets() -> None:
    tree = ProductTree(PATHS, FAMILIES)
    one, other = (sample_triplets(tree, FAMILIES, TEXTS, np.random.default_rng(5)) for _ in range(2))
    assert one == other


def test_a_product_of_another_category_of_the_anchor_is_no_negative_of_it() -> None:
    paths = {0: ("A", "B"), 1: ("A", "B"), 2: ("A", "C"), 3: ("A", "C"), 4: ("A", "C")}
    others = [[("A", "C")], [], [], [], []]
    tree, families, texts = ProductTree(paths, list(paths), others), list(paths), [f"t{index}" for index in paths]
    drawn = [
        triplet for seed in range(20) for triplet in sample_triplets(tree, families, texts, np.random.default_rng(seed))
    ]
    assert not [triplet for triplet in drawn if {triplet.anchor, triplet.negative} in ({0, 2}, {0, 3}, {0, 4})]
    assert [triplet for triplet in drawn if triplet.anchor == 1 and triplet.negative in (2, 3, 4)]
