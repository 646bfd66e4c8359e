from __future__ import annotations

import random

import pytest

from recommender.embedding.bm25 import LexicalEncoder
from recommender.embedding.compounds import collect_words, read_words
from recommender.embedding.words import fold
from recommender.types import SparseVector

GERMAN = ["Terrassenschrauben. Schrauben für Dielen", "Winterjacke Damen. Baumarkt Jacken", "Kaffee Mahlwerk", "Keulen",
          "Maschine", "Stuhl fürs Büro", "Klebeband", "Streifen", "Reifen fürs Auto", "Öl", "Tor"]  # fmt: skip


def _encoder(language: str, texts: list[str]) -> LexicalEncoder:
    words = collect_words(map(fold, texts), LexicalEncoder(language).stem)
    return LexicalEncoder(language, words=read_words(words))


def _score(query: SparseVector, document: SparseVector) -> float:
    weights = dict(zip(document.indices, document.values, strict=True))
    return sum(value * weights.get(index, 0.0) for index, value in zip(query.indices, query.values, strict=True))


@pytest.mark.parametrize(
    ("language", "texts", "query", "text"),
    [
        ("german", GERMAN, "Schraube", "Spanplattenschrauben verzinkt"),
        ("german", GERMAN, "Jacke", "Damenwinterjacke mit Kapuze"),
        ("german", GERMAN, "Winterjacke", "Damenwinterjacke"),
        ("german", GERMAN, "Keulen", "Jonglierkeulen 3er Set"),
        ("german", GERMAN, "Stuhl", "Bürostuhl ergonomisch"),
        ("german", GERMAN, "Bürostuhl", "Stuhl Büro"),
        ("german", GERMAN, "Kaffeemaschine", "Maschine für Kaffee"),
        ("german", ["Uhren. Uhr für Herren", "Armband"], "Uhr", "Armbanduhr silbern"),
        ("german", ["Öl", "Motor"], "Öl", "Motoröl 5W-30"),
        ("german", ["Grüner Tee"], "Grüntee", "Grüner Tee"),
        ("dutch", ["Schroeven rvs", "Plaat", "Jas voor de winter"], "schroeven", "Spaanplaatschroeven verzinkt"),
        ("dutch", ["Jassen", "Winter"], "jassen", "Winterjassen heren"),
        ("swedish", ["Skruvar", "Jackor", "Arbete byxor"], "skruv", "Träskruvar 4 x 40"),
        ("swedish", ["Jackor", "Byxor"], "byxor", "Arbetsbyxor herr"),
        ("danish", ["Skruer", "Jakker"], "jakke", "Vinterjakker dame"),
        ("norwegian", ["Jakker", "Sko"], "jakke", "Vinterjakker herre"),
        ("finnish", ["Ruuvit", "Takki"], "takki", "Talvitakki naisten"),
    ],
)  # fmt: skip
def test_a_compound_is_found_by_its_parts(language: str, texts: list[str], query: str, text: str) -> None:
    split, whole = _encoder(language, texts), LexicalEncoder(language)
    assert _score(split.query(query), split.document(text)) > _score(whole.query(query), whole.document(text))


def test_a_word_by_itself_weighs_more_than_as_a_part() -> None:
    encoder = _encoder("german", GERMAN)
    query = encoder.query("Schraube")
    assert _score(query, encoder.document("Schrauben verzinkt")) > _score(
        query, encoder.document("Blechschrauben verzinkt")
    )


@pytest.mark.parametrize(
    ("query", "text"),
    [("Reifen", "Klebestreifen"), ("rauben", "Schrauben"), ("Kohle", "Bohle"), ("Tor", "Transistor"), ("Öl", "Kobold")],
)
def test_what_is_no_part_is_not_found(query: str, text: str) -> None:
    encoder = _encoder("german", GERMAN)
    assert _score(encoder.query(query), encoder.document(text)) == 0


def test_the_same_shop_has_the_same_words_in_whatever_order() -> None:
    shuffled = random.Random(7).sample(GERMAN, len(GERMAN))
    stem = LexicalEncoder("german").stem
    assert collect_words(map(fold, GERMAN), stem) == collect_words(map(fold, shuffled), stem)


def test_a_long_word_costs_little() -> None:
    encoder = _encoder("german", GERMAN)
    assert encoder.document("schrauben" * 2000 + " " + "s" * 100_000).indices
