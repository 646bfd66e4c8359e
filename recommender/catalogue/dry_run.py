"""What an import would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from recommender.catalogue.product_statements import Known, known_products
from recommender.catalogue.staged_product import Offer, UpsertCounts
from recommender.database.engine import Database
from recommender.types import Product


class Rehearsal:
    """Counts as the catalogue would, and writes nothing.

    `feeds`: with more than one, what the earlier would have written is remembered, some 300 bytes a product.
    """

    def __init__(self, database: Database, hash_text: Callable[[Product], str], feeds: int = 1) -> None:
        self._database = database
        self._hash_text = hash_text
        self._remembers = feeds > 1
        self._written: dict[str, Known] = {}

    def upsert_offers(self, offers: Sequence[Offer]) -> UpsertCounts:
        """Compare products with the catalogue, and with what was offered before."""
        offered = {offer.product.sku: offer for offer in offers}
        known = self._known(list(offered))
        changed = [sku for sku in offered if sku in known and not known[sku].is_current(offered[sku].content)]
        created = len(offered.keys() - known.keys())
        texts = {sku: self._hash_text(offered[sku].product) for sku in changed}
        retexted = sum(known[sku].needs_text(texts[sku]) for sku in changed)
        if self._remembers:
            self._remember([offered[sku] for sku in (*changed, *(offered.keys() - known.keys()))], texts)
        return UpsertCounts(created, len(changed), len(offered) - created - len(changed), retexted)

    def deactivate(self, skus: Sequence[str]) -> int:
        """Count those of the products that are active."""
        gone = {sku: known for sku, known in self._known(skus).items() if known.active}
        if self._remembers:
            self._written |= {sku: replace(known, active=False) for sku, known in gone.items()}
        return len(gone)

    def _known(self, skus: Sequence[str]) -> dict[str, Known]:
        with self._database.reading() as session:
            stored = known_products(session, skus, lock=False)
        return stored | {sku: self._written[sku] for sku in skus if sku in self._written}

    def _remember(self, offers: Sequence[Offer], texts: dict[str, str]) -> None:
        for offer in offers:
            sku = offer.product.sku
            text = texts.get(sku) or self._hash_text(offer.product)
            self._written[sku] = Known(0, offer.content, text, active=True, revision=0)
