from __future__ import annotations

import pytest

from recommender.embedding.bm25 import LANGUAGES, LexicalEncoder
from recommender.errors import BadInput
from recommender.types import SparseVector


def score(query: SparseVector, document: SparseVector) -> float:
    weights = dict(zip(document.indices, document.values, strict=True))
    return sum(value * weights.get(index, 0.0) for index, value in zip(query.indices, query.values, strict=True))


def test_a_query_meets_other_forms_of_its_words() -> None:
    encoder = LexicalEncoder()
    document = encoder.document("Running shoes for trails")
    assert score(encoder.query("run shoe"), document) > 0
    assert score(encoder.query("kettle"), document) == 0


def test_stop_words_carry_no_weight() -> None:
    assert LexicalEncoder().query("the and of").indices == ()


def test_an_empty_text_is_an_empty_vector() -> None:
    encoder = LexicalEncoder()
    assert encoder.document("") == encoder.query("") == SparseVector((), ())


def test_a_repeated_word_counts_more_but_not_twice() -> None:
    encoder = LexicalEncoder()
    once = score(encoder.query("lamp"), encoder.document("lamp oak shade"))
    twice = score(encoder.query("lamp"), encoder.document("lamp lamp shade"))
    assert once < twice < 2 * once


def test_a_short_text_weighs_a_word_more_than_a_long_one() -> None:
    encoder = LexicalEncoder()
    query = encoder.query("lamp")
    assert score(query, encoder.document("oak lamp")) > score(query, encoder.document("lamp " + "oak shade " * 200))


def test_the_average_length_sets_what_counts_as_long() -> None:
    text = "lamp " + "oak shade " * 50
    query = LexicalEncoder().query("lamp")
    assert score(query, LexicalEncoder(average_length=500).document(text)) > score(
        query, LexicalEncoder(average_length=10).document(text)
    )


def test_every_word_of_a_query_weighs_the_same() -> None:
    assert set(LexicalEncoder().query("oak desk lamp lamp").values) == {1.0}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_that_is_named_works(language: str) -> None:
    assert LexicalEncoder(language).document("xylophone 2000").indices


def test_languages_stem_differently() -> None:
    german = LexicalEncoder("German")
    assert score(german.query("Schuh"), german.document("Schuhe")) > 0
    english = LexicalEncoder("english")
    assert score(english.query("Häuser"), english.document("Haus")) == 0


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"'klingon'.*english.*swedish"):
        LexicalEncoder("klingon")


@pytest.mark.parametrize("length", [0, -1, float("nan")])
def test_an_average_length_must_be_positive(length: float) -> None:
    with pytest.raises(BadInput, match="above 0"):
        LexicalEncoder(average_length=length)
