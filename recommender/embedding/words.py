"""Texts as the words that BM25 counts: what is written in several ways becomes the same words on both sides.

The engine splits at blanks and punctuation, folds accents of Latin letters, drops stop words and stems. Here is what it
does not know: accents of other scripts, texts without blanks between words, model numbers, and measures.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

_FOLDED: dict[int, str | None] = {
    ord(letter): other
    for letters, others in (
        ("άέήίϊΐόύϋΰώς", "αεηιιιουυυωσ"),
        ("ё", "е"),
        ("أإآٱىیکة", "ااااييكه"),
    )
    for letter, other in zip(letters, others, strict=True)
}
"""Greek accents and the sigma at the end of a word, the Russian ё, and the Arabic letters that are typed for others."""

_FOLDED |= dict.fromkeys([*range(0x300, 0x370), *range(0x591, 0x5C8), 0x640, *range(0x64B, 0x660), 0x670])
"""Accents left on their own, the points of Hebrew, and the vowel marks and the stretching line of Arabic."""

_SIGNS = dict.fromkeys(map(ord, "™®©℠"), " ")

_BLANKLESS = re.compile(r"[\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
"""Han, kana and Hangul: words without blanks, or with endings that no stemmer here takes off."""

_SYLLABIC = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+")
"""Thai, Lao, Burmese and Khmer: words without blanks, of letters that alone say little."""

_UNITS: dict[str, tuple[str, Decimal]] = {
    name: (base, Decimal(factor))
    for base, factor, names in (
        ("mm", "1", "mm millimeter millimetre millimeters millimetres milimetro milimetros millimetri мм"),
        ("mm", "10", "cm centimeter centimetre centimeters centimetres centimetro centimetros centimetri см"),
        ("mm", "1000", "m mtr meter metre meters metres metro metros metri metry metru metrow м метр метра метров"),
        ("inch", "1", "inch inches zoll pouce pouces pulgada pulgadas pollici pollice tum tommer duim cali palcu inc"),
        ("ft", "1", "ft foot feet"),
        ("ml", "1", "ml milliliter millilitre milliliters millilitres мл"),
        ("ml", "10", "cl centiliter centilitre"),
        (
            "ml",
            "1000",
            "l ltr liter litre liters litres litro litros litri litr litry litru litrow л литр литра литров",
        ),
        ("mg", "1", "mg мг"),
        ("g", "1", "g gr gramm gram grams gramme grammes gramos grammi г гр"),
        ("g", "1000", "kg kilo kilos kilogram kilograms kilogramm kilogramme кг"),
        ("oz", "1", "oz ounce ounces"),
        ("lb", "1", "lb lbs pound pounds"),
        ("mb", "1", "mb mbyte megabyte мб"),
        ("gb", "1", "gb go gbyte gigabyte gigabytes гб"),
        ("gb", "1000", "tb to tbyte terabyte terabytes тб"),
        ("w", "1", "w watt watts wat wattu vatios вт"),
        ("w", "1000", "kw kilowatt квт"),
        ("v", "1", "v volt volts voltios в"),
        ("mah", "1", "mah мач"),
        ("hz", "1", "hz hertz гц"),
        ("mhz", "1", "mhz мгц"),
        ("ghz", "1", "ghz ггц"),
    )
    for name in names.split()
}
_COARSE = Decimal(1000)
"""Factor of the units of which `1.500` means one and a half: nobody sells 1,500 litres, or kilograms, so often."""

_INCHES = '"″”'
_TOUCHING = frozenset({"go", "to", "в", "inc", "w", "v"})
"""Units that are words, too: they count only where no blank is before them."""

# A digit first, then what may not be before it: the scan goes from digit to digit.
_NUMBER = r"([0-9](?<![\w.,].)[0-9]*(?:[.,][0-9]+)?)"
_MEASURE = re.compile(_NUMBER + r"(?:([" + _INCHES + r"])|([\s\u00a0-]?)([^\W\d_]{1,12})(?![^\W_]))")
_DIMENSIONS = re.compile(_NUMBER + r"\s?(?:[a-zµ]{1,4}\s?)?[x×]\s?(?=([0-9]+(?:[.,][0-9]+)?))")
_CONNECTED = re.compile(r"[^\W_]+(?:[-/._+][^\W_]+)*")
_RUNS = re.compile(r"\d+|[^\W\d_]+")
_WRITTEN_UMLAUT = re.compile(r"(?<![aeiouq])([aou])e")
_DIGIT = re.compile(r"\d")
_DIGITLESS = re.compile(r"\D*")

_SEPARATORS = re.compile(r"[-/._+]")

_MOST_RUNS = 7
"""Runs of letters and of digits in a model number: what has more is an address or a key, and no one types parts."""

_SHORTEST_CODE = 5
"""Characters of a model number that is also typed in parts; of a shorter one, as MP3, the parts say nothing."""

_SHORTEST_NUMBER = 6
"""Digits of a number that is typed with and without separators; a shorter one is a measure, or a year."""

_LONGEST_SEGMENT = 3
"""Letters of a part of a word that people write with and without its hyphen: t-shirt, USB-C, e-bike."""


def fold(text: str) -> str:
    """Return a text in small letters, with one form of each character, without accents that the engine leaves.

    Of scripts that are written without blanks, the words are pairs of characters.
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text.translate(_SIGNS)).lower().translate(_FOLDED)
    if _BLANKLESS.search(text):
        text = _BLANKLESS.sub(lambda run: f" {' '.join(_grams(run[0], 2))} ", text)
    if _SYLLABIC.search(text):
        text = _SYLLABIC.sub(lambda run: f" {' '.join(_syllable_grams(run[0]))} ", text)
    return text


