"""A real run of `mteb` over a task of our own, whose data lies in a folder."""

from __future__ import annotations

import csv
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from scipy.stats import spearmanr
from support.fake_encoder import WordEncoder

from recommender.errors import Unavailable, UsageError
from recommender.evaluation.mteb_tasks import find_tasks, run_tasks

pytestmark = pytest.mark.skipif(find_spec("mteb") is None, reason="mteb is not installed")  # its import takes seconds

PAIRS = [
    ("red running shoe", "blue running shoe", 4.0),
    ("red running shoe", "table lamp", 0.0),
    ("table lamp", "a lamp for the table", 5.0),
    ("coffee grinder", "espresso coffee machine", 3.0),
    ("coffee grinder", "office chair", 0.5),
]


def _similarity_task(folder: Path):  # type: ignore[no-untyped-def]
    from mteb.abstasks import AbsTaskSTS
    from mteb.abstasks.task_metadata import TaskMetadata

    class ShopSimilarity(AbsTaskSTS):
        metadata = TaskMetadata(
            name="ShopSimilarity",
            description="Pairs of product titles with a score of how alike they are.",
            dataset={"path": str(folder), "revision": "1"},
            type="STS",
            category="t2t",
            modalities=["text"],
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="cosine_spearman",
        )

    return ShopSimilarity()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    with (tmp_path / "test.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sentence1", "sentence2", "score"])
        writer.writerows(PAIRS)
    return tmp_path


@pytest.mark.filterwarnings("default")  # of mteb and what it imports, which are not ours to mend
def test_a_task_is_run_through_the_encoder_that_serves(folder: Path) -> None:
    encoder = WordEncoder()
    (score,) = run_tasks(encoder, [_similarity_task(folder)], model="tuned")
    cosines = [float(a @ b) for a, b in (WordEncoder().encode(list(pair[:2])) for pair in PAIRS)]
    assert score.score == pytest.approx(spearmanr(cosines, [pair[2] for pair in PAIRS]).statistic, abs=1e-4)
    assert (score.task, score.metric, score.model, score.encoder) == (
        "ShopSimilarity",
        "cosine_spearman",
        "tuned",
        "words",
    )
    assert set(encoder.encoded) == {text for pair in PAIRS for text in pair[:2]}
    assert score.json()["score"] == round(score.score, 4)


@pytest.mark.filterwarnings("default")
def test_data_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the data of the mteb task 'ShopSimilarity' can't be fetched"):
        run_tasks(WordEncoder(), [_similarity_task(tmp_path / "nowhere")], model="tuned")


@pytest.mark.filterwarnings("default")
def test_a_task_that_does_not_exist_offers_one_that_does() -> None:
    with pytest.raises(UsageError, match="no task 'STS112'; did you mean 'STS12'"):
        find_tasks(["STS112"])


def test_nothing_else_imports_mteb() -> None:
    code = (
        "import sys\nfrom recommender.evaluation import mteb_tasks\n"
        "from recommender.jobs import evaluate, promote\n"
        "from recommender.cli import app\nassert 'mteb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
