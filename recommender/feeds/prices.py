"""Prices as feeds write them: `19.99`, `1.299,00`, `19.99 USD`, `€ 1.299,-`, `ab 19,99 €`, `2,49 € / kg`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Final

from recommender.feeds.flags import is_no_date
from recommender.feeds.rejections import BadRow
from recommender.types import PRICE_SCALE, THREE_DECIMALS, fold_name

LONGEST_CELL = 120
"""Longest price cell, in characters; a longer one is no price, and may be costly to read as one."""

MAX_PRICE: Final = Decimal("9999999999.9999")
"""What NUMERIC(14, 4) holds."""

_SMALLEST = Decimal(1).scaleb(-PRICE_SCALE)

CURRENCIES = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD"
    " CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF"
    " GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK"
    " LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR"
    " PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP"
    " SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER"
    " ZAR ZMW ZWG".split()
)
"""The codes of ISO 4217 that are in use (https://www.six-group.com/en/products-services/financial-information/
data-standards.html), and the kuna, which exports still have. Three other letters are a word: UVP, NET."""

MULTIPLIERS: Final = {
    **dict.fromkeys(
        "k thousand grand tausend tsd mille mila duizend tusen tusind tuhatta tisíc tis tys tysięcy тыс тысяч тис "
        "тисяч bin ezer mii mil nghìn ngàn ribu rb 천 千".split(),
        1_000,
    ),
    **dict.fromkeys("万 萬 만".split(), 10_000),
    **dict.fromkeys("lakh लाख".split(), 100_000),
    **dict.fromkeys("million millions mio mln milyon млн triệu tr juta".split(), 1_000_000),
}
"""Words that multiply the number before them."""


_NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
_WHOLE_PRICES = _NO_DECIMALS | {"IQD"}
"""Currencies whose prices are integers. Iraq's dinar has a thousand fils, but no price has had any for decades
(https://cldr.unicode.org/, `IQD digits="0"`)."""


def decimals_of(currency: str) -> int:
    """Return how many decimals the smallest unit of a currency has."""
    return 3 if currency in THREE_DECIMALS else 0 if currency in _NO_DECIMALS else 2


CURRENCY_SYMBOLS = {
    "$": "USD", "US$": "USD", "$US": "USD", "USD$": "USD", "€": "EUR", "EURO": "EUR", "EUROS": "EUR", "£": "GBP",
    "¥": "JPY", "￥": "JPY", "円": "JPY", "JP¥": "JPY", "元": "CNY", "RMB": "CNY", "CN¥": "CNY", "人民币": "CNY",
    "₹": "INR", "RS": "INR", "RS.": "INR", "₽": "RUB", "РУБ": "RUB", "РУБ.": "RUB", "РУБЛЕЙ": "RUB", "Р.": "RUB",
    "₩": "KRW", "원": "KRW", "₺": "TRY", "TL": "TRY", "₴": "UAH", "ГРН": "UAH", "ГРН.": "UAH", "₪": "ILS", "฿": "THB",
    "บาท": "THB", "₫": "VND", "Đ": "VND", "VNĐ": "VND", "₱": "PHP", "ZŁ": "PLN", "ZŁ.": "PLN", "ZL": "PLN",
    "KČ": "CZK", "KC": "CZK", "FT": "HUF", "FT.": "HUF", "FR.": "CHF", "SFR.": "CHF", "SFR": "CHF", "R$": "BRL",
    "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "CAD$": "CAD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD",
    "MX$": "MXN", "NT$": "TWD", "R": "ZAR", "RM": "MYR", "RP": "IDR", "RP.": "IDR", "₸": "KZT", "₾": "GEL",
    "₦": "NGN", "₵": "GHS", "₡": "CRC", "₲": "PYG", "₮": "MNT", "₼": "AZN", "֏": "AMD", "৳": "BDT", "S/": "PEN",
    "S/.": "PEN", "LEI": "RON", "ЛВ": "BGN", "ЛВ.": "BGN", "ДИН": "RSD", "ДИН.": "RSD", "DIN": "RSD", "KN": "HRK",
    "د.إ": "AED", "ر.س": "SAR", "د.ك": "KWD", "KD": "KWD", "DT": "TND", "ج.م": "EGP", "ر.ع.": "OMR", "د.ب": "BHD",
    "ر.ق": "QAR", "د.أ": "JOD", "د.ا": "JOD", "د.م": "MAD", "د.ج": "DZD", "د.ع": "IQD", "د.ل": "LYD", "ل.ل": "LBP",
    "ر.ع": "OMR", "د.ت": "TND", "ل.س": "SYP", "ر.ي": "YER", "ש״ח": "ILS", 'ש"ח': "ILS", "ТГ": "KZT", "ТГ.": "KZT",
}  # fmt: skip
_DINARS = {"دينار", "DINAR", "DINARS"}
_AMBIGUOUS = {"KR", "KR.-", "﷼", "DH", "DHS", "درهم", "ريال"} | _DINARS
"""The crowns of three countries, and others: a price, but no currency that we could name. Of the dinars, some have a
thousand parts."""

_OF_SIGN = {
    "$": frozenset(
        "ARS AUD BBD BMD BND BSD BZD CAD CLP COP DOP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD TTD TWD"
        " USD UYU XCD".split()
    ),
    "£": frozenset({"EGP", "FKP", "GBP", "GIP", "SHP"}),
    "¥": frozenset({"CNY", "JPY"}),
    "￥": frozenset({"CNY", "JPY"}),
    "RS": frozenset({"INR", "LKR", "MUR", "NPR", "PKR", "SCR"}),
    "RS.": frozenset({"INR", "LKR", "MUR", "NPR", "PKR", "SCR"}),
}
"""Currencies that share a sign: beside one of their codes, the code says which is meant."""

_PLAINEST = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,2})?")
"""A price that is below the largest and can be read in one way only: nearly all of a feed."""

