"""One process that answers queries, takes in changes, builds graphs and follows switches, all at the same time."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.fake_encoder import WordEncoder
from support.patience import PATIENCE_S, wait_until

from recommender.application.composition import Application
from recommender.embedding.encoder import Encoder, Role, Vectors
from recommender.errors import IndexHeld, NoLiveModel, NotFound, Unavailable, public_message
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.generation import Generation
from recommender.index.generations import Generations
from recommender.index.leases import IndexPool
from recommender.index.protocol import IndexQuery, VectorEngine, point_id
from recommender.ingestion.loop import HELD
from recommender.ingestion.verification import verify
from recommender.jobs.background_worker import BackgroundWorker
from recommender.jobs.ingest import drain
from recommender.jobs.promote import promote, roll_back
from recommender.jobs.rebuild import rebuild, start_generation
from recommender.models.manifest import Manifest
from recommender.models.registry import RegisteredModel
from recommender.serving.live_model import LiveModel, LiveModels
from recommender.settings import Settings
from recommender.types import Product

WIDTH = 16
MANY = 12_000

FIRST = [
    Product(f"first-{number}", f"{word} lamp {number}") for number, word in enumerate(("brass", "oak", "tin") * 10)
]


class Turned(WordEncoder):
    """Turns the vectors of the words by as much as its model does: with those of another one nothing is near."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__(WIDTH)
        self.fingerprint = fingerprint

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        return np.roll(super().encode(texts, role), 1 + int(self.fingerprint[:4], 16) % (WIDTH - 1), axis=1)


class QuickApplication(Application):
    """The application with real parts but for the encoders, which are quick."""

    def load_encoder(self, model: RegisteredModel, runtime: str) -> Encoder:
        return Turned(model.fingerprint)


def _model_folder(folder: Path, seed: int) -> Path:
    folder.mkdir(parents=True)
    save_file({"weights": np.full(4, seed, dtype=np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"out_features": WIDTH}), encoding="utf-8")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    return folder


