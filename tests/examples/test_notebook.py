"""The notebook runs from its first cell to its last, and the functions that it shows give what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.query import Answer, Hit

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebooks" / "fine_tuning.ipynb"


@pytest.mark.training
def test_the_notebook_runs_as_it_stands(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_MODEL", str(tiny_model))
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), str(NOTEBOOK), "exec"), names)
    run, measured, vectors = names["run"], names["measured"], names["vectors"]
    assert (run.model.name, run.promoted) == ("tuned", False)
    assert {row["model"] for row in run.measures.rows()} == {run.reports[0].model, "tuned"}
    (row,) = measured.rows()
    assert row["low"] <= row["mean"] <= row["high"]
    assert (row["measure"], row["queries"]) == ("spearman", 120)
    assert vectors.dtype == np.float32
    frame = pytest.importorskip("pandas") and measured.to_pandas()
    assert list(frame["mean"]) == [row["mean"]]


def test_an_answer_shows_itself_in_words_and_as_a_table() -> None:
    answer = Answer((Hit("S-1", "A <b> lamp", category=("Home", "Lamps"), score=0.5),), "tuned", "g0001")
    assert repr(answer).splitlines() == [
        "Answer: 1 hits, model tuned, generation g0001",
        "  1  0.500  S-1  A <b> lamp",
    ]
    html = answer._repr_html_()
    assert "<td>A &lt;b&gt; lamp</td>" in html
    assert "<td>Home &gt; Lamps</td>" in html
