"""Writing through the client: products in batches, rules, and the errors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from support.patience import wait_until
from support.served import PATIENT, listening, stocked_catalogue

from recommender.api import Recommender
from recommender.client import AsyncClient, Client
from recommender.errors import BadInput, NotFound, Refused, Unavailable, UnknownSku, UsageError
from recommender.query import Options, Rule, RuleAction
from recommender.service.access import Access
from recommender.service.api_keys import ApiKeys, Scope
from recommender.service.app import create_app
from recommender.types import Product

FIRST = stocked_catalogue()[0]
ODD_SKUS = ["a/b", "a b+c", "ä?#%2F", "..", "x/../y", "products:batch", "🥾"]


def test_products_are_read_and_written_as_they_are(client: Client, shop: Recommender) -> None:
    written = [replace(FIRST, sku=sku, price=Decimal("19.99"), attributes={"size": "XL"}) for sku in ODD_SKUS]
    assert client.upsert(written).created == tuple(ODD_SKUS)
    for product in written:
        assert client.product(product.sku) == product == shop.product(product.sku)
    assert client.upsert(written).unchanged == tuple(ODD_SKUS)
    assert client.upsert([replace(written[0], title="another")]).updated == ("a/b",)
    assert client.delete([*ODD_SKUS, "never was"]) == len(ODD_SKUS)


def test_a_part_of_a_product_is_changed_here_and_over_http(client: Client, shop: Recommender) -> None:
    client.upsert([replace(FIRST, sku=sku, attributes={"size": "XL", "fit": "wide"}) for sku in ("far", "near")])
    for target, sku in ((client, "far"), (shop, "near")):
        change = {"sku": sku, "price": Decimal("9.99"), "attributes": {"size": None}}
        result = target.patch([change, {"sku": "never was", "price": 1}])
        assert (result.updated, result.unknown) == ((sku,), ("never was",))
        assert target.product(sku) == replace(FIRST, sku=sku, price=Decimal("9.99"), attributes={"fit": "wide"})
        assert target.patch([change]).unchanged == (sku,)
        misspelt = target.patch([{"sku": sku, "pric": 99}])
        assert (misspelt.unchanged, misspelt.ignored) == ((sku,), ("pric",))
        with pytest.raises(BadInput, match="price"):
            target.patch([{"sku": sku, "price": "cheap"}])
        with pytest.raises(UsageError, match="give a list"):
            target.patch(change)  # type: ignore[arg-type]
    client.delete(["far", "near"])


def test_a_write_shows_up_in_answers(client: Client) -> None:
    client.upsert([replace(FIRST, sku="new", group_id="")])
    wait_until(lambda: "new" in {hit.sku for hit in client.similar(FIRST.sku, 20)})
    client.delete(["new"])
    wait_until(lambda: "new" not in {hit.sku for hit in client.similar(FIRST.sku, 20)})


def test_many_products_travel_in_batches(client: Client, shop: Recommender) -> None:
    many = [Product(f"M{number}", f"mass {number}", "x" * 20_000) for number in range(1201)]
    result = client.write(iter(many), delete=["SKU-0095"])
    assert len(result.created) == len(many)
    assert result.deleted == ("SKU-0095",)
    assert shop.product("M1200").title == "mass 1200"
    assert client.delete(product.sku for product in many) == len(many)


def test_one_sku_is_not_taken_for_a_list_of_its_characters(client: Client) -> None:
    with pytest.raises(UsageError, match="give a list"):
        client.delete(FIRST.sku)
    with pytest.raises(UsageError, match="even for one"):
        client.upsert(FIRST)  # type: ignore[arg-type]
    assert client.product(FIRST.sku).sku == FIRST.sku


def test_a_sku_is_either_written_or_taken_out(client: Client) -> None:
    with pytest.raises(UsageError, match=f"'{FIRST.sku}' is in 'upsert' and in 'delete'"):
        client.write([FIRST], delete=iter(["other", FIRST.sku]))
    assert client.product(FIRST.sku) == FIRST


def test_what_is_rejected_is_named_when_the_rest_is_in(client: Client, shop: Recommender) -> None:
    batch = [replace(FIRST, sku="good"), Product("bad", ""), Product("worse", "x", price=Decimal(-1))]
    with pytest.raises(BadInput, match=r"2 of the products are rejected, 1 are in: 'bad' \(.*title.*'worse' \(.*price"):
        client.upsert(batch)
    assert shop.product("good").title == FIRST.title
    assert client.delete(["good", "bad"]) == 1


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("sku", 77, "sku is 77; a text is expected"),
        ("title", ["x"], r"title is \['x'\]; a text is expected"),
        ("category", "Shoes > Boots", r"category is 'Shoes > Boots'; the names from the top.*\('Shoes', 'Boots'\)"),
        ("other_categories", ("Shoes > Boots",), r"other_categories\[0\] is 'Shoes > Boots'; the names from the top"),
        ("price", "129,5", "price is '129,5'; a price such as 19.99 is expected"),
        ("availability", "in_stock", "availability is 'in_stock'; give one of Availability"),
        ("attributes", {"size": 42}, "attributes.size is 42; a text is expected"),
    ],
)
def test_a_field_of_a_wrong_type_is_named(
    client: Client, shop: Recommender, field: str, value: object, expected: str
) -> None:
    for target in (client, shop):
        with pytest.raises(BadInput, match=f"^product .*: {expected}"):
            target.upsert([replace(FIRST, **{"sku": "typed", field: value})])
    with pytest.raises(UnknownSku):
        shop.product("typed")


def test_rules_are_kept_and_hold_for_the_next_query(client: Client, shop: Recommender) -> None:
    pin = Rule(RuleAction.PIN, "SKU-0050", query="trail sole", position=2, ends_at=datetime(2990, 1, 1, tzinfo=UTC))
    added = client.add_rule(pin)
    assert added == replace(pin, id=added.id)
    assert client.rules() == shop.rules() == [added]
    assert client.search("Trail  SOLE", 3)[1].sku == "SKU-0050"
    assert client.search("trail sole", 3, options=Options(rules=False))[1].sku != "SKU-0050"
    moved = client.update_rule(replace(added, position=1, ends_at=None))
    assert client.rules() == [moved] == [replace(added, position=1, ends_at=None)]
    assert client.search("Trail  SOLE", 3)[0].sku == "SKU-0050"
    client.remove_rule(added.id)
    assert client.rules() == []
    for act in (lambda: client.remove_rule(added.id), lambda: client.update_rule(moved)):
        with pytest.raises(NotFound, match="no rule has the id"):
            act()
    with pytest.raises(BadInput, match="a pin needs a query or a category"):
        client.add_rule(Rule(RuleAction.PIN, "SKU-0050"))


def test_the_status_is_that_of_the_installation(client: Client, shop: Recommender) -> None:
    wait_until(lambda: shop.status().waiting + shop.status().leased == 0)
    assert client.status() == shop.status()
    assert client.status().model == "tiny"


def test_errors_are_those_of_the_python_api(client: Client, shop: Recommender) -> None:
    for ask in (lambda asked: asked.product("SKU-00011"), lambda asked: asked.recommend(["SKU-0001", "SKU-00011"])):
        with pytest.raises(UnknownSku) as here:
            ask(shop)
        with pytest.raises(UnknownSku) as there:
            ask(client)
        assert str(there.value) == str(here.value)
        assert (there.value.sku, there.value.nearest) == (here.value.sku, here.value.nearest)
        assert here.value.nearest
    with pytest.raises(UnknownSku):
        client.product("")
    with pytest.raises(NotFound, match="no generation of the model 'other'"):
        client.search("x", options=Options(model="other"))
    with pytest.raises(UsageError, match="k is 0"):
        client.similar("SKU-0001", 0)


@pytest.fixture(scope="module")
def guarded(shop: Recommender) -> Iterator[tuple[str, str]]:
    """A service that needs keys: its address, and a key that may read."""
    keys = ApiKeys(shop.application.database)
    reading = keys.create("shop", Scope.READ)
    with listening(create_app(shop, Access(keys=keys.active), PATIENT)) as url:
        yield url, reading


def test_a_key_opens_what_it_is_for(guarded: tuple[str, str]) -> None:
    url, key = guarded
    with Client(url, key) as client:
        assert len(client.similar("SKU-0001", 3)) == 3
        with pytest.raises(Refused, match="does not let this API key do that"):
            client.delete(["SKU-0001"])
    for wrong in ("", "rk_0_0", "ключ"):
        with pytest.raises((Refused, UsageError), match="key"), Client(url, wrong) as client:
            client.similar("SKU-0001", 3)
    assert key not in repr(client)


def test_the_asynchronous_client_writes_too(address: str) -> None:
    async def write() -> None:
        async with AsyncClient(address) as client:
            assert (await client.upsert([replace(FIRST, sku="late")])).created == ("late",)
            with pytest.raises(BadInput, match="'bad'"):
                await client.upsert([Product("bad", "")])
            added = await client.add_rule(Rule(RuleAction.BAN, "late"))
            await client.remove_rule(added.id)
            assert await client.delete(["late"]) == 1
            assert (await client.status()).engine == "embedded"

    asyncio.run(write())


def test_nobody_there_is_told_with_what_to_do() -> None:
    with (
        pytest.raises(Unavailable, match=r"no service answers at .*start it with `recommender serve`"),
        Client("http://127.0.0.1:9", retries=1) as client,
    ):
        client.status()
