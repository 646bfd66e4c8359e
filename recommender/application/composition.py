"""Everything that one process needs, wired from settings and opened when first asked for.

Writers, training and the database are imported where they are made. Otherwise a query on the command line would wait 40
ms for the first and 0.25 s for the last.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recommender.application.catalogue_file import CatalogueFile, open_catalogue_file
from recommender.database.restore_journal import complete_cut_off_restore
from recommender.embedding.bm25 import LexicalEncoder, check_language
from recommender.embedding.compounds import LINKS, read_words
from recommender.embedding.encoder import Encoder, EncoderPair
from recommender.embedding.language import AUTO
from recommender.embedding.loader import INTERCHANGEABLE, has_network, resolve_runtime
from recommender.embedding.loader import load_encoder as open_encoder
from recommender.embedding.model_words import read_tokens
from recommender.embedding.product_text import ProductText
from recommender.errors import BadInput, MissingExtra, Unavailable
from recommender.files import make_private, remove_drafts
from recommender.index.embedded.engine import EmbeddedEngine, EmbeddedIndex
from recommender.index.generation import Generation
from recommender.index.leases import HELD_PATIENCE_S, IndexPool
from recommender.index.protocol import VectorEngine, VectorIndex
from recommender.models.checksums import require_whole
from recommender.models.manifest import SearchCalibration, read_calibration
from recommender.query import SearchLogging
from recommender.serving.live_model import LiveModels
from recommender.serving.queries import Queries
from recommender.serving.query_encoder import Observe, observe_nothing
from recommender.serving.vocabulary_file import VocabularyFile
from recommender.settings import Settings, load_settings
from recommender.types import EncoderChoice

if TYPE_CHECKING:  # a command that only queries does not import writers
    from sqlalchemy.orm import Session

    from recommender.application.graph_builds import GraphBuilds
    from recommender.application.write_targets import WriteTargets
    from recommender.catalogue.outbox import Outbox
    from recommender.catalogue.repository import Catalogue
    from recommender.catalogue.rules import RuleStore
    from recommender.catalogue.search_log import SearchLog
    from recommender.database.engine import Database
    from recommender.index.generations import Generations
    from recommender.ingestion.point_writer import PointWriter
    from recommender.ingestion.targets import Target
    from recommender.ingestion.worker import Worker
    from recommender.models.registry import RegisteredModel, Registry

_log = logging.getLogger(__name__)

UNUSED_S = 60.0
"""Seconds without use after which a process that holds the live index closes another one. Opening it again stops all
threads for 0.1 s."""


class ModelFolder(NamedTuple):
    """What is needed to run a registered model."""

    name: str
    fingerprint: str
    folder: Path


class Application:
    """The objects of one process. A context manager: at the end, what was opened is closed, last first.

    An application that `asks_once` opens the database only for what a `CatalogueFile` does not have.
    """

    def __init__(self, settings: Settings, asks_once: bool = False) -> None:
        self.settings = settings
        try:
            settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"RECOMMENDER_HOME {settings.home} can't be made ({error.strerror}); give a folder"
            ) from error
        self._encoders: dict[tuple[str, str], Encoder] = {}
        self._lexical: dict[int, LexicalEncoder] = {}
        self._loading = threading.Lock()
        self._keep_unused_s = 0.0
        _require_catalogue(settings)
        if not settings.database_url:
            make_private(settings.home / "catalogue.db")
        self._file: CatalogueFile | None = open_catalogue_file(settings) if asks_once else None
        with ExitStack() as self._closing:
            if self._file is None:
                self.database.check_files()  # opened now, so that an error comes before the first query
            if settings.language.strip().lower() != AUTO:
                check_language(settings.language)
            self.text = ProductText(settings.text_attributes)
            self._closing.callback(self._close_engine)
            self._indexes = IndexPool(lambda: self.engine, settings.qdrant_url or str(settings.index_dir))
            self._closing.callback(self._indexes.close)
            self._closing = self._closing.pop_all()

    @cached_property
    def database(self) -> Database:
        """The database of the catalogue, at the schema of this version."""
        from recommender.database.engine import Database
        from recommender.database.migrate import upgrade

        with ExitStack() as opening:
            database = opening.enter_context(Database(self.settings.resolved_database_url))
            upgrade(database)
            complete_cut_off_restore(self.settings.home, database)
            self._closing.callback(opening.pop_all().close)
        return database

    @cached_property
    def catalogue(self) -> Catalogue:
        """The products."""
        from recommender.catalogue.repository import Catalogue

        return Catalogue(self.database, self.text.hash)

    @cached_property
    def outbox(self) -> Outbox:
        """The changes that the index does not have yet."""
        from recommender.catalogue.outbox import Outbox

        return Outbox(self.database)

    @cached_property
    def rules(self) -> RuleStore:
        """The pins, bans and synonyms."""
        from recommender.catalogue.rules import RuleStore

        return RuleStore(self.database)

    @cached_property
    def searches(self) -> SearchLog:
        """The texts that were searched for."""
        from recommender.catalogue.search_log import SearchLog

        searches = SearchLog(self.database, self.settings.keep_searches, self.settings.keep_searches_days)
        self._closing.callback(searches.close)
        return searches

    @cached_property
    def generations(self) -> Generations:
        """The generations of the index, and which is live."""
        from recommender.catalogue.outbox import queue_changes
        from recommender.database.tables import now
        from recommender.index.generations import Generations

        def requeue(session: Session, skus: Sequence[str]) -> None:
            queue_changes(session, ((sku, 0) for sku in skus), now())

        return Generations(self.database, requeue, lambda: self.live_models.refresh())

    @cached_property
    def engine(self) -> VectorEngine:
        """The vector engine that the settings choose: a Qdrant server if one is named, otherwise the embedded one."""
        if not self.settings.qdrant_url:
            return EmbeddedEngine(self.settings.index_dir, self.settings.compact_from)
        try:
            from recommender.index.server.engine import (  # takes 0.7 s, which the embedded engine does not need
                CollectionLayout,
                connect,
            )
        except ModuleNotFoundError as error:
            raise MissingExtra("server", "a Qdrant server (QDRANT_URL)") from error

        settings = self.settings
        layout = CollectionLayout(
            settings.qdrant_shards,
            settings.qdrant_replicas,
            settings.qdrant_write_consistency,
            settings.qdrant_on_disk,
            settings.qdrant_quantization,
        )
        return connect(settings.qdrant_url, settings.qdrant_api_key, settings.collection_prefix, layout)

    @cached_property
    def registry(self) -> Registry:
        """The registered models."""
        from recommender.models.registry import Registry

        return Registry(self.database, self.settings.models_dir)

    @cached_property
    def writer(self) -> PointWriter:
        """Writes products into an index."""
        from recommender.ingestion.point_writer import PointWriter

        return PointWriter(self.text, self.settings.popularity_attribute)

    def index(self, generation: Generation, patience: float = HELD_PATIENCE_S) -> VectorIndex:
        """Open the index of a generation, once in this process; it is open until `release_indexes` or `close`.

        Raises `IndexHeld` when another process still holds it after `patience` seconds, and `Unavailable` when this
        engine lacks it.
        """
        with self._indexes.lease(generation.name, patience) as index:
            return index

    def create_index(self, generation: Generation) -> VectorIndex:
        """Make the empty index of a new generation and keep it open."""
        make = partial(self.engine.create, generation.name, generation.dimension)
        with self._indexes.lease(generation.name, create=make) as index:
            return index

    def drop_index(self, generation: Generation) -> None:
        """Close and remove the index of a generation, as soon as no query needs it any more."""
        self._indexes.release(generation.name, drop=True)

    @contextmanager
    def open_for_writing(self, generation: Generation) -> Iterator[Target]:
        """Open a generation for writing, and keep it open meanwhile, whatever else is released."""
        with self._indexes.lease(generation.name) as index, self._graph_builds.postpone(generation.name):
            yield self.target(generation, index)

    def release_indexes(self) -> None:
        """Close the open indexes, so that another process can have them; they open again when they are next needed.

        An index that is in use closes when its last lease ends. A process that holds the live index keeps those that
        were used a moment ago: opening them again would stop its queries.
        """
        self._indexes.release_unused(self._keep_unused_s)

    def encoder(self, model: RegisteredModel | ModelFolder, runtime: str = "") -> Encoder:
        """Return the encoder that answers queries of a model, or the one of a runtime, loaded once in this process."""
        key = model.fingerprint, runtime or self.settings.encoder
        if (known := self._encoders.get(key)) is not None:
            return known  # without the lock: a loaded encoder does not wait for the loading of another
        with self._loading:
            if (known := self._encoders.get(key)) is None:
                self._encoders[key] = known = self.load_encoder(model, key[1])
            return known

    def load_encoder(self, model: RegisteredModel | ModelFolder, runtime: str) -> Encoder:
        """Load the encoder that runs a model on a runtime. Raises `Unavailable` when it can't run."""
        try:
            require_whole(model.folder)
            return open_encoder(model.folder, model.fingerprint, runtime, self.settings.threads)
        except BadInput as error:
            # `Unavailable`, not `BadInput`: work that needs the model waits for it, because the work itself is not at
            # fault.
            raise Unavailable(f"model {model.name} can't run: {error}") from error

    def serving_encoder(self, model: RegisteredModel) -> EncoderPair:
        """Return the encoders of a new index of a model: the one of its documents and the one of its queries."""
        documents = partial(self.encoder, model, self.runtime_of(model))
        return EncoderPair(model.fingerprint, model.dimension, documents, partial(self.encoder, model))

    def runtime_of(self, model: RegisteredModel) -> EncoderChoice:
        """Return what encodes the products of a new index of a model.

        It is the runtime that the settings name, else torch on a GPU, else the one that was measured as the best.
        """
        if self.settings.encoder is not EncoderChoice.AUTO:
            return self.settings.encoder
        if self._bulk_gpu:
            return EncoderChoice.TORCH
        from recommender.models.manifest import read_manifest

        measured = read_manifest(model.folder).export.runtime
        if measured and has_network(model.folder, EncoderChoice(measured)):
            return EncoderChoice(measured)
        return resolve_runtime(model.folder)

    def encoder_of(self, generation: Generation) -> Encoder:
        """Return the encoder of the texts of a generation, on its own runtime or on one that gives the same vectors.

        Raises `Unavailable` when only another runtime can run here: its vectors must not be mixed with those of the
        index.
        """
        model = self.registry.by_id(generation.model_id)
        runtime = EncoderChoice(generation.runtime or self.runtime_of(model))
        wanted = EncoderChoice.TORCH if self._bulk_gpu else self.settings.encoder
        if runtime in INTERCHANGEABLE:
            order = (wanted, runtime, *INTERCHANGEABLE)
            runtime = next((one for one in order if one in INTERCHANGEABLE and has_network(model.folder, one)), runtime)
        elif wanted not in (EncoderChoice.AUTO, EncoderChoice.TORCH, runtime):
            _log.warning(
                "generation %s keeps its runtime %s; `recommender index rebuild` moves it to %s",
                generation.name, runtime, wanted,
            )  # fmt: skip
        if not has_network(model.folder, runtime):
            raise Unavailable(
                f"generation {generation.name} was encoded by {runtime}, which can't run {model.name} here, and "
                "vectors of two runtimes must not be mixed; install it, or run `recommender index rebuild`"
            )
        return self.encoder(model, runtime)

    @cached_property
    def _bulk_gpu(self) -> bool:
        """Whether `auto` encodes products on a GPU. Torch is imported, and asked too, only if the driver has one."""
        if self.settings.encoder is not EncoderChoice.AUTO:
            return False
        from recommender.embedding.accelerators import usable_gpu

        return usable_gpu()

    def lexical_of(self, generation: Generation) -> LexicalEncoder:
        """Return the encoder of the BM25 weights of a generation, for its products and for queries to it."""
        if (known := self._lexical.get(generation.id)) is None:
            stored = (self._file or self.generations).words(generation) if generation.language in LINKS else ""
            words = read_words(stored) if stored else frozenset()
            known = self._lexical.setdefault(generation.id, LexicalEncoder(generation.language, words=words))
        return known

    def calibration_of(self, generation: Generation) -> SearchCalibration:
        """Return how searches with the model of a generation are scored."""
        return read_calibration(self.settings.models_dir / generation.model_name)

    def target(self, generation: Generation, index: VectorIndex) -> Target:
        """Return an open generation as a target for writes."""
        from recommender.ingestion.targets import Target

        return Target(
            generation.name,
            index,
            lambda: self.encoder_of(generation),
            lambda: self.lexical_of(generation),
            generation.live,
        )

    @cached_property
    def worker(self) -> Worker:
        """The only worker here, so it knows its claims: it drains the outbox into every generation that follows."""
        from recommender.ingestion.worker import Worker

        remove_drafts(self.settings.home)
        return Worker(
            self.catalogue,
            self.outbox,
            self.writer,
            self._write_targets.open,
            missed=self.generations.note_missed,
            optimize=self._graph_builds.build_if_worth,
            release_targets=self._write_targets.release,
            release_indexes=self.release_indexes,
        )

    @cached_property
    def _write_targets(self) -> WriteTargets:
        from recommender.application.write_targets import WriteTargets

        targets = WriteTargets(lambda: self.engine, self.generations, self._indexes, self.target)
        self._closing.callback(targets.release)
        return targets

    @cached_property
    def _graph_builds(self) -> GraphBuilds:
        from recommender.application.graph_builds import GraphBuilds

        builds = GraphBuilds(self._indexes)
        self._closing.callback(builds.close)
        return builds

    def queries(self, observe: Observe = observe_nothing) -> Queries:
        """Return the queries over the models of this installation; `observe` is told how long their stages take."""
        return Queries(
            self.live_models,
            lambda: self.catalogue,
            self.text,
            self._file.rules if self._file else self.rules.list,
            observe,
            self.vocabulary,
            None if self.settings.keep_searches is SearchLogging.OFF else self.searches.note,
            self.settings.words_weight,
        )

    @cached_property
    def vocabulary(self) -> VocabularyFile:
        """The words of the catalogue, for suggestions and for mistyped words."""
        return VocabularyFile(self.settings.home / "vocabulary", lambda: self.catalogue.names())

    @cached_property
    def live_models(self) -> LiveModels:
        """Gives a query its model and index: the live ones, or those of another model that is kept."""

        def warm_up(index: VectorIndex) -> None:
            if isinstance(index, EmbeddedIndex):
                index.warm_up()

        def query_encoder(generation: Generation) -> Encoder:
            folder = self.settings.models_dir / generation.model_name
            return self.encoder(ModelFolder(generation.model_name, generation.fingerprint, folder))

        def close_unused() -> None:
            """Drop the encoders of models that no generation in use was made by, and close unused indexes."""
            needed = {follower.fingerprint for follower in self.generations.followers()}
            for key in [key for key in list(self._encoders) if key[0] not in needed]:
                self._encoders.pop(key, None)
            self.release_indexes()

        models = LiveModels(
            self._file or self.generations,
            self._indexes,
            query_encoder,
            close_unused,
            warm_up,
            self.lexical_of,
            self.calibration_of,
            lambda generation: read_tokens(self.settings.models_dir / generation.model_name),
        )
        self._closing.callback(models.close)
        return models

    def hold_live(self) -> None:
        """Keep whatever index is live open until `close`, and its encoder loaded.

        This is for a process that answers queries for long. A thread follows switches, graphs are built while queries
        continue, and an index that queries or the worker needed a moment ago stays open. Raises `IndexHeld` when
        another process has the embedded index. Anything else that is away is waited for.
        """
        self._keep_unused_s = UNUSED_S
        if not self.settings.qdrant_url:
            self._graph_builds.build_beside()
        self.live_models.hold()

    def close(self) -> None:
        """Close indexes, encoders, the engine and the database."""
        self._closing.close()

    def _close_engine(self) -> None:
        for encoder in self._encoders.values():
            encoder.close()
        self._encoders.clear()
        if "engine" in self.__dict__:
            self.engine.close()

    def __enter__(self) -> Application:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _require_catalogue(settings: Settings) -> None:
    """Raise `Unavailable` when the home has an index but no catalogue: an empty catalogue must not hide the loss.

    A service over a new, empty catalogue would have no keys either, and so be open.
    """
    file = settings.home / "catalogue.db"
    if settings.database_url or not settings.index_dir.is_dir() or (file.exists() and file.stat().st_size):
        return
    generations = [path.name for path in settings.index_dir.iterdir() if not path.name.startswith(".")]
    if generations:
        raise Unavailable(
            f"{file} is gone or empty, and {settings.index_dir} holds {', '.join(sorted(generations)[:3])}; put the "
            f"file back, run `recommender restore FILE --force`, or move {settings.index_dir} away to start empty"
        )


def demo_home() -> Path:
    """Return the folder of the demo: inside the home that the settings name, apart from what it holds."""
    return load_settings().home / "demo"


def open_application(**overrides: object) -> Application:
    """Read the settings and wire the application. Raises `BadInput` for settings that do not fit."""
    return Application(load_settings(**overrides))
