"""The values that travel between the packages: frozen, slotted, free of behaviour that needs a library."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import Field

from recommender.forms import STRICT, AttributeValue, OwnPath, Price

PATH_SEPARATOR = " > "
"""Separates the names of a category path as people read it, and as it is stored."""


PRICE_SCALE = 4
"""Decimal places that are kept of a price: two more than most currencies have, for unit prices."""

THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""Currencies of a thousand parts: in their `1.299` the mark is the decimal one."""


class Availability(StrEnum):
    """Whether a product can be bought. A feed that does not say lists what is in stock.

    `unknown` is neither in stock nor out of stock: a feed says it in words that can't be read, or a caller of the
    service does not say it.
    """

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"
    PREORDER = "preorder"
    BACKORDER = "backorder"
    UNKNOWN = "unknown"


class LogFormat(StrEnum):
    """How the service logs: lines to read, one JSON object a line, or whichever fits where it goes."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


class Scope(StrEnum):
    """What a key of the service may do: read, or read and write."""

    READ = "read"
    WRITE = "write"

    def covers(self, needed: Scope) -> bool:
        """Tell whether this scope is enough for what is needed."""
        return self is Scope.WRITE or needed is Scope.READ


class EncoderChoice(StrEnum):
    """Which runtime runs a model.

    `auto`: for products torch on a GPU, else the fastest that was near enough to full precision when the model was
    registered; for queries an ONNX network, which starts fastest.
    """

    AUTO = "auto"
    TORCH = "torch"
    ONNX = "onnx"
    ONNX_INT8 = "onnx-int8"
    OPENVINO = "openvino"
    OPENVINO_INT8 = "openvino-int8"


class Quantization(StrEnum):
    """How a Qdrant server keeps vectors in memory; the answer is rescored with the full ones from the disk."""

    NONE = "none"
    INT8 = "int8"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Product:
    """One product of the catalogue, as a feed or a caller states it.

    `category` is the path from the department to the leaf, outermost first; empty if unknown. It is the one that is
    shown and trained on; `other_categories` are further paths that the product is found and counted by. `group_id` is
    shared by the variants (size, colour) of one product; empty if it has none. `gtin` is the number of its barcode
    (EAN, UPC, ISBN), and `mpn` the manufacturer's own number; several are separated by commas.
    """

    __pydantic_config__: ClassVar = STRICT

    sku: str
    title: Annotated[str, Field(pattern=r"\S")]
    description: str = ""
    brand: str = ""
    category: OwnPath = ()
    price: Price | None = None
    currency: str = ""
    availability: Availability = Availability.IN_STOCK
    url: str = ""
    image: str = ""
    group_id: str = ""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    gtin: str = ""
    mpn: str = ""
    other_categories: Annotated[tuple[OwnPath, ...], Field(strict=False)] = ()

    @property
    def categories(self) -> tuple[tuple[str, ...], ...]:
        """Every category path that the product has, the primary one first."""
        return (self.category, *self.other_categories) if self.category else self.other_categories


@dataclass(frozen=True, slots=True)
class ProductPatch:
    """What changes of one product; everything else stays as it is (JSON Merge Patch, RFC 7396).

    `fields` are the new values of fields by name. `attributes` are new values by name, None for one that is removed.
    """

    sku: str
    fields: Mapping[str, Any]
    attributes: Mapping[str, str | None] = field(default_factory=dict)

    def apply(self, product: Product) -> Product:
        """Return the product with the changes."""
        changes = dict(self.fields)
        if self.attributes:
            merged = {**changes.get("attributes", product.attributes), **self.attributes}
            changes["attributes"] = {name: value for name, value in merged.items() if value is not None}
        return replace(product, **changes)


@dataclass(frozen=True, slots=True)
class SparseVector:
    """A sparse vector: `indices[i]` has weight `values[i]`."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """What a shop shows of a product beside a recommendation; read from the index, without the catalogue."""

    sku: str
    title: str
    brand: str = ""
    category: tuple[str, ...] = ()
    price: Decimal | None = None
    currency: str = ""
    availability: Availability = Availability.IN_STOCK
    url: str = ""
    image: str = ""
    group_id: str = ""
    gtin: str = ""
    mpn: str = ""
    other_categories: tuple[tuple[str, ...], ...] = ()

    @property
    def categories(self) -> tuple[tuple[str, ...], ...]:
        """Every category path that the product has, the primary one first."""
        return (self.category, *self.other_categories) if self.category else self.other_categories


def category_path(names: Sequence[str]) -> str:
    """Join category names, outermost first, into the form that is stored and shown: `A > B > C`."""
    return PATH_SEPARATOR.join(names)


def fold_name(text: str) -> str:
    """Return a name or value as they are compared: composed (NFC), and without regard to case.

    An `i` is one letter with and without its dot: the capital of either is `I` in one language or another.
    """
    if text.isascii():
        return text.casefold()
    return unicodedata.normalize("NFC", text).casefold().replace("i\u0307", "i").replace("ı", "i")


def fold_path(path: Sequence[str]) -> tuple[str, ...]:
    """Return a category path as paths are compared, each name by itself."""
    return tuple(map(fold_name, path))


def category_ancestors(names: Sequence[str]) -> list[str]:
    """Return the stored form of a path and of each of its ancestors: `A`, `A > B`, `A > B > C`."""
    return [category_path(names[: depth + 1]) for depth in range(len(names))]


def distinct_paths(paths: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Return each path once, whatever its case, without empty ones and those that are the beginning of a longer one."""
    found: dict[str, tuple[str, ...]] = {}
    for path in paths:
        if path:
            found.setdefault(fold_name(category_path(path)), tuple(path))
    passed = {fold_name(parent) for path in found.values() for parent in category_ancestors(path)[:-1]}
    return tuple(path for key, path in found.items() if key not in passed)


def common_depth(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the depth of the nearest common ancestor of two category paths; 0 when they share no department."""
    depth = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        depth += 1
    return depth


JsonObject = dict[str, Any]
"""A JSON object as `json` reads it; values are whatever JSON holds."""


class Progress(Protocol):
    """Told how far a long piece of work is: what is being done, how much of how much, and a word beside it."""

    def __call__(self, stage: str, done: int, total: int | None, note: str = "") -> None:
        """Report the progress; called often, so it must be cheap."""


def silent(stage: str, done: int, total: int | None, note: str = "") -> None:
    """Ignore progress: the default of everything that reports it."""
