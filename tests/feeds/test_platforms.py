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
BIGCOMMERCE_WITH_IMAGES = """\
Item,ID,Name,Type,SKU,Options,Inventory Tracking,Current Stock,Price,Sale Price,Brand ID,Categories,Description,\
Is Visible,UPC/EAN,Variant Image URL,Internal Image URL (Export)
Product,87,Tee,physical,TEE,,variant,0,20,0,,18;23,,TRUE,,,
Image,258,,,,,,,,,,,,,,,https://a.b/1.jpg
Variant,301,,,TEE-R,Type=Swatch|Name=Colour|Value=Red[#ff0000]Type=Rectangle|Name=Size|Value=M,,3,,,,,,,,,
Variant,302,,,TEE-B,Type=Swatch|Name=Colour|Value=Blue[#0000ff]Type=Rectangle|Name=Size|Value=M,,3,,,,,,,,\
https://a.b/blue.jpg,
Custom Field,5,Material,,,,,,,,,,,,,,
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
WIX_SINCE_2025 = """\
handle,fieldType,name,visible,plainDescription,categorySlugs,primaryCategorySlug,media,brand,price,\
strikethroughPrice,inventory,sku,barcode,productOptionName1,productOptionType1,productOptionChoices1
t-shirt,PRODUCT,T-Shirt,TRUE,<p>Soft</p>,all-products;clothing,clothing,,Acme,29.99,39.99,,,,Colour,\
SWATCH_CHOICES,#ff0000:Red;#000:Black
t-shirt,MEDIA,,,,,,a.jpg,,,,,,,,,
t-shirt,MEDIA,,,,,,b.jpg,,,,,,,,,
t-shirt,VARIANT,,TRUE,,,,,,29.99,39.99,10,TS-R,4006381333931,Colour,SWATCH_CHOICES,#ff0000:Red
t-shirt,VARIANT,,TRUE,,,,,,31.99,,OUT_OF_STOCK,,,Colour,SWATCH_CHOICES,#000:Black
mug,PRODUCT,Mug,FALSE,,all-products,,,,12,,IN_STOCK,MUG,,,,
"""
MEDUSA_2 = """\
Product Id,Product Description,Product Handle,Product Status,Product Thumbnail,Product Title,Product Type Id,\
Product Category 1,Product Image 1,Variant Id,Variant Title,Variant Sku,Variant Ean,Variant Allow Backorder,\
Variant Manage Inventory,Variant Price North America [CAD],Variant Price EUR,Variant Option 1 Name,\
Variant Option 1 Value
prod_01,"Big, heavy",mug,published,https://a.b/1.png,Mug,ptyp_01,pcat_01,,variant_01,Red,,,false,true,20,10,Colour,Red
prod_01,"Big, heavy",mug,published,https://a.b/1.png,Mug,ptyp_01,pcat_01,,variant_02,Blue,M-B,,false,false,20,,Colour,Blue
prod_02,,jug,proposed,,Jug,,,,variant_03,Default variant,JUG,,false,true,,15,Default option,Default option value
prod_03,,pot,published,,Pot,,,,variant_04,Default variant,POT,,true,true,,15,Default option,Default option value
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
PRESTASHOP = """\
Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax excluded;On sale (0/1);Discount amount;\
Discount percent;Discount from (yyyy-mm-dd);Discount to (yyyy-mm-dd);Reference #;Brand;EAN13;MPN;Quantity;\
Visibility;Summary;Image URLs (x,y,z...)
1;1;T-shirt;Home,Clothes,Men;23,9;0;;20;2025-01-01;2035-01-01;demo_1;Studio;;;300;both;<p>Fit</p>;https://a.b/1.jpg,https://a.b/2.jpg
2;1;Mug;Home/Kitchen/Mugs,Home/Sale;11.90;0;2;;2025-01-01;2025-02-01;;;4006381333931;M-2;0;search;;
3;1;Jug;Home;10;0;;;;;demo_3;;;;1;none;;
"""
SHOPWARE_WITHOUT_VARIANTS = """\
id;product_number;active;stock;name;price_net;price_gross;tax_id;tax_rate
0a1b2c3d4e5f60718293a4b5c6d7e8f9;SW1;1;0;Becher;10.08;12;1a1b2c3d4e5f60718293a4b5c6d7e8f9;19
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
AMAZON_IN_GERMAN = """\
Artikelbezeichnung\tArtikelbeschreibung\tAngebotsnummer\tHändler-SKU\tPreis\tMenge\tASIN 1\tVersender\tStatus
Becher\tGroß\t0101A\tAZ-1\t1.299,00\t3\tB000000001\tDEFAULT\tActive
Krug\t\t0101B\tAZ-2\t5,00\t\tB000000002\tAMAZON_EU\tInactive
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
     "sale_price": "9.00 EUR", "color": "Blue", "availability": "in_stock", "group_id": "G",
     "is_eligible_search": True},
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
<?xml version="1.0" encoding="utf-8"?><!DOCTYPE yml_catalog SYSTEM "shops.dtd">
<yml_catalog date="2026-11-01T10:00"><shop><name>Shop</name>
<currencies><currency id="RUR" rate="1"/></currencies>
<categories><category id="1">Дом</category><category id="7" parentId="1">Кружки</category></categories><offers>
<offer id="Y1" available="true" group_id="G"><name>Кружка&nbsp;&laquo;А&raquo;</name><url>https://a.b/1</url><price>990</price>
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


