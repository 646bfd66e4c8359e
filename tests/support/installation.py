"""A whole installation in a folder: the application as it is wired, a real model, and an encoder that is quick."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from support.fake_encoder import WordEncoder

from recommender.application.composition import Application
from recommender.embedding.bm25 import LexicalEncoder
from recommender.index.generation import Lexicon
from recommender.ingestion.targets import Target
from recommender.ingestion.verification import Verification, verify
from recommender.ingestion.worker import Worker
from recommender.models.manifest import Manifest
from recommender.settings import Settings
from recommender.types import Product


def settings_of(home: Path, database_url: str = "") -> Settings:
    """Return the settings of an installation in `home`, whatever the environment says."""
    return Settings(home=home, database_url=database_url, qdrant_url="")


def install(settings: Settings, model: Path, products: Sequence[Product]) -> None:
    """Make an installation with a live generation of these products; `model` is copied into it, and not exported."""
    with Application(settings) as application:
        settings.models_dir.mkdir(parents=True)
        folder = Path(shutil.copytree(model, settings.home / "tiny"))
        manifest = Manifest.create(folder, name="tiny", base="org/base", kind="base")
        registered = application.registry.register(folder, manifest)
        generation = application.generations.start(
            registered.id, registered.fingerprint, registered.dimension, Lexicon("english")
        )
        application.create_index(generation)
        application.generations.ready(generation)
        application.generations.switch(generation)
        application.catalogue.upsert(products)
        drain(application)


def drain(application: Application) -> None:
    """Take into the live generation what waits."""
    live = application.generations.require_live()
    target = Target(live.name, application.index(live), WordEncoder, LexicalEncoder)
    Worker(application.catalogue, application.outbox, application.writer, lambda: [target]).drain()


def compared(application: Application) -> Verification:
    """Compare the live generation with the catalogue."""
    return verify(application.index(application.generations.require_live()), application.catalogue)