_PLAIN = re.compile(r"[0-9]+(?:\.(?:[0-9]{1,2}|[0-9]{4,}))?(?:[eE][+-]?[0-9]{1,4})?")

_DASH = r"[-\u2010-\u2015\u2212]"
_NUMBER = re.compile(
    rf"(?P<sign>(?<![0-9A-Za-z.,]){_DASH}\s*)?"
    r"(?P<digits>(?:(?<![\w.,])[.,])?[0-9](?:[0-9.,'\u2019 ]*[0-9])?)"
    rf"(?P<end>[.,]{_DASH}+|{_DASH}+(?![^0-9]{{0,9}}[0-9])|[.,](?![0-9]))?"
)
"""A number with its separators. `,-` and `.--` after it stand for no cents."""

_CENTS_BEHIND_SIGN = re.compile(r"(?<=[0-9])\s?[€$£]\s?([0-9]{2})(?![0-9.,])")
"""`19€99` is 19.99 €, as France writes it."""

_MULTIPLE = re.compile(
    rf"(?<=[0-9])\s*(?P<word>{'|'.join(sorted({*MULTIPLIERS, 'm'}, key=len, reverse=True))})(?![^\W\d_円元원])\.?",
    re.IGNORECASE,
)
_UNCLEAR_MULTIPLES = frozenset("m mil grand tr".split())
"""They are a thousand or a million, metres, a part of a name, or a country."""

_TAX = re.compile(
    r"[\s(*,]+(?:inkl|incl|excl|exkl|zzgl|zuz|including|excluding|plus|mwst|ust|vat|tva|iva|btw|moms|dph|ttc|ht|kdv|ндс"
    r"|tax|gst|税込|税抜|税別)\b.*$",
    re.IGNORECASE,
)
"""Words on taxes after a price, which have numbers of their own: `119,00 € inkl. 19 % MwSt.`."""

