"""Product to text: one pure function for training and serving, so that a model serves what it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from recommender.plain_text import clean
from recommender.types import Product


@dataclass(frozen=True, slots=True)
class ProductText:
    """Turns a product into the text that is embedded: title, brand, description and the chosen attributes.

    The category is left out: a model must learn it from the product, and no metric may read its answer from the text.
    """

    attributes: tuple[str, ...] = ()

    def __call__(self, product: Product) -> str:
        """Return the text: parts joined by `. `, empty ones left out."""
        parts = [title_text(product), clean(product.brand), description_text(product)]
        parts += [f"{name}: {value}" for name in self.attributes if (value := clean(product.attributes.get(name, "")))]
        return ". ".join(part for part in parts if part)

    def hash(self, product: Product) -> str:
        """Return 32 hex digits that change if, and only if, the text or a number of the product does."""
        numbers = f"\0{product.gtin}\0{product.mpn}" if product.gtin or product.mpn else ""
        text = self(product) + numbers
        return blake2b(text.encode(), digest_size=16).hexdigest()


def title_text(product: Product) -> str:
    """Return the product's title, cleaned."""
    return clean(product.title)


def description_text(product: Product) -> str:
    """Return the product's description, cleaned."""
    return clean(product.description)
