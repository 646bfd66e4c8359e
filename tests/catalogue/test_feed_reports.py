"""What the report of an import says: from which columns it was read, what of it was lost, and what looks wrong."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from recommender.catalogue.importer import ImportSummary, preview_feed
from recommender.catalogue.repository import Catalogue
from recommender.feeds.understanding import Understanding
from recommender.types import Availability

Ingest = Callable[..., ImportSummary]
Write = Callable[..., Path]


def _understood(summary: ImportSummary) -> Understanding:
    assert summary.understood is not None
    return summary.understood


def _table(header: str, row: str, rows: int = 20) -> str:
    return header + "\n" + "".join(row.format(n=n, leaf=n % 7) + "\n" for n in range(1, rows + 1))


GOOD = _table("sku,title,category,price,stock", "S-{n},Title {n},Home > Leaf {leaf},{n}.50 EUR,{leaf}")


def test_each_field_is_told_with_its_column_and_an_example(ingest: Ingest) -> None:
    summary = ingest(GOOD.replace("sku,title", "Artikelnummer,Bezeichnung"))
    understood = _understood(summary)
    assert {field.field: (field.column, field.example, field.filled) for field in understood.fields} == {
        "sku": ("Artikelnummer", "S-1", 20),
        "title": ("Bezeichnung", "Title 1", 20),
        "category": ("category", "Home > Leaf 1", 20),
        "price": ("price", "1.50 EUR", 20),
        "currency": ("price", "EUR", 20),
        "availability": ("stock", "in_stock", 20),
    }
    assert understood.format == "csv"
    assert "a table of no shop system" in understood.why
    assert "',' between the cells" in understood.why
    assert (summary.warnings, understood.remarks) == ((), ())


def test_the_system_that_wrote_a_feed_is_told_with_what_gave_it_away(ingest: Ingest) -> None:
    header = "ID,Typ,Artikelnummer,Name,Veröffentlicht,Regulärer Preis,Kategorien,Übergeordnet"
    understood = _understood(ingest(f"{header}\n1,simple,A-1,Kettle,1,5,Home,\n"))
    assert understood.format == "WooCommerce"
    assert "Übergeordnet" in understood.why


def test_what_is_missing_is_warned_of(ingest: Ingest) -> None:
    warnings = ingest("sku,title\na,A\n").warnings
    assert [warning.split(":")[0] for warning in warnings] == [
        "no category was found", "no price was found", "no stock was found",
    ]  # fmt: skip
    assert "--map price=COLUMN" in warnings[1]
    unread = ingest("sku,title,price,stock,category\na,A,on request,see the shop,-\n").warnings
    assert "column 'price' has none that can be read" in unread[1]
    assert unread[2] == "no stock was found: nothing in the column 'stock' can be read"


def test_most_products_without_a_price_are_warned_of(ingest: Ingest) -> None:
    table = _table("sku,title,category,shop prices,sale_price,stock", "S-{n},Title {n},Leaf {leaf},{n}.5,,{leaf}")
    (warning,) = ingest(table.replace("9.5,,", "9.5,8,")).warnings
    assert warning == (
        "most products (90%) have no price: is 'sale_price' the right column, or 'shop prices', which nothing is read"
        " from?"
    )


def test_a_list_price_beside_an_unknown_price_is_warned_of(ingest: Ingest) -> None:
    table = _table("sku,title,category,list_price,{price},stock", "S-{n},Title {n},Leaf {leaf},{n}.5,{n}.1,{leaf}")
    (warning,) = ingest(table.replace("{price}", "club price")).warnings
    assert warning == (
        "the price is read from 'list_price', and 'club price' may be what customers pay; if it is, say --map"
        " price=club price"
    )
    assert ingest(table.replace("{price}", "cost price")).warnings == ()


def test_a_row_number_beside_skus_is_warned_of(ingest: Ingest) -> None:
    table = _table("id,name,model_code,price,stock,category", "{n},Title {n},MX-{n}7A,{n}.5,{n},Leaf {leaf}")
    (warning,) = ingest(table).warnings
    assert warning == (
        "the SKU is read from the column 'id', which looks like a row number, and 'model_code' looks like SKUs; if it"
        " holds them, say --map sku=model_code"
    )
    assert ingest(table, mapping={"sku": "model_code"}).warnings == ()
    lone = _table("id,name,price,stock,category", "{n},Title {n},{n}.5,{n},Leaf {leaf}")
    assert ingest(lone).warnings == ()


def test_a_barcode_beside_skus_is_warned_of(ingest: Ingest) -> None:
    table = _table("ean,name,order_no,price,stock,category", "40063813{n:05},Title {n},MX-{n}7A,{n}.5,{n},Leaf {leaf}")
    (warning,) = ingest(table).warnings
    assert warning.startswith("the SKU is read from the column 'ean', which is a number that others know the product")
    assert warning.endswith("say --map sku=order_no")


def test_most_products_in_one_category_are_warned_of(ingest: Ingest) -> None:
    (warning,) = ingest(GOOD.replace("Leaf 1", "All").replace("Leaf 2", "All").replace("Leaf 3", "All")
                        .replace("Leaf 4", "All")).warnings  # fmt: skip
    assert "are in one category, 'Home > All'" in warning


def test_nearly_all_new_in_a_shop_that_has_as_many_is_warned_of(ingest: Ingest, catalogue: Catalogue) -> None:
    assert ingest(GOOD, had=catalogue.count()).warnings == ()
    (warning,) = ingest(GOOD.replace("S-", "T-"), had=catalogue.count()).warnings
    assert warning.startswith("nearly all products (20 of 20) are new, although the shop has 20 already")
    assert ingest(GOOD, had=catalogue.count()).warnings == ()


def test_a_tenth_of_the_rows_rejected_and_a_header_alone_are_warned_of(ingest: Ingest) -> None:
    bad = ingest(GOOD + ",No SKU,Home > A,1,1\n" * 3)
    assert bad.warnings[0].startswith("more than a tenth of the rows are rejected (3 of 23 rows)")
    assert bad.failure == ""
    assert ingest("sku,title,category,price,stock\n").warnings == ("a header without rows: there is no product in it",)


def test_a_feed_of_which_every_row_is_rejected_has_failed_and_says_why(ingest: Ingest) -> None:
    assert ingest("sku,title\na,\nb,\n").failure.endswith("all 2 rows are rejected; the first, line 2: no title")


def test_what_was_lost_is_counted_with_the_line_where_it_is_first(ingest: Ingest, catalogue: Catalogue) -> None:
    summary = ingest("sku,title,price,stock,category\na,A,5,1,X\nb,B,ask us,2,X\nc,C,call us,3,Y\nd,D,4-5 €,4,Z\n")
    lost, lowest = _understood(summary).remarks
    assert (lost.field, lost.count, lost.line, lost.sku, lost.example, lost.lost) == (
        "price",
        2,
        3,
        "b",
        "ask us",
        True,
    )
    assert (lowest.what, lowest.count, lowest.lost) == ("is a range of which the lowest is taken", 1, False)
    assert catalogue.count() == 4


def test_a_price_that_turns_unreadable_does_not_leave_the_old_one(ingest: Ingest, catalogue: Catalogue) -> None:
    ingest("sku,title,price,stock\na,A,100,yes\n")
    summary = ingest("sku,title,price,stock\na,A,on request,no\n")
    assert (summary.updated, summary.rejected) == (1, 0)
    stored = catalogue.get("a")
    assert stored is not None
    assert (stored.product.price, stored.product.availability) == (None, Availability.OUT_OF_STOCK)


def test_drafts_are_taken_out_of_the_shop_and_counted(ingest: Ingest, catalogue: Catalogue) -> None:
    ingest("sku,title,status\na,A,active\nb,B,active\n")
    summary = ingest("sku,title,status\na,A,draft\nb,B,active\n")
    assert (summary.unchanged, summary.withdrawn, summary.left_out, summary.rejected) == (1, 1, 1, 0)
    assert catalogue.count() == 1


def test_the_same_product_after_a_spreadsheet_is_no_second_one(ingest: Ingest, catalogue: Catalogue) -> None:
    ingest("sku,title,price\n100123,Kettle,5\n100124,Mug,6\n")
    summary = ingest('sku,title,price\n100123.0,Kettle,5\n"=""100124""",Mug,6\n')
    assert (summary.unchanged, catalogue.count()) == (2, 2)
    first = catalogue.get("100123")
    assert first is not None
    assert first.product.price == Decimal(5)


