"""Feed files: which format one is in, and the reader for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path, PurePath

from recommender.errors import BadFeed, UsageError
from recommender.feeds.archives import OLE, ZIP
from recommender.feeds.columns import Field, field_mapping, plain_name
from recommender.feeds.delimited import TAB, DelimitedTable
from recommender.feeds.hub import HubTable, is_hub_name
from recommender.feeds.json_table import JsonTable
from recommender.feeds.nested_variants import NestedVariants, with_variants
from recommender.feeds.parquet import ParquetTable
from recommender.feeds.platforms.apis import answer_of_api
from recommender.feeds.platforms.etsy import ETSY, with_variations
from recommender.feeds.platforms.further_systems import FURTHER_SYSTEMS
from recommender.feeds.platforms.google import GoogleFeed, is_google_header
from recommender.feeds.platforms.headless_systems import HEADLESS_SYSTEMS, SALESFORCE, with_masters
from recommender.feeds.platforms.magento import MAGENTO
from recommender.feeds.platforms.marketplaces import MARKETPLACES
from recommender.feeds.platforms.rest_api import ApiTable, api_table
from recommender.feeds.platforms.shop_export import ShopExport, ShopTable
from recommender.feeds.platforms.shopify import SHOPIFY
from recommender.feeds.platforms.systems import SYSTEMS
from recommender.feeds.platforms.woocommerce import TYPES, WOOCOMMERCE, parts_by_place
from recommender.feeds.rows import Feed, survey
from recommender.feeds.sources import FeedFile, is_stream, open_source
from recommender.feeds.spreadsheet import SpreadsheetTable
from recommender.feeds.tables import SAMPLED_ROWS, ColumnFeed, Table
from recommender.feeds.xml_items import XmlTable


class FeedFormat(StrEnum):
    """The formats of a feed. `auto` goes by the file's content first and its name second.

    `csv` and `tsv` read a table by the names of its columns, also when a shop system wrote it.
    """

    AUTO = "auto"
    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    XLSX = "xlsx"
    GOOGLE = "google"
    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"
    MAGENTO = "magento"
    PRESTASHOP = "prestashop"
    BIGCOMMERCE = "bigcommerce"
    SQUARESPACE = "squarespace"
    WIX = "wix"
    MEDUSA = "medusa"
    SHOPWARE = "shopware"
    SHOPWARE5 = "shopware5"
    OPENCART = "opencart"
    OXID = "oxid"
    SHOPTET = "shoptet"
    ECWID = "ecwid"
    SPREE = "spree"
    WEBFLOW = "webflow"
    CSCART = "cscart"
    SQUARE = "square"
    LIGHTSPEED_ECOM = "lightspeed-ecom"
    LIGHTSPEED_RETAIL = "lightspeed-retail"
    LIGHTSPEED_X = "lightspeed-x"
    LOYVERSE = "loyverse"
    SALEOR = "saleor"
    AKENEO = "akeneo"
    NOPCOMMERCE = "nopcommerce"
    OSCOMMERCE = "oscommerce"
    SHIFT4SHOP = "shift4shop"
    VOLUSION = "volusion"
    BUSINESS_CENTRAL = "business-central"
    ZENCART = "zencart"
    TIENDANUBE = "tiendanube"
    TILDA = "tilda"
    INSALES = "insales"
    JTL = "jtl"
    GAMBIO = "gambio"
    AMAZON = "amazon"
    OPENAI = "openai"
    HEUREKA = "heureka"
    YML = "yml"
    SHOPTET_XML = "shoptet-xml"
    CENEO = "ceneo"
    SKROUTZ = "skroutz"
    KELKOO = "kelkoo"
    EBAY = "ebay"
    ALLEGRO = "allegro"
    ETSY = "etsy"
    AWIN = "awin"
    IDEALO = "idealo"
    PROM = "prom"
    IDOSELL = "idosell"
    DAISYCON = "daisycon"
    EPAGES = "epages"
    PLENTYMARKETS = "plentymarkets"
    IDEASOFT = "ideasoft"
    COMMERCETOOLS = "commercetools"
    SYLIUS = "sylius"
    VENDURE = "vendure"
    BMECAT = "bmecat"
    HF = "hf"


def feed_format_of(name: str) -> FeedFormat:
    """Return the format of this name. Raises `UsageError` for another."""
    try:
        return FeedFormat(name.casefold())
    except ValueError:
        raise UsageError(f"--format {name!r} is not known; use {', '.join(FeedFormat)}") from None


@contextmanager
def open_feed(
    path: Path | str,
    feed_format: FeedFormat = FeedFormat.AUTO,
    mapping: Mapping[str, str] | None = None,
    required: Sequence[Field] = (Field.SKU, Field.TITLE),
) -> Iterator[Feed]:
    """Open a feed: a path, `-` for standard input, an http(s) address, or `hf:NAME[:CONFIG][:SPLIT]`.

    Gzip is unpacked. `mapping` gives columns for fields. Raises `BadFeed` for a file that is missing, empty, damaged,
    not a feed, or without columns for the `required` fields, `UsageError` for a mapping of an unknown field, and the
    errors of `download` and `load_hub_data` for remote feeds.
    """
    columns = field_mapping(mapping or {})
    if feed_format is FeedFormat.HF or is_hub_name(str(path)):
        feed: Feed = ColumnFeed(HubTable(str(path)), columns, required)
        feed.format, feed.why = FeedFormat.HF, "its name"
        yield feed
        return
    with open_source(path) as file:
        table = read_table(file, feed_format, columns)
        feed = _feed_of(table, columns, feed_format, required)
        feed.format, feed.why = _name_format(feed, table, file, feed_format)
        yield feed


def check_feed(
    path: Path | str, feed_format: FeedFormat = FeedFormat.AUTO, mapping: Mapping[str, str] | None = None
) -> None:
    """Raise what importing this feed would raise before it writes the first row, so that several can be checked first.

    Standard input, pipes and addresses can be read only once, so nothing of them is read. Raises `BadFeed` and
    `UsageError` as `open_feed` does.
    """
    field_mapping(mapping or {})
    if is_stream(path):
        return
    with open_feed(path, feed_format, mapping) as feed:
        survey(feed.rows())


def read_table(file: FeedFile, asked: FeedFormat = FeedFormat.AUTO, mapping: Mapping[str, str] | None = None) -> Table:
    """Return the rows of a file in the format asked for, or in its own. Raises `BadFeed` for a file that has none."""
    found = detect_format(file)
    is_stored_otherwise = found is FeedFormat.XLSX or (found is FeedFormat.JSONL and asked in _PLATFORMS)
    if asked is not FeedFormat.AUTO and not is_stored_otherwise and (asked, found) != (FeedFormat.GOOGLE,) * 2:
        found = asked
    return _READERS.get(found, DelimitedTable)(file, mapping or {})


def _name_format(feed: Feed, table: Table, file: FeedFile, asked: FeedFormat) -> tuple[str, str]:
    """Return what a feed was recognised as, and by what."""
    layout = f"; {table.layout}" if table.layout else ""
    if asked is not FeedFormat.AUTO:
        return asked, f"--format{layout}"
    if isinstance(feed, ShopExport) and isinstance(table, XmlTable):
        return feed.platform.name, "the root of its XML"
    if isinstance(feed, ShopExport) and not feed.telling_columns:
        return feed.platform.name, "what its API answers"
    if isinstance(feed, ShopExport):
        shown = ", ".join(feed.telling_columns)
        return feed.platform.name, f"columns that {feed.platform.name} writes: {shown}{layout}"
    if isinstance(feed, GoogleFeed):
        what = "the XML of a product feed" if isinstance(table, XmlTable) else "columns of Google's product data"
        return FeedFormat.GOOGLE, f"{what}{layout}"
    if isinstance(table, XmlTable):
        return "XML", "a list of products"
    found = detect_format(file)
    unknown = "a table of no shop system that is known" if isinstance(table, DelimitedTable) else "its content"
    return found, f"{unknown}{layout}"


DECLARED = {**SYSTEMS, **FURTHER_SYSTEMS, **HEADLESS_SYSTEMS, **MARKETPLACES}


def _feed_of(table: Table, columns: Mapping[str, str], asked: FeedFormat, required: Sequence[Field]) -> Feed:
    if isinstance(table, XmlTable) and table.dialect in _OF_ROOT:
        return _xml_feed(table, columns, required)
    if isinstance(table, XmlTable) or asked is FeedFormat.GOOGLE:
        return GoogleFeed(table, columns, required)
    if isinstance(table, DelimitedTable | SpreadsheetTable) and asked in (FeedFormat.AUTO, FeedFormat.WOOCOMMERCE):
        first = (row.cells for row in islice(table.rows(), SAMPLED_ROWS) if not row.problem)
        if places := parts_by_place(table.columns, first):
            return ShopExport(ShopTable(table, WOOCOMMERCE, columns, places))
    may_be_answer = not columns and (asked is FeedFormat.AUTO or asked in _PLATFORMS)
    if isinstance(table, SpreadsheetTable) or (isinstance(table, JsonTable) and may_be_answer):
        table = api_table(table)
    answer = answer_of_api(table) if isinstance(table, JsonTable) and may_be_answer else None
    if answer and (asked is FeedFormat.AUTO or answer[1].name == _PLATFORMS[asked].name):
        return ShopExport(ShopTable(*answer, columns))
    is_object = isinstance(table, JsonTable)
    if not is_object and (asked is FeedFormat.ETSY or (asked is FeedFormat.AUTO and ETSY.wrote(table.columns))):
        return ShopExport(ShopTable(with_variations(table), ETSY, columns))
    if isinstance(table, DelimitedTable | SpreadsheetTable | ApiTable | JsonTable):
        for known, platform in _PLATFORMS.items():
            is_told = known not in _OF_XML and (not is_object or known in DECLARED) and platform.wrote(table.columns)
            if asked is known or (asked is FeedFormat.AUTO and is_told):
                try:
                    return ShopExport(ShopTable(table, platform, columns))
                except BadFeed:  # a table of prices has no titles, and is read by the names of its columns
                    if Field.TITLE in required:
                        raise
        if asked is FeedFormat.AUTO and not is_object and is_google_header(table.columns):
            return GoogleFeed(table, columns, required)
    feed = ColumnFeed(with_variants(table) if is_object and may_be_answer else table, columns, required)
    if asked is FeedFormat.AUTO and not is_object and "id" in map(plain_name, table.columns):
        _refuse_other_woocommerce(feed)
    return feed


def _xml_feed(table: XmlTable, columns: Mapping[str, str], required: Sequence[Field]) -> Feed:
    """Return the products of XML of another kind than Google's, by its root and what its products have."""
    names = set(table.columns)
    known = _OF_ROOT[table.dialect]
    if known == "heureka" and "name" in names and names & {"code", "variants", "kind"}:
        known = "shoptet-xml"
    elif known == "products":
        if {"product-id", "online-flag"} <= names:
            return ShopExport(ShopTable(with_masters(table), SALESFORCE, columns))
        wrote = (name for name, platform in DECLARED.items() if name not in _OF_XML and platform.wrote(table.columns))
        if found := next(wrote, ""):
            return ShopExport(ShopTable(table, DECLARED[found], columns))
        if "price_with_vat" not in names:
            table.nests = True
            return ColumnFeed(NestedVariants(table, "variants"), columns, required)
        known = "skroutz"
    return ShopExport(ShopTable(table, DECLARED[known], columns))


