"""The gate over real training runs: the default recipe passes, the textbook one and a meaningless one do not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.tiny_model import build_tiny_model
from support.toy_catalogue import toy_catalogue

from recommender.embedding.torch_encoder import TorchEncoder
from recommender.evaluation.reports import Report
from recommender.evaluation.suite import evaluate
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.finetuning import finetune
from recommender.training.options import Loss, TrainingOptions, TrainingPrecision
from recommender.training.promotion_gate import GUARDS, PRIMARY, Verdict, decide
from recommender.training.splits import Split, split_products
from recommender.types import Product

pytestmark = pytest.mark.training

OPTIONS = TrainingOptions(
    epochs=3, batch_size=32, learning_rate=2e-3, precision=TrainingPrecision.FP32, evaluations=2, device="cpu"
)


def shuffled(products: Sequence[Product]) -> list[Product]:
    categories = [product.category for product in products]
    random.Random(3).shuffle(categories)
    return [replace(product, category=category) for product, category in zip(products, categories, strict=True)]


@dataclass(frozen=True)
class Shop:
    """A catalogue, its split, and a base that tells products apart but knows nothing of the categories."""

    products: list[Product]
    split: Split
    texts: TextFunctions
    base: Path

    def train(self, name: str, products: Sequence[Product], options: TrainingOptions, base: Path | None = None) -> Path:
        output = self.base.parent / name
        finetune(products, self.split, base or self.base, output, options, self.texts)
        return output

    def measure(self, model: Path) -> Report:
        encoder = TorchEncoder(model, model.name, device="cpu")
        texts = self.texts
        return evaluate(
            encoder, self.products, self.split.test, texts.text, texts.title, texts.description, model=model.name
        )

    def verdict(self, model: Path, base: Path | None = None) -> Verdict:
        return decide(self.measure(base or self.base), None, self.measure(model))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, texts: TextFunctions) -> Shop:
    folder = tmp_path_factory.mktemp("gate")
    products = toy_catalogue(products_per_leaf=20)
    build_tiny_model(folder / "random", texts=[texts.text(product) for product in products])
    made = Shop(products, split_products(products, seed=1, test_share=0.3), texts, folder / "base")
    # Random weights know nothing that could be forgotten. Titles and descriptions under meaningless categories teach
    # a model which product is which, and no more.
    made.train("base", shuffled(products), replace(OPTIONS, epochs=12), base=folder / "random")
    return made


@pytest.fixture(scope="module")
def default(shop: Shop) -> Path:
    """What the default recipe makes of the base: a model that knows the categories."""
    return shop.train("default", shop.products, replace(OPTIONS, epochs=8))


def test_the_default_recipe_passes(shop: Shop, default: Path) -> None:
    verdict = shop.verdict(default)
    assert verdict.passed, verdict.reason


def test_the_textbook_recipe_learns_the_categories_and_is_refused_for_what_it_forgets(shop: Shop) -> None:
    verdict = shop.verdict(shop.train("textbook", shop.products, replace(OPTIONS, loss=Loss.TRIPLET, epochs=5)))
    passed = {line.name: line.passed for line in verdict.lines}
    assert passed[PRIMARY]
    assert not all(passed[name] for name in GUARDS)
    assert not verdict.passed


def test_a_model_trained_on_shuffled_categories_is_refused(shop: Shop, default: Path) -> None:
    # From a model that knows the categories: one that does not may still gain from learning its texts.
    verdict = shop.verdict(shop.train("shuffled", shuffled(shop.products), OPTIONS, base=default), base=default)
    passed = {line.name: line.passed for line in verdict.lines}
    assert not passed[PRIMARY]
    assert not verdict.passed
