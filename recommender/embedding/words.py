"""Texts as the words that BM25 counts: what can be written in several ways becomes the same words on both sides.

The engine splits at blanks and punctuation, folds accents of Latin letters, drops stop words and stems. This module
does what it lacks: accents and digits of other scripts, texts without blanks between words, model numbers, and
measures.
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
        ("ёґ", "ег"),
        ("أإآٱىیکة", "ااااييكه"),
        ("ँ", "ं"),
    )
    for letter, other in zip(letters, others, strict=True)
}
"""Greek accents and the sigma at the end of a word, and Cyrillic, Arabic and Hindi signs that are typed in place of
others."""

_FOLDED |= {0x5BE: "-", 0x2044: "/"}
_FOLDED |= dict.fromkeys(
    [*range(0x300, 0x370), *range(0x591, 0x5BE), *range(0x5BF, 0x5C8), 0x640, *range(0x64B, 0x660), 0x670]
)
"""Accents that are characters by themselves, the points of Hebrew, and the vowel marks and the stretching line of
Arabic."""

_FOLDED |= dict.fromkeys([0x93C, 0x9BC, *range(0x94D, 0xDCD, 0x80), 0xDCA, 0xAD, 0x200B, 0x2060, 0xFEFF])
"""Dots below and signs of a missing vowel of Indic scripts, at which the engine would split a word, and invisible
characters: soft hyphens and blanks of no width."""

_FOLDED |= {
    zero + digit: str(digit)
    for zero in (0x660, 0x6F0, *range(0x966, 0xDE6, 0x80), 0xE50, 0xED0, 0x1040, 0x17E0)
    for digit in range(10)
}
"""Digits of Arabic, Indic and other scripts."""

_SIGNS = dict.fromkeys(map(ord, "™®©℠"), " ")

_OTHER_SCRIPTS = "\u0370"
"""The first letter after the Latin ones, without the accents that are folded."""

_FRACTION_SIGN = re.compile(r"(?<=[0-9])([¼-¾⅐-⅞])")
_NASAL = re.compile("[नम]्(?=[क-ह])")
"""An n or m before another letter in Hindi, which is also written as a dot above."""

INSIDE = r"(?<=[а-яіїєґ])['’ʼ`](?=[а-яіїєґ])|(?<=[א-ת])[\"'”״׳](?=[א-ת])"
"""Apostrophes within Cyrillic words, and quotes within Hebrew abbreviations: half of the people leave them out."""

_INSIDE = re.compile(INSIDE)
_ARTICLE = re.compile(r"\b(?:[وبكف]?ال|لل)(?=[ء-ي]{3})")
"""The Arabic article, alone and with the words that are written together with it."""

_LOOKALIKE = re.compile(r"(?<![^\W_])[авекмнорстухіαβεζηικμνορτυχ]{1,3}(?=-?[0-9])")
_LATIN = str.maketrans("авекмнорстухіαβεζηικμνορτυχ", "abekmhopctyxiabezhikmnoptyx")
"""Cyrillic and Greek letters that look like Latin ones, and are typed in their place in a size or a part number:
`М8`."""

_PLUS_OR_SHARP = re.compile(r"(?<=[^\W_])(\+{1,2}|#)(?![^\W_])")

_BLANKLESS = re.compile(r"[\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
"""Han, kana and Hangul: words without blanks, or with endings that no stemmer here removes."""

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
SYLLABIC = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+")
"""Thai, Lao, Burmese and Khmer: words without blanks, of letters that say little alone."""

_UNITS: dict[str, tuple[str, Decimal]] = {
    name: (base, Decimal(factor))
    for base, factor, names in (
        ("mm", "1", "mm millimeter millimetre millimeters millimetres milimetro milimetros millimetri мм مم ממ"),
        ("mm", "10", "cm centimeter centimetre centimeters centimetres centimetro centimetros centimetri см εκ سم סמ"),
        ("mm", "1000", "m mtr meter metre meters metres metro metros metri metr metry metru metrow metria"),
        ("mm", "1000", "м метр метра метров метри метрів μ μετρο μετρα متر امتار מ מטר"),
        ("inch", "1", "inch inches zoll pouce pouces pulgada pulgadas pollici pollice tum tommer duim cali palcu inc"),
        ("inch", "1", "in tuumaa дюйм дюйма дюймов дюйми дюймів ιντσα ιντσεσ ιντσων بوصه انش אינץ"),
        ("ft", "1", "ft foot feet"),
        ("ml", "1", "ml milliliter millilitre milliliters millilitres мл مل מל"),
        ("ml", "10", "cl centiliter centilitre centiliters centilitres"),
        ("ml", "1000", "l ltr liter litre liters litres litro litros litri litr litry litru litrow litraa"),
        ("ml", "1000", "л литр литра литров літр літри літрів λ λτ λιτρο λιτρα لتر ליטר"),
        ("g", "0.000001", "mcg ug μg мкг"),
        ("g", "0.001", "mg мг ملغ"),
        ("g", "1", "g gr gramm gram grams gramme grammes gramos grammi г гр γρ γραμμαρια غ غرام جرام גר גרם"),
        ("g", "1000", "kg kilo kilos kilogram kilograms kilogramm kilogramme кг κιλο κιλα كغ كجم كيلو קג"),
        ("oz", "1", "oz ounce ounces"),
        ("lb", "1", "lb lbs pound pounds"),
        ("gb", "0.001", "mb mo mbyte megabyte мб"),
        ("gb", "1", "gb go gbyte gigabyte gigabytes гб جيجا جيجابايت"),
        ("gb", "1000", "tb to tbyte terabyte terabytes тб"),
        ("w", "1", "w watt watts wat wattu vatios вт واط"),
        ("w", "1000", "kw kilowatt квт"),
        ("v", "1", "v volt volts voltios в فولت"),
        ("mah", "1", "mah мач"),
        ("mah", "1000", "ah ач"),
        ("mm2", "1", "mm2 qmm sqmm мм2"),
        ("m2", "1", "m2 qm sqm м2 τμ"),
        ("ml", "1", "cm3 ccm см3"),
        ("m3", "1", "m3 cbm м3"),
        ("pf", "1", "pf пф"),
        ("pf", "1000", "nf нф"),
        ("pf", "1000000", "uf μf мкф"),
        ("mhz", "0.000001", "hz hertz гц"),
        ("mhz", "0.001", "khz кгц"),
        ("mhz", "1", "mhz мгц"),
        ("mhz", "1000", "ghz ггц"),
    )
    for name in names.split()
}
"""Units in small letters without accents, and the size of each in the first unit of its kind."""

_UNITS_WITHOUT_BLANKS = {
    unicodedata.normalize("NFKC", name).translate(_FOLDED): unit
    for unit, names in (
        ("mm", "毫米 ミリメートル 밀리미터 มิลลิเมตร मिमी"),
        ("cm", "厘米 釐米 公分 センチメートル センチ 센티미터 เซนติเมตร ซม. सेमी"),
        ("m", "米 公尺 メートル 미터 เมตร मीटर"),
        ("inch", "英寸 寸 吋 インチ 인치 นิ้ว इंच"),
        ("ml", "毫升 ミリリットル 밀리리터 มิลลิลิตร มล. मिली"),
        ("l", "升 公升 リットル 리터 ลิตร लीटर"),
        ("mg", "毫克 ミリグラム 밀리그램 มิลลิกรัม"),
        ("g", "克 公克 グラム 그램 กรัม ग्राम"),
        ("kg", "公斤 千克 キログラム キロ 킬로그램 킬로 กิโลกรัม กก. किलोग्राम किलो"),
        ("w", "瓦 ワット 와트 วัตต์ वाट"),
        ("v", "伏 ボルト 볼트 โวลต์ वोल्ट"),
    )
    for name in names.split()
}
"""Units of scripts in which a word can't be separated from what follows it."""

