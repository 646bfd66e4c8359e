"""Telling the encoding of a text from its beginning."""

from __future__ import annotations

import codecs
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
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
    "cp932", "gb18030", "big5", "euc_jp", "euc_kr", "koi8_r",
]  # fmt: skip
"""Encodings that shops export, beside the Unicode ones; the many others only make short samples ambiguous."""

LONGEST_GUESSED = 1 << 16
"""Bytes that are weighed to guess an encoding: 64 KiB hold enough words of any language."""

MOSTLY_UTF8 = 0.5
"""Share of the lines with non-ASCII bytes that must be UTF-8 for the others to count as damaged."""

BINARY_SHARE = 0.02
"""Share of control characters above which a file is no text."""

_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1a\x1b"))


def detect_encoding(name: str, sample: bytes) -> str:
    """Return the encoding of a text file: by its mark, else UTF-8 if that fits, else the likeliest.

    Raises `BadFeed` for what is no text.
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
    return "utf-8" if _utf8_share(sample) > MOSTLY_UTF8 else _guess(sample)


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


def _utf8_share(sample: bytes) -> float:
    lines = [line for line in sample.splitlines() if not line.isascii()]
    if len(sample) >= LONGEST_GUESSED and len(lines) > 1:
        lines.pop()  # the sample may end within a character
    return sum(map(_is_utf8, lines)) / len(lines) if lines else 1.0


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    matches = from_bytes(sample[:LONGEST_GUESSED], cp_isolation=_CANDIDATES)
    best = matches.best()
    if best is None:
        return "cp1252"
    # Western European text is as plausible in the neighbouring code pages; of these the usual one is meant.
    return "cp1252" if "cp1252" in {best.encoding, *best.could_be_from_charset} else best.encoding
