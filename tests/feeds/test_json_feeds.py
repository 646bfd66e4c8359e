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
from recommender.feeds.products import is_offered, product_of
from recommender.feeds.rejections import BadRow, rejection_reason
from recommender.feeds.remarks import Remark
from recommender.types import Availability, Product

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
                except (BadRow, RecursionError) as error:  # from 3.13 on Python reads deeper JSON than it can follow
                    outcomes.append(rejection_reason(error))
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


LAMP: dict[str, Any] = {
    "id": 7, "title": "Desk lamp", "handle": "desk-lamp", "body_html": "<p>Bright</p>", "vendor": "Lumo",
    "product_type": "Lighting", "published_at": "2026-01-01T00:00:00Z", "status": "active",
    "options": [{"name": "Colour", "position": 1, "values": ["Red", "Blue"]}],
    "images": [{"id": 1, "src": "https://s.example/1.jpg"}, {"id": 2, "src": "https://s.example/2.jpg"}],
    "variants": [
        {"id": 71, "sku": "L-RED", "price": "19.90", "option1": "Red", "available": True, "image_id": 2},
        {"id": 72, "sku": "", "price": "21.90", "option1": "Blue", "available": False},
    ],
}  # fmt: skip


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("wrap", ["products", ""])
def test_the_products_of_shopify_are_read_with_their_variants(write: Write, wrap: str, indent: int | None) -> None:
    items = [LAMP, LAMP | {"id": 8, "handle": "draft", "status": "draft"}]
    path = write(json.dumps({wrap: items} if wrap else items, indent=indent), "products.json")
    with open_feed(path) as feed:
        red, blue = (product_of(row) for row in feed.rows())
        assert set(feed.withdrawn) == {"L-RED", "draft/Blue"}
        assert feed.format == "Shopify"
    assert (red.sku, red.title, red.price, red.brand) == ("L-RED", "Desk lamp - Red", Decimal("19.90"), "Lumo")
    assert (red.image, red.group_id, red.attributes) == ("https://s.example/2.jpg", "desk-lamp", {"Colour": "Red"})
    assert (blue.sku, blue.image, blue.category) == ("desk-lamp/Blue", "https://s.example/1.jpg", ("Lighting",))
    assert [red.availability, blue.availability] == [Availability.IN_STOCK, Availability.OUT_OF_STOCK]


CAP: dict[str, Any] = {
    "id": 31, "name": "Wool cap", "sku": "CAP", "type": "simple", "status": "publish", "catalog_visibility": "visible",
    "permalink": "https://s.example/cap", "regular_price": "25", "sale_price": "20", "price": "20",
    "stock_status": "outofstock", "description": "<p>Warm</p>", "short_description": "", "parent_id": 0,
    "categories": [{"id": 1, "name": "Hats, caps"}, {"id": 2, "name": "Winter"}], "brands": [{"name": "Aran"}],
    "images": [{"src": "https://s.example/cap.jpg"}, {"src": "https://s.example/cap2.jpg"}],
    "attributes": [{"name": "Colour", "options": ["Red", "Blue"]}, {"name": "Size", "option": "M"}],
}  # fmt: skip


def test_the_products_of_woocommerce_are_read_by_the_rules_of_its_export(write: Write) -> None:
    items = [CAP, CAP | {"id": 32, "sku": "DRAFT", "status": "draft"}, CAP | {"id": 33, "sku": "", "images": []}]
    items[2]["categories"] = [{"id": 1, "name": "Hats &amp; caps"}]
    with open_feed(write(json.dumps(items), "feed.json")) as feed:
        cap, unnamed = (product_of(row) for row in feed.rows())
        assert feed.withdrawn == ("DRAFT",)
    assert (cap.price, cap.availability, cap.brand) == (Decimal(20), Availability.OUT_OF_STOCK, "Aran")
    assert (cap.category, cap.image) == (("Hats, caps",), "https://s.example/cap.jpg")
    assert (cap.url, cap.attributes) == ("https://s.example/cap", {"Colour": "Red, Blue", "Size": "M"})
    assert (unnamed.sku, unnamed.image, unnamed.category) == ("id:33", "", ("Hats & caps",))


