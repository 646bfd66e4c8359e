"""Which column of a feed holds which field of a product."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from recommender.errors import BadFeed, UsageError


class Field(StrEnum):
    """The fields of a product, as `--map` names them."""

    SKU = "sku"
    TITLE = "title"
    DESCRIPTION = "description"
    BRAND = "brand"
    CATEGORY = "category"
    PRICE = "price"
    CURRENCY = "currency"
    AVAILABILITY = "availability"
    URL = "url"
    IMAGE = "image"
    GROUP_ID = "group_id"
    GTIN = "gtin"
    MPN = "mpn"
    ATTRIBUTES = "attributes"


_NAMES: dict[Field, str] = {
    Field.SKU: "sku itemid productid articlenumber articleno itemnumber partnumber variantsku id asin mpn handle",
    Field.TITLE: "title name productname producttitle productdisplayname itemname",
    Field.DESCRIPTION: "description body bodyhtml productdescription longdescription shortdescription",
    Field.BRAND: "brand vendor manufacturer brandname",
    Field.CATEGORY: (
        "category categorypath producttype categories productcategory producttypes categorytree productcategorytree"
        " googleproductcategory"
    ),
    Field.PRICE: "price regularprice variantprice unitprice listprice retailprice",
    Field.CURRENCY: "currency pricecurrency currencycode",
    Field.AVAILABILITY: (
        "availability stockstatus instock isinstock stock quantity qty inventory inventoryquantity variantinventoryqty"
    ),
    Field.URL: "url link producturl permalink",
    Field.IMAGE: "image imagelink imageurl imagesrc images",
    Field.GROUP_ID: "groupid itemgroupid parentsku parentid familyid",
    Field.GTIN: (
        "gtin gtin13 gtin14 gtin12 gtin8 ean ean13 eancode eannumber ean8 upc upca upccode isbn isbn13 isbn10 jan"
        " barcode variantbarcode gtinupceanorisbn globaltradeitemnumber"
    ),
    Field.MPN: (
        "mpn manufacturerpartnumber manufacturerpartno mfrpartnumber mfgpartnumber manufacturernumber partnumber"
        " modelnumber herstellernummer herstellerartikelnummer"
    ),
    Field.ATTRIBUTES: "attributes",
}
"""Names that are recognised, in small letters without separators; of several in one feed the first listed is taken."""

_ATTRIBUTE_PREFIXES = ("attribute:", "attr_", "attr:", "attributes.")

LONGEST_LIST = 12
"""Columns named in a message."""


@dataclass(frozen=True, slots=True)
class Columns:
    """`fields` and `attributes` name the column that each is read from; `ignored` are the columns not read."""

    fields: Mapping[Field, str]
    attributes: Mapping[str, str]
    ignored: tuple[str, ...]


def field_mapping(mapping: Mapping[str, str]) -> dict[Field, str]:
    """Read `--map` pairs. Raises `UsageError` for a field that products do not have."""
    fields: dict[Field, str] = {}
    for name, column in mapping.items():
        if name.casefold() not in set(Field):
            raise UsageError(
                f"--map: products have no field {name!r}; the fields are {', '.join(Field)}"
                f" (for an attribute rename the column itself, to attribute:{name.rpartition(':')[2]})"
            )
        fields[Field(name.casefold())] = column
    return fields


def match_columns(names: Sequence[str], mapping: Mapping[Field, str]) -> Columns:
    """Find the fields among the columns of a feed; what `mapping` says wins, and a field without a column is not read.

    Columns that it names may be missing.
    """
    attributes = {attribute: name for name in names if (attribute := _attribute(name))}
    mapped = {column_named(column, names) for column in mapping.values() if column}
    by_name = {plain_name(name): name for name in reversed(names) if name not in mapped and not _attribute(name)}
    fields: dict[Field, str] = {}
    for field, aliases in _NAMES.items():
        if field in mapping:
            found = column_named(mapping[field], names) if mapping[field] else None
        else:
            found = next((by_name[alias] for alias in aliases.split() if alias in by_name), None)
        if found is not None:
            fields[field] = found
    read = {*fields.values(), *attributes.values()}
    return Columns(fields, attributes, tuple(name for name in names if name not in read and name.strip()))


def require_columns(source: str, names: Sequence[str], mapping: Mapping[Field, str]) -> Columns:
    """Find the fields among the columns of a feed.

    Raises `BadFeed` when a column stands there twice, a mapped one is missing, or SKU or title can't be found.
    """
    seen: dict[str, str] = {}
    known = {alias for aliases in _NAMES.values() for alias in aliases.split()}
    for name in filter(str.strip, names):
        key = plain_name(name) if plain_name(name) in known else name.strip()
        if key in seen:
            raise BadFeed(f"{source}: the columns {seen[key]!r} and {name!r} have one name; rename or remove one")
        seen[key] = name
    columns = match_columns(names, mapping)
    for field, column in mapping.items():
        if column and field not in columns.fields:
            raise BadFeed(f"{source}: no column {column!r} for --map {field}={column}; it has {enumerate_names(names)}")
    for field in (Field.SKU, Field.TITLE):
        if field not in columns.fields:
            raise BadFeed(
                f"{source}: no column for the {field} among {enumerate_names(names)}; name it with --map {field}=COLUMN"
            )
    return columns


def count_known(names: Sequence[str], mapping: Mapping[Field, str]) -> int:
    """Return how many fields would be found among these columns."""
    columns = match_columns(names, mapping)
    return len(columns.fields) + len(columns.attributes)


@lru_cache(maxsize=4096)
def names_field(name: str, field: Field) -> bool:
    """Tell whether a column, or an attribute, of this name may hold a field."""
    return plain_name(name) in _NAMES[field].split()


def plain_name(name: str) -> str:
    """Return a column's name as names are compared: in small letters without separators, and without Google's `g:`."""
    plain = unicodedata.normalize("NFC", name).strip().casefold().removeprefix("g:")
    return "".join(filter(str.isalnum, plain))


def _attribute(name: str) -> str:
    plain = name.strip()
    for prefix in _ATTRIBUTE_PREFIXES:
        if plain.casefold().startswith(prefix):
            return " ".join(plain[len(prefix) :].split())
    return ""


def column_named(column: str, names: Sequence[str]) -> str | None:
    """Return the column that `--map` means: of exactly this name, else one that differs in case or separators."""
    exact = (name for name in names if name.strip() == column.strip())
    alike = (name for name in names if plain_name(name) == plain_name(column))
    return next(exact, None) or next(alike, None)


def enumerate_names(names: Sequence[str]) -> str:
    """Return the first columns for a message."""
    shown = ", ".join(repr(name[:40]) for name in names[:LONGEST_LIST])
    return shown + (f" and {len(names) - LONGEST_LIST:,} more" if len(names) > LONGEST_LIST else "")


MAX_NAMES = 2_000
"""Sets of names whose columns are remembered, and names that nothing is read from that are kept for the report."""


class MatchedColumns(Protocol):
    """What a set of names matches: the column that each field is read from, and those that nothing is read from."""

    @property
    def fields(self) -> Mapping[Field, str]:
        """The column of each field."""

    @property
    def ignored(self) -> Sequence[str]:
        """Columns that nothing is read from."""


Matched = TypeVar("Matched", bound=MatchedColumns)


class Shapes(Generic[Matched]):
    """Remembers what `match` found for a set of names, the names that nothing is read from, and those of the fields."""

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
