"""Webhooks of Shopify and WooCommerce: signed, and harmless when they come twice, late, or in another order."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from service.conftest import Service, serving, settings_of

from recommender.application.composition import Application
from recommender.types import Product, Scope

SECRETS = {"shopify": "shared with Shopify", "woocommerce": "shared with WooCommerce"}
MORNING = datetime(2026, 11, 28, 6, tzinfo=UTC)


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Service]:
    """A service with the secrets of both systems, an empty catalogue, and a key that the webhooks do not have."""
    with serving(Application(settings_of(tmp_path / "home")), follow=False, webhook_secrets=SECRETS) as opened:
        opened.keys.create("somebody", Scope.READ)
        yield opened


def _headers(platform: str, topic: str, body: bytes, at: datetime | None, secret: str = "") -> dict[str, str]:
    signature = base64.b64encode(hmac.digest((secret or SECRETS[platform]).encode(), body, "sha256")).decode()
    if platform == "woocommerce":
        return {"x-wc-webhook-topic": topic, "x-wc-webhook-signature": signature}
    moment = {"x-shopify-triggered-at": f"{at:%Y-%m-%dT%H:%M:%S.%f}123Z"} if at else {}
    return {"x-shopify-topic": topic, "x-shopify-hmac-sha256": signature, **moment}


def _send(service: Service, platform: str, topic: str, told: Mapping[str, Any], at: datetime | None = None) -> Any:
    body = json.dumps(told).encode()
    reply = service.client.post(f"/v1/hooks/{platform}", content=body, headers=_headers(platform, topic, body, at))
    assert reply.status_code == 200, reply.text
    return reply.json()


def _shopify(number: int, at: datetime, title: str, variants: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": number, "title": title, "body_html": "<p>Soft</p>", "vendor": "Alder", "product_type": "Shirts",
        "handle": f"shirt-{number}", "status": "active", "published_at": "2026-01-01T00:00:00Z",
        "updated_at": at.astimezone().isoformat(timespec="seconds"),
        "options": [{"name": "Size", "values": list(variants)}], "image": None, "images": [],
        "variants": [
            {"sku": f"{number}-{size}", "price": price, "option1": size, "inventory_quantity": 3}
            for size, price in variants.items()
        ],
    }  # fmt: skip


def _woocommerce(number: int, at: datetime, name: str, price: str) -> dict[str, Any]:
    return {
        "id": number, "name": name, "sku": f"W-{number}", "type": "simple", "status": "publish", "price": price,
        "regular_price": price, "sale_price": "", "stock_status": "instock", "catalog_visibility": "visible",
        "categories": [{"id": 1, "name": "Shirts"}], "images": [], "attributes": [], "description": "", "permalink": "",
        "date_modified_gmt": f"{at:%Y-%m-%dT%H:%M:%S}",
    }  # fmt: skip


def _shop(service: Service) -> dict[str, tuple[str, str]]:
    """Return the products on sale: title and price by SKU."""
    found = service.recommender.application.catalogue.products()
    return {each.product.sku: (each.product.title, str(each.product.price)) for each in found}


def test_a_day_of_deliveries_repeated_and_in_any_order_ends_in_the_same_catalogue(hooked: Service) -> None:
    at = [MORNING + timedelta(minutes=10 * number) for number in range(10)]
    day = [
        ("shopify", "products/create", _shopify(1, at[0], "Red shirt", {"S": "19.00", "M": "19.00"}), at[0]),
        ("shopify", "products/update", _shopify(1, at[2], "Red cotton shirt", {"S": "18.00", "M": "19.00"}), at[2]),
        ("shopify", "products/update", _shopify(1, at[5], "Red cotton shirt", {"M": "17.50", "L": "20.00"}), at[5]),
        ("shopify", "products/create", _shopify(2, at[1], "Blue shirt", {"S": "9.00"}), at[1]),
        ("shopify", "products/delete", {"id": 2}, at[6]),
        ("woocommerce", "product.created", _woocommerce(7, at[1], "Green shirt", "12.00"), None),
        ("woocommerce", "product.updated", _woocommerce(7, at[4], "Green shirt", "11.00"), None),
        ("woocommerce", "product.updated", _woocommerce(7, at[8], "Green linen shirt", "10.00"), None),
    ]
    expected = {
        "1-M": ("Red cotton shirt - M", "17.50"),
        "1-L": ("Red cotton shirt - L", "20.00"),
        "W-7": ("Green linen shirt", "10.00"),
    }
    for delivery in day:
        assert _send(hooked, *delivery)["status"] == "taken"
    assert _shop(hooked) == expected
    random = Random(0)
    for _ in range(8):
        for delivery in random.sample(day * 2, len(day) * 2):
            assert _send(hooked, *delivery)["status"] in ("taken", "late")
        assert _shop(hooked) == expected


def test_any_order_ends_in_the_same_catalogue_from_the_first_delivery_on(tmp_path: Path) -> None:
    at = [MORNING + timedelta(seconds=number) for number in range(4)]
    day = [
        (_shopify(1, at[0], "Shirt", {"S": "19.00", "M": "19.00"}), "products/create", at[0]),
        (_shopify(1, at[1], "Shirt", {"S": "18.00"}), "products/update", at[1]),
        ({"id": 1}, "products/delete", at[2]),
        (_shopify(1, at[3], "Shirt again", {"S": "15.00"}), "products/update", at[3]),
    ]
    for seed in range(5):
        application = Application(settings_of(tmp_path / str(seed)))
        with serving(application, follow=False, webhook_secrets=SECRETS) as opened:
            for told, topic, moment in Random(seed).sample(day * 2, len(day) * 2):
                _send(opened, "shopify", topic, told, moment)
            assert _shop(opened) == {"1-S": ("Shirt again - S", "15.00")}


def test_of_a_product_with_more_variants_than_a_message_lists_none_is_taken_out(hooked: Service) -> None:
    at = [MORNING + timedelta(minutes=number) for number in range(4)]
    sizes = [f"{number:03}" for number in range(150)]
    gids = {"variant_gids": [{"admin_graphql_api_id": f"gid://shopify/ProductVariant/{size}"} for size in sizes]}
    _send(hooked, "shopify", "products/create", _shopify(1, at[0], "Shirt", dict.fromkeys(sizes[:100], "19.00")) | gids)
    update = _shopify(1, at[1], "Shirt", dict.fromkeys(sizes[50:], "18.00")) | gids
    assert _send(hooked, "shopify", "products/update", update)["deleted"] == []
    assert [price for _, price in _shop(hooked).values()] == ["19.00"] * 50 + ["18.00"] * 100
    few = {"variant_gids": gids["variant_gids"][:1]}
    _send(hooked, "shopify", "products/update", _shopify(1, at[2], "Shirt", {"000": "17.00"}) | few)
    assert _shop(hooked) == {"1-000": ("Shirt - 000", "17.00")}
    draft = _shopify(1, at[3], "Shirt", {"000": "17.00"}) | gids | {"status": "draft"}
    _send(hooked, "shopify", "products/update", draft)
    assert _shop(hooked) == {}


def _variation(number: int, at: datetime, **told: Any) -> dict[str, Any]:
    colour = [{"id": 1, "name": "Colour", "option": "Red"}]
    variation = {"type": "variation", "parent_id": 10, "categories": [], "attributes": colour}
    return _woocommerce(number, at, "Hoodie - Red", "20.00") | variation | told


KNOWN = Product(
    "1-S", "Shirt", "Soft cotton.", "Alder", ("Clothes", "Shirts"), Decimal(20), "EUR", url="https://shop.example/1",
    image="https://shop.example/1.jpg", group_id="shirt", attributes={"size": "S", "material": "cotton"},
    gtin="4006381333931", mpn="A-1", other_categories=(("Sale",),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("platform", "topic", "told", "known", "changed"),
    [
        pytest.param(
            "shopify", "products/update", _shopify(1, MORNING, "Linen shirt", {"S": "19", "M": "19"}),
            KNOWN, {"title": "Linen shirt - S", "description": "Soft", "price": Decimal(19), "other_categories": ()},
            id="a feed with more than Shopify says",
        ),
        pytest.param(
            "woocommerce", "product.updated", _variation(11, MORNING, stock_status="outofstock"),
            replace(KNOWN, sku="W-11", attributes={"Colour": "Red", "Material": "cotton"}),
            {"title": "Hoodie - Red", "availability": "out_of_stock"},
            id="a variation without what its parent says",
        ),
        pytest.param(
            "woocommerce", "product.updated", _woocommerce(7, MORNING, "Shirt", "") | {"brands": [{"name": "Birch"}]},
            replace(KNOWN, sku="W-7", attributes={}), {"brand": "Birch", "price": None, "other_categories": ()},
            id="a price that is gone",
        ),
        pytest.param(
            "woocommerce", "product.updated",
            _woocommerce(7, MORNING, "Shirt", "20") | {"categories": [{"name": "sale"}, {"name": "Hats"}]},
            replace(KNOWN, sku="W-7"), {"category": ("Hats",), "other_categories": (("Sale",),)},
            id="other categories",
        ),
    ],
)  # fmt: skip
def test_a_message_changes_what_it_states_and_the_rest_stays(
    hooked: Service, platform: str, topic: str, told: Mapping[str, Any], known: Product, changed: Mapping[str, Any]
) -> None:
    catalogue = hooked.recommender.application.catalogue
    catalogue.upsert([known])
    _send(hooked, platform, topic, told)
    found = [each.product for each in catalogue.products()]
    assert found[0] == replace(known, **changed)
    assert {each.group_id for each in found} == {"shirt"}  # a new variant joins the others


def test_variations_are_on_sale_with_their_parent_in_any_order_and_it_is_not(hooked: Service) -> None:
    at = [MORNING + timedelta(minutes=number) for number in range(6)]
    parent = {"type": "variable", "sku": "HOOD", "variations": [11, 12]}
    day: list[tuple[str, dict[str, Any]]] = [
        ("product.created", _variation(11, at[0])),
        ("product.created", _variation(12, at[0])),
        ("product.created", _woocommerce(10, at[1], "Hoodie", "") | parent),
        ("product.updated", _woocommerce(10, at[2], "Hoodie", "") | parent | {"status": "draft"}),
        ("product.updated", _variation(11, at[3], sku="W-11", name="Hoodie - Dark red")),
    ]
    shown = _woocommerce(10, at[4], "Hoodie", "") | parent
    on_sale = {"W-11": ("Hoodie - Dark red", "20.00"), "W-12": ("Hoodie - Red", "20.00")}
    for topic, told in day[:3]:
        _send(hooked, "woocommerce", topic, told)
    assert sorted(_shop(hooked)) == ["W-11", "W-12"]
    for seed in range(4):
        for topic, told in day if not seed else Random(seed).sample(day * 2, len(day) * 2):
            _send(hooked, "woocommerce", topic, told)
        assert _shop(hooked) == {}
    _send(hooked, "woocommerce", "product.updated", shown)
    assert _shop(hooked) == on_sale
    _send(hooked, "woocommerce", "product.updated", _variation(12, at[5], status="private"))
    assert sorted(_shop(hooked)) == ["W-11"]
    _send(hooked, "woocommerce", "product.deleted", {"id": 10})
    assert _shop(hooked) == {}


SHOWN = {"type": "variable", "sku": "HOOD", "variations": [11, 12]}
FIRST, SECOND = _variation(11, MORNING), _variation(12, MORNING)
AT = [MORNING + timedelta(minutes=number) for number in range(3)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("told", "last", "sold"),
    [
        pytest.param([FIRST, SECOND], {"id": 10}, [], id="a parent that is deleted"),
        pytest.param(
            [FIRST, SECOND], _woocommerce(10, AT[2], "Hoodie", "") | SHOWN | {"variations": [12]}, ["W-12"],
            id="a variation that is not listed any more",
        ),
        pytest.param(
            [FIRST, SECOND, _woocommerce(10, AT[0], "Hoodie", "") | SHOWN | {"variations": [12]}],
            _woocommerce(10, AT[2], "Hoodie", "") | SHOWN, ["W-11", "W-12"], id="a variation that was not listed yet",
        ),
    ],
)  # fmt: skip
def test_what_a_parent_and_its_variations_sell_is_the_same_after_any_order(
    hooked: Service, told: list[dict[str, Any]], last: dict[str, Any], sold: list[str], seed: int
) -> None:
    hooked.recommender.application.catalogue.upsert([Product("HOOD", "Hoodie of a feed")])
    messages = [_woocommerce(10, AT[1], "Hoodie", "") | SHOWN, *told]
    for message in Random(seed).sample(messages, len(messages)):
        _send(hooked, "woocommerce", "product.updated", message)
    topic = "product.updated" if "name" in last else "product.deleted"
    for _ in range(2):
        _send(hooked, "woocommerce", topic, last)
        assert sorted(_shop(hooked)) == sold


def test_variations_of_a_draft_are_on_sale_once_it_is_published(hooked: Service) -> None:
    parent = {"type": "variable", "sku": "HOOD", "variations": [11]}
    later = MORNING + timedelta(minutes=1)
    _send(
        hooked, "woocommerce", "product.created", _woocommerce(10, MORNING, "Hoodie", "") | parent | {"status": "draft"}
    )
    _send(hooked, "woocommerce", "product.created", _variation(11, MORNING))
    assert _shop(hooked) == {}
    _send(hooked, "woocommerce", "product.updated", _woocommerce(10, later, "Hoodie", "") | parent)
    assert sorted(_shop(hooked)) == ["W-11"]


def test_what_is_not_signed_by_the_shop_changes_nothing(hooked: Service) -> None:
    body = json.dumps(_shopify(1, MORNING, "Red shirt", {"S": "19.00"})).encode()
    path = "/v1/hooks/shopify"
    for headers in (
        _headers("shopify", "products/create", body, MORNING, secret="another"),
        _headers("shopify", "products/create", body + b" ", MORNING),
        {"x-shopify-topic": "products/create"},
        {"x-shopify-topic": "products/create", "x-shopify-hmac-sha256": "no base64 at all %"},
    ):
        assert hooked.client.post(path, content=body, headers=headers).status_code == 401
    assert hooked.client.post("/v1/hooks/magento", content=body).status_code == 404
    assert _shop(hooked) == {}


def test_an_overheard_message_with_another_topic_removes_nothing(hooked: Service) -> None:
    shirt = _shopify(1, MORNING, "Red shirt", {"S": "19.00"})
    _send(hooked, "shopify", "products/create", shirt, MORNING)
    assert _send(hooked, "shopify", "products/delete", shirt, MORNING + timedelta(days=1))["status"] == "rejected"
    coat = _woocommerce(2, MORNING, "Coat", "20.00")
    _send(hooked, "woocommerce", "product.created", coat)
    assert _send(hooked, "woocommerce", "product.deleted", coat)["status"] == "rejected"
    assert sorted(_shop(hooked)) == ["1-S", "W-2"]


def test_what_tells_of_no_product_or_can_not_be_read_is_answered_so_that_it_is_not_sent_again(hooked: Service) -> None:
    assert hooked.client.post("/v1/hooks/woocommerce", content=b"webhook_id=12").json() == {"status": "ignored"}
    assert _send(hooked, "shopify", "orders/create", {"id": 1}) == {"status": "ignored"}
    beyond = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59")
    for told in (
        {"id": 1},
        [],
        *({"id": 1, "updated_at": at} for at in ("yesterday", *beyond)),
        {**_shopify(1, MORNING, "", {"S": "1"})},
    ):
        assert _send(hooked, "shopify", "products/update", told, MORNING)["status"] == "rejected"
    body = json.dumps({"id": 1, "title": "Café " * 100}, ensure_ascii=False).encode("latin-1")
    headers = _headers("shopify", "products/update", body, MORNING)
    reason = hooked.client.post("/v1/hooks/shopify", content=body, headers=headers).json()["reason"]
    assert reason == "the message of shopify is not UTF-8 at byte 23"
    draft = _shopify(3, MORNING, "Shirt", {"S": "19.00"}) | {"status": "draft"}
    assert _send(hooked, "shopify", "products/update", draft, MORNING)["written"] == []
    assert _shop(hooked) == {}
