"""Rows of a feed, and single objects by the same rules, into products; and the rules for a product."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from math import isfinite
from typing import Any, Final, TypeVar

from recommender.errors import BadInput
from recommender.feeds.availability import parse_availability
from recommender.feeds.cells import (
    amount_of,
    attributes_of,
    currency_of,
    exact_text_of,
    first_text_of,
    is_numbered,
    join_text,
    text_of,
)
from recommender.feeds.columns import Columns, Field, Shapes, match_columns, names_field, plain_name
from recommender.feeds.flags import LONGEST_NULL, NOT_OFFERED, OFFERED_WORDS, flag_word, is_null
from recommender.feeds.prices import CURRENCIES, MAX_PRICE, Offer, StatedPrice, amount_text, parse_currency, parse_price
from recommender.feeds.rejections import BadRow, rejection_reason
from recommender.feeds.remarks import LONGEST_EXAMPLE, Remark
from recommender.feeds.rows import UNKNOWN, Notation, Row
from recommender.plain_text import clean, clean_lines, repair
from recommender.types import Availability, JsonObject, Product, ProductPatch, category_path, distinct_paths

# Python 3.11 takes longer to find a member of an enum than to find its cell, and a row has twelve.
_SKU, _TITLE, _DESCRIPTION, _BRAND, _CATEGORY, _URL = (
    Field.SKU, Field.TITLE, Field.DESCRIPTION, Field.BRAND, Field.CATEGORY, Field.URL,
)  # fmt: skip
_OTHER_CATEGORIES = Field.OTHER_CATEGORIES
_PRICE, _CURRENCY, _AVAILABILITY, _IMAGE, _GROUP_ID, _GTIN, _MPN, _ATTRIBUTES, _OFFERED = (
    Field.PRICE, Field.CURRENCY, Field.AVAILABILITY, Field.IMAGE, Field.GROUP_ID, Field.GTIN, Field.MPN,
    Field.ATTRIBUTES, Field.OFFERED,
)  # fmt: skip

Value = TypeVar("Value")

NO_GROUP = "0"
"""What shop systems that number their products write for one that is no variant of another."""


MAX_SKU: Final = 200
MAX_TITLE: Final = 2_000
MAX_BRAND: Final = 200
MAX_DESCRIPTION: Final = 100_000
MAX_URL: Final = 4_000
MAX_GROUP: Final = 200
MAX_IDENTIFIER: Final = 200
"""Longest `gtin` and `mpn`, in characters; each may be several numbers."""
MAX_CATEGORY_NAME: Final = 200
MAX_CATEGORY_PATH: Final = 600
"""Longest path, in characters: at four bytes each it still fits PostgreSQL's limit of 2,704 bytes for an indexed
key."""
MAX_CATEGORIES: Final = 50
"""Most category paths of one product."""
MAX_ATTRIBUTES: Final = 200
MAX_ATTRIBUTE_NAME: Final = 200
MAX_ATTRIBUTE_VALUE: Final = 10_000

_LENGTHS: Final = (
    ("sku", MAX_SKU),
    ("title", MAX_TITLE),
    ("brand", MAX_BRAND),
    ("description", MAX_DESCRIPTION),
    ("url", MAX_URL),
    ("image", MAX_URL),
    ("group_id", MAX_GROUP),
    ("gtin", MAX_IDENTIFIER),
    ("mpn", MAX_IDENTIFIER),
)


_LEFT_UNKNOWN = "can't be read and is left unknown"
_INVISIBLE_IN_SKU = "the SKU holds a control or invisible character"
_NO_PRICE = StatedPrice(None)
_REPAIRED = "held characters of a wrong encoding, which were repaired"

_GUARD = re.compile(r'="(.*)"|\'([0-9=+@-].*)', re.DOTALL)
"""What keeps a spreadsheet from reading a cell as a number or a formula; it is not part of the text."""

_PLAIN_SKU = re.compile(r"[A-Za-z0-9_/#-]+")
_WHOLE_FLOAT = re.compile(r"[0-9]+\.0")
LONGEST_SCIENTIFIC = 40
"""Characters of a number that a spreadsheet wrote as a power of ten."""

_SCIENTIFIC = re.compile(r"([0-9])[.,]([0-9]+)[eE]\+?([0-9]{1,2})")

_NOT_OFFERED_PHRASES = frozenset({
    "phased out", "end of life", "not for sale", "in preparation", "hors ligne", "fuera de catálogo", "fuori catalogo",
    "nicht im shop", "in vorbereitung", "not listed", "off sale",
})  # fmt: skip
_NEGATIONS = frozenset("not nicht non no pas niet nie não ikke inte ej не".split())

_STOCK_MEMBERS = (
    "availability", "quantity", "qty", "available_quantity", "availableQuantity", "in_stock", "inStock", "is_in_stock",
    "available", "status", "stock", "level", "amount",
)  # fmt: skip
"""Members of an object that say what is in stock, as shop systems have them in JSON."""

_ADDRESS = re.compile(r"https?://[^\s\"',\])]+")
_BETWEEN_ADDRESSES = re.compile(r"(?:[\s,;|]|\s&&\s)+(?=(?:https?:)?//)")
_NO_SCHEME = re.compile(r"//[\w-]+\.")
_SOME_NUMBER = re.compile(r"(?![0-9]{4}-[0-9])[0-9]")
"""The beginning of what may be an amount, and not a date."""


def is_offered(row: Row) -> bool:
    """Tell whether the feed offers the product of a row, and does not only name it, as a draft or a hidden one."""
    if not row.offered:
        return False
    stated = row.cells.get(_OFFERED, "")
    if stated is None or stated == "":
        return True
    return not any(word in NOT_OFFERED or _denies(word) for _, word in _switches(stated))


def _denies(word: str) -> bool:
    """Tell whether a phrase says that a product is not offered: `not published`, `niet actief`, `phased out`."""
    negation, _, rest = word.partition(" ")
    return (negation in _NEGATIONS and rest in OFFERED_WORDS) or word in _NOT_OFFERED_PHRASES


def _switches(cell: Any) -> Iterator[tuple[Any, str]]:
    """Yield what each column says of whether a product is offered, with its word as it is compared."""
    for said in cell if isinstance(cell, list) else (cell,):
        yield said, flag_word(said)


def product_of(row: Row, notation: Notation = UNKNOWN, remarks: list[Remark] | None = None) -> Product:
    """Make the product of a row: entities decoded, markup removed, single spaces in all but the description.

    What can't be read is left unknown, and what is too long is cut; `remarks` records both. Raises `BadRow` with the
    reason when the row has no usable SKU or title.
    """
    if row.problem:
        raise BadRow(row.problem)
    cells = row.cells.get
    told: list[Remark] = [] if remarks is None else remarks
    if row.remark:
        told.append(Remark("row", row.remark, str(row.raw)[:LONGEST_EXAMPLE], lost=False))
    sku = _sku(cells(_SKU), notation, told)
    title = _line("title", cells(_TITLE), MAX_TITLE, told)
    if not title:
        raise BadRow("no title")
    stock = cells(_AVAILABILITY)
    if shown := cells(_OFFERED):
        for said, word in _switches(shown):
            if said and not (word in OFFERED_WORDS or is_null(word) or _denies(word)):
                found = parse_availability(word) if any(map(str.isalpha, word)) else Availability.UNKNOWN
                if found is Availability.UNKNOWN:
                    what = "is no word that is known, and counts as on sale"
                    told.append(Remark("offered", what, _excerpt(said), lost=False))
                elif _is_removal(stock):
                    stock = found.value  # a status may say `sold out`
    currency = cells(_CURRENCY)
    if not (isinstance(currency, str) and currency in CURRENCIES):
        currency = _optional("currency", currency, lambda cell: parse_currency(text_of(cell, "currency")), "", told)
    stated = cells(_PRICE)
    price: StatedPrice = _optional("price", stated, lambda cell: _price(cell, notation, currency), _NO_PRICE, told)
    if price.remark or price.amount == 0:
        told.append(Remark("price", price.remark or "is 0", _excerpt(stated), lost=False))
    attributes = _attributes(row, told) if row.attributes or cells(_ATTRIBUTES) not in (None, "") else {}
    brand = _line("brand", cells(_BRAND), MAX_BRAND, told)
    category, *others = _categories(cells(_CATEGORY), cells(_OTHER_CATEGORIES), title, brand, notation, told) or ((),)
    return Product(
        sku=sku,
        title=title,
        description=_description(cells(_DESCRIPTION), told),
        brand=brand,
        category=category,
        price=price.amount,
        currency=currency or price.currency,
        availability=_availability(stock, told),
        url=_address("url", cells(_URL), told),
        image=_address("image", cells(_IMAGE), told),
        group_id=_group(group, told) if (group := cells(_GROUP_ID)) not in (None, "") else "",
        gtin=_numbers(cells(_GTIN), _GTIN, attributes, told),
        mpn=_numbers(cells(_MPN), _MPN, attributes, told),
        attributes=attributes,
        other_categories=tuple(others),
    )


def patch_of(
    row: Row, notation: Notation = UNKNOWN, remarks: list[Remark] | None = None, blanks: bool = False
) -> ProductPatch:
    """Make the changes of a row: what has a value is set, and what holds null, or a word for it, is removed.

    An empty cell means no change, unless `blanks` remove, too. Raises `BadRow` with the reason for a row without a
    usable SKU, or one that removes the title.
    """
    if row.problem:
        raise BadRow(row.problem)
    cells = {field: cell for field, cell in row.cells.items() if blanks or not _is_blank(cell)}
    named = {name: value for name, value in row.attributes.items() if blanks or value != ""}
    removed = {field for field, cell in cells.items() if _is_removal(cell)}
    if _TITLE in removed:
        raise BadRow("a title can't be removed; leave it out, or give another")
    # What the row leaves out is filled in for a moment, so that the rules of a whole product read the rest.
    sku = sku_of(row, notation)
    stated = {field: cell for field, cell in cells.items() if field not in removed}
    whole = row._replace(cells={_TITLE: sku, **stated, _SKU: row.cells.get(_SKU)}, attributes=named)
    product = product_of(whole, notation, remarks)
    changed = {str(field): getattr(product, field) for field in cells if field in _PATCHED}
    if _AVAILABILITY in removed:
        changed[_AVAILABILITY.value] = Availability.UNKNOWN
    if _PRICE in stated and product.currency:
        changed[_CURRENCY.value] = product.currency
    if product.other_categories:
        changed[_OTHER_CATEGORIES.value] = product.other_categories
    if _ATTRIBUTES in removed:
        changed[_ATTRIBUTES.value] = {}
    members = cells.get(_ATTRIBUTES)
    named = {**members, **named} if isinstance(members, Mapping) else named
    gone = {clean(str(name)): None for name, value in named.items() if _is_removal(value)}
    return ProductPatch(product.sku, changed, {**gone, **product.attributes})


_PATCHED = frozenset(Field) - {_SKU, _ATTRIBUTES, _OFFERED}


def _is_blank(cell: Any) -> bool:
    if isinstance(cell, Offer):
        return not (cell.regular.strip() or cell.sale.strip())
    return (isinstance(cell, str) and not cell.strip()) or (isinstance(cell, list | tuple) and not cell)


def _is_removal(cell: Any) -> bool:
    return cell is None or _is_blank(cell) or (isinstance(cell, str) and is_null(cell.strip()))


def sku_of(row: Row, notation: Notation = UNKNOWN) -> str:
    """Return the SKU of a row as far as it can be read, for a report."""
    try:
        return _sku(row.cells.get(_SKU), notation, [])
    except Exception:  # noqa: BLE001 - the row is rejected already, with the reason that it is left out for
        cell = row.cells.get(_SKU)
        return cell.strip()[:MAX_SKU] if isinstance(cell, str) else ""


def _optional(field: str, cell: Any, read: Callable[[Any], Any], unknown: Any, told: list[Remark]) -> Any:
    """Read a cell that a product can do without."""
    if cell is None or cell == "":
        return unknown
    try:
        return read(cell)
    except BadRow as error:
        if not (isinstance(cell, str) and is_null(cell.strip())):
            told.append(Remark(field, _LEFT_UNKNOWN, _excerpt(cell), reason=str(error)))
        return unknown


def _excerpt(cell: Any) -> str:
    cell = cell.regular if isinstance(cell, Offer) else cell
    return cell if isinstance(cell, str) else repr(cell)[:200]


def _plain(field: str, cell: Any, told: list[Remark]) -> str:
    """Return the text of a cell as it was meant, without the guard of a spreadsheet; nothing for a null word."""
    text = cell if isinstance(cell, str) else _optional(field, cell, lambda it: first_text_of(it, field), "", told)
    if text[:1] == "=":
        text = _strip_guard(text)
    repaired = repair(text)
    if repaired != text:
        told.append(Remark(field, _REPAIRED, text, lost=False))
    return repaired


def _line(field: str, cell: Any, longest: int, told: list[Remark]) -> str:
    if not cell and not isinstance(cell, dict):
        return "" if cell != 0 or cell is False else "0"
    text = clean(cell if isinstance(cell, str) and cell.isascii() and cell[0] != "=" else _plain(field, cell, told))
    if len(text) < LONGEST_NULL and is_null(text):
        return ""
    return text if len(text) <= longest else _cut(field, text, longest, told)


def _cut(field: str, text: str, longest: int, told: list[Remark]) -> str:
    reason = f"{field} has {len(text):,} characters; at most {longest:,} are kept"
    told.append(Remark(field, f"is longer than {longest:,} characters and is cut", text, reason=reason))
    return text[:longest].rstrip()


def _sku(cell: Any, notation: Notation, told: list[Remark]) -> str:
    text = "" if isinstance(cell, bool) else text_of(cell, "sku").strip()  # Odoo has false for nothing
    if not _PLAIN_SKU.fullmatch(text):
        text = _plain("sku", _strip_guard(text), told)
        if unstorable(text):
            raise BadRow(f"sku holds {unstorable(text)}")
        if not text.isascii() or not text.isprintable() or "&" in text or "<" in text or "  " in text:
            if any(ord(mark) < 32 and mark not in "\t\n\r" for mark in text):
                raise BadRow(_INVISIBLE_IN_SKU)
            text = clean(text)
        if number := _SCIENTIFIC.fullmatch(text):
            digits = _digits_of(number)
            if not digits:
                raise BadRow(
                    f"the SKU {text!r} is what a spreadsheet makes of a long number: its last digits are lost; format"
                    " the column as text there, and export it again"
                )
            told.append(Remark("sku", "is a number that a spreadsheet wrote as a power of ten", text, lost=False))
            text = digits
        elif not notation.dotted_skus and _WHOLE_FLOAT.fullmatch(text):
            told.append(Remark("sku", "is a whole number with .0 behind it, which is left out", text, lost=False))
            text = text[:-2]
    if not text or is_null(text):
        raise BadRow("no SKU")
    if len(text) > MAX_SKU:
        raise BadRow(f"sku has {len(text):,} characters; at most {MAX_SKU:,} are kept")
    if not text.isprintable():
        raise BadRow(_INVISIBLE_IN_SKU)
    return text


def _digits_of(number: re.Match[str]) -> str:
    """Return the integer that a power of ten stands for; an empty text if its last digits are lost."""
    first, others, exponent = number[1], number[2], int(number[3])
    return first + others[:exponent] if len(others) >= exponent else ""


def _description(cell: Any, told: list[Remark]) -> str:
    if not cell and not isinstance(cell, dict):
        return ""
    if not isinstance(cell, str):
        cell = _optional("description", cell, lambda it: join_text(it, "description"), "", told)
    text = clean_lines(cell if cell.isascii() and cell[:1] != "=" else _plain("description", cell, told))
    if len(text) < LONGEST_NULL and is_null(text):
        return ""
    return text if len(text) <= MAX_DESCRIPTION else _cut("description", text, MAX_DESCRIPTION, told)


def _categories(
    cell: Any, further: Any, title: str, brand: str, notation: Notation, told: list[Remark]
) -> tuple[tuple[str, ...], ...]:
    """Return the paths of a product, the primary one first."""
    column = notation.categories
    paths: tuple[tuple[str, ...], ...] = _optional("category", cell, lambda it: column.read(it, title, brand), (), told)
    if further not in (None, ""):
        paths = distinct_paths((*paths, *_optional("other_categories", further, column.paths, (), told)))
    if len(paths) == 1 and _is_short(paths[0]):
        return paths
    if len(paths) > MAX_CATEGORIES:
        told.append(Remark("category", f"beyond the first {MAX_CATEGORIES} are left out", category_path(paths[-1])))
    return tuple(path if _is_short(path) else _cut_path(path, told) for path in paths[:MAX_CATEGORIES])


def _cut_path(path: tuple[str, ...], told: list[Remark]) -> tuple[str, ...]:
    if max(map(len, path)) > MAX_CATEGORY_NAME:
        path = tuple(
            name if len(name) <= MAX_CATEGORY_NAME else _cut("category", name, MAX_CATEGORY_NAME, told) for name in path
        )
    while len(category_path(path)) > MAX_CATEGORY_PATH:
        told.append(Remark("category", f"is longer than {MAX_CATEGORY_PATH:,} characters and is cut", path[-1]))
        path = path[:-1]
    return path


@lru_cache(maxsize=16_384)
def _is_short(path: tuple[str, ...]) -> bool:
    return max(map(len, path)) <= MAX_CATEGORY_NAME and len(category_path(path)) <= MAX_CATEGORY_PATH


def _price(value: Any, notation: Notation, currency: str) -> StatedPrice:
    if isinstance(value, str):
        return parse_price(_strip_guard(value) if value[:1] in "='" else value, notation.decimal_mark, currency)
    if isinstance(value, Offer):
        return value.price(notation.decimal_mark, currency)
    if isinstance(value, Mapping):
        amount = amount_of(value)
        if amount is None and "centAmount" in value:  # as commercetools has it
            coin = parse_currency(text_of(currency_of(value), "currency"))
            return replace(Offer(text_of(value["centAmount"], "price"), minor=True).price("", coin), currency=coin)
        if amount is None and any(_SOME_NUMBER.match(amount_text(member)) for member in value.values()):
            raise BadRow(f"price is an object in which no amount is known among {', '.join(map(str, value))[:100]}")
        stated = _price(amount, notation, currency)
        named = parse_currency(text_of(currency_of(value), "currency"))
        return StatedPrice(stated.amount, named or stated.currency, stated.remark)
    if isinstance(value, list | tuple) and len(value) == 1:
        return _price(value[0], notation, currency)
    if isinstance(value, float) and value != value:
        return _NO_PRICE
    # A number already has its decimal point, however the feed writes its texts.
    return parse_price(text_of(value, "price"), ".")


def _strip_guard(text: str) -> str:
    """Return a cell without its guard. An apostrophe is one only before a number: there is a brand named '47."""
    guarded = _GUARD.fullmatch(text.strip()) if text[:1] in ("=", "'") else None
    return (guarded[1] or guarded[2] or "") if guarded else text


