"""Columns of no system that is known: which field each is read as, and what is told of those that are in doubt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recommender.errors import BadFeed
from recommender.feeds.formats import open_feed
from recommender.feeds.products import is_offered, product_of
from recommender.feeds.remarks import Remark
from recommender.feeds.rows import survey
from recommender.types import Product

Write = Callable[..., Path]


def _read(path: Path) -> tuple[list[Product], list[Remark]]:
    """Read the products that are on sale, and what the report says of them."""
    remarks: list[Remark] = []
    with open_feed(path) as feed:
        notation, rows = survey(feed.rows())
        return [product_of(row, notation, remarks) for row in rows if is_offered(row)], remarks


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
    products, _ = _read(write(f"{header}\n" + "".join(f"A-{n};Kettle {n};{LONG.format(n=n)}\n" for n in range(9))))
    assert [(one.title, one.description) for one in products[1:2]] == [("Kettle 1", LONG.format(n=1))]


def test_where_an_unknown_column_may_be_the_title_a_description_is_not_taken_for_it(write: Write) -> None:
    rows = "".join(f"A-{n};Kettle {n};{LONG.format(n=n)};ACME-{n};steel and wood\n" for n in range(9))
    with (
        pytest.raises(BadFeed, match="'Wording' may; name it with --map title=COLUMN"),
        open_feed(write(f"sku;Wording;description;supplier number;material\n{rows}")),
    ):
        pass
    rows = "".join(f"A-{n};{LONG.format(n=n)};ACME-{n};steel and wood\n" for n in range(9))
    products, _ = _read(write(f"sku;description;supplier number;material\n{rows}"))
    assert [(one.title, one.description) for one in products[1:2]] == [(LONG.format(n=1), "")]


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
    ],
)
def test_a_sale_that_is_over_does_not_count_in_any_language(write: Write, header: str, over: str, on: str) -> None:
    products, remarks = _read(write(f"sku;name;{header}\na;A;10;4;{over}\nb;B;10;4;{on}\n"))
    assert ([product.price for product in products], remarks) == ([10, 4], [])


@pytest.mark.parametrize("column", ["Sonderpreis Gültigkeit", "promo_window", "Akcia trva"])
def test_a_sale_with_dates_in_a_column_that_is_not_known_does_not_count_and_is_told(write: Write, column: str) -> None:
    table = f"sku;title;price;sale price;{column}\na;A;10;4;2020-10-31\nb;B;10;4;\nc;C;10;4;while stocks last\n"
    products, remarks = _read(write(table))
    assert [product.price for product in products] == [10, 4, 4]
    assert [remark.what for remark in remarks] == [f"is taken without the sale of '{column}: 2020-10-31'"]
