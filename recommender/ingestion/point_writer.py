"""Brings the points of a generation in line with products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from recommender.catalogue.repository import StoredProduct
from recommender.index.payload import IDENTIFIERS, POPULARITY_ATTRIBUTE, product_payload
from recommender.index.protocol import Point, point_id
from recommender.ingestion.change_plan import ChangePlan, WriteCounts, plan_changes
from recommender.ingestion.encoding import TextVectors, Vector
from recommender.ingestion.targets import Target
from recommender.types import JsonObject, Product


class PointWriter:
    """Writes products into a target. `text` makes the text that is encoded; `titled` says whether titles count more.

    `popularity_attribute` names the attribute of a product that says how popular it is.
    """

    def __init__(
        self,
        text: Callable[[Product], str],
        popularity_attribute: str = POPULARITY_ATTRIBUTE,
        titled: bool = True,
    ) -> None:
        self._text = text
        self._titled = titled
        self._popularity_attribute = popularity_attribute

    def write(self, target: Target, products: Sequence[StoredProduct], gone: Sequence[str] = ()) -> WriteCounts:
        """Make the points of `products` current and remove those of the SKUs in `gone`; durable on return.

        A product that is no longer active is removed too. Writing the same state twice changes nothing.
        """
        plan = self.plan(target, products, gone)
        counts = self.apply(plan, TextVectors().encode(target.encoder, plan.texts))
        target.index.flush()
        return counts

    def plan(self, target: Target, products: Sequence[StoredProduct], gone: Sequence[str] = ()) -> ChangePlan:
        """Compare products with their points and plan what must be done; the index is only read."""
        return plan_changes(target, products, gone, self._text, self.payload)

    def apply(self, plan: ChangePlan, vectors: Mapping[str, Vector]) -> WriteCounts:
        """Do what was planned, with the vectors of its texts; durable when the index is flushed."""
        index = plan.target.index
        if plan.deletions:
            index.delete([point_id(sku) for sku in plan.deletions])
        if plan.payloads:
            known = {update.id: update.known for update in plan.payloads}
            index.overwrite_payloads([(update.id, update.payload) for update in plan.payloads], known)
        if plan.vectors:
            lexical = plan.target.lexical()
            index.upsert(
                [
                    Point(
                        update.id,
                        vectors[update.text],
                        lexical.document(
                            update.text,
                            str(update.payload["title"]) if self._titled else "",
                            update.payload[IDENTIFIERS],
                        ),
                        update.payload,
                    )
                    for update in plan.vectors
                ]
            )
        return plan.counts

    def payload(self, stored: StoredProduct) -> JsonObject:
        """Return the payload of a product's point, with the revision that it shows."""
        payload = product_payload(stored.product, stored.text_hash, stored.created_at, self._popularity_attribute)
        return payload | {"revision": stored.revision}