_EUROPEAN = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]{1,2})?|[0-9]+,[0-9]{1,2}")
"""An amount as it stands beside `$` in Chile, Colombia and Argentina, and not in the United States."""

_SPACED_SIGN = re.compile(r"\b([ACRS]|AU|CA|US|NZ|HK|MX|NT)\s(?=\$)")
"""The letters of `C $1,299.00`."""

_PER_UNIT = re.compile(r"\s*(?:/|\b(?:pro|per|je|par|por|al|za|pr\.?)\b)\s*(?P<unit>[^/]{0,20})$", re.IGNORECASE)
_CURRENCY_TOO = re.compile(r"\d{1,3} ?(ft|cup|pen)\.?", re.IGNORECASE)
"""A measure whose unit is written as a currency is."""

_BESIDE = "*:;()[]+-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
"""Marks around the words of a price that have no meaning of their own."""

_NO_DIRECTIONS = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
"""Removes the marks with which Arabic and Hebrew say which way a text runs."""

_RANGE = re.compile(rf"(?:{_DASH}|~|〜|～|\.\.+|…|bis|to|до|à|a|t/m|tot|do|til|till|até|hasta)", re.IGNORECASE)
_FROM = frozenset(
    "ab from od von à partir de dès desde da partire vanaf v.a. va от fr. fra från alkaen starting at as low".split()
)
_PIECES = frozenset("pcs pce stk kus szt".split())
"""Three letters that are neither a currency nor a word beside a price."""

_COUNTED = re.compile(
    r"(?:(?:je|pro|per|for|à|für)\s+)?([0-9]{1,5}|[0-9]{1,2}[.,]000(?=\s*[^\W\d]))(?:[.,]0{1,2})?"
    r"\s*(?:st\.?|stk\.?|stück|pcs\.?|pce|pieces?|pièces?|pz\.?|szt\.?|ks|шт\.?|uds?\.?|stuks?|units?|adet|db|un)?",
    re.IGNORECASE,
)
"""A number of pieces that a price is for: `100`, `1000 Stk`, `per 100`."""

_ONE_OR_THOUSAND = re.compile(r"[0-9]{1,2}[.,]000")

_UP_TO = frozenset("bis to upto max jusqu'à hasta fino fino a tot do til till до até".split()) - {"a"}
_SILENT = frozenset(
    "nur only uvp rrp msrp srp vk preis price prix precio prezzo prijs cena preço preco pris hinta fiyat цена"
    " now jetzt net netto nett gross brutto pro per je each ca. ca approx vb fixed festpreis sale special"
    " sonderpreis angebot angebotspreis incl excl ht ttc tax vat mwst ? \ufffd".split()
)
"""Words beside an amount that change nothing about it, and what an encoding without `₺` or `€` makes of the sign."""

_DAY = re.compile(r"([0-9]{1,2})(?:([./])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})|(-)([0-9]{1,2})-([0-9]{4}))\b,?")
"""A date as most of Europe writes it, and with slashes America too: `1/2/2026` can be read in two ways."""

_YEAR_FIRST = re.compile(r"([0-9]{4})([-./])([0-9]{1,2})\2([0-9]{1,2})\b\.?")

_NAMED_MONTH = re.compile(r"([0-9]{1,2})\.?[ -](?![Mm]arr)([^\W\d]{3})[^\W\d]*\.?,?[ -]([0-9]{4})\b,?")
_MONTHS: Final = {
    **{name: place for place, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)},
    "mär": 3, "mai": 5, "okt": 10, "dez": 12,
}  # fmt: skip
"""The beginnings of names of months that mean one month wherever they are used; `marraskuuta` is November."""

_CLOCK = re.compile(r"\s*([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?\s*([AaPp])\.?[Mm]\.?")

_GROUPED_BY = {
    separator: re.compile(rf"[0-9]{{1,3}}(?:{re.escape(separator)}[0-9]{{2,3}})*{re.escape(separator)}[0-9]{{3}}")
    for separator in (".", ",", " ", "'")
}
"""Thousands: the last group has three digits, those before it three, or two as in India."""

