"""The hash by which a feed's row is found unchanged."""

from __future__ import annotations

import json
from decimal import Decimal
from hashlib import blake2b

from recommender.types import PRICE_SCALE, Product


def content_hash(product: Product) -> str:
    """Return 32 hex digits over every field of a product.

    Prices that the catalogue stores alike hash alike, and so do attributes in another order.
    """
    fields = [
        product.sku,
        product.title,
        product.description,
        product.brand,
        product.category,
        _stored_price(product.price),
        product.currency,
        product.availability,
        product.url,
        product.image,
        product.group_id,
        sorted(product.attributes.items()),
    ]
    return blake2b(json.dumps(fields).encode(), digest_size=16).hexdigest()


def _stored_price(price: Decimal | None) -> int | None:
    return None if price is None else int(price.scaleb(PRICE_SCALE).to_integral_value())
