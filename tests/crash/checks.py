"""What must hold whenever a process was killed, once the next one has drained."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from crash.ledger import State, held_by

from recommender.application.composition import Application
from recommender.backup.archive import CATALOGUE, unpack
from recommender.catalogue.import_runs import RUNNING, last_run
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.database.migrate import upgrade
from recommender.database.transfer import sqlite_file
from recommender.index.generation import Generation, GenerationState
from recommender.ingestion.verification import verify
from recommender.models.fingerprint import fingerprint

COMPARED = 30
"""Vectors that are made again and compared, of one kill."""


def check(application: Application, state: State) -> None:
    """Check everything but the catalogue itself, which holds `state`."""
    _queue_is_empty(application)
    _models_are_whole(application)
    live = _one_is_live(application)
    _index_holds_the_catalogue(application, live, state)
    _vectors_are_of_its_model(application, live)
    _kept_one_lacks_only_what_is_noted(application)
    _similar_answers(application, state)
    run = last_run(application.database)
    assert run is None or run.status != RUNNING, run


def _queue_is_empty(application: Application) -> None:
    depth = application.outbox.depth()
    assert (depth.waiting, depth.leased, depth.parked) == (0, 0, 0), depth


def _models_are_whole(application: Application) -> None:
    for model in application.registry.list():
        assert fingerprint(model.folder) == model.fingerprint, model


def _one_is_live(application: Application) -> Generation:
    (live,) = [one for one in application.generations.list() if one.live]
    assert live.state is GenerationState.READY, live
    assert live.name in application.engine.names(), live
    assert live.fingerprint == application.registry.by_id(live.model_id).fingerprint, live
    return live


def _index_holds_the_catalogue(application: Application, live: Generation, state: State) -> None:
    index = application.index(live)
    assert len(list((application.settings.index_dir / live.name).glob("shard-*"))) <= 1
    found = verify(index, application.catalogue)
    assert found.clean, found
    points = {str(point.payload["sku"]): point.payload for point in index.scroll()}
    assert len(points) == index.count()
    wanted = {sku: product for sku, (product, active) in state.items() if active}
    assert points.keys() == wanted.keys()
    for sku, product in wanted.items():
        assert (points[sku]["title"], points[sku]["price"]) == (product.title, float(product.price or 0)), sku


def _vectors_are_of_its_model(application: Application, live: Generation) -> None:
    points = sorted(application.index(live).scroll(with_vectors=True), key=lambda point: point.id)[:COMPARED]
    stored = application.catalogue.get_many([str(point.payload["sku"]) for point in points])
    texts = [application.text(stored[str(point.payload["sku"])].product) for point in points]
    expected = application.encoder_of(live).encode(texts)
    assert np.allclose(np.stack([point.dense for point in points if point.dense is not None]), expected, atol=1e-4)


def _kept_one_lacks_only_what_is_noted(application: Application) -> None:
    previous = application.generations.previous()
    if previous is None:
        return
    assert previous.state is GenerationState.READY, previous
    assert previous.name in application.engine.names(), previous
    noted = application.generations.missing_skus(previous)
    assert noted.issuperset(verify(application.index(previous), application.catalogue).differing)


def _similar_answers(application: Application, state: State) -> None:
    active = [sku for sku, (_, is_active) in state.items() if is_active]
    hits = application.queries().similar(active[0], k=5)
    assert len(hits) == 5
    assert all(state[hit.sku][1] for hit in hits), hits


def check_tidy(application: Application) -> None:
    """Check that no generation is left over: for the moment after a promotion that nothing has disturbed."""
    listed = application.generations.list()
    used = {one.name for one in listed if one.state is not GenerationState.RETIRED}
    assert used.issuperset(application.engine.names()), (listed, application.engine.names())
    assert sum(one.state is GenerationState.READY for one in listed) == 2, listed


def backed_up(file: Path) -> State:
    """Return what the catalogue of a backup holds. Raises for one that is not whole."""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        unpack(file, Path(folder))
        with Database(sqlite_file(Path(folder) / CATALOGUE)) as copy:
            upgrade(copy)
            return held_by(Catalogue(copy, lambda product: product.sku))
