"""What an import would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from recommender.catalogue.product_statements import KnownProduct, find_products
from recommender.catalogue.repository import patched_products
from recommender.catalogue.staged_product import StagedProduct, UpsertCounts
from recommender.database.engine import Database
from recommender.types import Product, ProductPatch


class DryRun:
    """Counts as the catalogue would, and writes nothing.

    With more than one of `feeds` it remembers what the earlier ones would have written: about 300 bytes a product.
    """

    def __init__(self, database: Database, hash_text: Callable[[Product], str], feeds: int = 1) -> None:
        self._database = database
        self._hash_text = hash_text
        self._remembers = feeds > 1
        self._written: dict[str, KnownProduct] = {}

    def upsert_staged(self, staged: Sequence[StagedProduct]) -> UpsertCounts:
        """Compare products with the catalogue, and with what came before them."""
        by_sku = {each.product.sku: each for each in staged}
        known = self._find(list(by_sku))
        created = by_sku.keys() - known.keys()
        changed = [sku for sku in by_sku if sku in known and not known[sku].is_current(by_sku[sku].content_hash)]
        texts = {sku: self._hash_text(by_sku[sku].product) for sku in changed}
        retexted = sum(known[sku].needs_encoding(texts[sku]) for sku in changed)
        if self._remembers:
            for sku in (*changed, *created):
                text = texts.get(sku) or self._hash_text(by_sku[sku].product)
                self._written[sku] = KnownProduct(0, by_sku[sku].content_hash, text, active=True, revision=0)
        return UpsertCounts(len(created), len(changed), len(by_sku) - len(created) - len(changed), retexted)

    def patch_counted(self, patches: Sequence[ProductPatch]) -> UpsertCounts:
        """Apply patches to the products of the catalogue, and count; each feed is compared with the catalogue alone."""
        with self._database.reading() as session:
            patched = patched_products(session, patches, lock=False)
        changed = [each for each in patched.values() if each.changed]
        hashes = [(each.before, each.kept_text_hash or self._hash_text(each.after.product)) for each in changed]
        retexted = sum(text != before.text_hash for before, text in hashes)
        unknown = [*dict.fromkeys(patch.sku for patch in patches if patch.sku not in patched)]
        counts = (len(changed), len(patched) - len(changed), retexted, len(unknown))
        return UpsertCounts(0, *counts, first_unknown=unknown[0] if unknown else "")

    def deactivate(self, skus: Sequence[str]) -> int:
        """Count those of the products that are active."""
        active = {sku: known for sku, known in self._find(skus).items() if known.active}
        if self._remembers:
            self._written |= {sku: replace(known, active=False) for sku, known in active.items()}
        return len(active)

    def _find(self, skus: Sequence[str]) -> dict[str, KnownProduct]:
        with self._database.reading() as session:
            stored = find_products(session, skus, lock=False)
        return stored | {sku: self._written[sku] for sku in skus if sku in self._written}