def test_what_an_api_gives_otherwise_is_a_rejected_row(write: Write) -> None:
    odd = [LAMP | {"variants": ["x"]}, LAMP | {"images": 5}, LAMP | {"variants": []}, LAMP | {"options": {"name": "x"}}]
    with open_feed(write(json.dumps({"products": [LAMP, *odd]}), "feed.json")) as feed:
        problems = [row.problem for row in feed.rows()]
    assert problems[:2] == ["", ""]
    assert all(problem.startswith(("is not as", "holds no product", "")) for problem in problems[2:])
    assert len([problem for problem in problems if problem]) >= 3


def test_an_offer_of_schema_org_states_the_price_and_the_stock(write: Write) -> None:
    offer = {
        "@type": "Offer",
        "price": "19.99",
        "priceCurrency": "EUR",
        "availability": "https://schema.org/OutOfStock",
    }
    of_two = [{"sku": "a", "name": "A", "offers": offer}, {"sku": "b", "name": "B", "offers": [offer | {"price": 5}]}]
    first, other = _read(write(json.dumps({"@context": "https://schema.org", "@graph": of_two}), "feed.json"))
    assert (first.price, first.currency, first.availability) == (Decimal("19.99"), "EUR", Availability.OUT_OF_STOCK)
    assert (other.price, other.availability) == (Decimal(5), Availability.OUT_OF_STOCK)


def test_of_a_text_in_several_languages_the_first_is_taken(write: Write) -> None:
    item = {"sku": "a", "name": {"en": "Kettle", "de": "Kessel"}, "price": {"amount": "19.99", "currencyCode": "EUR"}}
    (product,) = _read(write(json.dumps([item]), "feed.json"))
    assert (product.title, product.price, product.currency) == ("Kettle", Decimal("19.99"), "EUR")


def test_shopify_answers_graphql_with_nodes(write: Write) -> None:
    variant = {"id": "gid://11", "sku": "T-S", "price": "20.00", "inventoryQuantity": 0, "inventoryPolicy": "DENY",
               "selectedOptions": [{"name": "Size", "value": "S"}]}  # fmt: skip
    node = {"id": "gid://1", "title": "Tee", "handle": "tee", "vendor": "Acme", "productType": "Shirts",
            "status": "ACTIVE", "descriptionHtml": "<p>Soft</p>", "variants": {"edges": [{"node": variant}]},
            "images": {"nodes": [{"url": "https://s.example/1.jpg"}]}}  # fmt: skip
    draft = node | {"handle": "draft", "status": "DRAFT", "variants": {"nodes": [variant | {"sku": "D"}]}}
    answer = {"data": {"products": {"edges": [{"node": node}, {"node": draft}]}}}
    with open_feed(write(json.dumps(answer), "feed.json")) as feed:
        (product,) = (product_of(row) for row in feed.rows())
        assert feed.withdrawn == ("D",)
    assert product == Product(
        "T-S", "Tee - S", "Soft", "Acme", ("Shirts",), Decimal("20.00"), availability=Availability.OUT_OF_STOCK,
        image="https://s.example/1.jpg", group_id="tee", attributes={"Size": "S"},
    )  # fmt: skip


def test_products_and_variants_apart_are_refused(write: Write) -> None:
    lines = [{"id": "1", "title": "Tee", "handle": "tee"}, {"id": "11", "sku": "T", "title": "S", "__parentId": "1"}]
    with pytest.raises(BadFeed, match="bulk operation of Shopify"):
        _read(write("\n".join(map(json.dumps, lines)), "feed.jsonl"))


