"""Which column of a feed holds which field of a product."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Generic, Protocol, TypeVar

from recommender.errors import BadFeed, UsageError
from recommender.feeds.availability import parse_availability
from recommender.feeds.cells import stated_amount
from recommender.feeds.column_names import (
    ABOVE,
    BELOW,
    DENIALS,
    ENDING,
    LISTS,
    MINOR,
    MINOR_SALE,
    NAMES,
    OF_A_SALE,
    OF_PRODUCTS,
    OF_VARIANTS,
    PERIOD,
    PIECES,
    RECORDED,
    SALE,
    SELLS_ON,
    SHORT_DESCRIPTIONS,
    STARTING,
    STATES,
    TRACKED,
    WORDS_TOO,
)
from recommender.feeds.flags import DENIAL, NO, NO_DENIAL, OFFERED_WORDS, TICKS, YES, flag_word, is_no_date, is_null
from recommender.feeds.prices import CURRENCIES, CURRENCY_SYMBOLS, Offer, amount_text, pieces_of
from recommender.types import Availability


class Field(StrEnum):
    """The fields of a product, as `--map` names them."""

    SKU = "sku"
    TITLE = "title"
    DESCRIPTION = "description"
    BRAND = "brand"
    CATEGORY = "category"
    OTHER_CATEGORIES = "other_categories"
    PRICE = "price"
    CURRENCY = "currency"
    AVAILABILITY = "availability"
    URL = "url"
    IMAGE = "image"
    GROUP_ID = "group_id"
    GTIN = "gtin"
    MPN = "mpn"
    ATTRIBUTES = "attributes"
    OFFERED = "offered"
    """Whether the shop shows the product at all. It is not a field of a product: one that is not offered is left
    out."""


_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d"})
"""Letters whose stroke or dot is not an accent in Unicode."""


def plain_name(name: str) -> str:
    """Return a column's name as names are compared: in small letters without separators, accents and Google's `g:`."""
    plain = name.strip().casefold().removeprefix("g:")
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain).translate(_LETTERS)
    return "".join(filter(str.isalnum, plain))


def plain_names(names: str) -> tuple[str, ...]:
    """Return a table's names, between spaces, as `plain_name` makes them."""
    return tuple(map(plain_name, names.split()))


_DENIALS = frozenset(map(plain_name, DENIALS))
_SALE = tuple(map(plain_names, SALE))
_SELLING_ON = YES | {"continue", "allow"}
_COUNT = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")

_LEVEL = re.compile(
    r"(?:(?:product|item|main|shop)?(?:categor(?:y|ies|ie|ia|ias|ieen)|kategori(?:e|en|a|i)?|cat|taxonomy|hierarchy"
    r"|warengruppe|rayon|famille|famiglia|familia|категория|分类"
    rf"|icgroup|{plain_name('カテゴリ')})(?:level|lvl|l|ebene|niveau|nivel|livello|depth|name)?"
    r"|level|lvl|ebene|niveau|nivel|livello)([0-9])(?:name)?|(?:level|lvl|l)([0-9])(?:category|cat|name)(?:name)?"
)
"""Columns that have one level of a path each: `category_1`, `Kategorie Ebene 2`, `level3`, `l1_category`."""

_BETWEEN_DATES = re.compile(
    r"\s+(?:[-\u2010-\u2015]|to|until|till|bis|al?|au|tot|do|til|до|по)\s+|\s*[~〜～]\s*"
    r"|(?<=[0-9.])[-\u2010-\u2015](?=[0-9]{1,4}\.)"
)
_DATE = re.compile(
    r"(?<![\w./-])(?:[0-9]{4}([-./])[0-9]{1,2}\1[0-9]{1,2}"
    r"|[0-9]{1,2}(?:([-./])[0-9]{1,2}\2(?:19|20)[0-9]{2}|([./])[0-9]{1,2}\3[23][0-9]))(?![^\WT])"
    r"|[0-9]{4}年|[0-9]{1,2}\.? [^\W\d]{3,9}\.? [0-9]{4}"
)
"""What looks like a date with its year, and not like a version, the number of a telephone or a part of an address."""