def fold_umlauts(folded: str) -> str:
    """Return a German text with `ae`, `oe` and `ue` as umlauts fold: `Buerostuhl` is typed for `Bürostuhl`.

    After a vowel or a `q` they are other sounds: neue, Quelle.
    """
    return _WRITTEN_UMLAUT.sub(r"\1", folded)


def is_unit(word: str, touching: bool = True) -> bool:
    """Tell whether a word in small letters after a number, `touching` it or not, is a unit: `cm`, `litre`, `gb`."""
    return word in _UNITS and (touching or word not in _TOUCHING)


def single_characters(text: str) -> str:
    """Return the characters of a text that are words by themselves in scripts without blanks, with blanks between."""
    return "" if text.isascii() else " ".join(character for run in _BLANKLESS.findall(text) for character in run)


def measures(folded: str) -> list[str]:
    """Return the measures of a text, each as one word: `3 m`, `300cm`, `3 metres` are `3000mm`, `5 x 60` is `5x60`."""
    if not _DIGIT.search(folded):
        return []
    found = [word for match in _MEASURE.finditer(folded) if (word := _measure(*match.groups()))]
    sides = _DIMENSIONS.finditer(folded) if "x" in folded or "×" in folded else ()
    return found + [f"{_plain(match[1])}x{_plain(match[2])}" for match in sides]


def without_measures(folded: str) -> str:
    """Return a text without its measures. The number of one whose unit is a letter apart stays: `size 42 l`."""

    def rest(match: re.Match[str]) -> str:
        if not _measure(*match.groups()):
            return match[0]
        return f" {match[1]} " if match[3] and len(match[4]) == 1 and match[1].isdecimal() else " "

    return _MEASURE.sub(rest, folded) if _DIGIT.search(folded) else folded


@lru_cache(maxsize=32_768)
def _measure(number: str, inches: str | None, blank: str | None, name: str | None) -> str:
    unit, factor = ("inch", Decimal(1)) if inches else _UNITS.get(name or "", ("", Decimal(1)))
    if not unit or (blank and name in _TOUCHING):
        return ""
    whole, _, decimals = number.replace(",", ".").partition(".")
    in_thousands = len(decimals) == 3 and whole != "0" and factor != _COARSE
    amount = Decimal(whole + decimals if in_thousands else f"{whole}.{decimals or 0}") * factor
    return _plain(f"{amount:f}") + unit


def _plain(number: str) -> str:
    """Return a number without needless zeros, its point as a letter: the engine splits words at points."""
    number = number.replace(",", ".")
    return (number.rstrip("0").rstrip(".") if "." in number else number).replace(".", "p")


def codes(folded: str) -> tuple[list[str], list[str]]:
    """Return other spellings of the model numbers in a text: joined ones, and parts of them.

    `wh-1000xm4` is also written `wh1000xm4`; its parts are `wh`, `1000`, `xm`, `4`, and two that follow one another.
    """
    joined: list[str] = []
    parts: list[str] = []
    for word in folded.split():
        if not word.isalpha():
            more, less = _spellings(word)
            joined += more
            parts += less
    return joined, parts


@lru_cache(maxsize=32_768)
def _spellings(word: str) -> tuple[list[str], list[str]]:
    joined: list[str] = []
    parts: list[str] = []
    for match in _CONNECTED.findall(word):
        segments = _SEPARATORS.split(match)
        runs = _RUNS.findall(match)
        digits = [run for run in runs if run.isdecimal()]
        if len(runs) < 2 or len(runs) > _MOST_RUNS:
            continue
        if not digits:
            if "/" not in match and min(map(len, segments)) <= _LONGEST_SEGMENT:
                joined.append("".join(segments))
        elif len(digits) == len(runs):
            if sum(map(len, runs)) >= _SHORTEST_NUMBER:
                joined.append("".join(runs))
        else:
            joined += ["".join(segments[:end]) for end in range(2, len(segments) + 1)]
            if len(match) >= _SHORTEST_CODE:
                parts += [run for run in runs if len(run) > 1]
                parts += [one + other for one, other in pairwise(runs)]
    return joined, parts


def spaced_codes(words: Sequence[str]) -> list[str]:
    """Return the model numbers that are written with blanks: `wh 1000 xm4` is also `wh1000`, `1000xm4`, `wh1000xm4`.

    Of each two or three words that follow one another, if one has a digit and the others too or are short.
    """
    coded = [len(word) <= _LONGEST_SEGMENT or not _DIGITLESS.fullmatch(word) for word in words]
    found = []
    for size in (2, 3):
        for at in range(len(words) - size + 1):
            joined = "".join(words[at : at + size])
            if all(coded[at : at + size]) and joined.isalnum() and not joined.isdecimal() and _DIGIT.search(joined):
                found.append(joined)
    return found


def _grams(run: str, size: int) -> list[str]:
    return [run[at : at + size] for at in range(max(len(run) - size + 1, 1))]


def _syllable_grams(run: str) -> list[str]:
    letters = "".join(filter(str.isalnum, run))  # the engine would split at the marks above letters
    return [*_grams(letters, 2), *(_grams(letters, 3) if len(letters) > 2 else ())] if letters else []
