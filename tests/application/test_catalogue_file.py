"""What a process that asks once reads of the catalogue is what all others read of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.installation import install, settings_of

from recommender.application.catalogue_file import CatalogueFile, open_catalogue_file
from recommender.application.composition import Application
from recommender.errors import NoLiveModel, Unavailable
from recommender.index.generation import Lexicon
from recommender.query import Rule, RuleAction
from recommender.settings import Settings
from recommender.types import Product

PRODUCTS = [Product(f"lamp-{number}", f"Brass lamp {number}") for number in range(3)]


@pytest.fixture
def settings(tmp_path: Path, tiny_model: Path) -> Settings:
    settings = settings_of(tmp_path / "a shop? 100%")  # a name that means something else in a URI
    install(settings, tiny_model, PRODUCTS)
    return settings


@pytest.fixture
def application(settings: Settings) -> Iterator[Application]:
    with Application(settings) as application:
        yield application


@pytest.fixture
def file(settings: Settings) -> CatalogueFile:
    file = open_catalogue_file(settings)
    assert file is not None
    return file


def test_generations_and_switches_are_read_as_by_the_database(application: Application, file: CatalogueFile) -> None:
    generations = application.generations
    first = generations.require_live()
    assert file.list() == generations.list()
    assert (file.live_id(), file.require_live()) == (first.id, first)

    lexicon = Lexicon("german", "some words", 3)
    second = generations.start(first.model_id, first.fingerprint, first.dimension, lexicon, "onnx")
    assert file.list() == generations.list()
    assert (file.words(first), file.words(second)) == ("", "some words")
    generations.ready(second)
    generations.switch(second)
    assert file.list() == generations.list()
    assert file.live_id() == second.id
    generations.rollback()
    assert file.require_live() == generations.require_live() == generations.list()[0]


def test_rules_are_read_as_by_the_database(application: Application, file: CatalogueFile) -> None:
    assert file.rules() == []
    at = datetime(2026, 5, 1, 12, 30, 0, 250, tzinfo=UTC)
    for rule in (
        Rule(RuleAction.PIN, "lamp-1", query="brass  Lamp", position=2, note="spring"),
        Rule(RuleAction.BAN, "lamp-2", category=("Home", "Lamps"), starts_at=at, ends_at=at.replace(year=2027)),
        Rule(RuleAction.SYNONYM, query="sneaker", means="trainers", one_way=True),
    ):
        application.rules.add(rule)
    assert file.rules() == application.rules.list()


def test_a_process_that_asks_once_gives_the_same_answers(application: Application, settings: Settings) -> None:
    application.rules.add(Rule(RuleAction.BAN, "lamp-2"))
    expected = application.queries().similar("lamp-0")
    application.close()
    with Application(settings, asks_once=True) as once:
        queries = once.queries()
        assert queries.similar("lamp-0") == expected
        assert [hit.sku for hit in expected.hits] == ["lamp-1"]
        assert queries.product("lamp-2").title == "Brass lamp 2"  # this one opens the database


@pytest.mark.parametrize("kind", ["a server", "an older schema", "no catalogue", "a damaged file", "a restore"])
def test_what_is_not_as_usual_is_left_to_the_database(settings: Settings, kind: str) -> None:
    path = settings.home / "catalogue.db"
    if kind == "a server":
        settings.database_url = "postgresql://shop@localhost/shop"
    elif kind == "an older schema":
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE recommender_version SET version_num = '0000'")
    elif kind == "no catalogue":
        path.unlink()
    elif kind == "a damaged file":
        path.write_bytes(b"no database" * 1000)
    else:
        (settings.home / ".restore").mkdir()
        (settings.home / ".restore" / "journal.json").write_text("{}")
    assert open_catalogue_file(settings) is None
    assert kind != "no catalogue" or not path.exists()  # looking made none


def test_a_catalogue_in_which_nothing_is_live_says_so(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with Application(settings):
        pass
    file = open_catalogue_file(settings)
    assert file is not None
    assert file.live_id() is None
    with pytest.raises(NoLiveModel, match="recommender ingest FEED"):
        file.require_live()


def test_a_file_that_goes_meanwhile_is_told(settings: Settings, file: CatalogueFile) -> None:
    (settings.home / "catalogue.db").rename(settings.home / "elsewhere.db")
    with pytest.raises(Unavailable, match="can't be read"):
        file.list()
