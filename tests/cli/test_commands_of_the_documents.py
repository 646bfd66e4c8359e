"""The commands of the documents, read from the pages: each is one of ours, and those that end by themselves run."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from decimal import Decimal
from pathlib import Path

import click
import pytest
import typer
from crash.word_model import build_word_model
from support.toy_catalogue import toy_catalogue

from recommender.application.composition import Application
from recommender.cli.app import app, main
from recommender.jobs.rebuild import start_generation
from recommender.models.manifest import Manifest
from recommender.settings import Settings
from recommender.types import Product

TOP = Path(__file__).parents[2]
PAGES = ("README.md", "docs/operations.md", "docs/serving.md", "docs/ingestion.md", "docs/fine-tuning.md")
NOT_RUN = {"serve", "worker", "mcp", "demo", "finetune", "triplets"}
"""Commands that go on until they are stopped, or train."""

NAMED = ("SKU-123", "OS-1196", "OS-1366")
"""Products that the pages name."""


def _commands(page: str) -> Iterator[list[str]]:
    """Yield the arguments of each line of `recommender` in a page's blocks of commands, `[--option]` as given."""
    for line in (TOP / page).read_text(encoding="utf-8").splitlines():
        if found := re.match(r"    (?:[A-Z_]+=\S+ )*recommender (.*)", line):
            text = re.sub(r"[─┤┘].*", "", found[1])
            yield [word.strip("[]") for word in shlex.split(text, comments=True)]


@pytest.mark.parametrize("page", [*PAGES, "examples/shop/README.md"])
def test_every_command_of_a_page_is_one_of_ours_with_its_options(page: str) -> None:
    commands = list(_commands(page))
    assert commands
    for arguments in commands:
        command = typer.main.get_command(app)
        context = command.make_context("recommender", list(arguments), allow_extra_args=True)
        rest = arguments
        while isinstance(command, click.Group):
            name, command, rest = command.resolve_command(context, rest)
            if command is None:
                pytest.fail(f"{arguments} is no command")
            with_arguments = not isinstance(command, click.Group)
            context = command.make_context(name, list(rest), parent=context, allow_extra_args=not with_arguments)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an installation in `home`, and the files that the pages name."""
    folder = tmp_path_factory.mktemp("pages")
    leaf = toy_catalogue()[0]
    products = [
        *toy_catalogue(),
        *(Product(sku, leaf.title, category=leaf.category, price=Decimal(9)) for sku in NAMED),
    ]
    _write_files(folder, products)
    application = Application(Settings(home=folder / "home", database_url="", qdrant_url=""))
    words = sorted({word for each in products for word in f"{each.title} {each.description}".lower().split()})
    for seed, name in enumerate(("base", "tuned")):
        model = build_word_model(folder / name, words, seed)
        registered = application.registry.register(
            model, Manifest.create(model, name=name, base="org/base", kind="base")
        )
        generation = start_generation(application, registered)
        application.generations.ready(generation)
        application.generations.switch(generation)
    application.catalogue.upsert(products)
    application.worker.drain()
    application.close()
    return folder


def _write_files(folder: Path, products: list[Product]) -> None:
    rows = [(each.sku, each.title, " > ".join(each.category), each.price) for each in products]
    files = {
        "feed.csv": [("sku", "title", "category", "price"), *rows],
        "prices.csv": [("sku", "price"), *((sku, 5) for sku, *_ in rows)],
        "queries.csv": [("query_id", "query"), ("1", products[0].title)],
        "qrels.csv": [("query_id", "sku", "grade"), ("1", products[0].sku, 1)],
    }
    for name, table in files.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(table)
    (folder / "sts-test.tsv").write_text(
        "sentence1\tsentence2\tscore\na red boot\ta blue boot\t0.8\na lamp\ta boot\t0.1\na\tb\t0.3\n"
    )
    texts = [json.dumps({"text": each.title}) for each in products]
    (folder / "texts.jsonl").write_text("\n".join(texts), encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run_one_after_the_other(
    page: str, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(shop, tmp_path / "shop")
    monkeypatch.setenv("RECOMMENDER_MODEL", str(tmp_path / "shop" / "base"))
    with chdir(tmp_path / "shop"):
        for arguments in _commands(page):
            if arguments[0] in NOT_RUN:
                continue
            monkeypatch.setenv("RECOMMENDER_HOME", "restored" if arguments[0] == "restore" else "home")
            monkeypatch.setattr(sys, "argv", ["recommender", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
            said = capsys.readouterr()
            assert ended.value.code in (0, None), f"{arguments}: {said.err}"
