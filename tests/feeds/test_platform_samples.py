"""More exports, made up after the documentation of each system: what a shop owner expects of every product."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from recommender.feeds.formats import open_feed
from recommender.feeds.products import is_offered, product_of, sku_of
from recommender.feeds.rows import survey
from recommender.types import Availability, Product

Write = Callable[..., Path]

EAN = "4006381333931"
OUT, BACK, PRE = Availability.OUT_OF_STOCK, Availability.BACKORDER, Availability.PREORDER


def _read(path: Path) -> tuple[str, dict[str, Product], set[str]]:
    """Read a feed: its format, its products by SKU, and the SKUs that are not on sale."""
    products: dict[str, Product] = {}
    hidden: set[str] = set()
    with open_feed(path) as feed:
        notation, rows = survey(feed.rows())
        for row in rows:
            if is_offered(row):
                product = product_of(row, notation)
                products[product.sku] = product
            else:
                hidden.add(sku_of(row, notation))
        return feed.format, products, hidden | set(feed.withdrawn)


def _in_words(products: Mapping[str, Product]) -> dict[str, str]:
    """Return the title, the price, the stock, the group and the categories of each product, by SKU."""
    return {
        sku: f"{one.title} | {one.price} {one.currency} | {one.availability} | {one.group_id} | "
        + ", ".join(" > ".join(path) for path in one.categories)
        for sku, one in products.items()
    }


SHOPWARE_5 = """\
ordernumber;mainnumber;name;supplier;price_EK;pseudoprice_EK;active;instock;laststock;description;description_long;\
categories;imageUrl;ean;configuratorOptions
SW1;SW1;Rucksack;Acme;1.059,99;79,99;1;15;1;Kurz;<p>Lang</p>;Wandern->Gepäck|Angebote;https://a.b/1.jpg|https://a.b/2.jpg;;
SW1.2;SW1;Rucksack;Acme;59,90;0;1;0;1;;;Wandern->Gepäck;;4006381333931;Farbe:rot|Größe:M
SW2;SW2;Zelt;Acme;5,00;0;1;0;0;;;Wandern;;;
SW3;SW3;Alt;Acme;5,00;0;0;5;0;;;Wandern;;;
"""
OXID = """\
OXID;OXARTNUM;OXEAN;OXTITLE;OXSHORTDESC;OXLONGDESC;OXPRICE;OXSTOCK;OXACTIVE;OXPARENTID;OXVARNAME;OXVARSELECT;OXPIC1
a1;1001;;Drachen;Kurz;<p>Lang</p>;599.00;5;1;;Farbe | Größe;;kite.jpg
a2;1001-1;4006381333931;;;;619.00;0;1;a1;;Rot | M;
a3;1002;;Brett;;;10;3;0;;;;
"""
SHOPTET = """\
code;pairCode;name;price;currency;actionPrice;actionFrom;actionUntil;stock;availabilityInStock;availabilityOutOfStock;\
defaultCategory;categoryText;manufacturer;ean;shortDescription;description;image;productVisibility;variantVisibility;\
variant:Velikost;variant:Barva
T-S;9;Tričko;399,00;CZK;349,00;2020-01-01;2036-12-31;5;Skladem;Vyprodáno;Oblečení > Trička;Akce;Acme;8594000000012;\
<p>K</p>;<p>Dlouhý</p>;https://a.b/1.jpg;visible;visible;S;Červená
T-M;9;Tričko;399,00;CZK;;;;0;Skladem;Vyprodáno;Oblečení > Trička;;Acme;;;;;visible;visible;M;Červená
HR;;Hrnek;1 199,00;CZK;;;;-1;;;Dům;;;;;;;hidden;;;
DT;;Detail;99,00;CZK;;;;4;;;Dům;;;;;;;detailOnly;;;
"""
ECWID = """\
type,product_internal_id,product_sku,product_variation_sku,product_name,product_price,product_compare_to_price,\
product_is_inventory_tracked,product_quantity,product_quantity_out_of_stock_behaviour,product_is_available,\
product_media_main_image_url,product_description,product_category_1,product_category_2,product_brand,product_upc,\
product_option_name,product_option_value,product_variation_option_Size,product_variation_option_Colour
product,1,A1,,Apple,1.99,2.50,false,,,true,https://a.b/a.jpg,<p>Fresh</p>,Fruit,Sale,Farm,4006381333931,,,,
product,2,TS,,Tee,20.00,,true,,,true,https://a.b/t.jpg,,Clothes,,Acme,,,,,
product_option,2,TS,,,,,,,,,,,,,,,Size,S,,
product_variation,2,TS,TS-S,,20.00,,true,3,,,,,,,,,,,S,Red
product_variation,2,TS,,,22.00,,true,0,ALLOW_PREORDER,,,,,,,,,,M,Red
product,3,OFF,,Off,5.00,,true,1,,false,,,,,,,,,,
"""
SPREE = """\
product_id,sku,name,slug,status,brand_name,description,price,compare_at_price,currency,inventory_count,\
inventory_backorderable,category1,category2,image1_src,option1_name,option1_value,option2_name,option2_value
1,S-B,Shirt,shirt,active,Acme,<p>Nice</p>,62.99,80,USD,100,true,Men -> Shirts,Sale,https://a.b/1.jpg,Color,Blue,Size,S
1,S-R,,shirt,,,,64.99,,USD,0,true,,,,Color,Red,Size,S
2,D-1,Draft,draft,draft,,,10,,USD,5,false,,,,,,,
"""
WEBFLOW = """\
Product Handle,Product ID,Variant ID,Product Name,Product Type,Product Description,Product Categories,\
Main Variant Image,Variant Price,Variant Compare-at Price,Product SKU,Variant Sku,Variant Inventory,Option1 Name,\
Option1 Value,Archived,Draft
mug,1,11,Mug,Physical,<p>Big</p>,kitchen; sale,https://a.b/1.jpg,$ 12.00 USD,$ 15.00 USD,,W-R,5,Color,Red,false,false
mug,1,12,Mug,Physical,<p>Big</p>,kitchen,,$ 13.00 USD,,,,0,Color,Blue,false,false
jug,2,13,Jug,Physical,,,,$ 5.00 USD,,,W-J,,,,false,true
"""
CS_CART = """\
Product code,Language,Product id,Category,List price,Price,Status,Quantity,Product name,Description,Detailed image
C1,en,1,Computers///Desktops,120.00,99.00,A,10,Desk,<p>x</p>,exim/1.jpg
C2,en,2,Computers,0,99.00,D,10,Off,,
C3,en,3,Computers,0,99.00,H,10,Hidden,,
"""
KELKOO = (
    "offer-id\ttitle\tproduct-url\tprice\tbrand\tdescription\timage-url\tean\tmerchant-category\tavailability\tcurrency\n"
    "K1\tPerceuse\thttps://a.b/1\t129,90\tAcme\tForte\thttps://a.b/1.jpg\t4006381333931\tOutils > Perceuses\t1\tEUR\n"
    "K2\tForet\thttps://a.b/2\t9,90\tAcme\t\t\t\tOutils\t4\tEUR\n"
    "K3\tScie\thttps://a.b/3\t9,90\tAcme\t\t\t\tOutils\t6\tEUR\n"
)
FACEBOOK = """\
# Required | A unique content ID,# Required,# Required,# Required,# Required,# Required,# Optional,# Optional,\
# Optional,# Optional,# Optional
id,title,availability,price,link,image_link,item_group_id,additional_variant_attribute,status,visibility,color
F1,Candle,in stock,"1,012.50 USD",https://a.b/1,https://a.b/1.jpg,G,"Scent:Rose, warm,Burn:40h",active,published,red
F2,Candle,in stock,9 USD,https://a.b/2,https://a.b/1.jpg,G,,active,hidden,blue
F3,Candle,in stock,9 USD,https://a.b/3,https://a.b/1.jpg,G,,archived,published,blue
"""
FACEBOOK_PAIRS = """\
id,title,availability,price,link,image_link,google_product_category,fb_product_category,\
additional_variant_attribute[0].variant_label,additional_variant_attribute[0].variant_value
F1,Candle,in stock,9 USD,https://a.b/1,https://a.b/1.jpg,500,Home > Candles,Scent,Rose
"""
GOOGLE_XML = """\
<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>T</title><item>
<g:id>F1</g:id><title>Blusa</title><g:price>200.00 BRL</g:price><g:availability>in stock</g:availability>
<additional_variant_attribute><label>Cor</label><value>Azul</value></additional_variant_attribute>
<g:product_detail><g:section_name>Geral</g:section_name><g:attribute_name>Manga</g:attribute_name>
<g:attribute_value>Curta</g:attribute_value></g:product_detail></item></channel></rss>
"""
HEUREKA_OF_OLD = """\
<?xml version="1.0" encoding="utf-8"?><SHOP>
<SHOPITEM><ITEM_ID>H1</ITEM_ID><PRODUCTNAME>Hrnček</PRODUCTNAME><PRODUCT>Hrnček + darček</PRODUCT>
<PRICE_VAT>2 400,50</PRICE_VAT><CATEGORYTEXT>Heureka.sk | Dom</CATEGORYTEXT><DELIVERY_DATE>skladom</DELIVERY_DATE>
</SHOPITEM>
<SHOPITEM><ITEM_ID>H2</ITEM_ID><PRODUCT>Džbán</PRODUCT><DELIVERY_DATE>2036-12-24</DELIVERY_DATE></SHOPITEM></SHOP>
"""


def _group(products: Mapping[str, Product]) -> dict[str, str]:
    return {sku: product.group_id for sku, product in products.items()}


def test_shopware_5_sells_the_main_variant_too(write: Write) -> None:
    found, products, hidden = _read(write(SHOPWARE_5))
    assert (found, hidden, _group(products)) == ("Shopware 5", {"SW3"}, {"SW1": "SW1", "SW1.2": "SW1", "SW2": ""})
    assert products["SW1"] == Product(
        "SW1", "Rucksack", "Lang", "Acme", ("Wandern", "Gepäck"), Decimal("1059.99"), image="https://a.b/1.jpg",
        group_id="SW1", other_categories=(("Angebote",),),
    )  # fmt: skip
    variant = products["SW1.2"]
    assert (variant.availability, variant.gtin, variant.attributes) == (
        OUT, "4006381333931", {"Farbe": "rot", "Größe": "M"},
    )  # fmt: skip
    assert products["SW2"].availability is BACK  # it goes on being sold


def test_variants_of_oxid_are_named_by_their_parent(write: Write) -> None:
    found, products, hidden = _read(write(OXID))
    assert (found, hidden) == ("OXID", {"1001", "1002"})
    assert products == {
        "1001-1": Product("1001-1", "Drachen - Rot / M", "Lang", "", (), Decimal("619.00"), availability=OUT,
                          image="kite.jpg", group_id="a1", gtin="4006381333931",
                          attributes={"Farbe": "Rot", "Größe": "M"}),
    }  # fmt: skip


def test_a_variant_of_oxid_without_a_price_has_that_of_its_product(write: Write) -> None:
    rows = """OXID;OXPARENTID;OXACTIVE;OXARTNUM;OXTITLE;OXPRICE;OXSTOCK;OXSTOCKFLAG;OXVARNAME;OXVARSELECT