def _availability(cell: Any, told: list[Remark]) -> Availability:
    if isinstance(cell, str):
        if is_null(cell):
            return Availability.IN_STOCK
        if (known := parse_availability(cell)) is not Availability.UNKNOWN:
            return known
    if cell is None or cell == "":
        return Availability.IN_STOCK
    if isinstance(cell, list | tuple) and len(cell) == 1:
        return _availability(cell[0], told)
    if isinstance(cell, Mapping):
        cell = next((cell[name] for name in _STOCK_MEMBERS if cell.get(name) is not None), cell)
    text = _optional("availability", cell, lambda it: _strip_guard(text_of(it, "availability")), None, told)
    if text is None:
        return Availability.UNKNOWN
    found = parse_availability(text)
    if found is Availability.UNKNOWN and _excerpt(cell).strip().casefold() != Availability.UNKNOWN:
        told.append(Remark("availability", _LEFT_UNKNOWN, _excerpt(cell)))
    return found


def _address(field: str, cell: Any, told: list[Remark]) -> str:
    if not cell and not isinstance(cell, dict):
        return ""
    text = (cell if isinstance(cell, str) else _plain(field, cell, told)).strip()
    if text[:5].casefold() == "data:":
        told.append(Remark(field, "holds the file itself (data:) and is left out", text))
        return ""
    if (text[:1] == "[" or "(http" in text) and (listed := _ADDRESS.search(text)):
        text = listed[0]  # a list, or an attachment as Airtable has it: `mug.jpg (https://…)`
    if "&" in text:
        text = text.replace("&amp;", "&").replace("&amp;", "&")
    if _NO_SCHEME.match(text):
        text = f"https:{text}"  # the page that it was written for gave the scheme
    if text.find("http", 1) > 0 or text.find("//", len("https://")) > 0:
        text = _BETWEEN_ADDRESSES.split(text, maxsplit=1)[0]
    if len(text) < LONGEST_NULL and is_null(text):
        return ""
    if len(text) > MAX_URL or unstorable(text):
        told.append(Remark(field, f"is no address of at most {MAX_URL:,} characters and is left out", text))
        return ""
    return text


