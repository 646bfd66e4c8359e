"""The numbers that a product is asked for by: its SKU, its barcode (GTIN: EAN, UPC, ISBN), its maker's part number."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

LONGEST_KEY = 64
"""Letters and digits of a key: nobody searches for longer texts as a number, and no engine indexes them well."""

SHORTEST_PART = 5
"""The fewest letters and digits of the beginning of a number that find its product."""

_MOST_WORDS = 6
"""The most words of a text that may be a number although some of them have many letters; a longer text is one only if
each of its words has a digit or is short. `978 0 306 40615 2` has five."""

_SHORT_WORD = 3
"""Letters of a word that may be part of a number though it has no digit, as in `wh 1000 xm4`."""

_SEVERAL = re.compile(r"[,;|]")
_KIND = "sku|gtin|ean|upc|isbn|mpn"
_WORD = (
    r"art(?:ikel|icle)?[.-]*\s?(?:n[ro]|number|nummer)|(?:bestell|modell|teile)[.-]?\s?n(?:umme)?r|"
    r"(?:item|part|model|product)\s(?:no|number)|r[eé]f(?:[eé]rence|erencia|erenz)?|c[oó]digo|codice|арт(?:икул)?"
)
_LABEL = re.compile(
    rf"^(?:(?:{_WORD}|{_KIND}|jan|asin|p/n|art(?:ikel|icle)?)(?:-?1[0234])?\s*[.:#№]+\s*"
    rf"|(?:{_KIND})(?:-1[03])?\s+|(?:{_WORD})\s+(?=\S*\d)|(?:{_KIND})(?=\d{{8}}))",
    re.IGNORECASE,
)
"""What people write before a number: `EAN: 4006381333931`, `ISBN-13 978...`, `Artikelnummer AB-123`."""

_MARKED = re.compile(
    r"\d\s?[\"″”'’′%€$£<>⁄]|[<>$€£⁄]\s?\d|[½¼¾]|^(?:\d{1,2}\s)?\d{1,2}/\d{1,2}$|"
    r"^(?:\d{1,2}[.,]\d|0[.,]\d+)$"
)
"""Sizes, prices, shares and limits, whose digits alone may be the number of another product: `55"`, `1/2`, `1.5`. With
more decimals, as `10.25`, it may itself be one."""

_NUMBER_OF_A_SHEET = re.compile(r"\d+\.0+")
_JUNK = frozenset({"na", "none", "null", "nan", "unknown", "notapplicable", "doesnotapply", "notavailable", "tbd"})
"""What feeds write if they have no number."""


@dataclass(frozen=True, slots=True)
class AskedIdentifier:
    """A search text that may be a number, with and without a label before it: as typed, and as keys.

    With `partial` it may be the beginning of one.
    """

    texts: tuple[str, ...]
    keys: tuple[str, ...]
    partial: bool

    def distance(self, sku: str, gtin: str, mpn: str) -> int:
        """Return how far a product's own numbers are from what was typed: 0 for the same characters, to 3."""
        stated = [sku, *_values(gtin), *_values(mpn)]
        if any(text in stated for text in self.texts):
            return 0
        folded = {value.casefold() for value in stated}
        if any(text.casefold() in folded for text in self.texts):
            return 1
        return 3 if set(self.keys).isdisjoint(identifier_keys(sku, gtin, mpn)) else 2


def read_identifier(text: str) -> AskedIdentifier | None:
    """Return the number that a search text may be; None if it can't be one, or is rather a short size or price."""
    typed = text.strip()
    if len(identifier_key(typed)) < SHORTEST_PART and _MARKED.search(typed):
        return None
    if len(typed.split()) > _MOST_WORDS and not _is_coded(typed):
        return None
    texts = tuple(dict.fromkeys(filter(None, (typed, _strip_label(typed)))))
    keys = tuple(dict.fromkeys(key for each in texts if 0 < len(key := identifier_key(each)) <= LONGEST_KEY))
    if not keys:
        return None
    # A word without a digit is a word: no SKU such as running-shoes-red may come first for "running".
    partial = _is_coded(texts[-1]) and len(keys[-1]) >= SHORTEST_PART and any(map(str.isdecimal, keys[-1]))
    return AskedIdentifier(texts, keys, partial)


def _is_coded(text: str) -> bool:
    """Tell whether every word of a text has a digit, or is short."""
    return all(len(word) <= _SHORT_WORD or any(map(str.isdecimal, word)) for word in text.split())


def identifier_keys(sku: str, gtin: str, mpn: str) -> list[str]:
    """Return the keys that find a product, each once: of its SKU, of its numbers, and of an ISBN in both lengths."""
    keys = {identifier_key(sku): None}
    for value in (*_values(gtin), *_values(mpn)):
        key = identifier_key(value)
        if key not in _JUNK and key != "0":
            keys[key] = None
    # The same book's number in the other length, if the check digit says that a number is one:
    # https://www.isbn-international.org/content/isbn-users-manual, section 4. ISBN-13 is `978` and the first nine
    # digits of ISBN-10; the tenth is a check digit modulo 11, the thirteenth one modulo 10.
    for key in tuple(keys):
        if len(key) == 13 and key.startswith("978") and key.isdecimal() and key[-1] == _check_digit_13(key[:12]):
            keys[identifier_key(key[3:12] + _check_digit_10(key[3:12]))] = None
        elif 6 <= len(key) <= 10 and key[:-1].isdecimal():
            digits = key.rjust(10, "0")
            if digits[-1] == _check_digit_10(digits[:9]).lower():
                keys["978" + digits[:9] + _check_digit_13("978" + digits[:9])] = None
    return [key for key in keys if 0 < len(key) <= LONGEST_KEY]


def identifier_key(text: str) -> str:
    """Return a number in the form in which numbers are compared: small letters and digits, without leading zeros."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in text)
    text = text.strip()
    if _NUMBER_OF_A_SHEET.fullmatch(text):
        text = text.partition(".")[0]
    key = "".join(filter(str.isalnum, text.casefold()))
    return key.lstrip("0") or key[:1]


def _values(text: str) -> list[str]:
    """Return the numbers of a field; one that has a comma itself also counts as a whole."""
    if not text:
        return []
    return list(dict.fromkeys(filter(None, [*map(_strip_label, _SEVERAL.split(text)), text])))


def _strip_label(text: str) -> str:
    return _LABEL.sub("", text.strip()).strip()


def _check_digit_10(digits: str) -> str:
    rest = -sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=True)) % 11
    return "X" if rest == 10 else str(rest)


def _check_digit_13(digits: str) -> str:
    return str(-sum((3 if place % 2 else 1) * int(digit) for place, digit in enumerate(digits)) % 10)
