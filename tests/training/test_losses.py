from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from recommender.errors import UsageError
from recommender.training.catalogue_sets import CatalogueSets, SetName, TextFunctions
from recommender.training.finetuning import finetune
from recommender.training.job import TrainingResult
from recommender.training.options import Loss, TrainingOptions, TrainingPrecision
from recommender.training.splits import Split, split_products
from recommender.types import Product

pytestmark = pytest.mark.training

OPTIONS = TrainingOptions(
    epochs=1, batch_size=32, learning_rate=2e-3, precision=TrainingPrecision.FP32, evaluations=1, device="cpu"
)
SETS = {
    Loss.MNRL: {"category", "fields", "queries"},
    Loss.CACHED_MNRL: {"category", "fields", "queries"},
    Loss.GIST: {"category", "fields", "queries"},
    Loss.TRIPLET: {"category"},
    Loss.BATCH_HARD: {"leaves"},
    Loss.COSENT: {"scored"},
    Loss.COSINE: {"scored"},
    Loss.SOFTMAX: {"classes"},
    Loss.CONTRASTIVE: {"contrastive"},
}

Train = Callable[..., tuple[Path, TrainingResult]]
Agreement = Callable[..., float]


@pytest.fixture(scope="module")
def split(toys: list[Product]) -> Split:
    return split_products(toys, seed=1)


@pytest.fixture
def train(tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions) -> Train:
    def run(name: str = "model", **changes: object) -> tuple[Path, TrainingResult]:
        output = tmp_path / name
        return output, finetune(toys, split, toy_model, output, replace(OPTIONS, **changes), texts)

    return run


@pytest.fixture(scope="module")
def agreement(toys: list[Product], texts: TextFunctions) -> Agreement:
    """Spearman correlation of cosines with how much of their category paths two products share."""
    examples = list(CatalogueSets(toys, range(len(toys)), texts, seed=9).draw(SetName.SCORED, 1).examples())
    pairs, scores = [pair for pair, _ in examples], np.array([score for _, score in examples])

    def measure(model: Path, components: int | None = None) -> float:
        from sentence_transformers import SentenceTransformer

        encoder = SentenceTransformer(str(model), device="cpu", truncate_dim=components)
        first, second = (
            encoder.encode([pair[side] for pair in pairs], normalize_embeddings=True, show_progress_bar=False)
            for side in (0, 1)
        )
        return float(np.corrcoef(ranks((first * second).sum(axis=1)), ranks(scores))[0, 1])

    return measure


def ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - counts / 2)[inverse]


@pytest.mark.parametrize("loss", list(SETS))
def test_each_loss_brings_products_that_share_more_of_their_category_nearer(
    loss: Loss, train: Train, agreement: Agreement, toy_model: Path
) -> None:
    output, result = train(loss=loss, epochs=3 if loss in (Loss.BATCH_HARD, Loss.SOFTMAX) else 1)
    assert set(result.set_sizes) == SETS[loss]
    assert set(result.set_losses.values()) == {loss.value}
    assert agreement(output) > agreement(toy_model) + 0.05


def test_the_parameters_of_a_loss_are_not_saved(train: Train, toy_model: Path) -> None:
    output, _ = train(loss=Loss.SOFTMAX, epochs=0.2)
    assert {path.name for path in output.iterdir()} == {path.name for path in toy_model.iterdir()}
    assert load_file(output / "model.safetensors").keys() == load_file(toy_model / "model.safetensors").keys()


def test_shortened_vectors_are_trained_together_with_whole_ones(
    train: Train, agreement: Agreement, toy_model: Path
) -> None:
    _, plain = train("plain", loss=Loss.COSENT, epochs=0.1)
    output, nested = train("nested", loss=Loss.COSENT, matryoshka=(32, 8), epochs=3)
    assert nested.losses[0][1] > 1.8 * plain.losses[0][1]  # the sum over both sizes
    assert agreement(output, 8) > agreement(toy_model, 8) + 0.05


@pytest.mark.parametrize("loss", [Loss.MNRL, Loss.CACHED_MNRL, Loss.GIST, Loss.TRIPLET, Loss.BATCH_HARD])
def test_matryoshka_goes_around_losses_of_every_kind(loss: Loss, train: Train, agreement: Agreement) -> None:
    output, _ = train(loss=loss, matryoshka=(32, 8), epochs=0.1)
    assert np.isfinite(agreement(output, 8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"matryoshka": (64, 32)}, "have 32 components"),
        ({"matryoshka": (16, 8)}, "write 32,16,8"),
        ({"matryoshka": (32, 8), "loss": Loss.SOFTMAX}, "can't go with softmax"),
        ({"loss": Loss.BATCH_HARD, "batch_size": 2}, "4 or more"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_anything_is_trained(
    changes: dict[str, object], message: str, train: Train
) -> None:
    with pytest.raises(UsageError, match=message):
        train(**changes)


def test_an_adapter_learns_and_leaves_an_ordinary_model(
    tmp_path: Path, train: Train, toys: list[Product], split: Split, texts: TextFunctions
) -> None:
    learned, _ = train("learned", loss=Loss.MNRL)  # an adapter corrects what a model knows; the toy one knows nothing
    options = replace(OPTIONS, loss=Loss.COSENT, lora_rank=8, learning_rate=5e-3, epochs=2)
    result = finetune(toys, split, learned, tmp_path / "adapted", options, texts)
    assert result.losses[-1][1] < 0.9 * result.losses[0][1]
    assert {path.name for path in (tmp_path / "adapted").iterdir()} == {path.name for path in learned.iterdir()}
    before, after = (load_file(folder / "model.safetensors") for folder in (learned, tmp_path / "adapted"))
    assert before.keys() == after.keys()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert any("query.weight" in name for name in changed)
    assert not any("embeddings" in name or "LayerNorm" in name for name in changed)


def test_merging_an_adapter_changes_no_vector(tmp_path: Path, toy_model: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    from recommender.training.lora import add_adapter, merge_adapter

    model = SentenceTransformer(str(toy_model), device="cpu")
    plain = model.encode("espresso grinder", show_progress_bar=False)
    add_adapter(model, 4)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.normal_(std=0.3)
    adapted = model.encode("espresso grinder", show_progress_bar=False)
    merge_adapter(model)
    model.save_pretrained(str(tmp_path / "merged"), create_model_card=False)
    merged = SentenceTransformer(str(tmp_path / "merged"), device="cpu").encode("espresso grinder")
    assert not np.allclose(adapted, plain, atol=0.01)
    np.testing.assert_allclose(merged, adapted, atol=1e-5)