def _group(cell: Any, told: list[Remark]) -> str:
    group = _line("group_id", str(cell[0]) if is_numbered(cell) else cell, MAX_DESCRIPTION, told)
    if _WHOLE_FLOAT.fullmatch(group):
        group = group[:-2]
    if len(group) > MAX_GROUP:
        told.append(Remark("group_id", _LEFT_UNKNOWN, group))
        return ""
    return "" if group == NO_GROUP else group


def _numbers(cell: Any, field: Field, attributes: Mapping[str, str], told: list[Remark]) -> str:
    """Return the numbers that a product is known by, from its own column, or else from its attributes.

    A text that is too long for the catalogue is not a number, and the product is kept.
    """
    numbers = []
    for each in () if cell is None or cell == "" else cell if isinstance(cell, list | tuple) else [cell]:
        stated = _optional(field, each, lambda it: exact_text_of(it, field), "", told)
        text = _line(field, _strip_guard(stated), MAX_DESCRIPTION, told)
        if number := _SCIENTIFIC.fullmatch(text):
            digits = _digits_of(number)
            if not digits:
                told.append(Remark(field, "lost its last digits in a spreadsheet and is left unknown", text))
                continue
            text = digits
        numbers.append(text[:-2] if _WHOLE_FLOAT.fullmatch(text) else text)
    found = ", ".join(number for number in numbers if number.strip("0"))
    if not found:
        found = next((text for name, text in attributes.items() if names_field(name, field)), "")
    return found if len(found) <= MAX_IDENTIFIER else ""


