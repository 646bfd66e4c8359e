"""Whatever happens to a catalogue, its generations hold what it says: random histories against a plain dict."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from safetensors.numpy import save_file
from support.fake_encoder import WordEncoder

from recommender.application.composition import Application
from recommender.embedding.encoder import Encoder, Role, Vectors
from recommender.errors import Unavailable
from recommender.index.generation import Generation, GenerationState
from recommender.ingestion.verification import verify
from recommender.jobs.ingest import drain
from recommender.jobs.promote import promote, roll_back
from recommender.jobs.rebuild import rebuild, start_generation
from recommender.models.manifest import Manifest
from recommender.models.registry import RegisteredModel
from recommender.settings import Settings
from recommender.types import Product

SKUS = st.sampled_from([f"sku-{number}" for number in range(6)])
TITLES = st.sampled_from(["Brass desk lamp", "Leather walking boot", "Steel kettle", "Cotton shirt"])
PRODUCTS = st.builds(
    lambda sku, title, price, kind: Product(sku, title, category=("Shop", kind), price=Decimal(price)),
    SKUS,
    TITLES,
    st.integers(1, 3),
    st.sampled_from(["Near", "Far"]),
)
WIDTH = 16


class Away(WordEncoder):
    """An encoder that can be told to be away."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__(WIDTH)
        self.fingerprint = fingerprint
        self.away = False

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Turn the vectors of the words by as much as this model does, so that no two models have the same."""
        if self.away:
            raise Unavailable("the encoder is away")
        return np.roll(super().encode(texts, role), int(self.fingerprint[:2], 16) % WIDTH, axis=1)


class QuickApplication(Application):
    """The application with real parts but for the encoders, which are quick."""

    def __init__(self, home: Path, encoders: dict[str, Away]) -> None:
        self.quick = encoders
        super().__init__(Settings(home=home))

    def load_encoder(self, model: RegisteredModel, runtime: str) -> Encoder:
        return self.quick.setdefault(model.fingerprint, Away(model.fingerprint))


def _model_folder(folder: Path, seed: int) -> Path:
    folder.mkdir(parents=True)
    save_file({"weights": np.full(4, seed, dtype=np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"out_features": WIDTH}), encoding="utf-8")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    return folder


class Histories(RuleBasedStateMachine):
    """Imports, changes, deletions, drains, rebuilds, promotions, rollbacks, restarts and encoders that go away."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.encoders: dict[str, Away] = {}
        self.application = QuickApplication(self.folder / "home", self.encoders)
        self.expected: dict[str, Product] = {}

    @initialize()
    def begin(self) -> None:
        """Register two models, and put an empty generation of the first live."""
        registry = self.application.registry
        for number, name in enumerate(("one", "two")):
            folder = _model_folder(self.folder / name, number)
            registry.register(folder, Manifest.create(folder, name=name, base="base", kind="base"))
        generations = self.application.generations
        first = start_generation(self.application, registry.get("one"))
        generations.ready(first)
        generations.switch(first)

    @rule(products=st.lists(PRODUCTS, min_size=1, max_size=5))
    def upsert(self, products: list[Product]) -> None:
        """Create or change products."""
        self._upsert(products)

    def _upsert(self, products: list[Product]) -> None:
        self.application.catalogue.upsert(products)
        self.expected.update((product.sku, product) for product in products)

    @rule(skus=st.lists(SKUS, min_size=1, max_size=3))
    def deactivate(self, skus: list[str]) -> None:
        """Take products out of the shop."""
        self.application.catalogue.deactivate(skus)
        for sku in skus:
            self.expected.pop(sku, None)

    @rule()
    def drain(self) -> None:
        """Take in what waits: now the live generation equals the catalogue."""
        self._drain()
        live = self.application.generations.require_live()
        assert self.application.outbox.depth().waiting == 0
        self._holds_the_catalogue(live)

    def _drain(self) -> None:
        assert drain(self.application) is not None

    @rule(product=PRODUCTS)
    def rebuild_under_traffic(self, product: Product) -> None:
        """Build anew while a product changes."""
        rebuild(self.application, lambda *_: self._upsert([product]))

    @rule(name=st.sampled_from(["one", "two"]), product=PRODUCTS)
    def promote_under_traffic(self, name: str, product: Product) -> None:
        """Put a model live while a product changes, and is taken in, as it is built."""

        def change(*_: object) -> None:
            self._upsert([product])
            self._drain()

        model = self.application.registry.get(name)
        if not model.live:
            promote(self.application, model, progress=change)
        live = self.application.generations.require_live()
        assert live.model_name == name
        assert live.fingerprint == model.fingerprint

    @precondition(lambda self: self.application.generations.previous() is not None)
    @rule()
    def roll_back(self) -> None:
        """Go back at once: nothing is encoded for it."""
        before = {name: len(encoder.encoded) for name, encoder in self.encoders.items()}
        roll_back(self.application)
        assert before == {name: len(encoder.encoded) for name, encoder in self.encoders.items()}

    @rule()
    def drain_while_the_encoder_of_the_kept_generation_is_away(self) -> None:
        """What it misses does not hold up the live one."""
        live = self.application.generations.require_live()
        others = [encoder for name, encoder in self.encoders.items() if name != live.fingerprint]
        for encoder in others:
            encoder.away = True
        self.drain()
        for encoder in others:
            encoder.away = False

    @rule()
    def drain_while_the_live_encoder_is_away(self) -> None:
        """Nothing is lost, and nothing parked."""
        live = self.encoders.get(self.application.generations.require_live().fingerprint)
        if live is None:
            return
        live.away = True
        waiting = self.application.outbox.depth().waiting
        try:
            drain(self.application)
        except Unavailable:
            assert self.application.outbox.depth().waiting == waiting
        live.away = False
        assert self.application.outbox.depth().parked == 0

    @rule()
    def restart(self) -> None:
        """End the process in good order, and begin anew."""
        self.application.close()
        self.application = QuickApplication(self.folder / "home", self.encoders)

    @invariant()
    def the_catalogue_has_what_was_acknowledged(self) -> None:
        """Every product stands as it was last written."""
        assert {one.product.sku: one.product for one in self.application.catalogue.products()} == self.expected

    @invariant()
    def few_generations_are_kept(self) -> None:
        """Live, one to go back to, and no build left over."""
        states = [one.state for one in self.application.generations.list() if one.state is not GenerationState.RETIRED]
        assert set(states) <= {GenerationState.READY}
        assert len(states) <= 2

    def _holds_the_catalogue(self, generation: Generation) -> None:
        index = self.application.index(generation)
        assert verify(index, self.application.catalogue).clean
        points = {str(point.payload["sku"]): point for point in index.scroll(with_vectors=True)}
        assert points.keys() == self.expected.keys()
        encoder = Away(generation.fingerprint)
        for sku, product in self.expected.items():
            assert points[sku].payload["price"] == float(product.price or 0)
            vector = points[sku].dense
            assert vector is not None
            assert np.allclose(vector, encoder.encode([self.application.text(product)])[0], atol=1e-5)

    def teardown(self) -> None:
        """Drain what is left; live and kept generation both hold the catalogue then, but for what is noted."""
        try:
            if self.application.generations.live() is not None:
                self.drain()
            if self.application.generations.previous() is not None:
                self.application.generations.rollback()
                self.drain()
        finally:
            self.application.close()
            shutil.rmtree(self.folder)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a history is short, and shrinking one takes minutes
)
