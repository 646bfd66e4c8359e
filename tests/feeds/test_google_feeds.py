from __future__ import annotations

import resource
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import BadFeed
from recommender.feeds.columns import Field
from recommender.feeds.formats import FeedFormat, check_feed, open_feed
from recommender.feeds.lines import MAX_LINE
from recommender.feeds.products import product_of
from recommender.feeds.rejections import BadRow
from recommender.types import Availability, Product

Write = Callable[..., Path]

SHOE = Product(
    "s1", "Red shoe & more", "Soft, light", "Acme", ("Apparel", "Shoes"), Decimal("15.99"), "USD",
    Availability.OUT_OF_STOCK, "https://s.example/1", "https://s.example/1.jpg", "g1",
    {"color": "red", "size": "42", "age_group": "adult", "condition": "new"}, "4006381333931",
    other_categories=(("Sale", "All"),),
)  # fmt: skip

PARTS = """
<g:id>s1</g:id><g:title>Red shoe &amp; more</g:title><g:description><![CDATA[Soft, light]]></g:description>
<g:image_link>https://s.example/1.jpg</g:image_link><g:availability>out of stock</g:availability>
<g:additional_image_link>https://s.example/2.jpg</g:additional_image_link>
<g:price>19.99 USD</g:price><g:sale_price>15.99 USD</g:sale_price><g:brand>Acme</g:brand>
<g:google_product_category>Apparel &amp; Accessories &gt; Shoes</g:google_product_category>
<g:product_type>Apparel &gt; Shoes</g:product_type><g:product_type>Sale &gt; All</g:product_type>
<g:item_group_id>g1</g:item_group_id><g:gtin>4006381333931</g:gtin><g:color>red</g:color><g:size>42</g:size>
<g:age_group>adult</g:age_group><g:condition>new</g:condition>
<g:shipping><g:country>US</g:country><g:price>4.95 USD</g:price></g:shipping>
"""
RSS = f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0" xmlns:m="http://search.yahoo.com/mrss/"><channel>
<title>A shop</title><link>https://s.example</link>
<item><title>Not this</title><link>https://s.example/1</link><m:title>Nor this</m:title>{PARTS}</item>
<item><title>Plain</title><description>Of <b>RSS</b> alone</description><g:id>s2</g:id></item>
</channel></rss>"""
ATOM = f"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>A shop</title>
<entry><id>tag:shop,1</id><link rel="self" href="https://s.example/x"/><link href="https://s.example/1"/>{PARTS}</entry>
<entry><g:id>s2</g:id><title>Plain</title><summary>Of Atom</summary></entry></feed>"""
TSV_NAMES = [
    "id", "title", "description", "link", "image link", "availability", "price", "sale price", "brand",
    "google product category", "product type", "item group id", "gtin", "color", "size", "age group", "condition",
]  # fmt: skip
TSV_CELLS = [
    "s1", "Red shoe & more", "Soft, light", "https://s.example/1", "https://s.example/1.jpg", "out_of_stock",
    "19.99 USD", "15.99 USD", "Acme", "Apparel & Accessories > Shoes", "Apparel > Shoes, Sale > All", "g1",
    "4006381333931", "red", "42", "adult", "new",
]  # fmt: skip


def _read(path: Path, **options: Any) -> list[Product]:
    with open_feed(path, **options) as feed:
        return [product_of(row) for row in feed.rows()]


def _outcomes(path: Path) -> tuple[list[str], str, str]:
    """Return the SKU or the problem of each row that comes, the error that ends them, and the feed's own word on it."""
    found: list[str] = []
    with open_feed(path) as feed:
        try:
            for row in feed.rows():
                try:
                    found.append(product_of(row).sku)
                except BadRow as error:
                    found.append(str(error))
        except BadFeed as error:
            return found, str(error), feed.early_end
        return found, "", feed.early_end


