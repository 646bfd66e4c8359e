"""What an installation holds and does, as an operator asks for it."""

from __future__ import annotations

from recommender.application.composition import Application
from recommender.query import Status


def status_of(application: Application) -> Status:
    """Count products, categories and the queue, and name the live pair and the models that answer."""
    depth, live = application.outbox.depth(), application.generations.live()
    return Status(
        products=application.catalogue.count(),
        categories=len(application.catalogue.category_sizes()),
        model=live.model_name if live else None,
        generation=live.name if live else None,
        models=tuple(application.live_models.names()),
        waiting=depth.waiting,
        leased=depth.leased,
        parked=depth.parked,
        oldest_s=depth.oldest_seconds if depth.waiting + depth.leased else None,
        engine="qdrant" if application.settings.qdrant_url else "embedded",
    )
