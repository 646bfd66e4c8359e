"""`compare` as a person runs it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recommender.application.composition import open_application
from recommender.jobs.compare import compare

Command = Callable[..., Any]

ROWS = [
    ("boot-1", "Leather hiking boots", "Shoes > Boots > Hiking"),
    ("boot-2", "Leather hiking boots", "Shoes > Boots > Work"),
    ("kettle-1", "Stainless steel kettle", "Kitchen > Kettles"),
    ("tea", "Kettle for tea", ""),
    ("boot-9", "Boots " * 100, "Shoes > Boots"),
]


@pytest.fixture(scope="module")
def shop(recommender: Command, home: Path) -> Command:
    with (home / "feed.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("sku", "title", "category"), *ROWS])
    recommender("ingest", home / "feed.csv")
    return recommender


def _cosine(done: Any) -> float:
    (only,) = done.json["similarities"]
    return float(only["cosine"])


def test_two_products_of_one_text_are_the_same_to_the_live_model(shop: Command) -> None:
    done = shop("compare", "boot-1", "boot-2", "--json")
    assert _cosine(done) == pytest.approx(1, abs=1e-5)
    assert done.json["similarities"][0]["model"] == "tiny"
    assert done.json["common_depth"] == 2
    assert done.json["first"] == {
        "sku": "boot-1",
        "category": ["Shoes", "Boots", "Hiking"],
        "text": "Leather hiking boots",
    }
    assert _cosine(shop("compare", "boot-1", "kettle-1", "--json")) < 0.99


def test_what_is_no_sku_is_a_text(shop: Command) -> None:
    done = shop("compare", "boot-1", "leather hiking boots", "--json")
    assert _cosine(done) == pytest.approx(1, abs=1e-5)
    assert (done.json["second"]["sku"], done.json["common_depth"]) == (None, None)


def test_a_text_that_is_also_a_sku_can_be_meant(shop: Command) -> None:
    done = shop("compare", "tea", "tea", "--text", "--json").json
    assert (done["first"]["sku"], done["first"]["text"]) == (None, "tea")
    found = shop("compare", "tea", "tea", "--json").json
    assert (found["first"]["sku"], found["common_depth"]) == ("tea", None)


def test_the_table_shows_the_texts_shortened_in_80_columns(shop: Command) -> None:
    done = shop("compare", "boot-1", "boot-9")
    assert "levels in common: 2" in done.out
    assert "Leather" in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert len(shop("compare", "boot-1", "boot-9", "--json").json["second"]["text"]) == 200


def test_models_are_shown_beside_each_other_once_each(shop: Command) -> None:
    shop("models", "import", "tiny", "--max-seq-length", "8", "--json")
    done = shop("compare", "boot-1", "kettle-1", "--model", "tiny", "--model", "tiny-2", "--model", "tiny", "--json")
    assert [each["model"] for each in done.json["similarities"]] == ["tiny", "tiny-2"]


def test_a_prompted_model_meets_a_text_as_a_query(shop: Command, home: Path, tiny_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    prompts = {"query": "kettle steel kettle: ", "document": ""}
    prompted = SentenceTransformer(str(tiny_model), device="cpu", prompts=prompts)
    prompted.save_pretrained(str(home / "prompted"), create_model_card=False)
    shop("models", "import", home / "prompted")
    text = "leather hiking boots"
    with_product = _cosine(shop("compare", "boot-1", text, "--model", "prompted", "--json"))
    alone = _cosine(shop("compare", "Leather hiking boots", text, "--model", "prompted", "--json"))
    assert with_product < 0.999
    assert alone == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [(("", "boot-1"), 2, "empty"), (("a", "b", "--model", "absent"), 3, "registered: tiny")],
)
def test_what_can_not_be_compared_is_one_line(shop: Command, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = shop("compare", *arguments, code=code)
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_before_the_first_feed_it_says_what_to_do(recommender: Command, tmp_path: Path) -> None:
    assert "recommender ingest" in recommender("compare", "a", "b", code=5, RECOMMENDER_HOME=str(tmp_path)).err


def test_python_has_it_too(shop: Command, home: Path) -> None:
    with open_application(home=home) as application:
        found = compare(application, "boot-1", "kettle-1")
    assert (found.common_depth, found.first.product is not None, len(found.similarities)) == (0, True, 1)
