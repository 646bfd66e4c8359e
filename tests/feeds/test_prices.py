from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.feeds.prices import MAX_PRICE, StatedPrice, clear_decimal_mark, parse_currency, parse_price
from recommender.feeds.rejections import BadRow

AMOUNTS = st.decimals(min_value=0, max_value=9_999_999, places=2, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("19.99", "19.99", ""),
        ("19,99", "19.99", ""),
        ("1.299,00", "1299", ""),
        ("1,299.00", "1299", ""),
        ("1,299", "1299", ""),
        ("0,999", "0.999", ""),
        ("1.299", "1.299", ""),
        ("1.299.000", "1299000", ""),
        ("12,34,567.50", "1234567.5", ""),
        ("1 299,50", "1299.5", ""),
        ("1\u00a0299,50 €", "1299.5", "EUR"),
        ("1'299.50", "1299.5", ""),
        ("19.99 USD", "19.99", "USD"),
        ("USD 19.99", "19.99", "USD"),
        ("19.99usd", "19.99", "USD"),
        ("$19.99", "19.99", "USD"),
        ("€ 19,99", "19.99", "EUR"),
        ("Rs. 1,299", "1299", "INR"),
        ("199 kr", "199", ""),
        ("19,-", "19", ""),
        (".99", "0.99", ""),
        ("5", "5", ""),
        ("1e3", "1000", ""),
        ("0", "0", ""),
        ("0.00005", "0", ""),
        ("0.00015", "0.0002", ""),
    ],
)
def test_prices_are_read_as_shops_write_them(text: str, amount: str, currency: str) -> None:
    assert parse_price(text) == StatedPrice(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.299 €", "1299"),
        ("1.299", "1299"),
        ("12.345.678", "12345678"),
        ("1.299,00", "1299"),
        ("1,299", "1.299"),
        ("0.999", "0.999"),
        ("19.99", "19.99"),
        ("1.5", "1.5"),
        ("1299", "1299"),
    ],
)
def test_where_a_comma_is_the_decimal_mark_a_dot_groups_thousands(text: str, amount: str) -> None:
    assert parse_price(text, decimal_comma=True).amount == Decimal(amount)


def test_a_price_shows_its_decimal_mark_only_where_it_can_be_nothing_else() -> None:
    marks = {text: clear_decimal_mark(text) for text in ("19,99 €", "EUR 1.299,5", "1 299,50", "19.9", "1,299.00")}
    assert marks == {"19,99 €": ",", "EUR 1.299,5": ",", "1 299,50": ",", "19.9": ".", "1,299.00": "."}
    assert {clear_decimal_mark(text) for text in ("1.299", "1,299 €", "5", "19,-", "", "9,99" + " " * 100)} == {""}


def test_an_empty_cell_states_no_price() -> None:
    assert parse_price("  ") == StatedPrice(None)


@pytest.mark.parametrize(
    "text",
    [
        "abc", "NaN", "inf", "-", "n/a", ".", ",", "19.99-25.99", "from 19.99", "1.2.3", "12 34", "$", "19.99 USD EUR",
        "$ 19.99 EUR", "1" * 65, "١٢", "1e99999",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(BadRow, match="is not a number"):
        parse_price(text)


@pytest.mark.parametrize("text", ["-5", "-$5", "$-5", "−5,00 €", "- 5"])
def test_a_negative_price_is_refused_as_such(text: str) -> None:
    with pytest.raises(BadRow, match="is negative"):
        parse_price(text)


@pytest.mark.parametrize("text", ["10000000000", "1e11", "99999999999,99"])
def test_a_price_above_what_the_database_holds_is_refused(text: str) -> None:
    with pytest.raises(BadRow, match="too large"):
        parse_price(text)


@given(AMOUNTS, st.sampled_from(["{:,.2f}", "{:.2f}", "EUR {:,.2f}", "{:,.2f} EUR"]))
def test_every_amount_survives_english_notation(amount: Decimal, form: str) -> None:
    assert parse_price(form.format(amount)).amount == amount


@given(AMOUNTS)
def test_every_amount_survives_german_notation(amount: Decimal) -> None:
    german = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
    assert parse_price(f"{german} €") == StatedPrice(amount, "EUR")


@given(st.text(alphabet="0123456789.,'- €$USDe+\u00a0", max_size=70))
def test_any_text_gives_a_price_in_range_or_a_reason(text: str) -> None:
    try:
        amount = parse_price(text).amount
    except BadRow as error:
        assert str(error).startswith("price ")
    else:
        assert amount is None or (amount.is_finite() and 0 <= amount <= MAX_PRICE)


def test_currency_cells_are_codes_or_symbols() -> None:
    assert [parse_currency(text) for text in (" eur", "€", "", "kr")] == ["EUR", "EUR", "", "KR"]
