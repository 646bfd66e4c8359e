"""JSON as programs write it and APIs answer: the products in it, wherever they stand."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import BadFeed
from recommender.feeds.formats import open_feed
from recommender.feeds.products import product_of
from recommender.feeds.rejections import BadRow
from recommender.types import Product

Write = Callable[..., Path]

ITEMS = [
    {"sku": f"l{number}", "title": f"Lamp {number}", "price": 10 + number, "sizes": [{"id": 1, "name": "S"}]}
    for number in range(5)
]


def _read(path: Path) -> list[Product]:
    with open_feed(path) as feed:
        return [product_of(row) for row in feed.rows()]


def _outcomes(path: Path) -> tuple[list[str], str]:
    """Return the SKU or the problem of each row, and why the feed seems cut off."""
    outcomes = []
    with open_feed(path) as feed:
        try:
            for row in feed.rows():
                try:
                    outcomes.append(product_of(row).sku)
                except BadRow as error:
                    outcomes.append(str(error))
        except BadFeed as error:
            assert feed.early_end == str(error)
        return outcomes, feed.early_end


@pytest.mark.parametrize(
    "shape",
    [
        ITEMS,
        {"products": ITEMS},
        {"total": 5, "products": ITEMS, "skip": 0},
        {"data": {"catalogue": {"items": ITEMS}}, "meta": {"page": 1}},
        {"categories": [{"id": n, "name": f"Room {n}"} for n in range(9)], "products": ITEMS},
        {"products": {item["sku"]: item for item in ITEMS}},
        {item["sku"]: item for item in ITEMS},
        {"data": {"products": {"edges": [{"cursor": "x", "node": item} for item in ITEMS]}}},
        {"hits": {"total": 5, "hits": [{"_id": item["sku"], "_source": item} for item in ITEMS]}},
        [[*ITEMS]],
    ],
)
@pytest.mark.parametrize("indent", [None, 2, "\t"])
@pytest.mark.parametrize("name", ["feed.json", "feed", "feed.json.gz"])
def test_products_are_found_wherever_they_stand(write: Write, shape: Any, indent: Any, name: str) -> None:
    products = _read(write(json.dumps(shape, indent=indent), name))
    assert [(one.sku, one.title, one.price) for one in products] == [
        (f"l{number}", f"Lamp {number}", Decimal(10 + number)) for number in range(5)
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_objects_may_stand_one_after_another(write: Write, indent: int | None) -> None:
    text = "\n".join(json.dumps(item, indent=indent) for item in ITEMS)
    assert len(_read(write(text, "feed.json"))) == 5
    pages = "\n".join(json.dumps({"products": ITEMS[place : place + 2]}, indent=indent) for place in (0, 2, 4))
    assert len(_read(write(pages, "feed.json"))) == 5
    assert [one.sku for one in _read(write(json.dumps(ITEMS[0], indent=indent), "feed.json"))] == ["l0"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_encoding_is_read(write: Write, encoding: str) -> None:
    text = json.dumps({"products": [item | {"title": "Größe für Mädchen"} for item in ITEMS]}, ensure_ascii=False)
    assert {one.title for one in _read(write(text.encode(encoding), "feed.json"))} == {"Größe für Mädchen"}


BROKEN = [
    ('{"sku": "x", "title": "X" "price": 3}', "not JSON"),
    ('{"sku": "x", "title": 24" screen}', "not JSON"),
    ("{'sku': 'x'}", "not JSON"),
    ('{"sku": "x", "title": "X", "price": }', "not JSON"),
    ('"x"', "not a JSON object but a text"),
    ("17", "not a JSON object but a number"),
    ("null", "not a JSON object but null"),
    ('{"sku": "x", "title": ' + "[" * 5000 + "]" * 5000 + "}", "too deep"),
    ('{"sku": "x", "title": "' + "y" * (5 << 20) + '"}', "longer than 4 MiB"),
    ("{}", "no SKU"),
]


@pytest.mark.parametrize(("item", "problem"), BROKEN, ids=[item[:24] for item, _ in BROKEN])
@pytest.mark.parametrize("around", ["[%s]", '{"meta": {"page": 1},\n"products": [%s], "total": 5}'])
@pytest.mark.parametrize("between", [", ", ",\n"])
def test_a_damaged_item_costs_itself_alone(write: Write, item: str, problem: str, around: str, between: str) -> None:
    texts = [json.dumps(one) for one in ITEMS]
    texts.insert(2, item)
    outcomes, early_end = _outcomes(write(around % between.join(texts), "feed.json"))
    assert problem in outcomes.pop(2)
    assert (outcomes, early_end) == ([f"l{number}" for number in range(5)], "")


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ('[{"sku": "a", "title": "A",}, {"sku": "b", "title": "B", "tags": [1, 2, ], }, ]', "a comma too many"),
        ('{"sku": "a", "title": "A", }\n{"sku": "b", "title": "B", "x": {"y": 1,},}\n', "a comma too many"),
        ('[{"sku": "x", "sku": "a", "title": "A"}, {"title": "", "sku": "b", "title": "B"}]', "stands twice"),
        ('{"sku": "x", "sku": "a", "title": "A"}\n{"title": "", "sku": "b", "title": "B"}', "stands twice"),
    ],
)
def test_what_a_strict_reader_refuses_is_read_and_told(write: Write, text: str, remark: str) -> None:
    with open_feed(write(text, "feed.json")) as feed:
        rows = list(feed.rows())
    assert [product_of(row).sku for row in rows] == ["a", "b"]
    assert all(remark in row.remark for row in rows)


def test_numbers_that_are_none_cost_their_field_at_most(write: Write) -> None:
    items = ['{"sku": "a", "title": "A", "weight": NaN}', '{"sku": "b", "title": "B", "x": Infinity}']
    items.append('{"sku": "c", "title": "C", "x": ' + "9" * 5000 + "}")
    for text in (
        "\n".join(items),
        f"[{', '.join(items)}]",
        json.dumps({"products": "%s"}).replace('"%s"', f"[{','.join(items)}]"),
    ):
        assert _outcomes(write(text, "feed.json")) == (["a", "b", "c"], "")


@pytest.mark.parametrize("cut", [1, 20, 40, 200])
def test_a_list_that_is_cut_off_keeps_what_came_before_and_says_so(write: Write, cut: int) -> None:
    text = json.dumps({"products": ITEMS}, indent=1)
    outcomes, early_end = _outcomes(write(text[:-cut], "feed.json"))
    assert outcomes[:3] == ["l0", "l1", "l2"]
    assert early_end


def test_a_large_list_is_read_in_bounded_memory(write: Write) -> None:
    items = ",".join(json.dumps({"sku": f"s{n}", "title": "T" * 200, "tags": ["x"] * 50}) for n in range(100_000))
    path = write('{"products":[' + items + "]}", "feed.json")
    del items
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_feed(path) as feed:
        assert sum(1 for _ in feed.rows()) == 100_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KiB