@pytest.mark.parametrize("name", ["feed.xml", "feed.txt", "feed.csv.gz"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_rss_is_read_by_its_content(write: Write, name: str, encoding: str) -> None:
    path = write(RSS.replace("UTF-8", encoding).encode(encoding), name)
    with open_feed(path) as feed:
        rows = list(feed.rows())
        assert feed.leftover_columns == ("additional_image_link", "shipping")
        assert feed.early_end == ""
    assert product_of(rows[0]) == SHOE
    plain = product_of(rows[1])
    assert (plain.sku, plain.title, plain.description, plain.price) == ("s2", "Plain", "Of RSS alone", None)
    assert [row.line for row in rows] == [4, 15]


def test_atom_is_read(write: Write) -> None:
    first, second = _read(write(ATOM, "feed.xml"))
    assert first == SHOE
    assert (second.title, second.description) == ("Plain", "Of Atom")


@pytest.mark.parametrize("prefix", ["", "g:"])
def test_the_table_is_read_like_the_xml(write: Write, prefix: str) -> None:
    names = [prefix + (name.replace(" ", "_") if prefix else name) for name in TSV_NAMES]
    assert _read(write("\t".join(names) + "\n" + "\t".join(TSV_CELLS) + "\n", "feed.txt")) == [SHOE]


def test_columns_of_a_table_may_repeat_where_google_lets_them(write: Write) -> None:
    path = write("id\ttitle\tproduct_type\tproduct_type\na\tA\tX > Y\tX > Z\n", "feed.tsv")
    assert _read(path, feed_format=FeedFormat.GOOGLE)[0].category == ("X", "Y")
    with pytest.raises(BadFeed, match="have one name"):
        _read(write("id\ttitle\tbrand\tbrand\na\tA\tX\tY\n", "feed.tsv"), feed_format=FeedFormat.GOOGLE)


@pytest.mark.parametrize(
    ("cells", "category"),
    [
        ({"product_type": "A > B", "google_product_category": "X > Y"}, ("A", "B")),
        ({"google_product_category": "X > Y"}, ("X", "Y")),
        ({"google_product_category": "2271"}, ("2271",)),
        ({"product_type": "Home > Kitchen, Dining > Bowls"}, ("Home", "Kitchen, Dining", "Bowls")),
        ({"product_type": "Home > Kitchen, Home > Sale"}, ("Home", "Kitchen")),
    ],
)
def test_the_shops_own_category_comes_first(write: Write, cells: dict[str, str], category: tuple[str, ...]) -> None:
    row = {"id": "a", "title": "A", "product_type": "", "google_product_category": ""} | cells
    path = write("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")
    assert _read(path, feed_format=FeedFormat.GOOGLE)[0].category == category


@pytest.mark.parametrize(
    ("price", "sale", "period", "shown"),
    [
        ("19.99 USD", "", "", "19.99"),
        ("19.99 USD", "15 USD", "", "15"),
        ("19.99 USD", "25 USD", "", "19.99"),
        ("", "25 USD", "", "25"),
        ("19.99 USD", "15", "2001-01-01T00:00+0100/2999-12-31T23:00+0100", "15"),
        ("19.99 USD", "15 USD", "2001-01-01T00:00Z/2002-01-01T00:00Z", "19.99"),
        ("19.99 USD", "15 USD", "2999-01-01/2999-02-01", "19.99"),
        ("19.99 USD", "15 USD", "in summer", "19.99"),
    ],
)
def test_the_price_to_pay_today_is_shown(write: Write, price: str, sale: str, period: str, shown: str) -> None:
    header = "id\ttitle\tprice\tsale_price\tsale_price_effective_date\n"
    path = write(f"{header}a\tA\t{price}\t{sale}\t{period}\n", "feed.tsv")
    (product,) = _read(path, feed_format=FeedFormat.GOOGLE)
    assert (product.price, product.currency) == (Decimal(shown), "USD")


def test_a_sale_that_is_no_price_costs_the_sale_alone(write: Write) -> None:
    path = write("id\ttitle\tprice\tsale_price\na\tA\t5 USD\tcheap\nb\tB\t5 USD\t4 USD\n", "feed.tsv")
    with open_feed(path, FeedFormat.GOOGLE) as feed:
        first, second = feed.rows()
    assert (product_of(first).price, product_of(second).price) == (5, 4)


def test_a_mapping_wins_in_xml_and_in_tables(write: Write) -> None:
    mapping = {"sku": "gtin", "category": "google_product_category", "price": "price"}
    for path in (write(RSS, "feed.xml"), write("\t".join(TSV_NAMES) + "\n" + "\t".join(TSV_CELLS) + "\n", "feed.txt")):
        with open_feed(path, mapping=mapping) as feed:
            product = product_of(next(iter(feed.rows())))
        assert (product.sku, product.price) == ("4006381333931", Decimal("19.99"))
        assert product.category == ("Apparel & Accessories", "Shoes")
    with pytest.raises(BadFeed, match="no column 'colour' for --map brand=colour"):
        _read(write(RSS, "feed.xml"), mapping={"brand": "colour"})


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><rss><channel><item><id>a</id><title>&j;</title></item></channel></rss>"
)
OUTSIDE = (
    '<!DOCTYPE rss [<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    "<rss><channel><item><id>a</id><title>&file;</title></item></channel></rss>"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LAUGHS, r"declares a document type \(<!DOCTYPE rss \[...\]>\)"),
        (OUTSIDE, r"declares a document type"),
        ("<!DOCTYPE html><html></html>", "is a web page, not a feed"),
        ("<library><book><id>1</id></book></library>", "is XML with the root <library>; expected"),
        ("<rss><channel><title>None</title></channel></rss>", "holds no <item> or <entry>"),
        ("<rss><channel><item><id>a</id></item></channel></rss>", "no column for the title among 'id'"),
        ("<rss><channel>" + "<a>" * 200, "has elements more than 100 deep"),
        ("<rss><!--" + "x" * 2 * MAX_LINE + "--></rss>", "a tag or a comment of more than 4 MiB"),
        ('<?xml version="1.0" encoding="no-such"?><rss/>', "can't be read beyond line 1"),
        ("<rss>\x00</rss>", "beyond line 1: it is not well-formed XML"),
        ("<rss><channel>", "beyond line 1: the file is cut off within an element"),
        ("<rss><g:id>1</g:id></rss>", "not well-formed XML .unbound prefix"),
    ],
)
def test_xml_that_is_no_product_data_or_a_trap_is_refused_in_one_line(write: Write, content: str, message: str) -> None:
    path = write(content, "feed.xml")
    with pytest.raises(BadFeed, match=message) as caught:
        check_feed(path)
    assert "\n" not in str(caught.value)


