"""What the command line asks, and that it is answered as in Python and over HTTP, also while a service is at work."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.installation import install, settings_of
from support.served import QuickApplication, listening, stocked_catalogue

from recommender.api import Recommender
from recommender.cli.result_tables import print_answer
from recommender.client import Client
from recommender.query import (
    Answer,
    Boost,
    BoostKind,
    Confidence,
    Fallback,
    Filters,
    Hit,
    Mode,
    Options,
    Strategy,
    Understood,
    UnderstoodKind,
    Variants,
)
from recommender.query.serialization import to_value
from recommender.service.access import Access
from recommender.service.app import create_app
from recommender.service.service_file import announce

Command = Callable[..., Any]

QUESTIONS: list[tuple[list[str], Callable[[Any], Answer]]] = [
    (
        ["similar", "SKU-0003", "-k", "5", "--category", "Sport", "--category", "Kitchen > Coffee", "--brand", "alder",
         "--brand", "DUNE", "--price", "5..90.50", "--in-stock", "--attribute", "colour:red|blue", "--exclude",
         "SKU-0001", "--boost", "brand:Dune=0.3", "--boost", "in-stock=0.2", "--explain", "--facets"],
        lambda asked: asked.similar(
            "SKU-0003", 5,
            Filters(categories=(("Sport",), ("Kitchen", "Coffee")), brands=("alder", "DUNE"), price_min=Decimal(5),
                    price_max=Decimal("90.50"), in_stock=True, attributes=(("colour", ("red", "blue")),),
                    exclude_skus=("SKU-0001",)),
            Options(boosts=(Boost(BoostKind.BRAND, 0.3, "Dune"), Boost(BoostKind.IN_STOCK, 0.2)), explain=True,
                    facets=True),
        ),
    ),
    (
        ["search", "compact trail laces smart jogging", "--mode", "lexical", "--not-brand", "Cobalt",
         "--variants", "all", "--offset", "1",
         "--min-score", "2.5", "--fallback", "widen", "--no-rules", "--exclude-group", "G1", "--model", "tiny"],
        lambda asked: asked.search(
            "compact trail laces smart jogging", 10,
            Filters(exclude_brands=("Cobalt",), exclude_groups=("G1",), min_score=2.5),
            Options(Mode.LEXICAL, Variants.ALL, 1, fallback=Fallback.WIDEN, rules=False, model="tiny"),
        ),
    ),
    (
        ["recommend", "--like", "SKU-0003", "--like", "SKU-0011", "--dislike", "SKU-0050", "--strategy", "average",
         "--mode", "dense", "--diversity", "0.3"],
        lambda asked: asked.recommend(
            ["SKU-0003", "SKU-0011"], ["SKU-0050"],
            options=Options(Mode.DENSE, diversity=0.3, strategy=Strategy.AVERAGE),
        ),
    ),
    (
        ["browse", "-k", "3", "--category", "Office", "--facets"],
        lambda asked: asked.browse(3, Filters(categories=(("Office",),)), Options(facets=True)),
    ),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def stocked(home: Path, tiny_model: Path) -> None:
    install(settings_of(home), tiny_model, stocked_catalogue())


@pytest.fixture(scope="module")
def answers(recommender: Command, stocked: None) -> list[dict[str, Any]]:
    """What the command line answers by itself."""
    return [recommender(*arguments, "--json").json for arguments, _ in QUESTIONS]


@pytest.fixture
def service(home: Path, answers: object) -> Iterator[tuple[Recommender, str]]:
    """A service that holds the index, in this process, and says so in the home as `recommender serve` does."""
    with Recommender(QuickApplication(settings_of(home))) as shop:
        app = create_app(shop, Access(keys=list, local_token="secret"))
        with listening(app) as url:
            announce(home, url, "secret")
            yield shop, url
    (home / "service.json").unlink()


def test_python_http_and_the_command_line_answer_the_same(
    service: tuple[Recommender, str], answers: list[dict[str, Any]], recommender: Command
) -> None:
    shop, url = service
    with Client(url) as client:
        for (_, ask), printed in zip(QUESTIONS, answers, strict=True):
            here = json.loads(json.dumps(to_value(ask(shop))))
            assert here["hits"]
            assert {name: printed[name] for name in here} == here
            assert to_value(ask(client)) == to_value(ask(shop))
    assert answers[0]["sku"] == "SKU-0003"
    assert answers[0]["filters"]["categories"] == [["Sport"], ["Kitchen", "Coffee"]]
    assert answers[2]["options"] == {"mode": "dense", "diversity": 0.3, "strategy": "average"}


def test_a_copy_of_a_home_does_not_ask_the_service_of_the_original(
    service: tuple[Recommender, str], recommender: Command, home: Path, tmp_path: Path
) -> None:
    shutil.copytree(home, tmp_path / "copy", copy_function=shutil.copy2)
    done = recommender(*QUESTIONS[0][0], RECOMMENDER_HOME=str(tmp_path / "copy"))
    assert "answered by the service" not in done.err


def test_while_a_service_has_the_index_it_is_asked_at_once(
    service: tuple[Recommender, str], answers: list[dict[str, Any]], recommender: Command
) -> None:
    started = time.monotonic()
    asked = recommender(*QUESTIONS[0][0], "--json", http_proxy="http://127.0.0.1:9")
    assert time.monotonic() - started < 30
    assert asked.json == answers[0]
    assert asked.err == f"answered by the service at {service[1]}, which holds the index\n"
    unknown = recommender("similar", "SKU-00033", code=3)
    assert "'SKU-00033'; did you mean SKU-0033, " in unknown.err


def test_a_service_that_is_gone_is_not_asked(home: Path, answers: list[dict[str, Any]], recommender: Command) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    announce(home, "http://127.0.0.1:9", "x")
    announced = json.loads((home / "service.json").read_text())
    (home / "service.json").write_text(json.dumps(announced | {"pid": ended.pid}))
    asked = recommender(*QUESTIONS[3][0], "--json")
    (home / "service.json").unlink()
    assert asked.json == answers[3]
    assert asked.err == ""


def test_a_product_from_a_file_and_tables_that_say_why(home: Path, recommender: Command) -> None:
    fields = {
        "title": "a daily trail sole",
        "brand": "Alder",
        "price": 19.9,
        "currency": "EUR",
        "category": "Sport > Running",
    }
    (home / "mine.json").write_text(json.dumps(fields))
    shown = recommender(
        "similar", "--product", "mine.json", "--mode", "lexical", "-k", "3", "--explain", "--facets", "--boost",
        "newness@7=0.1",
    )  # fmt: skip
    lines = shown.out.splitlines()
    assert lines[0].startswith("similar to a daily trail sole")
    assert any("words in common" in line for line in lines)
    assert any("trail, sole" in line for line in lines)
    assert any(line.strip().startswith("Sport > Running") for line in lines)
    assert any(" and more " in line for line in lines)
    assert all(len(line) <= 80 for line in lines)
    (home / "mine.json").write_text(json.dumps(fields | {"colour": "red"}))
    refused = recommender("similar", "--product", "mine.json", code=2)
    assert refused.err.startswith("error: product has no field 'colour'; its fields: sku, title")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["similar"], "no product is named; give a SKU, or its fields with --product FILE"),
        (["search", "x", "--boost", "in-stok=1"], "--boost is 'in-stok=1'; write in-stock=0.2, brand:Nike=0.3"),
        (["recommend", "--dislike", "x"], "nothing is liked; name products with --like SKU"),
    ],
)
def test_a_question_that_makes_no_sense_is_one_clear_line(
    recommender: Command, arguments: list[str], complaint: str
) -> None:
    refused = recommender(*arguments, code=2)
    assert refused.err.startswith(f"error: {complaint}")
    assert refused.err.count("\n") == 1


@pytest.mark.parametrize("confidence", [Confidence.NONE, Confidence.WEAK])
def test_an_unsure_answer_says_whether_filters_are_in_its_way(
    confidence: Confidence, capsys: pytest.CaptureFixture[str]
) -> None:
    hit = Hit("SKU-0001", "Trail shoe", score=0.1)
    cheap = Understood("under 80", UnderstoodKind.PRICE, price_max=Decimal(80), currency="EUR")
    read_as_brand = Understood("alder", UnderstoodKind.BRAND, "Alder")
    for understood, filtered, within in (
        ((), False, False),
        ((read_as_brand,), False, False),
        ((), True, True),
        ((cheap,), False, True),
    ):
        print_answer(Answer((hit,), "tiny", "g1", confidence=confidence, understood=understood), "", 0, filtered)
        assert ("no product within the filters" in capsys.readouterr().out) is within
    print_answer(Answer((), "tiny", "g1", confidence=confidence, understood=(cheap,)), "")
    assert "loosen the filters" in capsys.readouterr().out


def test_a_search_where_no_shop_is_names_the_place(recommender: Command, tmp_path: Path) -> None:
    refused = recommender("search", "x", code=5, RECOMMENDER_HOME=str(tmp_path / "elsewhere"))
    assert str(tmp_path / "elsewhere") in refused.err
    assert refused.err.count("\n") == 1


def test_a_rule_that_has_no_product_or_is_over_says_so(recommender: Command) -> None:
    added = recommender("rules", "add", "ban", "SKU-005O", "--until", "2020-01-01", "--json")
    assert "no product in the shop has the SKU 'SKU-005O' yet; did you mean SKU-00" in added.err
    assert "no longer applies" in added.err
    known = recommender("rules", "add", "pin", "SKU-0050", "--query", "nobody asks this", "--json")
    assert known.err == ""
    for rule in (added, known):
        recommender("rules", "remove", rule.json["id"])


def test_a_rule_in_a_category_that_has_no_product_says_so(recommender: Command) -> None:
    for category, told in (("Offise", True), ("OFFICE", False)):
        added = recommender("rules", "add", "ban", "SKU-0050", "--category", category)
        assert (f"no product in the shop is in '{category}' yet" in added.err) == told
        recommender("rules", "remove", added.out.split()[1].rstrip(":"))


def test_products_in_an_order_are_headed_by_it(recommender: Command) -> None:
    assert "the dearest first" in recommender("browse", "--sort", "price-down").out


def test_a_rule_is_edited_in_place_and_what_is_not_named_stays(recommender: Command) -> None:
    words = ("--query", "wellies", "--means", "rain boots", "--one-way", "--until", "2990-01-01")
    added = recommender("rules", "add", "synonym", *words, "--json").json
    edited = recommender("rules", "edit", added["id"], "--until", "", "--both-ways", "--note", "asked for", "--json")
    assert edited.json == added | {"ends_at": None, "one_way": False, "note": "asked for"}
    assert recommender("rules", "list", "--json").json["rules"][-1] == edited.json
    refused = recommender("rules", "edit", added["id"], "--means", "", code=4).err
    assert "a synonym needs words and what they mean" in refused
    recommender("rules", "remove", added["id"])
    assert "no rule has the id" in recommender("rules", "edit", added["id"], "--note", "x", code=3).err


def test_rules_are_added_listed_obeyed_and_removed(recommender: Command) -> None:
    added = recommender(
        "rules", "add", "pin", "SKU-0050", "--query", "Trail  sole", "--position", "2", "--from", "2020-01-01",
        "--until", "2990-12-27T08:00", "--note", "Christmas", "--json",
    ).json  # fmt: skip
    assert (added["query"], added["starts_at"], added["ends_at"]) == (
        "Trail sole", "2020-01-01T00:00:00+00:00", "2990-12-27T08:00:00+00:00",
    )  # fmt: skip
    recommender("rules", "add", "ban", "SKU-0003", "--category", "sport >  running")
    listed = recommender("rules", "list")
    assert "pin at 2" in listed.out
    assert "until 2990-12-27 08:00 UTC" in " ".join(listed.out.split())
    found = recommender("search", "trail SOLE", "--mode", "lexical", "-k", "3")
    assert found.out.splitlines()[5].split()[2] == "SKU-0050"
    assert found.out.splitlines()[5].rstrip().endswith("pinned")
    recommender("rules", "remove", added["id"])
    assert [rule["action"] for rule in recommender("rules", "list", "--json").json["rules"]] == ["ban"]
    assert "no rule has the id" in recommender("rules", "remove", added["id"], code=3).err
