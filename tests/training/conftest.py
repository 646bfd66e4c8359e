"""Fixtures of the training tests: a catalogue that can be learned, its texts, and a tiny model that knows its words."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tiny_model import build_tiny_model
from support.toy_catalogue import toy_catalogue

from recommender.embedding.product_text import ProductText, description_text, title_text
from recommender.training.catalogue_sets import TextFunctions
from recommender.types import Product


@pytest.fixture(scope="session")
def texts() -> TextFunctions:
    return TextFunctions(text=ProductText(), title=title_text, description=description_text)


@pytest.fixture(scope="session")
def toys() -> list[Product]:
    return toy_catalogue()


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory, toys: list[Product], texts: TextFunctions) -> Path:
    folder = tmp_path_factory.mktemp("training") / "base"
    return build_tiny_model(folder, texts=[texts.text(product) for product in toys])