def _items(count: int) -> str:
    return "".join(f"<item><id>s{n}</id><title>T {n}</title></item>\n" for n in range(count))


def test_of_a_file_that_is_cut_off_the_items_before_come(write: Write) -> None:
    whole = f"<rss><channel>\n{_items(5_000)}</channel></rss>"
    found, error, early_end = _outcomes(write(whole[: whole.index("<id>s3000<")], "feed.xml"))
    assert found == [f"s{n}" for n in range(3_000)]
    assert "can't be read beyond line 3,002: the file is cut off within an element" in error
    assert early_end == error
    for ending in ("", "</channel>", "</channel></rss><rss>"):
        found, error, early_end = _outcomes(write(f"<rss><channel>\n{_items(5)}{ending}", "feed.xml"))
        assert len(found) == 5
        assert error and early_end


def test_an_item_that_is_too_long_is_rejected_alone_and_never_held(write: Write) -> None:
    long = f"<item><id>l</id><title>L</title><description>{'x' * 60_000_000}</description></item>"
    path = write(f"<rss><channel>{_items(1)}{long}{_items(2)}</channel></rss>", "feed.xml")
    with open_feed(path) as feed:
        assert [row.cells[Field.SKU] for row in feed.rows()] == ["s0", "l", "s0", "s1"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert _outcomes(path) == (["s0", "the item is longer than 4 MiB", "s0", "s1"], "", "")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB
