"""Our measures against a script that judges models from outside the project, on the same products and model."""

from __future__ import annotations

import csv
import importlib.util
import json
import random
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from support.toy_catalogue import toy_catalogue

from recommender.embedding.encoder import Role, Vectors
from recommender.evaluation.suite import evaluate
from recommender.types import Product, category_path

YARDSTICK = Path(__file__).parents[3] / "shared" / "relevance_probe.py"
CUT = 300

pytestmark = [
    pytest.mark.real_catalogue,
    pytest.mark.skipif(not YARDSTICK.is_file(), reason="the yardstick does not lie beside the checkout"),
]


class _SentenceTransformerEncoder:
    """Encodes as the yardstick does."""

    fingerprint = ""
    name = "sentence-transformers"

    def __init__(self, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(folder))
        self._model.max_seq_length = 64
        self.dimension = 32

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        vectors = self._model.encode(list(texts), batch_size=64, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    def close(self) -> None:
        """Hold nothing."""


@pytest.fixture(scope="module")
def yardstick() -> ModuleType:
    spec = importlib.util.spec_from_file_location("yardstick", YARDSTICK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _products() -> list[Product]:
    draw = random.Random(1)
    products = toy_catalogue(products_per_leaf=60)
    extra = [Product("lonely", "a thing alone in its leaf", "words " * 20, "Alder", ("Office", "Odd", "Deep"))]
    cut = [
        Product(p.sku, p.title, p.description[: draw.choice((0, 30, 500, 500))], p.brand, (*p.category, "Sub")[:depth])
        for p, depth in ((product, draw.choice((1, 2, 3))) for product in products)
    ]
    return [*cut, *extra]


def _feed(path: Path, products: Sequence[Product]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "title", "description", "brand", "category"])
        writer.writerows([p.sku, p.title, p.description, p.brand, category_path(p.category)] for p in products)
    return path


def test_every_measure_is_the_yardsticks(
    yardstick: ModuleType, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    products = _products()
    yardstick.score(str(tiny_model), str(_feed(tmp_path / "feed.csv", products)), 64)
    expected = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    report = evaluate(
        _SentenceTransformerEncoder(tiny_model),
        products,
        [row for row, product in enumerate(products) if yardstick.held_out(product.title)],
        lambda product: f"{product.title}. {product.brand}. {product.description[:CUT]}",
        lambda product: product.title,
        lambda product: product.description[:CUT],
        model="tiny",
    )
    names = {
        "category_p10": "category_p10",
        "graded_ndcg10": "graded_ndcg10",
        "description_to_title_mrr10": "desc_to_title",
        "title_to_description_mrr10": "title_to_desc",
    }
    assert expected["queries"] == len(report.metrics["category_p10"].values) > 30
    for ours, theirs in names.items():
        assert report.metrics[ours].mean == pytest.approx(expected[theirs], abs=6e-5), ours
