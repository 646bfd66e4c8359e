"""The JSON and text forms: every value comes back as it was, and what does not fit is told in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import UsageError
from recommender.query import (
    Answer,
    Boost,
    BoostKind,
    Explanation,
    FacetCount,
    Facets,
    Fallback,
    Filters,
    Hit,
    Mode,
    Options,
    PriceBand,
    Reason,
    Rule,
    RuleAction,
    Status,
    Strategy,
    Variants,
    WriteResult,
)
from recommender.query import serialization as wire
from recommender.query.boosts import attribute_text
from recommender.query.validation import check_examples, check_options, check_query, check_text
from recommender.types import Availability, Card, Product

TEXT = st.text(max_size=12)
NAME = st.text(min_size=1, max_size=12).filter(lambda text: text.strip() and "\x00" not in text)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
PRICE = st.decimals(min_value=0, max_value=Decimal("9999999999.9999"), places=4)
AMOUNT = st.none() | PRICE
BOUND = st.none() | st.decimals(min_value=0, max_value=10**14, allow_nan=False, allow_infinity=False, places=8)
COUNT = st.integers(0, 10**6)
WEIGHT = st.floats(-1, 10)
BOOST = st.one_of(
    st.builds(Boost, st.just(BoostKind.IN_STOCK), WEIGHT),
    st.builds(Boost, st.just(BoostKind.BRAND), WEIGHT, NAME),
    st.builds(Boost, st.just(BoostKind.ATTRIBUTE), WEIGHT, NAME, NAME),
    st.builds(Boost, st.just(BoostKind.NEWNESS), WEIGHT, half_life_days=st.floats(0.01, 36_500)),
)
NAMES = st.lists(NAME, max_size=3).map(tuple)
PATHS = st.lists(NAMES.filter(bool), max_size=2).map(tuple)
FILTERS = st.builds(
    Filters,
    categories=PATHS,
    brands=TEXTS,
    exclude_brands=TEXTS,
    price_min=BOUND,
    price_max=BOUND,
    in_stock=st.booleans(),
    attributes=st.lists(st.tuples(TEXT, TEXTS), max_size=3).map(tuple),
    exclude_skus=TEXTS,
    exclude_groups=TEXTS,
    min_score=st.none() | NUMBER,
)
OPTIONS = st.builds(
    Options,
    mode=st.sampled_from(Mode),
    variants=st.sampled_from(Variants),
    offset=COUNT,
    diversity=st.floats(0, 1),
    boosts=st.lists(BOOST, max_size=3).map(tuple),
    strategy=st.sampled_from(Strategy),
    fallback=st.sampled_from(Fallback),
    rules=st.booleans(),
    explain=st.booleans(),
    facets=st.booleans(),
    model=TEXT,
)
CARD = st.builds(Card, TEXT, TEXT, TEXT, TEXTS, AMOUNT, TEXT, st.sampled_from(Availability), TEXT, TEXT, TEXT)
EXPLANATION = st.builds(
    Explanation,
    st.none() | COUNT,
    st.none() | st.booleans(),
    st.none() | NUMBER,
    TEXTS,
    st.none() | NUMBER,
    st.none() | NUMBER,
)
HIT = CARD.flatmap(
    lambda card: st.builds(
        Hit,
        st.just(card.sku),
        NUMBER,
        st.just(card),
        st.sampled_from(Reason),
        st.none() | TEXTS,
        st.none() | EXPLANATION,
    )
)
FACETS = st.builds(
    Facets,
    COUNT,
    st.lists(st.builds(FacetCount, TEXTS, COUNT), max_size=2).map(tuple),
    st.lists(st.builds(FacetCount, TEXT, COUNT), max_size=2).map(tuple),
    st.lists(st.builds(PriceBand, PRICE, AMOUNT, COUNT), max_size=2).map(tuple),
)
MOMENT = st.none() | st.datetimes(timezones=st.just(UTC))

FORMS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "filters": (FILTERS, wire.filters_json, wire.filters_from),
    "options": (OPTIONS, wire.options_json, wire.options_from),
    "boost": (BOOST, wire.boost_json, wire.boost_from),
    "answer": (
        st.builds(Answer, st.lists(HIT, max_size=3).map(tuple), TEXT, TEXT, st.none() | FACETS),
        wire.answer_json,
        wire.answer_from,
    ),
    "product": (
        st.builds(
            Product, TEXT, TEXT, TEXT, TEXT, NAMES, AMOUNT, TEXT, st.sampled_from(Availability), TEXT, TEXT, TEXT,
            st.dictionaries(TEXT, TEXT, max_size=3),
        ),
        wire.product_json,
        wire.product_from,
    ),
    "rule": (
        st.builds(Rule, st.sampled_from(RuleAction), TEXT, TEXT, NAMES, COUNT, MOMENT, MOMENT, TEXT, COUNT),
        wire.rule_json,
        wire.rule_from,
    ),
    "status": (
        st.builds(
            Status, COUNT, COUNT, st.none() | TEXT, st.none() | TEXT, TEXTS, COUNT, COUNT, COUNT, st.none() | NUMBER,
            TEXT,
        ),
        wire.status_json,
        wire.status_from,
    ),
    "write result": (
        st.builds(WriteResult, TEXTS, TEXTS, TEXTS, TEXTS),
        wire.write_result_json,
        wire.write_result_from,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@given(data=st.data())
def test_every_value_comes_back_from_json_as_it_was(name: str, data: st.DataObject) -> None:
    values, to_json, from_json = FORMS[name]
    value = data.draw(values)
    assert from_json(json.loads(json.dumps(to_json(value), allow_nan=False))) == value


def test_every_field_of_filters_and_options_has_a_form() -> None:
    filters = {"categories": ["A > B"], "brands": ["x"], "exclude_brands": ["y"], "price_min": 1, "price_max": "2.50",
               "in_stock": True, "attributes": {"size": "XL"}, "exclude_skus": ["s"], "exclude_groups": ["g"],
               "min_score": 0.5}  # fmt: skip
    assert set(filters) == {field.name for field in fields(Filters)}
    read = wire.filters_from(filters)
    assert read.categories == (("A", "B"),)
    assert read.attributes == (("size", ("XL",)),)
    assert (read.price_min, read.price_max) == (Decimal(1), Decimal("2.5"))
    changed = Options(Mode.DENSE, Variants.ALL, 1, 0.5, (Boost(BoostKind.IN_STOCK, 1.0),), Strategy.AVERAGE,
                      Fallback.WIDEN, False, True, True, "m")  # fmt: skip
    assert set(wire.options_json(changed)) == {field.name for field in fields(Options)}


@pytest.mark.parametrize("cents", [0, 1, 10, 1999, 110, 99_999_999_999])
def test_prices_are_numbers_and_keep_their_cents(cents: int) -> None:
    price = Decimal(cents) / 100
    form = json.loads(json.dumps(wire.product_json(Product("s", "t", price=price))))
    assert isinstance(form["price"], float)
    read = wire.product_from(form).price
    assert read == price
    assert str(read) == f"{price:.2f}"


@given(BOOST.filter(lambda boost: ":" not in boost.name))
def test_the_text_of_a_boost_is_read_as_that_boost(boost: Boost) -> None:
    assert wire.parse_boost(wire.boost_text(boost)) == boost


@pytest.mark.parametrize(
    ("text", "boost"),
    [
        ("in-stock=0.2", Boost(BoostKind.IN_STOCK, 0.2)),
        ("brand:A=B=0.3", Boost(BoostKind.BRAND, 0.3, "A=B")),
        ("attribute:colour:red=-1", Boost(BoostKind.ATTRIBUTE, -1.0, "red", "colour")),
        ("newness=0.5", Boost(BoostKind.NEWNESS, 0.5)),
        ("newness@7=0.5", Boost(BoostKind.NEWNESS, 0.5, half_life_days=7.0)),
    ],
)
def test_boosts_are_written_in_one_word(text: str, boost: Boost) -> None:
    assert wire.parse_boost(text) == boost
    assert wire.options_from({"boosts": [text]}).boosts == (boost,)


@pytest.mark.parametrize(
    "text",
    ["", "in-stock", "in-stock:x=1", "in-stock@3=1", "brand=1", "brand:=1", "brand:X=", "brand:X=nan", "brand:X=10.1",
     "in-stock=-1.1", "attribute:x=1", "attribute::x=1", "newness@0=1", "newness@x=1", "wood=1", "=1"],
)  # fmt: skip
def test_a_boost_that_makes_no_sense_is_one_clear_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        wire.parse_boost(text)
    assert "\n" not in str(refused.value)


def test_an_attribute_filter_is_a_name_and_the_values_that_fit() -> None:
    assert wire.parse_attribute("colour:red|dark blue") == ("colour", ("red", "dark blue"))
    assert attribute_text("colour", ("red", "dark blue")) == "colour:red|dark blue"
    for text in ("colour", "colour:", ":red", "colour:|"):
        with pytest.raises(UsageError, match="colour:red"):
            wire.parse_attribute(text)
    for name, values in (("a:b", ("x",)), ("a", ("x|y",)), ("a", ()), ("a", (" x",))):
        with pytest.raises(UsageError, match="JSON"):
            attribute_text(name, values)


@pytest.mark.parametrize(
    ("read", "value", "complaint"),
    [
        (wire.filters_from, {"brand": ["x"]}, "no field 'brand' (did you mean 'brands'?)"),
        (wire.filters_from, {"brands": "x"}, "filters.brands is a text 'x'; a list is expected"),
        (wire.filters_from, {"brands": [1]}, "filters.brands[0] is a number 1; a text is expected"),
        (wire.filters_from, {"in_stock": "yes"}, "filters.in_stock is a text 'yes'; true or false is expected"),
        (wire.filters_from, {"price_min": "cheap"}, "filters.price_min is a text 'cheap'; a price"),
        (wire.filters_from, {"price_max": "1" * 50}, "a price such as 19.99 is expected"),
        (wire.filters_from, {"min_score": float("inf")}, "filters.min_score is a number inf; a finite number"),
        (wire.filters_from, {"categories": ["A > "]}, "has an empty name"),
        (wire.filters_from, {"brands": ["\ud800"]}, "half of a surrogate pair"),
        (wire.filters_from, [], "filters is a list; an object is expected"),
        (wire.options_from, {"mode": "denss"}, "one of hybrid, dense, lexical is expected"),
        (wire.options_from, {"offset": True}, "options.offset is true; a whole number is expected"),
        (wire.options_from, {"diversity": None}, "options.diversity is null; a finite number"),
        (wire.options_from, {"offset": 10**5000}, "options.offset is a number of very many digits"),
        (wire.product_from, {"title": "t", "categry": "x"}, "did you mean 'category'?"),
        (wire.product_from, {"attributes": {"size": ["XL"]}}, "product.attributes.size is a list; a text"),
        (wire.rule_from, {"action": "pin"}, "rule lacks 'sku'"),
        (wire.rule_from, {"action": "ban", "sku": "s", "ends_at": "soon"}, "write 2026-12-01"),
        (wire.answer_from, {"hits": []}, "the answer lacks 'model'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_what_was_expected(
    read: Callable[[Any], Any], value: Any, complaint: str
) -> None:
    with pytest.raises(UsageError) as refused:
        read(value)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
MEMBERS = st.sampled_from(
    sorted({field.name for kind in (Filters, Options, Product, Rule, Answer, Hit, Status) for field in fields(kind)})
)


@given(st.sampled_from(sorted(FORMS)), JUNK | st.dictionaries(MEMBERS, JUNK, max_size=4))
def test_whatever_comes_in_is_read_or_refused_in_one_line(name: str, junk: Any) -> None:
    try:
        FORMS[name][2](junk)
    except UsageError as refused:
        assert "\n" not in str(refused)


def test_an_answer_of_a_newer_service_may_hold_more() -> None:
    hit = {"sku": "s", "score": 1, "title": "t", "added": 1}
    answer = wire.answer_from({"hits": [hit], "model": "m", "generation": "g", "more": {}})
    assert [hit.sku for hit in answer] == ["s"]


def test_a_moment_without_a_zone_is_in_utc() -> None:
    assert wire.parse_moment("2026-12-01", "x") == datetime(2026, 12, 1, tzinfo=UTC)
    assert wire.parse_moment("2026-12-01T08:00:00+01:00", "x") == datetime(2026, 12, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("filters", "complaint"),
    [
        (Filters(price_min=Decimal(2), price_max=Decimal(1)), "price_min 2 is above price_max 1"),
        (Filters(price_min=Decimal("NaN")), "price_min"),
        (Filters(price_max=Decimal(-1)), "0 or more"),
        (Filters(brands="Nike"), "give a tuple"),  # type: ignore[arg-type]
        (Filters(categories=("Shoes",)), "('Shoes', 'Boots')"),  # type: ignore[arg-type]
        (Filters(categories=((),)), "categories holds ()"),
        (Filters(attributes=(("colour", ()),)), "has no values"),
        (Filters(attributes=(("colour", "red"),)), "give a tuple"),  # type: ignore[arg-type]
        (Filters(exclude_skus=tuple(map(str, range(501)))), "at most 500"),
        (Filters(brands=("a\x00b",)), "NUL"),
        (Filters(brands=("\udcff",)), "surrogate"),
        (Filters(brands=("x" * 2001,)), "2,001 characters"),
        (Filters(min_score=float("nan")), "finite"),
    ],
)
def test_filters_that_make_no_sense_are_refused(filters: Filters, complaint: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_query(10, filters, Options())
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("k", "options", "complaint"),
    [
        (0, Options(), "k is 0; give 1 to 1000"),
        (1001, Options(), "k is 1001"),
        (True, Options(), "k is True"),
        (10, Options(offset=-1), "offset is -1"),
        (10, Options(offset=991), "beyond the first 1000"),
        (10, Options(diversity=1.5), "diversity is 1.5"),
        (10, Options(diversity=float("nan")), "diversity is nan"),
        (10, Options(mode="dense"), "give one of Mode"),  # type: ignore[arg-type]
        (10, Options(boosts=(Boost(BoostKind.BRAND, 0.5),)), "empty"),
        (10, Options(boosts=(Boost(BoostKind.IN_STOCK, 11.0),)), "give -1 to 10"),
        (10, Options(boosts=(Boost(BoostKind.NEWNESS, 1.0, half_life_days=0.0),)), "half-life"),
        (10, Options(boosts=(Boost(BoostKind.IN_STOCK, 1.0),) * 21), "at most 20"),
    ],
)
def test_options_that_make_no_sense_are_refused(k: int, options: Options, complaint: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_query(k, Filters(), options)
    assert complaint in str(refused.value)


@given(OPTIONS)
def test_options_within_the_limits_are_accepted(options: Options) -> None:
    if "\x00" not in options.model and (options.model.strip() or not options.model):
        check_options(options)
        assert isfinite(options.diversity)


def test_texts_and_examples_have_limits() -> None:
    check_text("🥾 حذاء \x00 <script>")
    check_text("x" * 100_000)
    for text in ("", " \n", "x" * 100_001, "\ud83e"):
        with pytest.raises(UsageError):
            check_text(text)
    check_examples(["a", "b"], ["c"])
    for like, dislike in (([], ["a"]), (["a"], ["a"]), ("abc", []), (["a"] * 101, []), ([""], []), (["a"], [1])):
        with pytest.raises(UsageError):
            check_examples(like, dislike)  # type: ignore[arg-type]
