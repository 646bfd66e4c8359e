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