_AMOUNT = re.compile(
    r"(?<=[0-9])\s?(" + "|".join(map(re.escape, sorted(_UNITS_WITHOUT_BLANKS, key=len, reverse=True))) + ")"
)
_COARSE = Decimal(1000)
"""From this factor on, `1.500` of a unit means one and a half: 1,500 litres or kilograms are rarely sold."""

_INCHES = '"″”'
TOUCHING = frozenset({"go", "mo", "to", "в", "in", "inc", "w", "v", "غ", "m2", "m3"})
"""Units that are also words, or processors: they count only directly after a number."""

FRENCH_UNITS = frozenset({"go", "mo", "to"})
"""The same units in French, where they are not words."""

# A digit first, then what may not be before it: the scan goes from digit to digit. The thread of a screw, `1/4-28 NF`,
# is no capacity, and the processor `i7-720QM` no area.
_NUMBER = r"([0-9](?<![\w.,].)(?!(?<=[0-9]-.)[0-9]*\s?nf|(?<=i[0-9]-.)[0-9]*qm)[0-9]*(?:[.,][0-9]+)?)"
_FRACTION = re.compile(
    r"(?<![\w.,/])(?:([0-9]{1,2})[\s-])?([0-9]{1,2})/(2|4|8|16|32|64)(?![0-9/.,])"
    rf"(?=(?:\s?([{_INCHES}])|[\s-]?([^\W\d_]{{1,12}})(?![^\W_]))?)"
)
_MEASURE = re.compile(_NUMBER + r"(?:([" + _INCHES + r"])|([\s\u00a0-]?)([^\W\d_]{1,12}[23]?)(?![^\W_]))")
DIMENSIONS = re.compile(
    r"([0-9](?:(?<![\w.,].)|(?<=\bm.))[0-9]*(?:[.,][0-9]+)?)\s?(?:[a-zµ]{1,4}\s?)?[x×х]\s?(?=([0-9]+(?:[.,][0-9]+)?)(\s?mm2)?)"
)
_TYRE = re.compile(
    r"(?<![\w.,/-])([1-3][0-9]5)[\s/-]?([2-9][05])[\s/-]{0,3}(?:z?r[\s-]?)?(1[0-9]|2[0-4])(?:c|(?![0-9.,/]))"
)
"""Width, height and rim of a tyre: `205/55 R16`, `205/55/16`, `2055516`."""

