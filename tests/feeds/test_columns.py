"""Columns of no system that is known: which field each is read as, and what is told of those that are in doubt."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from support.read_feed import read_feed

from recommender.errors import BadFeed
from recommender.feeds.formats import open_feed
from recommender.types import Availability

Write = Callable[..., Path]


EXPORTS = {
    "Trendyol": (
        "Barkod;Model Kodu;Marka;Kategori İsmi;Tedarikçi Stok Kodu;Ürün Adı;Trendyol'da Satılacak Fiyat (KDV Dahil)",
        "869000;MD1;Moda;Elbise;STK-1;Elbise;299,90",
        "STK-1 | Elbise | Elbise | 299.90 | MD1",
    ),
    "Gomag": (
        "Cod Produs (SKU),Denumire Produs,Pret,Pret Special,Moneda,Stoc Cantitativ,Categorie / Categorii",
        'R-1,Cafetiera,"399,99","349,99",RON,0,Casa > Cafea',
        "R-1 | Cafetiera | Casa > Cafea | 349.99 RON | ",
    ),
    "Salla": (
        "أسم المنتج,تصنيف المنتج,سعر المنتج,رمز المنتج sku,السعر المخفض,تاريخ بداية التخفيض,تاريخ نهاية التخفيض",
        "قميص,ملابس > قمصان,120,TEE,99,2020-01-01,2020-02-01",
        "TEE | قميص | ملابس > قمصان | 120 | ",
    ),
    "Coupang": (
        "업체상품 ID,Product ID,옵션 ID,업체 등록 상품명,판매가격,판매상태,카테고리",
        "1001,2001,3001,면 티셔츠,20000,판매중,패션>티셔츠",
        "3001 | 면 티셔츠 | 패션 > 티셔츠 | 20000 | 1001",
    ),
    "Bitrix": (
        "IE_XML_ID;IE_NAME;IE_ACTIVE;IC_GROUP0;IC_GROUP1;CP_QUANTITY;CV_PRICE_1;CV_CURRENCY_1",
        "17;Ботинки;Y;Обувь;Зимняя;0;5490.00;RUB",
        "17 | Ботинки | Обувь > Зимняя | 5490.00 RUB | ",
    ),
    "1C": (
        "Артикул;Номенклатура;Номенклатурная группа;Розничная цена, руб.;Остаток на складе",
        "BT-1;Ботинки;Обувь;5 490,00;0",
        "BT-1 | Ботинки | Обувь | 5490.00 RUB | ",
    ),
    "Zoho": (
        "Item Name,SKU,Tax Name,Tax Code,VAT Category,EUR value of stock,EUR stock",
        "Desk Lamp,ZL-1,VAT 20%,T1,Standard,0,0",
        "ZL-1 | Desk Lamp |  | None | ",
    ),
    "Google in Polish": (
        "identyfikator\ttytuł\tcena\trodzaj produktu\tidentyfikator grupy elementów\tmpn",
        "1\tBut\t99,95 PLN\tButy > Bieganie\tG1\tL1",
        "1 | But | Buty > Bieganie | 99.95 PLN | G1",
    ),
    "Google in Spanish": (
        "id\ttítulo\tprecio\ttipo de producto\tid grupo de artículos\tcategoría de producto de google",
        "1\tZapatilla\t99,95 EUR\tZapatos > Correr\tG1\t187",
        "1 | Zapatilla | Zapatos > Correr | 99.95 EUR | G1",
    ),
    "Árukereső": (
        "identifier;name;price;category;ProductNumber", "A1;Fúró;29990;Szerszám > Fúrók;GSB-13",
        "A1 | Fúró | Szerszám > Fúrók | 29990 | ",
    ),
    "billiger.de": (
        "aid;name;price;desc;shop_cat;mpn", "B1;Schrauber;89,90;stark;Werkzeug > Bohrer;GSR",
        "B1 | Schrauber | Werkzeug > Bohrer | 89.90 | ",
    ),
    "Faire": (
        "Product Name (English),Product Token,Product Type,USD Unit Wholesale Price,USD Unit Retail Price,SKU",
        "Candle,p_1,Candles,8.00,16.00,CAN-1",
        "CAN-1 | Candle | Candles | 16.00 USD | p_1",
    ),
    "Amazon's template": (
        "SKU,Product Type,Item Name,Manufacturer,List Price,Your Price USD (Sell on Amazon),Parent SKU",
        "SH-1,SHOES,Trail Shoe,Acme,120.00,99.95,SH-P",
        "SH-1 | Trail Shoe | SHOES | 99.95 USD | SH-P",
    ),
    "Flipkart": (
        "Product Title,Seller SKU Id,MRP,Your Selling Price", "Kurta,KUR-1,1999,799", "KUR-1 | Kurta |  | 799 | ",
    ),
    "Wildberries": (
        "Категория;Артикул WB;Артикул продавца;Текущая цена;Цена со скидкой;Наименование",
        "Чайники;123456;ART-1;4990;2495;Чайник",
        "ART-1 | Чайник | Чайники | 2495 | ",
    ),
    "Tray": (
        "Código produto;Referência;Nome produto;Categoria;Preço venda", "10;CAM-1;Camiseta;Roupas;59,90",
        "CAM-1 | Camiseta | Roupas | 59.90 | ",
    ),
    "Joom": (
        "Product SKU,Name,Variant SKU,Price,Currency", "J-1,Socks,J-1-R,3.50,USD", "J-1-R | Socks |  | 3.50 USD | J-1",
    ),
    "Joom without variants": (
        "Product SKU,Name,Variant SKU,Price,Currency", "J-1,Socks,,3.50,USD", "J-1 | Socks |  | 3.50 USD | J-1",
    ),
    "a shop whose products have a number besides": (
        "Product SKU,Variation ID,Product ID,Name", "A-1,11,1,Tee", "A-1 | Tee |  | None | 1",
    ),
    "a system with an identifier of its own": (
        "identifier;Artikelnummer;Name;Preis EUR;currency_id", "7f3a;A-1;Tee;5,00;1", "A-1 | Tee |  | 5.00 EUR | ",
    ),
    "Naver": (
        "id\ttitle\tprice_pc\tprice_mobile\tnormal_price\tcategory_name1\tcategory_name2\tgroup_id",
        "N1\t운동화\t39000\t38000\t59000\t신발\t운동화\tG1",
        "N1 | 운동화 | 신발 > 운동화 | 39000 | G1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("system", EXPORTS)
def test_the_headings_of_an_export_are_known(write: Write, system: str) -> None:
    header, row, expected = EXPORTS[system]
    (one,), _ = read_feed(write(f"{header}\n{row}\n"))
    price = f"{one.price} {one.currency}".strip()
    assert f"{one.sku} | {one.title} | {' > '.join(one.category)} | {price} | {one.group_id}" == expected


@pytest.mark.parametrize(
    "header",
    [
        "Cikkszám;Terméknév;Engedélyezett", "Cod Produs (SKU);Denumire Produs;Activ in Magazin",
        "Mã hàng;Tên hàng;Đang kinh doanh", "IE_XML_ID;IE_NAME;IE_ACTIVE", "Артикул;Название;Активность",
        "SKU;Artikelnamn;Webbshopartikel", "Varenr.;Varenavn;Nettbutikk", "Symbol;Nazwa;Sklep internetowy",
        "Cod.;Descrizione;Pubblica su E-commerce", "Code produit;Désignation;Publié sur le web",
        "SKU;Nome produto;Disponível no site", "SKU;Название;Видимость на Ozon",
    ],
)  # fmt: skip
def test_a_switch_of_what_is_on_sale_is_known_in_the_language_of_its_system(write: Write, header: str) -> None:
    products, _ = read_feed(write(f"{header}\na;A;1\nb;B;0\n"))
    assert [product.sku for product in products] == ["a"]


def test_a_number_of_a_variant_that_not_every_row_has_leaves_that_of_the_item(write: Write) -> None:
    products, _ = read_feed(write("Item SKU;Variation SKU;Title\nA;A-1;Tee\nB;;Cap\n"))
    assert [product.sku for product in products] == ["A", "B"]


@pytest.mark.parametrize(
    ("header", "rows", "skus"),
    [
        ("sku;id;title", [";1;A", ";2;B"], ["1", "2"]),
        ("product-code;code;title", [";tea-1;A", ";tea-2;B"], ["tea-1", "tea-2"]),
        ("sku;model;ean;title", [";M;4006381333931;A", ";M;4006381333948;B"], ["4006381333931", "4006381333948"]),
        ("sku;id;title", ["X;1;A", "Y;2;B"], ["X", "Y"]),
    ],
)
def test_where_the_column_of_skus_is_empty_another_that_tells_products_apart_counts(
    write: Write, header: str, rows: list[str], skus: list[str]
) -> None:
    products, _ = read_feed(write("\n".join([header, *rows])))
    assert [product.sku for product in products] == skus


LONG = "Made of steel, {n} litres, for any stove"


@pytest.mark.parametrize(
    "header",
    [
        "Артикул;Наименование товара;Описание",
        "Cikkszám;Termék neve;Leírás",
        "Kód;Název zboží;Popis",
        "Código;Nombre del artículo;Descripción",
        "Varenummer;Varenavn;Beskrivelse",
        "SKU;Nume produs;Descriere",
        "Артикул;Назва товару;Опис",
        "Kod;Nazwa towaru;Opis",
        "Stok Kodu;Ürün Başlığı;Açıklama",
        "SKU;Име;Описание",
        "Šifra;Naziv;Opis",
        "商品番号;商品タイトル;商品説明",
        "商品编码;产品名称;商品描述",
        "상품코드;상품 이름;상품설명",
        "Artikelnummer;Kurzbezeichnung;Beschreibung",
        "Artikelnummer;Artikeltext;Beschreibung",
        "SKU;Short Description;Long Description",
        "Codice;Descrizione breve;Descrizione",
        "Item No.;Item Description;Long Description",
    ],
)
def test_the_title_is_the_short_text_and_the_description_the_long_one(write: Write, header: str) -> None:
    products, _ = read_feed(write(f"{header}\n" + "".join(f"A-{n};Kettle {n};{LONG.format(n=n)}\n" for n in range(9))))
    assert [(one.title, one.description) for one in products[1:2]] == [("Kettle 1", LONG.format(n=1))]


def test_where_an_unknown_column_may_be_the_title_a_description_is_not_taken_for_it(write: Write) -> None:
    rows = "".join(f"A-{n};Kettle {n};{LONG.format(n=n)};ACME-{n};steel and wood\n" for n in range(9))
    with (
        pytest.raises(BadFeed, match="'Wording' may; name it with --map title=COLUMN"),
        open_feed(write(f"sku;Wording;description;supplier number;material\n{rows}")),
    ):
        pass
    rows = "".join(f"A-{n};{LONG.format(n=n)};ACME-{n};steel and wood\n" for n in range(9))
    products, _ = read_feed(write(f"sku;description;supplier number;material\n{rows}"))
    assert [(one.title, one.description) for one in products[1:2]] == [(LONG.format(n=1), "")]


@pytest.mark.parametrize(
    ("member", "cells"),
    [
        ("cost", [f"{n},50 EUR" for n in range(9)]),
        ("last modified", [f"{n} Jan 2026 10:00" for n in range(1, 10)]),
        ("dims", [{"height mm": n} for n in range(9)]),
        ("material", ["red", "blue", "green"]),
    ],
)
def test_what_is_no_title_refuses_no_feed(write: Write, member: str, cells: list[object]) -> None:
    items = [{"sku": f"A-{n}", "description": LONG.format(n=n), member: cell} for n, cell in enumerate(cells)]
    products, _ = read_feed(write(json.dumps(items), "feed.json"))
    assert [one.title for one in products] == [item["description"] for item in items]


@pytest.mark.parametrize(
    ("header", "over", "on"),
    [
        ("ár;Akciós ár;Akció kezdete;Akció vége", "2026.10.01;2026.10.31", "2026.10.01.;2096.10.31."),
        ("pris;Kampanjpris;Kampanj från;Kampanj till", "2020-10-01;2020-10-31", "2020-10-01;2096-10-31"),
        ("fiyat;İndirimli fiyat;İndirim Başlangıç;İndirim Bitiş", "01.10.2020;31.10.2020", "01.10.2020;31.10.2096"),
        ("prijs;Actieprijs;Actie start;Actie eind", "31-08-2020;31-10-2020", "31-08-2020;31-10-2096"),
        ("preço;Preço promocional;Início promoção;Fim promoção", "2020/10/01;2020/10/31", "2020/10/01;2096/10/31"),
        ("prezzo;Prezzo scontato;Inizio sconto;Fine sconto", "1 Oct 2020;31 OCT 2020", "1 Oct 2020;31-Oct-2096"),
        ("Preis;Angebotspreis;Angebotszeitraum", "01.10.2020 - 31.10.2020", "01.10.2020 - 31.10.2096"),
        ("Preis;Angebotspreis;Aktionszeitraum", "01.10.2020-31.10.2020", "01.10.2020 bis 31.10.2096"),
        ("price;sale price;sale period", "2020-10-01/2020-10-31", "2020-10-01/2096-10-31"),
        ("価格;セール価格;sale period", "2020/10/01～2020/10/31", "2020/10/01～2096/10/31"),
        ("цена;Цена со скидкой;sale period", "2020-10-01~2020-10-31", "2020-10-01~2096-10-31"),
        ("가격;할인가;sale period", "2020-10-01 ~ 2020-10-31", "2020-10-01 ~ 2096-10-31"),
    ],
)
def test_a_sale_that_is_over_does_not_count_in_any_language(write: Write, header: str, over: str, on: str) -> None:
    products, remarks = read_feed(write(f"sku;name;{header}\na;A;10;4;{over}\nb;B;10;4;{on}\n"))
    assert ([product.price for product in products], remarks) == ([10, 4], [])


@pytest.mark.parametrize("dates", ["11/20/2020;11/30/2020", "11/20/2020;12/01/2020"])
def test_a_sale_whose_dates_are_called_the_start_and_the_end_is_over(write: Write, dates: str) -> None:
    products, _ = read_feed(write(f"SKU;NAME;PRICE;SALEPRICE;STARTDATE;ENDDATE\na;A;10;4;{dates}\nb;B;10;4;;\n"))
    assert [product.price for product in products] == [10, 4]


@pytest.mark.parametrize("column", ["Sonderpreis Gültigkeit", "promo_window", "Akcia trva"])
def test_a_sale_with_dates_in_a_column_that_is_not_known_does_not_count_and_is_told(write: Write, column: str) -> None:
    table = f"sku;title;price;sale price;{column}\na;A;10;4;2020-10-31\nb;B;10;4;\nc;C;10;4;while stocks last\n"
    products, remarks = read_feed(write(table))
    assert [product.price for product in products] == [10, 4, 4]
    assert [remark.what for remark in remarks] == [f"is taken without the sale of '{column}: 2020-10-31'"]


@pytest.mark.parametrize("cell", ["bis 31.10.20", "2020-10-01T00:00:00Z", "2020-10-01/2020-10-31", "10/31/2020"])
def test_a_date_of_a_sale_has_a_year_however_it_is_written(write: Write, cell: str) -> None:
    products, _ = read_feed(write(f"sku;title;price;sale price;sale info\na;A;10;4;{cell}\n"))
    assert [product.price for product in products] == [10]


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        ("last sale date", "2026-01-02"),
        ("offer image", "https://shop.example/uploads/2024/05/12.jpg"),
        ("dealer phone", "030-12-3456"),
        ("special notes", "Bluetooth 5.2.1"),
        ("akcesoria", "ABC 10-20-30"),
        ("sale start date;sale start time", "2020-01-01;2020-01-01 10:00"),
        ("sale from;sale from gmt", "2020-01-01;2020-01-01"),
    ],
)
def test_what_is_no_date_of_a_sale_costs_no_sale(write: Write, columns: str, cells: str) -> None:
    products, remarks = read_feed(write(f"sku;title;price;sale price;{columns}\na;A;10;4;{cells}\n"))
    assert ([product.price for product in products], remarks) == ([4], [])


def test_a_column_of_a_switch_that_is_called_as_a_sale_is_read(write: Write) -> None:
    header = "sku;title;price;sale price;status;for sale;sales blocked"
    with open_feed(write(f"{header}\na;A;10;4;active;yes;\n")) as feed:
        assert feed.leftover_columns == ()


@pytest.mark.parametrize(
    ("header", "row", "price"),
    [
        ("price_usd;price_eur;sale_price_eur", "25;20;18", "25 USD"),
        ("price_eur;price_usd;sale_price_usd;sale_price_eur", "20;25;18;15", "15 EUR"),
        ("price_eur;sale_price", "25;19", "19 EUR"),
        ("price;currency;sale_price_eur", "25;USD;19", "25 USD"),
        ("price;currency;sale_price_eur", "25;EUR;19", "19 EUR"),
        ("Preis;Währung;Sonderpreis EUR", "25;€;19", "19 EUR"),
        ("Preis;Währung;Sonderpreis EUR", "25;;19", "19"),
        ("price;sale_price_eur", "25;19", "19"),
        ("sale_price_brl;price_brl", "18;20", "18 BRL"),
        ("price_cad;price_usd", "13.50;10", "13.50 CAD"),
        ("price_kwd", "1.250", "1.250 KWD"),
        ("Цена, тг", "1290", "1290 KZT"),
        ("Harga (Rp)", "150.000", "150000 IDR"),
        ("Preis/Stk", "2,50", "2.50"),
        ("Prezzo + IVA;Prezzo ivato", "100;122", "122"),
        ("Fiyat + KDV;KDV Dahil Fiyat", "100;120", "120"),
        ("Preço c/ IVA", "123", "123"),
        ("list_price;our_price", "40;30", "30"),
        ("retail_price;web_price", "40;30", "30"),
        ("PVP;Precio web", "40;30", "30"),
        ("Precio regular;Precio rebajado", "30;", "30"),
        ("Precio lista;Precio oferta", "30;20", "20"),
        ("Ordinarie pris;Kampanjpris", "30;", "30"),
        ("Běžná cena;Akční cena", "30;", "30"),
        ("PriceEUR;PriceUSD;SalePriceEUR", "20;25;18", "18 EUR"),
        ("priceRUAH;priceTax", "20;4", "20 UAH"),
        ("Prodejní cena;Prodejní s DPH", "100;121", "121"),
        ("Listino 1;Listino 1 (ivato)", "100;122", "122"),
        ("Precio venta (Subtotal);Precio venta (Total)", "10;12,10", "12.10"),
        ("EK-Preis;Preis 1 (VK, Brutto)", "5;11,90", "11.90"),
    ],
)
def test_of_several_columns_of_prices_the_one_to_pay_is_read_with_its_currency(
    write: Write, header: str, row: str, price: str
) -> None:
    (product,), _ = read_feed(write(f"sku;title;{header}\na;A;{row}\n"))
    assert f"{product.price} {product.currency}".strip() == price


@pytest.mark.parametrize(
    "column",
    "Precio + IVA|Preço s/ IVA|Price + VAT|Preis + MwSt|Cena + DPH|Ár + ÁFA|Цена + НДС|Precio más IVA|Prix hors TVA"
    "|Preț fără TVA|Hinta ilman alv|Pris eks. moms|PVP sem IVA|Price before tax".split("|"),
)
def test_a_price_to_which_a_tax_is_added_is_not_the_price(write: Write, column: str) -> None:
    (product,), _ = read_feed(write(f"sku;title;{column}\na;A;100\n"))
    assert product.price is None


def test_numbers_of_json_have_the_currency_in_the_name_of_their_member(write: Write) -> None:
    (product,), _ = read_feed(write('[{"sku": "a", "title": "A", "price_eur": 19.9}]', "feed.json"))
    assert (product.price, product.currency) == (Decimal("19.9"), "EUR")


def test_a_number_of_json_has_its_decimal_point_in_every_currency(write: Write) -> None:
    products, _ = read_feed(write('[{"sku": "a", "title": "A", "price": 350.125, "currency": "JPY"}]', "feed.json"))
    assert [product.price for product in products] == [Decimal("350.125")]


IN, OUT = Availability.IN_STOCK, Availability.OUT_OF_STOCK


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("status", {"In Stock": IN, "Out of Stock": OUT, "Sold": OUT, "active": IN, "draft": None}),
        ("Status", {"lieferbar": IN, "ausverkauft": OUT, "Kladde": None, "Utkast": None}),
        ("판매상태", {"판매중": IN, "판매중지": None, "품절": OUT, "비공개": None}),
        ("estado", {"0": IN, "1": IN}),
        ("状态", {"在售": IN, "售罄": OUT, "草稿": None, "隐藏": None}),
        ("Durum", {"Tükendi": OUT, "Taslak": None, "Kapalı": None}),
        ("Status", {"Activa": IN, "Pausada": None, "Inactiva": None, "Aktif": IN, "Nonaktif": None}),
        ("商品状态", {"出售中": IN, "已下架": None, "仓库中": None}),
        ("掲載設定", {"掲載する": IN, "掲載しない": None}),
        ("الحالة", {"مرئي": IN, "مخفي": None}),
        ("Estado", {"Disponible": IN, "Agotado": OUT, "Inactivo": None, "Oculto": None}),
    ],
)
def test_a_status_may_say_what_is_sold_out_as_well_as_what_is_hidden(
    write: Write, column: str, words: dict[str, Availability | None]
) -> None:
    rows = "".join(f"{word};A thing;5;{word}\n" for word in words)
    products, remarks = read_feed(write(f"sku;title;price;{column}\n{rows}"))
    shown = {word: stock for word, stock in words.items() if stock}
    assert ({product.sku: product.availability for product in products}, remarks) == (shown, [])


def test_the_stock_of_its_own_column_counts_before_a_status(write: Write) -> None:
    products, _ = read_feed(write("sku;title;status;stock\na;A;sold out;3\nb;B;sold out;\nc;C;sold out; n/a\n"))
    assert [product.availability for product in products] == [IN, OUT, OUT]


@pytest.mark.parametrize(("column", "words"), [("Estado", "Nuevo Usado Inactivo"), ("商品状态", "全新 二手 已下架")])
def test_a_state_that_is_new_or_used_says_nothing_of_the_sale(write: Write, column: str, words: str) -> None:
    rows = "".join(f"{sku};{sku};{word}\n" for sku, word in zip("abc", words.split(), strict=True))
    products, remarks = read_feed(write(f"SKU;Nombre;{column}\n{rows}"))
    assert ([product.sku for product in products], remarks) == (["a", "b", "c"], [])


@pytest.mark.parametrize(
    ("header", "rows", "stocks"),
    [
        ("availability;stock_quantity", (";0", ";4", ";"), [OUT, IN, IN]),
        ("Verfügbarkeit;Lagerbestand", ("2-3 Werktage;0", "5 Tage;4"), [OUT, IN]),
        ("Verfügbarkeit;Lagerbestand", ("2-3 Werktage;0", "auf Lager;0"), [Availability.UNKNOWN, IN]),
        ("in_stock;quantity", ("n/a;0", " ;4"), [OUT, IN]),
        ("qty;stock on hand", ("12;0", "1;4"), [OUT, IN]),
        ("auf Lager;Menge", ("x;1", ";1"), [IN, OUT]),
        ("instock;quantity", ("X;1", ";1"), [IN, OUT]),
        ("availability;quantity", ("see the shop;many",), [Availability.UNKNOWN]),
    ],
)
def test_a_column_that_says_nothing_of_the_stock_gives_way_to_one_that_does(
    write: Write, header: str, rows: tuple[str, ...], stocks: list[Availability]
) -> None:
    products, _ = read_feed(write(f"sku;title;{header}\n" + "".join(f"s{n};A;{row}\n" for n, row in enumerate(rows))))
    assert [product.availability for product in products] == stocks


@pytest.mark.parametrize(
    ("column", "kept", "hidden"),
    [
        ("discontinued", ["Active", "current", "no", "", "available"], ["Discontinued", "yes", "2026-01-02", "x"]),
        ("gesperrt", ["keine", "frei", "nein"], ["ja", "gesperrt", "wegen Rückruf"]),
        ("hidden", ["visible", "published", "online"], ["hidden", "1", "checked", "enabled"]),
        ("hide", ["visible"], ["activado", "aktiviert"]),
        ("IsDeactivated", ["0", "false"], ["1", "true"]),
        ("archived_at", ["", "0000-00-00 00:00:00"], ["2026-01-02T10:00:00Z"]),
        ("скрытый", ["нет"], ["да"]),
    ],
)
def test_a_word_that_denies_nothing_takes_no_product_off_sale(
    write: Write, column: str, kept: list[str], hidden: list[str]
) -> None:
    rows = "".join(f"{n};A;{word}\n" for n, word in enumerate([*kept, *hidden]))
    products, remarks = read_feed(write(f"sku;title;{column}\n{rows}"))
    assert ([product.sku for product in products], remarks) == (list(map(str, range(len(kept)))), [])


def test_an_unknown_word_in_a_column_of_denials_is_told(write: Write) -> None:
    products, remarks = read_feed(
        write("sku;title;status;blocked\na;A;active;maybe\nb;B;draft;maybe\nc;C;active;yes\n")
    )
    assert [product.sku for product in products] == ["a"]
    assert [(remark.field, remark.cell, remark.lost) for remark in remarks] == [("offered", "maybe", False)]


@pytest.mark.parametrize(
    ("header", "row", "title", "description"),
    [
        ("title_de;title_en;description_en;description_de", "Schuh;Shoe;soft;weich", "Schuh", "weich"),
        ("title_de;title_en;description_en;description_de", ";Shoe;soft;weich", "Shoe", "weich"),
        ("Title (EN);Title (DE);Description (DE);Description (EN)", "Shoe;Schuh;weich;soft", "Shoe", "soft"),
        ("Bezeichnung DE;Bezeichnung EN;Beschreibung;x", "Schuh;Shoe;weich;", "Schuh", "weich"),
        ("name;title_en;description_en;description", "Schuh;Shoe;soft;weich", "Schuh", "weich"),
        ("name-de-DE;name-en-US;description-en-US;description-de-DE", "Schuh;Shoe;soft;weich", "Schuh", "weich"),
    ],
)
def test_texts_are_in_the_language_of_the_title(
    write: Write, header: str, row: str, title: str, description: str
) -> None:
    products, _ = read_feed(write(f"sku;{header}\na;{row}\n"))
    assert [(one.title, one.description) for one in products] == [(title, description)]


@pytest.mark.parametrize("price", [{"regular": 9.5, "sale": 8}, {"EUR": "9.5", "USD": 10}, {"tier": 1, "cost": 5.5}])
def test_an_object_of_prices_that_is_not_known_is_told(write: Write, price: dict[str, object]) -> None:
    products, remarks = read_feed(write(json.dumps([{"sku": "a", "title": "A", "price": price}]), "feed.json"))
    assert [product.price for product in products] == [None]
    assert [(remark.field, remark.lost) for remark in remarks] == [("price", True)]
    assert "no amount is known among" in remarks[0].reason


@pytest.mark.parametrize("amount", [{"value": None}, {"priceValidUntil": "2026-12-31"}])
def test_an_object_of_a_price_may_have_no_amount(write: Write, amount: dict[str, object]) -> None:
    price = {**amount, "currency": "EUR"}
    products, remarks = read_feed(write(json.dumps([{"sku": "a", "title": "A", "price": price}]), "feed.json"))
    assert ([(product.price, product.currency) for product in products], remarks) == ([(None, "EUR")], [])
