"""Exports of further systems, made up after their documentation: what a shop owner expects of every product."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from recommender.feeds.formats import open_feed
from recommender.feeds.products import is_offered, product_of, sku_of
from recommender.feeds.rows import survey
from recommender.feeds.understanding import FieldTally

Write = Callable[..., Path]


def _read(path: Path) -> tuple[str, dict[str, str], set[str]]:
    """Read a feed: its format; title, price, stock, group and categories by SKU; the SKUs that are not on sale."""
    found: dict[str, str] = {}
    hidden: set[str] = set()
    with open_feed(path) as feed:
        for row in feed.rows():
            if not is_offered(row):
                hidden.add(sku_of(row))
                continue
            one = product_of(row)
            paths = ", ".join(" > ".join(path) for path in one.categories)
            stated = (one.title, f"{one.price} {one.currency}".strip(), one.availability, one.group_id, paths)
            found[one.sku] = " | ".join(stated)
        return feed.format, found, hidden | set(feed.withdrawn)


EPAGES = """\
"Typ [Class]";"Bezeichner [Alias]";"Sichtbar [IsVisible]";"Listenpreis/EUR/gross [ListPrices/EUR/gross]";\
"Vergleichspreis/EUR/gross [ManufacturerPrices/EUR/gross]";"Menge für Preis [PriceQuantity]";\
"Lagerbestand [StockLevel]";"Name/Deutsch [Name/de]";"Hauptprodukt [SuperProduct]"
Products;TEE;1;20,00;25,00;1;;T-Shirt;
Products;TEE-R;1;;;1;3;T-Shirt rot;TEE
Products;MUG;0;8,00;;1;5;Tasse;
Products;SCREW;1;12,00;;100;0;Schraube;
"""
LOYVERSE = """\
Handle,SKU,Name,Category,Description,Sold by weight,Option 1 name,Option 1 value,Barcode,Track stock,\
Available for sale [Main],Price [Main],In stock [Main],Available for sale [Fair],Price [Fair],In stock [Fair]
tee,10001,Tee,Clothes,,N,Size,S,4006381333931,Y,Y,15.00,3,N,15.50,0
tee,10002,,,,,,M,,Y,N,16.00,0,Y,16.00,0
cup,10003,Cup,Kitchen,,N,,,,N,N,8.00,,N,8.00,
"""
PLENTY = """\
Item.id;Variation.number;Variation.isActive;ItemText.name;VariationSalesPrice.price;VariationStock.netStock;\
VariationCategory.categoryPath;VariationAttributeValues.attributeValues
100;TEE;0;T-Shirt;19.99;0;Kleidung > Shirts;
100;TEE-R;1;T-Shirt;19.99;3;Kleidung > Shirts;Farbe:Rot
101;MUG;1;Tasse;8.00;0;Küche;
"""
IDEASOFT = """\
stockCode;label;status;mainCategory;category;price1;rebate;rebateType;tax;taxIncluded;currencyAbbr;stockAmount
M-1;Kupa;1;Mutfak;Kupa;100;10;1;20;1;TL;5
M-2;Fincan;0;Mutfak;Fincan;80;0;1;20;1;TL;0
M-3;Tabak;1;Mutfak;;50;5;0;20;0;TL;0
"""
IDEASOFT_XML = """<root><item><stockCode>M-1</stockCode><label>Kupa</label><status>1</status><price1>100</price1>
<currencyAbbr>TL</currencyAbbr><stockAmount>5</stockAmount><mainCategory>Mutfak</mainCategory><variants>
<variant><vStockCode>M-1-R</vStockCode><vStockAmount>0</vStockAmount></variant></variants></item></root>"""
SYLIUS = """\
Code,Parent_Code,Locale,Enabled,Name,Main_taxon,Taxons,Product_Option_color,Price
TEE,,en_US,1,Tee,clothes,clothes|shirts,red,1999
TEE,,de_DE,1,Hemd,clothes,clothes|shirts,red,1999
TEE-B,TEE,en_US,1,,,,blue,2199
MUG,,en_US,0,Mug,kitchen,kitchen,,899
"""
COMMERCETOOLS = """\
_published,productType,variantId,id,key,sku,prices,categories,images,name.en,slug.en,attr-color
true,shirt,1,0b1c,tee,TEE-R,US-USD 2399;EUR 1999|1499;EUR 1099 dealers,Clothes>Shirts,https://a.b/1.jpg,Tee,tee,red
,,2,,,TEE-B,JPY 2199,,,,,blue
false,shirt,1,0b1d,mug,MUG,EUR 899,Kitchen,,Mug,mug,
"""
DAISYCON = """\
daisycon_unique_id;status;title;link;price;price_old;currency;category;category_path;sku;in_stock;sku_parent
1;active;Mok rood;https://a.b/1;9.95;12.95;EUR;Mokken;Keuken > Mokken;MOK-R;true;MOK
2;inactive;Mok blauw;https://a.b/2;9.95;;EUR;Mokken;Keuken > Mokken;MOK-B;true;MOK
3;active;Kop;https://a.b/3;5.00;;EUR;Kopjes;Keuken > Kopjes;KOP;false;
"""
ETSY = """\
TITLE,DESCRIPTION,PRICE,CURRENCY_CODE,QUANTITY,TAGS,MATERIALS,IMAGE1,VARIATION 1 NAME,VARIATION 1 VALUES,\
VARIATION 2 NAME,VARIATION 2 VALUES,SKU
Mug,Nice,12.00,EUR,5,mug,clay,,Color,"Red,Blue",,,"M-R,M-B"
Pot,Nice,22.00,EUR,1,pot,clay,,Color,"Red,Blue",,,POT
Tee,Soft,20,EUR,9,tee,cotton,,Color,"Red,Blue",Size,"S,M","T-1,T-2,T-3,T-4"
Hat,Soft,20,EUR,9,hat,cotton,,Color,"Red,Blue",Size,"S,M,L","H-S,,H-L"
Cap,Soft,20,EUR,9,cap,cotton,,Color,"Red,Blue",,,"CAP,CAP"
"""
VENDURE = """\
name,slug,description,assets,facets,optionGroups,optionValues,sku,price,stockOnHand,trackInventory
Laptop,laptop,Fast,a.jpg,category:computers|brand:acme,size|RAM,13 inch|8GB,L-13,1299.00,100,false
,,,,,,15 inch|8GB,L-15,1399.00,100,false
Mug,mug,Big,b.jpg,category:kitchen,,,MUG,8.00,0,true
"""
BMECAT = """<?xml version="1.0"?><!DOCTYPE BMECAT SYSTEM "bmecat_new_catalog_1_2.dtd">
<BMECAT version="1.2"><HEADER><CATALOG><CATALOG_ID>1</CATALOG_ID></CATALOG></HEADER><T_NEW_CATALOG>
<ARTICLE mode="new"><SUPPLIER_AID>S-1</SUPPLIER_AID><ARTICLE_DETAILS><DESCRIPTION_SHORT>Schraube</DESCRIPTION_SHORT>
<EAN>4006381333931</EAN></ARTICLE_DETAILS><ARTICLE_ORDER_DETAILS><PRICE_QUANTITY>100</PRICE_QUANTITY>
</ARTICLE_ORDER_DETAILS><ARTICLE_PRICE_DETAILS><ARTICLE_PRICE price_type="net_list"><PRICE_AMOUNT>12.50</PRICE_AMOUNT>
<PRICE_CURRENCY>EUR</PRICE_CURRENCY></ARTICLE_PRICE></ARTICLE_PRICE_DETAILS></ARTICLE></T_NEW_CATALOG></BMECAT>"""
IDOSELL_OLDER = """<offers version="1"><product id="307" currency="PLN"><category name="Women/Slides"/>
<name>Flip Flops</name><price_retail gross="19" netto="15.45"/><sizes><size id="19" name="UK 3" code="307-19"
 quantity="3"/>
