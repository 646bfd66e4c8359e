"""Rows of a table that only hold variants together, and are not sold themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from recommender.feeds.column_names import PARENTS
from recommender.feeds.columns import Columns, Field, plain_name, plain_names
from recommender.feeds.families import Families

_KINDS = frozenset(
    "type producttype kind itemtype articletype rowtype recordtype parentage parentagelevel parentchild typ artikeltyp"
    " produkttyp tipo tipoproducto tipodeproducto typeproduit typedeproduit tipoprodotto variationtype"
    " relationshiptype producttypecode".split()
)
"""Columns that may say which rows are variants, and which only hold them together."""

_HOLDING = frozenset(
    "configurable variable parent master container vater vaterartikel hauptartikel padre variation_parent"
    " variable_product configurable_product product_parent".split()
) | {"variable product", "configurable product", "parent product", "variation parent"}
_VARIANTS = frozenset("variation variant child kind kindartikel variante variation_child hijo enfant".split()) | {
    "product variation", "product variant", "variation child",
}  # fmt: skip
_OTHERS = frozenset(
    "simple standalone single standard normal bundle grouped virtual downloadable external affiliate einzelartikel"
    " stand-alone subscription".split()
) | {"simple product"}  # fmt: skip
"""What rows are called there: what only holds variants together, its variants, and all others."""

_OPTIONS = frozenset(
    "color colour size farbe grosse couleur taille talla colore taglia kleur maat kolor rozmiar barva velikost"
    " farg storlek farve storrelse cor tamanho renk beden цвет размер option1 option2 option1value option2value"
    " optionvalue1 variationvalue varianttitle productoptioncolor productoptionsize".split()
)
"""Columns of what a variant differs in from the others of its product."""

_INHERITED = (
    Field.TITLE, Field.DESCRIPTION, Field.BRAND, Field.CATEGORY, Field.PRICE, Field.URL, Field.IMAGE,
    Field.OTHER_CATEGORIES, Field.CURRENCY, Field.OFFERED,
)  # fmt: skip
_OF_A_PRODUCT = 7
"""What a variant has from its parent if its own cell is empty, and how many of them every product has."""

_ALONE = frozenset("visibleindividually visibility productvisibility catalogvisibility visibilityincatalog".split())
"""Columns that may say that a variant is shown on the page of its parent alone, which does not hide it."""

_SEVERAL = re.compile(r"[,;|]")
_PRICED = re.compile("[1-9]")

MOST_PARENTS = 500_000
"""Parents of variants that are held in memory; a feed with more is read without a look at which rows are parents."""


class _Row(Protocol):
    @property
    def cells(self) -> Mapping[str, Any]: ...
    @property
    def problem(self) -> str: ...


def kinds_column(names: Sequence[str], sample: Callable[[], Sequence[Mapping[str, Any]]]) -> str:
    """Return the column that says what kind of row each is, by the words in its first rows; "" if none does.

    It may be called a type of product, but it is no category.
    """
    for name in (name for name in names if plain_name(name) in _KINDS):
        words = {_word(cells, name) for cells in sample()} - {""}
        if words and words <= _HOLDING | _VARIANTS | _OTHERS:
            return name
    return ""


def variant_columns(columns: Columns, names: Sequence[str]) -> set[str]:
    """Return the columns by which a parent is told from a variant, if the rows name their parents."""
    has_groups = Field.GROUP_ID in columns.fields
    return {name for name in names if plain_name(name) in _OPTIONS or plain_name(name) == "id"} if has_groups else set()


class VariantHolders:
    """Tells which rows only hold variants together: a column says so, or other rows name them as their parent.

    A parent is sold itself, too, if it has a price, and is its own parent, or has its own barcode or one value of an
    option.
    """

    def __init__(self, columns: Columns, names: Sequence[str], kinds: str, rows: Iterable[_Row]) -> None:
        fields = columns.fields
        group, known = fields.get(Field.GROUP_ID, ""), fields.keys() >= {Field.PRICE, Field.SKU}
        self._by = [fields[Field.SKU], *(name for name in names if plain_name(name) == "id")]
        self._price, self._gtin = fields.get(Field.PRICE, ""), fields.get(Field.GTIN, "")
        self._options = [name for name in variant_columns(columns, names) if plain_name(name) != "id"]
        self._group, sale = group, (*columns.sale, *columns.doubtful)
        self._prices = {self._price, *sale, fields.get(Field.CURRENCY, "")}
        several = (*columns.levels, *columns.switches, *columns.titles, columns.pieces, *sale)
        self._inherited = {*filter(None, map(fields.get, _INHERITED)), *several} - {""}
        self._alone = {name for name in self._inherited if plain_name(name) in _ALONE}
        self._kinds, self._parents, has_variants = kinds, set[str](), False
        own, lacks = [*filter(None, map(fields.get, _INHERITED[:_OF_A_PRODUCT]))], bool(self._alone)
        # The parent by its number may be that of a category; only rows without a price are taken for parents then.
        self._is_sure = plain_name(group) != "parentid"
        names_parent = known and plain_name(group) in plain_names(PARENTS)
        for row in rows if names_parent or kinds else ():
            has_variants = has_variants or (bool(kinds) and _word(row.cells, kinds) in _VARIANTS)
            parent = _text(row.cells, group) if names_parent else ""
            if parent and parent not in self._keys(row.cells) and len(self._parents) <= MOST_PARENTS:
                self._parents.add(parent)
                lacks = lacks or any(row.cells.get(name) in (None, "") for name in own)
        self.inherits = lacks
        if len(self._parents) > MOST_PARENTS:
            self._parents = set()
        if not has_variants:
            self._kinds = ""

    def collect(self, rows: Iterable[_Row], families: Families) -> None:
        """Keep what the variants of each parent inherit."""
        for row in rows if self._parents else ():
            if not row.problem and (key := self.group(row.cells)):
                stated = ((name, row.cells.get(name)) for name in self._inherited)
                families.add([key], {name: str(cell) for name, cell in stated if cell not in (None, "")})

    def inherit(self, cells: Mapping[str, Any], families: Families) -> Mapping[str, Any]:
        """Return the cells of a row with those of its parent where they are empty."""
        parent: Mapping[str, str] = families.parent(_text(cells, self._group))
        if not parent:
            return cells
        kept = self._prices if cells.get(self._price) not in (None, "") else ()
        found = {
            name: cell
            for name, cell in parent.items()
            if name not in kept and (cells.get(name) in (None, "") or name in self._alone)
        }
        return {**cells, **found} if found else cells

    def __bool__(self) -> bool:
        return bool(self._parents or self._kinds)

    def holds(self, cells: Mapping[str, Any]) -> bool:
        """Tell whether a row only holds others together."""
        if self._kinds and _word(cells, self._kinds) in _HOLDING:
            return True
        if not self.group(cells):
            return False
        if not _PRICED.search(str(cells.get(self._price) or "")):
            return True
        options = (_text(cells, name) for name in self._options)
        is_sold = (
            _text(cells, self._group) in self._keys(cells) - {""}
            or _text(cells, self._gtin)
            or any(option and not _SEVERAL.search(option) for option in options)
        )
        return self._is_sure and not is_sold

    def group(self, cells: Mapping[str, Any]) -> str:
        """Return what others call a row by as their parent; "" if none does."""
        return next(iter(self._parents & self._keys(cells)), "")

    def _keys(self, cells: Mapping[str, Any]) -> set[str]:
        """Return what others may call a row by: its SKU, or its number in the system."""
        return {_text(cells, name) for name in self._by}


def _word(cells: Mapping[str, Any], name: str) -> str:
    return _text(cells, name).casefold()


def _text(cells: Mapping[str, Any], name: str) -> str:
    return str(cells.get(name) or "").strip()
