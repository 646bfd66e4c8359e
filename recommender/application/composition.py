"""Everything that one process needs, wired from settings and opened when first asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy.orm import Session

from recommender.application.followers import Followers
from recommender.application.keyed_cache import Once
from recommender.catalogue.outbox import Outbox, queue_changes
from recommender.catalogue.repository import Catalogue
from recommender.catalogue.rules import Rules
from recommender.database.engine import Database
from recommender.database.migrate import upgrade
from recommender.database.restore_journal import finish
from recommender.database.tables import now
from recommender.embedding.encoder import Encoder
from recommender.embedding.lexical import LexicalEncoder
from recommender.embedding.load import load_encoder
from recommender.embedding.text import ProductText
from recommender.errors import BadInput, IndexHeld, NotFound, Unavailable
from recommender.index.embedded.engine import EmbeddedEngine, EmbeddedIndex
from recommender.index.generations import Generation, Generations
from recommender.index.pool import OpenIndexes
from recommender.index.protocol import VectorEngine, VectorIndex
from recommender.ingestion.point_writer import PointWriter
from recommender.ingestion.targets import Target
from recommender.ingestion.worker import Worker
from recommender.models.registry import RegisteredModel, Registry
from recommender.serving.live_model import LivePairs
from recommender.serving.queries import Queries
from recommender.serving.query_vectors import Observe, unobserved
from recommender.settings import Settings, load_settings

HELD_PATIENCE_S = 5.0
"""How long an embedded index that another process holds is waited for: a query or a price update is done by then."""

UNUSED_S = 60.0
"""After which a process that holds the live pair closes another index: opening one stops all threads for 0.1 s."""


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
        self.rules = Rules(self.database)
        self.registry = Registry(self.database, settings.models_dir)
        self.generations = Generations(self.database, _requeue, self._switched)
        self._indexes = OpenIndexes(self._open)
        self._encoders: Once[str, Encoder] = Once()
        self._kept_s = 0.0

    @cached_property
    def engine(self) -> VectorEngine:
        """The vector engine that the settings choose: a Qdrant server where one is named, else the embedded one."""
        if not self.settings.qdrant_url:
            return EmbeddedEngine(self.settings.index_dir)
        from recommender.index.server.engine import connect

        return connect(self.settings.qdrant_url, self.settings.qdrant_api_key, self.settings.collection_prefix)

    @cached_property
    def lexical(self) -> LexicalEncoder:
        """The lexical encoder, the same for documents and queries."""
        return LexicalEncoder(self.settings.language)

    @cached_property
    def writer(self) -> PointWriter:
        """What writes products into an index."""
        return PointWriter(self.text, self.lexical.document, self.settings.popularity_attribute)

    def index(self, generation: Generation, patience: float = HELD_PATIENCE_S) -> VectorIndex:
        """Open the index of a generation, once in this process; one that is held is waited for `patience` seconds.

        Raises `IndexHeld` after that, and `Unavailable` when this engine lacks it.
        """
        return self._indexes.get(generation.name, patience)

    def _open(self, name: str, patience: float) -> VectorIndex:
        try:
            return self._open_patiently(name, patience)
        except NotFound as error:
            where = self.settings.qdrant_url or str(self.settings.index_dir)
            raise Unavailable(
                f"generation {name} is not at {where}; `recommender index rebuild` makes one there"
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
        with self._indexes.add(generation.name, self.engine.create(generation.name, generation.dimension)) as index:
            return index

    def drop_index(self, generation: Generation) -> None:
        """Close and remove the index of a generation, as soon as no query needs it any more."""
        self._indexes.drop(generation.name, lambda: self.engine.drop(generation.name))

    @contextmanager
    def holding(self, generation: Generation) -> Iterator[Target]:
        """Open a generation for writing, and keep it open meanwhile whoever else lets go of the indexes."""
        with self._indexes.pin(generation.name, HELD_PATIENCE_S) as index:
            self._followers.being_built.add(generation.name)
            try:
                yield self.target(generation, index)
            finally:
                self._followers.being_built.discard(generation.name)

    def release_indexes(self) -> None:
        """Close the open indexes, so that another process can have them; they open again when next asked for.

        One that is in use closes when its last user leaves. A process that holds the live pair keeps what was used a
        moment ago: opening it again would stop its queries.
        """
        self._indexes.let_go(self._kept_s)

    def encoder(self, model: RegisteredModel) -> Encoder:
        """Return the encoder that serves a model, loaded once in this process."""
        return self._encoders.get(model.fingerprint, lambda: self._load(model))

    def _load(self, model: RegisteredModel) -> Encoder:
        try:
            return load_encoder(model.folder, model.fingerprint, self.settings.encoder, self.settings.threads)
        except BadInput as error:
            # For whoever has work to do with it the model is away: the work waits, rather than being called bad.
            raise Unavailable(f"model {model.name} can't run: {error}") from error

    def encoder_of(self, generation: Generation) -> Encoder:
        """Return the encoder of the model that made a generation."""
        return self.encoder(self.registry.by_id(generation.model_id))

    def target(self, generation: Generation, index: VectorIndex) -> Target:
        """Return an open generation as it is written to."""
        return Target(generation.name, index, lambda: self.encoder_of(generation), generation.live)

    def worker(self) -> Worker:
        """Return the worker that drains the outbox into every following generation: one, which knows what it holds."""
        return self._worker

    @cached_property
    def _worker(self) -> Worker:
        return Worker(
            self.catalogue,
            self.outbox,
            self.writer,
            self._followers.targets,
            release_indexes=self._let_go,
            missed=self.generations.missed,
            optimize=self._followers.optimize,
            release_targets=self._followers.leave,
        )

    @cached_property
    def _followers(self) -> Followers:
        return Followers(lambda: self.engine, self.generations, self._indexes.pin, self.target, HELD_PATIENCE_S)

    def _let_go(self) -> None:
        self._followers.leave()
        self.release_indexes()

    def queries(self, observe: Observe = unobserved) -> Queries:
        """Return the queries over the pairs of this installation; `observe` is told how long their stages take."""
        return Queries(self.pairs(), self.catalogue, self.text, self.lexical, self.rules.list, observe=observe)

    def pairs(self) -> LivePairs:
        """Return what gives queries their pair of generation and model, one of this process."""
        return self._pairs

    @cached_property
    def _pairs(self) -> LivePairs:
        return LivePairs(
            self.generations,
            lambda generation: self._indexes.pin(generation.name, HELD_PATIENCE_S),
            self.encoder_of,
            self._left,
            self._tidy,
            _warm_up,
        )

    def _switched(self) -> None:
        if "_pairs" in self.__dict__:
            self._pairs.refresh()

    def _left(self, generation: Generation) -> None:
        """Give back what only queries of a generation needed that is live no longer."""
        if generation.id not in {follower.id for follower in self._needed()}:
            self._indexes.let_go_of(generation.name)

    def _tidy(self) -> None:
        self._needed()
        self.release_indexes()

    def _needed(self) -> Sequence[Generation]:
        """Return the generations that queries or the worker may need; encoders of other models are given back."""
        followers = self.generations.followers()
        self._encoders.keep_only({follower.fingerprint for follower in followers})
        return followers

    def hold_live(self) -> None:
        """Keep the live pair open until this is closed, whichever it is, its encoder loaded.

        For a process that answers queries for long: switches are followed by a thread, graphs are built while queries
        go on, and an index that queries or the worker needed a moment ago stays open. Raises `IndexHeld` when another
        process has the embedded index; whatever else is away is waited for.
        """
        self._kept_s = UNUSED_S
        if not self.settings.qdrant_url:
            self._followers.build_beside()
        self.pairs().hold()

    def close(self) -> None:
        """Close indexes, encoders, the engine and the database."""
        if "_pairs" in self.__dict__:
            self._pairs.close()
        if "_followers" in self.__dict__:
            self._followers.close()
        self._indexes.close()
        for encoder in self._encoders.take_all():
            encoder.close()
        if "engine" in self.__dict__:
            self.engine.close()
        self.database.close()

    def __enter__(self) -> Application:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _warm_up(index: VectorIndex) -> None:
    if isinstance(index, EmbeddedIndex):
        index.warm_up()


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
