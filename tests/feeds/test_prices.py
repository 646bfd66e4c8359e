from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.feeds.prices import (
    FOR_PIECES,
    LOWEST,
    MAX_PRICE,
    PER_UNIT,
    Offer,
    StatedPrice,
    certain_mark,
    parse_currency,
    parse_price,
)
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
        ("1.299", "1299", ""),
        ("1.299,-", "1299", ""),
        ("€ 1.299,--", "1299", "EUR"),
        ("2.450,– €", "2450", "EUR"),
        ("899-", "899", ""),
        ("CHF 1'299.-", "1299", "CHF"),
        ("1.299 €", "1299", "EUR"),
        ("1 299,00 Kč", "1299", "CZK"),
        ("$1,012.50 USD", "1012.5", "USD"),
        ("$12.50 CAD", "12.5", "CAD"),
        ("C$12.50 CAD", "12.5", "CAD"),
        ("€12,50 EUR", "12.5", "EUR"),
        ("1.299,00 TL", "1299", "TRY"),
        ("12 bin TL", "12000", "TRY"),
        ("12,5 BİN TL", "12500", "TRY"),
        ("10K USD", "10000", "USD"),
        ("1.2万円", "12000", "JPY"),
        ("1,5 milyon TL", "1500000", "TRY"),
        ("5 tys.", "5000", ""),
        ("981,90 ?", "981.9", ""),
        ("?981,90", "981.9", ""),
        ("1.299,00\ufffd", "1299", ""),
        ("1990 руб.", "1990", "RUB"),
        ("1,980円(税込)", "1980", "JPY"),
        ("¥12.90", "12.9", "CNY"),
        ("19.99 each", "19.99", ""),
        ("1980円", "1980", "JPY"),
        ("￥1,980（税込）", "1980", "JPY"),
        ("1,29,900", "129900", ""),
        ("١٬٢٩٩٫٥٠", "1299.5", ""),
        ("\u200f1299.00 د.إ.\u200f", "1299", "AED"),
        ("١٢٫٥٠\u200f ر.س.\u200f", "12.5", "SAR"),
        ("\u200e50 ر.ق", "50", "QAR"),
        ("د.م.\u200f 199,00", "199", "MAD"),
        ("1.250 د.ا", "1.25", "JOD"),
        ("\u2067\u200f500\u2069 د.ج.", "500", "DZD"),
        ("12.750 د.ع", "12750", "IQD"),
        ("25,000 IQD", "25000", "IQD"),
        ("55 دينار", "55", ""),
        ("$ 12.990", "12990", ""),
        ("$12.990,50", "12990.5", ""),
        ("$ 12.990 CLP", "12990", "CLP"),
        ("$ 12.990 oferta", "12990", ""),
        ("Ahora $12.990", "12990", ""),
        ("$12,50 especial", "12.5", ""),
        ("C $1,299.00", "1299", "CAD"),
        ("A $12.00", "12", "AUD"),
        ("R $ 19,99", "19.99", "BRL"),
        ("US $19.99", "19.99", "USD"),
        ("12.750 د.ل.", "12.75", "LYD"),
        ("150000 ل.ل.", "150000", "LBP"),
        ("49.90 ש״ח", "49.9", "ILS"),
        ("١٥٠ ريال", "150", ""),
        ("1299 zł", "1299", "PLN"),
        ("Rs.1299", "1299", "INR"),
        ("R$ 1.299,90", "1299.9", "BRL"),
        ("Rp 150.000", "150000", "IDR"),
        ("19€99", "19.99", "EUR"),
        ("0.250", "0.25", ""),
        ("1234.567", "1234.567", ""),
        ("1.299 KWD", "1.299", "KWD"),
        ("TND 12,750", "12.75", "TND"),
        ("119,00 € inkl. 19 % MwSt.", "119", "EUR"),
        ("12,00 € TTC", "12", "EUR"),
        ("$19.99 each", "19.99", "USD"),
        ("24,90 €*", "24.9", "EUR"),
        ("UVP 24.90", "24.9", ""),
        ("Nur 24.90", "24.9", ""),
        ("24.90 net", "24.9", ""),
        ("ABC 24.90", "24.9", ""),
        ("1299:-", "1299", ""),
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


