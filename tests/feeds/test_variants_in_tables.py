"""Variants and what holds them together, in tables and XML of no system that is known."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from recommender.errors import BadFeed
from recommender.feeds.formats import open_feed
from recommender.feeds.products import is_offered, product_of

Write = Callable[..., Path]


def _offers(path: Path) -> dict[str, str]:
    """Read a feed: title, price, group and category of each product that is on sale."""
    with open_feed(path) as feed:
        products = [product_of(row) for row in feed.rows() if is_offered(row)]
    return {
        each.sku: f"{each.title} | {each.price} {each.currency} | {each.group_id} | {' > '.join(each.category)}"
        for each in products
    }


@pytest.mark.parametrize(
    "column",
    [
        "parent_sku", "Parent SKU", "Vaterartikel", "master_sku", "parent_code", "SKU pai", "SKU rodzica",
        "Référence parent", "Stammartikel", "Родитель", "Ana Stok Kodu", "親商品コード",
    ],
)  # fmt: skip
def test_a_parent_with_a_price_is_not_sold_itself(write: Write, column: str) -> None:
    rows = f"sku,{column},name,price,stock,category\nT,,Tee,19,7,Tops\nT-R,T,Tee red,19,3,Tops\nM,,Mug,9,1,Cups\n"
    assert _offers(write(rows)) == {"T-R": "Tee red | 19  | T | Tops", "M": "Mug | 9  |  | Cups"}


@pytest.mark.parametrize(("column", "cell"), [("color", "red"), ("barcode", "4006381333931"), ("Größe", "M")])
def test_a_parent_that_is_a_variant_too_is_sold_and_in_the_group(write: Write, column: str, cell: str) -> None:
    rows = f"sku,parent_sku,name,price,{column}\nT,,Tee,19,{cell}\nT-B,T,Tee blue,21,\n"
    assert _offers(write(rows)) == {"T": "Tee | 19  | T | ", "T-B": "Tee blue | 21  | T | "}


def test_a_row_that_names_itself_as_its_parent_is_a_variant_too(write: Write) -> None:
    found = _offers(write("sku,parent_sku,name,price\nT,T,Tee red,19\nT-B,T,Tee blue,21\n"))
    assert found == {"T": "Tee red | 19  | T | ", "T-B": "Tee blue | 21  | T | "}


def test_a_list_of_options_is_that_of_all_variants(write: Write) -> None:
    assert set(_offers(write('sku,parent_sku,name,price,color\nT,,Tee,19,"red, blue"\nT-R,T,Tee,19,red\n'))) == {"T-R"}


def test_the_number_of_a_parent_may_be_that_of_its_category(write: Write) -> None:
    assert set(_offers(write("id,parent_id,name,price\n1,,Tee,19\n2,1,Mug,9\n"))) == {"1", "2"}


@pytest.mark.parametrize(
    ("column", "parent", "variant"),
    [
        ("type", "variable", "variation"),
        ("Product Type", "configurable", "variant"),
        ("Parentage", "Parent", "Child"),
        ("Artikeltyp", "Vater", "Kind"),
    ],
)
def test_a_column_says_which_rows_only_hold_variants_together(
    write: Write, column: str, parent: str, variant: str
) -> None:
    rows = f"sku,{column},name,price\nT,{parent},Tee,19\nT-R,{variant},Tee red,19\nM,simple,Mug,9\n"
    assert _offers(write(rows)) == {"T-R": "Tee red | 19  |  | ", "M": "Mug | 9  |  | "}


def test_without_its_variants_a_variable_product_stays_on_sale(write: Write) -> None:
    rows = "sku,product type,name,price\nT,variable,Tee,19\nM,simple,Mug,9\n"
    assert _offers(write(rows)) == {"T": "Tee | 19  |  | ", "M": "Mug | 9  |  | "}


def test_an_empty_cell_of_a_variant_is_that_of_its_parent(write: Write) -> None:
    rows = (
        "sku,parent_sku,name,price,sale_price,category,status\nT-R,T,,,,,\nT,,Tee,19,15,Tops,active\n"
        "T-B,T,Tee blue,21,,,\nD,,Dress,30,,Tops,draft\nD-1,D,,30,,,\n"
    )
    assert _offers(write(rows)) == {"T-R": "Tee | 15  | T | Tops", "T-B": "Tee blue | 21  | T | Tops"}


def test_a_variant_that_is_shown_with_its_parent_alone_is_on_sale(write: Write) -> None:
    rows = (
        "sku,parent_sku,name,price,status,visible_individually\nT,,Tee,,1,1\nT-R,T,Tee red,20,1,0\n"
        "D,,Dress,,1,0\nD-1,D,Dress red,30,1,0\nM,,Mug,8,1,0\n"
    )
    assert set(_offers(write(rows))) == {"T-R"}


def test_a_number_of_the_system_gives_way_to_the_code_of_the_shop(write: Write) -> None:
    assert set(_offers(write("id,code,name,price\n170,MUG,Mug,8\n23,CUP,Cup,9\n"))) == {"MUG", "CUP"}
    assert set(_offers(write("id,reference,name\n170,A-1,Mug\n23,A-1,Cup\n"))) == {"170", "23"}
    assert set(_offers(write("id,reference,name\n170,,Mug\n23,A-1,Cup\n"))) == {"170", "23"}
    assert set(_offers(write("code;name;price\nMUG;Mug;8\n"))) == {"MUG"}


def test_an_export_of_a_plugin_of_woocommerce_is_read_by_its_columns(write: Write) -> None:
    rows = (
        "id,Title,Sku,Price,Regular Price,Sale Price,Stock Status,Product Type,Product categories,Parent Product ID,"
        "Status\n10,Tee,TEE,15,20,15,instock,variable,Tops>Tees,0,publish\n"
        "11,Tee - Red,TEE-R,20,20,,instock,variation,,10,publish\n12,Mug,MUG,8,8,,instock,simple,Cups,0,draft\n"
    )
    assert _offers(write(rows)) == {"TEE-R": "Tee - Red | 20  | 10 | Tops > Tees"}


def test_where_the_title_is_empty_another_name_counts(write: Write) -> None:
    assert _offers(write("SKU,NAME,TITLE,PRICE\na,Mug,,9\nb,Book,The Book,8\n")) == {
        "a": "Mug | 9  |  | ", "b": "The Book | 8  |  | ",
    }  # fmt: skip


NESTED = """<?xml version="1.0"?>
<shop><products>
<product><id>10</id><name>Tee</name><category>Tops</category><price currency="EUR">20.00</price><variants>
<variant><sku>T-R</sku><price>21.00</price><option name="Colour">Red</option></variant>
<variant><sku>T-B</sku><option name="Colour">Blue</option></variant></variants></product>
<product><id>11</id><name>Mug</name><category>Cups</category><price currency="EUR">9.00</price></product>
<product><id>12</id><name>Cap</name><published>0</published><price>9</price><variants>
<variant><sku>C-1</sku></variant><variant><sku>C-2</sku></variant></variants></product>
</products></shop>"""


@pytest.mark.parametrize("name", ["variant", "Variation", "combination"])
def test_xml_that_nests_variants_is_a_product_for_each(write: Write, name: str) -> None:
    path = write(NESTED.replace("variant", name), "feed.xml")
    assert _offers(path) == {
        "T-R": "Tee | 21.00 EUR | 10 | Tops", "T-B": "Tee | 20.00 EUR | 10 | Tops", "11": "Mug | 9.00 EUR |  | Cups",
    }  # fmt: skip
    with open_feed(path) as feed:
        assert [dict(product_of(row).attributes) for row in feed.rows()][:2] == [{"Colour": "Red"}, {"Colour": "Blue"}]


CODED = """<EasyfattProducts><Products><Product><Code>MAG</Code><Description>Maglia</Description>
<GrossPrice1>12.20</GrossPrice1><Variants><Variant><Size>M</Size><Barcode>MAG/M</Barcode></Variant>
<Variant><Size>L</Size><Barcode>MAG/L</Barcode></Variant></Variants></Product>
<Product><Code>TAZ</Code><Description>Tazza</Description><GrossPrice1>6</GrossPrice1></Product>
</Products></EasyfattProducts>"""


def test_a_code_goes_before_a_barcode_but_of_variants_that_have_nothing_else(write: Write) -> None:
    assert _offers(write(CODED, "feed.xml")) == {
        "MAG/M": "Maglia | 12.20  | MAG | ", "MAG/L": "Maglia | 12.20  | MAG | ", "TAZ": "Tazza | 6  |  | ",
    }  # fmt: skip


@pytest.mark.parametrize(("stocks", "expected"), [((0, 3), "in_stock"), ((0, 0), "out_of_stock")])
def test_of_variants_without_numbers_the_stock_is_that_of_their_product(
    write: Write, stocks: tuple[int, int], expected: str
) -> None:
    variants = "".join(f"<Variant><Size>{n}</Size><Stock>{stock}</Stock></Variant>" for n, stock in enumerate(stocks))
    product = f"<ProductId>7</ProductId><Name>Shoe</Name><Variants>{variants}</Variants>"
    content = f"<Products><Product>{product}</Product></Products>"
    with open_feed(write(content, "feed.xml")) as feed:
        assert [(one.sku, one.availability) for one in map(product_of, feed.rows())] == [("7", expected)]


@pytest.mark.parametrize(
    ("root", "above", "item"),
    [("ROOT", "", "ITEM"), ("data", "Artikelliste", "Artikel"), ("export", "items", "item"), ("Urunler", "", "Urun")],
)
def test_products_below_any_root_are_found(write: Write, root: str, above: str, item: str) -> None:
    above = "items" if above == "Artikelliste" else above
    listed = f"<{item}><sku>a</sku><name>A</name><price>5</price></{item}>"
    content = f"<{root}><head><note>x</note></head>{f'<{above}>{listed}</{above}>' if above else listed}</{root}>"
    assert _offers(write(content, "feed.xml")) == {"a": "A | 5  |  | "}


def test_the_products_of_orders_are_no_catalogue(write: Write) -> None:
    listed = "<items><item><sku>a</sku><name>A</name><price>5</price></item></items>"
    for content in (f"<orders><order>{listed}</order></orders>", f"<order>{listed}</order>"):
        with pytest.raises(BadFeed, match="expected product data"), open_feed(write(content, "feed.xml")):
            pass


def test_lists_and_attributes_of_xml_are_read(write: Write) -> None:
    content = """<root><items><item><id>1</id><title lang="en">Mug</title><price currency="EUR">9.99</price>
    <categories><category>Cups</category><category>Gifts</category></categories><brand name="Acme"/>
    <images><image>https://a.b/1.jpg</image><image>https://a.b/2.jpg</image></images></item></items></root>"""
    with open_feed(write(content, "feed.xml")) as feed:
        (product,) = map(product_of, feed.rows())
    assert (product.category, product.brand, product.image) == (("Cups",), "Acme", "https://a.b/1.jpg")
    assert (product.price, product.currency, product.other_categories) == (Decimal("9.99"), "EUR", (("Gifts",),))