def _open(folder: Path, keep: int = 1) -> QuickApplication:
    return QuickApplication(Settings(home=folder / "home", database_url="", qdrant_url="", keep_generations=keep))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two models; the first is live with a few products, the second was live before and is kept."""
    made = tmp_path_factory.mktemp("made")
    with _open(made) as application:
        for seed, name in enumerate(("one", "two")):
            folder = _model_folder(made / name, seed)
            application.registry.register(folder, Manifest.create(folder, name=name, base="base", kind="base"))
        application.catalogue.upsert(FIRST)
        for name in ("two", "one"):
            generation = start_generation(application, application.registry.get(name))
            application.generations.ready(generation)
            application.generations.switch(generation)
        assert drain(application) is not None
    return made


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(made / "home", tmp_path / "home")
    return tmp_path


@pytest.fixture
def application(home: Path) -> Iterator[QuickApplication]:
    with _open(home) as application:
        yield application


def _check(application: Application, number: int) -> Callable[[LiveModel], str]:
    """Return a question whose answer is wrong when the vector and the index are not of one model."""
    product = FIRST[number % len(FIRST)]

    def question(live: LiveModel) -> str:
        encoder = live.encoder()
        vector = encoder.encode([application.text(product)], Role.QUERY)[0]
        (hit, *_) = live.index.query(IndexQuery(1, dense=vector, exact=number % 2 == 0))
        assert hit.score > 0.999, f"{hit.score} by {live.model}"
        (point,) = live.index.retrieve([point_id(product.sku)], with_vectors=True)
        assert point.dense is not None and float(point.dense @ vector) > 0.999
        return live.model

    return question


@contextmanager
def _asking(application: Application, threads: int = 3) -> Iterator[Counter[str]]:
    """Ask without pause, and count which model has answered; a single error fails the test."""
    answered: Counter[str] = Counter()
    failed: list[BaseException] = []
    over = threading.Event()

    def ask(number: int) -> None:
        try:
            while not over.is_set():
                answered[application.live_models.ask(_check(application, number))] += 1
                number += 1
                over.wait(0.003)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
    for thread in asking:
        thread.start()
    try:
        yield answered
    finally:
        over.set()
        for thread in asking:
            thread.join()
    if failed:
        raise failed[0]


@contextmanager
def _working(application: Application) -> Iterator[BackgroundWorker]:
    application.hold_live()
    worker = BackgroundWorker(application, poll=0.02)
    worker.start()
    try:
        yield worker
    finally:
        assert worker.stop()


def _is_drained(application: Application) -> bool:
    depth = application.outbox.depth()
    return depth.waiting + depth.leased == 0


def _shards(application: Application, generation: Generation) -> list[str]:
    folder = application.settings.index_dir / generation.name
    return [path.name for path in folder.glob("shard-*")] if (folder / ".shard").exists() else []


def test_queries_are_answered_right_while_products_come_in_graphs_are_built_and_models_change_places(
    application: QuickApplication,
) -> None:
    live = application.generations.require_live()
    with _working(application) as worker, _asking(application) as answered:
        application.catalogue.upsert([Product(f"p{number}", f"thing {number % 50}") for number in range(MANY)])
        for name in ("two", "one", "two"):
            if name == "two":
                promote(application, application.registry.get("two"))
            else:
                roll_back(application)
            assert application.live_models.ask(lambda live: live.model) == name
        application.catalogue.deactivate([f"p{number}" for number in range(100)])
        wait_until(lambda: _is_drained(application))
        wait_until(lambda: len(_shards(application, live)) == 1)
        assert worker.alive and not worker.paused_reason
    assert answered["one"] > 20 and answered["two"] > 20
    for generation in application.generations.followers():
        assert verify(application.index(generation), application.catalogue).clean


def test_a_generation_that_is_built_and_dropped_in_the_process_disturbs_no_query(home: Path) -> None:
    with _open(home, keep=0) as application, _working(application), _asking(application) as answered:
        before = application.generations.require_live()
        for _ in range(2):
            rebuild(application)
        wait_until(lambda: not (application.settings.index_dir / before.name).exists())
        assert application.generations.require_live().name != before.name
    assert answered["one"] > 20


def test_a_switch_in_another_process_is_followed_and_back(home: Path, application: QuickApplication) -> None:
    application.hold_live()
    with _asking(application), _open(home) as other:
        for name in ("two", "one"):
            other.generations.rollback()
            wait_until(lambda name=name: application.live_models.ask(lambda live: live.model) == name)


def test_without_a_held_pair_a_switch_of_another_process_is_seen_all_the_same(
    home: Path, application: QuickApplication
) -> None:
    with application.live_models.lease() as live:
        assert live.model == "one"
    with _open(home) as other:
        other.generations.rollback()
    wait_until(lambda: application.live_models.ask(lambda live: live.model) == "two")


def test_nothing_is_closed_or_removed_under_a_query(home: Path) -> None:
    with _open(home, keep=0) as application:
        first = application.generations.require_live()
        with application.live_models.lease() as live:
            application.release_indexes()
            assert live.index.count() == len(FIRST)
            promote(application, application.registry.get("two"))
            assert application.live_models.ask(lambda other: other.model) == "two"
            assert _check(application, 1)(live) == "one"
            assert first.name in application.engine.names()
        assert first.name not in application.engine.names()
        with pytest.raises(Unavailable):
            live.index.count()


def test_a_kept_generation_goes_live_while_another_process_writes_to_it(
    home: Path, application: QuickApplication
) -> None:
    kept = application.generations.previous()
    assert kept is not None
    with _open(home) as other:
        other.index(kept)
        assert promote(application, application.registry.get("two")).id == kept.id
    assert application.generations.require_live().id == kept.id


def test_what_was_released_is_closed_by_its_last_user(home: Path, application: QuickApplication) -> None:
    live = application.generations.require_live()
    other = EmbeddedEngine(application.settings.index_dir)
    with application.live_models.lease():
        with application.live_models.lease():
            application.release_indexes()
        with pytest.raises(IndexHeld):
            other.open(live.name)
    other.open(live.name).close()


def test_each_model_that_is_kept_can_be_asked_by_name(application: QuickApplication) -> None:
    models = application.live_models
    assert models.names() == ["one", "two"]
    for name in ("two", "one", ""):
        assert models.ask(_check(application, 3), name) == (name or "one")
    with pytest.raises(NotFound, match=r"'three'.*one, two"):
        models.ask(_check(application, 3), "three")


def test_before_anything_is_live_it_says_so_and_then_answers(tmp_path: Path) -> None:
    with _open(tmp_path) as application:
        application.hold_live()
        with pytest.raises(NoLiveModel):
            application.live_models.ask(lambda live: live.model)
        folder = _model_folder(tmp_path / "one", 1)
        application.registry.register(folder, Manifest.create(folder, name="one", base="base", kind="base"))
        generation = start_generation(application, application.registry.get("one"))
        application.generations.ready(generation)
        application.generations.switch(generation)
        assert application.live_models.ask(lambda live: live.model) == "one"


class Away(Generations):
    """The generations of a database that can be away."""

    away = False

    def live_id(self) -> int | None:
        if self.away:
            raise Unavailable("the database is away")
        return super().live_id()


@pytest.mark.parametrize("held", [False, True])
def test_queries_go_on_while_the_database_is_away(application: QuickApplication, held: bool) -> None:
    application.generations = away = Away(application.database)
    if held:
        application.hold_live()
    assert application.live_models.ask(_check(application, 1)) == "one"
    away.away = True
    time.sleep(0.3)
    assert application.live_models.ask(_check(application, 2)) == "one"
    away.away = False
    Generations(application.database).rollback()
    wait_until(lambda: application.live_models.ask(_check(application, 3)) == "two")


def test_a_generation_that_was_dropped_elsewhere_is_asked_for_once_more(application: QuickApplication) -> None:
    """As on a server, where another process removes what this one still takes for live."""
    asked: list[str] = []

    def question(live: LiveModel) -> str:
        asked.append(live.model)
        if len(asked) == 1:
            Generations(application.database).rollback()
            raise NotFound("no such collection")
        return live.model

    assert application.live_models.ask(question) == "two"
    assert asked == ["one", "two"]
    with pytest.raises(NotFound, match="for good"):
        application.live_models.ask(_missing)


def test_a_generation_that_was_removed_elsewhere_is_not_opened_but_the_one_in_its_place(
    application: QuickApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While what is live counts as known: here for longer than a fifth of a second."""
    monkeypatch.setattr("recommender.serving.live_model.FRESH_S", 60.0)
    with application.live_models.lease() as live:
        assert live.model == "one"
    application.release_indexes()
    Generations(application.database).rollback()
    application.engine.drop(live.generation)
    with application.live_models.lease() as live:
        assert live.model == "two"


