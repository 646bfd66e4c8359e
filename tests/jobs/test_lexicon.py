"""The language of an installation: told at the first ingest, kept, and changed by a rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from recommender.application.composition import Application
from recommender.errors import BadInput
from recommender.index.generation import Generation
from recommender.jobs.ingest import drain
from recommender.jobs.rebuild import ensure_live, rebuild
from recommender.query import Mode, Options
from recommender.settings import Settings
from recommender.types import Product

GERMAN = [
    Product("d1", "Spanplattenschrauben verzinkt aus Stahl", "Universalschraube für Holz und für Metall"),
    Product("d2", "Schrauben für die Terrasse aus Edelstahl", "Nicht rostend, mit Bohrspitze"),
    Product("d3", "Winterjacke für Damen mit Kapuze", "Warm gefüttert und mit Taschen", category=("Mode", "Jacken")),
]
WORDS = Options(mode=Mode.LEXICAL)


@pytest.fixture
def application(settings: Settings) -> Iterator[Application]:
    with Application(settings) as opened:
        yield opened


def _ingest(application: Application, *products: Product) -> Generation:
    application.catalogue.upsert(products)
    assert drain(application)
    return application.generations.require_live()


def _found(application: Application, text: str) -> list[str]:
    return [hit.sku for hit in application.queries().search(text, options=WORDS)]


def test_the_language_is_told_at_the_first_ingest_and_compounds_are_split(application: Application) -> None:
    assert _ingest(application, *GERMAN).language == "german"
    assert _found(application, "Schraube") == ["d2", "d1"]
    assert _found(application, "Jacke") == ["d3"]


def test_a_shop_that_has_grown_is_looked_at_anew(application: Application) -> None:
    first = _ingest(application, Product("x", "Lampe"))
    assert first.language == "english"
    rest = [replace(each, sku=f"{each.sku}-{number}") for each in GERMAN for number in range(5)]
    assert _ingest(application, *rest).language == "german"
    assert len(_found(application, "Schraube")) == 10


def test_a_language_stays_until_a_rebuild(application: Application, settings: Settings) -> None:
    _ingest(application, *GERMAN)
    for number, product in enumerate(GERMAN):
        application.catalogue.upsert([replace(product, title="The waterproof jacket with a hood for the winter")])
        application.catalogue.upsert(
            [replace(product, sku=f"e{number}", title="A jacket for the rain", description="")]
        )
    drain(application)
    assert application.generations.require_live().language == "german"
    with Application(settings.model_copy(update={"language": "dutch"})) as other:
        assert ensure_live(other).language == "german"
        assert rebuild(other).language == "dutch"


def test_a_language_that_is_not_known_is_refused_with_the_list(settings: Settings) -> None:
    with pytest.raises(BadInput, match=r"'klingon'.*choose auto, or one of none.*chinese.*german"):
        Application(settings.model_copy(update={"language": "klingon"}))
