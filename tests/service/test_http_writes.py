from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pytest
from service.conftest import Service, serving, settings_of
from support.patience import PATIENCE_S

from recommender.application.composition import Application
from recommender.errors import BadInput, Unavailable
from recommender.feeds.cells import exact_number
from recommender.feeds.formats import open_feed
from recommender.feeds.products import ProductObjects, product_of
from recommender.feeds.rejections import BadRow
from recommender.feeds.remarks import Remark
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.protocol import VectorIndex
from recommender.service.operator_routes import CHECK_S

JSON = {"content-type": "application/json"}
BOOT = {"title": "Trail boot", "brand": "Alder", "category": ["Sport", "Running"], "price": 89.9, "currency": "EUR"}


@pytest.fixture(scope="module")
def writable(shared_home: Path) -> Iterator[Service]:
    """A service whose catalogue the tests of this module change."""
    with serving(Application(settings_of(shared_home))) as opened:
        yield opened


def _put(service: Service, sku: str, body: object) -> tuple[int, str]:
    reply = service.client.put(f"/v1/products/{sku}", json=body)
    return reply.status_code, reply.json()["status"]


def _appears(service: Service, text: str, sku: str, seconds: float = PATIENCE_S) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if sku in [hit["sku"] for hit in service.get("/v1/search", q=text, mode="lexical")["hits"]]:
            return True
        time.sleep(0.05)
    return False


def test_a_product_is_created_updated_left_alone_and_taken_out(writable: Service) -> None:
    assert _put(writable, "boot%2F1", BOOT) == (201, "created")
    assert _put(writable, "boot%2F1", BOOT | {"sku": "boot/1"}) == (200, "unchanged")
    assert _put(writable, "boot%2F1", BOOT | {"price": "79,90 EUR"}) == (200, "updated")
    assert writable.get("/v1/products/boot%2F1")["price"] == 79.9
    assert writable.client.delete("/v1/products/boot%2F1").json() == {"sku": "boot/1", "status": "deleted"}
    assert writable.client.delete("/v1/products/boot%2F1").status_code == 404
    assert writable.client.get("/v1/products/boot%2F1").status_code == 404


def test_fields_that_nothing_is_read_from_are_told(writable: Service) -> None:
    odd = BOOT | {"colour": "red", "attr_fit": "wide"}
    reply = writable.client.put("/v1/products/odd", json=odd)
    assert reply.json() == {"sku": "odd", "status": "created", "ignored": ["colour"]}
    assert writable.get("/v1/products/odd")["attributes"]["fit"] == "wide"
    batch = {"upsert": [{"sku": "plain", **BOOT}, {"sku": "odd", **odd, "titel": "x"}]}
    plain, told = writable.post("/v1/products:batch", batch)["items"]
    assert plain == {"sku": "plain", "status": "created"}
    assert told == {"sku": "odd", "status": "unchanged", "ignored": ["colour", "titel"]}


def test_the_numbers_of_a_product_do_not_take_the_place_of_its_sku(writable: Service) -> None:
    for sku, numbers in (("by-mpn", {"mpn": "M-1"}), ("by-gtin", {"gtin": ["4006381333931"]})):
        assert _put(writable, sku, BOOT | numbers)[0] == 201
        stored = writable.get(f"/v1/products/{sku}")
        assert (stored["mpn"], stored["gtin"]) == (("M-1", "") if "mpn" in numbers else ("", "4006381333931"))


def test_a_number_of_json_is_all_its_digits_however_it_is_written(writable: Service) -> None:
    assert _put(writable, "lamp-new", BOOT)[0] == 201
    powers = '{"gtin": 6.80321674734044E+16, "mpn": 4e40, "attributes": {"code": 1.234567E+20, "size": 42.0}}'
    written = {"Content-Type": "application/merge-patch+json"}
    reply = writable.client.patch("/v1/products/lamp-new", content=powers, headers=written)
    assert reply.status_code == 200, reply.text
    stored = writable.get("/v1/products/lamp-new")
    assert (stored["gtin"], stored["mpn"]) == ("68032167473404400", "4" + "0" * 40)
    assert stored["attributes"] | {"code": "123456700000000000000", "size": "42"} == stored["attributes"]


def test_what_is_written_is_in_answers_soon(writable: Service) -> None:
    _put(writable, "lamp-new", {"title": "Zirconium lantern"})
    assert _appears(writable, "zirconium", "lamp-new")