MONTHS = 12

LOWEST = "is a range of which the lowest is taken"
PER_UNIT = "is a price per unit and is taken as it stands"
FOR_PIECES = "is a price for several pieces and is divided by their number"


@dataclass(frozen=True, slots=True)
class StatedPrice:
    """A price cell: the amount, the currency beside it, if there is one, and what the report should say."""

    amount: Decimal | None
    currency: str = ""
    remark: str = ""


@lru_cache(maxsize=4096)
def pieces_of(text: str) -> int:
    """Return for how many pieces a price is, as another cell or the unit beside it says; 1 for any other unit.

    `1.000` may be one or a thousand, which is 0.
    """
    found = _COUNTED.fullmatch(text.strip())
    if found:
        return max(int(re.sub("[.,]", "", found[1])), 1)
    return 0 if _ONE_OR_THOUSAND.fullmatch(text.strip()) else 1


@lru_cache(maxsize=65_536)
def parse_price(text: str, decimal_mark: str = "", currency: str = "") -> StatedPrice:
    """Read a price cell; an empty one states no price.

    One or two digits after a lone mark are decimals, and three are thousands: `1.299` and `1,299` alike. Three are
    decimals if the feed's other prices show this `decimal_mark`, or the currency has a thousand parts; they are not if
    it has none. Of two kinds of separators the last is the decimal one. More than four decimals are rounded, half to
    even. Of a range the lowest price is read. `currency` is what another column says. Raises `BadRow` for a cell that
    is no single price, is negative or too large.
    """
    text = text.strip()
    if _PLAINEST.fullmatch(text):
        return StatedPrice(Decimal(text))
    if not text:
        return StatedPrice(None)
    if len(text) > LONGEST_CELL:
        raise BadRow(f"price {text[:20]!r}... is not a number")
    if _PLAIN.fullmatch(text):
        return StatedPrice(_require_storable(Decimal(text), text))
    found, unit = _split_unit(_TAX.sub("", text))
    pieces = pieces_of(unit) or 1000
    found = _CENTS_BEHIND_SIGN.sub(r".\1 €" if "€" in text else r".\1", _plain_characters(found, text))
    found, times = _split_multiple(_SPACED_SIGN.sub(r"\1", found), text)
    numbers = list(_NUMBER.finditer(found))
    if not 1 <= len(numbers) <= 2 or "%" in found:
        raise BadRow(f"price {text!r} is not a number")
    before, after = found[: numbers[0].start()], found[numbers[-1].end() :]
    between = found[numbers[0].end() : numbers[-1].start("digits")] if len(numbers) == 2 else ""
    spoken = [word.strip(_BESIDE) for part in (before, between, after) for word in part.split()]
    is_american = decimal_mark == "." or not any(_EUROPEAN.fullmatch(number["digits"]) for number in numbers)
    stated = _currency([word for word in spoken if is_american or word != "$"], text)
    parts = decimal_mark or re.search(r"[.,][0-9]{2}$", numbers[0]["digits"])
    if stated == "JPY" and parts and not re.search("JPY|円", text.upper()):
        stated = "CNY"  # the yen has no parts, and the yuan has its sign
    dinar = next((word.upper() for word in spoken if word.upper() in _DINARS), "")
    amounts = [_decimal(number["digits"], decimal_mark, stated or currency or dinar) for number in numbers]
    lowest = min((amount for amount in amounts if amount is not None), default=None)
    if None in amounts or lowest is None:
        raise BadRow(f"price {text!r} is not a number")
    lowest *= times
    words = {word.casefold() for word in spoken} - {""}
    if len(numbers) == 1 and words & _UP_TO:
        raise BadRow(f"price {text!r} says the highest alone")
    # Accountants write a minus after an amount, or brackets around it; one after an integer stands for no cents.
    behind = re.search(r"[.,][0-9]{2}$", numbers[-1]["digits"]) and re.match(_DASH, numbers[-1]["end"] or "")
    if numbers[0]["sign"] or behind or re.search(rf"^\s*\(|{_DASH}\s*[^\w\s]?\s*$", before):
        lowest = -lowest
    unknown = words - _FROM - _SILENT
    if not unknown.isdisjoint(_PIECES):
        raise BadRow(f"price {text!r} is a count")
    if len(numbers) == 2:
        joining = re.split(rf"({_DASH}|\s)", between)
        if not _RANGE.fullmatch("".join(word.strip(" ?\ufffd") for word in joining if not _is_currency(word))):
            raise BadRow(f"price {text!r} is not a number: it is more than one")
    if not (stated or "$" in spoken or all(_is_currency(one) or re.fullmatch("[a-z]{3}", one) for one in unknown)):
        raise BadRow(f"price {text!r} is not a number")
    if pieces > 1:
        return StatedPrice(_require_storable(lowest / pieces, text), stated, FOR_PIECES)
    said_from = {word.strip(_BESIDE).casefold() for word in before.split()} & _FROM
    remark = LOWEST if len(numbers) == 2 or said_from else PER_UNIT if unit.strip(" -") else ""
    return StatedPrice(_require_storable(lowest, text), stated, remark)