_TAXES = frozenset(
    "iva vat mwst ust tva btw moms mva dph kdv ндс пдв tax taxes gst alv afa φπα ttc brutto gross bruto 税込".split()
)
"""Words on taxes in the name of a column of prices: `Precio (IVA incl.)`, `VK-Preis brutto`."""

_BEFORE_TAXES = frozenset(
    "incl inkl inc inclusive including included inclus incluido incluida inclusa inclusi con avec with mit met med z s"
    " с in sis sisaltaa dahil com c cu με".split()
)
_WITHOUT_TAXES = frozenset(
    "excl exkl excluded exclus exclusief excluding exclusive exc ex eks netto net nett neto ht ohne sans hors bez uden"
    " uten utan zonder senza sin sem fara nelkul ilman без zzgl plus mas mais piu vor before o u haric 税抜".split()
)
_TAXES_TO_COME = re.compile(r"\+|\bs/", re.IGNORECASE)

_HAS_LETTER = re.compile(r"[^\W\d_]").search

_IN_LANGUAGES = frozenset({Field.TITLE, Field.DESCRIPTION, Field.CATEGORY, Field.URL})
_IN_LANGUAGE = re.compile(
    r"[\s_.:/(\[-]+(de|en|fr|es|it|nl|pl|cs|cz|sk|hu|ro|pt|sv|da|fi|nb|tr|ru|uk|ja|ko|zh|el|bg|hr|sl|lt|lv)"
    r"(?:[-_][a-z]{2})?[)\]]?\s*$",
    re.IGNORECASE,
)
"""A language behind the name of a column: `name_en`, `Titel [DE]`, `title-en_US`. That of the first title is read."""

_ATTRIBUTE_PREFIXES = ("attribute:", "attr_", "attr:", "attributes.")

MOSTLY = 0.8
"""Share of the first rows that is most of them."""

FEWEST_ROWS = 9
"""In fewer rows, that nearly all texts differ says nothing."""

LONGEST_LIST = 12
"""Columns named in a message."""


