"""Product to text: one pure function for training and for serving, so that a model meets what it was trained on."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from hashlib import blake2b

from recommender.types import Product

_INLINE_TAGS = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "mark", "q", "s"}
    | {"small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr"}
)
"""Tags that may stand inside a word; every other tag separates words."""

# Each alternative ends at the next "<" or ">" or, once opened, at the end of the text, so that no feed can make
# the scan quadratic.
_UNSHOWN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)(?:\s[^<>]*)?>.*?(?:</\1\s*>|\Z)|<[!?][a-z][^<>]*>", re.DOTALL | re.IGNORECASE
)
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:-]*)(?:[\s/][^<>]*)?>")
_NESTED_AMPERSAND = re.compile(r"&(?:(?:amp|AMP|#0*38|#[xX]0*26);)+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(r"[\u00ad\u200b\u2060\ufeff\ud800-\udfff]")
"""Soft hyphens, zero-width characters, lone surrogates: they split words for a tokenizer, and no reader sees them."""

_MAX_PASSES = 6
"""Feeds escape once or twice; what still changes after this many passes is made up, and loses its "<" and "&"."""


@dataclass(frozen=True, slots=True)
class ProductText:
    """Turns a product into the text that is embedded: title, brand, description and the chosen attributes.

    The category is left out: a model must learn it from the product, and no metric may read its answer from the text.
    """

    attributes: tuple[str, ...] = ()
    language: str = ""
    """Of the lexical part: it decides a point's words as the text does, so it is part of the hash."""

    def __call__(self, product: Product) -> str:
        """Return the text: parts joined by `. `, empty ones left out."""
        parts = [title_text(product), clean(product.brand), description_text(product)]
        parts += [f"{name}: {value}" for name in self.attributes if (value := clean(product.attributes.get(name, "")))]
        return ". ".join(part for part in parts if part)

    def hash(self, product: Product) -> str:
        """Return 32 hex digits that change when, and only when, the text or the language does."""
        return blake2b(self(product).encode(), digest_size=16, key=self.language.encode()[:64]).hexdigest()


def title_text(product: Product) -> str:
    """Return the product's title, cleaned."""
    return clean(product.title)


def description_text(product: Product) -> str:
    """Return the product's description, cleaned."""
    return clean(product.description)


def clean(text: str) -> str:
    """Return plain text: tags dropped, entities decoded, invisible characters removed, single spaces, Unicode NFC.

    Doubly escaped text is decoded to the bottom, so that cleaning twice is cleaning once.
    """
    for _ in range(_MAX_PASSES):
        text = _normalised(text)
        if "<" not in text and "&" not in text:
            return text
        plain = _normalised(_without_markup(text))
        if plain == text:
            return text
        text = plain
    return _normalised(text.replace("<", " ").replace("&", " "))


def _normalised(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    return " ".join(_CONTROL.sub(" ", text).split())


def _without_markup(text: str) -> str:
    if "<" in text:
        text = _TAG.sub(_separator, _CDATA.sub(" ", _UNSHOWN.sub(" ", text)))
    return html.unescape(_NESTED_AMPERSAND.sub("&", text))


def _separator(tag: re.Match[str]) -> str:
    return "" if tag[1].lower() in _INLINE_TAGS else " "
