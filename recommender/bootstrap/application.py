"""Everything that one process needs, wired from settings and opened when first asked for."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy.orm import Session

from recommender.bootstrap.switch_over import finish
from recommender.catalogue.outbox import Outbox, queue_changes
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.database.migrate import upgrade
from recommender.database.tables import now
from recommender.embedding.encoder import Encoder
from recommender.embedding.lexical import LexicalEncoder
from recommender.embedding.load import load_encoder
from recommender.embedding.text import ProductText
from recommender.errors import BadInput, IndexHeld, NotFound, Unavailable
from recommender.index.embedded import EmbeddedEngine
from recommender.index.generations import Generation, Generations
from recommender.index.protocol import VectorEngine, VectorIndex
from recommender.ingestion.worker import OPTIMIZE_EVERY, Worker
from recommender.ingestion.writer import PointWriter, Target, Unopened, WriteCounts
from recommender.registry.models import RegisteredModel, Registry
from recommender.serving.live import LivePairs
from recommender.serving.recommender import Recommender
from recommender.settings import Settings, load_settings

HELD_PATIENCE_S = 5.0
"""How long an embedded index that another process holds is waited for: a query or a price update is done by then."""

APART_FROM = 10_000
"""Points from which on graphs are built in a process of their own: fewer take a second or two, about as that does."""

WORTH_A_BUILD = 0.2
"""Share of the points that changed since the last build: they are scanned until the next one, which takes as long for
few as for all. Price changes alone never start one, since a feed of them would wait for it each time."""


class Application:
    """The objects of one process. A context manager: what was opened is closed at the end, last first."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        _make_home(settings)
        self.database = Database(settings.resolved_database_url)
        try:
            upgrade(self.database)
            finish(settings.home, self.database)
        except BaseException:
            self.database.close()
            raise
        self.text = ProductText(settings.text_attributes, settings.language)
        self.catalogue = Catalogue(self.database, self.text.hash)
        self.outbox = Outbox(self.database)
        self.registry = Registry(self.database, settings.models_dir)
        self.generations = Generations(self.database, _requeue)
        self._indexes: dict[str, VectorIndex] = {}
        self._encoders: dict[str, Encoder] = {}
        self._held: Counter[str] = Counter()
        self._lock = threading.RLock()

    @cached_property
    def engine(self) -> VectorEngine:
        """The vector engine that the settings choose: a Qdrant server where one is named, else the embedded one."""
        if not self.settings.qdrant_url:
            return EmbeddedEngine(self.settings.index_dir)
        from recommender.index.server import connect

        return connect(self.settings.qdrant_url, self.settings.qdrant_api_key, self.settings.collection_prefix)

    @cached_property
    def lexical(self) -> LexicalEncoder:
        """The lexical encoder, the same for documents and queries."""
        return LexicalEncoder(self.settings.language)

    @cached_property
    def writer(self) -> PointWriter:
        """What writes products into an index."""
        return PointWriter(self.text, self.lexical.document)

    def index(self, generation: Generation, patience: float = HELD_PATIENCE_S) -> VectorIndex:
        """Open the index of a generation, once in this process; one that is held is waited for `patience` seconds.

        Raises `IndexHeld` after that, and `Unavailable` when this engine lacks it.
        """
        with self._lock:
            if generation.name not in self._indexes:
                self._indexes[generation.name] = self._open(generation, patience)
            return self._indexes[generation.name]

    def _open(self, generation: Generation, patience: float) -> VectorIndex:
        try:
            return self._open_patiently(generation.name, patience)
        except NotFound as error:
            where = self.settings.qdrant_url or str(self.settings.index_dir)
            raise Unavailable(
                f"generation {generation.name} is not at {where}; `recommender index rebuild` makes one there"
            ) from error

    def _open_patiently(self, name: str, patience: float) -> VectorIndex:
        deadline = time.monotonic() + patience
        while True:
            try:
                return self.engine.open(name)
            except IndexHeld:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def create_index(self, generation: Generation) -> VectorIndex:
        """Make the empty index of a new generation and keep it open."""
        with self._lock:
            self._indexes[generation.name] = self.engine.create(generation.name, generation.dimension)
            return self._indexes[generation.name]

    def drop_index(self, generation: Generation) -> None:
        """Close and remove the index of a generation."""
        with self._lock:
            opened = self._indexes.pop(generation.name, None)
            if opened is not None:
                opened.close()
            self.engine.drop(generation.name)

    @contextmanager
    def holding(self, generation: Generation) -> Iterator[Target]:
        """Open a generation for writing, and keep it open meanwhile whoever else lets go of the indexes."""
        with self._lock:
            target = self.target(generation)
            self._held[generation.name] += 1
        try:
            yield target
        finally:
            with self._lock:
                self._held[generation.name] -= 1

    def release_indexes(self) -> None:
        """Close the open indexes, so that another process can have them; they open again when next asked for.

        Those that are held stay open.
        """
        with self._lock:
            for name in [name for name in self._indexes if not self._held[name]]:
                self._indexes.pop(name).close()

    def encoder(self, model: RegisteredModel) -> Encoder:
        """Return the encoder that serves a model, loaded once in this process."""
        with self._lock:
            if model.fingerprint not in self._encoders:
                self._encoders[model.fingerprint] = self._load(model)
            return self._encoders[model.fingerprint]

    def _load(self, model: RegisteredModel) -> Encoder:
        try:
            return load_encoder(model.folder, model.fingerprint, self.settings.encoder, self.settings.threads)
        except BadInput as error:
            # For whoever has work to do with it the model is away: the work waits, rather than being called bad.
            raise Unavailable(f"model {model.name} can't run: {error}") from error

    def encoder_of(self, generation: Generation) -> Encoder:
        """Return the encoder of the model that made a generation."""
        return self.encoder(self.registry.by_id(generation.model_id))

    def target(self, generation: Generation, patience: float = HELD_PATIENCE_S) -> Target:
        """Open a generation for writing."""
        index = self.index(generation, patience)
        return Target(generation.name, index, lambda: self.encoder_of(generation), generation.live)

    def targets(self) -> Sequence[Target | Unopened]:
        """Open every generation that follows the catalogue and that this engine has.

        One that is not live and can't be opened comes without its index: what it misses is noted.
        """
        existing = set(self.engine.names())
        return [self._opened(follower) for follower in self.generations.followers() if follower.name in existing]

    def _opened(self, follower: Generation) -> Target | Unopened:
        if follower.live:
            return self.target(follower)
        try:
            return self.target(follower, patience=0)  # whoever builds it holds it for long, and the live one can't wait
        except Unavailable as error:
            return Unopened(follower.name, error)

    def worker(self) -> Worker:
        """Return the worker that drains the outbox into every following generation: one, which knows what it holds."""
        return self._worker

    @cached_property
    def _worker(self) -> Worker:
        return Worker(
            self.catalogue,
            self.outbox,
            self.writer,
            self.targets,
            let_go=self.release_indexes,
            missed=self.generations.missed,
            optimize=self._optimize,
        )

    def _optimize(self, target: Target, counts: WriteCounts, stopped: Callable[[], bool]) -> None:
        if not isinstance(self.engine, EmbeddedEngine):
            return  # a server builds its graphs by itself
        changed = self.engine.changed(target.name, counts.changed)
        if not counts.encoded + counts.deleted:
            return  # prices alone start no build
        points = target.index.count()
        if points < APART_FROM:
            target.index.optimize()
        elif changed >= min(points * WORTH_A_BUILD, OPTIMIZE_EVERY):
            self._optimize_apart(self.engine, target, stopped)

    def _optimize_apart(self, engine: EmbeddedEngine, target: Target, stopped: Callable[[], bool]) -> None:
        with self._lock:
            if self._held[target.name]:
                return  # it is being built, and optimised when it is whole
            self._indexes.pop(target.name, target.index).close()
        engine.optimize(target.name, stopped)

    def recommender(self) -> Recommender:
        """Return the queries over the live pair."""
        pairs = LivePairs(self.generations, self.index, self.encoder_of)
        return Recommender(pairs.current, self.catalogue, self.text, self.lexical)

    def close(self) -> None:
        """Close indexes, encoders, the engine and the database."""
        self._held.clear()
        self.release_indexes()
        while self._encoders:
            self._encoders.popitem()[1].close()
        if "engine" in self.__dict__:
            self.engine.close()
        self.database.close()

    def __enter__(self) -> Application:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _requeue(session: Session, skus: Sequence[str]) -> None:
    queue_changes(session, ((sku, 0) for sku in skus), now())


def _make_home(settings: Settings) -> None:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"RECOMMENDER_HOME {settings.home} can't be made ({error.strerror}); give a folder") from error


def demo_home() -> Path:
    """Return the folder of the demo: inside the home that the settings name, apart from what it holds."""
    return load_settings().home / "demo"


def open_application(**overrides: object) -> Application:
    """Read the settings and wire the application. Raises `BadInput` for settings that do not fit."""
    return Application(load_settings(**overrides))