def test_images_and_custom_fields_of_bigcommerce_stand_below_their_product(write: Write) -> None:
    _, products, withdrawn = _read(write(BIGCOMMERCE_WITH_IMAGES))
    assert withdrawn == ("TEE",)
    assert products["TEE-R"] == Product(
        "TEE-R", "Tee - Red / M", price=Decimal(20), image="https://a.b/1.jpg", group_id="87",
        attributes={"Colour": "Red", "Size": "M"},
    )  # fmt: skip
    assert (list(products), products["TEE-B"].image) == (["TEE-R", "TEE-B"], "https://a.b/blue.jpg")


def test_squarespace_leaves_the_columns_of_a_product_empty_on_its_further_variants(write: Write) -> None:
    found, products, withdrawn = _read(write(SQUARESPACE))
    assert (found, withdrawn) == ("Squarespace", ("SQ3",))
    assert products["SQ1"] == Product(
        "SQ1", "Mug - Red", "Big", "", ("kitchen", "mugs"), Decimal("9.00"), image="https://a.b/1.jpg",
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


def test_variants_of_wix_have_whole_prices_since_there_are_no_surcharges(write: Write) -> None:
    found, products, withdrawn = _read(write(WIX_SINCE_2025))
    assert (found, withdrawn) == ("Wix", ("t-shirt", "MUG"))
    assert products["TS-R"] == Product(
        "TS-R", "T-Shirt - Red", "Soft", "Acme", ("clothing",), Decimal("29.99"), group_id="t-shirt",
        image="https://static.wixstatic.com/media/a.jpg", gtin="4006381333931", attributes={"Colour": "Red"},
        other_categories=(("all-products",),),
    )  # fmt: skip
    black = products["t-shirt/Black"]
    assert (black.title, black.price, black.availability) == ("T-Shirt - Black", Decimal("31.99"), OUT)


def test_medusa_2_has_prices_of_regions_options_and_no_stock(write: Write) -> None:
    found, products, withdrawn = _read(write(MEDUSA_2))
    assert (found, withdrawn) == ("Medusa", ("JUG",))
    assert products["variant_01"] == Product(
        "variant_01", "Mug - Red", "Big, heavy", price=Decimal(10), currency="EUR",
        availability=Availability.UNKNOWN, image="https://a.b/1.png", group_id="mug", attributes={"Colour": "Red"},
    )  # fmt: skip
    blue, pot = products["M-B"], products["POT"]
    assert (blue.price, blue.currency, blue.availability) == (Decimal(20), "CAD", Availability.IN_STOCK)
    assert (pot.title, pot.attributes, pot.availability) == ("Pot", {}, Availability.IN_STOCK)


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


def test_shopware_may_have_no_variants(write: Write) -> None:
    found, products, _ = _read(write(SHOPWARE_WITHOUT_VARIANTS))
    assert (found, products["SW1"].price) == ("Shopware", Decimal(12))


def test_prestashop_takes_discounts_off_between_their_dates(write: Write) -> None:
    found, products, withdrawn = _read(write(PRESTASHOP))
    assert (found, withdrawn) == ("PrestaShop", ("demo_3",))
    assert products["demo_1"] == Product(
        "demo_1", "T-shirt", "Fit", "Studio", ("Clothes", "Men"), Decimal("19.1200"), image="https://a.b/1.jpg"
    )
    mug = products["id:2"]
    assert (mug.price, mug.categories, mug.availability, mug.gtin, mug.mpn) == (
        Decimal("11.90"), (("Kitchen", "Mugs"), ("Sale",)), OUT, "4006381333931", "M-2",
    )  # fmt: skip


@pytest.mark.parametrize("language", ["en-gb", "de-de", "pt-br"])
def test_opencart_names_the_language_in_its_columns(write: Write, language: str) -> None:
    found, products, _ = _read(write(OPENCART.replace("en-gb", language)))
    assert (found, products["M-100"].title, products["M-100"].description) == ("OpenCart", "Cup & saucer", "Big")


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


def test_listings_of_amazon_in_another_language(tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_bytes(AMAZON_IN_GERMAN.encode("cp1252"))
    found, products, withdrawn = _read(report)
    assert (found, withdrawn) == ("Amazon", ("AZ-2",))
    assert products["AZ-1"] == Product("AZ-1", "Becher", "Groß", price=Decimal("1299.00"))


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
        image="https://a.b/1.jpg", group_id="G", attributes={"color": "Blue"},
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
        "Y1", "Кружка «А»", "", "Acme", ("Дом", "Кружки"), Decimal(990), "RUB", url="https://a.b/1",
        image="https://a.b/1.jpg", group_id="G", mpn="AC-1", attributes={"Цвет": "красный"},
    )  # fmt: skip
    assert (products["Y2"].title, products["Y2"].availability) == ("Кувшин Acme J", BACK)