_CONNECTED = re.compile(r"[^\W_]+(?:[-/._+&][^\W_]+|['’]s(?![^\W_]))*")
_RUNS = re.compile(r"\d+|[^\W\d_]+")
_WRITTEN_UMLAUT = re.compile(r"(?<![aeiouq])([aou])e")
_DIGIT = re.compile(r"\d")
_DIGITLESS = re.compile(r"\D*")

_SEPARATORS = re.compile(r"[-/._+&'’]")

_MOST_RUNS = 7
"""Runs of letters and of digits in a model number: a text with more is an address or a key, whose parts nobody
types."""

SHORTEST_CODE = 5
"""Shortest model number, in characters, that is also typed in parts; the parts of a shorter one, as MP3, say
nothing."""

_SHORTEST_NUMBER = 6
"""Fewest digits of a number that is typed with and without separators; a shorter one is a measure, or a year."""

_LONGEST_SEGMENT = 3
"""Letters of a part of a word that people write with and without its hyphen: t-shirt, USB-C, e-bike."""


def fold(text: str) -> str:
    """Return a text in small letters, with one form of each character, without accents that the engine leaves.

    In scripts that are written without blanks, the words are pairs of characters.
    """
    if text.isascii():
        return _spell_signs(text.lower())
    text = unicodedata.normalize("NFKC", _FRACTION_SIGN.sub(r" \1", text.translate(_SIGNS))).lower()
    text = _spell_signs(_NASAL.sub("ं", text).translate(_FOLDED))
    if max(text, default="") < _OTHER_SCRIPTS:
        return text
    text = _ARTICLE.sub("", _INSIDE.sub("", text))
    text = _LOOKALIKE.sub(lambda match: match[0].translate(_LATIN), text)
    text = _AMOUNT.sub(lambda match: f"{_UNITS_WITHOUT_BLANKS[match[1]]} ", text)
    if _BLANKLESS.search(text):
        text = _BLANKLESS.sub(lambda run: f" {' '.join(_grams(run[0], 2))} ", text)
    if SYLLABIC.search(text):
        # The engine would split at the marks above letters.
        text = SYLLABIC.sub(lambda run: f" {' '.join(_grams(''.join(filter(str.isalnum, run[0])), 2, 3))} ", text)
    return text


def _spell_signs(text: str) -> str:
    """Return a text with the signs at the end of a name as words: `c++`, `c#`, `S20+` are not `c` and `s20`."""
    if "+" not in text and "#" not in text:
        return text
    return _PLUS_OR_SHARP.sub(lambda match: " sharp" if match[0] == "#" else " plus" * len(match[0]), text)


def fold_umlauts(folded: str) -> str:
    """Return a German text with `ae`, `oe` and `ue` as umlauts fold: `Buerostuhl` is typed for `Bürostuhl`.

    After a vowel or a `q` they are other sounds: neue, Quelle.
    """
    return _WRITTEN_UMLAUT.sub(r"\1", folded)


def is_unit(word: str, touching: bool = True) -> bool:
    """Tell whether a word in small letters after a number, `touching` it or not, is a unit: `cm`, `litre`, `gb`."""
    return word in _UNITS and (touching or word not in TOUCHING)


def single_characters(text: str) -> list[str]:
    """Return the characters of a text that are words by themselves in scripts without blanks."""
    return [] if text.isascii() else [character for run in _BLANKLESS.findall(text) for character in run]


def han_characters(text: str) -> list[str]:
    """Return the Chinese characters of a text: each has a meaning alone, as 茶 has in お茶, 緑茶 and 紅茶."""
    return [] if text.isascii() else _HAN.findall(text)