def _attributes(row: Row, told: list[Remark]) -> dict[str, str]:
    found: dict[str, str] = _optional("attributes", row.cells.get(_ATTRIBUTES), attributes_of, {}, told)
    for name, value in row.attributes.items():
        if value not in (None, ""):
            found |= _optional("attributes", {name: value}, attributes_of, {}, told)
    kept: dict[str, str] = {}
    for name, text in found.items():
        if len(kept) == MAX_ATTRIBUTES:
            told.append(Remark("attributes", f"beyond the first {MAX_ATTRIBUTES} are left out", name))
            break
        if 8 < len(text) < LONGEST_SCIENTIFIC and _SCIENTIFIC.fullmatch(text):
            told.append(Remark("attributes", "hold a number whose last digits a spreadsheet lost, and lose it", text))
        elif len(name) <= MAX_ATTRIBUTE_NAME:
            is_long = len(text) > MAX_ATTRIBUTE_VALUE
            kept[name] = _cut("attributes", text, MAX_ATTRIBUTE_VALUE, told) if is_long else text
    return kept


def _match_members(names: tuple[str, ...]) -> Columns:
    """Match the members of an object. It states one price: half of it could be what a patch leaves as it was.

    A second name of the title is one that nothing is read from, and is told.
    """
    columns = match_columns(names, {Field.OFFERED: ""})
    unread = (*filter(None, columns.sale), *columns.titles)
    if not unread:
        return columns
    fields = {field: name for field, name in columns.fields.items() if name not in columns.sale}
    return replace(
        columns, fields=fields, sale=(), titles=(), ignored=tuple(dict.fromkeys((*columns.ignored, *unread)))
    )