def test_medusa_is_not_taken_for_shopify(write: Write) -> None:
    item = {"id": "p", "title": "Tee", "handle": "tee", "status": "published", "thumbnail": None, "variants": [{}]}
    (product,) = _read(write(json.dumps({"products": [item]}), "feed.json"))
    assert (product.sku, product.title) == ("p", "Tee")


def test_the_products_of_magento_are_read_by_the_rules_of_its_export(write: Write) -> None:
    item = {
        "id": 1, "sku": "M1", "name": "Bag", "price": 34, "status": 1, "visibility": 4, "type_id": "simple",
        "extension_attributes": {"stock_item": {"qty": 0, "is_in_stock": False}},
        "custom_attributes": [
            {"attribute_code": "description", "value": "<p>Big</p>"},
            {"attribute_code": "special_price", "value": "20.00"},
            {"attribute_code": "category_ids", "value": ["3"]},
        ],
    }  # fmt: skip
    items = [item, item | {"sku": "M2", "status": 2}, item | {"sku": "M3", "visibility": 1}]
    with open_feed(write(json.dumps({"items": items, "total_count": 3}), "feed.json")) as feed:
        (product,) = (product_of(row) for row in feed.rows())
        assert feed.withdrawn == ("M2", "M3")
    assert product == Product("M1", "Bag", "Big", price=Decimal("20.00"), availability=Availability.OUT_OF_STOCK)


def test_variants_within_a_product_of_no_known_system_are_products_of_one_group(write: Write) -> None:
    shirt = {
        "id": 1, "sku": "P1", "gtin": "4006381333931", "name": "Shirt", "brand": "Nike", "price": 10,
        "variants": [
            {"id": 11, "sku": "S1", "name": "Red", "price": 12, "stock": 3},
            {"id": 12, "sku": "S2", "name": "Shirt, blue", "price": None, "stock": 0},
        ],
    }  # fmt: skip
    draft = {"id": 3, "name": "Sock", "status": "draft", "variants": [{"id": 31, "status": "active", "price": 3}]}
    same = {"id": 4, "sku": "P4", "name": "Glove", "price": 8, "variants": [{"size": "S"}, {"size": "M"}]}
    plain = {"id": 5, "sku": "P5", "name": "Hat", "variants": []}
    with open_feed(write(json.dumps([shirt, draft, same, plain]), "feed.json")) as feed:
        rows = list(feed.rows())
        found = [product_of(row) for row in rows]
        assert "variants" in feed.leftover_columns
    assert [(one.sku, one.title, one.price, one.group_id) for one in found] == [
        ("S1", "Shirt Red", Decimal(12), "P1"),
        ("S2", "Shirt, blue", Decimal(10), "P1"),
        ("3", "Sock", Decimal(3), ""),
        ("P4", "Glove", Decimal(8), ""),
        ("P5", "Hat", None, ""),
    ]
    assert [one.availability for one in found[:2]] == [Availability.IN_STOCK, Availability.OUT_OF_STOCK]
    assert {one.brand for one in found[:2]} == {"Nike"} and not any(one.gtin for one in found)
    assert [is_offered(row) for row in rows] == [True, True, False, True, True]


def test_numbers_are_no_categories(write: Write) -> None:
    (product,) = _read(write(json.dumps([{"sku": "a", "title": "A", "categories": [23, 18]}]), "feed.json"))
    assert product.categories == ()


@pytest.mark.parametrize(
    ("price", "stated"),
    [
        ({"centAmount": 1999, "currencyCode": "EUR"}, "19.99 EUR"),
        ({"centAmount": 1980, "currencyCode": "JPY"}, "1980 JPY"),
        ({"gross": 12.5, "net": 10.5, "currency": "EUR"}, "12.5 EUR"),
        ({"current": 15, "regular": 20}, "15 "),
        ({"regular": 20, "sale": None, "currency": "EUR"}, "20 EUR"),
        ({"regular": 20, "sale": 15}, "None "),
        ({"EUR": 12.5}, "12.5 EUR"),
        ({"EUR": 12.5, "USD": 13}, "None "),
        ({"$numberDecimal": "12.50"}, "12.50 "),
        ({"$numberDecimal": "12.500"}, "12.500 "),
        ({"amount": {"$numberDouble": "12.5"}, "currency": "EUR"}, "12.5 EUR"),
    ],
)
def test_an_object_that_holds_one_amount_is_a_price(write: Write, price: object, stated: str) -> None:
    item = {"sku": {"$oid": "a"}, "title": "A", "price": price, "stock": {"$numberInt": "0"}}
    (product,) = _read(write(json.dumps([item]), "feed.json"))
    assert (product.sku, product.availability) == ("a", Availability.OUT_OF_STOCK)
    assert f"{product.price} {product.currency}" == stated


