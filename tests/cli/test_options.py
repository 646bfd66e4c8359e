from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recommender.cli.app import app
from recommender.cli.finetune import parse_duration, parse_sizes
from recommender.cli.options import DataFlags
from recommender.cli.query_options import RequestFlags
from recommender.errors import UsageError
from recommender.training.options import DataFormat


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("10..50", "10", "50"), ("..50", None, "50"), ("9.99..", "9.99", None), (" 1 .. 2 ", "1", "2")],
)
def test_a_price_range_is_read(text: str, low: str | None, high: str | None) -> None:
    filters = RequestFlags().read(price=text).filters
    assert (filters.price_min, filters.price_max) == (low and Decimal(low), high and Decimal(high))


@pytest.mark.parametrize("text", ["", "..", "10", "a..b", "-1..5", "nan..5", "50..10"])
def test_a_price_range_that_makes_no_sense_is_one_clear_line(text: str) -> None:
    with pytest.raises(UsageError, match="--price"):
        RequestFlags().read(price=text)


def test_category_paths_are_split_and_trimmed() -> None:
    filters = RequestFlags().read(categories=["Shoes >  Walking boots", "Home"]).filters
    assert filters.categories == (("Shoes", "Walking boots"), ("Home",))


def test_an_empty_category_name_is_refused() -> None:
    with pytest.raises(UsageError, match="empty name"):
        RequestFlags().read(categories=["Shoes > "])


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), (" 2 M ", 120)])
def test_a_duration_is_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "0m", "m", "-5m", "10 minutes"])
def test_a_duration_that_makes_no_sense_is_one_clear_line(text: str) -> None:
    with pytest.raises(UsageError, match="--budget"):
        parse_duration(text)


def test_a_format_is_for_all_data_or_each_has_its_own() -> None:
    pairs, nli = DataFormat.PAIRS, DataFormat.NLI
    both = [source.format for source in DataFlags(["a", "b"], [pairs]).sources()]
    each = [source.format for source in DataFlags(["a", "b"], [pairs, nli]).sources()]
    assert both == [pairs, pairs]
    assert each == [pairs, nli]
    assert [source.format for source in DataFlags(["a"], None).sources()] == [DataFormat.AUTO]
    for names, formats in ((["a"], [pairs, nli]), (["a", "b", "c"], [pairs, nli]), ([], [pairs])):
        with pytest.raises(UsageError, match="one for all, or one each"):
            DataFlags(names, formats).sources()


def test_sizes_are_read_largest_first() -> None:
    assert parse_sizes("128, 384,256") == (384, 256, 128)
    assert parse_sizes("") == ()
    for text in ("big", "384,,128", "384;128", "0"):
        with pytest.raises(UsageError, match="384,256,128"):
            parse_sizes(text)


def test_a_help_page_says_everything_within_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in (["search"], ["recommend"], ["similar"], ["ingest"], ["finetune"], ["rules", "add"]):
        lines = CliRunner().invoke(app, [*command, "--help"]).output.splitlines()
        assert [line for line in lines if len(line) > 80 or "…" in line] == []
    assert "Do not apply the shop's" in CliRunner().invoke(app, ["search", "--help"]).output


def test_a_shell_completes_commands_and_their_options() -> None:
    def completed(words: str) -> str:
        asked = {"_RECOMMENDER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        command = [str(Path(sys.executable).with_name("recommender"))]
        return subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=True).stdout

    assert completed("recommender sim").split() == ["similar"]
    assert completed("recommender search x --in-").split() == ["--in-stock"]
