"""A small shop wired by hand: real catalogue, real embedded index, and an encoder that is quick."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType

from support.fake_encoder import WordEncoder

from recommender.catalogue.outbox import Outbox
from recommender.catalogue.repository import Catalogue
from recommender.catalogue.rules import RuleStore
from recommender.database.engine import Database
from recommender.database.tables import Base, now
from recommender.embedding.bm25 import LexicalEncoder
from recommender.embedding.product_text import ProductText
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.protocol import VectorIndex
from recommender.ingestion.point_writer import PointWriter
from recommender.ingestion.targets import Target
from recommender.ingestion.worker import Worker
from recommender.serving.live_model import FixedModel, LiveModel
from recommender.serving.queries import Queries
from recommender.serving.vocabulary_file import VocabularyFile


class Shop:
    """Catalogue, outbox, one or more targets, a worker and the queries over the first target."""

    def __init__(
        self,
        folder: Path,
        url: str = "",
        clock: Callable[[], datetime] = now,
        keep: bool = False,
        dimension: int = 32,
    ) -> None:
        self.database = Database(url or f"sqlite:///{folder / 'catalogue.db'}")
        Base.metadata.create_all(self.database.engine)
        self.text = ProductText()
        self.lexical = LexicalEncoder()
        self.catalogue = Catalogue(self.database, self.text.hash)
        self.rules = RuleStore(self.database)
        self.outbox = Outbox(self.database, clock)
        self.vocabulary = VocabularyFile(folder / "vocabulary", self.catalogue.names)
        self.encoder = WordEncoder(dimension)
        self.engine = EmbeddedEngine(folder / "index")
        self.writer = PointWriter(self.text)
        self.targets: list[Target] = []
        if keep:  # what is there already, as another process left it
            self.targets.append(Target("g1", self.engine.open("g1"), lambda: self.encoder, lambda: self.lexical))
        else:
            self.add_target("g1")
        self.worker = Worker(self.catalogue, self.outbox, self.writer, lambda: self.targets)

    def add_target(self, name: str, live: bool = True) -> Target:
        """Make another generation that follows the catalogue."""
        index = self.engine.create(name, self.encoder.dimension)
        self.targets.append(Target(name, index, lambda: self.encoder, lambda: self.lexical, live))
        return self.targets[-1]

    @property
    def index(self) -> VectorIndex:
        """The index that queries are asked of."""
        return self.targets[0].index

    def queries(self) -> Queries:
        """Return the queries."""
        live = LiveModel("g1", "words", self.index, lambda: self.encoder, lambda: self.lexical)
        return Queries(FixedModel(live), lambda: self.catalogue, self.text, self.rules.list, vocabulary=self.vocabulary)

    def __enter__(self) -> Shop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for target in self.targets:
            target.index.close()
        self.database.close()
