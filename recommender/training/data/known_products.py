"""The catalogue as external data sees it: which SKUs may be trained on, and which texts must not be."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from recommender.training.catalogue_sets import TextFunctions
from recommender.training.splits import Split, product_families
from recommender.types import Product


class KnownProducts:
    """The products of a catalogue by the split: those to train on, and all others, which are held out."""

    def __init__(self, products: Sequence[Product], split: Split, texts: TextFunctions) -> None:
        self._products = products
        self._text = texts.text
        self._train = frozenset(split.train)
        self._index = {product.sku: index for index, product in enumerate(products)}
        self._families = product_families(products)
        shown: dict[bool, set[str]] = {True: set(), False: set()}
        for index, product in enumerate(products):
            own = (texts.text(product), texts.title(product), texts.description(product))
            shown[index in self._train].update(map(_plain, own))
        # Texts that products of both sides share, as descriptions are, are trained on anyway.
        self._held_out_texts = frozenset(shown[False] - shown[True] - {""})

    def find(self, sku: str) -> int | None:
        """Return the index of a product by its SKU; None when the catalogue does not have it."""
        return self._index.get(sku)

    def is_held_out(self, index: int) -> bool:
        """Tell whether a product is kept for measuring, or of a family that is."""
        return index not in self._train

    def text(self, index: int) -> str:
        """Return the text that is embedded for a product."""
        return self._text(self._products[index])

    def family(self, index: int) -> Hashable:
        """Return the key that a product shares with its variants and with near-identical titles."""
        return "family", self._families[index]

    def leaf(self, index: int) -> tuple[Hashable, ...]:
        """Return the key that a product shares with those of its category; none for a product without one."""
        category = self._products[index].category
        return (("leaf", category),) if category else ()

    def shows_held_out(self, texts: Sequence[str]) -> bool:
        """Tell whether one of the texts is a text of a held-out product, whatever its case and white space."""
        return any(_plain(text) in self._held_out_texts for text in texts)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
