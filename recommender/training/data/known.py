"""The catalogue as external data sees it: which SKUs may be trained on, and which texts must not be."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property

from recommender.training.families import product_families
from recommender.training.splits import Split
from recommender.training.texts import TextFunctions
from recommender.types import Product


class KnownProducts:
    """The products of a catalogue, told apart by the split: those to train on, and all others, which are held out."""

    def __init__(self, products: Sequence[Product], split: Split, texts: TextFunctions) -> None:
        self._products = products
        self._texts = texts
        self._train = frozenset(split.train)
        self._index = {product.sku: index for index, product in enumerate(products)}

    def find(self, sku: str) -> int | None:
        """Return the index of a product by its SKU; None when the catalogue does not have it."""
        return self._index.get(sku)

    def is_held_out(self, index: int) -> bool:
        """Tell whether a product is kept for measuring, or of a family that is."""
        return index not in self._train

    def text(self, index: int) -> str:
        """Return the text that is embedded for a product."""
        return self._texts.text(self._products[index])

    def family(self, index: int) -> Hashable:
        """Return the key that a product shares with its variants and with near-identical titles."""
        return "family", self._families[index]

    def leaf(self, index: int) -> tuple[Hashable, ...]:
        """Return the key that a product shares with those of its category; none for a product without one."""
        category = self._products[index].category
        return (("leaf", category),) if category else ()

    def shows_held_out(self, texts: Sequence[str]) -> bool:
        """Tell whether one of the texts is what a held-out product is measured by, but for case and white space."""
        return any(_plain(text) in self._held_texts for text in texts)

    @cached_property
    def _families(self) -> list[str]:
        return product_families(self._products)

    @cached_property
    def _held_texts(self) -> frozenset[str]:
        trained: set[str] = set()
        held: set[str] = set()
        for index, product in enumerate(self._products):
            shown = (self._texts.text(product), self._texts.title(product), self._texts.description(product))
            (held if self.is_held_out(index) else trained).update(map(_plain, shown))
        # What products of both sides say alike, as descriptions do, is trained on anyway.
        return frozenset(held - trained - {""})


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
