"""Texts to vectors in files, and the index as a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender import Recommender
from recommender.errors import UsageError

Command = Callable[..., Any]
TEXTS = ["a lamp", "boots of leather", "a lamp"]


@pytest.fixture(scope="module")
def rows(home: Path) -> Path:
    """A file of texts with a column of numbers beside them."""
    path = home / "texts.jsonl"
    path.write_text("".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate(TEXTS)), "utf-8")
    return path


def test_a_file_is_encoded_row_by_row_into_numpy_and_parquet(toy_shop: Command, home: Path, rows: Path) -> None:
    done = toy_shop("encode", rows, "--out", "vectors.npy", "--json").json
    vectors = np.load(home / "vectors.npy")
    assert (done["rows"], done["dimension"]) == vectors.shape
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-5)
    parquet = pytest.importorskip("pyarrow.parquet")
    toy_shop("encode", rows, "--out", "vectors.parquet", "--column", "text")
    table = parquet.read_table(home / "vectors.parquet").to_pydict()
    assert table["text"] == TEXTS
    assert np.array(table["vector"], dtype=np.float32) == pytest.approx(vectors, abs=1e-5)


def test_the_index_is_a_table_of_skus_vectors_and_payloads(toy_shop: Command, home: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    done = toy_shop("index", "export", "index.parquet", "--json").json
    table = parquet.read_table(home / "index.parquet").to_pydict()
    assert len(table["sku"]) == done["rows"] == len(set(table["sku"]))
    assert {json.loads(payload)["sku"] for payload in table["payload"]} == set(table["sku"])
    assert {len(vector) for vector in table["vector"]} == {done["dimension"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('text\na lamp\n""\nboots\n', "line 3: there is no text"),
        ("a lamp of glass\nboots\n", "'a lamp of glass', reads like a text"),
    ],
)
def test_no_row_of_a_list_of_texts_is_left_out_in_silence(
    toy_shop: Command, home: Path, content: str, message: str
) -> None:
    (home / "list.csv").write_text(content, encoding="utf-8")
    assert message in toy_shop("encode", "list.csv", "--out", "list.npy", code=4).err
    assert not (home / "list.npy").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("encode", "texts.jsonl", "--out", "vectors.txt"), 2, "does not end in .npy or .parquet"),
        (("encode", "texts.jsonl", "--out", "none/vectors.npy"), 4, "no folder none"),
        (("encode", "feed.csv", "--out", "v.npy", "--column", "colour"), 4, "name one with --column"),
        (("encode", "texts.jsonl", "--out", "v.npy", "--model", "nobody"), 3, "nobody"),
    ],
)
def test_what_cannot_be_encoded_is_one_line(
    toy_shop: Command, rows: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert message in toy_shop(*arguments, code=code).err.strip().splitlines()[-1]


def test_python_encodes_as_the_command_does(toy_shop: Command, home: Path, tiny_model: Path, rows: Path) -> None:
    toy_shop("encode", rows, "--out", "again.npy")
    with Recommender.open(home=home, model=str(tiny_model)) as recommender:
        vectors = recommender.encode(TEXTS)
        assert vectors == pytest.approx(np.load(home / "again.npy"), abs=1e-5)
        assert recommender.encode([]).shape == (0, vectors.shape[1])
        assert recommender.encode(text for text in TEXTS) == pytest.approx(vectors)
        for wrong in ("a lamp", None, [1]):
            with pytest.raises(UsageError, match="a list of texts"):
                recommender.encode(wrong)