def test_the_document_says_as_much_of_a_category_as_the_catalogue_takes(writable: Service) -> None:
    put = writable.get("/openapi.json")["paths"]["/v1/products/{sku}"]["put"]
    fields = put["requestBody"]["content"]["application/json"]["schema"]["properties"]
    names = fields["category"]
    longest = names["items"]["maxLength"]
    assert "maxItems" not in names
    assert _put(writable, "deep", BOOT | {"category": [f"Level {level}" for level in range(12)]})[0] == 201
    assert _put(writable, "long", BOOT | {"category": ["x" * longest]})[0] == 201
    reply = writable.client.put("/v1/products/longer", json=BOOT | {"category": ["x" * (longest + 1)]})
    assert reply.status_code == 422


def test_the_body_may_not_name_another_product_than_the_address(writable: Service) -> None:
    reply = writable.client.put("/v1/products/one", json=BOOT | {"sku": "other"})
    assert reply.status_code == 400
    assert "'other'" in reply.json()["detail"]


def test_each_item_of_a_batch_gets_a_status_in_the_order_given(writable: Service) -> None:
    _put(writable, "there", BOOT)
    _put(writable, "going", BOOT)
    batch = {
        "upsert": [
            {"sku": "new", **BOOT},
            {"sku": "there", **BOOT},
            {"sku": "bad", "title": ""},
            7,
            {"sku": "\ud800", "title": "half a pair"},
            {"sku": "there-not", "title": "x", "price": "cheap"},
        ],
        "delete": ["going", "never-was"],
    }
    reply = writable.client.post("/v1/products:batch", content=json.dumps(batch), headers=JSON)
    items = reply.json()["items"]
    statuses = ["created", "unchanged", "rejected", "rejected", "rejected", "rejected", "deleted", "unknown"]
    assert [item["status"] for item in items] == statuses
    assert [item["sku"] for item in items[:3]] == ["new", "there", "bad"]
    assert items[2]["reason"] == "no title"
    assert items[3]["reason"] == "the item is a number; an object is expected"
    assert "price" in items[5]["reason"]


MERGE = {"content-type": "application/merge-patch+json"}


def _patch(service: Service, sku: str, body: object, headers: dict[str, str] = MERGE) -> tuple[int, dict[str, Any]]:
    reply = service.client.patch(f"/v1/products/{sku}", content=json.dumps(body), headers=headers)
    return reply.status_code, reply.json()


def test_a_patch_changes_what_is_given_and_null_removes(writable: Service) -> None:
    _put(writable, "part", BOOT | {"attributes": {"colour": "red", "size": "42"}, "url": "https://s.example/1"})
    before = writable.get("/v1/products/part")
    assert before["availability"] == "unknown"  # nobody said that it is in stock
    assert _patch(writable, "part", {"price": 99}) == (200, {"sku": "part", "status": "updated"})
    assert writable.get("/v1/products/part") == before | {"price": 99.0}
    changes = {"attributes": {"size": None, "fit": "wide"}, "availability": "in stock", "url": None, "brand": ""}
    assert _patch(writable, "part", changes, JSON)[1]["status"] == "updated"
    after = writable.get("/v1/products/part")
    assert after["attributes"] == {"colour": "red", "fit": "wide"}
    assert (after["availability"], after["url"], after["brand"], after["title"]) == ("in_stock", "", "", "Trail boot")
    assert _patch(writable, "part", {"price": None, "attributes": None})[0] == 200
    assert (writable.get("/v1/products/part")["price"], writable.get("/v1/products/part")["attributes"]) == (None, {})
    assert _patch(writable, "part", {"title": "Trail boot"})[1]["status"] == "unchanged"
    assert _patch(writable, "part", {"colour": "red"})[1] == {
        "sku": "part",
        "status": "unchanged",
        "ignored": ["colour"],
    }


def test_a_patch_of_the_primary_category_leaves_the_others(writable: Service) -> None:
    _put(writable, "many", BOOT | {"other_categories": ["Sale", ["Outdoor", "Boots"]]})
    _patch(writable, "many", {"category": "Sport > Trail"})
    product = writable.get("/v1/products/many")
    assert (product["category"], product["other_categories"]) == (["Sport", "Trail"], [["Sale"], ["Outdoor", "Boots"]])
    _patch(writable, "many", {"other_categories": None})
    assert writable.get("/v1/products/many")["other_categories"] == []


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"title": None}, 422, "a title can't be removed"),
        ({"price": "cheap"}, 422, "price"),
        ({"sku": "another"}, 400, "give one of them"),
        ([{"price": 1}], 400, "an object is expected"),
    ],
)
def test_a_patch_that_can_not_be_made_changes_nothing(writable: Service, body: Any, status: int, told: str) -> None:
    _put(writable, "firm", BOOT)
    before = writable.get("/v1/products/firm")
    answered, problem = _patch(writable, "firm", body)
    assert (answered, told in problem["detail"]) == (status, True), problem
    assert writable.get("/v1/products/firm") == before