def _missing(_live: LiveModel) -> None:
    raise NotFound("it is gone for good")


def test_callers_of_the_service_are_not_told_where_an_index_is_missing(tmp_path: Path) -> None:
    pool = IndexPool(lambda: EmbeddedEngine(tmp_path), "http://somewhere:6333")
    with pytest.raises(Unavailable, match="g9 is not at http://somewhere:6333") as caught, pool.lease("g9"):
        pass
    assert "somewhere" not in public_message(caught.value)


def test_what_was_away_at_the_start_is_found_though_queries_never_cease(application: QuickApplication) -> None:
    back_at = time.monotonic() + 0.5

    def engine() -> VectorEngine:
        if time.monotonic() < back_at:
            raise Unavailable("the engine is away")
        return application.engine

    pool = IndexPool(engine, "home")
    models = LiveModels(application.generations, pool, application.encoder_of)
    models.hold()
    try:
        wait_until(lambda: _answers(models))
    finally:
        models.close()
        pool.close()


def test_an_index_that_could_not_be_warmed_up_at_first_is_released_in_the_end(application: QuickApplication) -> None:
    cold = [Unavailable("the disk is busy")] * 2
    pool = IndexPool(lambda: application.engine, "home")
    models = LiveModels(
        application.generations,
        pool,
        application.encoder_of,
        warm=lambda _index: _raise(cold.pop()) if cold else None,
    )
    models.hold()
    wait_until(lambda: not cold)
    wait_until(lambda: _answers(models))
    models.close()
    pool.release_unused()
    application.engine.open(application.generations.require_live().name).close()  # nobody holds it any more


