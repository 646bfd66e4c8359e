"""Generations that are made, continued and given up, also by two processes at once."""

from __future__ import annotations

from recommender.application.composition import Application
from recommender.index.generation import Generation, GenerationState
from recommender.index.protocol import VectorIndex
from recommender.jobs.ingest import drain
from recommender.jobs.rebuild import ensure_live
from recommender.settings import Settings
from recommender.types import Product


def _ingest_elsewhere(settings: Settings) -> None:
    """Be another process, which makes the first generation and indexes a product."""
    with Application(settings) as other:
        other.catalogue.upsert([Product("lamp", "Red lamp")])
        assert drain(other)


def test_a_generation_that_went_live_while_the_base_model_was_prepared_is_used(settings: Settings) -> None:
    with Application(settings) as application:

        def progress(stage: str, done: int, total: int | None, note: str = "") -> None:
            if not done:
                _ingest_elsewhere(settings)

        live = ensure_live(application, progress)
        assert application.index(live).count() == 1
        assert [generation.live for generation in application.generations.list()] == [True]


def test_an_empty_generation_gives_way_to_one_that_went_live_while_it_was_made(settings: Settings) -> None:
    class Late(Application):
        def create_index(self, generation: Generation) -> VectorIndex:
            _ingest_elsewhere(settings)
            return super().create_index(generation)

    with Late(settings) as application:
        live = ensure_live(application)
        assert application.index(live).count() == 1
        states = [(generation.state, generation.live) for generation in application.generations.list()]
        assert states == [(GenerationState.RETIRED, False), (GenerationState.READY, True)]
        assert application.engine.names() == [live.name]
