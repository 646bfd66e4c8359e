"""How searches are weighed and judged in a shop: measured when its index is made, kept with the model, and used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.toy_catalogue import toy_catalogue

from recommender.application.composition import Application
from recommender.evaluation.judgements import JudgedQuery
from recommender.jobs.calibrate import calibrate, search_doubts
from recommender.jobs.ingest import drain
from recommender.models.manifest import MADE_UP, Manifest, SearchCalibration
from recommender.query import Confidence, Options
from recommender.settings import Settings
from recommender.types import Product

PRODUCTS = toy_catalogue(20)


@pytest.fixture
def application(settings: Settings) -> Iterator[Application]:
    with Application(settings) as opened:
        opened.catalogue.upsert(PRODUCTS)
        assert drain(opened)
        yield opened


def _manifest(application: Application) -> Manifest:
    return application.registry.manifest(application.generations.require_live().model_name)


def test_the_first_ingest_measures_how_to_search(application: Application) -> None:
    manifest = _manifest(application)
    assert manifest.search is not None
    assert 0.4 <= manifest.search.words <= 1
    figures = manifest.metrics[MADE_UP]
    assert {"title, hybrid", "title, words alone", "title words, hybrid", "category, hybrid"} <= set(figures)
    assert all(0 <= value <= 1 for value in figures.values())


def test_the_shops_own_products_are_found_surely_and_words_of_another_shop_are_not(application: Application) -> None:
    ask = application.queries().search
    own = [ask(product.title).confidence for product in PRODUCTS[::5]]
    assert own.count(Confidence.GOOD) >= 0.95 * len(own)
    strange = ["waterproof tent with an awning", "stainless saucepan", "wooden train for toddlers", "usb hub"]
    assert all(ask(text).confidence is not Confidence.GOOD for text in strange)


def test_what_was_measured_is_used_unless_a_query_or_the_settings_say_otherwise(settings: Settings) -> None:
    def score(opened: Application, options: Options = Options()) -> float:  # noqa: B008 - it is frozen
        return opened.queries().search("trail lamp", options=options)[0].score

    with Application(settings) as opened:
        opened.catalogue.upsert(PRODUCTS)
        assert drain(opened)
        name = opened.generations.require_live().model_name
        opened.registry.record(name, search=SearchCalibration(words=1))
        by_options = score(opened, Options(words=0.2))
    with Application(settings) as opened:
        assert score(opened) == pytest.approx(score(opened, Options(words=1)))
        assert score(opened) != pytest.approx(by_options)
    with Application(settings.model_copy(update={"words_weight": 0.2})) as opened:
        assert score(opened) == pytest.approx(by_options)


def test_judged_searches_choose_among_the_weights_that_known_items_allow(application: Application) -> None:
    query = JudgedQuery("q", PRODUCTS[0].title, {PRODUCTS[0].sku: 3})
    calibrate(application, (query,), anew=True)
    assert {"judged, hybrid", "judged, words alone"} <= set(_manifest(application).metrics[MADE_UP])


def test_a_shop_of_which_no_searches_can_be_made_up_keeps_the_defaults(settings: Settings) -> None:
    with Application(settings) as opened:
        opened.catalogue.upsert([Product(sku=str(n), title="ผ้าห่มนุ่ม", category=("ผ้า",)) for n in range(250)])
        assert drain(opened)
        assert _manifest(opened).search == SearchCalibration()


def test_few_products_measure_nothing(settings: Settings) -> None:
    with Application(settings) as opened:
        opened.catalogue.upsert(PRODUCTS[:20])
        assert drain(opened)
        assert _manifest(opened).search is None
        assert opened.queries().search("trail").confidence is not None


def test_a_kind_of_search_below_words_alone_is_named() -> None:
    figures = {"title, hybrid": 0.9, "title, words alone": 0.95, "category, hybrid": 0.4, "category, words alone": 0.3}
    manifest = Manifest("m", "b", "f", 4, metrics={MADE_UP: figures}, search=SearchCalibration())
    assert [line for line in search_doubts(manifest) if "'title'" in line and "0.900 against 0.950" in line]
    assert len(search_doubts(manifest)) == 1
    assert search_doubts(Manifest("m", "b", "f", 4)) == []


def test_a_model_that_searches_are_better_without_is_named() -> None:
    manifest = Manifest("m", "b", "f", 4, search=SearchCalibration(words=1.0))
    assert [line for line in search_doubts(manifest) if "words weigh 1 of 1" in line and "--base" in line]
