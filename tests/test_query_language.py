"""The query language: every value comes back as it was, and what does not fit is told in one line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.errors import UsageError
from recommender.query import (
    Answer,
    Boost,
    BoostKind,
    Confidence,
    Explanation,
    FacetCount,
    Facets,
    Fallback,
    Filters,
    Hit,
    Mode,
    Options,
    PriceBand,
    QueryRequest,
    Reason,
    RecommendRequest,
    Rule,
    RuleAction,
    SearchRequest,
    Sort,
    Status,
    Strategy,
    Variants,
    WriteResult,
)
from recommender.query.limits import SearchText
from recommender.query.parameters import read_address, write_address
from recommender.query.serialization import adapter, from_json, from_value, to_json, to_value, validate, validate_as
from recommender.types import Availability, Card, Product

TEXT = st.text(max_size=12)
NAME = st.text(min_size=1, max_size=12).filter(lambda text: text.strip() and "\x00" not in text)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
STORABLE = TEXT.filter(lambda text: "\x00" not in text)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
PRICE = st.decimals(min_value=0, max_value=Decimal("9999999999.9999"), places=4)
AMOUNT = st.none() | PRICE
BOUND = st.none() | st.decimals(min_value=0, max_value=10**14, allow_nan=False, allow_infinity=False, places=8)
COUNT = st.integers(0, 10**6)
WEIGHT = st.floats(-1, 10)
BOOST = st.one_of(
    st.builds(Boost, st.just(BoostKind.IN_STOCK), WEIGHT),
    st.builds(Boost, st.just(BoostKind.BRAND), WEIGHT, NAME),
    st.builds(Boost, st.just(BoostKind.CATEGORY), WEIGHT, NAME),
    st.builds(Boost, st.just(BoostKind.ATTRIBUTE), WEIGHT, NAME, NAME),
    st.builds(Boost, st.just(BoostKind.NEWNESS), WEIGHT, half_life_days=st.floats(0.01, 36_500)),
)
NAMES = st.lists(NAME, max_size=3).map(tuple)
PATHS = st.lists(NAMES.filter(bool), max_size=2).map(tuple)
FILTERS = st.builds(
    Filters,
    categories=PATHS,
    brands=NAMES,
    exclude_brands=NAMES,
    price_min=BOUND,
    price_max=BOUND,
    currency=st.sampled_from(["", "EUR"]),
    in_stock=st.booleans(),
    attributes=st.lists(st.tuples(NAME, NAMES.filter(bool)), max_size=3).map(tuple),
    exclude_skus=NAMES,
    exclude_groups=NAMES,
    min_score=st.none() | NUMBER,
).filter(lambda filters: None in (filters.price_min, filters.price_max) or filters.price_min <= filters.price_max)
OPTIONS = st.builds(
    Options,
    mode=st.sampled_from(Mode),
    variants=st.sampled_from(Variants),
    offset=st.integers(0, 990),
    diversity=st.floats(0, 1),
    boosts=st.lists(BOOST, max_size=3).map(tuple),
    strategy=st.sampled_from(Strategy),
    fallback=st.sampled_from(Fallback),
    rules=st.booleans(),
    explain=st.booleans(),
    facets=st.booleans(),
    facet_values=st.integers(1, 10_000),
    model=NAME | st.just(""),
    sort=st.sampled_from(Sort),
    prefix=st.booleans(),
    correct=st.booleans(),
    understand=st.booleans(),
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
HIT = st.builds(
    lambda card, score, reason, widened_to, explanation: replace(
        Hit.of(card, score, reason), widened_to=widened_to, explanation=explanation
    ),
    CARD,
    NUMBER,
    st.sampled_from(Reason),
    st.none() | TEXTS,
    st.none() | EXPLANATION,
)
FACETS = st.builds(
    Facets,
    COUNT,
    st.lists(st.builds(FacetCount, TEXTS, COUNT), max_size=2).map(tuple),
    st.lists(st.builds(FacetCount, TEXT, COUNT), max_size=2).map(tuple),
    st.lists(st.builds(PriceBand, PRICE, AMOUNT, COUNT), max_size=2).map(tuple),
)
MOMENT = st.none() | st.datetimes(timezones=st.just(UTC))

VALUES: dict[type[Any], st.SearchStrategy[Any]] = {
    Filters: FILTERS,
    Options: OPTIONS,
    Boost: BOOST,
    QueryRequest: st.builds(QueryRequest, k=st.integers(1, 10), filters=FILTERS, options=OPTIONS),
    Answer: st.builds(Answer, st.lists(HIT, max_size=3).map(tuple), TEXT, TEXT, st.none() | FACETS),
    Product: st.builds(
        Product, TEXT, NAME, TEXT, TEXT, NAMES, AMOUNT, TEXT, st.sampled_from(Availability), TEXT, TEXT, TEXT,
        st.dictionaries(TEXT, TEXT, max_size=3),
    ),
    Rule: st.builds(
        Rule, st.sampled_from(RuleAction), NAME, STORABLE, NAMES, st.integers(1, 1000), MOMENT, MOMENT, STORABLE,
        *(STORABLE, st.booleans(), COUNT),
    ),
    Status: st.builds(
        Status, COUNT, COUNT, st.none() | TEXT, st.none() | TEXT, TEXTS, COUNT, COUNT, COUNT, st.none() | NUMBER, TEXT,
    ),
    WriteResult: st.builds(WriteResult, TEXTS, TEXTS, TEXTS, TEXTS),
}  # fmt: skip


for _kind in VALUES:
    adapter(_kind)  # beforehand, since it takes longer than an example may


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a machine that others use, too
@given(data=st.data())
def test_every_value_comes_back_from_json_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    assert from_json(kind, to_json(value)) == value
    assert from_value(kind, json.loads(json.dumps(to_value(value, changed=True), allow_nan=False))) == value


def test_every_field_of_filters_and_options_has_a_form() -> None:
    filters = {"categories": ["A > B"], "brands": ["x"], "exclude_brands": ["y"], "price_min": 1, "price_max": "2.50",
               "currency": "eur", "in_stock": True, "attributes": {"size": "XL"}, "exclude_skus": ["s"],
               "exclude_groups": ["g"], "min_score": 0.5}  # fmt: skip
    assert set(filters) == {field.name for field in fields(Filters)}
    read = from_value(Filters, filters)
    assert read.categories == (("A", "B"),)
    assert read.attributes == (("size", ("XL",)),)
    assert (read.price_min, read.price_max, read.currency) == (Decimal(1), Decimal("2.5"), "EUR")
    changed = Options(Mode.DENSE, Variants.ALL, 1, 0.5, (Boost(BoostKind.IN_STOCK, 1.0),), Strategy.AVERAGE,
                      Fallback.WIDEN, False, True, True, 0.5, Confidence.GOOD, "m", 3, Sort.PRICE, True, False,
                      False, True)  # fmt: skip
    assert set(to_value(changed, changed=True)) == {field.name for field in fields(Options)}


def test_an_address_says_in_json_what_a_short_text_can_not() -> None:
    filters = Filters((("A > B", "C"),), attributes=(("a:b", ("x|y", " z")), ("{n", ("1",))))
    boost = Boost(BoostKind.ATTRIBUTE, 0.5, "x", "a:b")
    asked = SearchRequest(query="boots", filters=filters, options=Options(boosts=(boost,)))
    parameters = write_address(asked)
    assert parameters is not None
    assert ("attribute", '{"name": "a:b", "values": ["x|y", " z"]}') in parameters
    assert read_address(SearchRequest, urlencode(parameters).encode()) == asked


def test_a_flag_of_an_address_is_also_one_or_zero() -> None:
    assert read_address(SearchRequest, b"q=x&explain=1&rules=0").options == Options(explain=True, rules=False)
    for text in (b"2", b"yes", b"", b"[]"):
        with pytest.raises(UsageError, match=r"explain .*true or false"):
            read_address(SearchRequest, b"q=x&explain=" + text)


@given(st.builds(SearchRequest, query=NAME, k=st.integers(1, 10), filters=FILTERS, options=OPTIONS))
def test_what_an_address_says_is_read_as_that_query_or_it_says_nothing(request: SearchRequest) -> None:
    parameters = write_address(request)
    if parameters is not None:
        assert read_address(SearchRequest, urlencode(parameters).encode()) == request


def test_an_address_says_what_is_usually_asked() -> None:
    filters = Filters((("A", "B"),), ("x", "y"), price_max=Decimal("9.99"), attributes=(("size", ("XL", "L")),))
    options = Options(Mode.DENSE, boosts=(Boost(BoostKind.BRAND, 0.3, "Nike"),), rules=False)
    asked = SearchRequest(query="boots", k=3, filters=filters, options=options)
    assert dict(write_address(asked) or ()) == {
        "q": "boots", "k": "3", "category": "A > B", "brand": "y", "price_max": "9.99", "attribute": "size:XL|L",
        "mode": "dense", "boost": "brand:Nike=0.3", "rules": "false",
    }  # fmt: skip


@pytest.mark.parametrize("cents", [0, 1, 10, 1999, 110, 99_999_999_999])
def test_prices_are_numbers_and_keep_their_cents(cents: int) -> None:
    price = Decimal(cents) / 100
    form = json.loads(to_json(Product("s", "t", price=price)))
    assert isinstance(form["price"], float)
    read = from_value(Product, form).price
    assert read == price
    assert str(read) == f"{price:.2f}"


@given(BOOST.filter(lambda boost: ":" not in boost.name))
def test_the_text_of_a_boost_is_read_as_that_boost(boost: Boost) -> None:
    assert Boost.from_text(boost.text()) == boost


@pytest.mark.parametrize(
    ("text", "boost"),
    [
        ("in-stock=0.2", Boost(BoostKind.IN_STOCK, 0.2)),
        ("brand:A=B=0.3", Boost(BoostKind.BRAND, 0.3, "A=B")),
        ("attribute:colour:red=-1", Boost(BoostKind.ATTRIBUTE, -1.0, "red", "colour")),
        ("category:A > B=0.2", Boost(BoostKind.CATEGORY, 0.2, "A > B")),
        ("newness=0.5", Boost(BoostKind.NEWNESS, 0.5)),
        ("newness@7=0.5", Boost(BoostKind.NEWNESS, 0.5, half_life_days=7.0)),
    ],
)
def test_boosts_are_written_in_one_word(text: str, boost: Boost) -> None:
    assert Boost.from_text(text) == boost
    assert from_value(Options, {"boosts": [text]}).boosts == (boost,)


@pytest.mark.parametrize(
    "text",
    ["", "in-stock", "in-stock:x=1", "in-stock@3=1", "brand=1", "brand:=1", "brand:X=", "brand:X=nan", "brand:X=10.1",
     "in-stock=-1.1", "attribute:x=1", "attribute::x=1", "newness@0=1", "newness@x=1", "wood=1", "=1"],
)  # fmt: skip
def test_a_boost_that_makes_no_sense_is_one_clear_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        from_value(Options, {"boosts": [text]})
    assert "\n" not in str(refused.value)


def test_an_attribute_filter_is_a_name_and_the_values_that_fit() -> None:
    def read(text: str) -> Filters:
        return from_value(Filters, {"attributes": [text]})

    assert read("colour:red|dark blue").attributes == (("colour", ("red", "dark blue")),)
    for text in ("colour", "colour:", ":red", "colour:|"):
        with pytest.raises(UsageError, match="colour:red"):
            read(text)
    for name, values in (("a:b", ("x",)), ("a", ("x|y",)), ("a", (" x",))):
        asked = QueryRequest(filters=Filters(attributes=((name, values),)))
        parameters = write_address(asked)
        assert parameters is not None
        assert read_address(QueryRequest, urlencode(parameters).encode()) == asked
    colours = Filters(attributes=(("colour", ("red", "dark blue")),))
    assert write_address(QueryRequest(filters=colours)) == (("attribute", "colour:red|dark blue"),)


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        (Filters, {"brand": ["x"]}, "no field 'brand' (did you mean 'brands'?)"),
        (Filters, {"brands": "x"}, "brands is 'x'; a list is expected"),
        (Filters, {"brands": [1]}, "brands[0] is 1; a text is expected"),
        (Filters, {"in_stock": "yes"}, "in_stock is 'yes'; true or false is expected"),
        (Filters, {"price_min": "cheap"}, "price_min is 'cheap'; a price"),
        (Filters, {"currency": "euro"}, "currency is 'euro'; a code of three letters is expected, such as EUR"),
        (Filters, {"price_max": "1" * 50}, "a price such as 19.99 is expected"),
        (Filters, {"min_score": float("inf")}, "min_score is inf; a finite number"),
        (Filters, {"categories": ["A > "]}, "has an empty name"),
        (Filters, {"brands": ["\ud800"]}, "half of a surrogate pair"),
        (Filters, [], "the body is a list; an object is expected"),
        (Options, {"mode": "denss"}, "one of 'hybrid', 'dense' or 'lexical' is expected"),
        (Options, {"offset": True}, "offset is true; a whole number is expected"),
        (Options, {"diversity": None}, "diversity is null; a finite number"),
        (
            QueryRequest,
            {"options": {"boosts": [{"kind": "brand", "wait": 1}]}},
            "boosts[0] has no field 'wait'",
        ),
        (QueryRequest, {"filters": {"brands": ["", "x"]}}, "filters.brands[0] is ''; a text that is not empty"),
        (Product, {"title": "t", "categry": "x"}, "did you mean 'category'?"),
        (Product, {"sku": "s", "title": "t", "attributes": {"size": ["XL"]}}, "attributes.size is a list; a text"),
        (Rule, {"sku": "s"}, "the body lacks 'action'"),
        (Rule, {"action": "ban", "sku": "s", "ends_at": "soon"}, "write 2026-12-01"),
        (Answer, {"hits": []}, "lacks 'model'"),
    ],
)
def test_what_does_not_fit_is_named_with_what_was_expected(kind: type[Any], value: Any, complaint: str) -> None:
    with pytest.raises(UsageError) as refused:
        from_value(kind, value)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(UsageError, match="a number too long"):
        from_json(Options, '{"offset": 1' + "0" * 5000 + "}")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
MEMBERS = st.sampled_from(
    sorted({field.name for kind in (Filters, Options, Product, Rule, Answer, Hit, Status) for field in fields(kind)})
)


@given(st.sampled_from(list(VALUES)), JUNK | st.dictionaries(MEMBERS, JUNK, max_size=4))
def test_whatever_comes_in_is_read_or_refused_in_one_line(kind: type[Any], junk: Any) -> None:
    try:
        from_value(kind, junk)
    except UsageError as refused:
        assert "\n" not in str(refused)


def test_an_answer_of_a_newer_service_may_hold_more() -> None:
    hit = {"sku": "s", "score": 1, "title": "t", "added": 1}
    answer = from_value(Answer, {"hits": [hit], "model": "m", "generation": "g", "more": {}})
    assert [hit.sku for hit in answer] == ["s"]


def test_a_moment_without_a_zone_is_in_utc() -> None:
    def starts(text: str) -> datetime | None:
        return from_value(Rule, {"action": "ban", "sku": "s", "starts_at": text}).starts_at

    assert starts("2026-12-01") == datetime(2026, 12, 1, tzinfo=UTC)
    assert starts("2026-12-01T08:00:00+01:00") == datetime(2026, 12, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("filters", "complaint"),
    [
        (Filters(price_min=Decimal(2), price_max=Decimal(1)), "price_min 2 is above price_max 1"),
        (Filters(price_min=Decimal("NaN")), "price_min"),
        (Filters(price_max=Decimal(-1)), "price_max is Decimal('-1'); at least 0"),
        (Filters(brands="Nike"), "brands is 'Nike'; a list is expected, even for one"),  # type: ignore[arg-type]
        (Filters(categories=("Shoes",)), "('Shoes', 'Boots')"),  # type: ignore[arg-type]
        (Filters(categories=((),)), "categories[0] is ()"),
        (Filters(attributes=(("colour", ()),)), "attributes[0][1] is (); at least 1"),
        (Filters(attributes=(("colour", "red"),)), "attributes[0][1] is 'red'; a list is expected"),  # type: ignore[arg-type]
        (Filters(exclude_skus=tuple(map(str, range(501)))), "at most 500"),
        (Filters(brands=("a\x00b",)), "NUL"),
        (Filters(brands=("\udcff",)), "surrogate"),
        (Filters(brands=("x" * 2001,)), "2,001 characters"),
        (Filters(min_score=float("nan")), "finite"),
    ],
)
def test_filters_that_make_no_sense_are_refused(filters: Filters, complaint: str) -> None:
    with pytest.raises(UsageError) as refused:
        validate(QueryRequest(filters=filters))
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("k", "options", "complaint"),
    [
        (0, Options(), "k is 0; at least 1 is expected"),
        (1001, Options(), "k is 1001; at most 1000"),
        (True, Options(), "k is True"),
        (10, Options(offset=-1), "offset is -1"),
        (10, Options(offset=1000), "offset is 1000; at most 999"),
        (10, Options(diversity=1.5), "diversity is 1.5"),
        (10, Options(diversity=float("nan")), "diversity is nan"),
        (10, Options(mode="dense"), "mode is 'dense'; give one of Mode"),  # type: ignore[arg-type]
        (10, Options(boosts=(Boost(BoostKind.BRAND, 0.5),)), "empty"),
        (10, Options(boosts=(Boost(BoostKind.IN_STOCK, 11.0),)), "weight is 11.0; at most 10"),
        (
            10,
            Options(boosts=(Boost(BoostKind.NEWNESS, 1.0, half_life_days=0.0),)),
            "half_life_days is 0.0; at least 0.01",
        ),
        (10, Options(boosts=(Boost(BoostKind.IN_STOCK, 1.0),) * 21), "at most 20"),
    ],
)
def test_options_that_make_no_sense_are_refused(k: int, options: Options, complaint: str) -> None:
    with pytest.raises(UsageError) as refused:
        validate(QueryRequest(k=k, options=options))
    assert complaint in str(refused.value)


@given(OPTIONS)
def test_options_within_the_limits_are_accepted(options: Options) -> None:
    assert validate(options) == options


def test_texts_and_examples_have_limits() -> None:
    validate_as(SearchText, "🥾 حذاء \x00 <script>")
    validate_as(SearchText, "x" * 100_000)
    for text in ("", " \n", "x" * 100_001, "\ud83e"):
        with pytest.raises(UsageError):
            validate(SearchRequest(query=text))
    validate(RecommendRequest(like=["a", "b"], dislike=["c"]))
    for like, dislike in (([], ["a"]), (["a"], ["a"]), ("abc", []), (["a"] * 101, []), ([""], []), (["a"], [1])):
        with pytest.raises(UsageError):
            validate(RecommendRequest(like=like, dislike=dislike))  # type: ignore[arg-type]


FEW = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")), deadline=None, suppress_health_check=[*HealthCheck]
)
PIECES = st.sampled_from([
    "brand", "in-stock", "attribute", "newness", ":", "=", "@", ">", "|", "..", ",", "0.3", "-1", "1e999", "nan", "-0",
    "9" * 400, "{", "}", "[", "]", '"', "\\", "\\ud800", "%ff", "%00", "&", "a > b", "colour:red", "\0", "ß", "\u2028",
    "null", "true", "[" * 2000, '{"name":', '"values":', '{"kind":"brand","value":"x","weight":1}',
])  # fmt: skip
TEXTS_OF_ANY_KIND = st.lists(PIECES | st.text(max_size=6), max_size=8).map("".join)
NAMES = [
    "sku", "q", "like", "dislike", "k", "offset", "mode", "brand", "category", "price", "min_price", "max_price",
    "attribute", "boost", "min_score", "facets", "currency", "in_stock", "exclude_skus", "diversity", "explain", "nope",
]  # fmt: skip
KINDS = st.sampled_from([QueryRequest, SearchRequest, RecommendRequest, Filters, Options, Boost, Rule, Product])
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS_OF_ANY_KIND,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | TEXT, inner, max_size=4),
    max_leaves=10,
)


@FEW
@given(
    kind=st.sampled_from([SearchRequest, RecommendRequest]),
    pairs=st.lists(st.tuples(st.sampled_from(NAMES), TEXTS_OF_ANY_KIND), max_size=6),
    raw=st.binary(max_size=20),
)
def test_no_address_ends_in_a_traceback(kind: Any, pairs: list[tuple[str, str]], raw: bytes) -> None:
    for query in (urlencode(pairs, errors="surrogatepass").encode(), raw):
        _one_line_or_value(lambda query=query: read_address(kind, query))  # type: ignore[misc]


@FEW
@given(kind=KINDS, value=BODIES, text=TEXTS_OF_ANY_KIND | st.binary(max_size=30))
def test_no_body_ends_in_a_traceback(kind: Any, value: object, text: str | bytes) -> None:
    _one_line_or_value(lambda: from_value(kind, value))
    _one_line_or_value(lambda: from_json(kind, text))


def _one_line_or_value(read: Callable[[], object]) -> None:
    try:
        value = read()
    except UsageError as error:
        assert len(str(error).splitlines()) == 1, str(error)
        assert len(str(error)) < 2000
    else:
        to_json(value)


SEEDS = ["[" * 100_000, "9" * 5000, '"\\ud800"', "newness@nan=1", "brand:=1", '{"boosts": [{"weight": 1e999}]}']
"""Texts over which a reader once failed, or might."""


@pytest.mark.parametrize("text", SEEDS)
def test_what_failed_once_fails_no_more(text: str) -> None:
    for kind in (SearchRequest, RecommendRequest, Filters, Boost):
        _one_line_or_value(lambda kind=kind: from_json(kind, text))  # type: ignore[misc]
        _one_line_or_value(lambda kind=kind: from_value(kind, {"boost": [text], "filters": {"attributes": [text]}}))  # type: ignore[misc]
