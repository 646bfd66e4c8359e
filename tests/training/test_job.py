"""What a job hands to the processes that train it, and what they hand back."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest

from recommender.evaluation.text_suite import HeldOutTexts, TextSuite
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.dataset_builder import SETS_OF, build_training_data
from recommender.training.job import TrainingJob, TrainingResult, read_job, read_result, write_job, write_result
from recommender.training.options import DataFormat, DataSource, Loss, TrainingOptions, TrainingPrecision
from recommender.training.splits import split_products
from recommender.training.validation import build_validation
from recommender.types import Product, silent

OPTIONS = TrainingOptions(
    epochs=2,
    budget=timedelta(minutes=10),
    matryoshka=(32, 8),
    precision=TrainingPrecision.BF16,
    report_to=("tensorboard",),
    processes=2,
)


@pytest.mark.parametrize("loss", list(SETS_OF))
def test_a_job_is_the_same_in_another_process(
    loss: Loss, tmp_path: Path, toys: list[Product], texts: TextFunctions
) -> None:
    split = split_products(toys, seed=1)
    data = tmp_path / "pairs.csv"
    data.write_text("anchor,positive\n" + "".join(f"a{n},b{n}\n" for n in range(9)), encoding="utf-8")
    options = replace(OPTIONS, loss=loss, data=(DataSource(str(data), DataFormat.PAIRS),))
    sets = build_training_data(toys, split, options, texts).sets
    validation = build_validation(toys, split, texts)
    started = time.monotonic() - 60
    suite = TextSuite(HeldOutTexts(triplets=(("a", "b", "c"),), scored=(("a", "b", 0.5),)), HeldOutTexts())
    job = TrainingJob(
        tmp_path / "base", tmp_path, tmp_path / "model", options, sets, validation, suite, started, silent
    )
    write_job(job, tmp_path / "job.json")
    assert (tmp_path / "job.json").read_text(encoding="utf-8").startswith("{")
    read = read_job(tmp_path / "job.json", silent)
    assert (read.base, read.folder, read.output) == (job.base, job.folder, job.output)
    assert read.options == options
    assert (read.validation, read.texts) == (validation, suite)
    assert read.started == pytest.approx(started, abs=5)
    for ours, theirs in zip(sets, read.sets, strict=True):
        assert (theirs.name, theirs.columns, theirs.shape, theirs.homes) == (
            ours.name, ours.columns, ours.shape, ours.homes,
        )  # fmt: skip
        assert theirs.dataset()[:] == ours.dataset()[:]
        assert theirs.dataset().with_format(None)[:] == ours.dataset().with_format(None)[:]


def test_a_result_is_the_same_in_another_process(tmp_path: Path) -> None:
    result = TrainingResult(
        steps=12,
        epochs=1.5,
        seconds=3.25,
        device="cpu",
        gflops={"fp32": 81.5, "bf16": 150.0},
        precision=TrainingPrecision.FP32,
        losses=((1, 2.5), (5, 1.25)),
        evaluations=((0, {"gain": 0.0}), (12, {"gain": 0.5})),
        best_step=12,
        learning_rate=1e-4,
        set_sizes={"products": 100},
        set_losses={"products": "joint"},
    )
    write_result(result, tmp_path / "result.json")
    read = read_result(tmp_path / "result.json")
    assert {field.name: getattr(read, field.name) for field in fields(read)} == {
        field.name: getattr(result, field.name) for field in fields(result)
    }
