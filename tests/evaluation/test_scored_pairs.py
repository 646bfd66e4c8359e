from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from support.fake_encoder import WordEncoder

from recommender.errors import BadInput
from recommender.evaluation.judgements import evaluate_scored
from recommender.training.data.supplied import read_scored

CATALOGUE = {"s1": "red running shoe", "s2": "blue running shoe", "s3": "table lamp"}


def _file(folder: Path, text: str) -> Path:
    path = folder / "scored.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_pairs_of_texts_and_skus_are_ordered_as_their_scores(tmp_path: Path) -> None:
    scored = read_scored(
        _file(tmp_path, "a,b,score\ns1,s2,4\ns1,s3,0.5\nred running shoe,a red shoe,3\ntable lamp,s3,5\n")
    )
    report = evaluate_scored(WordEncoder(), scored, CATALOGUE.get, model="words")
    texts = [("s1", "s2"), ("s1", "s3"), ("red running shoe", "a red shoe"), ("table lamp", "s3")]
    vectors = [WordEncoder().encode([CATALOGUE.get(side, side) for side in pair]) for pair in texts]
    expected = spearmanr([float(a @ b) for a, b in vectors], [4, 0.5, 3, 5]).statistic
    value = report.metrics["spearman"]
    assert value.mean == pytest.approx(expected)
    assert value.low <= value.mean <= value.high
    assert (report.model, report.queries, report.left_out) == ("words", 4, 0)


def test_products_that_are_gone_are_left_out_and_counted(tmp_path: Path) -> None:
    text = "sku_a,sku_b,score\ns1,s2,4\ns1,s3,0.5\ns2,s3,1\ns1,gone,3\n"
    report = evaluate_scored(WordEncoder(), read_scored(_file(tmp_path, text)), CATALOGUE.get)
    assert (report.queries, report.left_out) == (3, 1)
    with pytest.raises(BadInput, match="of 4 scored pairs 0 have both products"):
        evaluate_scored(WordEncoder(), read_scored(_file(tmp_path, text)), {}.get)


def test_each_text_is_encoded_once(tmp_path: Path) -> None:
    encoder = WordEncoder()
    evaluate_scored(encoder, read_scored(_file(tmp_path, "a,b,score\nx,y,1\nx,z,2\ny,z,3\n")), CATALOGUE.get)
    assert sorted(encoder.encoded) == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\nx,y\n", "expected a,b,score"),
        ("a,b,score\nx,y,much\nx,z,1\ny,z,2\n", "line 2: the score 'much' is not a number"),
        ("a,b,score\nx,,1\n", "line 2: there is no second text"),
        ("a,b,score\nx,y,1\nx,z,2\n", "holds 2 pairs"),
        ("a,b,score\nx,y,1\nx,z,1\ny,z,1\n", "every pair has the score 1"),
        ("sku_a,sku_b\nx,y\n", "expected sku_a,sku_b,score"),
    ],
)
def test_scores_that_do_not_fit_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_scored(_file(tmp_path, text))


def test_a_model_that_finds_everything_alike_has_no_correlation(tmp_path: Path) -> None:
    scored = read_scored(_file(tmp_path, "a,b,score\nx,y,1\nx,z,2\ny,z,3\n"))

    class Flat(WordEncoder):
        def encode(self, texts, role=None):  # type: ignore[no-untyped-def]
            return np.tile(np.eye(1, self.dimension, dtype=np.float32), (len(texts), 1))

    assert evaluate_scored(Flat(), scored, CATALOGUE.get).metrics["spearman"].mean == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sts.tsv", "sentence1\tsentence2\tlabel\nx\ty\t5.0\nx\tz\t2.5\ny\tz\t0.0\n"),
        ("nli.csv", "premise,hypothesis,label\nx,y,entailment\nx,z,neutral\ny,z,contradiction\n"),
        ("sts.jsonl", "".join(f'{{"sentence1": "x", "sentence2": "{n}", "score": {n}}}\n' for n in range(3))),
    ],
)
def test_scores_are_read_in_the_shapes_that_people_have(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    scored = read_scored(tmp_path / name)
    assert len(scored.pairs) == 3
    assert scored.pairs[0][0] == "x"
    assert len({score for *_, score in scored.pairs}) == 3