def test_what_fails_while_an_index_is_closed_does_not_end_the_following_of_switches(
    application: QuickApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.serving.live_model.TIDY_EVERY_S", 0.0)
    failed: list[bool] = []

    def tidy() -> None:
        failed.append(True)
        raise OSError("no space left on device")

    pool = IndexPool(lambda: application.engine, "home")
    models = LiveModels(
        application.generations,
        pool,
        application.encoder_of,
        tidy=tidy,
    )
    models.hold()
    try:
        wait_until(lambda: bool(failed))
        Generations(application.database).rollback()
        wait_until(lambda: models.ask(lambda live: live.model) == "two")
    finally:
        models.close()
        pool.close()


def _raise(error: Exception) -> None:
    raise error


def _answers(models: LiveModels) -> bool:
    try:
        return models.ask(lambda live: live.index.count() > 0)
    except Unavailable:
        return False


def test_no_query_waits_while_another_generation_opens(application: QuickApplication) -> None:
    previous = application.generations.previous()
    assert previous is not None
    application.live_models.ask(_check(application, 1))
    held = EmbeddedEngine(application.settings.index_dir).open(previous.name)

    opening = threading.Thread(target=application.index, args=(previous, PATIENCE_S))
    opening.start()
    try:
        started = time.monotonic()
        assert application.live_models.ask(_check(application, 2)) == "one"
        assert opening.is_alive() and time.monotonic() - started < PATIENCE_S
    finally:
        held.close()
        opening.join()


def test_the_worker_waits_while_another_process_has_the_index_and_goes_on_after_that(
    application: QuickApplication,
) -> None:
    live = application.generations.require_live()
    held = EmbeddedEngine(application.settings.index_dir).open(live.name)
    application.catalogue.upsert([Product("late", "a late lamp")])
    worker = BackgroundWorker(application, poll=0.02)
    worker.start()
    wait_until(lambda: worker.paused_reason == HELD)
    held.close()
    wait_until(lambda: _is_drained(application) and not worker.paused_reason)
    assert worker.stop() and not worker.alive


def test_a_worker_that_fails_says_why_and_tries_again(
    application: QuickApplication, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [RuntimeError("a surprise")]

    def has_work() -> bool:
        if failures:
            raise failures.pop()
        return True

    application.catalogue.upsert([Product("late", "a late lamp")])
    application.worker.has_work = has_work  # type: ignore[method-assign]
    worker = BackgroundWorker(application, poll=0.02)
    with caplog.at_level(logging.INFO):
        worker.start()
        wait_until(lambda: _is_drained(application))
        assert worker.stop()
    assert "a surprise" in caplog.text and "continuing" in caplog.text


def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_in_hand(application: QuickApplication) -> None:
    application.hold_live()
    application.catalogue.upsert([Product(f"p{number}", f"thing {number} {number}") for number in range(4_000)])
    worker = BackgroundWorker(application, poll=0.02)
    worker.start()
    wait_until(lambda: application.outbox.depth().leased > 0)
    assert worker.stop() and not worker.alive
    assert application.outbox.depth().leased == 0
    drain(application)
    assert verify(application.index(application.generations.require_live()), application.catalogue).clean
