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

_EXTENDED = ["gb18030", "cp949", "cp950"]
"""Encodings to choose from when only GB 18030, which admits nearly everything, seems to fit: Windows has more Korean
and Taiwanese characters than the standards."""

_OF_TWO_BYTES = ("cp932", "euc_jp", "cp949", "gb18030")
"""Encodings that a short text is tried in, the strictest first."""

_SUPERSETS = {
    "iso8859_1": "cp1252", "iso8859_9": "cp1254", "shift_jis": "cp932", "euc_kr": "cp949", "gb2312": "gb18030",
    "gbk": "gb18030", "big5": "cp950", "iso8859_11": "cp874", "tis_620": "cp874",
}  # fmt: skip
"""What programs write under the name of a standard, as browsers read it (https://encoding.spec.whatwg.org)."""

_SIGNS = frozenset("£€©®™°±²³½¼¾×µ•…–—‘’“”«»´·¡¿ªº§Ø÷¢¥\xa0")
"""What texts in languages without letters beyond ASCII have beyond it, as cp1252 reads it."""

_WESTERN = {
    "de": "üäöß",
    "fr": "éèàêçùôâîûëïœ",
    "es": "óíáéñúü",
    "ca": "óàéèíçòúïü",
    "pt": "ãçáéóíêõúâôàü",
    "it": "àèùòéì",
    "nl": "ëéïöüè",
    "sv": "äåöé",
    "da": "åøæé",
    "is": "íáðéöþúóýæ",
}
_CENTRAL = {
    "pl": "łąóężśćńź",
    "cs": "íáéěýžřčšůúďťňó",
    "sk": "áíéčýžšľúťôňäďóĺŕ",
    "hu": "áéöóőüíúű",
    "ro": "ăîţâşșț",
    "hr": "čšžćđ",
    "de": _WESTERN["de"],
}
_TURKISH = {"tr": "ıüşöçğiâ\u0307"}
_BALTIC = {
    "et": "äõüöšž",
    "lt": "ėšžįųąčūę",
    "lv": "āīēšūņļčžķģ",
}
"""The letters beyond ASCII of the languages that are written in Latin script, the most frequent first."""

_LATIN = {
    "cp1252": (_WESTERN, 1.0),
    "cp1250": (_CENTRAL, 1.0),
    "iso8859_2": (_CENTRAL, 1.0),
    "cp1254": (_TURKISH, 1.0),
    "cp1257": (_BALTIC, 0.9),
    "iso8859_15": (_WESTERN, 1.0),
    "mac_roman": (_WESTERN, 0.9),
    "cp850": (_WESTERN, 0.9),
    "cp852": (_CENTRAL, 0.9),
}
"""Encodings of Latin script, the languages that are written in each, and what their likeness counts for: an encoding
that few programs write must be clearly likelier. Of equally plausible ones the first is taken."""

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

_WHOLE = re.compile(rb".*[\x00-\x2f]", re.DOTALL)
"""A text up to the last byte that is never part of a character of several."""

_IN_WORD = re.compile(
    r"(?<=[^\W\d_])(?:(?![^\W\d_])[^\x00-\x7f\u2018\u2019\xb7]|(?<!m)[¹³¼¾])+(?=[^\W\d_])|[©®](?=[a-z])"
)
"""Signs between letters, but for apostrophes, the point of Catalan and `m³h`; and two that stand before no small
letter. Superscripts and fractions are letters of Poland (`Myd³o`) and Slovakia."""

_BESIDE_WORD = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f]|[^\x00-\x7f](?=[^\W\d_])")
_NO_TEXT = re.compile(r"[\x80-\x9f\u2500-\u259f\ufffd\u2020\u2021\u02c6\u02dc\u25ca\u2206\xa4]")
"""Control characters, the boxes of DOS's code pages, what can't be decoded, and signs that no shop uses."""

_BEYOND_ASCII = bytes(range(128, 256))
_C1 = re.compile(r"[\x80-\x9f]")
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1a\x1b"))