def test_what_is_not_in_the_shop_is_not_patched(writable: Service) -> None:
    assert _patch(writable, "never-was", {"price": 1})[0] == 404
    _put(writable, "left", BOOT)
    writable.client.delete("/v1/products/left")
    assert _patch(writable, "left", {"price": 1})[0] == 404
    assert writable.client.get("/v1/products/left").status_code == 404


def test_a_partial_batch_says_what_changes_alone(writable: Service) -> None:
    for sku in ("one", "two", "three"):
        _put(writable, sku, BOOT)
    upsert = [{"sku": "one", "price": 99}, {"sku": "two"}, {"sku": "never-was", "price": 1}, {"price": 1}]
    reply = writable.post("/v1/products:batch", {"partial": True, "upsert": upsert, "delete": ["three"]})
    assert [item["status"] for item in reply["items"]] == ["updated", "unchanged", "unknown", "rejected", "deleted"]
    assert writable.get("/v1/products/one")["title"] == "Trail boot"
    assert writable.get("/v1/products/one")["price"] == 99.0


def test_a_sku_is_not_written_and_taken_out_at_once(writable: Service) -> None:
    body = {"upsert": [{"sku": "both", **BOOT}], "delete": ["both"]}
    assert "'both'" in writable.post("/v1/products:batch", body, 400)["detail"]
    assert writable.client.get("/v1/products/both").status_code == 404


LINES = [
    '{"sku": "a", "title": "Plain"}',
    '{"id": 7, "name": "By other names", "vendor": "V", "product_type": "A > B", "link": "u", "attr_colour": "red"}',
    '{"sku": "b", "title": "Priced", "price": {"value": 19.990, "currency": "eur"}, "availability": "out of stock"}',
    '{"sku": "c", "title": "Comma", "price": "1.299,50 EUR"}',
    '{"sku": "d", "title": "Bad price", "price": "cheap"}',
    '{"sku": "e", "title": ["no", "text"]}',
    '{"sku": "f", "title": "Bad currency", "price": 1, "currency": "euros"}',
    '{"sku": "", "title": "No SKU"}',
    '{"sku": "g\\u0000", "title": "NUL"}',
    '{"sku": "h", "title": "Long", "description": "' + "x" * 100_001 + '"}',
    '{"sku": "i", "title": "Attributes", "attributes": {"size": 42, "fit": "wide"}}',
]


@pytest.mark.parametrize("line", LINES, ids=[line[:40] for line in LINES])
def test_the_service_takes_what_a_feed_takes_and_says_of_the_rest_what_a_feed_says(tmp_path: Path, line: str) -> None:
    (tmp_path / "feed.jsonl").write_text(f'{{"sku": "first", "title": "First"}}\n{line}\n', encoding="utf-8")
    with open_feed(tmp_path / "feed.jsonl") as feed:
        *_, row = feed.rows()
    members = json.loads(line, parse_float=exact_number)
    remarks: list[Remark] = []
    try:
        expected = product_of(row, remarks=remarks)
    except BadRow as error:
        reason = str(error)
    else:
        reason = next((remark.reason for remark in remarks if remark.lost), "")
    if not reason:
        assert ProductObjects().product(members) == expected
        return
    with pytest.raises(BadInput) as raised:  # a feed leaves the field unknown and goes on; a caller can mend it
        ProductObjects().product(members)
    assert str(raised.value) == reason


def test_a_rule_holds_from_the_next_query_on_and_until_it_is_removed(writable: Service) -> None:
    added = writable.post("/v1/rules", {"action": "pin", "sku": "SKU-0040", "query": "Trail  BOOT"}, 201)
    assert writable.get("/v1/rules")["rules"] == [added]
    top = writable.get("/v1/search", q="trail boot", k=1)["hits"][0]
    assert (top["sku"], top["reason"]) == ("SKU-0040", "pinned")
    address = f"/v1/rules/{added['id']}"
    changed = added | {"query": "garden hose", "ends_at": "2990-01-01T00:00:00+00:00"}
    assert writable.client.put(address, json=changed).json() == changed
    assert writable.get("/v1/rules")["rules"] == [changed]
    assert writable.get("/v1/search", q="trail boot", k=1)["hits"][0]["reason"] == "relevance"
    assert writable.get("/v1/search", q="garden hose", k=1)["hits"][0]["reason"] == "pinned"
    assert writable.client.put(address, json=changed | {"query": ""}).status_code == 422
    assert writable.client.put(f"/v1/rules/{added['id'] + 1}", json=changed | {"id": 0}).status_code == 404
    assert writable.client.delete(f"/v1/rules/{added['id']}").json()["status"] == "deleted"
    assert writable.client.delete(f"/v1/rules/{added['id']}").status_code == 404
    assert writable.client.put(address, json=changed).status_code == 404
    assert writable.get("/v1/search", q="garden hose", k=1)["hits"][0]["reason"] == "relevance"