a;;1;J;Jeans;99.9;0;1;Size;
b;a;1;J-30;;0;0;4;;30
c;a;1;J-31;;0.00;0;1;;31
d;a;1;J-32;;89.9;2;1;;32
"""
    _, products, hidden = _read(write(rows))
    assert hidden == {"J"}
    assert _in_words(products) == {
        "J-30": "Jeans - 30 | 99.9  | in_stock | a | ", "J-31": "Jeans - 31 | 99.9  | out_of_stock | a | ",
        "J-32": "Jeans - 32 | 89.9  | in_stock | a | ",
    }  # fmt: skip


def test_shoptet_pairs_its_variants_and_has_a_column_for_each_option(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_bytes(SHOPTET.encode("cp1250"))
    found, products, hidden = _read(path)
    assert (found, hidden) == ("Shoptet", {"HR", "DT"})
    assert products["T-S"] == Product(
        "T-S", "Tričko - S / Červená", "Dlouhý", "Acme", ("Oblečení", "Trička"), Decimal("349.00"), "CZK",
        image="https://a.b/1.jpg", group_id="9", gtin="8594000000012",
        attributes={"Velikost": "S", "Barva": "Červená"}, other_categories=(("Akce",),),
    )  # fmt: skip
    assert (products["T-M"].price, products["T-M"].availability) == (Decimal("399.00"), OUT)


def test_a_variation_of_ecwid_repeats_the_sku_of_its_product(write: Write) -> None:
    found, products, hidden = _read(write(ECWID))
    assert (found, hidden) == ("Ecwid", {"TS", "OFF"})
    assert products["A1"] == Product(
        "A1", "Apple", "Fresh", "Farm", ("Fruit",), Decimal("1.99"), image="https://a.b/a.jpg", gtin="4006381333931",
        other_categories=(("Sale",),),
    )  # fmt: skip
    small, medium = products["TS-S"], products["2/M/Red"]
    assert (small.title, small.price, small.group_id, small.category) == (
        "Tee - S / Red", Decimal("20.00"), "2", ("Clothes",),
    )  # fmt: skip
    assert (medium.price, medium.availability, medium.attributes) == (
        Decimal("22.00"), PRE, {"Size": "M", "Colour": "Red"},
    )  # fmt: skip


def test_spree_leaves_the_columns_of_a_product_empty_on_its_further_variants(write: Write) -> None:
    found, products, hidden = _read(write(SPREE))
    assert (found, hidden, _group(products)) == ("Spree", {"D-1"}, {"S-B": "shirt", "S-R": "shirt"})
    assert products["S-R"] == Product(
        "S-R", "Shirt - Red / S", "Nice", "Acme", ("Men", "Shirts"), Decimal("64.99"), "USD", BACK,
        image="https://a.b/1.jpg", group_id="shirt", attributes={"Color": "Red", "Size": "S"},
        other_categories=(("Sale",),),
    )  # fmt: skip


def test_webflow_repeats_the_product_on_each_variant(write: Write) -> None:
    found, products, hidden = _read(write(WEBFLOW))
    assert (found, hidden, _group(products)) == ("Webflow", {"W-J"}, {"W-R": "mug", "12": "mug"})
    assert products["W-R"] == Product(
        "W-R", "Mug - Red", "Big", "", ("kitchen",), Decimal("12.00"), "USD", image="https://a.b/1.jpg",
        group_id="mug", attributes={"Color": "Red"}, other_categories=(("sale",),),
    )  # fmt: skip
    assert products["12"].availability is OUT


def test_the_states_of_cs_cart_are_letters(write: Write) -> None:
    found, products, hidden = _read(write(CS_CART))
    assert (found, hidden) == ("CS-Cart", {"C2", "C3"})
    assert products == {
        "C1": Product("C1", "Desk", "x", "", ("Computers", "Desktops"), Decimal("99.00"), image="exim/1.jpg")
    }


def test_the_availability_of_kelkoo_is_a_number_that_counts_nothing(write: Write) -> None:
    found, products, _ = _read(write(KELKOO, "feed.txt"))
    assert found == "Kelkoo"
    assert products["K1"] == Product(
        "K1", "Perceuse", "Forte", "Acme", ("Outils", "Perceuses"), Decimal("129.90"), "EUR", url="https://a.b/1",
        image="https://a.b/1.jpg", gtin="4006381333931",
    )  # fmt: skip
    assert [products[sku].availability for sku in ("K2", "K3")] == [PRE, OUT]


def test_facebook_names_further_attributes_and_hides_by_either_column(write: Write) -> None:
    _, products, hidden = _read(write(FACEBOOK))
    assert hidden == {"F2", "F3"}
    assert (products["F1"].price, products["F1"].attributes) == (
        Decimal("1012.50"), {"Scent": "Rose, warm", "Burn": "40h", "color": "red"},
    )  # fmt: skip
    _, products, _ = _read(write(FACEBOOK_PAIRS, "pairs.csv"))
    assert (products["F1"].attributes, products["F1"].category) == ({"Scent": "Rose"}, ("Home", "Candles"))
    _, products, _ = _read(write(GOOGLE_XML, "feed.xml"))
    assert products["F1"].attributes == {"Cor": "Azul", "Manga": "Curta"}


def test_heureka_may_have_words_for_the_stock_and_the_older_name(write: Write) -> None:
    _, products, _ = _read(write(HEUREKA_OF_OLD, "feed.xml"))
    assert products["H1"] == Product("H1", "Hrnček", category=("Dom",), price=Decimal("2400.50"))
    assert (products["H2"].title, products["H2"].availability) == ("Džbán", PRE)


_VARIANTS = [
    {"id": "v1", "title": "Mug - Red", "description": {"html": "<p>Red</p>"}, "url": "https://a.b/1",
     "barcodes": [{"type": "gtin", "value": "4006381333931"}], "price": {"amount": 1200, "currency": "EUR"},
     "list_price": {"amount": 1500, "currency": "EUR"}, "availability": {"available": True, "status": "in_stock"},
     "categories": [{"value": "Kitchen > Mugs", "taxonomy": "merchant"}],
     "variant_options": [{"name": "Color", "value": "Red"}]},
    {"id": "v2", "title": "Mug - Blue", "price": {"amount": 1300, "currency": "JPY"},
     "availability": {"available": False}},
]  # fmt: skip
FEED_API = [
    {"id": "p1", "title": "Mug", "description": {"plain": "Big"}, "variants": _VARIANTS,
     "media": [{"type": "video", "url": "https://a.b/1.mp4"}, {"type": "image", "url": "https://a.b/1.jpg"}]},
    {"id": "p2", "variants": [{"id": "v3", "title": "Jug"}]},
]  # fmt: skip


@pytest.mark.parametrize("content", [json.dumps({"products": FEED_API}), "\n".join(map(json.dumps, FEED_API))])
def test_the_feed_api_of_openai_has_variants_within_products_and_prices_in_cents(write: Write, content: str) -> None:
    found, products, _ = _read(write(content, "feed.json"))
    assert (found, _group(products)) == ("OpenAI", {"v1": "p1", "v2": "p1", "v3": ""})
    assert products["v1"] == Product(
        "v1", "Mug - Red", "Red", "", ("Kitchen", "Mugs"), Decimal("12.00"), "EUR", url="https://a.b/1",
        image="https://a.b/1.jpg", group_id="p1", gtin="4006381333931", attributes={"Color": "Red"},
    )  # fmt: skip
    blue = products["v2"]
    assert (blue.price, blue.currency, blue.availability, blue.description) == (Decimal(1300), "JPY", OUT, "Big")


def test_variants_of_another_kind_are_not_taken_for_those_of_openai(write: Write) -> None:
    _, products, _ = _read(write(json.dumps([{"id": 1, "title": "Mug", "variants": [{"id": 11, "price": 12.5}]}])))
    assert list(products) == ["1"]


def test_the_workbook_of_opencart_has_the_prices_of_sales_in_another_sheet(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheets: dict[str, list[Sequence[Any]]] = {
        "Products": [
            ("product_id", "name(en-gb)", "categories", "sku", "quantity", "model", "price", "status"),
            (30, "Camera", "20,27", "", 1, "C-30", 100, "true"),
            (31, "Lens", "20", "", 1, "L-31", 50, "true"),
        ],
        "Specials": [
            ("product_id", "customer_group", "priority", "price", "date_start", "date_end"),
            (30, "Default", 2, 90, "0000-00-00", "0000-00-00"),
            (30, "Default", 1, 80.5, "2020-01-01", "0000-00-00"),
            (30, "Wholesale", 1, 60, "0000-00-00", "0000-00-00"),
            (31, "Default", 1, 10, "2020-01-01", "2020-02-01"),
        ],
    }
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "products.xlsx")
    found, products, _ = _read(tmp_path / "products.xlsx")
    assert (found, products["C-30"].price, products["L-31"].price) == ("OpenCart", Decimal("80.5"), Decimal(50))


ESTONIAN = (
    "ID|Tüüp|Tootekood|Nimi|Avaldatud|Esile tõstetud?|Nähtavus kataloogis|Lühikirjeldus|Kirjeldus|Soodustuse algus"
    "|Soodustuse lõpp|Maksu olek|Maksuklass|Laos?|Ladu|Järeltellimused?|Üksikult?|Kaal|Pikkus|Laius|Kõrgus|Arvustused?"
    "|Märkus|Soodushind|Tavahind|Kategooriad|Sildid|Tarneklass|Pildid|Piirang|Aegumine|Ülem|Grupp|Kallimad|Lisaks"
    "|Väline URL|Nupp|Järjekord|Omaduse 1 nimi|Omaduse 1 väärtused|Omadus 1 nähtav|Omadus 1 üldine"
).split("|")
_OF_ESTONIA = {
    "Nähtavus kataloogis": "visible", "Avaldatud": "1", "Maksu olek": "taxable", "Tüüp": "simple", "Laos?": "1",
}  # fmt: skip


@pytest.mark.parametrize("gtin", [True, False])
def test_a_whole_export_of_woocommerce_is_told_by_what_stands_where(tmp_path: Path, gtin: bool) -> None:
    header = [*ESTONIAN[:3], *["GTIN, UPC"] * gtin, *ESTONIAN[3:]]
    rows = [
        {"ID": "7", "Tootekood": "K", "Nimi": "Kruus", "Tavahind": "5,50", "Soodushind": "4", "GTIN, UPC": EAN,
         "Kategooriad": "Köök > Kruusid, Uus", "Pildid": "https://a.b/1.jpg, https://a.b/2.jpg", "Laos?": "0",
         "Omaduse 1 nimi": "Värv", "Omaduse 1 väärtused": "punane"},
        {"ID": "8", "Tootekood": "S", "Nimi": "Särk", "Tüüp": "variable", "Kirjeldus": "<p>Pehme</p>"},
        {"ID": "9", "Tootekood": "S-M", "Nimi": "", "Tüüp": "variation, virtual", "Ülem": "S", "Tavahind": "20",
         "Maksu olek": "none", "Omaduse 1 nimi": "Suurus", "Omaduse 1 väärtused": "M"},
        {"ID": "10", "Nimi": "Mustand", "Avaldatud": "-1", "Tavahind": "5"},
        {"ID": "11", "Nimi": "Peidetud", "Nähtavus kataloogis": "hidden", "Tavahind": "5"},
    ]  # fmt: skip
    path = tmp_path / "export.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, header, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(_OF_ESTONIA | row for row in rows)
    found, products, hidden = _read(path)
    assert (found, hidden) == ("WooCommerce", {"S", "id:10", "id:11"})
    assert products["K"] == Product(
        "K", "Kruus", "", "", ("Köök", "Kruusid"), Decimal(4), availability=OUT, image="https://a.b/1.jpg",
        gtin=EAN * gtin, attributes={"Värv": "punane"}, other_categories=(("Uus",),),
    )  # fmt: skip
    assert products["S-M"] == Product(
        "S-M", "Särk - M", "Pehme", price=Decimal(20), group_id="S", attributes={"Suurus": "M"}
    )


PRESTASHOP_LISTS = {
    "es": "ID;Imagen;Nombre;Referencia;Categoría;Precio (imp. excl.);Precio (imp. incl.);Cantidad;Estado",
    "fr": "ID du produit;Image;Nom;Référence;Catégorie;Prix (HT);Prix (TTC);Quantité;État",
    "de": "Produkt-ID;Bild;Name;Artikel-Nr.;Kategorie;Preis (zzgl. MwSt.);Preis (inkl. MwSt.);Menge;Status",
    "it": "ID;Immagine;Nome;Riferimento;Categoria;Prezzo (Tasse escl.);Prezzo (Tasse incl.);Quantità;Stato",
    "pl": "ID;Zdjęcie;Nazwa;Indeks;Kategoria;Cena (netto);Cena (brutto);Ilość;Status",
    "nl": "ID;Afbeelding;Naam;Referentie;Categorie;Prijs (excl. btw);Prijs (incl. btw);Aantal;Status",
    "pt": "ID;Imagem;Nome;Referência;Categoria;Preço (sem imposto);Preço (com imposto);Quantidade;Estado",
    "en of 1.6": "ID;Image;Name;Reference;Category;Base price;Final price;Quantity;Status",
}


@pytest.mark.parametrize("language", PRESTASHOP_LISTS)
def test_the_list_of_products_of_prestashop_in_other_languages(write: Write, language: str) -> None:
    rows = (
        PRESTASHOP_LISTS[language],
        '19;https://a.b/1.jpg;"Kolibri ""XL""";R-1;Papier;"1 012,90 €";"1 205,35 €";0;1',
        "18;;Alt;R-2;Papier;1,00 €;1,20 €;3;0",
    )
    found, products, hidden = _read(write("\n".join(rows)))
    assert (found, hidden) == ("PrestaShop", {"R-2"})
    assert products == {
        "R-1": Product("R-1", 'Kolibri "XL"', category=("Papier",), price=Decimal("1205.35"), currency="EUR",
                       availability=OUT, image="https://a.b/1.jpg"),
    }  # fmt: skip