@dataclass(frozen=True, slots=True)
class Columns:
    """`fields` and `attributes` name the column that each is read from; `ignored` are the columns not read.

    A category may be in several columns, one for each of its `levels`. A `sale` price beside the regular one has its
    column, and those of its begin, its end, its period and whether it counts, if there are any. It does not count with
    a date in one of the `doubtful` columns, nor if the currency is another than its column names (`sale_currency`).
    Each of several `switches` may say that a product is not offered, and each of the `denials`, which say it by a yes.
    The `dates` of publishing say it by a null. Where the SKU is the number of a variant, a product without variants has
    that of its `product`. The `currency` is that in the name of the price's column. The column `pieces` says for how
    many pieces the prices are; `minor` ones are whole numbers of the currency's smallest unit. Where the title's column
    is empty, or only has the SKU, further `titles` count. The stock counts if it is `tracked`, and a product `sells_on`
    without any.
    """

    fields: Mapping[Field, str]
    attributes: Mapping[str, str]
    ignored: tuple[str, ...]
    levels: tuple[str, ...] = ()
    sale: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    currency: str = ""
    denials: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    product: str = ""
    pieces: str = ""
    minor: bool = False
    titles: tuple[str, ...] = ()
    tracked: str = ""
    sells_on: str = ""
    doubtful: tuple[str, ...] = ()
    sale_currency: str = ""

    @property
    def read(self) -> set[str]:
        """The columns that something is read from."""
        several = (
            *self.levels,
            *self.titles,
            *self.sale,
            *self.doubtful,
            *self.switches,
            *self.denials,
            *self.dates,
            *(self.product, self.pieces, self.tracked, self.sells_on),
        )
        return {*self.fields.values(), *self.attributes.values(), *several} - {""}

    def cells_of(self, cells: Mapping[str, Any]) -> dict[Field, Any]:
        """Return the cells of a row by field."""
        found = {field: cells.get(name) for field, name in self.fields.items()}
        if self.product and found.get(Field.SKU) in (None, ""):
            found[Field.SKU] = cells.get(self.product)
        title = found.get(Field.TITLE)
        if self.titles and title in (None, "", found.get(Field.SKU)):  # ERPNext's `name` is the number of an item
            others = (cell for name in self.titles if (cell := cells.get(name)) not in (None, ""))
            found[Field.TITLE] = next(others, title)
        if self.levels:
            path = [cell for name in self.levels if (cell := cells.get(name)) not in (None, "")]
            # One of the columns may have whole paths all the same.
            found[Field.CATEGORY] = [cell for cell in path if isinstance(cell, str) and ">" in cell] or path
        counts = self.sale and flag_word(cells.get(self.sale[4])) not in NO
        if counts and self.sale_currency and (stated := str(found.get(Field.CURRENCY) or "").strip().upper()):
            counts = CURRENCY_SYMBOLS.get(stated, stated) == self.sale_currency or is_null(stated)
        if counts and (sale := stated_amount(cells.get(self.sale[0]))) and not is_null(sale):
            starts, ends, period = (str(cells.get(name) or "") for name in self.sale[1:4])
            if is_no_date(starts) and is_no_date(ends):
                between = _BETWEEN_DATES.search(period)
                starts, _, ends = period.partition(between[0] if between else "/")
            if unread := next((name for name in self.doubtful if _DATE.search(str(cells.get(name) or ""))), ""):
                starts = f"{unread}: {cells[unread]}"  # which no date can be read from, and the report shows
            found[Field.PRICE] = Offer(stated_amount(found.get(Field.PRICE)), sale, starts, ends)
        pieces = pieces_of(str(cells.get(self.pieces) or "")) if self.pieces else 1
        if (self.minor or pieces != 1) and found.get(Field.PRICE) not in (None, ""):
            price = found[Field.PRICE]
            offer = price if isinstance(price, Offer) else Offer(stated_amount(price))
            found[Field.PRICE] = replace(offer, pieces=pieces, minor=self.minor)
        price = found.get(Field.PRICE)
        amount = price.regular or price.sale if isinstance(price, Offer) else price
        if self.currency and not isinstance(amount, Mapping) and amount_text(amount)[:1].isdecimal():
            found[Field.CURRENCY] = self.currency
        if (self.tracked or self.sells_on) and _COUNT.fullmatch(str(found.get(Field.AVAILABILITY))):
            count = str(found[Field.AVAILABILITY])
            is_gone = count.startswith("-") or not count.strip("0.,")
            if self.tracked and flag_word(cells.get(self.tracked)) in NO:
                found[Field.AVAILABILITY] = "in stock"
            elif is_gone and flag_word(cells.get(self.sells_on)) in _SELLING_ON:
                found[Field.AVAILABILITY] = "backorder"
        if self.switches:
            found[Field.OFFERED] = [cells.get(name) for name in self.switches]
        if (self.denials or self.dates) and (said := self._denials_of(cells)):
            unclear = [word for word in said if not _is_denial(word)]
            switches = found.get(Field.OFFERED)
            several = [*(switches if isinstance(switches, list) else [switches]), *unclear]
            found[Field.OFFERED] = several if len(unclear) == len(said) else "hidden"
        return found

    def denies(self, cells: Mapping[str, Any]) -> bool:
        """Tell whether a row says of its product that it is hidden, archived or deleted."""
        return any(map(_is_denial, self._denials_of(cells)))

    def _denials_of(self, cells: Mapping[str, Any]) -> list[str]:
        """Return what the columns say that may take a product off sale: all but a no, and a null for a date."""
        stated = [flag_word(cell) for cell in map(cells.get, self.denials) if not is_no_date(cell)]
        unpublished = ["hidden" for name in self.dates if cells.get(name, "") is None]
        return unpublished + [word for word in stated if word not in NO_DENIAL]


def _is_denial(word: str) -> bool:
    """Tell whether a word in a column such as `discontinued` is a yes, a date, a reason, or the name of the column."""
    return word in DENIAL or not word.isalpha() or plain_name(word) in _DENIALS


@cache
def _aliases() -> dict[Field, tuple[str, ...]]:
    return {Field(field): plain_names(names) for field, names in NAMES.items()}