@pytest.mark.parametrize("text", ["12,50 € / 100 Stk", "12,50 € pro 100 Stück", "125,00 / 1.000 St"])
def test_a_price_for_several_pieces_is_divided_and_told(text: str) -> None:
    assert parse_price(text).amount == Decimal("0.125")
    assert parse_price(text).remark == FOR_PIECES


@pytest.mark.parametrize(
    ("text", "remark", "amount", "currency"),
    [
        ("ab 19,99 €", LOWEST, "19.99", "EUR"),
        ("from $1,299.00", LOWEST, "1299", "USD"),
        ("19,99 - 29,99 €", LOWEST, "19.99", "EUR"),
        ("€29.99–€19.99", LOWEST, "19.99", "EUR"),
        ("19.99 bis 25", LOWEST, "19.99", ""),
        ("2,49 € / 100 g", PER_UNIT, "2.49", "EUR"),
        ("12.50 EUR/kg", PER_UNIT, "12.5", "EUR"),
        ("$12.990 c/u", PER_UNIT, "12990", ""),
        ("$5.99 / 10 ft", PER_UNIT, "5.99", "USD"),
        ("5.99 / 1 cup", PER_UNIT, "5.99", ""),
        ("2,00 / 1 Pen", PER_UNIT, "2", ""),
        ("5 bin TL - 7 bin TL", LOWEST, "5000", "TRY"),
        ("981,90 ? - 1.200,00 ?", LOWEST, "981.9", ""),
    ],
)
def test_the_report_tells_of_a_price_that_is_one_of_several(text: str, remark: str, amount: str, currency: str) -> None:
    assert parse_price(text) == StatedPrice(Decimal(amount), currency, remark)


@pytest.mark.parametrize(
    ("text", "mark", "currency", "amount"),
    [
        ("1.299", ".", "", "1.299"),
        ("1,299", ".", "", "1299"),
        ("1.299", ",", "", "1299"),
        ("1,299", ",", "", "1.299"),
        ("12.345.678", ".", "", "12345678"),
        ("1.299,00", ".", "", "1299"),
        ("1.299", "", "BHD", "1.299"),
        ("1.299", "", "EUR", "1299"),
        ("1.299", ",", "BHD", "1299"),
        ("350.000", ".", "VND", "350000"),
        ("12.990", ".", "CLP", "12990"),
        ("1,980 JPY", ",", "", "1980"),
        ("35,000원", ",", "", "35000"),
        ("25,000", ",", "IQD", "25000"),
        ("5.500 دينار", ",", "", "5500"),
    ],
)
def test_three_digits_are_thousands_unless_the_feed_or_the_currency_says_otherwise(
    text: str, mark: str, currency: str, amount: str
) -> None:
    assert parse_price(text, mark, currency).amount == Decimal(amount)


def test_a_sign_of_two_currencies_is_the_one_whose_parts_the_feed_shows() -> None:
    assert (parse_price("¥1299", ".").currency, parse_price("¥1299").currency) == ("CNY", "JPY")
    assert parse_price("1299円", ".").currency == "JPY"


@pytest.mark.parametrize(
    "text",
    ["29,90 / 19,00", "3 / 10,00", "12,90 €/9,90 €", "12 €/24 €", "1,299/1,199", "100/200", "12,50 / 1.000"],
)
def test_two_prices_in_a_cell_are_none(text: str) -> None:
    with pytest.raises(BadRow, match="it is more than one"):
        parse_price(text)


@pytest.mark.parametrize("text", ["5.500 دينار", "5,500 dinar"])
def test_dinars_of_no_country_may_have_a_thousand_parts(text: str) -> None:
    with pytest.raises(BadRow, match="may be thousands, or have three decimals"):
        parse_price(text)


@pytest.mark.parametrize("text", ["bis 29,99 €", "up to 50", "12 pcs", "5 Stk"])
def test_what_only_says_the_highest_or_a_count_is_no_price(text: str) -> None:
    with pytest.raises(BadRow):
        parse_price(text)