def test_an_apostrophe_within_a_word_tells_no_encoding(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_bytes(
        "Nome dell’articolo\tSKU venditore\tPrezzo\tQuantità\tStato\nTazza\tAZ1\t12,50\t3\tActive\n".encode("cp1252")
    )
    found, products, _ = _read(path)
    assert (found, products["AZ1"].title) == ("Amazon", "Tazza")


_MUG_OF_BIGCOMMERCE = {
    "id": 77, "name": "Mug", "sku": "MUG", "price": 12, "sale_price": 9.5, "calculated_price": 9.5, "categories": [23],
    "inventory_level": 4, "inventory_tracking": "variant", "is_visible": True, "availability": "available",
    "variants": [
        {"id": 501, "sku": "MUG-R", "price": None, "calculated_price": 9.5, "inventory_level": 4,
         "option_values": [{"label": "Red", "option_display_name": "Colour"}]},
        {"id": 502, "sku": "MUG-B", "price": 14, "calculated_price": 14, "inventory_level": 0,
         "option_values": [{"label": "Blue", "option_display_name": "Colour"}]},
    ],
}  # fmt: skip
_OF_BIGCOMMERCE = {"inventory_tracking": "product", "is_visible": True, "availability": "available", "price": 20}
_CENTS = {"prices": [{"value": {"currencyCode": "EUR", "centAmount": 1299, "fractionDigits": 2}}]}
API_ANSWERS: dict[str, tuple[Any, dict[str, str], set[str]]] = {
    "BigCommerce": (
        {"data": [
            _MUG_OF_BIGCOMMERCE,
            _OF_BIGCOMMERCE | {"id": 78, "name": "Jug", "sku": "JUG", "inventory_level": 0,
                               "variants": [{"id": 503, "sku": "JUG", "price": None, "inventory_level": 0}]},
            _OF_BIGCOMMERCE | {"id": 79, "name": "Pot", "sku": "POT", "inventory_level": 1, "is_visible": False},
            _OF_BIGCOMMERCE | {"id": 80, "name": "Pan", "sku": "PAN", "inventory_level": 1, "availability": "disabled"},
            _OF_BIGCOMMERCE | {"id": 81, "name": "Lid", "sku": "LID", "inventory_level": 0,
                               "inventory_tracking": "none"},
        ], "meta": {}},
        {"MUG-R": "Mug - Red | 9.5  | in_stock | 77", "MUG-B": "Mug - Blue | 14  | out_of_stock | 77",
         "JUG": "Jug | 20  | out_of_stock | ", "LID": "Lid | 20  | in_stock | "},
        {"MUG", "POT", "PAN"},
    ),
    "WooCommerce": (
        [{"id": 34, "name": "Cap", "sku": "", "permalink": "https://a.b/c", "is_in_stock": False, "prices":
          {"price": "1600", "regular_price": "1800", "currency_code": "USD", "currency_minor_unit": 2}}],
        {"id:34": "Cap | 16.00 USD | out_of_stock | "}, set(),
    ),
    "Ecwid": (
        {"items": [{"id": 1, "sku": "A", "name": "Tee", "price": 2, "enabled": True, "inStock": True,
                    "defaultCategoryId": 1, "combinations": [
                        {"sku": "A-S", "quantity": 0, "price": 3, "options": [{"name": "Size", "value": "S"}]},
                        {"sku": "A-M", "options": [{"name": "Size", "value": "M"}]}]},
                   {"id": 2, "sku": "B", "name": "Off", "price": 2, "enabled": False, "inStock": True}]},
        {"A-S": "Tee - S | 3  | out_of_stock | 1", "A-M": "Tee - M | 2  | in_stock | 1"}, {"A", "B"},
    ),
    "Etsy": (
        {"results": [{"listing_id": 5, "title": "Ring", "state": "active", "quantity": 3, "skus": [],
                      "price": {"amount": 1999, "divisor": 100, "currency_code": "EUR"}},
                     {"listing_id": 6, "title": "Old", "state": "inactive", "quantity": 3, "skus": ["O"],
                      "price": {"amount": 1999, "divisor": 100, "currency_code": "EUR"}}]},
        {"5": "Ring | 19.99 EUR | in_stock | "}, {"O"},
    ),
    "Square": (
        {"objects": [{"type": "CATEGORY", "id": "C", "category_data": {"name": "Drinks"}},
                     {"type": "ITEM", "id": "W", "item_data": {"name": "Cocoa", "variations": [
                         {"id": "V1", "item_variation_data": {"name": "Small", "sku": "C-S",
                          "price_money": {"amount": 250, "currency": "USD"}}},
                         {"id": "V2", "item_variation_data": {"name": "Large"}},
                         {"id": "V3", "item_variation_data": {"name": "Old", "sellable": False}}]}}]},
        {"C-S": "Cocoa - Small | 2.50 USD | in_stock | W", "V2": "Cocoa - Large | None  | in_stock | W"}, {"W", "V3"},
    ),
    "commercetools": (
        {"results": [{"id": "a1", "key": "mug", "masterData": {"published": True, "current": {
            "name": {"en": "Mug"}, "masterVariant": {"sku": "M-1", **_CENTS}, "variants": [
                {"sku": "M-2", **_CENTS}, {"sku": "M-3", "prices": [_CENTS["prices"][0] | {"discounted": {"value": {
                    "currencyCode": "EUR", "centAmount": 999, "fractionDigits": 2}}}]},
                {"sku": "M-4", "prices": [*_CENTS["prices"], {"value": {"currencyCode": "USD", "centAmount": 1500},
                 "discounted": {"value": {"currencyCode": "USD", "centAmount": 100}}}]}]}}},
            {"id": "a2", "key": "jug", "masterData": {"published": False, "current": {
                "name": {"en": "Jug"}, "masterVariant": {"sku": "J-1", **_CENTS}, "variants": []}}}]},
        {"M-1": "Mug | 12.99 EUR | in_stock | mug", "M-2": "Mug | 12.99 EUR | in_stock | mug",
         "M-3": "Mug | 9.99 EUR | in_stock | mug", "M-4": "Mug | 12.99 EUR | in_stock | mug"}, {"mug", "J-1"},
    ),
    "Medusa 1": (
        {"products": [{"id": "p1", "title": "Mug", "handle": "mug", "is_giftcard": False, "profile_id": "sp",
                       "status": "published", "variants": [
                           {"id": "v1", "title": "Red", "sku": "M-R", "inventory_quantity": 0, "manage_inventory": True,
                            "prices": [{"currency_code": "eur", "amount": 1250}]}]},
                      {"id": "p2", "title": "Jug", "handle": "jug", "is_giftcard": False, "status": "draft",
                       "variants": [{"id": "v2", "sku": "J"}]}]},
        {"M-R": "Mug | 12.50 EUR | out_of_stock | "}, {"J"},
    ),
    "Wix": (
        {"products": [{"id": "a", "name": "Mug", "visible": True, "sku": "M", "stock": {"inStock": False},
                       "priceData": {"currency": "EUR", "price": 10, "discountedPrice": 8}},
                      {"id": "b", "name": "Jug", "visible": False, "sku": "J", "stock": {"inStock": True},
                       "priceData": {"currency": "EUR", "price": 10, "discountedPrice": 10}}]},
        {"M": "Mug | 8 EUR | out_of_stock | "}, {"J"},
    ),
    "Wix 3": (
        {"products": [
            {"id": "a", "name": "Mug", "visible": True, "actualPriceRange": {"minValue": {"amount": "8"}},
             "inventory": {"availabilityStatus": "PARTIALLY_OUT_OF_STOCK"}, "variantsInfo": {"variants": [
                 {"id": "v1", "sku": "M-R", "visible": True, "price": {"actualPrice": {"amount": "8"}},
                  "inventoryStatus": {"inStock": False}, "choices": [
                      {"optionChoiceNames": {"optionName": "Colour", "choiceName": "Red"}}]},
                 {"id": "v2", "sku": "M-B", "visible": False, "price": {"actualPrice": {"amount": "9"}}}]}},
            {"id": "b", "name": "Jug", "visible": True, "actualPriceRange": {"minValue": {"amount": "10"}},
             "inventory": {"availabilityStatus": "OUT_OF_STOCK"}}]},
        {"M-R": "Mug - Red | 8  | out_of_stock | a", "b": "Jug | 10  | out_of_stock | "}, {"a", "M-B"},
    ),
    "PrestaShop": (
        {"products": [{"id": 1, "id_category_default": "4", "reference": "", "price": "23.900000", "active": "1",
                       "quantity": "0", "name": [{"id": "1", "value": "Shirt"}]},
                      {"id": 2, "id_category_default": "4", "reference": "R", "price": "1", "active": "0",
                       "name": "Old"}]},
        {"id:1": "Shirt | 23.900000  | out_of_stock | "}, {"R"},
    ),
    "Shopware": (
        {"data": [{"id": "a", "productNumber": "S1", "active": True, "availableStock": 0, "isCloseout": True,
                   "name": None, "translated": {"name": "Becher"}, "price": [{"net": 10, "gross": 12}]},
                  {"id": "b", "productNumber": "S2", "active": True, "availableStock": 0, "isCloseout": False,
                   "name": "Krug", "price": [{"net": 10, "gross": 12}]},
                  {"id": "c", "productNumber": "S3", "active": False, "availableStock": 1, "name": "Topf",
                   "price": [{"net": 10, "gross": 12}]}]},
        {"S1": "Becher | 12  | out_of_stock | ", "S2": "Krug | 12  | backorder | "}, {"S3"},
    ),
    "Google Merchant": (
        {"resources": [{"id": "online:en:US:A", "offerId": "A", "title": "Mug", "availability": "in stock",
                        "itemGroupId": "G", "price": {"value": "12.00", "currency": "USD"},
                        "salePrice": {"value": "9.00", "currency": "USD"},
                        "salePriceEffectiveDate": "2020-01-01T00:00:00Z/2020-02-01T00:00:00Z"},
                       {"name": "accounts/1/products/B", "offerId": "B", "productAttributes": {
                           "title": "Jug", "availability": "out of stock",
                           "price": {"amountMicros": "15990000", "currencyCode": "USD"}}}]},
        {"A": "Mug | 12.00 USD | in_stock | G", "B": "Jug | 15.990000 USD | out_of_stock | "}, set(),
    ),
    "Allegro": (
        {"offers": [{"id": "7", "name": "Kubek", "sellingMode": {"price": {"amount": "21.37", "currency": "PLN"}},
                     "stock": {"available": 0}, "publication": {"status": "ACTIVE"}, "external": {"id": "K"}},
                    {"id": "8", "name": "Dzban", "sellingMode": {"price": {"amount": "21.37", "currency": "PLN"}},
                     "stock": {"available": 1}, "publication": {"status": "ENDED"}, "external": None}]},
        {"K": "Kubek | 21.37 PLN | out_of_stock | "}, {"8"},
    ),
    "Sylius": (
        {"hydra:member": [{"@id": "/api/v2/shop/product-variants/m", "id": 1, "code": "m", "name": "Mug",
                           "price": 1999, "originalPrice": 2500, "inStock": False}]},
        {"m": "Mug | 19.99  | out_of_stock | "}, set(),
    ),
    "Saleor": (
        {"data": {"products": {"edges": [{"node": {"id": "P", "name": "Mug", "category": {"name": "Kitchen"},
            "isAvailable": False, "variants": [{"id": "V1", "sku": "M-1", "name": "Red", "quantityAvailable": 0,
                          "pricing": {"price": {"gross": {"amount": 12.5, "currency": "USD"}}}},
                         {"id": "V2", "sku": "M-2", "name": "Blue", "quantityAvailable": 2,
                          "pricing": {"price": {"gross": {"amount": 13, "currency": "USD"}}}}]}},
            {"node": {"id": "Q", "name": "Jug", "isAvailable": False, "variants": [{"id": "V3", "sku": "J",
                "pricing": {"price": {"gross": {"amount": 5, "currency": "USD"}}}}]}}]}}},
        {"M-1": "Mug - Red | 12.5 USD | out_of_stock | P", "M-2": "Mug - Blue | 13 USD | in_stock | P",
         "J": "Jug | 5 USD | out_of_stock | "}, {"P"},
    ),
    "Squarespace": (
        {"products": [{"id": "61", "storePageId": "7", "name": "Steak", "isVisible": visible, "variants": [
            {"id": f"9{size}", "sku": f"S-{size}", "stock": {"quantity": 0, "unlimited": size == "L"}, "pricing": {
                "basePrice": {"currency": "USD", "value": "150.00"}, "onSale": size == "L",
                "salePrice": {"currency": "USD", "value": "120.00"}}, "attributes": {"Weight": size}}
            for size in sizes]} for visible, sizes in ((True, "ML"), (False, "X"))]},
        {"S-M": "Steak - M | 150.00 USD | out_of_stock | 61", "S-L": "Steak - L | 120.00 USD | in_stock | 61"},
        {"61", "S-X"},
    ),
    "VTEX": (
        [{"productId": "2", "productName": "Mug", "linkText": "mug", "categories": ["/Home/Mugs/", "/Home/"], "items": [
            {"itemId": f"3{left}", "name": colour, "sellers": [
                {"commertialOffer": {"Price": price, "ListPrice": price, "AvailableQuantity": left}}]}
            for colour, left, price in (("Red", 5, 49.9), ("Blue", 0, 0))]}],
        {"35": "Mug - Red | 49.9  | in_stock | 2", "30": "Mug - Blue | None  | out_of_stock | 2"}, {"2"},
    ),
    "Magento": (
        {"items": [{"id": 1, "sku": "W", "name": "Shirt", "price": 0, "status": 1, "visibility": 4,
                    "type_id": "configurable", "extension_attributes": {"configurable_product_links": [2, 3]}},
                   {"id": 2, "sku": "W-R", "name": "Shirt red", "price": 22, "status": 1, "visibility": 1,
                    "type_id": "simple", "custom_attributes": [{"attribute_code": "special_price", "value": "18"}]},
                   {"id": 3, "sku": "W-B", "name": "Shirt blue", "price": 22, "status": 2, "visibility": 1,
                    "type_id": "simple"},
                   {"id": 4, "sku": "STRAY", "name": "Stray", "price": 2, "status": 1, "visibility": 1,
                    "type_id": "simple"}]},
        {"W": "Shirt | None  | in_stock | W", "W-R": "Shirt red | 18  | in_stock | W"}, {"W-B", "STRAY"},
    ),
    "Shopify": (
        [{"id": 1, "title": "Tee", "handle": "tee", "type": "Shirts", "price": 1999, "price_varies": True,
          "images": ["//a.b/1.jpg"], "options": [{"name": "Size"}], "variants": [
              {"id": 11, "sku": "T-S", "option1": "S", "available": False, "price": 1999}]}],
        {"T-S": "Tee - S | 19.99  | out_of_stock | tee"}, set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("system", API_ANSWERS)
def test_what_an_api_answers_is_read_with_its_variants_and_its_smallest_units(write: Write, system: str) -> None:
    answer, expected, off = API_ANSWERS[system]
    found, products, hidden = _read(write(json.dumps(answer), "answer.json"))
    shown = {sku: words.rpartition(" | ")[0] for sku, words in _in_words(products).items()}
    assert (found, shown, hidden) == (system.removesuffix(" 3"), expected, off)


@pytest.mark.parametrize(
    "item",
    [
        {"code": "a", "name": "A", "price": 19.99, "originalPrice": 25, "shortDescription": "x"},
        {"sku": "a", "name": "A", "price": 19.99, "visible": True, "stock": {"inStock": True}},
        {"sku": "a", "name": "A", "price": 19.99, "enabled": True, "inStock": True},
    ],
)
def test_members_like_those_of_an_api_change_no_price(write: Write, item: dict[str, Any]) -> None:
    _, products, _ = _read(write(json.dumps([{"id": 1} | item]), "products.json"))
    assert [product.price for product in products.values()] == [Decimal("19.99")]


def test_a_variation_of_woocommerce_that_was_asked_for_by_itself_has_no_name_of_its_own(write: Write) -> None:
    variation = {
        "id": 8, "name": "Black", "type": "variation", "sku": "V-B", "parent_id": 7, "stock_status": "instock",
        "regular_price": "20", "attributes": [{"name": "Color", "option": "Black"}], "image": {"src": "https://a.b/1.jpg"},
    }  # fmt: skip
    parent = {
        "id": 7, "name": "Cap", "type": "variable", "sku": "V", "stock_status": "instock", "regular_price": "",
        "categories": [{"name": "Hats"}],
    }  # fmt: skip
    _, products, _ = _read(write(json.dumps([variation, parent]), "products.json"))
    assert products["V-B"] == Product(
        "V-B", "Cap - Black", category=("Hats",), price=Decimal(20), image="https://a.b/1.jpg", group_id="V",
        attributes={"Color": "Black"},
    )  # fmt: skip


TABLES: dict[str, tuple[str, dict[str, str], set[str]]] = {
    "Square": (
        """Reference Handle,Token,Item Name,Variation Name,SKU,Categories,Square Online Item Visibility,\
Option Name 1,Option Value 1,Current Quantity North,Current Quantity South,Price,Online Sale Price,Archived,\
Sellable,Enabled North,Enabled South
#mug,A1,Mug,Red,M-R,"Kitchen (T2B3ROTJ3HFGVBO22QLOOJDE), \
Kitchen > Mugs (UTK5XEUFC3C7KJ5L4643I2UT)",visible,Colour,Red,0,4,12.00,,N,Y,Y,Y
#mug,A2,Mug,Blue,M-B,"Kitchen, Kitchen > Mugs",visible,Colour,Blue,0,0,14.00,13,N,Y,N,Y
#jug,A3,Jug,Regular,JUG,Kitchen,hidden,,,2,,20.00,,N,Y,Y,Y
#pot,A4,Pot,Regular,,Kitchen,visible,,,2,,30.00,,N,Y,Y,Y
#old,A5,Old,Regular,OLD,Kitchen,visible,,,2,,30.00,,Y,Y,Y,Y
#off,A6,Off,Regular,OFF,Kitchen,visible,,,2,,30.00,,N,Y,N,N
""",
        {"M-R": "Mug - Red | 12.00  | in_stock | #mug | Kitchen > Mugs",
         "M-B": "Mug - Blue | 13  | out_of_stock | #mug | Kitchen > Mugs",
         "A4": "Pot | 30.00  | in_stock | #pot | Kitchen"},
        {"JUG", "OLD", "OFF"},
    ),
    "Lightspeed eCom": (
        """Internal_ID;Internal_Variant_ID;Visible;Brand;NL_Title_Short;NL_Title_Long;NL_Variant;Price;Price_Old;\
Stock_Track;Stock_Disable_Sold_Out;Stock_Level;Article_Code;SKU;NL_Category_1;NL_Subcategory_1
1;11;Y;Acme;Trui;Warme trui;Maat: S;49,95;59,95;Y;Y;0;T-S;;Kleding;Truien
1;12;Y;Acme;Trui;Warme trui;Maat: M;49,95;;Y;N;0;T-M;;Kleding;Truien
2;13;N;Acme;Pet;Pet;Default;10,00;;Y;Y;3;P;;Kleding;
3;14;Y;Acme;Sok;Sok;Default;10,00;;N;Y;0;S;S-1;Kleding;
""",
        {"T-S": "Warme trui - S | 49.95  | out_of_stock | 1 | Kleding > Truien",
         "T-M": "Warme trui - M | 49.95  | backorder | 1 | Kleding > Truien",
         "S-1": "Sok | 10.00  | in_stock | 3 | Kleding"},
        {"P"},
    ),
    "Lightspeed Retail": (
        """System ID,UPC,EAN,Custom SKU,Manufact. SKU,Item,Qty.,Price,Brand,Publish to eCom,MSRP,Category,\
Subcategory 1
21,,4006381333931,MUG,M1,Mug,4,12.00,Acme,Yes,15.00,Kitchen,Mugs
22,,,,,Jug,0,20.00,Acme,No,,Kitchen,
""",
        {"MUG": "Mug | 12.00  | in_stock |  | Kitchen > Mugs", "22": "Jug | 20.00  | out_of_stock |  | Kitchen"},
        set(),
    ),
    "Lightspeed X": (
        """id,handle,sku,name,product_category,variant_option_one_name,variant_option_one_value,supply_price,\
retail_price,brand_name,active,active_online,track_inventory,inventory_Main,inventory_Other
a1,tee,1,Tee,Shirts,Size,S,5,20,Acme,1,0,1,0,2
a2,tee,2,Tee,Shirts,Size,M,5,22,Acme,1,0,1,0,0
a3,cap,3,Cap,Hats,,,5,10,Acme,0,0,1,3,
""",
        {"1": "Tee | 20  | in_stock | tee | Shirts", "2": "Tee | 22  | out_of_stock | tee | Shirts"}, {"3"},
    ),
    "Saleor": (
        """id,name,description as str,category,variant id,variant sku,north (warehouse quantity),\
south (warehouse quantity),web (channel published),web (channel price amount),\
web (channel variant currency code)
P1,Mug,Big,Kitchen,V1,M-R,0,4,True,12.5,USD
P1,Mug,Big,Kitchen,V2,M-B,0,0,True,14.5,USD
P2,Jug,,Kitchen,V3,J,4,4,False,20,USD
""",
        {"M-R": "Mug | 12.5 USD | in_stock | P1 | Kitchen", "M-B": "Mug | 14.5 USD | out_of_stock | P1 | Kitchen"},
        {"J"},
    ),
    "Akeneo": (
        """sku;categories;enabled;family;groups;parent;name-en_US;name-de_DE;price-EUR;price-USD
M;kitchen,mugs;1;mugs;;;Mug;Becher;12.99;14.99
J;kitchen;0;mugs;;;Jug;Krug;20;
T;shirts;1;shirts;;root;Tee;;;20
""",
        {"M": "Mug | 12.99 EUR | in_stock |  | kitchen, mugs", "T": "Tee | 20 USD | in_stock | root | shirts"}, {"J"},
    ),
    "nopCommerce": (
        """ProductType,VisibleIndividually,Name,SKU,Published,ManageInventoryMethod,StockQuantity,Price,OldPrice,\
Categories,Manufacturers
Simple Product,TRUE,Mug,M,TRUE,Manage Stock,0,12,15,Kitchen >> Mugs;Sale,Acme
Simple Product,TRUE,Jug,J,TRUE,Don't Manage Stock,0,20,0,Kitchen,Acme
Simple Product,FALSE,Pot,P,TRUE,Manage Stock,1,20,0,Kitchen,Acme
Simple Product,TRUE,Pan,PAN,FALSE,Manage Stock,1,20,0,Kitchen,Acme
""",
        {"M": "Mug | 12  | out_of_stock |  | Kitchen > Mugs, Sale", "J": "Jug | 20  | in_stock |  | Kitchen"},
        {"P", "PAN"},
    ),
    "Zen Cart": (
        """v_products_model,v_products_name_1,v_specials_price,v_specials_expires_date,v_products_price,\
v_products_quantity,v_manufacturers_name,v_categories_name_1,v_status
M,Mug,9,2020-01-01,12,4,Acme,Kitchen^Mugs,1
J,Jug,,,20,0,Acme,Kitchen,0
""",
        {"M": "Mug | 12  | in_stock |  | Kitchen > Mugs"}, {"J"},
    ),
    "osCommerce": (
        """v_products_model,v_products_name_1,v_products_name_2,v_products_price,v_products_quantity,\
v_categories_name_1,v_categories_name_2,v_status,EOREOR
M,Mug,Becher,12,4,Kitchen,Mugs,Active,EOREOR
J,Jug,Krug,20,1,Kitchen,,Inactive,EOREOR
""",
        {"M": "Mug | 12  | in_stock |  | Kitchen > Mugs"}, {"J"},
    ),
    "Shift4Shop": (
        """catalogid,id,name,categories,price,saleprice,onsale,stock,hide
1,M,Mug,Kitchen/Mugs@Gifts,12,9,1,4,0
2,J,Jug,Kitchen,20,9,0,0,0
3,P,Pot,Kitchen,20,9,0,5,1
""",
        {"M": "Mug | 9  | in_stock |  | Kitchen > Mugs, Gifts", "J": "Jug | 20  | out_of_stock |  | Kitchen"}, {"P"},
    ),
    "Volusion": (
        """productcode,productname,ischildofproductcode,hideproduct,stockstatus,productprice,saleprice,\
donotallowbackorders,categorytree
T,Tee,,N,12,20,15,Y,Clothes > Tees
T-1,Tee [Red],T,,4,20,,Y,
T-2,Tee [Big],T,,0,25,,Y,
P,Pot,,Y,3,9,,N,
L,Lamp,,N,0,9,,N,
""",
        {"T-1": "Tee [Red] | 15  | in_stock | T | Clothes > Tees",
         "T-2": "Tee [Big] | 25  | out_of_stock | T | Clothes > Tees", "L": "Lamp | 9  | backorder |  | "},
        {"T", "P"},
    ),
    "Business Central": (
        """No.,Description,Base Unit of Measure,Inventory,Unit Cost,Unit Price,Blocked,Sales Blocked,GTIN
D-1,Desk,PCS,254,780.70,"1,000.80",No,No,4006381333931
D-2,Chair,PCS,3,150.20,192.80,Yes,No,
D-3,Lamp,PCS,3,150.20,192.80,No,Yes,
""",
        {"D-1": "Desk | 1000.80  | in_stock |  | "}, {"D-2", "D-3"},
    ),
    "Dynamics": (
        """Nr.;Beschreibung;Basiseinheitencode;Lagerbestand;VK-Preis;EK-Preis;Artikelkategoriencode;Gesperrt
1000;Fahrrad;STÜCK;0;4.000,00;350,59;RAD;Nein
1001;Tourenrad;STÜCK;1;4.000,00;350,59;RAD;Ja
""",
        {"1000": "Fahrrad | 4000.00  | out_of_stock |  | RAD"}, {"1001"},
    ),
    "Tiendanube": (
        """Identificador de URL;Nombre;Categorías;Nombre de propiedad 1;Valor de propiedad 1;Precio;\
Precio promocional;Stock;SKU;Mostrar en tienda;Marca
remera;Remera;Ropa > Remeras, Ofertas;Talle;S;1.990,00;1.500,00;3;R-S;SI;Acme
remera;;;Talle;M;1.990,00;;0;R-M;;
gorra;Gorra;Ropa;;;990,00;;;G;NO;Acme
taza;Taza;Casa;;;90,00;;;T;SI;Acme
""",
        {"R-S": "Remera - S | 1500.00  | in_stock | remera | Ropa > Remeras, Ofertas",
         "R-M": "Remera - M | 1990.00  | out_of_stock | remera | Ropa > Remeras, Ofertas",
         "T": "Taza | 90.00  | in_stock |  | Casa"},
        {"G"},
    ),
    "Nuvemshop": (
        """Identificador URL;Nome;Categorias;Nome da variação 1;Valor da variação 1;Preço;Preço promocional;Estoque;\
SKU;Exibir na loja;Marca
copo;Copo;Casa;;;90,00;;0;C;SIM;Acme
bule;Bule;Casa;;;90,00;;1;B;NÃO;Acme
""",
        {"C": "Copo | 90.00  | out_of_stock |  | Casa"}, {"B"},
    ),
    "Tilda": (
        """Tilda UID;Brand;SKU;Category;Title;Text;Photo;Price;Quantity;Price Old;Editions;External ID;Parent UID
1;Acme;K;Дом;Кружка;д;https://a.b/1.jpg;1990;0;2500;;;
2;Acme;;Дом;Футболка;;;;;;;;
3;;F-S;;Футболка;;;990;;;Размер:S;;2
4;;;;Футболка;;;990;3;;Размер:M;;2
""",
        {"K": "Кружка | 1990  | out_of_stock |  | Дом", "F-S": "Футболка - S | 990  | in_stock | 2 | Дом",
         "4": "Футболка - M | 990  | in_stock | 2 | Дом"},
        {"2"},
    ),
    "InSales": (
        """ID товара;Название товара или услуги;Видимость на витрине;Корневая;Подкатегория 1;Валюта склада;\
ID варианта;Артикул;Цена продажи;Старая цена;Остаток;Свойство: Размер
1;Кружка;выставлен;Дом;Кружки;RUR;11;K;1990,00;2500;0;
2;Футболка;выставлен;Одежда;;RUR;21;F-S;990;;3;S
2;Футболка;скрыт;Одежда;;RUR;22;F-M;990;;3;M
""",
        {"K": "Кружка | 1990.00 RUB | out_of_stock | 1 | Дом > Кружки",
         "F-S": "Футболка - S | 990 RUB | in_stock | 2 | Одежда"},
        {"F-M"},
    ),
    "JTL": (
        """Interner Schlüssel;Artikelnummer;Artikelname;Hersteller;Brutto-VK;Netto-VK;Verfügbarer Bestand;\
Aktiv;Im Shop aktiv;Überverkäufe möglich;Identifizierungsspalte Vaterartikel;Kategorie Ebene 1;Kategorie Ebene 2
1;A;Hemd;Acme;;;;Y;Y;N;;Mode;Hemden
2;A-M;Hemd M;Acme;49,90;41,93;2;Y;Y;N;A;Mode;Hemden
3;B;Hose;Acme;1.049,90;882,27;0;Y;Y;Y;;Mode;
4;C;Alt;Acme;49,90;41,93;3;Y;N;N;;Mode;
5;D;Hut;Acme;;10,00;3;Y;Y;N;;Mode;
""",
        {"A-M": "Hemd M | 49.90  | in_stock | A | Mode > Hemden", "B": "Hose | 1049.90  | backorder |  | Mode",
         "D": "Hut | 10.00  | in_stock |  | Mode"},
        {"A", "C"},
    ),
    "Gambio": (
        """XTSOL|p_id|p_model|p_stock|p_manufacturer|p_priceNoTax|p_tax|p_status|p_ean|p_name.de|p_cat.0|p_cat.1
XTSOL|1|M-1|3|Acme|10.0840|1|1||Becher|Küche|Becher
XTSOL|2|M-2|0|Acme|20.0000|1|0||Krug|Küche|
""",
        {"M-1": "Becher | 10.0840  | in_stock |  | Küche > Becher"}, {"M-2"},
    ),
    "commerce:SEO": (
        """XTSOL;p_model;p_stock;p_manufacturer;p_priceNoTax;p_tax;p_status;p_ean;p_name.de;p_cat.0
XTSOL;M-1;3;Acme;10.0840;1;1;;Becher;Küche
""",
        {"M-1": "Becher | 10.0840  | in_stock |  | Küche"}, set(),
    ),
    "eBay": (
        """*Action(SiteID=Germany|Version=1193),Custom label (SKU),Category name,Title,Relationship,\
Relationship details,Start price,Quantity,C:Marke
Add,TEE,Mode > Shirts,Tee,,Size=S;M,,,Acme
,TEE-S,,,Variation,Size=S,19.99,3,
,TEE-M,,,Variation,Size=M,21.99,0,
Add,CAP,Mode > Caps,Cap,,,9.99,1,Acme
""",
        {"TEE-S": "Tee - S | 19.99  | in_stock | TEE | Mode > Shirts",
         "TEE-M": "Tee - M | 21.99  | out_of_stock | TEE | Mode > Shirts",
         "CAP": "Cap | 9.99  | in_stock |  | Mode > Caps"},
        {"TEE"},
    ),
    "Allegro": (
        """ID oferty;Link do oferty;Status oferty;Liczba sztuk;Cena PL;Cena CZ;Kategoria główna;Podkategoria;\
Tytuł oferty;Sygnatura/SKU Sprzedającego
7;https://a.b/7;Aktywna;5;21,37;99;Dom;Kubki;Kubek;K
8;https://a.b/8;Zakończona;0;30,00;;Dom;Dzbanki;Dzban;D
""",
        {"K": "Kubek | 21.37  | in_stock |  | Dom > Kubki"}, {"D"},
    ),
    "Awin": (
        """aw_deep_link,product_name,aw_product_id,merchant_product_id,merchant_category,search_price,category_name,\
currency,delivery_cost,brand_name,in_stock,ean,rrp_price
https://aw/1,Mug,9001,M,Kitchen > Mugs,12.99,Home,GBP,3.99,Acme,1,4006381333931,15.99
https://aw/2,Jug,9002,J,Kitchen,20.00,Home,GBP,3.99,Acme,0,,
""",
        {"M": "Mug | 12.99 GBP | in_stock |  | Kitchen > Mugs", "J": "Jug | 20.00 GBP | out_of_stock |  | Kitchen"},
        set(),
    ),
    "idealo": (
        """sku;brand;title;categoryPath;url;eans;price;formerPrice;delivery;deliveryCosts_dhl
I1;Acme;Becher;Küche > Becher;https://a.b/1;4006381333931;1.299,00;1.499,00;1-3 Tage;4,90
I2;Acme;Krug;Küche;https://a.b/2;;20,00;;nicht lieferbar;4,90
""",
        {"I1": "Becher | 1299.00  | in_stock |  | Küche > Becher", "I2": "Krug | 20.00  | out_of_stock |  | Küche"},
        set(),
    ),
    "Prom.ua": (
        """Код_товара;Название_позиции;Описание;Цена;Валюта;Скидка;Наличие;Название_группы;Производитель;\
Cрок_действия_скидки_от;Cрок_действия_скидки_до
K-1;Кружка;д;1990;UAH;10%;+;Дом;Acme;;
K-2;Кувшин;д;990;UAH;;-;Дом;Acme;;
K-3;Ложка;д;100;UAH;10%;+;Дом;Acme;01.01.2020;31.01.2020
""",
        {"K-1": "Кружка | 1791.0000 UAH | in_stock |  | Дом", "K-2": "Кувшин | 990 UAH | out_of_stock |  | Дом",
         "K-3": "Ложка | 100 UAH | in_stock |  | Дом"},
        set(),
    ),
    "CS-Cart": (
        """Product code;Language;Product id;Category;Secondary categories;List price;Price;Status;Quantity;\
Product name
C1;en;1;Computers///Desktops;Sale;120;99;A;10;Desk
C1;de;1;Computer///Tische;Sale;120;99;A;10;Tisch
C2;de;2;Computer;;120;99;A;10;Nur hier
""",
        {"C1": "Desk | 99  | in_stock |  | Computers > Desktops, Sale",
         "C2": "Nur hier | 99  | in_stock |  | Computer"},
        set(),
    ),
    "Shopware 5": (
        """ordernumber;mainnumber;name;supplier;price_EK;from_EK;active;instock;categories
S;S;Rucksack;Acme;59,90;1;1;15;Wandern->Gepäck
S;S;;;49,90;10;1;15;
""",
        {"S": "Rucksack | 59.90  | in_stock |  | Wandern > Gepäck"}, set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("system", TABLES)
def test_what_other_systems_export_is_read_as_its_owner_would(write: Write, system: str) -> None:
    content, expected, off = TABLES[system]
    found, products, hidden = _read(write(content))
    name = {"Nuvemshop": "Tiendanube", "Dynamics": "Business Central", "commerce:SEO": "Gambio"}.get(system, system)
    assert (found, _in_words(products), hidden) == (name, expected, off)


def test_a_description_of_allegro_has_its_texts_within_sections(write: Write) -> None:
    sections = {"sections": [{"items": [{"type": "TEXT", "content": "<p>Duży</p>"}, {"type": "IMAGE", "url": "x"}]}]}
    header = "ID oferty,Opis oferty,Cena PL,Tytuł oferty,Sygnatura/SKU Sprzedającego\n"
    cell = json.dumps(sections, ensure_ascii=False).replace('"', '""')
    found, products, _ = _read(write(f'{header}7,"{cell}",21.37,Kubek,K\n'))
    assert (found, products["K"].description) == ("Allegro", "Duży")


XML: dict[str, tuple[str, dict[str, str], set[str]]] = {
    "Shoptet": (
        """<SHOP><SHOPITEM id="1"><NAME>Tričko</NAME><MANUFACTURER>Acme</MANUFACTURER>
        <DESCRIPTION><![CDATA[<p>Dlouhý</p>]]></DESCRIPTION><IMAGES><IMAGE>https://a.b/1.jpg</IMAGE></IMAGES>
        <CATEGORIES><CATEGORY id="1">Akce</CATEGORY><CATEGORY id="2">Oblečení &gt; Trička</CATEGORY>
        <DEFAULT_CATEGORY id="2">Oblečení &gt; Trička</DEFAULT_CATEGORY></CATEGORIES><VISIBILITY>visible</VISIBILITY>
        <RELATED_PRODUCTS><CODE>HR</CODE></RELATED_PRODUCTS><VARIANTS>
        <VARIANT id="5"><CODE>T-S</CODE><CURRENCY>CZK</CURRENCY><PRICE>330</PRICE><PRICE_VAT>399</PRICE_VAT>
        <STOCK><AMOUNT>5</AMOUNT><MINIMAL_AMOUNT/></STOCK><PARAMETERS><PARAMETER><NAME>Velikost</NAME><VALUE>S</VALUE>
        </PARAMETER><PARAMETER><NAME>Barva</NAME><VALUE>Bílá</VALUE></PARAMETER></PARAMETERS></VARIANT>
        <VARIANT id="6"><CODE>T-M</CODE><CURRENCY>CZK</CURRENCY><PRICE_VAT>419</PRICE_VAT><STOCK><AMOUNT>0</AMOUNT>
        </STOCK><PARAMETERS><PARAMETER><NAME>Velikost</NAME><VALUE>M</VALUE></PARAMETER></PARAMETERS></VARIANT>
        <VARIANT id="7"><CODE>T-L</CODE><PRICE_VAT>419</PRICE_VAT><VISIBLE>0</VISIBLE></VARIANT></VARIANTS></SHOPITEM>
        <SHOPITEM id="2"><NAME>Hrnek</NAME><CODE>HR</CODE><PRICE_VAT>121</PRICE_VAT><VISIBILITY>hidden</VISIBILITY>
        </SHOPITEM><SHOPITEM id="3"><NAME>Talíř</NAME><CODE>TA</CODE><CURRENCY>CZK</CURRENCY><PRICE_VAT>121</PRICE_VAT>
        <ACTION_PRICE>99</ACTION_PRICE><STOCK><AMOUNT>0</AMOUNT></STOCK><CATEGORIES><CATEGORY id="1">Dům</CATEGORY>
        </CATEGORIES></SHOPITEM></SHOP>""",
        {"T-S": "Tričko - S / Bílá | 399 CZK | in_stock | 1 | Oblečení > Trička, Akce",
         "T-M": "Tričko - M | 419 CZK | out_of_stock | 1 | Oblečení > Trička, Akce",
         "TA": "Talíř | 99 CZK | out_of_stock |  | Dům"},
        {"1", "T-L", "HR"},
    ),
    "Heureka": (
        """<SHOP><SHOPITEM><PRODUCT>Mug</PRODUCT><URL>https://a.b/mug</URL><PRICE>100</PRICE><PRICE_VAT>121</PRICE_VAT>
        <CATEGORYTEXT>Kitchen | Mugs</CATEGORYTEXT><PRODUCTNO>AC-1</PRODUCTNO><DELIVERY_DATE>0</DELIVERY_DATE>
        </SHOPITEM>
        <SHOPITEM><PRODUCT>Jug</PRODUCT><URL>https://a.b/jug</URL><PRICE_VAT>21</PRICE_VAT></SHOPITEM></SHOP>""",
        {"AC-1": "Mug | 121  | in_stock |  | Kitchen > Mugs", "https://a.b/jug": "Jug | 21  | unknown |  | "}, set(),
    ),
    "Ceneo": (
        """<offers version="1"><group name="other"><o id="1" url="https://a.b/1" price="59.90" avail="1" stock="3">
        <cat><![CDATA[Kuchnia/Kubki]]></cat><name>Kubek</name><imgs><main url="https://a.b/1.jpg"/></imgs>
        <attrs><a name="Producent">Acme</a></attrs></o>
        <o id="2" url="https://a.b/2" price="1059,90" avail="14" stock="0">
        <cat>Kuchnia/Dzbany</cat><name>Dzban</name></o><o id="3" url="" price="5" avail="110"><cat>Kuchnia/Dzbany</cat>
        <name>Talerz</name></o>
        <o id="4" url="" price="5" avail="90"><cat>Kuchnia</cat><name>Waza</name></o></group></offers>""",
        {"1": "Kubek | 59.90  | in_stock |  | Kuchnia > Kubki",
         "2": "Dzban | 1059.90  | out_of_stock |  | Kuchnia > Dzbany",
         "3": "Talerz | 5  | preorder |  | Kuchnia > Dzbany", "4": "Waza | 5  | backorder |  | Kuchnia"}, set(),
    ),
    "Skroutz": (
        """<mystore><created_at>2026-01-01</created_at><products><product><id>S1</id><name>Κούπα</name>
        <category id="23">Σπίτι &gt; Κουζίνα</category><price_with_vat>12.50</price_with_vat><quantity>4</quantity>
        <manufacturer>Acme</manufacturer></product><product><id>S2</id><name>Μπλούζα</name><category>Ρούχα</category>
        <price_with_vat>22.50</price_with_vat><quantity>3</quantity><size>S,M</size><variations>
        <variation><variationid>S2-S</variationid><size>S</size><quantity>0</quantity>
        <price_with_vat>22.50</price_with_vat></variation><variation><variationid>S2-M</variationid><size>M</size>
        <quantity>3</quantity><price_with_vat>23</price_with_vat></variation></variations></product></products>
        </mystore>""",
        {"S1": "Κούπα | 12.50  | in_stock |  | Σπίτι > Κουζίνα",
         "S2-S": "Μπλούζα - S | 22.50  | out_of_stock | S2 | Ρούχα",
         "S2-M": "Μπλούζα - M | 23  | in_stock | S2 | Ρούχα"}, {"S2"},
    ),
    "XML": (
        """<products><product><title>Mok</title><unique_code>B1</unique_code><price>12,95</price>
        <ean>4006381333931</ean>
        <category>Keuken &gt; Mokken</category><stock>0</stock></product></products>""",
        {"B1": "Mok | 12.95  | out_of_stock |  | Keuken > Mokken"}, set(),
    ),
}  # fmt: skip


def test_parts_that_the_first_products_lack_are_read(write: Write) -> None:
    plain = "".join(f"<SHOPITEM><NAME>N</NAME><CODE>{n}</CODE></SHOPITEM>" for n in range(300))
    variants = "".join(
        f"<VARIANT><CODE>T-{size}</CODE><PARAMETERS><PARAMETER><NAME>Velikost</NAME><VALUE>{size}</VALUE></PARAMETER>"
        "</PARAMETERS></VARIANT>"
        for size in "SM"
    )
    tee = f'<SHOPITEM id="9"><NAME>Tee</NAME><VARIANTS>{variants}</VARIANTS></SHOPITEM>'
    found, products, hidden = _read(write(f"<SHOP>{plain}{tee}</SHOP>", "feed.xml"))
    assert (found, len(products), hidden) == ("Shoptet", 302, {"9"})
    assert (products["T-S"].title, products["T-M"].group_id) == ("Tee - S", "9")


@pytest.mark.parametrize("system", XML)
def test_xml_of_other_systems_has_parts_and_variants_within_products(write: Write, system: str) -> None:
    content, expected, off = XML[system]
    found, products, hidden = _read(write(content, "feed.xml"))
    assert (found, _in_words(products), hidden) == (system, expected, off)
