"""A small export of each platform, made up after its documentation: what is read, grouped and left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from recommender.feeds.formats import open_feed
from recommender.feeds.products import product_of
from recommender.types import Availability, Product

Write = Callable[..., Path]

OUT, BACK = Availability.OUT_OF_STOCK, Availability.BACKORDER


def _read(path: Path) -> tuple[str, dict[str, Product], tuple[str, ...]]:
    with open_feed(path) as feed:
        products = {product.sku: product for product in map(product_of, feed.rows())}
        return feed.format, products, feed.withdrawn


BIGCOMMERCE = """\
Item,ID,Name,Type,SKU,Options,Inventory Tracking,Current Stock,Price,Sale Price,Brand ID,Categories,Description,\
Is Visible,UPC/EAN,Product URL
Product,77,Mug,physical,MUG,,variant,0,12.00,9.50,3,Kitchen/Mugs,<p>Big</p>,TRUE,,/mug/
Variant,501,,,MUG-R,Type=Swatch|Name=Colour|Value=Red;,,4,,,,,,,4006381333931,
Variant,502,,,MUG-B,Type=Swatch|Name=Colour|Value=Blue;,,0,14.00,,,,,,,
Image,9,,,,,,,,,,,,,,
Product,78,Jug,physical,JUG,,none,0,20.00,0.00,3,Kitchen,,FALSE,,/jug/
Product,79,Pot,physical,POT,,none,0,30.00,,3,Kitchen,,TRUE,,/pot/
"""
SQUARESPACE = """\
Product ID [Non Editable],Variant ID [Non Editable],Product Type [Non Editable],Product Page,Product URL,Title,\
Description,SKU,Option Name 1,Option Value 1,Price,Sale Price,On Sale,Stock,Categories,Visible,Hosted Image URLs
p1,v1,PHYSICAL,shop,mug,Mug,<p>Big</p>,SQ1,Colour,Red,12.00,9.00,Yes,Unlimited,"/kitchen/mugs, /new",Yes,\
https://a.b/1.jpg https://a.b/2.jpg
,v2,,,,,,SQ2,,Blue,12.00,9.00,No,0,,,
p2,v3,PHYSICAL,shop,jug,Jug,,SQ3,,,20.00,0.00,No,5,/kitchen,No,
p3,v4,PHYSICAL,shop,pot,Pot,,SQ4,,,30.00,0.00,No,5,/kitchen,Yes,
"""
WIX = """\
handleId,fieldType,name,description,productImageUrl,collection,sku,price,surcharge,visible,discountMode,discountValue,\
inventory,productOptionName1,productOptionDescription1
Product_1,Product,Mug,Big,a.jpg;b.jpg,Kitchen;Sale,,10.00,,true,PERCENT,10,InStock,Colour,Red;Blue
Product_1,Variant,,,,,W-R,,2.00,true,,,3,,Red
Product_1,Variant,,,,,W-B,,0.00,true,,,0,,Blue
Product_2,Product,Jug,,,Kitchen,J,5.00,,false,PERCENT,0,InStock,,
Product_3,Product,Pot,,,Kitchen,P,5.00,,true,AMOUNT,1,OutOfStock,,
"""
MEDUSA = """\
Product Id;Product Handle;Product Title;Product Description;Product Status;Product Thumbnail;Product Type;Variant Id;\
Variant Title;Variant SKU;Variant Barcode;Variant Inventory Quantity;Variant Allow Backorder;Variant Manage Inventory;\
Price EUR;Price USD
prod_1;mug;Mug;Big;published;https://a.b/1.jpg;Mugs;variant_1;Red;M-R;4006381333931;3;false;true;12.5;14
prod_1;mug;Mug;Big;published;https://a.b/1.jpg;Mugs;variant_2;Blue;M-B;;0;false;true;12.5;14
prod_2;jug;Jug;;draft;;;variant_3;Default variant;M-J;;0;false;true;5;6
"""
SHOPWARE = """\
id;parent_id;product_number;active;stock;name;description;price_net;price_gross;cover_media_url;\
manufacturer_name;categories
0a1b2c3d4e5f60718293a4b5c6d7e8f9;;SW1;1;0;Becher;Groß;10.08;12;https://a.b/1.jpg;Acme;0a1b2c3d4e5f60718293a4b5c6d7e8f9
1a1b2c3d4e5f60718293a4b5c6d7e8f9;0a1b2c3d4e5f60718293a4b5c6d7e8f9;SW1.1;;4;Becher rot;;;;;;
2a1b2c3d4e5f60718293a4b5c6d7e8f9;0a1b2c3d4e5f60718293a4b5c6d7e8f9;SW1.2;;0;;;11.76;14;;;
3a1b2c3d4e5f60718293a4b5c6d7e8f9;;SW2;0;4;Krug;;10;11.9;;Acme;
"""
OPENCART = """\
product_id,name(en-gb),categories,sku,upc,ean,quantity,model,manufacturer,image_name,price,status,description(en-gb)
50,Cup &amp; saucer,"20,34",,,4006381333931,5,M-100,Acme,catalog/cup.jpg,12.9000,true,&lt;p&gt;Big&lt;/p&gt;
51,Jug,20,J-1,,,5,M-101,Acme,,5.0000,false,
"""
AMAZON_REPORT = """\
item-name\titem-description\tlisting-id\tseller-sku\tprice\tquantity\topen-date\tasin1\tproduct-id\t\
fulfillment-channel\tstatus
Mug\tBig\t0101A\tAZ-1\t12.00\t3\t2026-01-02 20:15:20 GMT\tB000000001\tB000000001\tDEFAULT\tActive
Jug\t\t0101B\tAZ-2\t5.00\t\t2026-01-02 20:15:20 GMT\tB000000002\tB000000002\tAMAZON_EU\tActive
Pot\t\t0101C\tAZ-3\t5.00\t0\t2026-01-02 20:15:20 GMT\tB000000003\tB000000003\tDEFAULT\tInactive
"""
AMAZON_FLAT_FILE = """\
TemplateType=fptcustom\tVersion=2026.1\tThe top 3 rows are for Amazon.com use only.\t\t\t\t\t\t
Seller SKU\tProduct Name\tBrand Name\tStandard Price\tQuantity\tParentage\tParent SKU\tColor\tMain Image URL
item_sku\titem_name\tbrand_name\tstandard_price\tquantity\tparent_child\tparent_sku\tcolor_name\tmain_image_url
MUG\tMug\tAcme\t\t\tparent\t\t\thttps://a.b/1.jpg
MUG-R\tMug\tAcme\t12.00\t3\tchild\tMUG\tRed\t
"""
OPENAI = [
    {"item_id": "O1", "title": "Mug", "description": "Big", "url": "https://a.b/1", "brand": "Acme",
     "product_category": "Kitchen > Mugs", "image_url": "https://a.b/1.jpg", "price": "12.00 EUR",
     "sale_price": "9.00 EUR", "availability": "in_stock", "group_id": "G", "is_eligible_search": True},
    {"item_id": "O2", "title": "Jug", "price": "5.00 EUR", "availability": "out_of_stock", "is_eligible_search": False},
]  # fmt: skip
HEUREKA = """\
<?xml version="1.0" encoding="utf-8"?><SHOP>
<SHOPITEM><ITEM_ID>H1</ITEM_ID><PRODUCTNAME>Hrnek &amp; talíř</PRODUCTNAME>
<DESCRIPTION><![CDATA[<p>Velký</p>]]></DESCRIPTION>
<URL>https://a.b/1</URL><IMGURL>https://a.b/1.jpg</IMGURL><PRICE_VAT>1 290,50</PRICE_VAT>
<MANUFACTURER>Acme</MANUFACTURER>
<CATEGORYTEXT>Heureka.cz | Dům | Hrnky</CATEGORYTEXT><EAN>4006381333931</EAN><PRODUCTNO>AC-1</PRODUCTNO>
<PARAM><VAL>červená</VAL><PARAM_NAME>Barva</PARAM_NAME></PARAM><DELIVERY_DATE>0</DELIVERY_DATE>
<DELIVERY><DELIVERY_ID>PPL</DELIVERY_ID><DELIVERY_PRICE>99</DELIVERY_PRICE></DELIVERY><ITEMGROUP_ID>G</ITEMGROUP_ID></SHOPITEM>
<SHOPITEM><ITEM_ID>H2</ITEM_ID><PRODUCTNAME>Džbán</PRODUCTNAME>
<PRICE_VAT>500</PRICE_VAT><DELIVERY_DATE>7</DELIVERY_DATE></SHOPITEM>
</SHOP>
"""
YML = """\
<?xml version="1.0" encoding="utf-8"?><yml_catalog date="2026-11-01T10:00"><shop><name>Shop</name>
<currencies><currency id="RUR" rate="1"/></currencies>
<categories><category id="1">Дом</category><category id="7" parentId="1">Кружки</category></categories><offers>
<offer id="Y1" available="true" group_id="G"><name>Кружка</name><url>https://a.b/1</url><price>990</price>
<oldprice>1200</oldprice><currencyId>RUR</currencyId><categoryId>7</categoryId><picture>https://a.b/1.jpg</picture>
<picture>https://a.b/2.jpg</picture><vendor>Acme</vendor><vendorCode>AC-1</vendorCode>
<param name="Цвет">красный</param></offer>
<offer id="Y2" available="false" type="vendor.model"><typePrefix>Кувшин</typePrefix><vendor>Acme</vendor>
<model>J</model><price>500</price><currencyId>RUR</currencyId><categoryId>1</categoryId></offer></offers></shop></yml_catalog>
"""


def test_bigcommerce_sells_variants_in_place_of_their_product(write: Write) -> None:
    found, products, withdrawn = _read(write(BIGCOMMERCE))
    assert (found, withdrawn) == ("BigCommerce", ("MUG", "JUG"))
    assert products["MUG-R"] == Product(
        "MUG-R", "Mug - Red", "Big", "", ("Kitchen", "Mugs"), Decimal("9.50"), url="/mug/", group_id="77",
        gtin="4006381333931", attributes={"Colour": "Red"},
    )  # fmt: skip
    assert (products["MUG-B"].price, products["MUG-B"].availability) == (Decimal("9.50"), OUT)
    assert (products["POT"].availability, products["POT"].group_id) == (Availability.IN_STOCK, "")


def test_squarespace_leaves_the_columns_of_a_product_empty_on_its_further_variants(write: Write) -> None:
    found, products, withdrawn = _read(write(SQUARESPACE))
    assert (found, withdrawn) == ("Squarespace", ("SQ3",))
    assert products["SQ1"] == Product(
        "SQ1", "Mug - Red", "Big", "", ("kitchen", "mugs"), Decimal("9.00"), url="mug", image="https://a.b/1.jpg",
        group_id="p1", attributes={"Colour": "Red"}, other_categories=(("new",),),
    )  # fmt: skip
    blue = products["SQ2"]
    assert (blue.title, blue.price, blue.group_id, blue.availability) == ("Mug - Blue", Decimal("12.00"), "p1", OUT)
    assert (products["SQ4"].title, products["SQ4"].group_id) == ("Pot", "")


def test_wix_adds_surcharges_and_takes_discounts_off(write: Write) -> None:
    found, products, withdrawn = _read(write(WIX))
    assert (found, withdrawn) == ("Wix", ("Product_1", "J"))
    red, blue, pot = products["W-R"], products["W-B"], products["P"]
    assert (red.title, red.price, red.group_id, red.category) == (
        "Mug - Red", Decimal("10.80"), "Product_1", ("Kitchen",),
    )  # fmt: skip
    assert (red.image, red.attributes) == ("https://static.wixstatic.com/media/a.jpg", {"Colour": "Red"})
    assert (blue.price, blue.availability, pot.price, pot.availability) == (
        Decimal("9.00"), OUT, Decimal("4.00"), OUT,
    )  # fmt: skip


def test_medusa_has_a_price_for_each_currency(write: Write) -> None:
    found, products, withdrawn = _read(write(MEDUSA))
    assert (found, withdrawn) == ("Medusa", ("M-J",))
    assert products["M-R"] == Product(
        "M-R", "Mug - Red", "Big", "", ("Mugs",), Decimal("12.5"), "EUR", image="https://a.b/1.jpg", group_id="mug",
        gtin="4006381333931",
    )  # fmt: skip
    assert products["M-B"].availability is OUT


def test_variants_of_shopware_inherit_what_is_empty_and_numbers_are_no_categories(write: Write) -> None:
    found, products, withdrawn = _read(write(SHOPWARE))
    parent = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    assert (found, withdrawn) == ("Shopware", ("SW1", "SW2"))
    assert products["SW1.1"] == Product(
        "SW1.1", "Becher rot", "Groß", "Acme", (), Decimal(12), image="https://a.b/1.jpg", group_id=parent
    )
    other = products["SW1.2"]
    assert (other.title, other.price, other.availability) == ("Becher", Decimal(14), OUT)


def test_opencart_is_read_by_its_model_where_it_has_no_sku(write: Write) -> None:
    found, products, withdrawn = _read(write(OPENCART))
    assert (found, withdrawn) == ("OpenCart", ("J-1",))
    assert products == {
        "M-100": Product("M-100", "Cup & saucer", "Big", "Acme", (), Decimal("12.9000"), image="catalog/cup.jpg",
                         gtin="4006381333931")
    }  # fmt: skip


def test_listings_of_amazon(write: Write) -> None:
    found, products, withdrawn = _read(write(AMAZON_REPORT, "report.txt"))
    assert (found, withdrawn) == ("Amazon", ("AZ-3",))
    assert products["AZ-1"] == Product("AZ-1", "Mug", "Big", price=Decimal("12.00"))
    assert products["AZ-2"].availability is Availability.UNKNOWN


def test_the_names_of_fields_below_labels_are_the_header_of_a_flat_file(write: Write) -> None:
    found, products, withdrawn = _read(write(AMAZON_FLAT_FILE, "flat.txt"))
    assert (found, withdrawn) == ("Amazon", ("MUG",))
    assert products["MUG-R"] == Product(
        "MUG-R", "Mug", "", "Acme", (), Decimal("12.00"), image="https://a.b/1.jpg", group_id="MUG",
        attributes={"color": "Red"},
    )  # fmt: skip


@pytest.mark.parametrize("lines", [True, False])
def test_a_product_feed_of_openai(write: Write, lines: bool) -> None:
    content = "\n".join(map(json.dumps, OPENAI)) if lines else json.dumps({"products": OPENAI})
    found, products, withdrawn = _read(write(content, "feed.jsonl"))
    assert (found, withdrawn) == ("OpenAI", ("O2",))
    assert products["O1"] == Product(
        "O1", "Mug", "Big", "Acme", ("Kitchen", "Mugs"), Decimal("9.00"), "EUR", url="https://a.b/1",
        image="https://a.b/1.jpg", group_id="G",
    )  # fmt: skip


def test_a_feed_of_heureka(write: Write) -> None:
    found, products, _ = _read(write(HEUREKA, "feed.xml"))
    assert found == "Heureka"
    assert products["H1"] == Product(
        "H1", "Hrnek & talíř", "Velký", "Acme", ("Dům", "Hrnky"), Decimal("1290.50"), url="https://a.b/1",
        image="https://a.b/1.jpg", group_id="G", gtin="4006381333931", mpn="AC-1", attributes={"Barva": "červená"},
    )  # fmt: skip
    assert products["H2"].availability is BACK


def test_a_yml_catalog_names_its_categories_once(write: Write) -> None:
    found, products, _ = _read(write(YML, "feed.xml"))
    assert found == "YML"
    assert products["Y1"] == Product(
        "Y1", "Кружка", "", "Acme", ("Дом", "Кружки"), Decimal(990), "RUB", url="https://a.b/1",
        image="https://a.b/1.jpg", group_id="G", mpn="AC-1", attributes={"Цвет": "красный"},
    )  # fmt: skip
    assert (products["Y2"].title, products["Y2"].availability) == ("Кувшин Acme J", BACK)