def _refuse_other_woocommerce(feed: ColumnFeed) -> None:
    """Raise `BadFeed` for an export of WooCommerce whose columns are named in an unknown language.

    Read as any other table, its numbers would be SKUs, and its drafts on sale.
    """
    if feed.kinds and plain_name(feed.field_columns[Field.SKU]) != "id":
        return
    sample = feed.sample()
    for name in sample[0] if sample else ():
        kinds = [str(cells.get(name, "")).casefold().partition(",")[0].strip() for cells in sample]
        if TYPES.issuperset(kinds):
            raise BadFeed(
                f"{feed.name}: looks like an export of WooCommerce whose columns are named in a language that is"
                f" not known here ({name!r} holds {', '.join(sorted(set(kinds)))}); export it with the shop in"
                " English, or read it as a plain table: --format csv --map sku=COLUMN --map price=COLUMN"
            )


_PLATFORMS = {
    FeedFormat.SHOPIFY: SHOPIFY,
    FeedFormat.WOOCOMMERCE: WOOCOMMERCE,
    FeedFormat.MAGENTO: MAGENTO,
    FeedFormat.ETSY: ETSY,
} | {FeedFormat(name): platform for name, platform in DECLARED.items()}
"""Shop systems whose tables are recognised by their columns, in the order in which they are tried."""

