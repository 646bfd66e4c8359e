"""Options of `finetune` do what they say, and what can't be done is one line before any training."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from recommender.cli.finetune import TrainingFlags, training_options
from recommender.cli.options import DataFlags, ShapeFlags
from recommender.embedding.architecture import dimension
from recommender.embedding.pretrained import DenseActivation, assemble
from recommender.errors import UsageError
from recommender.training.options import TrainingPrecision

Command = Callable[..., Any]


def test_every_option_reaches_the_training() -> None:
    flags = TrainingFlags(
        warmup_ratio=0.2,
        weight_decay=0.0,
        train_length=128,
        evaluations=2,
        precision=TrainingPrecision.BF16,
        device="cpu",
    )
    options = training_options(flags, DataFlags())
    assert (options.warmup_ratio, options.weight_decay, options.evaluations) == (0.2, 0.0, 2)
    assert (options.max_seq_length, options.precision, options.device) == (128, TrainingPrecision.BF16, "cpu")


def test_a_model_of_longer_texts_is_trained_on_longer_texts() -> None:
    assert training_options(TrainingFlags(), DataFlags()).max_seq_length == 64
    assert training_options(TrainingFlags(), DataFlags(), max_seq_length=256).max_seq_length == 256
    assert training_options(TrainingFlags(train_length=32), DataFlags(), max_seq_length=256).max_seq_length == 32


@pytest.mark.training
@pytest.mark.parametrize("activation", DenseActivation)
def test_a_dense_layer_has_the_activation_that_was_asked_for(
    tiny_model: Path, tmp_path: Path, activation: DenseActivation
) -> None:
    from sentence_transformers import SentenceTransformer

    folder = assemble(tiny_model, tmp_path / "model", dense_dim=8, activation=activation)
    assert dimension(folder) == 8
    layer = SentenceTransformer(str(folder), device="cpu")[-2]
    assert type(layer.activation_function).__name__.casefold() == activation.value
    with pytest.raises(UsageError, match="--dense-dim"):
        ShapeFlags(dense_activation=activation).shape()


@pytest.mark.training
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--device", "cuda:7"), 2, "--device cuda:7: "),
        (("--device", "abacus"), 2, "--device abacus: "),
        (("--device", "meta"), 2, "--device meta: "),
        (("--precision", "fp16", "--device", "cpu"), 2, "fp16 is for GPUs"),
        (("--precision", "fp7"), 2, "not one of auto, fp32, bf16, fp16"),
        (("--report-to", "wandb"), 5, "recommender[report]"),
        (("--report-to", "paper"), 2, "the reporter is paper"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_one_line(
    toy_shop: Command, arguments: tuple[str, ...], code: int, message: str
) -> None:
    if "wandb" in arguments and find_spec("wandb"):
        pytest.skip("wandb is installed")
    error = toy_shop("finetune", *arguments, code=code).err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error


@pytest.mark.training
def test_the_kept_step_is_printed(toy_shop: Command) -> None:
    options = ("--epochs", "1", "--evaluations", "1", "--warmup", "0", "--precision", "fp32", "--no-promote")
    assert "on cpu, fp32; kept step " in toy_shop("finetune", *options, "--name", "mine").out
    assert toy_shop("models", "show", "mine", "--json").json["hyper_parameters"]["warmup_ratio"] == 0
