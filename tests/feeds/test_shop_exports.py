from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import BadFeed
from recommender.feeds.formats import FeedFormat, open_feed
from recommender.feeds.products import product_of
from recommender.feeds.rejections import BadRow
from recommender.types import Availability, Product

Write = Callable[..., Path]


def _table(header: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, header, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _read(path: Path, **options: Any) -> tuple[dict[str, Product | str], tuple[str, ...]]:
    """Read a feed: by SKU the product, by line the reason why it is rejected, and the SKUs that are withdrawn."""
    found: dict[str, Product | str] = {}
    with open_feed(path, **options) as feed:
        for row in feed.rows():
            try:
                product = product_of(row)
                found[product.sku] = product
            except BadRow as error:
                found[f"line {row.line}"] = str(error)
        return found, feed.withdrawn


SHOPIFY = [
    "Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published", "Option1 Name",
    "Option1 Value", "Option2 Name", "Option2 Value", "Variant SKU", "Variant Inventory Tracker",
    "Variant Inventory Qty", "Variant Inventory Policy", "Variant Price", "Image Src", "Image Position",
    "Variant Image", "Status",
]  # fmt: skip
NEW_NAMES = {
    "Handle": "URL handle", "Body (HTML)": "Description", "Product Category": "Product category",
    "Published": "Published on online store", "Option1 Name": "Option1 name", "Option1 Value": "Option1 value",
    "Option2 Name": "Option2 name", "Option2 Value": "Option2 value", "Variant SKU": "SKU",
    "Variant Inventory Tracker": "Inventory tracker", "Variant Inventory Qty": "Inventory quantity",
    "Variant Inventory Policy": "Continue selling when out of stock", "Variant Price": "Price",
    "Image Src": "Product image URL", "Image Position": "Image position", "Variant Image": "Variant image URL",
}  # fmt: skip
TEE = {
    "Handle": "tee", "Title": "Tee", "Body (HTML)": "<p>Soft</p>", "Vendor": "Acme", "Type": "Shirts",
    "Product Category": "Apparel & Accessories > Clothing", "Published": "true", "Option1 Name": "Color",
    "Option1 Value": "Red", "Option2 Name": "Size", "Option2 Value": "S", "Variant SKU": "'007",
    "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "3", "Variant Inventory Policy": "deny",
    "Variant Price": "19.99", "Image Src": "1.jpg", "Image Position": "1", "Status": "active",
}  # fmt: skip


def _shopify(*rows: dict[str, str], new: bool = False) -> str:
    if not new:
        return _table(SHOPIFY, rows)
    named = [{NEW_NAMES.get(name, name): cell for name, cell in row.items()} for row in rows]
    policy = "Continue selling when out of stock"
    policies = {"deny": "FALSE", "continue": "TRUE"}
    converted = [row | ({policy: policies[row[policy]]} if policy in row else {}) for row in named]
    return _table([NEW_NAMES.get(name, name) for name in SHOPIFY], converted)


@pytest.mark.parametrize("new", [False, True])
def test_each_variant_of_shopify_is_a_product_with_what_the_first_row_says(write: Write, new: bool) -> None:
    variant = {"Handle": "tee", "Option1 Value": "Blue", "Option2 Value": "M", "Variant Inventory Tracker": "shopify"}
    out = variant | {"Variant Inventory Qty": "0", "Variant Inventory Policy": "deny", "Variant Price": "21"}
    sells_on = out | {"Option2 Value": "L", "Variant Inventory Policy": "continue", "Variant Image": "blue.jpg"}
    untracked = out | {"Option2 Value": "XL", "Variant Inventory Tracker": ""}
    image = {"Handle": "tee", "Image Src": "2.jpg", "Image Position": "2"}
    cap = {"Handle": "cap", "Title": "Cap", "Option1 Name": "Title", "Option1 Value": "Default Title", "Type": "Hats"}
    content = _shopify(TEE, out, sells_on, untracked, image, cap | {"Product Category": "Uncategorized"}, new=new)
    found, withdrawn = _read(write(content))
    assert withdrawn == ()
    assert list(found) == ["007", "tee/Blue/M", "tee/Blue/L", "tee/Blue/XL", "cap"]
    category = ("Apparel & Accessories", "Clothing")
    assert found["007"] == Product(
        "007", "Tee - Red / S", "Soft", "Acme", category, Decimal("19.99"), image="1.jpg", group_id="tee",
        attributes={"Color": "Red", "Size": "S"},
    )  # fmt: skip
    products = {sku: product for sku, product in found.items() if isinstance(product, Product)}
    blue = products["tee/Blue/M"]
    assert (blue.title, blue.brand, blue.category, blue.price) == ("Tee - Blue / M", "Acme", category, 21)
    assert (blue.availability, blue.image, blue.group_id) == (Availability.OUT_OF_STOCK, "1.jpg", "tee")
    assert products["tee/Blue/L"].availability is products["tee/Blue/XL"].availability is Availability.IN_STOCK
    assert products["tee/Blue/L"].image == "blue.jpg"
    cap_product = products["cap"]
    assert (cap_product.title, cap_product.attributes, cap_product.category) == ("Cap", {}, ("Hats",))


@pytest.mark.parametrize(
    "stated",
    [
        {"Status": "draft"},
        {"Status": "archived"},
        {"Status": "unlisted"},
        {"Published": "false"},
        {"Published": "FAUX"},
    ],
)
def test_what_shopify_does_not_show_is_withdrawn_with_its_variants(write: Write, stated: dict[str, str]) -> None:
    variant = {"Handle": "tee", "Option1 Value": "Blue", "Variant SKU": "t2", "Variant Price": "1"}
    other = TEE | {"Handle": "other", "Variant SKU": "o1"}
    found, withdrawn = _read(write(_shopify(TEE | stated, variant, other)))
    assert list(found) == ["o1"]
    assert withdrawn == ("007", "t2")


def test_a_variant_without_its_first_row_is_rejected_and_the_rest_goes_in(write: Write) -> None:
    lost = {"Handle": "lost", "Option1 Value": "Blue", "Variant SKU": "x", "Variant Price": "1"}
    found, _ = _read(write(_shopify(lost, TEE)))
    assert found["line 2"] == "no title: the row that begins the product 'lost' is not before it"
    assert list(found) == ["line 2", "007"]


def test_shopify_is_read_as_a_plain_table_when_asked_to(write: Write) -> None:
    path = write(_shopify(TEE))
    found, _ = _read(path, feed_format=FeedFormat.CSV)
    assert [product.title for product in found.values() if isinstance(product, Product)] == ["Tee"]
    with pytest.raises(BadFeed, match="is not an export of Shopify: no column for the handle among 'sku', 'title'"):
        _read(write("sku,title\na,A\n", "other.csv"), feed_format=FeedFormat.SHOPIFY)
    found, _ = _read(path, mapping={"category": "Type", "sku": "Handle"})
    assert isinstance(found["tee"], Product)
    assert found["tee"].category == ("Shirts",)
    found, _ = _read(path, mapping={"attribute:kind": "Type"})
    assert isinstance(found["007"], Product)
    assert found["007"].attributes["kind"] == "Shirts"
    with pytest.raises(BadFeed, match="no column 'x' for --map brand=x"):
        _read(path, mapping={"brand": "x"})


WOO = [
    "ID", "Type", "SKU", "Name", "Published", "Visibility in catalog", "Short description", "Description",
    "Date sale price starts", "Date sale price ends", "In stock?", "Stock", "Sale price", "Regular price",
    "Categories", "Images", "Parent", "External URL", "Attribute 1 name", "Attribute 1 value(s)",
    "Attribute 2 name", "Attribute 2 value(s)",
]  # fmt: skip
HOODIE = {
    "ID": "45", "Type": "variable", "SKU": "hoodie", "Name": "Hoodie", "Published": "1", "In stock?": "1",
    "Visibility in catalog": "visible", "Short description": "Warm", "Description": "Warm and soft",
    "Categories": "Sale, Clothing &gt; Hoodies, Clothing", "Images": "https://s.example/1,2.jpg, https://s.example/3.jpg",
    "Attribute 1 name": "Color", "Attribute 1 value(s)": "Blue, Red", "Attribute 2 name": "Material",
    "Attribute 2 value(s)": r"Cotton\, washed, Wool",
}  # fmt: skip
RED = {
    "ID": "79", "Type": "variation", "SKU": "hoodie-red", "Name": "Hoodie - Red", "Published": "1", "In stock?": "1",
    "Sale price": "42", "Regular price": "45", "Parent": "hoodie", "Attribute 1 name": "Color",
    "Attribute 1 value(s)": "Red",
}  # fmt: skip
CAP = {"ID": "60", "Type": "simple, virtual", "SKU": "cap", "Name": "Cap", "Published": "1", "Regular price": "18"}


@pytest.mark.parametrize("turned", [False, True])
def test_variations_of_woocommerce_inherit_from_a_parent_before_or_behind_them(write: Write, turned: bool) -> None:
    blue = RED | {"ID": "81", "SKU": "", "Name": "", "Description": "Blue one", "In stock?": "0", "Parent": "id:45",
                  "Attribute 1 value(s)": "Blue", "Sale price": "50"}  # fmt: skip
    rows = [HOODIE, CAP | {"In stock?": "backorder"}, RED, blue]
    found, withdrawn = _read(write(_table(WOO, rows[::-1] if turned else rows)))
    assert sorted(found) == ["cap", "hoodie-red", "id:81"]
    assert withdrawn == ("hoodie",)
    attributes = {"Color": "Red", "Material": "Cotton, washed, Wool"}
    assert found["hoodie-red"] == Product(
        "hoodie-red", "Hoodie - Red", "Warm and soft", "", ("Clothing", "Hoodies"), Decimal(42), "",
        Availability.IN_STOCK, "", "https://s.example/1,2.jpg", "hoodie", attributes,
        other_categories=(("Sale",),),
    )  # fmt: skip
    products = {sku: product for sku, product in found.items() if isinstance(product, Product)}
    other = products["id:81"]
    assert (other.title, other.description, other.price) == ("Hoodie - Blue", "Blue one", 45)
    assert (other.availability, other.group_id) == (Availability.OUT_OF_STOCK, "hoodie")
    cap = products["cap"]
    assert (cap.availability, cap.group_id, cap.price) == (Availability.BACKORDER, "", 18)


@pytest.mark.parametrize("stated", [{"Published": "-1"}, {"Published": "0"}, {"Visibility in catalog": "hidden"}])
def test_what_woocommerce_does_not_show_is_withdrawn_with_its_variations(write: Write, stated: dict[str, str]) -> None:
    found, withdrawn = _read(write(_table(WOO, [CAP | stated, RED, HOODIE | stated])))
    assert found == {}
    assert withdrawn == ("cap", "hoodie-red", "hoodie")


def test_barcodes_of_shop_exports_are_read(write: Write) -> None:
    header = [*WOO, "GTIN, UPC, EAN, or ISBN"]
    feed = _table(header, [CAP | {"GTIN, UPC, EAN, or ISBN": "4006381333931"}])
    assert _gtins(write(feed)) == ["4006381333931"]
    header = [*SHOPIFY, "Variant Barcode"]
    assert _gtins(write(_table(header, [TEE | {"Variant Barcode": "'0012345678905"}]))) == ["0012345678905"]


def _gtins(path: Path) -> list[str]:
    found, _ = _read(path)
    return [product.gtin for product in found.values() if isinstance(product, Product)]


def test_other_kinds_of_woocommerce(write: Write) -> None:
    alone = HOODIE | {"SKU": "alone", "ID": "90"}
    grouped = CAP | {"Type": "grouped", "SKU": "set", "Regular price": ""}
    external = CAP | {"Type": "external", "SKU": "away", "External URL": "https://other.example/1"}
    ended = CAP | {"SKU": "ended", "Sale price": "9", "Date sale price ends": "2001-01-01"}
    orphan = RED | {"SKU": "orphan", "Name": "", "Parent": "gone"}
    bad = CAP | {"SKU": "bad", "Sale price": "cheap"}
    found, withdrawn = _read(write(_table(WOO, [alone, grouped, external, ended, orphan, bad])))
    assert withdrawn == ()
    assert list(found) == ["alone", "set", "away", "ended", "line 6", "bad"]
    products = [product for product in found.values() if isinstance(product, Product)]
    assert (products[2].url, products[3].price) == ("https://other.example/1", 18)
    assert found["line 6"] == "no name, and its parent 'gone' is not in the file"
    assert products[4].price == 18


def test_a_shop_export_that_is_cut_off_says_so(write: Write) -> None:
    for content in (_shopify(TEE, TEE | {"Handle": "b", "Variant SKU": "b"}), _table(WOO, [CAP, CAP | {"SKU": "b"}])):
        with open_feed(write(content)) as feed:
            assert not list(feed.rows())[-1].problem
            assert feed.early_end == ""
        with open_feed(write(content.rstrip()[:-40])) as feed:
            last = list(feed.rows())[-1]
            assert last.problem
            assert last.problem in feed.early_end


def test_a_column_that_is_read_may_not_stand_twice(write: Write) -> None:
    with pytest.raises(BadFeed, match="the column 'Variant SKU' stands there twice"):
        _read(write(_shopify(TEE).replace("Image Position", "Variant SKU", 1)))


GERMAN = {
    "ID": "ID", "Type": "Typ", "SKU": "Artikelnummer", "Name": "Name", "Published": "Veröffentlicht",
    "Visibility in catalog": "Sichtbarkeit im Katalog", "Short description": "Kurzbeschreibung",
    "Description": "Beschreibung", "Date sale price starts": "Datum, an dem Angebotspreis beginnt",
    "Date sale price ends": "Datum, an dem Angebotspreis endet", "In stock?": "Vorrätig?", "Stock": "Lager",
    "Sale price": "Angebotspreis", "Regular price": "Regulärer Preis", "Categories": "Kategorien", "Images": "Bilder",
    "Parent": "Übergeordnet", "External URL": "Externe URL", "Attribute 1 name": "Attribut 1 Name",
    "Attribute 1 value(s)": "Attribut 1 Wert(e)", "Attribute 2 name": "Attribut 2 Name",
    "Attribute 2 value(s)": "Attribut 2 Wert(e)",
}  # fmt: skip
DUTCH = GERMAN | {
    "Type": "Type", "SKU": "Artikelnummer", "Name": "Naam", "Published": "Gepubliceerd",
    "Visibility in catalog": "Zichtbaarheid in catalogus", "Description": "Beschrijving", "In stock?": "Op voorraad?",
    "Stock": "Voorraad", "Sale price": "Actieprijs", "Regular price": "Reguliere prijs", "Categories": "Categorieën",
    "Images": "Afbeeldingen", "Parent": "Hoofd", "Attribute 1 name": "Naam eigenschap 1",
    "Attribute 1 value(s)": "Waarde eigenschap 1", "Attribute 2 name": "Naam eigenschap 2",
    "Attribute 2 value(s)": "Waarde eigenschap 2", "Short description": "Korte beschrijving",
}  # fmt: skip
POLISH = GERMAN | {
    "Type": "Typ", "SKU": "SKU", "Name": "Nazwa", "Published": "Opublikowano", "Description": "Opis",
    "Visibility in catalog": "Widoczność w katalogu", "In stock?": "W magazynie?", "Stock": "Stan magazynowy",
    "Sale price": "Cena promocyjna", "Regular price": "Cena", "Categories": "Kategorie", "Images": "Obrazki",
    "Parent": "Element nadrzędny", "Attribute 1 name": "Nazwa atrybutu 1", "Short description": "Krótki opis",
    "Attribute 1 value(s)": "Wartości atrybutu 1", "Attribute 2 name": "Nazwa atrybutu 2",
    "Attribute 2 value(s)": "Wartości atrybutu 2",
}  # fmt: skip


@pytest.mark.parametrize("names", [GERMAN, DUTCH, POLISH])
def test_woocommerce_is_recognised_in_the_language_of_the_shop(write: Write, names: dict[str, str]) -> None:
    rows = [HOODIE, CAP | {"In stock?": "0"}, RED, CAP | {"SKU": "draft", "Published": "0"}]
    local = _table([names[name] for name in WOO], [{names[k]: cell for k, cell in row.items()} for row in rows])
    assert _read(write(local)) == _read(write(_table(WOO, rows), "english.csv"))


MAGENTO = [
    "sku", "store_view_code", "attribute_set_code", "product_type", "categories", "name", "description",
    "product_online", "visibility", "price", "special_price", "qty", "is_in_stock", "additional_attributes",
    "configurable_variations",
]  # fmt: skip


def test_magento_groups_variants_and_leaves_out_what_the_shop_does_not_show(write: Write) -> None:
    lamp = {
        "sku": "lamp", "attribute_set_code": "Default", "product_type": "configurable", "name": "Lamp",
        "categories": "Default Category/Light,Default Category/Light/Desk, floor", "product_online": "1",
        "visibility": "Catalog, Search", "description": "Bright", "price": "40", "is_in_stock": "1",
        "configurable_variations": "sku=lamp-red,colour=Red|sku=lamp-blue,colour=Blue",
    }  # fmt: skip
    hidden = {"product_type": "simple", "product_online": "1", "visibility": "Not Visible Individually", "qty": "2"}
    red = hidden | {"sku": "lamp-red", "name": "Lamp red", "price": "42",
                    "additional_attributes": "colour=Red,manufacturer=Alder,fits=a|b"}  # fmt: skip
    blue = hidden | {"sku": "lamp-blue", "name": "Lamp blue", "price": "44", "special_price": "39"}
    stray = hidden | {"sku": "stray", "name": "No configurable shows it"}
    off = lamp | {"sku": "off", "product_online": "2", "configurable_variations": ""}
    french = {"sku": "lamp", "store_view_code": "fr", "name": "Lampe"}
    only_french = {"sku": "pot", "store_view_code": "fr", "product_type": "simple", "name": "Pot", "price": "5"}
    found, withdrawn = _read(write(_table(MAGENTO, [red, lamp, blue, stray, off, french, only_french, only_french])))
    products = {sku: product for sku, product in found.items() if isinstance(product, Product)}
    assert sorted(products) == sorted(found) == ["lamp", "lamp-blue", "lamp-red", "pot"]
    assert withdrawn == ("stray", "off")
    assert {sku: product.group_id for sku, product in products.items()} == {
        "lamp": "lamp", "lamp-red": "lamp", "lamp-blue": "lamp", "pot": "",
    }  # fmt: skip
    variant = products["lamp-red"]
    assert (variant.brand, variant.category, variant.description) == ("Alder", ("Light", "Desk, floor"), "Bright")
    assert (variant.attributes, variant.price) == ({"colour": "Red", "fits": "a, b"}, 42)
    assert (products["lamp-blue"].price, products["lamp"].title, products["pot"].title) == (39, "Lamp", "Pot")


def test_magento_1_continues_below_a_product_with_its_categories_and_translations(write: Write) -> None:
    rows = """sku,_store,_attribute_set,_type,_category,_root_category,name,price,status,visibility,qty
M,,Default,simple,Kitchen/Mugs,Root,Mug,12,1,4,3
,,,,Sale,Root,,,,,
,de,,,,,Becher,,,,
,,Default,simple,,,Nameless,12,1,4,3
"""
    found, _ = _read(write(rows))
    mug = found.pop("M")
    assert isinstance(mug, Product)
    assert (mug.title, mug.category, mug.other_categories) == ("Mug", ("Kitchen", "Mugs"), (("Sale",),))
    assert found == {"line 5": "no SKU"}


def test_the_list_of_products_in_the_administration_of_magento_has_a_quantity(write: Write) -> None:
    rows = """ID,Name,Type,Attribute Set,SKU,Price,Quantity,Visibility,Status
1,Bag,Simple Product,Bag,B-1,$34.00,0,"Catalog, Search",Enabled
2,Old,Simple Product,Bag,B-2,$34.00,3,"Catalog, Search",Disabled
"""
    found, withdrawn = _read(write(rows))
    bag = found["B-1"]
    assert isinstance(bag, Product)
    assert (bag.price, bag.availability, withdrawn) == (34, Availability.OUT_OF_STOCK, ("B-2",))


def test_prestashop_is_read_by_its_reference_with_the_price_that_customers_pay(write: Write) -> None:
    header = "ID;Actif (0/1);Nom *;Catégories (x,y,z...);Prix HT;Prix TTC;Référence n°;Marque;EAN13;Quantité;Résumé\n"
    rows = (
        "7;1;Bol;Accueil,Cuisine,Bols;10,00;12,00;B-7;Studio;4006381333931;0;Rond\n8;0;Vase;Accueil;1,00;1,20;V;;;;\n"
    )
    found, withdrawn = _read(write(header + rows))
    assert withdrawn == ("V",)
    assert found == {
        "B-7": Product("B-7", "Bol", "Rond", "Studio", ("Cuisine", "Bols"), Decimal("12.00"),
                       availability=Availability.OUT_OF_STOCK, gtin="4006381333931"),
    }  # fmt: skip


def test_a_field_without_a_column_is_not_read(write: Write) -> None:
    found, _ = _read(write(_table(WOO, [CAP | {"In stock?": "0"}])), mapping={"price": "", "availability": ""})
    assert found["cap"] == Product("cap", "Cap")
    plain, _ = _read(write("sku,title,stock\na,A,0\n", "plain.csv"), mapping={"availability": ""})
    assert plain["a"] == Product("a", "A")


def test_woocommerce_in_a_language_that_is_not_known_is_refused_with_what_to_do(write: Write) -> None:
    path = write("ID,Uri,Kodas,Name,Hind\n1,simple,EE-1,Kruus,5\n2,variation,EE-2,Kruus S,6\n")
    with pytest.raises(BadFeed, match=r"an export of WooCommerce.*'Uri' holds simple, variation.*--format csv"):
        _read(path)
    found, _ = _read(path, feed_format=FeedFormat.CSV, mapping={"sku": "Kodas", "price": "Hind"})
    assert list(found) == ["EE-1", "EE-2"]


def test_the_stock_of_shopify_without_prices_is_no_export_of_its_products(write: Write) -> None:
    inventory = "Handle,Title,Option1 Name,Option1 Value,SKU,Location,On hand (current)\ntee,Tee,Size,S,T-S,Main,5\n"
    with pytest.raises(BadFeed, match="not an export of Shopify: no column for the price"):
        _read(write(inventory))


def test_the_variants_of_shopify_without_their_titles_are_no_table_whose_texts_are_titles(write: Write) -> None:
    with pytest.raises(BadFeed, match="not an export of Shopify: no column for the title"):
        _read(write("Handle,Variant SKU,Variant Price,Body (HTML)\ntee,T-S,5,<p>Of cotton</p>\n"))
