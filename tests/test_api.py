"""The Python API as a backend uses it, with an installation that it makes itself and a real, tiny model."""

from __future__ import annotations

import asyncio
import inspect
import pydoc
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from support.installation import install, settings_of
from support.patience import wait_until
from support.tiny_model import build_tiny_model
from support.toy_catalogue import toy_catalogue

import recommender
from recommender import AsyncRecommender, Filters, Mode, Options, Product, Recommender, Rule, RuleAction
from recommender.client import AsyncClient, Client
from recommender.errors import BadInput, NotFound, Unavailable, UnknownSku, UsageError
from recommender.interface import RecommenderInterface

PRODUCTS = toy_catalogue(products_per_leaf=4)
FIRST = PRODUCTS[0]
README = Path(__file__).parents[1] / "README.md"
WORDS = Options(mode=Mode.LEXICAL)  # a model without training encodes texts at random


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api") / "home"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    build_tiny_model(folder, texts=[f"{product.title} {product.description}" for product in PRODUCTS])
    return folder


@pytest.fixture(scope="module")
def shop(home: Path, model: Path) -> Iterator[Recommender]:
    """An installation that began empty: the products were upserted, and the rest happened by itself."""
    with Recommender.open(home=home, model=str(model)) as opened:
        result = opened.upsert(PRODUCTS)
        assert len(result.created) == len(PRODUCTS)
        wait_until(lambda: opened.status().model is not None and not opened.status().waiting + opened.status().leased)
        yield opened


def test_products_that_are_handed_in_are_found_soon_after(shop: Recommender) -> None:
    hits = shop.similar(FIRST.sku, k=5)
    assert len(hits) == 5
    assert FIRST.sku not in {hit.sku for hit in hits}
    assert shop.search(FIRST.title, k=1, options=WORDS)[0].card.title == FIRST.title
    assert shop.status().products == len(PRODUCTS)


def test_a_change_shows_in_answers_and_a_deletion_takes_a_product_out(shop: Recommender) -> None:
    added = replace(FIRST, sku="new", group_id="", price=Decimal("3.33"))
    assert shop.upsert([added]).created == ("new",)
    assert shop.upsert([added]).unchanged == ("new",)
    wait_until(lambda: "new" in {hit.sku for hit in shop.similar(FIRST.sku, k=20)})
    assert shop.product("new").price == Decimal("3.33")
    assert shop.delete(["new", "never was"]) == 1
    wait_until(lambda: "new" not in {hit.sku for hit in shop.similar(FIRST.sku, k=20)})


def test_attributes_that_change_alone_are_understood_in_searches_soon_after(shop: Recommender) -> None:
    def understood() -> list[str]:
        return [each.value for each in shop.search("phosphorescent", options=WORDS).understood]

    assert understood() == []
    two = PRODUCTS[:2]
    shop.patch([{"sku": each.sku, "attributes": {"glow": "phosphorescent"}} for each in two])
    wait_until(lambda: understood() == ["phosphorescent"])
    shop.upsert(two)


def test_products_go_in_all_or_none(shop: Recommender) -> None:
    with pytest.raises(BadInput, match=r"'bad'.*title"):
        shop.upsert([replace(FIRST, sku="good"), Product("bad", "")])
    with pytest.raises(UnknownSku):
        shop.product("good")


def test_a_price_may_be_any_number_and_a_path_any_list(shop: Recommender) -> None:
    shop.upsert([replace(FIRST, sku="typed", price=129.5, category=["Shoes", "Boots"])])  # type: ignore[arg-type]
    assert shop.product("typed") == replace(FIRST, sku="typed", price=Decimal("129.5"), category=("Shoes", "Boots"))
    shop.delete(["typed"])


def test_a_write_is_done_whole_or_not_at_all(shop: Recommender) -> None:
    engine = shop.application.database.engine
    when = "BEFORE UPDATE OF active ON product WHEN NOT NEW.active"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TRIGGER refuse {when} BEGIN SELECT RAISE(ABORT, 'refused'); END")
    try:
        with pytest.raises(IntegrityError, match="refused"):
            shop.write([replace(FIRST, sku="half")], delete=[FIRST.sku])
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER refuse")
    with pytest.raises(UnknownSku):
        shop.product("half")


def test_a_sku_is_either_written_or_taken_out(shop: Recommender) -> None:
    with pytest.raises(UsageError, match=f"'{FIRST.sku}' is in 'upsert' and in 'delete'"):
        shop.write([FIRST], delete=["other", FIRST.sku])
    assert shop.product(FIRST.sku) == FIRST


def test_products_and_skus_may_come_one_by_one_but_not_alone(shop: Recommender) -> None:
    written = shop.upsert(replace(FIRST, sku=sku) for sku in ("one", "by one"))
    assert set(written.created) == {"one", "by one"}
    for alone in (FIRST, {"sku": "x", "title": "X"}, [{"sku": "x", "title": "X"}]):
        with pytest.raises(UsageError, match=r"Product|even for one"):
            shop.upsert(alone)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="'one'; give a list"):
        shop.delete("one")
    assert shop.product("one").title == FIRST.title
    assert shop.delete(sku for sku in ("one", "by one")) == 2


