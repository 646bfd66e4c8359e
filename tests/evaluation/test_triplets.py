from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from support.fake_encoder import WordEncoder
from support.toy_catalogue import toy_catalogue

from recommender.embedding.product_text import ProductText
from recommender.evaluation.triplets import held_out_triplets
from recommender.types import Product


def _alone(corpus: list[Product]) -> dict[int, list[int]]:
    return {row: [row] for row in range(len(corpus))}


def test_a_positive_is_of_the_anchors_leaf_and_a_negative_of_one_beside_it() -> None:
    corpus = toy_catalogue()
    triplets = held_out_triplets(corpus, range(0, 144, 5), _alone(corpus))
    assert triplets.anchor.tolist() == list(range(0, 144, 5))
    for anchor, positive, negative in zip(triplets.anchor, triplets.positive, triplets.negative, strict=True):
        own = corpus[anchor].category
        assert corpus[positive].category == own
        assert corpus[negative].category[0] == own[0]
        assert corpus[negative].category != own
        assert positive != anchor
    assert triplets.grades[:, :2].tolist() == [[1.0, 0.5]] * len(triplets)
    assert set(triplets.grades[:, 2]) <= {0.0, 0.5, 1.0}


def test_variants_are_no_part_of_a_triplet() -> None:
    corpus = [Product(str(row), "t", category=("A", "B") if row < 20 else ("A", "C")) for row in range(40)]
    groups = {row: list(range(19)) if row < 19 else [row] for row in range(40)}
    triplets = held_out_triplets(corpus, [0, 1, 2], groups)
    assert triplets.positive.tolist() == [19, 19, 19]
    assert not set(triplets.other.tolist()) & set(range(19))


@pytest.mark.parametrize("category", [(), ("A", "Lonely"), ("A",)])
def test_a_query_without_a_partner_or_without_a_category_beside_it_gives_none(category: tuple[str, ...]) -> None:
    corpus = [Product("0", "t", category=category), *(Product(str(n), "t", category=("A", "B")) for n in range(1, 4))]
    if category == ("A",):
        corpus.append(Product("4", "t", category=("A",)))
    assert len(held_out_triplets(corpus, [0], _alone(corpus))) == 0


def test_every_model_is_asked_the_same() -> None:
    corpus = toy_catalogue()
    one, other = (held_out_triplets(corpus, range(50), _alone(corpus)) for _ in range(2))
    assert one.negative.tolist() == other.negative.tolist()


def test_the_measures_are_those_of_the_pairs_one_by_one() -> None:
    corpus = toy_catalogue()
    vectors = WordEncoder().encode([ProductText()(product) for product in corpus])
    triplets = held_out_triplets(corpus, range(0, 144, 2), _alone(corpus))
    right, cosines, grades = [], [], []
    for at, anchor in enumerate(triplets.anchor):
        own = [
            float(vectors[anchor] @ vectors[each[at]])
            for each in (triplets.positive, triplets.negative, triplets.other)
        ]
        right.append(own[0] > own[1])
        cosines += own
        grades += triplets.grades[at].tolist()
    assert triplets.accuracy(vectors).tolist() == right
    values = triplets.correlation(vectors)
    assert len(values) == len(triplets)
    # Equal scores share a rank, and rounding decides which of two paths a sum takes.
    assert values.mean() == pytest.approx(spearmanr(np.round(cosines, 6), grades).statistic, abs=1e-3)
