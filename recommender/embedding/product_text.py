"""Product to text: one pure function for training and serving, so that a model serves the texts it was trained on."""

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
"""Soft hyphens, zero-width characters and lone surrogates: invisible, but they split words for a tokenizer."""

_MAX_PASSES = 6
"""Feeds escape once or twice; text that still changes after this many passes is no feed's, and loses "<" and "&"."""


@dataclass(frozen=True, slots=True)
class ProductText:
    """Turns a product into the text that is embedded: title, brand, description and the chosen attributes.

    The category is left out: a model must learn it from the product, and no metric may read its answer from the text.
    """

    attributes: tuple[str, ...] = ()
    language: str = ""
    """Of the BM25 words. They depend on it as they do on the text, so it is part of the hash."""

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

    Text that was escaped several times is decoded completely, so cleaning it again changes nothing.
    """
    for _ in range(_MAX_PASSES):
        text = _normalise(text)
        if "<" not in text and "&" not in text:
            return text
        plain = _normalise(_strip_markup(text))
        if plain == text:
            return text
        text = plain
    return _normalise(text.replace("<", " ").replace("&", " "))


def _normalise(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    return " ".join(_CONTROL.sub(" ", text).split())


def _strip_markup(text: str) -> str:
    if "<" in text:
        text = _TAG.sub(
            lambda tag: "" if tag[1].lower() in _INLINE_TAGS else " ", _CDATA.sub(" ", _UNSHOWN.sub(" ", text))
        )
    return html.unescape(_NESTED_AMPERSAND.sub("&", text))