def test_what_is_no_filter_and_no_option_is_named(shop: Recommender) -> None:
    with pytest.raises(UsageError, match="give Filters"):
        shop.search("lamp", filters={"in_stock": True})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="give Options"):
        shop.search("lamp", options={"mode": "dense"})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="give pairs"):
        shop.search("lamp", filters=Filters(attributes={"colour": "red"}))  # type: ignore[arg-type]


def test_a_rule_holds_for_the_next_query(shop: Recommender) -> None:
    best = shop.search(FIRST.title, k=1, options=WORDS)[0].sku
    rule = shop.add_rule(Rule(RuleAction.BAN, best))
    assert best not in {hit.sku for hit in shop.search(FIRST.title, options=WORDS)}
    assert shop.rules() == [rule]
    shop.remove_rule(rule.id)
    assert shop.search(FIRST.title, k=1, options=WORDS)[0].sku == best


def test_another_model_than_those_that_answer_is_named_with_them(shop: Recommender) -> None:
    assert shop.similar(FIRST.sku, options=Options(model="tiny")).model == "tiny"
    with pytest.raises(NotFound, match="tiny"):
        shop.similar(FIRST.sku, options=Options(model="other"))


def test_threads_ask_and_write_at_once(shop: Recommender) -> None:
    failures: list[BaseException] = []
    ends = time.monotonic() + 2

    def ask(number: int) -> None:
        try:
            while time.monotonic() < ends:
                assert len(shop.similar(PRODUCTS[number].sku, k=5)) == 5
                assert shop.search(f"{PRODUCTS[number].title} {time.monotonic()}", k=3)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(10):
        shop.upsert([replace(product, price=Decimal(turn + 1)) for product in PRODUCTS[:20]])
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert failures == []
    wait_until(lambda: shop.search(FIRST.title, k=1, options=WORDS)[0].card.price == Decimal(10))


def test_the_asynchronous_form_answers_the_same(shop: Recommender) -> None:
    async def asked() -> list[list[str]]:
        awaited = AsyncRecommender(shop)
        answers = await asyncio.gather(*(awaited.similar(product.sku, k=3) for product in PRODUCTS[:5]))
        return [[hit.sku for hit in answer] for answer in answers]

    assert asyncio.run(asked()) == [[hit.sku for hit in shop.similar(product.sku, k=3)] for product in PRODUCTS[:5]]


def test_what_was_closed_answers_no_more_and_leaves_the_index_to_others(tmp_path: Path, model: Path) -> None:
    install(settings_of(tmp_path / "home"), model, PRODUCTS)
    shop = Recommender.open(home=tmp_path / "home")
    assert shop.similar(FIRST.sku, options=WORDS)
    shop.close()
    with pytest.raises(Unavailable, match="closed"):
        shop.similar(FIRST.sku, options=WORDS)
    with Recommender.open(home=tmp_path / "home") as anew:
        assert anew.similar(FIRST.sku, options=WORDS)


def test_every_call_has_its_asynchronous_form() -> None:
    calls = {name for name in vars(Recommender) if not name.startswith("_")} - {
        "live_models",
        "worker",
        "cache_info",
        "require_whole",
    }
    assert calls <= {name for name in vars(AsyncRecommender) if not name.startswith("_")}


def _documented(method: Callable[..., object]) -> tuple[str | None, list[tuple[str, object]]]:
    parameters = inspect.signature(method).parameters.values()
    return inspect.getdoc(method), [(parameter.name, parameter.default) for parameter in parameters]


@pytest.mark.parametrize("kind", [Recommender, AsyncRecommender, Client, AsyncClient])
def test_every_method_is_found_with_its_parameters_and_what_it_does(kind: type) -> None:
    methods = [name for name in vars(RecommenderInterface) if not name.startswith("_")] + ["similar", "product"]
    for name in methods:
        doc, parameters = _documented(getattr(kind, name))
        assert parameters == _documented(getattr(RecommenderInterface, name))[1], name
        assert doc, name
        assert inspect.iscoroutinefunction(getattr(kind, name)) == kind.__name__.startswith("Async"), name
    assert "Raises `UnknownSku`" in pydoc.render_doc(kind, renderer=pydoc.plaintext)


def test_the_example_of_the_readme_runs(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    example = next(block for block in blocks if "Recommender.open()" in block)
    named = set(re.findall(r'"([A-Z]{2}-\d+)"', example))
    assert named
    install(settings_of(tmp_path), tiny_model, [*PRODUCTS, *(replace(FIRST, sku=sku, group_id="") for sku in named)])
    monkeypatch.setenv("RECOMMENDER_HOME", str(tmp_path))
    exec(compile(example, README.name, "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) >= 5


def test_the_public_names_are_shown_and_imported_when_they_are_used() -> None:
    code = (
        "import sys, recommender; assert {'Recommender', 'AsyncRecommender', 'Filters'} <= set(dir(recommender));"
        "assert 'recommender.api' not in sys.modules; from recommender import Recommender; print(Recommender.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Recommender"


def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "recommender", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == recommender.__version__