def field_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """Read `--map` pairs: of a field, or of `attribute:NAME`. Raises `UsageError` for a field that does not exist."""
    fields: dict[str, str] = {}
    for name, column in mapping.items():
        if attribute := attribute_of(name):
            fields[f"attribute:{attribute}"] = column
            continue
        if name.casefold() not in set(Field):
            raise UsageError(
                f"--map: products have no field {name!r}; the fields are {', '.join(Field)}, or attribute:NAME"
            )
        fields[Field(name.casefold())] = column
    return fields


def match_columns(names: Sequence[str], mapping: Mapping[str, str]) -> Columns:
    """Find the fields among the columns of a feed. `mapping` wins, and a field that it gives no column is not read.

    Columns that it names may be missing.
    """
    attributes = {attribute: name for name in names if (attribute := attribute_of(name))}
    for name, column in mapping.items():
        if (attribute := attribute_of(name)) and (found := column_named(column, names)):
            attributes[attribute] = found
        else:
            attributes.pop(attribute, None)
    mapped = {column_named(column, names) for column in mapping.values() if column}
    open_names = [name for name in reversed(names) if name not in mapped and not attribute_of(name)]
    open_names.sort(key=lambda name: not name.startswith("@"))  # JSON-LD has an `@id` beside the shop's own
    # `Item #` is a number, and `Active (0/1)` a switch.
    numbered = {f"{plain_name(name)}number": name for name in open_names if name.rstrip().endswith(("#", "№"))}
    asked = {plain_name(name.rstrip()[:-5]): name for name in open_names if name.rstrip().endswith("(0/1)")}
    by_name = {_short_name(name): name for name in open_names} | numbered | asked
    by_name |= {plain_name(name): name for name in open_names}
    fields = _find_fields(names, mapping, open_names, by_name)

    def first(aliases: Iterable[str]) -> str:
        return next((by_name[alias] for alias in aliases if alias in by_name), "")

    if Field.GROUP_ID not in mapping and not by_name.keys().isdisjoint(OF_VARIANTS):
        product = first(OF_PRODUCTS)
        if product and product not in fields.values():
            fields.setdefault(Field.GROUP_ID, product)
    else:
        product = ""
    of_variants = plain_name(fields.get(Field.SKU, "")) in OF_VARIANTS and Field.SKU not in mapping
    levels = () if Field.CATEGORY in mapping else _levels(by_name, fields)
    minor = "" if Field.PRICE in mapping or Field.PRICE in fields else first(MINOR)
    if minor:
        fields[Field.PRICE] = minor
    prices = plain_names(MINOR_SALE) if minor else _SALE[0]
    sale, doubtful = ((), ()) if Field.PRICE in mapping else _sale_columns(by_name, open_names, fields, prices)
    if sale:
        fields.setdefault(Field.PRICE, sale[0])
    if fields.get(Field.OTHER_CATEGORIES) == fields.get(Field.CATEGORY):
        fields.pop(Field.OTHER_CATEGORIES, None)
    currency = "" if Field.CURRENCY in fields else _currency_in(fields.get(Field.PRICE, ""))
    pieces = first(PIECES) if Field.PRICE in fields else ""
    offered, titled = (() if field in mapping else _aliases()[field] for field in (Field.OFFERED, Field.TITLE))
    switches = tuple(dict.fromkeys(by_name[alias] for alias in offered if alias in by_name))
    denials = tuple(name for plain, name in by_name.items() if offered and plain in _DENIALS)
    dates = tuple(name for name in open_names if offered and plain_name(name) == "publishedat")
    read = set(fields.values())
    named = [by_name[alias] for alias in titled if alias in by_name]
    named += [name for name in reversed(open_names) if _IN_LANGUAGE.search(name) and _without_language(name) in titled]
    titles = tuple(dict.fromkeys(name for name in named if name not in read))
    stock = (first(TRACKED), first(SELLS_ON)) if Field.AVAILABILITY in fields else ("", "")
    several = (levels, sale, switches if len(switches) > 1 else (), currency, denials, dates)
    columns = Columns(fields, attributes, (), *several, product * of_variants, pieces, bool(minor), titles, *stock)
    understood = columns.read
    ignored = tuple(name for name in names if name not in understood and name.strip())
    return replace(columns, ignored=ignored, doubtful=doubtful, sale_currency=_currency_in(sale[0]) if sale else "")


