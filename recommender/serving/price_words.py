"""Prices said in words: `under 80`, `zwischen 50 und 80 Euro`, `à partir de 100 €`, `50 - 80 zł`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from recommender.embedding.words import is_unit

_MOST = (
    "under|below|up to|less than|cheaper than|lower than|at most|no more than|not more than|within|"
    "unter|bis|bis zu|höchstens|hoechstens|maximal|weniger als|billiger als|günstiger als|nicht mehr als|"
    "moins de|moins cher que|jusqu['’]?\\s?à|jusqu['’]?a|sous|au plus|en dessous de|inférieur à|"
    "sotto|sotto i|sotto ai|fino a|meno di|al massimo|entro|"
    "menos de|hasta|por debajo de|bajo|como máximo|máximo|no más de|abaixo de|até|no máximo|"
    "onder|tot|minder dan|maximaal|hoogstens|goedkoper dan|onder de|"
    "do|poniżej|mniej niż|maksymalnie|najwyżej|pod|méně než|menej ako|nejvýše|maximálně|"
    "under|op til|opp til|upp till|högst|højst|maks|mindre än|mindre end|mindre enn|"
    "alle|enintään|korkeintaan|sub|până la|mai puțin de|ispod|ниже|до|дешевле|не дороже|менее|меньше|"
    "κάτω από|έως|μέχρι|en fazla|legfeljebb|<=|≤|<"
)
_LEAST = (
    "over|above|more than|from|at least|starting at|starting from|no less than|"
    "über|ueber|ab|mindestens|mehr als|teurer als|"
    "plus de|à partir de|a partir de|au moins|dès|au-dessus de|supérieur à|"
    "oltre|sopra|sopra i|almeno|più di|da|"
    "más de|mas de|desde|al menos|por encima de|como mínimo|acima de|mais de|pelo menos|"
    "boven|vanaf|meer dan|minstens|minimaal|duurder dan|boven de|"
    "od|powyżej|ponad|co najmniej|więcej niż|nad|více než|alespoň|"
    "över|från|minst|mer än|fra|mindst|mere end|mer enn|"
    "yli|alkaen|vähintään|peste|de la|iznad|выше|от|дороже|более|больше|не дешевле|"
    "πάνω από|από|en az|legalább|>=|≥|>"
)
_MOST_WITH_CURRENCY = "max|max\\.|maximum|maksimum|for|für|pour|por|per|za|voor|à"
_LEAST_WITH_CURRENCY = "min|min\\.|minimum"
"""Words that limit a price only where a currency is named: `Air Max 90` is a shoe."""

_BETWEEN = (
    "between|from|zwischen|von|entre|de|tra|fra|da|tussen|van|mellan|mellem|mellom|från|między|od|mezi|medzi|между|от|"
    "de la|dintre|között|välillä"
)
_AND = "and|to|und|bis|et|à|y|e|a|en|tot|och|och|og|til|till|i|do|и|до|la|și|ja|-|–|—|\\.\\."
_POSTPOSED_MOST = (
    "or less|or under|or below|or cheaper|and under|oder weniger|oder günstiger|ou moins|o menos|o meno|ou menos|"
    "of minder|of goedkoper|lub mniej|eller mindre|max|maximum|maximal|alatt|altı|altında|以下|以内|未満|이하|미만"
)
_POSTPOSED_LEAST = (
    "or more|or above|and up|and above|oder mehr|ou plus|o más|o mas|o più|ou mais|of meer|lub więcej|eller mer|felett|"
    "fölött|üstü|üzeri|以上|이상"
)

CURRENCIES = {
    **dict.fromkeys("€ euro euros eur ευρώ".split(), ("EUR",)),
    **dict.fromkeys("$ dollar dollars bucks".split(), ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN")),
    **dict.fromkeys("£ pound pounds quid".split(), ("GBP",)),
    **dict.fromkeys("kr kr. kronor kroner kronen krona krone :-".split(), ("SEK", "NOK", "DKK", "ISK")),
    **dict.fromkeys("zł zl zloty złotych złote".split(), ("PLN",)),
    **dict.fromkeys("kč kc korun koruna".split(), ("CZK",)),
    **dict.fromkeys("fr fr. sfr franken francs francos".split(), ("CHF",)),
    **dict.fromkeys("¥ 円 yen".split(), ("JPY", "CNY")),
    **dict.fromkeys("元 yuan rmb".split(), ("CNY",)),
    **dict.fromkeys("₹ rs rs. rupees rupee".split(), ("INR",)),
    **dict.fromkeys("₽ руб руб. рублей рубля р.".split(), ("RUB",)),
    **dict.fromkeys("₺ tl lira".split(), ("TRY",)),
    **dict.fromkeys("ft forint".split(), ("HUF",)),
    **dict.fromkeys("lei leu".split(), ("RON",)),
    **dict.fromkeys("лв лв. лева".split(), ("BGN",)),
    **dict.fromkeys("₴ грн".split(), ("UAH",)),
    **dict.fromkeys("₩ 원".split(), ("KRW",)),
    **dict.fromkeys("r$ reais".split(), ("BRL",)),
    **{
        code.lower(): (code,)
        for code in "USD GBP CHF PLN SEK NOK DKK CZK HUF RON INR JPY CNY CAD AUD NZD SGD HKD TRY RUB UAH BGN BRL MXN "
        "KRW ZAR ILS AED SAR ISK".split()
    },
}
"""What a currency is called, and which it may be, the likeliest first."""

_CURRENCY = "|".join(re.escape(name) for name in sorted(CURRENCIES, key=len, reverse=True))
_DIGITS = r"(?:\d{1,3}(?:[ .,'’\u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?)(?:,-|,–)?"


_END = r"(?!(?![\u3000-\u9fff\uac00-\ud7af])[^\W_])"
"""The end of a word, or a character of a script that is written without blanks."""


def _amount(name: str) -> str:
    return (
        rf"(?:(?P<before{name}>{_CURRENCY})\s?)?(?P<{name}>(?<![\w.,])(?<![^\W\d_]){_DIGITS}|(?<=[$€£¥₹₽₺₴₩]){_DIGITS})"
        rf"(?:\s?(?P<after{name}>{_CURRENCY}){_END})?{_END}"
    )


def _words(choices: str) -> str:
    return "|".join(sorted({each.replace(" ", r"\s+") for each in choices.split("|")}, key=len, reverse=True))


_START = (
    r"(?<![\w/.-])"
    r"(?:(?:price|priced|cost|costing|preis|kosten|prix|prezzo|precio|preço|prijs|cena|pris|цена|at|for)\s+)?"
)
_RANGE = re.compile(
    rf"{_START}(?:(?P<open>{_words(_BETWEEN)})\s+)?{_amount('low')}\s*(?P<and>{_words(_AND)})\s*{_amount('high')}", re.I
)
_BOUND = re.compile(
    rf"{_START}(?:(?P<most>{_words(_MOST)})|(?P<least>{_words(_LEAST)})|(?P<most_money>{_words(_MOST_WITH_CURRENCY)})"
    rf"|(?P<least_money>{_words(_LEAST_WITH_CURRENCY)}))(?:(?<=[<>=≤≥.])\s*|\s+){_amount('amount')}",
    re.I,
)
_POSTPOSED = re.compile(
    rf"{_START}{_amount('amount')}\s*(?:(?P<most>{_words(_POSTPOSED_MOST)})|(?P<least>{_words(_POSTPOSED_LEAST)})){_END}",
    re.I,
)
_NEXT = re.compile(r"[\s-]*(?P<word>[^\W\d_]+|[%°\"″”'’×])")

_COUNTED = frozenset(
    "year years yr yrs yo month months week weeks day days hour hours hr hrs minute minutes sec seconds people "
    "persons person players player pieces piece pcs pack packs sheets sheet pages page seats seat degrees degree "
    "percent inch cups cup points steps levels channels bits bit fps rpm mp bar psi db dpi gsm lumen lumens km "
    "kmh mph mah wh nm ps cc qm sqm sqft jahr jahre jahren monat monate monaten woche wochen tag tage tagen "
    "stunde stunden minuten personen spieler stück stueck stk teile teilen teilig blatt seiten grad prozent "
    "zeichen ans an mois semaines jours heures personnes joueurs pièces feuilles degrés anni anno mesi settimane "
    "giorni ore persone giocatori pezzi fogli gradi años ano anos año meses mes semanas días dias horas personas "
    "jugadores piezas hojas grados pessoas peças jaar maanden maand weken dagen uur stuks vellen graden lat rok "
    "let roku miesięcy osób osoby szt sztuk stron hodin osob kusů ks år måneder månader dagar dage timer timmar "
    "stycken st styk kpl vuotta лет года год месяцев человек шт штук часов yaş kişi adet éves fő ani persoane buc "
    "歳 人 個 枚".split()
)
"""Words after a number that is no price, beside the units of measures."""


@dataclass(frozen=True, slots=True)
class PriceWords:
    """A price range that some words say, where they stand in the text, and the currency that they name, if any."""

    start: int
    end: int
    low: Decimal | None
    high: Decimal | None
    currency: str = ""


def find_price(text: str, main: str, sold_in: Callable[[str], bool]) -> PriceWords | None:
    """Return the first price range in a text; None where there is none, or in a currency that nothing is sold in.

    `main` is the currency of the shop, which a `$` or `kr` most likely means; `sold_in` tells of another.
    """
    if not any(map(str.isdecimal, text)):
        return None
    for match in _RANGE.finditer(text):
        parts = match.groupdict()
        money = _currency(parts, ("low", "high"))
        # `2 to 4 players`, `10-20 cm`: without an opening word or a currency two numbers are no prices.
        if not money and (not parts["open"] or _counts_things(text, match.end())):
            continue
        low, high = _number(parts["low"]), _number(parts["high"])
        if low <= high:
            return _in_currency(match, low, high, money, main, sold_in)
    for pattern in (_BOUND, _POSTPOSED):
        for match in pattern.finditer(text):
            parts = match.groupdict()
            money = _currency(parts, ("amount",))
            if not money and (
                parts.get("most_money") or parts.get("least_money") or _counts_things(text, match.end("amount"))
            ):
                continue
            amount = _number(parts["amount"])
            most = parts["most"] or parts.get("most_money")
            return _in_currency(match, None if most else amount, amount if most else None, money, main, sold_in)
    return None


def _in_currency(
    match: re.Match[str],
    low: Decimal | None,
    high: Decimal | None,
    money: str,
    main: str,
    sold_in: Callable[[str], bool],
) -> PriceWords | None:
    named = CURRENCIES.get(money.lower(), ()) if money else (main,)
    currency = main if main in named or not main else next(filter(sold_in, named), None)
    return None if currency is None else PriceWords(match.start(), match.end(), low, high, currency)


def _currency(parts: dict[str, str | None], names: tuple[str, ...]) -> str:
    return next(filter(None, (parts[f"{side}{name}"] for name in names for side in ("before", "after"))), "")


def _counts_things(text: str, end: int) -> bool:
    """Tell whether what stands after a number says that it is a measure, or counts something."""
    following = _NEXT.match(text, end)
    if following is None:
        return False
    word = following["word"].lower()
    touching = following.start("word") == end
    return not word.isalnum() or word in _COUNTED or is_unit(word, touching)


def _number(text: str | None) -> Decimal:
    """Return a number that people type: `1.299,00`, `1,299.00`, `1 299`, `79.90`."""
    digits = re.sub(r"[^\d.,]", "", (text or "").rstrip("-–")).rstrip(",.")
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0 and len(digits) - last - 1 <= 2:
        return Decimal(re.sub(r"[.,]", "", digits[:last]) + "." + digits[last + 1 :])
    return Decimal(re.sub(r"[.,]", "", digits))