def test_a_price_shows_its_decimal_mark_only_where_it_can_be_nothing_else() -> None:
    marks = {
        text: certain_mark(text)
        for text in ("19,99 €", "EUR 1.299,5", "1 299,50", "19.9", "1,299.00", "1.299,-", "1.299.000", "0.125", "5,-")
    }
    assert list(marks.values()) == [",", ",", ",", ".", ".", ",", ",", ".", ","]
    assert {certain_mark(text) for text in ("1.299", "1,299 €", "5", "19-", "", "9,99" + " " * 200)} == {""}


def test_a_sale_is_shown_while_it_is_on_and_never_costs_the_price() -> None:
    assert Offer("20 €", "15").price() == StatedPrice(Decimal(15), "EUR")
    assert Offer("20 €", "25").price().amount == Offer("20 €", "15", ends="2001-01-01").price().amount == 20
    unread = Offer("20 €", "15", starts="next week").price()
    assert (unread.amount, unread.remark) == (20, "is taken without the sale of 'next week'")
    assert Offer("1.299", "1.199").price(",").amount == 1199
    assert Offer("20 €", "0.00").price().amount == 20
    told = Offer("20 €", "cheap").price()
    assert (told.amount, told.remark) == (20, "is taken without the sale price 'cheap'")


@pytest.mark.parametrize("text", ["3 mil USD", "1.2M USD", "5 tr đ", "1.250 bin TL", "500 - 1 bin TL"])
def test_a_price_that_a_word_may_multiply_is_lost_rather_than_wrong(text: str) -> None:
    with pytest.raises(BadRow, match="may multiply"):
        parse_price(text)


def test_an_empty_cell_states_no_price() -> None:
    assert parse_price("  ") == StatedPrice(None)


@pytest.mark.parametrize(
    "text",
    [
        "abc", "NaN", "inf", "-", "n/a", ".", ",", "1.2.3", "12 34", "$", "1" * 121, "1e99999",
        "price on request", "Preis auf Anfrage", "call 555-1234", "was 29.99 now 19.99", "3 for 10", "20 %", "19⁹⁹ €",
        "½", "ab 3 Stück",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(BadRow, match="is not a number"):
        parse_price(text)


@pytest.mark.parametrize("text", ["-5", "-$5", "$-5", "−5,00 €", "- 5", "5,00-", "(5.00)"])
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


@pytest.mark.parametrize("text", ["19.99 USD EUR", "$ 19.99 EUR", "€ 5 CHF"])
def test_a_price_in_two_currencies_is_refused(text: str) -> None:
    with pytest.raises(BadRow, match="names two currencies"):
        parse_price(text)


def test_currency_cells_are_codes_or_symbols() -> None:
    assert [parse_currency(text) for text in (" eur", "€", "", "kr.", "Kč", "TL", "\u200fر.ق.\u200f")] == [
        "EUR",
        "EUR",
        "",
        "",
        "CZK",
        "TRY",
        "QAR",
    ]
    with pytest.raises(BadRow, match="'UVP' is no code of ISO 4217"):
        parse_currency("UVP")


@pytest.mark.parametrize(
    ("starts", "ends", "price"),
    [
        ("2026-01-15", "2035-12-31", 15),
        ("2026-01-15 00:00:00", "2035-12-31 23:59:59", 15),
        ("15.01.26", "31.12.35", 15),
        ("15/01/2026", "31/12/2035 23:59", 15),
        ("1/15/26", "12/31/35, 11:59 PM", 15),
        ("2026/01/15", "2035.12.31.", 15),
        ("15-01-2026", "12-31-2035 23:59", 15),
        ("15 Jan 2026", "31. Dezember 2035", 15),
        ("", "31 OCT 2025", 20),
        ("1-2-2026", "", 20),
        ("15 Foo 2026", "", 20),
        ("15 Marraskuuta 2020", "", 20),
        ("1/15/2035, 12:00 AM", "", 20),
        ("", "31.12.2025", 20),
        ("1/2/2026", "", 20),
        ("", "9999-12-31", 15),
        ("0000-00-00 00:00:00", "0000-00-00 00:00:00", 15),
        ("NULL", "\\N", 15),
        ("0001-01-01T00:00:00Z", "00.00.0000", 15),
    ],
)
def test_dates_of_a_sale_are_read_as_shops_write_them(starts: str, ends: str, price: int) -> None:
    assert Offer("20", "15", starts, ends).price().amount == price
