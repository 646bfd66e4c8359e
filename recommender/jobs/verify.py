"""Compares the live generation with the catalogue: what differs, and what only encoding again can repair."""

from __future__ import annotations

from collections.abc import Sequence

from recommender.application.composition import Application
from recommender.catalogue.product_statements import ProductStates
from recommender.catalogue.repository import StoredProduct
from recommender.embedding.encoder import Vectors
from recommender.index.protocol import point_id
from recommender.ingestion.verification import Verification, verify
from recommender.types import Progress, silent

SAMPLE = 1000
"""Products that a deep check encodes again: it takes seconds on two cores, and covers all products of a small shop."""


def verify_live(application: Application, progress: Progress = silent, deep: bool = False) -> Verification:
    """Compare the live generation with the catalogue; `deep` also encodes a sample again, and compares vectors.

    Raises `NoLiveModel`, and `Unavailable` when a vector must be made again and the model can't run.
    """
    live = application.generations.require_live()

    def encode(products: Sequence[StoredProduct]) -> Vectors:
        return application.encoder_of(live).encode([application.text(stored.product) for stored in products])

    states = ProductStates(application.database)
    return verify(application.index(live), application.catalogue, states, progress, encode, SAMPLE if deep else 0)


def remove_damaged(application: Application, found: Verification) -> None:
    """Remove the points whose vector is not that of their text. They are then missing, and the queue makes them again.

    A worker would take them for current, and leave them as they are. What belongs to no product is removed for good.
    """
    if found.damaged or found.foreign:
        index = application.index(application.generations.require_live())
        index.delete([point_id(sku) for sku in found.damaged])
        if found.foreign:
            index.foreign(remove=True)
        index.flush()
