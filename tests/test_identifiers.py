from __future__ import annotations

import pytest

from recommender.identifiers import identifier_key, identifier_keys, read_identifier


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("54-OR323014", "54or323014"),
        ("54 or 323.014", "54or323014"),
        ("WH1000XM4/B", "wh1000xm4b"),
        ("0017817834957", "17817834957"),
        ("00123", "123"),
        ("000", "0"),
        ("4006381333931.0", "4006381333931"),
        ("ＡＢ－１２", "ab12"),
        ("٤٥٦", "456"),
        ("---", ""),
    ],
)
def test_a_number_is_compared_by_its_letters_and_digits(typed: str, key: str) -> None:
    assert identifier_key(typed) == key


def test_a_book_is_known_by_its_number_in_both_lengths() -> None:
    assert set(identifier_keys("b", "978-0-306-40615-7", "")) == {"b", "9780306406157", "306406152"}
    assert "9780306406157" in identifier_keys("b", "0-306-40615-2", "")
    assert "80442957x" in identifier_keys("b", "9780804429573", "")
    assert identifier_keys("b", "9780306406158", "") == ["b", "9780306406158"], "its check digit is wrong"


def test_a_field_may_hold_several_numbers_and_labels() -> None:
    keys = identifier_keys("A-1", "EAN: 4006381333931, 96385074", "FX 20;FX 21")
    assert {"a1", "4006381333931", "96385074", "fx20", "fx21"} <= set(keys)


@pytest.mark.parametrize("nothing", ["N/A", "does not apply", "0", "none", "-", ""])
def test_what_feeds_say_where_they_have_no_number_finds_nothing(nothing: str) -> None:
    assert identifier_keys("A-1", nothing, nothing) == ["a1"]


@pytest.mark.parametrize(
    ("text", "keys", "partial"),
    [
        ("ISBN-13: 978 0 306 40615 7", ("isbn139780306406157", "9780306406157"), True),
        ("EAN 4006381333931", ("ean4006381333931", "4006381333931"), True),
        ("EAN4006381333931", ("ean4006381333931", "4006381333931"), True),
        ("Art.-Nr. AB-1234", ("artnrab1234", "ab1234"), True),
        ("Artikelnummer AB-123", ("artikelnummerab123", "ab123"), True),
        ("Bestellnummer: AB-123", ("bestellnummerab123", "ab123"), True),
        ("Réf. AB-123", ("réfab123", "ab123"), True),
        ("артикул AB-123", ("артикулab123", "ab123"), True),
        ("C-5", ("c5",), False),
        ("5+", ("5",), False),
        ("SKU-17", ("sku17",), True),
        ("wh 1000 xm4", ("wh1000xm4",), True),
        ("48a 2698da 1200c 09094a 828f 5ade 41d 8", ("48a2698da1200c09094a828f5ade41d8",), True),
        ("running shoes", ("runningshoes",), False),
        ("iphone 13", ("iphone13",), False),
        ("16gb", ("16gb",), False),
        ("10.25", ("1025",), False),
    ],
)
def test_a_search_text_is_read_as_the_number_that_it_may_be(text: str, keys: tuple[str, ...], partial: bool) -> None:
    asked = read_identifier(text)
    assert asked is not None
    assert (asked.keys, asked.partial) == (keys, partial)


@pytest.mark.parametrize(
    "text",
    [
        "a very long text that nobody takes for a number", "  ", "!?", "9" * 65,
        '55"', '1/2"', "1/2", "½", "1.5", "12,5", "0.75", "-20%", "$50", "50 €", "< 50", ">100",
    ],
)  # fmt: skip
def test_other_texts_are_no_numbers(text: str) -> None:
    assert read_identifier(text) is None