<size id="20" name="UK 4" code="307-20" quantity="0"/></sizes></product></offers>"""
IDOSELL = """<offer file_format="IOF"><products language="pol"><product id="7"><producer id="1" name="Acme"/>
<category id="5" name="Kuchnia/Kubki"/><card url="https://a.b/7"/><description><name xml:lang="pol">Kubek</name>
<long_desc>Miły</long_desc></description><price gross="24.60" net="20.00"/><sizes>
<size id="1" name="M" code="7-M"><price gross="24.60" net="20.00"/><stock id="1" quantity="3"/></size>
<size id="2" name="L" code="7-L"><price gross="26.60" net="21.63"/><stock id="1" quantity="0"/></size></sizes></product>
<product id="8"><category id="5" name="Kuchnia/Kubki"/><description><name>Misa</name></description>
<price gross="5.00" net="4.07"/><sizes><size id="0" name="uniwersalny" code="8-U"><stock quantity="1"/></size></sizes>
</product></products></offer>"""
SALESFORCE = """<catalog xmlns="http://www.demandware.com/xml/impex/catalog/2006-10-31" catalog-id="shop">
<header><image-settings><view-types><view-type>large</view-type></view-types></image-settings></header>
<category category-id="mens"><display-name xml:lang="x-default">Men</display-name></category>
<product product-id="TEE"><display-name xml:lang="x-default">Tee</display-name><online-flag>true</online-flag>
<variations><variants><variant product-id="TEE-R"/><variant product-id="TEE-B"/></variants></variations>
<classification-category catalog-id="shop">mens</classification-category></product>
<product product-id="TEE-R"><upc>012345678905</upc><online-flag>true</online-flag><custom-attributes>
<custom-attribute attribute-id="color">red</custom-attribute></custom-attributes></product>
<product product-id="TEE-B"><online-flag>false</online-flag></product>
<product product-id="MUG"><display-name xml:lang="x-default">Mug</display-name><online-flag>true</online-flag></product>
<category-assignment category-id="mens" product-id="TEE"/></catalog>"""


@pytest.mark.parametrize(
    ("content", "name", "products", "hidden"),
    [
        (EPAGES, "ePages", {
            "TEE-R": "T-Shirt rot | 20.00 EUR | in_stock | TEE | ",
            "SCREW": "Schraube | 0.1200 EUR | out_of_stock |  | ",
        }, {"TEE", "MUG"}),
        (LOYVERSE, "Loyverse", {
            "10001": "Tee - S | 15.00 | in_stock | tee | Clothes",
            "10002": "Tee - M | 16.00 | out_of_stock | tee | Clothes",
        }, {"10003"}),
        (PLENTY, "plentymarkets", {
            "TEE-R": "T-Shirt | 19.99 | in_stock | 100 | Kleidung > Shirts",
            "MUG": "Tasse | 8.00 | out_of_stock | 101 | Küche",
        }, {"TEE"}),
        (IDEASOFT, "IdeaSoft", {
            "M-1": "Kupa | 90.0000 TRY | in_stock |  | Mutfak > Kupa",
            "M-3": "Tabak | 54.00 TRY | out_of_stock |  | Mutfak",
        }, {"M-2"}),
        (IDEASOFT_XML, "IdeaSoft", {"M-1-R": "Kupa | 100 TRY | out_of_stock | M-1 | Mutfak"}, {"M-1"}),
        (SYLIUS, "Sylius", {
            "TEE": "Tee - red | 19.99 | in_stock | TEE | clothes, shirts",
            "TEE-B": "Tee - blue | 21.99 | in_stock | TEE | clothes, shirts",
        }, {"MUG"}),
        (COMMERCETOOLS, "commercetools", {
            "TEE-R": "Tee - red | 14.99 EUR | in_stock | tee | Clothes > Shirts",
            "TEE-B": "Tee - blue | 2199 JPY | in_stock | tee | Clothes > Shirts",
        }, {"MUG"}),
        (DAISYCON, "Daisycon", {
            "MOK-R": "Mok rood | 9.95 EUR | in_stock | MOK | Keuken > Mokken",
            "KOP": "Kop | 5.00 EUR | out_of_stock |  | Keuken > Kopjes",
        }, {"MOK-B"}),
        (ETSY, "Etsy", {
            "M-R": "Mug - Red | 12.00 EUR | in_stock | M-R | ",
            "M-B": "Mug - Blue | 12.00 EUR | in_stock | M-R | ",
            "POT": "Pot | 22.00 EUR | in_stock |  | ",
            "T-1": "Tee - Red / S | 20 EUR | in_stock | T-1 | ",
            "T-2": "Tee - Red / M | 20 EUR | in_stock | T-1 | ",
            "T-3": "Tee - Blue / S | 20 EUR | in_stock | T-1 | ",
            "T-4": "Tee - Blue / M | 20 EUR | in_stock | T-1 | ",
            "H-S": "Hat - S | 20 EUR | in_stock | H-S | ",
            "H-L": "Hat - L | 20 EUR | in_stock | H-S | ",
            "CAP": "Cap | 20 EUR | in_stock |  | ",
        }, set()),
        (IDOSELL, "IdoSell", {
            "7-M": "Kubek - M | 24.60 | in_stock | 7 | Kuchnia > Kubki",
            "7-L": "Kubek - L | 26.60 | out_of_stock | 7 | Kuchnia > Kubki",
            "8-U": "Misa | 5.00 | in_stock | 8 | Kuchnia > Kubki",
        }, {"7", "8"}),
        (IDOSELL_OLDER, "IdoSell", {
            "307-19": "Flip Flops - UK 3 | 19 PLN | in_stock | 307 | Women > Slides",
            "307-20": "Flip Flops - UK 4 | 19 PLN | out_of_stock | 307 | Women > Slides",
        }, {"307"}),
        (VENDURE, "Vendure", {
            "L-13": "Laptop | 1299.00 | in_stock | laptop | computers",
            "L-15": "Laptop - 15 inch / 8GB | 1399.00 | in_stock | laptop | computers",
            "MUG": "Mug | 8.00 | out_of_stock |  | kitchen",
        }, set()),
        (BMECAT, "BMEcat", {"S-1": "Schraube | 0.1250 EUR | in_stock |  | "}, set()),
        (SALESFORCE, "Salesforce", {
            "TEE-R": "Tee | None | in_stock | TEE | mens", "MUG": "Mug | None | in_stock |  | ",
        }, {"TEE", "TEE-B"}),
    ],
)  # fmt: skip
def test_each_system_is_read_by_its_own_rules(
    write: Write, content: str, name: str, products: dict[str, str], hidden: set[str]
) -> None:
    assert _read(write(content, "feed.xml" if content.startswith("<") else "feed.csv")) == (name, products, hidden)


def test_a_catalog_without_its_price_books_is_said_to_have_no_prices(write: Write) -> None:
    with open_feed(write(SALESFORCE, "catalog.xml")) as feed:
        tally = FieldTally()
        tally.add(product_of(row) for row in feed.rows())
        assert [warning.partition(":")[0] for warning in tally.warnings(feed)] == [
            "no price was found", "no stock was found",
        ]  # fmt: skip


@pytest.mark.parametrize(
    "item",
    [
        {"id": "rec1", "createdTime": "2026-01-01", "fields": {"SKU": "a", "Name": "A", "Price": 5}},
        {"id": 1, "type": "product", "attributes": {"sku": "a", "title": "A", "price": 5}, "links": {"self": "/1"}},
        {"update_info": {"status": "active"}, "product_info": {"sku": "a", "title": "A", "price": 5}},
    ],
)
def test_objects_in_an_envelope_are_taken_out_of_it(write: Write, item: dict[str, object]) -> None:
    content = json.dumps({"data": [item, json.loads(json.dumps(item).replace('"a"', '"b"'))]})
    _, products, _ = _read(write(content, "feed.json"))
    assert products == dict.fromkeys("ab", "A | 5 | in_stock |  | ")


def test_what_an_envelope_says_counts(write: Write) -> None:
    items = [
        {"update_info": {"status": word}, "product_info": {"sku": word, "title": "A"}}
        for word in ("active", "inactive")
    ]
    _, products, hidden = _read(write(json.dumps(items), "feed.json"))
    assert (list(products), hidden) == (["active"], {"inactive"})


def test_lists_and_attachments_of_airtable(write: Write) -> None:
    rows = (
        'Name,SKU,Price,Categories,Photos\nMug,a,$12.00,"Kitchen,Gifts",mug.jpg (https://a.b/1/mug.jpg)\n'
        'Cup,b,$8.00,Kitchen,"cup (1).jpg (https://a.b/2/cup.jpg),x.jpg (https://a.b/3/x.jpg)"\n'
    )
    with open_feed(write(rows)) as feed:
        notation, made = survey(feed.rows())
        products = [product_of(row, notation) for row in made]
    assert [(one.categories, one.image) for one in products] == [
        ((("Kitchen",), ("Gifts",)), "https://a.b/1/mug.jpg"), ((("Kitchen",),), "https://a.b/2/cup.jpg"),
    ]  # fmt: skip


def test_numbers_are_no_categories_and_two_ampersands_part_them(write: Write) -> None:
    for cells, expected in [
        (("1234", "12;15"), ((), ())),
        (("Toys >>> Cubes && Sale", "Toys"), (("Toys", "Cubes"), ("Toys",))),
    ]:
        with open_feed(
            write("sku,title,category\n" + "".join(f"{n},T,{cell}\n" for n, cell in enumerate(cells)))
        ) as feed:
            notation, made = survey(feed.rows())
            assert tuple(product_of(row, notation).category for row in made) == expected
