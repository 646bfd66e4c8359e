from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.index.payload import INDEXED_FIELDS, card_of, product_payload
from recommender.types import Availability, Card, Product

PRICES = st.none() | st.decimals(0, Decimal("9999999999.9999"), places=4) | st.decimals(0, 10**6, places=2)
PRODUCTS = st.builds(
    Product,
    sku=st.text(min_size=1),
    title=st.text(),
    brand=st.text(),
    category=st.lists(st.text(min_size=1), max_size=4).map(tuple),
    price=PRICES,
    currency=st.sampled_from(["", "EUR"]),
    availability=st.sampled_from(Availability),
    url=st.text(),
    image=st.text(),
    group_id=st.text(max_size=3),
    attributes=st.dictionaries(st.text(), st.text(), max_size=3),
)


@given(PRODUCTS)
def test_a_card_says_what_the_product_said_even_through_json(product: Product) -> None:
    payload = json.loads(json.dumps(product_payload(product, "hash")))
    assert card_of(payload) == Card(
        sku=product.sku,
        title=product.title,
        brand=product.brand,
        category=product.category,
        price=product.price,
        currency=product.currency,
        availability=product.availability,
        url=product.url,
        image=product.image,
        group_id=product.group_id,
    )


def test_a_price_is_shown_with_its_cents() -> None:
    shown = [
        str(card_of(product_payload(Product("a", "A", price=Decimal(p)), "h")).price) for p in ("5", "5.1", "0.0005")
    ]
    assert shown == ["5.00", "5.10", "0.0005"]


def test_what_a_product_does_not_have_is_absent() -> None:
    payload = product_payload(Product("a", "A"), "hash")
    assert not {"price", "group", "attributes", "attribute_keys", "created", "popularity"} & set(payload)
    assert (payload["sku"], payload["text_hash"], payload["availability"]) == ("a", "hash", "in_stock")


def test_ancestors_and_brand_are_casefolded_and_the_path_is_not() -> None:
    payload = product_payload(Product("a", "A", brand="GROẞ", category=("Home", "Café")), "hash")
    assert payload["ancestors"] == ["home", "home > café"]
    assert payload["path"] == ["Home", "Café"]
    assert payload["brand_key"] == "gross"


def test_every_indexed_field_is_one_that_a_payload_has() -> None:
    attributes = {"popularity": "7"}
    full = Product("ABC-12345", "A", brand="B", category=("C",), price=Decimal(1), group_id="g", attributes=attributes)
    assert set(INDEXED_FIELDS) <= set(product_payload(full, "hash", datetime.now(UTC)))


@pytest.mark.parametrize(
    ("text", "popularity"),
    [("12", 12.0), (" 1e3 ", 1000.0), ("-0.5", -0.5), ("0", 0.0)]
    + [(bad, None) for bad in ("1,234", "1_234", "nan", "inf", "1e999", "many", "", "12 sold")],
)
def test_popularity_is_a_finite_number_or_absent(text: str, popularity: float | None) -> None:
    payload = product_payload(Product("a", "A", attributes={"Sold  last Week": text}), "h", None, "sold last week")
    assert payload.get("popularity") == popularity
    assert "popularity" not in product_payload(Product("a", "A", attributes={"sold": "3"}), "h")


def test_an_attribute_is_found_by_its_whole_value_and_by_each_item_of_a_list() -> None:
    attributes = {"Main  Colour": "Red, Dark  Blue", "a=b": "c", "a": "b=c", "size": "1/2"}
    payload = product_payload(Product("a", "A", attributes=attributes), "h")
    assert payload["attribute_keys"] == [
        "main colour=red, dark blue", "main colour=red", "main colour=dark blue", "a%3Db=c", "a=b=c", "size=1/2",
    ]  # fmt: skip
    assert payload["attributes"] == attributes


def test_a_product_was_first_seen_when_its_row_was_made() -> None:
    at = datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert product_payload(Product("a", "A"), "h", at)["created"] == 1714564800.0