def _find_fields(
    names: Sequence[str], mapping: Mapping[str, str], open_names: Sequence[str], by_name: Mapping[str, str]
) -> dict[Field, str]:
    """Return the column of each field. Where the title's column names a language, it is that of the others too."""
    spoken = {name: code[1].casefold() for name in open_names if (code := _IN_LANGUAGE.search(name))}
    in_language = {_without_language(name): name for name in spoken}
    fields: dict[Field, str] = {}
    for field, aliases in _aliases().items():
        if field in mapping:
            name = (column_named(mapping[field], names) or "") if mapping[field] else ""
        else:
            found = [by_name[alias] for alias in aliases if alias in by_name]
            if field in _IN_LANGUAGES:
                found += [in_language[alias] for alias in aliases if alias in in_language]
            name = next(iter(found), "")
        if name:
            fields[field] = name
        if field is Field.TITLE and (language := _IN_LANGUAGE.search(name)):
            of_title = [each for each, one in spoken.items() if one == language[1].casefold()]
            in_language |= {_without_language(each): each for each in of_title}
    return fields


def _without_language(name: str) -> str:
    return plain_name(_IN_LANGUAGE.sub("", name))


_SHORT_SIGNS = frozenset({"€", "£", "KČ", "ZŁ", "RP", "TL", "FT", "ТГ"})
_CURRENCY_CODES = CURRENCIES - WORDS_TOO
"""Signs of fewer than three letters, and codes, that name the currency of a column."""


_JOINED = re.compile(
    rf"(price|preis|prix|precio|prezzo|prijs|cena|pris|fiyat)r?({'|'.join(sorted(_CURRENCY_CODES))})$", re.IGNORECASE
)
"""A currency behind the word for a price: `PriceEUR`, and `priceRUAH` for the one in retail."""


def _marks(name: str) -> list[str]:
    """Return the words in the name of a column, and its signs of currencies: those of `PriceEUR` are two."""
    return re.findall(r"\w+|[€$£]", _JOINED.sub(r"\1 \2", name.replace("_", " ")))


def _currency_in(name: str) -> str:
    """Return the only currency that the name of a column has: `price_eur`, `Preis (€)`; nothing for none."""
    marks = [mark.upper() for mark in _marks(name)]
    named = {CURRENCY_SYMBOLS.get(word, word) for word in marks if len(word) > 2 or word in _SHORT_SIGNS}
    named &= _CURRENCY_CODES
    return named.pop() if len(named) == 1 else ""