def _split_unit(text: str) -> tuple[str, str]:
    """Return a price without the unit that it is for, and that unit."""
    unit = _PER_UNIT.search(text)
    if not unit or not re.search(r"\d", text[: unit.start()]):
        return text, ""
    stated = unit["unit"].strip()
    names_currency = any(map(_is_currency, re.sub(r"[\d.,']+", " ", stated).split()))
    measure = _CURRENCY_TOO.fullmatch(stated)  # `5 990 Ft / 990 Ft` are two prices, and `$5.99 / 10 ft` is one
    if measure and not re.search(rf"\b{measure[1]}\b", text[: unit.start()], re.IGNORECASE):
        return text[: unit.start()], unit["unit"]
    if re.fullmatch(r"\d+(?:[.,' ]\d+)*", stated) or (names_currency and re.search(r"\d", stated)):
        return text, ""  # another price: `29,90 / 19,00`
    return text[: unit.start()], unit["unit"]


def _split_multiple(text: str, stated: str) -> tuple[str, int]:
    """Return a price without the words that multiply its numbers, and by how much they do.

    Raises `BadRow` for a word that is not certain to, for one beside thousands, and if not each number has it.
    """
    words = _MULTIPLE.findall(text)
    if not words:
        return text, 1
    numbers = _MULTIPLE.sub(" ", text)
    times = {MULTIPLIERS[fold_name(word)] for word in words if word.lower() not in _UNCLEAR_MULTIPLES}
    if len(times) != 1 or len(words) != len(_NUMBER.findall(numbers)) or re.search(r"[0-9][.,' ]?[0-9]{3}", numbers):
        raise BadRow(f"price {stated!r} has a word that may multiply it")
    return numbers, times.pop()


def certain_mark(text: str) -> str:
    """Return the decimal mark that a price shows beyond doubt, such as `,` of `19,99` or `1.299,-`; else nothing."""
    if len(text) > LONGEST_CELL or not (found := _NUMBER.search(_TAX.sub("", text))):
        return ""
    digits, end = found["digits"], found["end"] or ""
    marks = [mark for mark in digits if mark in ".,"]
    if not marks:
        return end[0] if len(end) > 1 and end[0] in ".," else ""
    last, behind = marks[-1], len(digits) - 1 - max(digits.rfind("."), digits.rfind(","))
    if marks.count(last) > 1:
        return "," if last == "." else "."
    if len(marks) > 1 or behind != 3 or digits.startswith("0") or not _GROUPED_BY[last].fullmatch(digits):
        return last
    return ("," if last == "." else ".") if len(end) > 1 and end[0] in ".," else ""


