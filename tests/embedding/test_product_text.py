from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.embedding.product_text import ProductText, description_text, title_text
from recommender.plain_text import clean
from recommender.types import Product

SHOES = Product(
    sku="S1",
    title="Trail shoes",
    brand="Northpeak",
    description="<p>Light &amp; grippy</p>",
    category=("Sport", "Shoes"),
    attributes={"colour": "red", "size": "42"},
)
TAGS = ["<b>", "</b>", "<br/>", "<p class='x'>", "<script>", "</script>", "<!--", "-->"]
ENTITIES = ["&amp;", "&lt;", "&gt;", "&#60;", "&#x26;", "amp;", "#38;", "&nbsp;"]
CHARACTERS = ["&", "<", ">", "\u0338", "\u037e", "\u00e9", "e\u0301", "\ufeff"]
PIECES = st.one_of(st.text(max_size=8), st.sampled_from([*TAGS, *ENTITIES, *CHARACTERS]))
MARKUP = st.lists(PIECES, max_size=20).map("".join)


def test_the_text_is_title_brand_and_description() -> None:
    assert ProductText()(SHOES) == "Trail shoes. Northpeak. Light & grippy"


def test_empty_parts_leave_no_trace() -> None:
    assert ProductText()(Product(sku="S1", title="Trail shoes")) == "Trail shoes"
    assert ProductText()(replace(SHOES, brand=" <br> ")) == "Trail shoes. Light & grippy"


def test_only_chosen_attributes_come_in_and_in_the_order_chosen() -> None:
    assert ProductText(("size", "colour", "absent"))(SHOES).endswith(". size: 42. colour: red")


def test_the_category_is_never_in_the_text() -> None:
    assert ProductText()(SHOES) == ProductText()(replace(SHOES, category=("Elsewhere",)))


def test_title_and_description_are_cleaned_like_the_text() -> None:
    assert title_text(replace(SHOES, title="A&nbsp;<b>B</b>")) == "A B"
    assert description_text(SHOES) == "Light & grippy"


def test_the_hash_follows_the_text_alone() -> None:
    text = ProductText()
    assert len(text.hash(SHOES)) == 32
    assert text.hash(SHOES) == text.hash(replace(SHOES, category=(), attributes={}, description="Light & grippy"))
    assert text.hash(SHOES) != text.hash(replace(SHOES, title="Trail shoe"))
    assert text.hash(SHOES) != ProductText(("colour",)).hash(SHOES)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("<ul><li>one</li><li>two</li></ul>", "one two"),
        ("wa<b>ter</b>proof", "waterproof"),
        ("line<br>break", "line break"),
        ("a<script>var x = '<b>';</script>b<STYLE type='x'>p{}</style>c", "a b c"),
        ("before<!-- hidden <b> -->after", "before after"),
        ("<![CDATA[<p>kept</p>]]>", "kept"),
        ("&amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt;", "bold"),
        ("5 < 6 & 7 > 2", "5 < 6 & 7 > 2"),
        ("size <3 mm", "size <3 mm"),
        ("caf\u0065\u0301 \u00a0 noir\n\tx", "caf\u00e9 noir x"),
        ("soft\u00adware\u200b", "software"),
        ("bad\x00byte \ud800", "bad byte"),
        ("R&D, AT&T", "R&D, AT&T"),
        ("", ""),
    ],
)
def test_markup_and_invisible_characters_are_removed(raw: str, plain: str) -> None:
    assert clean(raw) == plain


@given(MARKUP)
def test_cleaning_twice_is_cleaning_once(raw: str) -> None:
    assert clean(clean(raw)) == clean(raw)


@given(MARKUP)
def test_clean_text_is_single_spaced_nfc_without_tags(raw: str) -> None:
    text = clean(raw)
    assert text == unicodedata.normalize("NFC", text) == " ".join(text.split())
    assert not any(
        tag in text for tag in ("<b>", "</b>", "<br/>", "<script>", "<p class='x'>", "<!--", "&amp;", "&lt;")
    )
    text.encode()


@pytest.mark.parametrize("unit", ["<", "<!--", "<script>", "&amp;", "&#38;", "<b", "<<b>b>", "&", "<a ", "<![CDATA["])
def test_hostile_markup_of_a_megabyte_takes_linear_time(unit: str) -> None:
    # Quadratic time would take hours here, and the suite would not end.
    assert len(clean(unit * (1_000_000 // len(unit)))) <= 1_000_000
