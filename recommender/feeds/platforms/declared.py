"""Platforms as declarations: the names of their columns, and how their rows belong together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from recommender.feeds.columns import Field
from recommender.feeds.families import open_families
from recommender.feeds.flags import NO, YES
from recommender.feeds.platforms.shop_export import Platform, Record, ShopTable, shop_row, unreadable_row
from recommender.feeds.prices import Offer, pieces_of
from recommender.feeds.rows import Row
from recommender.types import PATH_SEPARATOR

OPTIONS = range(1, 7)
"""Options that a variant may have."""

CATEGORIES = range(1, 7)
"""Columns of categories that a platform may have, or of the levels of one."""

MOST_VARIANTS = 5_000
"""Rows that are held together as the variants of one product; the most that one of these systems has is 1,000."""

_INHERITED = ("title", "description", "short", "brand", "category", "slugs", "price", "sale", "starts", "ends",
              "currency", "url", "image", "visible", "status", "buyable", "on sale", "tracked", "discount",
              "discount kind", "when out", "sells on", *(f"name {number}" for number in OPTIONS),
              *(f"{part} {number}" for number in CATEGORIES for part in ("category", "level")))  # fmt: skip
"""What a variant takes from its product if its own cell is empty."""

_NOTHING_INHERITED = dict.fromkeys(_INHERITED, "")
_CATEGORY_PARTS = tuple(f"category {number}" for number in CATEGORIES)
_LEVEL_PARTS = tuple(f"level {number}" for number in CATEGORIES)

PRICE_IN = ("price ", "region price ")
"""Beginnings of the names of parts of a price in one currency, for all and for one region."""

_PLAIN_FIELDS = {
    Field.URL: "url", Field.IMAGE: "image", Field.GTIN: "gtin", Field.MPN: "mpn", Field.BRAND: "brand",
    Field.ATTRIBUTES: "attributes",
}  # fmt: skip
_OFF = NO | frozenset(
    "none disabled hidden draft inactive incomplete archived deleted proposed rejected"
    " inaktiv inactif inactivo inattivo inactief nieaktywne blocked detailonly cashdeskonly unlisted ended"
    " zakończona nieaktywna unavailable скрыт скрыто removed".split()
)
_OPTION = re.compile(r"Name=([^|;]+)\|Value=(.+?)(?=\[#|;|\|\||Type=|$)|\[[A-Z]+\]\s*([^=,]+)=([^,]+)")
"""Options of BigCommerce in one cell: `Type=Swatch|Name=Colour|Value=Red[#f00]Type=Radio|Name=Size|Value=M`, or
`[RB]Size=M,[CS]Colour=Red:#f00`."""

_IDS = re.compile(r"\s*(?:[0-9a-f]{32}|[a-z]?[0-9]+)(?:\s*[,|;]\s*(?:[0-9a-f]{32}|[a-z]?[0-9]+))*\s*")
"""Categories by their numbers: nobody can filter by them, and no other export has the same."""

_UNTRACKED = NO | {"none", "by none"}
_NONE_LEFT = re.compile(r"-[0-9.,]+|0[0.,]*")

Cells = dict[str, str]
"""The cells of a record by part."""


@dataclass(frozen=True, slots=True)
class RowRules:
    """How the rows of an export belong together.

    The `kind` of a row is one of `variants` or of `products`; if products have a kind, rows of other kinds are skipped.
    With `first_is_variant` there is no such column: the row of a product is also its first variant, and rows without a
    title below it are the others. Otherwise a product with variants is not sold itself. If variants name their
    `parent`, it may be anywhere in the file. With `all_optioned` each row is a variant, or keeps its options as one
    would; with `repeats_title` it has the title of its product, to which they are added. `named` are the options of
    every variant, if no column names them; `joined` are parts of which there is a column for each place. `words` are
    what cells of a part stand for, in small letters. `adapt` changes the cells of a row by those of its product, if it
    has one, for what is special in the system.
    """

    variants: Sequence[str] = ()
    products: Sequence[str] = ()
    first_is_variant: bool = False
    all_optioned: bool = False
    repeats_title: bool = False
    named: Sequence[str] = ()
    joined: tuple[str, ...] = ()
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    adapt: Callable[[Cells, Mapping[str, str]], None] = lambda _cells, _parent: None


def declare(
    name: str,
    parts: Mapping[str, str],
    telling: Sequence[str],
    rules: RowRules | None = None,
    required: str = "title",
    options: str = "",
) -> Platform:
    """Return a platform that is recognised only by its columns; `parts` have the names that are used in this file."""
    rules = rules or RowRules()
    wanted = {
        Field.SKU: ("sku", "key"),
        Field.TITLE: ("title",),
        Field.DESCRIPTION: ("description",),
        Field.CATEGORY: ("category", "slugs", "category 1", "level 1"),
        Field.PRICE: ("price", "net price", *(part for part in parts if part.startswith(PRICE_IN))),
        Field.AVAILABILITY: ("stock", "days", "available", "tracked"),
        Field.GROUP_ID: ("group", "parent", "handle"),
    } | {field: (part,) for field, part in _PLAIN_FIELDS.items()}
    fields = {
        field: "|".join(found) for field, choices in wanted.items() if (found := list(filter(parts.get, choices)))
    }

    def read(table: ShopTable) -> Iterator[Row]:
        families = _by_parent(table) if "parent" in parts else _by_place(table, rules)
        for record, parent, has_variants in families:
            yield _row(record, parent, rules, has_variants)

    return Platform(name, parts, tuple(telling), (required,), fields, read, options, rules.joined)


def _originals(table: ShopTable) -> Iterator[Record]:
    """Yield the records without those that say again what another does: in a second language, or for more pieces."""
    with open_families() as seen:
        shop_language = ""
        for record in table.records():
            if record["pieces"] not in ("", "0", "1") and not record.problem:
                continue
            key, language = record["sku"] or record["key"], record["language"]
            if key and language and not record.problem:
                shop_language = shop_language or language
                if language != shop_language and seen.has_children([key]):
                    continue
                seen.name(key)
            yield record


def _by_place(table: ShopTable, rules: RowRules) -> Iterator[tuple[Record, Mapping[str, str], bool]]:
    """Yield each record with the cells of the product above it, and whether that product has variants."""
    family: list[Record] = []

    def flush() -> Iterator[tuple[Record, Mapping[str, str], bool]]:
        for record in islice(family, 1):
            yield record, {}, len(family) > 1
        for record in family[1:]:
            yield record, family[0].cells, True

    for record in _originals(table):
        kind = record["kind"].casefold()
        is_variant = kind in rules.variants
        if rules.first_is_variant:
            is_variant = not record["title"] and bool(record["sku"] or record["price"])
        if rules.products and kind and kind not in rules.products and not is_variant and not record.problem:
            if family and record["image"]:  # images are below the product, each on a row of its own
                product = family[0]
                family[0] = replace(product, cells={**product.cells, "image": product["image"] or record["image"]})
            continue
        same = not family or record["handle"] == family[0]["handle"] or not record["handle"]
        if not (family and same and is_variant and len(family) < MOST_VARIANTS):
            yield from flush()
            family.clear()
        family.append(record)
    yield from flush()


def _by_parent(table: ShopTable) -> Iterator[tuple[Record, Mapping[str, str], bool]]:
    """Yield each record with the cells of the product that it names, wherever that is."""
    with open_families() as families:
        for record in _originals(table):
            keys = _own_keys(record)
            if record["parent"] and record["parent"] not in keys:
                families.name(record["parent"])
            elif keys:
                families.add(keys, record.cells)
        for record in _originals(table):
            keys = _own_keys(record)
            parent = families.parent(record["parent"])
            is_own = not record["parent"] or record["parent"] in keys
            yield record, {} if is_own else parent, bool(keys) and families.has_children(keys)


def _own_keys(record: Record) -> list[str]:
    return [key for key in (record["key"], record["sku"]) if key]


def _row(record: Record, parent: Mapping[str, str], rules: RowRules, has_variants: bool) -> Row:
    cells = {part: parent.get(part, "") for part in _INHERITED} if parent else _NOTHING_INHERITED.copy()
    cells |= {part: cell for part, cell in record.cells.items() if cell or part not in _NOTHING_INHERITED}
    if not cells["category"]:
        listed = "; ".join(filter(None, map(cells.get, _CATEGORY_PARTS)))
        cells["category"] = listed or PATH_SEPARATOR.join(filter(None, map(cells.get, _LEVEL_PARTS)))
    if rules.first_is_variant and record["price"]:
        cells["sale"] = record["sale"]  # each row has its own prices
    if rules.named:
        cells |= {f"name {number}": name for number, name in enumerate(rules.named, start=1)}
    for part, words in rules.words.items():
        cells[part] = words.get(cells.get(part, "").casefold(), cells.get(part, ""))
    cells["price"] = cells["price"] or cells.get("net price", "")
    if "/" in cells.get("period", ""):
        cells["starts"], _, cells["ends"] = cells["period"].partition("/")
    if "variation sku" in cells and parent:  # its own column repeats that of the product
        cells["sku"] = cells["variation sku"]
    if cells["tracked"].casefold() in _UNTRACKED:
        cells["stock"] = ""
    elif _NONE_LEFT.fullmatch(cells.get("stock", "")):
        sells_on = cells["sells on"].casefold() in YES
        cells["stock"] = "backorder" if sells_on else cells["when out"] or "0"
    rules.adapt(cells, parent)
    is_variant = bool(parent) or rules.all_optioned or (rules.first_is_variant and has_variants)
    options = _options_of(cells, parent) if is_variant else {}
    keys = (parent.get("key"), parent.get("handle"), parent.get("sku"), cells.get("parent")) if parent else ()
    group = next(filter(None, keys), "")
    if not group and has_variants:
        group = cells.get("key") or cells.get("handle") or cells.get("sku", "")
    named = cells.get("handle") or (parent.get("key") or parent.get("sku", "") if parent else cells.get("key", ""))
    sku = cells.get("sku") or cells.get("variant key") or "/".join(filter(None, [named, *options.values()]))
    if record.problem:
        return unreadable_row(record, sku)
    title, has_own = cells["title"], bool(parent) or rules.all_optioned
    own = record["title"] if has_own and not rules.repeats_title else ""
    fields: dict[Field, object] = {
        Field.SKU: sku,
        Field.TITLE: f"{title} - {' / '.join(options.values())}" if title and options and not own else title,
        Field.DESCRIPTION: cells["description"] or cells["short"],
        Field.CATEGORY: "" if _IDS.fullmatch(cells["category"]) else cells["category"],
        Field.PRICE: Offer(
            *(cells["price"], cells["sale"], cells["starts"], cells["ends"]),
            pieces_of(cells.get("for pieces", "")),
            bool(cells.get("minor")),
        ),
        Field.CURRENCY: cells["currency"],
        Field.AVAILABILITY: cells.get("stock", ""),
        Field.GROUP_ID: group or cells.get("group", ""),
    } | {field: cells.get(part, "") for field, part in _PLAIN_FIELDS.items()}
    stated = (of.get(part, "").casefold() for of in (cells, parent) for part in ("visible", "status", "buyable"))
    shown = _OFF.isdisjoint(stated) and cells.get("disabled", "").casefold() not in YES
    sold = not has_variants or bool(parent) or rules.first_is_variant
    lost = "its product is not in the feed" if record["parent"] and not parent and not title else ""
    return shop_row(record, fields, {**options, **record.attributes}, lost, shown and sold)


def _options_of(cells: Cells, parent: Mapping[str, str]) -> dict[str, str]:
    """Return the options of a variant: from columns for each, from one column of pairs, or by its product's names."""
    options = {
        cells.get(f"name {number}") or f"Option {number}": value
        for number in OPTIONS
        if (value := cells.get(f"value {number}"))
    }
    for name, value, short, shade in _OPTION.findall(cells.get("options", "")):
        options[(name or short).strip()] = (value or shade.partition(":")[0]).strip()
    if stated_names := parent.get("option names", ""):
        values = map(str.strip, cells.get("option values", "").split("|"))
        options |= dict(zip(map(str.strip, stated_names.split("|")), values, strict=False))
    return options


def discount(cells: Cells, percent: str, amount: str) -> None:
    """Make the price of a sale from the share or the amount that is taken off."""
    try:
        price, share, off = (float(text.replace(",", ".") or 0) for text in (cells["price"], percent, amount))
    except ValueError:
        return
    if price and (share > 0 or off > 0):
        cells["sale"] = f"{price * (1 - share / 100) - off:.4f}"


def split_option(cells: Cells, between: str = "|") -> None:
    """Take the options of a variant out of a cell such as `Size=S|Colour: Red`, which stands in place of the first."""
    stated = cells.get("value 1", "").split(between)
    for number, text in zip(OPTIONS, stated, strict=False):
        name, mark, value = text.partition("=" if "=" in text else ":")
        if mark:
            cells[f"name {number}"], cells[f"value {number}"] = name.strip(), value.strip()
