"""Generations that are made, continued and given up, also by two processes at once."""

from __future__ import annotations

from contextlib import closing

import pytest
from qdrant_client import QdrantClient

from recommender.application.composition import Application
from recommender.catalogue.loss_guard import FEW
from recommender.errors import Unavailable
from recommender.index.generation import Generation, GenerationState
from recommender.index.protocol import VectorIndex
from recommender.index.server.engine import ServerEngine
from recommender.jobs.ingest import drain
from recommender.jobs.rebuild import ensure_live, rebuild
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


@pytest.mark.parametrize(("prefix", "products"), [("", 21), ("shop", 20), ("shop", 21)])
def test_a_live_generation_that_is_gone_is_made_anew_aloud_unless_a_server_may_still_have_much_of_it(
    settings: Settings, prefix: str, products: int
) -> None:
    said: list[str] = []

    def progress(stage: str, done: int, total: int | None, note: str = "") -> None:
        said.append(note)

    if prefix:
        settings = settings.model_copy(update={"qdrant_url": "http://shared:6333"})
    with closing(QdrantClient(":memory:")) as client, Application(settings) as application:
        if prefix:
            application.engine = ServerEngine(client, prefix)
        application.catalogue.upsert([Product(f"lamp-{number}", "Red lamp") for number in range(products)])
        assert drain(application)
        lost = application.generations.require_live()
        application.release_indexes()
        if prefix:
            application.engine = ServerEngine(client, "other")
        else:
            application.engine.drop(lost.name)
        if prefix and products > FEW:
            with pytest.raises(Unavailable, match=f"collection 'other_{lost.name}'.*rebuild.*all 21 products.*PREFIX"):
                ensure_live(application, progress)
            assert application.generations.require_live() == lost
            live = rebuild(application, progress)  # what it says to do
            assert any(f"not compared with {lost.name}" in note for note in said)
        else:
            live = ensure_live(application, progress)
            assert f"the live generation {lost.name} is gone; building all {products} products again" in said
        assert application.index(live).count() == products
        # There is nothing to go back to, and nothing that misses every change.
        assert [one.name for one in application.generations.followers()] == [live.name]