def measures(folded: str, touching: frozenset[str] = TOUCHING) -> list[str]:
    """Return the measures of a text, each as one word: `3 m`, `300cm`, `3 metres` are `3000mm`, `5 x 60` is `5x60`.

    `touching` are the units that are also words of the language.
    """
    if not _DIGIT.search(folded):
        return []
    halves = _FRACTION.finditer(folded) if "/" in folded else ()
    fractions = [f"{_plain(value)}frac" for match in halves if (value := _decimal(match))]
    numbers = _FRACTION.sub(_decimal_of_measure, folded) if fractions else folded
    found = [word for match in _MEASURE.finditer(numbers) if (word := _measure(*match.groups(), touching))]
    for match in DIMENSIONS.finditer(folded) if "x" in folded or "×" in folded or "х" in folded else ():
        thread = "m" if folded[: match.start()].endswith("m") else ""
        found.append(f"{thread}{_plain(match[1])}x{_plain(match[2])}")
        if match[3]:  # of a cable, each core has that section
            found.append(f"{_plain(match[2])}mm2")
    found += [f"{width}x{height}r{rim}" for width, height, rim in _TYRE.findall(folded)]
    return found + fractions


def without_measures(folded: str, touching: frozenset[str] = TOUCHING) -> str:
    """Return a text without its measures. A number and a separate unit of one letter stay: `size 42 l`."""

    def rest(match: re.Match[str]) -> str:
        if not _measure(*match.groups(), touching):
            return match[0]
        return f" {match[1]} " if match[3] and len(match[4]) == 1 and match[1].isdecimal() else " "

    if not _DIGIT.search(folded):
        return folded
    return _MEASURE.sub(rest, _FRACTION.sub(_decimal_of_measure, folded) if "/" in folded else folded)


def _decimal(match: re.Match[str]) -> str:
    """Return a fraction of a measure, such as 1 1/2, as a decimal; nothing for other numbers with a slash."""
    whole, top, bottom = int(match[1] or 0), int(match[2]), int(match[3])
    # The zero at the end distinguishes 1.125 from a thousand and more.
    return f"{whole + Decimal(top) / bottom}0" if top % 2 and top < bottom else ""


def _decimal_of_measure(match: re.Match[str]) -> str:
    return (_decimal(match) if match[4] or match[5] in _UNITS else "") or match[0]


@lru_cache(maxsize=32_768)
def _measure(number: str, inches: str | None, blank: str | None, name: str | None, touching: frozenset[str]) -> str:
    name = "".join(filter(str.isalnum, unicodedata.normalize("NFD", name))) if name and not name.isascii() else name
    unit, factor = ("inch", Decimal(1)) if inches else _UNITS.get(name or "", ("", Decimal(1)))
    if not unit or (blank and name in touching):
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
            shortest, longest = min(map(len, segments)), max(map(len, segments))
            if (longest if "/" in match else shortest) <= _LONGEST_SEGMENT:
                joined.append("".join(segments))
        elif len(digits) == len(runs):
            if sum(map(len, runs)) >= _SHORTEST_NUMBER:
                joined.append("".join(runs))
        else:
            joined += ["".join(segments[:end]) for end in range(2, len(segments) + 1)]
            if len(match) >= SHORTEST_CODE:
                # A single digit has a meaning after a name, as in `playstation5`.
                is_name = len(runs) == 2 and len(runs[0]) > _LONGEST_SEGMENT
                parts += [run for run in runs if len(run) > 1 or is_name]
                parts += [one + other for one, other in pairwise(runs)]
    return joined, parts


def spaced_codes(words: Sequence[str]) -> list[str]:
    """Return the model numbers that are written with blanks: `wh 1000 xm4` is also `wh1000`, `1000xm4`, `wh1000xm4`.

    These are each two to four words that follow one another, if one has a digit and the others have one too or are
    short; and a name with a short number: `playstation 5`. Of digits alone there must be many: `313 478`.
    """
    words = [word if word.isalnum() else _SEPARATORS.sub("", word) for word in words]
    coded = [len(word) <= _LONGEST_SEGMENT or not _DIGITLESS.fullmatch(word) for word in words]
    found = [
        name + number
        for name, number in pairwise(words)
        if len(name) > _LONGEST_SEGMENT and name.isalpha() and number.isdecimal() and len(number) <= _LONGEST_SEGMENT
    ]
    for size in (2, 3, 4):
        for at in range(len(words) - size + 1):
            joined = "".join(words[at : at + size])
            is_code = _DIGIT.search(joined) and (not joined.isdecimal() or len(joined) >= _SHORTEST_NUMBER)
            if all(coded[at : at + size]) and joined.isalnum() and is_code:
                found.append(joined)
    return found


def _grams(run: str, least: int, most: int = 0) -> list[str]:
    """Return the runs of `least` letters and, in longer texts, of up to `most`; a shorter text is one of its own."""
    sizes = range(least, max(least, min(most, len(run))) + 1)
    return [run[at : at + size] for size in sizes for at in range(max(len(run) - size + 1, 1))]