@pytest.mark.parametrize("content", [GOOD, "sku,title\na,\nb,B\n"])
def test_a_preview_says_what_would_be_understood_and_writes_nothing(
    write: Write, catalogue: Catalogue, content: str
) -> None:
    preview = preview_feed(write(content))
    assert catalogue.count() == 0
    assert preview.products + len(preview.rejections) == preview.rows == content.count("\n") - 1
    assert preview.understood.fields[0].column == "sku"
    assert bool(preview.warnings) is bool(preview.rejections)
    assert preview_feed(write(content), most=1).rows == 1


@pytest.mark.parametrize(("rows", "taken_out"), [(15, 15), (30, 0)])
def test_a_feed_that_hides_nearly_all_is_told_and_takes_out_no_shop(
    ingest: Ingest, catalogue: Catalogue, rows: int, taken_out: int
) -> None:
    shop = _table("sku,title,publish to ecom", "S-{n},Title {n},yes", rows)
    assert not any("nearly all rows" in warning for warning in ingest(shop).warnings)
    summary = ingest(shop.replace("yes", "no"), had=rows)
    assert (summary.withdrawn, catalogue.count()) == (taken_out, rows - taken_out)
    (hidden,) = (warning for warning in summary.warnings if "nearly all rows" in warning)
    assert "'publish to ecom'" in hidden
    assert any("not taken out" in warning for warning in summary.warnings) is (not taken_out)


@pytest.mark.parametrize(("hidden", "told"), [(20, False), (21, True)])
def test_a_feed_that_hides_more_than_a_tenth_of_the_shop_is_told(
    ingest: Ingest, catalogue: Catalogue, hidden: int, told: bool
) -> None:
    shop = _table("sku,title,active", "S-{n},Title {n},yes", 100)
    ingest(shop)
    summary = ingest(shop.replace("yes", "no", hidden), had=100)
    assert (summary.withdrawn, catalogue.count()) == (hidden, 100 - hidden)
    assert any("takes away 21 of 100 products" in warning for warning in summary.warnings) is told
