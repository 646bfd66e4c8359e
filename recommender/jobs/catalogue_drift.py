"""How much of the catalogue has changed since a model was last trained on it: what a nightly run asks first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from recommender.application.composition import Application
from recommender.models.catalogue_snapshot import CatalogueChange, Rows, change_since, read_snapshot, snapshot_of
from recommender.types import Product, category_path


@dataclass(frozen=True, slots=True)
class CatalogueDrift:
    """How the catalogue differs from what `model` was trained on; `model` is empty where none was trained yet."""

    model: str
    change: CatalogueChange

    def reaches(self, share: float) -> bool:
        """Return whether so large a share of the products changed that training again is worth it."""
        return self.change.share >= share


def drift_since_training(application: Application) -> CatalogueDrift:
    """Compare the catalogue, text and category of each product, with what the newest tuned model was trained on.

    The newest model, live or not: one that the gate refused yesterday would be refused today, on the same products.
    Everything has changed where no model was trained yet, or the newest has no snapshot, as when it was imported.
    """
    now = catalogue_snapshot(application, (stored.product for stored in application.catalogue.products()))
    for model in reversed(application.registry.list()):
        if application.registry.manifest(model.name).kind == "tuned":
            return CatalogueDrift(model.name, change_since(read_snapshot(model.folder), now))
    return CatalogueDrift("", change_since(None, now))


def catalogue_snapshot(application: Application, products: Iterable[Product]) -> Rows:
    """Return the snapshot of products that a model folder keeps when a model is trained on them."""
    return snapshot_of(
        (product.sku, f"{application.text(product)}\0{category_path(product.category)}") for product in products
    )