class ProductObjects:
    """Reads objects of any shape; each set of names is matched to the fields once. Safe to use from several threads."""

    def __init__(self) -> None:
        self._shapes: Shapes[Columns] = Shapes(_match_members)

    def product(
        self, members: JsonObject, sku: str = "", unless_stated: Availability = Availability.IN_STOCK
    ) -> Product:
        """Make the product of an object; `sku` is its SKU if the object names none.

        Its availability is `unless_stated` if the object does not say. Raises `BadInput` with the reason when the
        object states no product.
        """
        row = self._row(members, sku)
        product = self._read(members, lambda remarks: product_of(row, remarks=remarks))
        stated = not _is_removal(row.cells.get(_AVAILABILITY))
        return product if stated else replace(product, availability=unless_stated)

    def patch(self, members: JsonObject, sku: str = "") -> ProductPatch:
        """Make the changes that an object states: null and an empty text remove, and what is not named stays.

        Raises `BadInput` with the reason when the object states no changes of a product.
        """
        return self._read(members, lambda remarks: patch_of(self._row(members, sku), remarks=remarks, blanks=True))

    def _read(self, members: JsonObject, read: Callable[[list[Remark]], Value]) -> Value:
        remarks: list[Remark] = []
        for name, value in members.items():
            if isinstance(value, float) and not isfinite(value):
                raise BadInput(f"{name} is {value}, which is no number in JSON; leave the field out")
        try:
            found = read(remarks)
        except Exception as error:  # noqa: BLE001 - whatever one item holds, it answers for itself alone
            raise BadInput(rejection_reason(error)) from None
        # A caller is told at once, and can correct it; only a feed continues without what can't be read.
        for remark in remarks:
            if remark.lost:
                raise BadInput(remark.reason or f"{remark.field} {remark.cell[:40]!r} {remark.what}")
        return found

    def sku(self, members: JsonObject) -> str:
        """Return the SKU of an object as far as it can be told, for a report."""
        return sku_of(self._row(members, ""))

    def leftover_names(self, members: JsonObject) -> tuple[str, ...]:
        """Return the names of an object that nothing is read from, for a report."""
        return self._shapes.of(tuple(members)).ignored

    def _row(self, members: JsonObject, sku: str) -> Row:
        columns = self._shapes.of(tuple(members))
        cells = columns.cells_of(members)
        # The number of a manufacturer or of a barcode, or some code, names a product only if nothing else does.
        stated = columns.fields.get(Field.SKU, "")
        weak = ("", columns.fields.get(Field.MPN), columns.fields.get(Field.GTIN))
        if sku and (stated in weak or plain_name(stated) == "code"):
            cells[Field.SKU] = sku
        return Row(0, cells, {attribute: members[name] for attribute, name in columns.attributes.items()})