def test_what_odoo_refers_to_has_a_number_and_a_name_and_what_it_lacks_is_false(write: Write) -> None:
    desk = {"default_code": "F-1", "name": "Desk", "categ_id": [5, "All / Office"], "currency_id": [1, "EUR"]}
    rest = {"list_price": 750.0, "barcode": False, "brand": [3, "Acme"], "parent_id": [7, "Desks"]}
    nothing = dict.fromkeys(("categ_id", "currency_id", "list_price", "parent_id"), False)
    items = [desk | rest, desk | rest | {"default_code": False}, desk | rest | nothing]
    with open_feed(write(json.dumps({"jsonrpc": "2.0", "result": items}), "f.json")) as feed:
        first, second, third = feed.rows()
    product = product_of(first)
    assert (product.sku, product.category, product.brand) == ("F-1", ("All", "Office"), "Acme")
    assert (product.currency, product.gtin, product.group_id) == ("EUR", "", "7")
    with pytest.raises(BadRow, match="no SKU"):
        product_of(second)
    remarks: list[Remark] = []
    product = product_of(third, remarks=remarks)
    assert (product.category, product.currency, product.price, product.group_id, remarks) == ((), "", None, "", [])


def test_a_group_of_schema_org_has_its_variants(write: Write) -> None:
    offer = {"price": 39.99, "priceCurrency": "EUR", "availability": "https://schema.org/OutOfStock"}
    variants = [{"@type": "Product", "sku": f"C-{size}", "name": f"Coat {size}", "offers": offer} for size in "SM"]
    group = {"@type": "ProductGroup", "productGroupID": "C", "name": "Coat", "hasVariant": variants}
    products = _read(write(json.dumps([group, {"@type": "Product", "sku": "H", "name": "Hat"}]), "feed.json"))
    assert [(one.sku, one.title, one.price, one.group_id) for one in products] == [
        ("C-S", "Coat S", Decimal("39.99"), "C"), ("C-M", "Coat M", Decimal("39.99"), "C"), ("H", "Hat", None, ""),
    ]  # fmt: skip


def test_a_group_of_schema_org_that_only_refers_to_its_variants_is_no_product(write: Write) -> None:
    variants = [{"@type": "Product", "@id": f"#{size}", "sku": f"C-{size}", "name": f"Coat {size}"} for size in "SM"]
    group = {"@type": "ProductGroup", "name": "Coat", "hasVariant": [{"@id": "#S"}, {"@id": "#M"}]}
    with open_feed(write(json.dumps([group, *variants]), "feed.json")) as feed:
        first, *rest = feed.rows()
    with pytest.raises(BadRow, match="no SKU"):
        product_of(first)
    assert [product_of(row).sku for row in rest] == ["C-S", "C-M"]


@pytest.mark.parametrize(("name", "title"), [("I-1", "Bolt"), ("", "Bolt"), ("Nut", "Nut")])
def test_a_title_that_is_only_the_sku_gives_way_to_another_name(write: Write, name: str, title: str) -> None:
    item = {"name": name, "item_code": "I-1", "item_name": "Bolt", "standard_rate": 2.5}
    (product,) = _read(write(json.dumps([item]), "feed.json"))
    assert (product.title, product.price) == (title, Decimal("2.5"))