def _plain_characters(text: str, stated: str) -> str:
    """Return a price in ASCII digits and marks: other scripts have their own. Superscripts and fractions are none."""
    if text.isascii():
        return text
    found = []
    for mark in text.translate(_NO_DIRECTIONS).replace("\u066b", ".").replace("\u066c", ","):
        if unicodedata.category(mark) == "Nd":
            found.append(str(unicodedata.digit(mark)))
        elif unicodedata.category(mark) == "No":
            raise BadRow(f"price {stated!r} is not a number")
        else:
            found.append(" " if mark.isspace() else {"，": ",", "．": ".", "＄": "$"}.get(mark, mark))
    return "".join(found)


def _decimal(number: str, decimal_mark: str, currency: str) -> Decimal | None:
    number = number.replace("\u2019", "'")
    last, mark = max(number.rfind("."), number.rfind(",")), ""
    if last >= 0 and number.count(number[last]) == 1:
        mark = number[last]
        lone = all(separator not in number for separator in ("," if mark == "." else ".", " ", "'"))
        if lone and not number.startswith("0") and _GROUPED_BY[mark].fullmatch(number):
            if currency in _DINARS and decimal_mark in ("", mark):
                raise BadRow(f"price {number!r} may be thousands, or have three decimals")
            shown = decimal_mark or (mark if currency in THREE_DECIMALS else "")
            mark = mark if shown == mark and currency not in _WHOLE_PRICES else ""
    whole, _, decimals = number.rpartition(mark) if mark else (number, "", "")
    separators = set(whole) - set("0123456789")
    if len(separators) == 1:
        separator = separators.pop()
        whole = whole.replace(separator, "") if _GROUPED_BY[separator].fullmatch(whole) else whole
    digits = whole + decimals
    if not (digits.isascii() and digits.isdigit()):
        return None
    return Decimal(f"{whole or '0'}.{decimals}" if decimals else whole)


def _require_storable(amount: Decimal, text: str) -> Decimal:
    if amount < 0:
        raise BadRow(f"price {text!r} is negative")
    if amount > MAX_PRICE:
        raise BadRow(f"price {text!r} is too large; at most {MAX_PRICE}")
    rounded = amount.quantize(_SMALLEST, ROUND_HALF_EVEN)
    return amount if amount == rounded and "E" not in str(amount) else rounded


def _is_currency(word: str) -> bool:
    sign = _sign(word)
    return sign in CURRENCIES or sign in CURRENCY_SYMBOLS or sign in _AMBIGUOUS


def _sign(word: str) -> str:
    """Return a word as the signs of currencies are written here: most without the dot that may stand behind them."""
    upper = word.upper()
    return upper if upper in CURRENCY_SYMBOLS else upper.rstrip(".")


def _currency(words: list[str], text: str) -> str:
    """Return the only currency that the words beside a price name; nothing for none. Raises `BadRow` for two."""
    named = set(map(_sign, words))
    signs, codes = named & CURRENCY_SYMBOLS.keys(), named & CURRENCIES
    meant = {CURRENCY_SYMBOLS[sign] for sign in signs if codes.isdisjoint(_OF_SIGN.get(sign, ()))} | codes
    if len(meant) > 1:
        raise BadRow(f"price {text!r} names two currencies")
    return next(iter(meant), "")


def parse_currency(text: str) -> str:
    """Return the code of a currency cell, given as a code or a sign. Raises `BadRow` for another word."""
    word = _sign(text.translate(_NO_DIRECTIONS).strip())
    code = CURRENCY_SYMBOLS.get(word, word)
    if code in CURRENCIES:
        return code
    if not word or word in _AMBIGUOUS:
        return ""
    raise BadRow(f"currency {text[:20]!r} is no code of ISO 4217, such as EUR")


def amount_text(cell: object) -> str:
    """Return a price cell as a text; a number becomes a text that is read the same in every feed."""
    if isinstance(cell, bool) or cell is None or (isinstance(cell, float) and cell != cell):
        return ""
    return f"{cell:.4f}" if isinstance(cell, int | float | Decimal) else str(cell).strip()