def product_problem(product: Product) -> str:
    """Return why a product of the right types can't enter the catalogue, in a few words; empty if it can."""
    if not product.sku.strip():
        return "no SKU"
    if not product.sku.isprintable():
        return _INVISIBLE_IN_SKU
    for name, longest in _LENGTHS:
        text: str = getattr(product, name)
        if len(text) > longest:
            return f"{name} has {len(text):,} characters; at most {longest:,} are kept"
        if found := unstorable(text):
            return f"{name} holds {found}"
    price, currency = product.price, product.currency
    if price is not None and price > MAX_PRICE:
        return f"price {price:.6g} is too large; at most {MAX_PRICE}"
    if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        return f"currency {currency[:20]!r} is not a three-letter code such as EUR"
    if found := _categories_problem(product.categories):
        return found
    if len(product.attributes) > MAX_ATTRIBUTES:
        return f"{len(product.attributes):,} attributes; at most {MAX_ATTRIBUTES} are kept"
    for name, value in product.attributes.items():
        if len(name) > MAX_ATTRIBUTE_NAME or len(value) > MAX_ATTRIBUTE_VALUE:
            return f"attribute {name[:40]!r} is longer than {MAX_ATTRIBUTE_VALUE:,} characters"
        if found := unstorable(name) or unstorable(value):
            return f"attribute {name[:40]!r} holds {found}"
    return ""


def unstorable(text: str) -> str:
    """Return what a text has that a database can't store: a NUL or half of a surrogate pair; empty for nothing."""
    if "\x00" in text:
        return "a NUL character"
    if text.isascii():
        return ""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair"
    return ""


def _categories_problem(categories: Sequence[tuple[str, ...]]) -> str:
    if len(categories) > MAX_CATEGORIES:
        return f"{len(categories):,} categories; at most {MAX_CATEGORIES} are kept"
    for category in categories:
        if max(map(len, category), default=0) > MAX_CATEGORY_NAME:
            return f"a category name is longer than {MAX_CATEGORY_NAME} characters"
        path = category_path(category)
        if len(path) > MAX_CATEGORY_PATH:
            return f"the category path is longer than {MAX_CATEGORY_PATH} characters"
        if found := unstorable(path):
            return f"category holds {found}"
    return ""
