"""Texts as shops write them, with markup, entities and broken encodings, as plain text."""

from __future__ import annotations

import html
import re
import unicodedata

_INLINE_TAGS = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "mark", "q", "s"}
    | {"small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr"}
)
"""Tags that may stand inside a word; every other tag separates words."""

# Each alternative ends at the next "<" or ">" or, once opened, at the end of the text, so that no feed can make the
# scan quadratic.
_UNSHOWN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)(?:\s[^<>]*)?>.*?(?:</\1\s*>|\Z)|<[!?][a-z][^<>]*>", re.DOTALL | re.IGNORECASE
)
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:-]*)(?:[\s/][^<>]*)?>")
_NESTED_AMPERSAND = re.compile(r"&(?:(?:amp|AMP|#0*38|#[xX]0*26);)+")
_NO_CHARACTER = re.compile(r"&#(?:[0-9]{9,}|[xX][0-9a-fA-F]{9,});?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(r"[\u00ad\u200b\u2060\ufeff\ud800-\udfff]")
"""Soft hyphens, zero-width characters and lone surrogates: invisible, but they split words for a tokenizer."""

_MOJIBAKE = re.compile(
    "[\u00c2-\u00f4][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2044\u20ac\u2122]"
    "|[\u0102\u0103\u0139\u013a\u0414][\u0080-\u00bf\u0100-\u017f\u2013-\u20ac]|(?:[\u0420\u0421][^ ]){3}|\u221a[^ ]"
)
"""What UTF-8 looks like in the code pages of Windows and of the Macintosh."""

_LEADS = "ÂÃâãåæÄÅĂĹÐÑÎÏרÙРС√"
"""Marks that such a text has and most others do not have: far quicker to look for."""

_MAX_PASSES = 6
"""Most passes of decoding: feeds escape once or twice; a text that still changes after these loses "<" and "&"."""


def clean(text: str) -> str:
    """Return plain text: tags dropped, entities decoded, invisible characters removed, single spaces, Unicode NFC.

    Text that was escaped several times is decoded completely, so cleaning it again changes nothing.
    """
    if is_plain(text):
        return " ".join(text.split())
    for _ in range(_MAX_PASSES):
        text = _normalise(text)
        if "<" not in text and "&" not in text:
            return text
        plain = _normalise(_strip_markup(text))
        if plain == text:
            return text
        text = plain
    return _normalise(text.replace("<", " ").replace("&", " "))


def is_plain(text: str) -> bool:
    """Tell whether a text has nothing to clean but white space: nearly all of a catalogue, and cheap to see."""
    if "<" in text or "&" in text or not text.isprintable():
        return False
    return text.isascii() or unicodedata.is_normalized("NFC", text)


def clean_lines(text: str) -> str:
    """Return plain text as `clean` does, but with a line for each block of the markup, and for each other line."""
    if is_plain(text):
        return text.strip()
    if "<" not in text and "&" not in text:
        return "\n".join(map(_normalise, text.splitlines())).strip()
    for _ in range(_MAX_PASSES):
        if "<" not in text and "&" not in text:
            break
        plain = _strip_markup(text, between_blocks="\n")
        if plain == text:
            break
        text = plain
    return "\n".join(filter(None, map(_normalise, text.splitlines())))


def repair(text: str) -> str:
    """Return a text whose UTF-8 was read in another encoding as it was meant: `CafÃ©` as `Café`.

    Only what can be nothing else is changed: ftfy weighs each candidate.
    """
    if text.isascii() or not any(lead in text for lead in _LEADS) or not _MOJIBAKE.search(text):
        return text
    import ftfy  # 0.1 s, for the few feeds that need it

    return ftfy.fix_encoding(text)


def _normalise(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    return " ".join(_CONTROL.sub(" ", text).split())


def _strip_markup(text: str, between_blocks: str = " ") -> str:
    if "<" in text:
        text = _TAG.sub(
            lambda tag: "" if tag[1].lower() in _INLINE_TAGS else between_blocks,
            _CDATA.sub(" ", _UNSHOWN.sub(" ", text)),
        )
    return unescape(_NESTED_AMPERSAND.sub("&", text))


def unescape(text: str) -> str:
    """Decode entities. A number that no character has is dropped: Python refuses to read one of 4,300 digits."""
    return html.unescape(_NO_CHARACTER.sub(" ", text)) if "&" in text else text