_OF_ROOT = {"heureka": "heureka", "yml": "yml", "ceneo": "ceneo", "products": "products", "iof": "idosell",
            "bmecat": "bmecat"}  # fmt: skip
"""Those that are recognised by the root of their XML, by its dialect; of some, the products say more."""

_OF_XML = (FeedFormat.HEUREKA, FeedFormat.YML, FeedFormat.SHOPTET_XML, FeedFormat.CENEO, FeedFormat.SKROUTZ,
           FeedFormat.IDOSELL, FeedFormat.BMECAT)  # fmt: skip
"""Those that are not recognised by their columns."""


_READERS: Mapping[FeedFormat, Callable[[FeedFile, Mapping[str, str]], Table]] = {
    FeedFormat.TSV: lambda file, mapping: DelimitedTable(file, mapping, TAB),
    FeedFormat.JSONL: JsonTable,
    FeedFormat.XLSX: SpreadsheetTable,
    FeedFormat.PARQUET: lambda file, _: ParquetTable(file),
    **dict.fromkeys(
        (FeedFormat.GOOGLE, *_OF_XML),
        lambda file, mapping: XmlTable(file) if _is_xml(file) else DelimitedTable(file, mapping),
    ),
}
"""Every other format is a table of cells between delimiters."""


def detect_format(file: FeedFile) -> FeedFormat:
    """Return the format of a file by its content first and its name second; a shop system's table is `csv` here."""
    sample = file.sample()
    if sample.startswith(b"PAR1"):
        return FeedFormat.PARQUET
    if sample.startswith((*ZIP, OLE)):
        return FeedFormat.XLSX
    if _is_xml(file):
        return FeedFormat.GOOGLE
    if _JSON.match(_beginning(sample)):
        return FeedFormat.JSONL
    suffixes = [suffix.casefold() for suffix in PurePath(file.name).suffixes if suffix.casefold() != ".gz"]
    if by_name := _BY_SUFFIX.get(suffixes[-1] if suffixes else ""):
        return by_name
    return FeedFormat.JSONL if _beginning(sample).startswith((b"{", b"[")) else FeedFormat.CSV


def _is_xml(file: FeedFile) -> bool:
    return _beginning(file.sample(1024)).startswith(b"<")


def _beginning(sample: bytes) -> bytes:
    """Return a text's first characters, whatever marks and zeros its encoding puts before and between them."""
    return sample[:1024].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")


_JSON = re.compile(rb"(?:\[\s*)?\{\s*\"")
_BY_SUFFIX = {
    ".csv": FeedFormat.CSV,
    ".tsv": FeedFormat.TSV,
    ".jsonl": FeedFormat.JSONL,
    ".ndjson": FeedFormat.JSONL,
    ".json": FeedFormat.JSONL,
    ".parquet": FeedFormat.PARQUET,
}
