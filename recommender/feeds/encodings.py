"""Detecting the encoding of a text from its beginning."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from contextlib import suppress
from typing import BinaryIO

from recommender.errors import BadFeed

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_CANDIDATES = [
    "cp1251", "cp1253", "cp1255", "cp1256", "iso8859_5", "iso8859_7", "iso8859_8", "koi8_r", "koi8_u", "cp866",
    "cp932", "gb18030", "big5", "euc_jp", "euc_kr",
]  # fmt: skip
"""Encodings of other scripts that shops export; the many others only make short samples ambiguous."""

_OF_TWO_BYTES = ("cp932", "euc_jp", "euc_kr", "gb18030")
"""Encodings that a short text is tried in, the strictest first."""

_LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1257", "iso8859_15", "mac_roman", "cp850", "cp852")
"""Encodings of Latin script; of equally plausible ones the first is taken."""

_LETTERS = {
    "de": "üäöß",
    "fr": "éèàêçùôâîûëïœ",
    "es": "óíáéñúü",
    "pt": "ãçáéóíêõúâôàü",
    "it": "àèùòéì",
    "nl": "ëéïöüè",
    "sv": "äåöé",
    "da": "åøæé",
    "is": "íáðéöþúóýæ",
    "et": "äõüöšž",
    "pl": "łąóężśćńź",
    "cs": "íáéěýžřčšůúďťňó",
    "sk": "áíéčýžšľúťôňäďóĺŕ",
    "hu": "áéöóőüíúű",
    "ro": "ăîţâşșț",
    "hr": "čšžćđ",
    "tr": "ıüşöçğiâ\u0307",
    "lt": "ėšžįųąčūę",
    "lv": "āīēšūņļčžķģ",
}
"""The letters beyond ASCII of the languages that are written in Latin script, the most frequent first."""

MOSTLY_OTHER_SCRIPT = 0.6
"""Share of bytes beyond ASCII in the words that have any: in Latin words a third, in Cyrillic or Japanese ones all."""

LATIN_AT_LEAST = 0.5
"""Share of the letters beyond ASCII that must be those of one language."""

_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")

LONGEST_GUESSED = 1 << 16
"""Bytes that are read to guess an encoding: 64 KiB hold enough words of any language."""

MOSTLY_UTF8 = 0.5
"""Share of the lines with non-ASCII bytes that must be UTF-8 for the others to count as damaged."""

BINARY_SHARE = 0.02
"""A file with a larger share of control characters is not text."""

_IN_WORD = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f\u2018\u2019](?=[^\W\d_])")
_NO_TEXT = re.compile(r"[\x80-\x9f\u2500-\u259f\ufffd\u2020\u2021\u02c6\u02dc\u25ca\u2206]")
"""Control characters, the boxes of DOS's code pages, what can't be decoded, and signs that no shop uses."""

_BEYOND_ASCII = bytes(range(128, 256))
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1a\x1b"))


def detect_encoding(name: str, sample: bytes) -> str:
    """Return the encoding of a text file: by its mark, else UTF-8 if that fits, else the likeliest.

    Raises `BadFeed` for a file that is not text.
    """
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    if b"\x00" in sample:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        half = len(sample) / 2
        if odd > 0.4 * half and even < 0.1 * half:
            return "utf-16-le"
        if even > 0.4 * half and odd < 0.1 * half:
            return "utf-16-be"
        raise BadFeed(f"{name}: holds NUL bytes, so it is not a text file; expected CSV, TSV, JSON Lines or Parquet")
    if len(sample) - len(sample.translate(None, _CONTROL)) > BINARY_SHARE * len(sample):
        raise BadFeed(f"{name}: is not a text file; expected CSV, TSV, JSON Lines or Parquet")
    lines = [line for line in sample.splitlines() if not line.isascii()]
    if len(sample) >= LONGEST_GUESSED and len(lines) > 1:
        lines.pop()  # the sample may end within a character
    good = 0
    for line in lines:
        with suppress(UnicodeDecodeError):
            good += bool(line.decode())
    share = good / len(lines) if lines else 1.0
    return "utf-8" if share > MOSTLY_UTF8 else _guess(sample)


def encoding_stated(encoding: str) -> str:
    """Return the name of an encoding for a report, which says so if it was guessed."""
    return encoding if encoding.startswith("utf-") else f"{encoding} (guessed by its letters)"


def is_wide(encoding: str) -> bool:
    """Tell whether line ends are more than one byte, so that lines can't be found before decoding."""
    return encoding.startswith(("utf-16", "utf-32"))


class Utf8Stream:
    """A stream in a wide encoding, read as UTF-8. What can't be decoded stays invalid, to be found in its line."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")

    def read(self, size: int) -> bytes:
        """Return the next bytes, b"" at the end. Raises `UnicodeError` where the file ends within a character."""
        while data := self._stream.read(size):
            if text := self._decoder.decode(data):
                return text.encode(errors="surrogatepass")
        return self._decoder.decode(b"", final=True).encode(errors="surrogatepass")


def _guess(sample: bytes) -> str:
    """Return the likeliest encoding of a text that is not Unicode: by its letters for Latin script."""
    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())[:LONGEST_GUESSED]
    words = _WORD.findall(telling)
    beyond = sum(len(word) - len(word.translate(None, _BEYOND_ASCII)) for word in words)
    text = b"\n".join(words)
    likeness = {encoding: _latin_likeness(text, encoding) for encoding in _LATIN}
    likeliest = max(_LATIN, key=likeness.__getitem__)
    # Of two bytes of Japanese the second may be ASCII; read as Latin, hardly any of it is a letter of a language.
    if beyond <= MOSTLY_OTHER_SCRIPT * sum(map(len, words)) and likeness[likeliest] > LATIN_AT_LEAST:
        return likeliest
    from charset_normalizer import from_bytes

    best = from_bytes(telling, cp_isolation=_CANDIDATES).best()
    if best:
        return best.encoding
    for encoding in _OF_TWO_BYTES:
        with suppress(UnicodeDecodeError):
            telling.decode(encoding)
            return encoding
    return likeliest


def _latin_likeness(words: bytes, encoding: str) -> float:
    """Return how well the letters beyond ASCII are those of one language, from 0 to 1."""
    text = words.decode(encoding, "replace")
    counts = Counter(letter for letter in text.lower() if not letter.isascii())
    # A sign such as the degree's belongs to no language, but is not part of a word either.
    within = Counter(sign for sign in _IN_WORD.findall(text) if not sign.isalpha())
    total = sum(count for letter, count in counts.items() if letter.isalpha()) + sum(within.values())
    total += sum(count for mark, count in counts.items() if _NO_TEXT.match(mark))
    return max(
        sum(counts[letter] * (1 - place / len(letters) / 4) for place, letter in enumerate(letters)) / max(total, 1)
        for letters in _LETTERS.values()
    )