def detect_encoding(name: str, sample: bytes, charset: str = "") -> str:
    """Return the encoding of a text file: by its mark, else UTF-8 if that fits, else `charset`, else the likeliest.

    `charset` is what a server states; it counts if the sample can be read so, without control characters.

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
    lines = [line for line in _shorten(sample, len(sample)).splitlines() if not line.isascii()]
    good = 0
    for line in lines:
        with suppress(UnicodeDecodeError):
            good += bool(line.decode())
    share = good / len(lines) if lines else 1.0
    if share > MOSTLY_UTF8:
        return "utf-8"
    telling = _shorten(b"\n".join(lines), LONGEST_GUESSED)
    if encoding := _encoding_of(charset):
        with suppress(UnicodeDecodeError):
            if not _C1.search(telling.decode(encoding)):
                return encoding
    return _guess(telling)


def encoding_stated(encoding: str, charset: str) -> str:
    """Return the name of an encoding for a report, which says whether a server stated it or it was guessed."""
    if encoding.startswith("utf-"):
        return encoding
    return f"{encoding} ({'stated by the server' if encoding == _encoding_of(charset) else 'guessed by its letters'})"


def _encoding_of(charset: str) -> str:
    """Return the encoding that a charset means, which may be one that has more characters; empty if none is known."""
    try:
        name = codecs.lookup(charset).name.replace("-", "_")
    except (LookupError, ValueError):
        return ""
    name = _SUPERSETS.get(name, name)
    return name if name in (*_LATIN, *_CANDIDATES, *_EXTENDED, "cp874") else ""


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


def _shorten(text: bytes, longest: int) -> bytes:
    """Return at most `longest` bytes of a text. A long one may end within a character, and ends before that."""
    text = text[:longest]
    whole = _WHOLE.match(text) if len(text) >= LONGEST_GUESSED else None
    return whole[0] if whole else text


def _guess(telling: bytes) -> str:
    """Return the likeliest encoding of lines that are not Unicode: by their letters for Latin script."""
    text = telling.decode("cp1252", "replace")
    signs = [sign for sign in text if not sign.isascii()]
    if _SIGNS.issuperset(signs) and 2 * sum(map(len, _IN_WORD.findall(text.replace("\xa0", " ")))) <= len(signs):
        return "cp1252"
    words = _WORD.findall(telling)
    # A letter alone, as in `sac à dos`, says nothing of the script.
    spelt = b"".join(word for word in words if len(word) > 1)
    beyond = len(spelt) - len(spelt.translate(None, _BEYOND_ASCII))
    likeness = {encoding: _latin_likeness(b"\n".join(words), encoding) for encoding in _LATIN}
    likeliest = max(_LATIN, key=likeness.__getitem__)
    # Of two bytes of Japanese the second may be ASCII; read as Latin, hardly any of it is a letter of a language.
    if beyond <= MOSTLY_OTHER_SCRIPT * len(spelt) and likeness[likeliest] > LATIN_AT_LEAST:
        return likeliest
    from charset_normalizer import from_bytes

    for candidates in (_CANDIDATES, _EXTENDED):
        best = from_bytes(telling, cp_isolation=candidates).best()
        if best and (best.encoding != "gb18030" or candidates is _EXTENDED):
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
    # A sign such as the degree's belongs to no language, and may stand beside a word, but not within it.
    misses = sum(map(len, _IN_WORD.findall(text)))
    misses += sum(not (sign.isalpha() or sign in _SIGNS) for sign in _BESIDE_WORD.findall(_IN_WORD.sub("", text)))
    total = misses + sum(count for letter, count in counts.items() if letter.isalpha() or _NO_TEXT.match(letter))
    languages, weight = _LATIN[encoding]
    return weight * max(
        sum(counts[letter] * (1 - place / len(letters) / 4) for place, letter in enumerate(letters)) / max(total, 1)
        for letters in languages.values()
    )