@dataclass(frozen=True, slots=True)
class Offer:
    """A regular price and that of a sale, as they are written, and the dates of the sale.

    Both are for so many `pieces`. Those that are `minor` are whole numbers of the currency's smallest unit.
    """

    regular: str
    sale: str = ""
    starts: str = ""
    ends: str = ""
    pieces: int = 1
    minor: bool = False

    def price(self, decimal_mark: str = "", currency: str = "") -> StatedPrice:
        """Return the price of one piece that counts today. Raises `BadRow` as `_stated` does."""
        stated = self._stated(decimal_mark, currency)
        amount = stated.amount
        if amount is None or (self.pieces == 1 and not self.minor):
            return stated
        if not self.pieces:
            raise BadRow("price is for a number of pieces that can be read in two ways")
        if self.minor and amount == amount.to_integral_value():  # what is not whole is a price already
            amount = amount.to_integral_value().scaleb(-decimals_of(stated.currency or currency))
        if self.pieces == 1:
            return StatedPrice(amount, stated.currency, stated.remark)
        return StatedPrice((amount / self.pieces).quantize(_SMALLEST), stated.currency, stated.remark or FOR_PIECES)

    def _stated(self, decimal_mark: str, currency: str) -> StatedPrice:
        """Return the sale's price if it is lower and the sale is on, otherwise the regular one.

        Dates are ISO 8601, in UTC if they name no zone; a date without a time ends with its day. If the dates of a sale
        can't be read, the regular price is shown, with a remark. Raises `BadRow` for a regular price that can't be
        read.
        """
        regular = parse_price(self.regular, decimal_mark, currency)
        if not self.sale.strip():
            return regular
        now = datetime.now(UTC)
        starts, ends = ("" if is_no_date(date) else date.strip() for date in (self.starts, self.ends))
        try:
            if starts and _moment(starts) > now:
                return regular
            whole_day = timedelta() if re.search(":|[0-9]T", ends) else timedelta(days=1)
            if ends and _moment(ends) < now - whole_day:  # a sale without an end may have 9999-12-31
                return regular
        except ValueError:
            dates = " to ".join(filter(None, (self.starts, self.ends)))[:60]
            return StatedPrice(regular.amount, regular.currency, f"is taken without the sale of {dates!r}")
        try:
            sale = parse_price(self.sale, decimal_mark, currency or regular.currency)
        except BadRow:
            return StatedPrice(regular.amount, regular.currency, f"is taken without the sale price {self.sale[:20]!r}")
        # A sale price of 0 beside a regular price means that there is no sale.
        if sale.amount is None or (regular.amount is not None and not 0 < sale.amount < regular.amount):
            return regular
        return sale if sale.currency else StatedPrice(sale.amount, regular.currency, sale.remark)


def _moment(text: str) -> datetime:
    """Read a date. Raises `ValueError` for one that can be read in two ways, or in none."""
    if found := _YEAR_FIRST.match(text):
        day = (found[1], found[3], found[4])
    elif (found := _NAMED_MONTH.match(text)) and (named := _MONTHS.get(found[2].casefold())):
        day = (found[3], str(named), found[1])
    elif found := _DAY.match(text):
        first, mark, second, year = filter(None, found.groups())
        if mark != "." and first != second and max(int(first), int(second)) <= MONTHS:
            raise ValueError(text)
        month, number = (first, second) if mark != "." and int(first) <= MONTHS else (second, first)
        day = (year if len(year) > 2 else f"20{year}", month, number)
    if found:
        text = f"{day[0]}-{day[1]:0>2}-{day[2]:0>2}{text[found.end() :]}"
    if clock := _CLOCK.search(text, len("2026-12-31")):
        hour = int(clock[1]) % 12 + (12 if clock[3] in "pP" else 0)
        text = f"{text[: clock.start()]} {hour:02}:{clock[2]}"
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
