"""What shops write into cells: markup, entities, null words, stock words, numbers that a spreadsheet has been at."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from support.read_feed import read_feed

from recommender.errors import BadInput
from recommender.feeds.availability import parse_availability
from recommender.feeds.products import ProductObjects
from recommender.feeds.rejections import BadRow
from recommender.types import Availability, Product

Write = Callable[..., Path]


def _one(write: Write, **cells: object) -> tuple[Product, list[str]]:
    """Read one JSON object as a product; return what the report says of it, too."""
    path = write(json.dumps({"sku": "a", "title": "A", **cells}) + "\n", "feed.jsonl")
    (product,), remarks = read_feed(path)
    return product, [f"{remark.field} {remark.what}" for remark in remarks]


IN, OUT, UNKNOWN = Availability.IN_STOCK, Availability.OUT_OF_STOCK, Availability.UNKNOWN


@pytest.mark.parametrize(
    ("availability", "words"),
    [
        (IN, "ja|Oui|sí|да|是|TRUE|Y|1|1e2"),
        (IN, "Lagernd|am Lager|en stock|disponibile|em estoque|op voorraad|w magazynie|skladem|i lager|på lager"),
        (IN, "varastossa|stokta|в наличии|在庫あり|有货|재고 있음|raktáron|în stoc|na zalogi|σε απόθεμα|متوفر|במלאי"),
        (
            IN,
            "12+|> 3|>20|7 Stk.|4 pcs|Auf Lager (8)|In stock (2 items)|nur noch 2|Only 4 left|Son 2 ürün|1.500|残り2点",
        ),
        (
            IN,
            "○|◎|即日発送|在庫あり（5点）|uit voorraad|Lagerware|sofort|ostatnie sztuki|heti varastosta|yra sandėlyje",
        ),
        (OUT, "×|在庫切れ|няма в наличност|nėra sandėlyje|nav noliktavā|läbi müüdud"),
        (IN, "In stock. Order soon|ships in 48 hours|https://schema.org/LimitedAvailability|unlimited|✓"),
        (IN, "sofort lieferbar, Lieferzeit 1-2 Werktage|In stock (ready for dispatch)|disponibilità: 5|有现货"),
        (OUT, "momentan ausverkauft|tijdelijk uitverkocht|временно нет в наличии|nicht auf Lager, in 5 Tagen wieder"),
        (OUT, "nein|Non|no|нет|否|FALSE|N|0|0.0|-2|disabled|0 Stück|Out of stock (0)|0 in stock"),
        (
            OUT,
            "nicht lagernd|derzeit nicht verfügbar|épuisé|agotado|esaurito|esgotado|uitverkocht|brak|slutsåld",
        ),
        (
            OUT,
            "udsolgt|utsolgt|loppu|tükendi|нет в наличии|在庫なし|缺货|품절|elfogyott|schema:OutOfStock|není skladem",
        ),
        (Availability.PREORDER, "Vorbestellung|précommande|предзаказ|予約受付中|https://schema.org/PreOrder"),
        (Availability.BACKORDER, "auf Bestellung|sur commande|под заказ|available for order|取り寄せ"),
        (
            UNKNOWN,
            "parent|visible|250g|2-4 Werktage|Lieferzeit 5 Tage|ab 12.03. lieferbar|fragen Sie uns|12/2026|"
            "in stock, sold out|()|,|2,5 kg|2 - 4 Tage|Lieferzeit - 2",
        ),
    ],
)
def test_stock_words_of_many_languages_and_counts(availability: Availability, words: str) -> None:
    read = {word: parse_availability(word) for word in words.split("|")}
    assert read == dict.fromkeys(read, availability)


def test_a_stock_word_that_cant_be_read_costs_the_stock_alone(write: Write) -> None:
    (product,), remarks = read_feed(write("sku,title,price,stock\na,A,5,ask in the shop\n"))
    assert product == Product("a", "A", price=Decimal(5), availability=UNKNOWN)
    assert [(remark.field, remark.cell, remark.lost) for remark in remarks] == [
        ("availability", "ask in the shop", True)
    ]


@pytest.mark.parametrize(
    ("stock", "availability", "told"),
    [
        ({"quantity": 0}, OUT, []),
        ({"warehouse": 7, "in_stock": True}, IN, []),
        ({"status": "sold out"}, OUT, []),
        ({"warehouse": 7}, UNKNOWN, ["availability can't be read and is left unknown"]),
        (["a", "b"], UNKNOWN, ["availability can't be read and is left unknown"]),
        (None, IN, []),
    ],
)
def test_stock_that_is_an_object_is_read_or_unknown(
    write: Write, stock: object, availability: Availability, told: list[str]
) -> None:
    product, remarks = _one(write, stock=stock)
    assert (product.availability, remarks) == (availability, told)


def test_entities_and_markup_are_decoded_in_every_field_however_often_escaped(write: Write) -> None:
    path = write(
        "sku,title,description,brand,category,url,attribute:colour\n"
        "A&amp;B,Saw &amp; axe,Sharp &amp; light,Fox &amp; Co,Tools &amp; wood &gt; Saws,https://s.example/?a=1&amp;b=2,"
        "Red &amp; blue\n"
        "A&B-2,Saw &amp;amp; axe,<p>Sharp &amp;amp; light</p>,Fox &amp;amp; Co,Tools &amp;amp; wood &amp;gt; Saws,"
        "https://s.example/?a=1&b=2,Red &amp;amp; blue\n"
        "A&B-3,Saw <b>&#38;</b> axe,Sharp &amp; light&lt;br&gt;new,Fox &#x26; Co,Tools & wood > Saws,"
        "https://s.example/?a=1&b=2&copy=3,Red &amp; blue\n"
    )
    first, second, third = read_feed(path)[0]
    for product in (first, second, third):
        assert (product.title, product.brand, product.category) == ("Saw & axe", "Fox & Co", ("Tools & wood", "Saws"))
        assert product.attributes == {"colour": "Red & blue"}
    assert (first.sku, first.url, second.url) == ("A&B", "https://s.example/?a=1&b=2", "https://s.example/?a=1&b=2")
    assert third.url == "https://s.example/?a=1&b=2&copy=3"
    assert [first.description, second.description, third.description] == ["Sharp & light"] * 2 + ["Sharp & light\nnew"]


def test_a_text_is_no_markup_because_it_has_an_angle_bracket(write: Write) -> None:
    product, _ = _one(write, title="Cable < 3 m & 5 > 2", description="a < b\n\nc &#" + "9" * 5000 + "; d")
    assert product.title == "Cable < 3 m & 5 > 2"
    assert product.description.startswith("a < b")


def test_mojibake_is_repaired_where_it_is_certain_and_told(write: Write) -> None:
    product, told = _one(write, title="CafÃ© crÃ¨me â€“ groÃŸ", brand="KÃ¶ln", category="Ð¡Ñ‚Ð¾Ð»Ñ‹")
    assert (product.title, product.brand, product.category) == ("Café crème – groß", "Köln", ("Столы",))
    assert told == [f"{field} held characters of a wrong encoding, which were repaired" for field in ("title", "brand")]
    clean, nothing = _one(write, title="MÃES – Ärmel СССР 5°", brand="Ångström")
    assert (clean.title, clean.brand, nothing) == ("MÃES – Ärmel СССР 5°", "Ångström", [])


@pytest.mark.parametrize("word", ["NULL", "NaN", "None", "n/a", "-", "#N/A", "<NA>", "\\N"])
def test_null_words_are_nothing(write: Write, word: str) -> None:
    header = "sku,title,description,brand,category,price,availability,url,image,parent_id,attribute:colour\n"
    (product,), remarks = read_feed(write(f"{header}a,A{f',{word}' * 9}\n"))
    assert (product, remarks) == (Product("a", "A"), [])
    for row in (f"{word},A", f"a,{word}"):
        with pytest.raises(BadRow, match=r"no (SKU|title)"):
            read_feed(write(f"sku,title\n{row}\n"))


@pytest.mark.parametrize(
    ("cell", "sku"),
    [
        ("100123.0", "100123"), ('="00123"', "00123"), ("'00123", "00123"), ("4.006381333931E+12", "4006381333931"),
        ("Cafe\u0301-1", "Café-1"), ("\u200bX-1\ufeff", "X-1"), ("X\u00a01", "X 1"), ("1.5", "1.5"), ("12E5", "12E5"),
    ],
)  # fmt: skip
def test_a_sku_is_what_it_was_before_a_spreadsheet_and_in_one_form_of_unicode(
    write: Write, cell: str, sku: str
) -> None:
    quoted = cell.replace('"', '""')
    assert read_feed(write(f'sku,title\n"{quoted}",T\n'))[0][0].sku == sku


def test_a_sku_whose_digits_a_spreadsheet_lost_is_told(write: Write) -> None:
    with pytest.raises(BadRow, match="'4,00638E\\+12' is what a spreadsheet makes of a long number"):
        read_feed(write("sku;title\n4,00638E+12;T\n"))


def test_skus_that_are_numbered_with_a_dot_stay(write: Write) -> None:
    assert [product.sku for product in read_feed(write("sku,title\n1.0,A\n1.1,B\n"))[0]] == ["1.0", "1.1"]


def test_what_is_too_long_is_cut_and_told_and_a_file_in_a_cell_is_left_out(write: Write) -> None:
    product, told = _one(
        write, title="T" * 3_000, description="d" * 2_000_000, brand="b" * 500, category="c" * 300,
        image="data:image/png;base64," + "A" * 9_000, url="https://s.example/" + "u" * 9_000, price="ask us",
        group_id="g" * 300, attributes={"size": "s" * 20_000},
    )  # fmt: skip
    assert [len(text) for text in (product.title, product.description, product.brand)] == [2_000, 100_000, 200]
    assert (len(product.category[0]), len(product.attributes["size"])) == (200, 10_000)
    assert (product.image, product.url, product.group_id, product.price) == ("", "", "", None)
    assert len(told) == 9


def test_objects_stand_for_what_names_them(write: Write) -> None:
    product, told = _one(
        write, brand={"id": 3, "name": "Fox"}, category=[{"id": 1, "name": "Tools"}, {"id": 2, "name": "Saws"}],
        images=[{"id": 5, "src": "https://s.example/1.jpg", "name": ""}],
        attributes=[{"name": "Colour", "option": "Red"}],
        price=None,
    )  # fmt: skip
    assert (product.brand, product.image) == ("Fox", "https://s.example/1.jpg")
    assert product.categories == (("Tools",), ("Saws",))
    assert (product.attributes, told) == ({"Colour": "Red"}, [])


@pytest.mark.parametrize(
    ("column", "cell"),
    [("status", "draft"), ("active", "0"), ("Veröffentlicht", "nein"), ("published", "FALSE"), ("status", "gesperrt")],
)
def test_what_a_column_says_is_not_offered_is_left_out(write: Write, column: str, cell: str) -> None:
    products, _ = read_feed(write(f"sku,title,{column}\na,A,{cell}\nb,B,\nc,C,1\n"))
    assert [product.sku for product in products] == ["b", "c"]


@pytest.mark.parametrize(
    "cell", "FALSCH FAUX Não hayır N/A \\N 0000-00-00 00.00.0000 0001-01-01T00:00:00Z NULL - 0 0.0".split()
)
def test_no_and_nothing_where_a_yes_would_hide_a_product_hide_none(write: Write, cell: str) -> None:
    rows = f"a;A;{cell};\nb;B;;{cell}\nc;C;WAHR;\nd;D;;2026-01-02 10:00:00\n"
    products, _ = read_feed(write(f"sku;title;gesperrt;deleted_at\n{rows}"))
    assert [product.sku for product in products] == ["a", "b"]


@pytest.mark.parametrize("no", "FALSCH FAUX Não HAYIR hayır nei nem nu ne όχι いいえ לא لا".split())
def test_no_is_no_in_any_language(write: Write, no: str) -> None:
    products, _ = read_feed(write(f"sku;title;Aktiv\na;A;{no}\nb;B;WAHR\n"))
    assert [product.sku for product in products] == ["b"]
    products, _ = read_feed(write(f"sku;title;price;sale_price;on_sale\na;A;10;4;{no}\nb;B;10;4;VRAI\n"))
    assert [product.price for product in products] == [10, 4]
    stock = f"a;A;0;{no};{no}\nb;B;0;WAHR;WAHR\nc;C;0;WAHR;{no}\n"
    products, _ = read_feed(write(f"sku;title;stock;track_inventory;continue_selling\n{stock}"))
    assert [product.availability for product in products] == [IN, Availability.BACKORDER, OUT]


def test_a_null_or_a_zero_is_no_date_of_publishing(write: Write) -> None:
    products, remarks = read_feed(
        write("sku;title;published_at;active\na;A;2026-01-01;\\N\nb;B;\\N;\nc;C;0000-00-00;1\n")
    )
    assert ([product.sku for product in products], remarks) == (["a"], [])


def test_a_status_that_is_no_known_word_is_told(write: Write) -> None:
    products, remarks = read_feed(write("sku,title,status\na,A,active\nb,B,phase 3\n"))
    assert [product.sku for product in products] == ["a", "b"]
    assert [(remark.field, remark.cell, remark.lost) for remark in remarks] == [("offered", "phase 3", False)]


@pytest.mark.parametrize(
    "header",
    [
        "Artikelnummer;Bezeichnung;Preis;Warengruppe;Hersteller;Lagerbestand",
        "Référence produit;Désignation;Prix TTC;Catégorie;Marque;Quantité",
        "Código artículo;Nombre;Precio;Categoría;Marca;Existencias",
        "Artikelcode;Naam;Prijs;Categorie;Merk;Voorraad",
        "Indeks;Nazwa produktu;Cena brutto;Kategoria;Producent;Ilość",
        "Артикул;Наименование;Цена;Категория;Бренд;Остаток",
        "商品番号;商品名;価格;カテゴリ;ブランド;在庫数",
        "Código;Nombre del producto;Precio (IVA incl.);Categoría;Marca;Existencias",
        "Artikelnr.;Bezeichnung;VK-Preis brutto in EUR;Warengruppe 1;Hersteller;Lagerbestand",
        "Artikelnr;Benämning;Pris inkl. moms;Kategori;Varumärke;Lagersaldo",
        "Artikelnummer;Omschrijving;Prijs incl. BTW;Groep;Merk;Voorraad",
        "Item No.;Description;Unit price USD;Category;Brand;Stock",
        "item_no;title;price_eur;category;brand;stock",
        "SKU;Name 1;Price (€);Category;Brand;Qty",
        "Symbol;Nazwa;Cena brutto;Kategoria;Producent;Stan",
        "رقم المنتج;اسم المنتج;السعر;الفئة;العلامة التجارية;المخزون",
        "كود الصنف;الاسم;سعر البيع;التصنيف;الماركة;الكمية",
        "Κωδικός;Τίτλος;Τιμή με ΦΠΑ;Κατηγορία;Μάρκα;Απόθεμα",
        "מקט;שם המוצר;מחיר;קטגוריה;מותג;מלאי",
        "Mã sản phẩm;Tên sản phẩm;Giá;Danh mục;Thương hiệu;Tồn kho",
        "รหัสสินค้า;ชื่อสินค้า;ราคา;หมวดหมู่;ยี่ห้อ;คงเหลือ",
        "商品編號;商品名稱;售價;商品分類;品牌名稱;庫存",
        "Kode Produk;Nama Produk;Harga;Kategori;Merek;Jumlah Stok",
        "Réf.;Nom du produit;Prix TTC;Rayon;Marque;Quantité en stock",
        "Ref.;Denominación;Precio venta;Familia;Marca;Cantidad en stock",
        "SKU;Título;Preço de venda;Categoria;Marca;Quantidade em estoque",
        "Artikelcode;Productnaam;Verkoopprijs;Categorie;Merk;Aantal op voorraad",
        "Art.nr;Produktnamn;Ordinarie pris;Kategori;Varumärke;Antal i lager",
        "Produkt-ID;Artikelname;Preis/Stk;Produkttyp;Marke;Menge auf Lager",
        "Kód zboží;Název zboží;Cena s DPH;Kategorie;Značka;Počet kusů skladem",
        "Kód;Názov;Cena s DPH;Kategória;Výrobca;Na sklade",
        "Numer katalogowy;Tytuł;Cena sprzedaży;Kategoria;Marka;Dostępna ilość",
        "Код;Номенклатура;Розничная цена;Группа;Бренд;Количество на складе",
        "Артикул;Название;Цена;Раздел;Бренд;Кол-во",
        "Код товару;Назва товару;Ціна;Категорія;Бренд;Кількість",
        "货号;名称;销售价;类目;品牌;库存数量",
        "品番;商品名;税込価格;カテゴリー;メーカー;在庫数量",
        "Ürün No;Başlık;Fiyat (KDV Dahil);Kategori;Marka;Stok Miktarı",
        "Tuotetunnus;Tuotteen nimi;Verollinen hinta;Tuoteryhmä;Tuotemerkki;Varastossa",
        "Termékkód;Termék neve;Bruttó ár;Termékkategória;Márka;Készlet",
        "Cod produs;Denumire;Preț cu TVA;Categorie;Producător;Stoc",
        "Код;Име;Цена;Категория;Марка;Наличност",
        "Šifra;Naziv;Cijena;Kategorija;Proizvođač;Zaliha",
    ],
)
def test_columns_are_recognised_in_the_languages_of_shops(write: Write, header: str) -> None:
    (product,), _ = read_feed(write(f"{header}\nA-1;Kettle;1.299,00;Home > Kitchen;Alder;0\n"))
    named = "USD" if "USD" in header else "EUR" if {"EUR", "€", "eur"} & set(re.findall(r"[^\W_]+|€", header)) else ""
    assert product == Product("A-1", "Kettle", "", "Alder", ("Home", "Kitchen"), Decimal(1299), named, availability=OUT)


def test_a_group_is_recognised_by_its_name_in_turkish(write: Write) -> None:
    (product,), _ = read_feed(write("Stok Kodu;Ürün Adı;Grup Kodu\nA-1;Bot;G-7\n"))
    assert product.group_id == "G-7"


def test_a_price_without_taxes_counts_only_where_no_other_does(write: Write) -> None:
    (product,), _ = read_feed(write("sku;title;Preis netto;Preis brutto\na;A;10;11,90\n"))
    assert product.price == Decimal("11.90")


def test_a_column_for_each_size_is_not_the_stock(write: Write) -> None:
    (product,), _ = read_feed(write("sku;title;Stock S;Stock M\na;A;0;5\n"))
    assert product.availability is IN


def test_a_caller_who_writes_one_product_is_told_what_a_feed_goes_on_without() -> None:
    with pytest.raises(BadInput, match="price 'ask us' is not a number"):
        ProductObjects().product({"sku": "a", "title": "A", "price": "ask us"})
    assert ProductObjects().product({"sku": "a", "title": "A &amp; B", "status": "draft"}).title == "A & B"


@pytest.mark.parametrize(
    ("header", "stock"),
    [
        ("Артикул;Наименование;Цена, руб.;Остаток;Штрихкод;Производитель", "Нет"),
        ("商品コード;商品名;販売価格（税込）;在庫数;JANコード;メーカー", "在庫切れ"),
        ("Tuotekoodi;Tuotenimi;Hinta (sis. alv);Varastosaldo;EAN;Valmistaja", "Loppu"),
        ("Kód;Názov;Cena s DPH;Dostupnosť;Čiarový kód;Výrobca", "Vypredané"),
        ("Ürün Kodu;Ürün Adı;Satış Fiyatı (KDV Dahil);Stok Adedi;Barkod;Marka", "Tükendi"),
        ("Código;Producto;Precio de venta;Existencias;Código de barras;Marca", "Agotado"),
        ("Kod produktu;Nazwa;Cena brutto;Stan;Kod EAN;Producent", "brak"),
        ("Artikelcode;Naam;Prijs (incl. btw);Op voorraad;EAN-code;Merk", "Nee"),
    ],
)
def test_columns_of_other_languages_with_what_they_say_of_taxes(write: Write, header: str, stock: str) -> None:
    (product,), _ = read_feed(write(f"{header}\nA-1;Ä;1 290,50;{stock};4006381333931;Acme\n"))
    currency = "RUB" if "руб" in header else ""
    assert product == Product(
        "A-1", "Ä", "", "Acme", (), Decimal("1290.50"), currency, availability=OUT, gtin="4006381333931"
    )


def test_each_column_that_says_so_may_take_a_product_off_sale(write: Write) -> None:
    table = "sku,title,price,status,published\na,A,1,enabled,1\nb,B,1,enabled,0\nc,C,1,draft,1\nd,D,1,,\n"
    products, _ = read_feed(write(table))
    assert [product.sku for product in products] == ["a", "d"]


def test_names_of_columns_with_signs_levels_and_two_prices(write: Write) -> None:
    table = (
        "Item #;Item Name;List price;Selling price;Stock_qty;category_l1;category_l2;EAN\n7;A;2,00;1,50;0;Home;Mugs;0\n"
    )
    products, _ = read_feed(write(table))
    assert products == [Product("7", "A", category=("Home", "Mugs"), price=Decimal("1.50"), availability=OUT)]


def test_a_sale_that_is_over_or_none_and_a_list_of_images(write: Write) -> None:
    table = (
        "sku;title;price;sale price;sale ends;images\n"
        'a;A;10;4;1/31/2020;["https://a.b/1.jpg", "https://a.b/2.jpg"]\n'
        "b;B;10;N/A;;//a.b/1.jpg,//a.b/2.jpg\n"
        "c;C;10;4;12/31/2036;// no image\n"
    )
    products, remarks = read_feed(write(table))
    assert [product.price for product in products] == [10, 10, 4]
    assert [product.image for product in products] == ["https://a.b/1.jpg", "https://a.b/1.jpg", "// no image"]
    assert remarks == []


@pytest.mark.parametrize(
    "dates",
    [
        "promo from;promo to", "Aktion ab;Aktion bis", "gültig ab;gültig bis", "date début promo;date fin promo",
        "sale_price_dates_from;sale_price_dates_to", "offer start;offer end", "oferta desde;oferta hasta",
        "start date;end date",
    ],
)  # fmt: skip
def test_a_sale_counts_between_its_dates_whatever_their_columns_are_called(write: Write, dates: str) -> None:
    table = f"sku;title;price;sale price;{dates}\na;A;10;4;2020-01-01;2020-12-31\nb;B;10;4;2020-01-01;2036-12-31\n"
    products, _ = read_feed(write(table))
    assert [product.price for product in products] == [10, 4]


def test_the_column_of_a_price_may_name_its_currency_and_its_taxes(write: Write) -> None:
    products, _ = read_feed(write("sku;title;Price EUR\na;A;12,10\nb;B;$12.10\n"))
    assert [product.currency for product in products] == ["EUR", "USD"]
    products, _ = read_feed(write("sku;title;price;vat;price_incl_vat\na;A;10;21;12,10\n", "taxes.csv"))
    assert products[0].price == Decimal("12.10")