def _sale_columns(
    by_name: Mapping[str, str], open_names: Sequence[str], fields: Mapping[Field, str], prices: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns of a sale in the order of `SALE`, a missing one as ""; none without one of its `prices`.

    A price in another currency than that of the regular one is none. Beside them are columns that may have the dates of
    the sale too, unless both dates are known.
    """
    open_names = [name for name in open_names if name not in fields.values()]
    plain = {name: (plain_name(name), _short_name(name)) for name in reversed(open_names)}
    found = [next((by_name[name] for name in each if name in by_name), "") for each in _SALE]
    sales = {name: _currency_in(name) for alias in prices for name, known in plain.items() if alias in known}
    currency = _currency_in(fields.get(Field.PRICE, ""))
    if Field.PRICE not in fields or (not currency and len(set(sales.values())) == 1):
        currency = next(iter(sales.values()), "")
    found[0] = next((name for name, stated in sales.items() if stated in ("", currency)), "")
    if not found[0]:
        return (), ()
    doubtful = []
    for name in open_names if not found[3] else ():
        words = set(map(plain_name, re.findall(r"\w+", name.replace("_", " "))))
        is_of_sale = any(map(OF_A_SALE.match, words))
        place = 1 if not words.isdisjoint(STARTING) else 2 if not words.isdisjoint(ENDING) else 0
        if is_of_sale and not place and any(map(PERIOD.search, words)):
            place = 3
        if place and (is_of_sale or (len(words) == 2 and "date" in words)) and not found[place]:
            found[place] = name
        elif is_of_sale and not place and name not in found and not RECORDED.search(plain_name(name)):
            doubtful.append(name)
    return tuple(found), () if found[3] or (found[1] and found[2]) else tuple(doubtful)


def _levels(by_name: Mapping[str, str], fields: dict[Field, str]) -> tuple[str, ...]:
    """Return the columns that hold one level of a category each, the highest first; none if one column has all.

    The first of them becomes that of the category.
    """
    category = fields.get(Field.CATEGORY)
    numbered: dict[str, dict[int, str]] = {}
    for plain, name in by_name.items():
        if found := _LEVEL.fullmatch(plain):
            stem = plain[: found.start(found.lastindex or 1)]
            numbered.setdefault(stem, {})[int(found[1] or found[2])] = name
    most = max(numbered.values(), key=len, default={})
    if len(most) > 1:
        levels = tuple(name for _, name in sorted(most.items()))
        fields[Field.CATEGORY] = levels[0]
        return levels
    above, *below = (
        next((by_name[name] for name in names.split() if name in by_name), None) for names in (ABOVE, *BELOW)
    )
    if above and category and plain_name(category) in LISTS:  # one of them, and not one above them
        fields |= {Field.CATEGORY: above, Field.OTHER_CATEGORIES: category}
        return ()
    levels = tuple(name for name in (above, category, *below) if name)
    if len(levels) < 2:
        return ()
    fields[Field.CATEGORY] = levels[0]
    return levels


def require_columns(
    source: str, names: Sequence[str], mapping: Mapping[str, str], required: Sequence[Field] = (Field.SKU, Field.TITLE)
) -> Columns:
    """Find the fields among the columns of a feed.

    Raises `BadFeed` when a column is there twice, a mapped one is missing, or a `required` field can't be found.
    """
    seen: dict[str, str] = {}
    known = {alias for aliases in _aliases().values() for alias in aliases}
    for name in filter(str.strip, names):
        key = plain_name(name) if plain_name(name) in known and name[0] != "@" else name.strip()
        if key in seen:
            raise BadFeed(f"{source}: the columns {seen[key]!r} and {name!r} have one name; rename or remove one")
        seen[key] = name
    columns = match_columns(names, mapping)
    for field, column in mapping.items():
        if column and field not in columns.fields and attribute_of(field) not in columns.attributes:
            raise BadFeed(f"{source}: no column {column!r} for --map {field}={column}; it has {enumerate_names(names)}")
    for field in required:
        if field not in columns.fields:
            raise BadFeed(
                f"{source}: no column for the {field} among {enumerate_names(names)}; name it with --map {field}=COLUMN"
            )
    return columns


@lru_cache(maxsize=4096)
def names_field(name: str, field: Field) -> bool:
    """Tell whether a column, or an attribute, of this name may hold a field."""
    return plain_name(name) in _aliases()[field]


_IDS = "id productid itemid articleid artikelid idproduct idproducto identificador identyfikator internalid".split()
_CODES = (
    "productcode itemcode articlecode artikelcode stockcode reference referencia riferimento referentie codigo codice"
    " kod code productreference"
).split()
"""Numbers that a system gives its rows, and codes that a shop gives its products."""

_NUMBERS = re.compile(r"[0-9]+(?:\.0)?")


def better_columns(
    columns: Columns, names: Sequence[str], sample: Callable[[], Sequence[Mapping[str, Any]]]
) -> dict[Field, str]:
    """Return columns that say more than those that were found, by their first rows.

    Such are codes of the shop beside the numbers of its system, if each row has one of its own there (a reference may
    also be that of a manufacturer), any numbers beside a column of SKUs that is empty, the names of categories and
    brands beside their numbers, and the stock beside a column that is empty or only says how long a delivery takes.
    A column that only has numbers of currencies gives way to the heading of the price, and is "".
    """
    better: dict[Field, str] = {}
    sku, places = columns.fields.get(Field.SKU, ""), _aliases()[Field.SKU]
    is_empty = bool(sku and not columns.product and sample() and not any(_stated(sku, sample())))
    codes = [name for name in names if plain_name(name) in _CODES and name not in columns.read]
    if is_empty:
        codes = sorted(
            (name for name in names if names_field(name, Field.SKU)), key=lambda name: places.index(plain_name(name))
        )
    for name in codes if is_empty or plain_name(sku) in _IDS else ():
        listed = _stated(name, sample())
        if listed and all(listed) and len(set(listed)) == len(listed) and (is_empty or any(map(_HAS_LETTER, listed))):
            better[Field.SKU] = name
            break
    for field in (Field.CATEGORY, Field.BRAND):
        found = columns.fields.get(field, "")
        others = [name for name in names if name != found and plain_name(name) in _aliases()[field]] if found else []
        if not others or columns.levels:
            continue
        first = sample()
        stated = {name: {str(cells.get(name) or "").strip() for cells in first} - {""} for name in (found, *others)}
        if stated[found] and all(map(_NUMBERS.fullmatch, stated[found])):
            named = (name for name in others if stated[name] and not all(map(_NUMBERS.fullmatch, stated[name])))
            if name := next(named, ""):
                better[field] = name
    currency = columns.fields.get(Field.CURRENCY, "")
    numbers = {*_stated(currency, sample())} - {""} if currency else set()
    if numbers and all(map(_NUMBERS.fullmatch, numbers)):  # those of the shop's system
        better[Field.CURRENCY] = ""
    unread = [name for name in names if name not in columns.read]
    found = columns.fields.get(Field.AVAILABILITY, "")
    counts = [name for name in unread if plain_name(name) in _aliases()[Field.AVAILABILITY]] if found else []
    stating = (name for name in counts if _states_stock(name, sample()))
    if counts and not _states_stock(found, sample()) and (name := next(stating, "")):
        better[Field.AVAILABILITY] = name
    if not (Field.OFFERED in columns.fields or columns.denials or columns.dates):
        for name in (name for name in unread if plain_name(name) in STATES):
            words = {flag_word(cells.get(name)) for cells in sample() if cells.get(name) not in (None, "")}
            is_numbered = all(map(str.isdecimal, words))  # it may be new or used
            if not is_numbered and all(word in DENIAL | OFFERED_WORDS or _is_stock(word) for word in words):
                better[Field.OFFERED] = name
    return better


def _stated(name: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the cells of a column as texts."""
    return [str(cells.get(name) or "").strip() for cells in rows]


def _states_stock(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether any of the cells of a column says what is in stock, or has a tick; an empty one says nothing."""
    cells = [cell for row in rows if (cell := row.get(name)) is not None]
    stated = (cell if isinstance(cell, Mapping | list) else flag_word(cell) for cell in cells)
    return any(not isinstance(cell, str) or cell in TICKS or _is_stock(cell) for cell in stated)


def _is_stock(text: str) -> bool:
    return bool(text) and not is_null(text) and parse_availability(text) is not Availability.UNKNOWN


_WORDS = re.compile(r"(?=.*[^\W\d_]{3})(?:.*\s.*|[^\W\d_]+)", re.DOTALL)


def _are_words(text: str) -> bool:
    """Tell whether a text is words, and not a number, a date, a price, a code or an address."""
    return bool(_WORDS.fullmatch(text)) and sum(map(str.isalpha, text)) > sum(map(str.isdigit, text))


def description_as_title(
    source: str, names: Sequence[str], columns: Columns, sample: Callable[[], Sequence[Mapping[str, Any]]]
) -> str:
    """Return the column of a description that is the title of a feed without one: the short one, or the first.

    Merchandise systems call the only text that they have a description. Raises `BadFeed` if nothing is read from a
    column that looks more like titles: it is filled, mostly distinct, and shorter.
    """
    short = next((name for name in names if plain_name(name) in SHORT_DESCRIPTIONS), "")
    description = short or columns.fields[Field.DESCRIPTION]
    unread = (name for name in columns.ignored if plain_name(name) not in _aliases()[Field.DESCRIPTION])
    length = sum(len(str(cells.get(description) or "")) for cells in sample())
    for name in unread:
        found = [cell.strip() if isinstance(cell := cells.get(name), str) else "" for cells in sample()]
        most = MOSTLY * max(len(found), FEWEST_ROWS)
        are_titles = sum(map(_are_words, found)) >= most and len(set(found)) >= most
        if are_titles and sum(map(len, found)) < length:
            raise BadFeed(
                f"{source}: no column is known to hold the title, and {name!r} may; name it with --map title=COLUMN,"
                f" or the description with --map title={description}"
            )
    return description


@lru_cache(maxsize=4096)
def _short_name(name: str) -> str:
    """Return a column's name without the first of several, and that of a price without its taxes and its currency.

    `Tax Name` and `EUR stock` are no names and no stock.
    """
    words = {plain_name(word): word for word in _marks(name)}
    told = {
        plain
        for plain, word in words.items()
        if plain in _TAXES
        or word in CURRENCIES
        or word.upper() in CURRENCY_SYMBOLS
        or word.upper() in _CURRENCY_CODES
        or word == "1"
    }
    if not told or not _WITHOUT_TAXES.isdisjoint(words) or _TAXES_TO_COME.search(name):
        return plain_name(name)
    short = "".join(plain for plain in words if plain not in told and plain not in _BEFORE_TAXES)
    is_price = short in _aliases()[Field.PRICE] or short in _SALE[0] or short in MINOR
    return short if is_price or told == {"1"} else plain_name(name)


def attribute_of(name: str) -> str:
    """Return the attribute that a column of this name has; empty for another column."""
    plain = name.strip()
    for prefix in _ATTRIBUTE_PREFIXES:
        if plain.casefold().startswith(prefix):
            return " ".join(plain[len(prefix) :].split())
    return ""


def column_named(column: str, names: Sequence[str]) -> str | None:
    """Return the column that `--map` means: of exactly this name, or else one that differs in case or separators."""
    exact = (name for name in names if name.strip() == column.strip())
    alike = (name for name in names if plain_name(name) == plain_name(column))
    return next(exact, None) or next(alike, None)


def enumerate_names(names: Sequence[str]) -> str:
    """Return the first columns for a message."""
    shown = ", ".join(repr(name[:40]) for name in names[:LONGEST_LIST])
    return shown + (f" and {len(names) - LONGEST_LIST:,} more" if len(names) > LONGEST_LIST else "")


MAX_NAMES = 2_000
"""Sets of names whose columns are cached, and names that nothing is read from that are kept for the report."""


class MatchedColumns(Protocol):
    """What a set of names matches: the column of each field, and those that nothing is read from."""

    @property
    def fields(self) -> Mapping[Field, str]:
        """The column of each field."""

    @property
    def ignored(self) -> Sequence[str]:
        """Columns that nothing is read from."""


Matched = TypeVar("Matched", bound=MatchedColumns)


class Shapes(Generic[Matched]):
    """Caches what `match` found for a set of names, the names that nothing is read from, and those of the fields."""

    def __init__(self, match: Callable[[tuple[str, ...]], Matched]) -> None:
        self._match = match
        self._known: dict[tuple[str, ...], Matched] = {}
        self.field_columns: dict[Field, str] = {}
        self._ignored: dict[str, None] = {}

    @property
    def leftover_names(self) -> tuple[str, ...]:
        """Names that nothing was read from, in the items matched so far."""
        return tuple(self._ignored)

    def of(self, names: tuple[str, ...]) -> Matched:
        """Return what the names of an item match."""
        found = self._known.get(names)
        if found is None:
            found = self._match(names)
            if len(self._known) >= MAX_NAMES:
                self._known.clear()
            self._known[names] = found
            for field, name in found.fields.items():
                self.field_columns.setdefault(field, name)
            new = [name for name in dict.fromkeys(found.ignored) if name not in self._ignored]
            self._ignored.update(dict.fromkeys(new[: max(0, MAX_NAMES - len(self._ignored))]))
        return found