class _FickleIndex:
    """An index that answers while its engine is there."""

    def __init__(self, index: VectorIndex, engine: _FickleEngine) -> None:
        self._index = index
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        self._engine.require()
        return getattr(self._index, name)


class _FickleEngine:
    """The embedded engine, that may be away as a server may."""

    def __init__(self, folder: Path) -> None:
        self._engine = EmbeddedEngine(folder)
        self.away = False

    def require(self) -> None:
        if self.away:
            raise Unavailable("the engine does not answer")

    def open(self, name: str) -> VectorIndex:
        self.require()
        return cast(VectorIndex, _FickleIndex(self._engine.open(name), self))

    def names(self) -> list[str]:
        self.require()
        return self._engine.names()

    def close(self) -> None:
        self.away = False


class _FickleApplication(Application):
    """An installation whose engine may be away."""

    @cached_property
    def engine(self) -> Any:
        return _FickleEngine(self.settings.index_dir)


def test_while_the_engine_is_away_queries_are_put_off_and_writes_go_in(home: Path) -> None:
    application = _FickleApplication(settings_of(home))
    with serving(application) as opened:
        assert opened.client.get("/readyz").status_code == 200
        application.engine.away = True
        reply = opened.client.get("/v1/search?q=shirt")
        assert (reply.status_code, int(reply.headers["retry-after"]) > 0) == (503, True)
        assert reply.headers["content-type"] == "application/problem+json"
        assert opened.client.get("/livez").status_code == 200
        time.sleep(CHECK_S)
        assert opened.client.get("/readyz").status_code == 503
        assert _put(opened, "kept", {"title": "Zirconium lantern"}) == (201, "created")
        assert opened.get("/v1/status")["waiting"] == 1
        application.engine.away = False
        assert _appears_once_back(opened)


def _appears_once_back(service: Service) -> bool:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        reply = service.client.get("/v1/search?q=zirconium&mode=lexical")
        if reply.status_code == 200 and [hit["sku"] for hit in reply.json()["hits"]] == ["kept"]:
            return True
        time.sleep(0.1)
    return False


def test_one_item_of_a_batch_that_can_not_be_read_answers_for_itself(writable: Service) -> None:
    deep: object = "x"
    for _ in range(480):
        deep = {"a": deep}
    bad = [
        '{"sku": "%s", "title": "&#' + "1" * 4301 + ';"}',
        '{"sku": "%s", "title": "T", "attributes": {"deep": ' + json.dumps(deep) + "}}",
        '{"sku": "%s", "title": "T", "price": NaN}',
        '{"sku": "%s", "title": "T", "price": -Infinity}',
        '{"sku": "%s", "title": "T", "price": ' + "9" * 5000 + "}",
        '{"sku": "%s", "title": "T", "price": 1e999999999}',
        '{"sku": "%s", "title": "T", "brand": "\\ud800"}',
        '{"sku": "%s", "title": "T\\u0000"}',
        '{"sku": "%s", "title": "T", "category": ["A\\u0000", "\\ud800"]}',
        '{"sku": "%s", "title": "T", "category": "A", "other_categories": [["B\\u0000"]]}',
        '{"sku": ' + "[" * 400 + '"%s"' + "]" * 400 + ', "title": "T"}',
    ]
    items = [text for number, item in enumerate(bad) for text in (item % f"odd-{number}", _boot(number))]
    reply = writable.client.post("/v1/products:batch", content=f'{{"upsert": [{", ".join(items)}]}}', headers=JSON)
    assert reply.status_code == 200, reply.text
    results = reply.json()["items"]
    assert [result["status"] for result in results[1::2]] == ["created"] * len(bad)
    assert {result["status"] for result in results[::2]} <= {"created", "rejected"}
    reasons = {result["sku"]: result["reason"] for result in results if result["status"] == "rejected"}
    assert "no number in JSON" in reasons["odd-2"] and "no number in JSON" in reasons["odd-3"]


def _boot(number: int) -> str:
    return json.dumps(BOOT | {"sku": f"boot-{number}"})
