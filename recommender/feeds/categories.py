"""Categories as shops write them: where paths and names end, by the whole column, and which path is the primary one.

`A > B`, `A -> B`, `A » B`, `A :: B`, `A | B` and `A / B` are paths; a product may have several of them, between commas,
semicolons, bars or line ends, or in lists.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from math import log
from typing import Any

from recommender.feeds.cells import is_numbered, text_of
from recommender.feeds.flags import is_null
from recommender.feeds.rejections import BadRow
from recommender.plain_text import clean, repair
from recommender.types import category_path, distinct_paths

Path = tuple[str, ...]

_ARROW = re.compile(r"\s*(?:[-=]*>+|[→›»❯▸＞])\s*")
_BAR, _SLASH, _COLON = re.compile(r"\s*\|\s*"), re.compile(r"\s*/\s*"), re.compile(r"\s*:\s*")
_LEVELS = (_ARROW, re.compile(r"\s*::+\s*"), _BAR, re.compile(r"\s*\\+\s*"), re.compile(r"\s+/\s+"), _SLASH, _COLON)
"""Separators of the names of a path, the clearest first: a path with `>` may have names such as `TV/Video`."""

_ALONE = _LEVELS[:-1]
"""Separators of names in a cell whose column is not known: `Games: strategy` is one name."""

_NONE = re.compile(r"(?!)")

_BETWEEN = re.compile(r"\s*(\|\|?|&&|;|,(?![0-9]))\s*")
_NUMBERS = re.compile(r"[0-9]+(?:\s*[,;|/]\s*[0-9]+)*")
_LINE_END = re.compile(r"(?<![\s>»›→|/:;,])\s*\n\s*(?![\s>»›→|/:;,])")

LONGEST_LIST_CELL = 10_000
"""Characters of a cell that is tried as a list: a longer one is no category."""

MOST_TEXTS = 50_000
"""Distinct cells of a column that are read."""

SAMPLED = 20_000
"""Products whose titles show which of several categories similar products are in; spread over the feed."""

_KNOWN = 0.6
"""If a larger share of the paths after a bar begin as others do, the bar separates paths."""

_MIXED = 0.3
"""If a larger share of the names that are first in one cell are later in another, the column lists names."""

_CLEARLY = 1.25
"""How much more of the nearest products must be in another category than in the first to make it the primary one."""

_PAGES = frozenset(
    (
        "sale sales angebote angebot aktion aktionen sonderangebote reduziert restposten outlet clearance deals offers"
        " specials promo promos promotion promotions soldes offres ofertas oferta rebajas promociones saldi offerte"
        " promozioni aanbiedingen uitverkoop opruiming korting wyprzedaż promocje výprodej akce slevy udsalg tilbud rea"
        " erbjudanden salg ale tarjoukset promoções liquidação распродажа акции скидки indirim kampanya new neu neue"
        " neuheiten neuheit nouveau nouveautés novedades novità nuovi nieuw nowości novinky nyheter nyheder uutuudet"
        " novidades новинки yeniler bestseller bestsellers topseller trending featured highlights empfehlungen"
        " uncategorized unkategorisiert all alle alles tous todo todos tutti brands brand marken marke hersteller"
        " marques marcas marchi merken marki značky mærker varumärken merkit бренды markalar manufacturers"
    ).split()
) | {
    "new in", "new arrivals", "last chance", "best sellers", "black friday", "cyber monday", "all products",
    "alle produkte", "neu eingetroffen", "on sale", "final sale", "top seller", "shop all", "special offers",
    "bons plans", "meilleures ventes", "más vendidos", "shop by brand", "our brands",
}  # fmt: skip
"""Pages that shops file products under beside the category that says what they are."""


def _fold(name: str) -> str:
    return " ".join(name.casefold().split())


def is_page(name: str) -> bool:
    """Tell whether a category is a page of offers, of news, of everything, or of brands."""
    return " ".join(re.findall(r"[^\W\d_]+", name.casefold())) in _PAGES


class CategoryColumn:
    """Reads the categories of one feed. Made without cells, it reads each cell in its likeliest meaning.

    `titles` are the titles and brands of some products with their cells: they show which of several categories similar
    products share.
    """

    def __init__(
        self,
        texts: Iterable[str] = (),
        lists: Sequence[Sequence[str]] = (),
        titles: Iterable[tuple[str, Any]] = (),
    ) -> None:
        self._known: dict[str, tuple[Path, ...]] = {}
        cells = [clean(repair(_LINE_END.sub(" ; ", text.strip()))) for text in texts if not _list_in(text.strip())]
        self._level = _level_of(cells) if len(cells) > 1 else None
        self._numbers = len(cells) > 1 and all(map(_NUMBERS.fullmatch, cells))
        rows = [list(dict.fromkeys(map(_fold, names))) for names in lists]
        self._above = _above(rows) if _is_mixed(rows) else None
        # `Kitchen,Gifts` beside `Kitchen`: a program wrote a list, as people leave a space after a comma in a name.
        pieces = Counter(_fold(piece) for cell in set(cells) if "," in cell for piece in {*cell.split(",")})
        pieces.update(_fold(cell) for cell in set(cells) if "," not in cell)
        tight = self._level is _NONE and not any(", " in cell for cell in cells)
        self._lists = tight and any(
            pieces[_fold(piece)] > 1 for cell in cells if "," in cell for piece in cell.split(",")
        )
        # Paths that begin with these names, and whether these names are a whole path: this distinguishes `A > B, A > C`
        # from a comma in a name.
        self._starts: set[str] = set()
        self._wholes: set[str] = set()
        for cell in cells:
            for text in (cell, _BETWEEN.split(cell)[0]):
                names = (self._level or _own_level(text)).split(text)
                self._starts.add(_fold(names[0]))
                if len(names) == 1:
                    self._wholes.add(_fold(text))
        self._near = _NearestWords((title, paths) for title, cell in titles if (paths := self._readable(cell)))

    def read(self, value: object, title: str = "", brand: str = "") -> tuple[Path, ...]:
        """Return the paths of a cell, the primary one first. Raises `BadRow` for a cell that holds no categories.

        The primary one is not a page of offers or of a brand, and is where similar products are.
        """
        paths = self._known.get(value) if isinstance(value, str) else None
        if paths is None:
            paths = self.paths(value)
        if len(paths) < 2:
            return paths
        shares = self._near.shares(title, brand, paths)

        def rank(path: Path) -> int:
            if not kinds_of([path]):
                return 2
            return int(bool(brand) and _fold(path[-1]) == _fold(brand))

        best = min(map(rank, paths))
        fitting = [at for at, path in enumerate(paths) if rank(path) == best]
        nearest = max(fitting, key=lambda at: shares[at])
        chosen = nearest if shares[nearest] > _CLEARLY * max(0.0, shares[fitting[0]]) else fitting[0]
        return (paths[chosen], *paths[:chosen], *paths[chosen + 1 :])

    def _readable(self, cell: object) -> tuple[Path, ...]:
        try:
            return self.paths(cell)
        except BadRow:  # its own row tells it
            return ()

    def paths(self, value: object) -> tuple[Path, ...]:
        """Return the paths of a cell in its own order. Raises `BadRow` as `read` does."""
        if isinstance(value, list | tuple) and not is_numbered(value):
            return self._of_list(value)
        text = text_of(value, "category")
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= MOST_TEXTS:
                self._known.clear()
            listed = _list_in(text.strip())
            found = self._of_text(text) if listed is None else self._of_list(listed)
            self._known[text] = found
        return found

    def _of_list(self, values: Sequence[Any]) -> tuple[Path, ...]:
        listed = [value for value in values if value not in (None, "")]
        if any(isinstance(value, list | tuple) for value in listed):
            return distinct_paths(
                path
                for each in listed
                for path in (
                    [_tidy(_plain_of(name) for name in each)]
                    if isinstance(each, list | tuple)
                    else self._of_text(text_of(each, "category"))
                )
            )
        if listed and all(isinstance(value, int | Decimal) for value in listed):
            return ()  # categories by their numbers: nobody can filter by them
        texts = [_plain_of(value) for value in listed]
        # Objects are categories of their own; names alone are one path, unless the column lists names in any order.
        objects = any(isinstance(value, Mapping) for value in listed)
        if len(texts) == 1 or objects or any(_ARROW.search(text) for text in texts):
            return distinct_paths(chain.from_iterable(map(self._of_text, texts)))
        if self._above is None:
            return distinct_paths([_tidy(texts)])
        names = {_fold(name): name for name in _tidy(texts)}
        keys = [[name] for name in names]
        for path in keys:
            while (above := self._above.get(path[0])) in names:
                path.insert(0, above)
        return distinct_paths(tuple(names[key] for key in path) for path in keys)

    def _of_text(self, text: str) -> tuple[Path, ...]:
        text = clean(repair(_LINE_END.sub(" ; ", text.strip())))
        if is_null(text) or self._numbers:
            return ()  # nobody can filter by numbers
        level = self._level or _own_level(text)
        starts = {*self._starts, _fold(level.split(_BETWEEN.split(text)[0])[0])}
        marks = list(_BETWEEN.finditer(text))
        found, begin = [], 0
        for at, match in enumerate(marks):
            mark, end = match[1], marks[at + 1].start() if at + 1 < len(marks) else len(text)
            piece = text[match.end() : end]
            if mark[0] == "|" and level is _BAR:
                begins = len(mark) > 1
            elif level.search(piece):
                sure = mark in (";", "&&") or (mark[0] == "|" and level is _ARROW)
                root = level.split(piece)[0]
                begins = sure or _fold(root) in starts or is_page(root)
            else:
                begins = mark in (";", "&&") or self._lists or _fold(piece) in self._wholes or is_page(piece)
            if begins:
                found.append(text[begin : match.start()])
                begin = match.end()
        return distinct_paths(_tidy(level.split(each)) for each in (*found, text[begin:]))


def _plain_of(value: object) -> str:
    return clean(repair(text_of(value, "category")))


def survey_categories(cells: Iterable[tuple[str, Any]]) -> CategoryColumn:
    """Return the reader of the categories of a feed, from the title and the category cell of each of its rows."""
    texts: dict[str, None] = {}
    lists: list[list[str]] = []
    sample: list[tuple[str, Any]] = []
    stride = 1
    for number, (title, cell) in enumerate(cells):
        if not cell:
            continue
        if isinstance(cell, str) and len(texts) < MOST_TEXTS:
            texts[cell] = None
        elif isinstance(cell, list | tuple) and all(isinstance(name, str) for name in cell) and len(lists) < MOST_TEXTS:
            lists.append(list(cell))
            texts.update(dict.fromkeys(name for name in cell if _ARROW.search(name)))
        if number % stride == 0:
            sample.append((title, cell))
            if len(sample) == 2 * SAMPLED:
                sample, stride = sample[::2], 2 * stride
    return CategoryColumn(texts, lists, sample)


def _own_level(text: str) -> re.Pattern[str]:
    return next((level for level in _ALONE if level.search(text)), _NONE)


def _level_of(cells: Sequence[str]) -> re.Pattern[str]:
    """Return the separator of names in the paths of a column: what most of them have, except separators of paths."""
    counts = {level: sum(level.search(cell) is not None for cell in cells) for level in _LEVELS}
    most = max(counts.values())
    if not most:
        return _NONE
    frequent = [level for level in _LEVELS if counts[level] > most / 2]
    for level, *inner in (frequent[at:] for at in range(len(frequent))):
        rows = [[_fold(name) for name in level.split(cell)] for cell in cells]
        if level is _BAR and _parts_paths(cells, inner):
            continue
        recurring = max(Counter(row[0] for row in rows).values()) > 1
        usual = counts[level] >= len(cells) / 2
        if (level is _SLASH and not (usual or recurring)) or (level is _COLON and not (usual and recurring)):
            continue
        return level
    return _NONE


def _parts_paths(cells: Sequence[str], inner: Sequence[re.Pattern[str]]) -> bool:
    """Tell whether a bar separates paths: those after it begin as others do, or its names come in any order."""
    rows = [_BAR.split(cell) for cell in cells]
    if not inner:
        return _is_mixed([[_fold(name) for name in row] for row in rows])
    starts = {_fold(inner[0].split(row[0])[0]) for row in rows}
    later = [_fold(inner[0].split(path)[0]) in starts for row in rows for path in row[1:]]
    return sum(later) > _KNOWN * len(later)


def _is_mixed(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether names that are first in some rows are later in others, which names of a path are not."""
    first = {row[0] for row in rows if row}
    later = {name for row in rows for name in row[1:]}
    return len(rows) > 2 and len(later & first) > _MIXED * len(later) if later else False


def _above(rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return for each name in lists the name above it: the last one that precedes it in every list of it."""
    preceding: dict[str, set[str]] = {}
    for row in rows:
        for at, name in enumerate(row):
            before = {each for each in row[:at] if not is_page(each)}
            preceding[name] = preceding[name] & before if name in preceding else before
    last = {name: at for row in rows for at, name in enumerate(row)}
    return {name: max(above, key=last.__getitem__) for name, above in preceding.items() if above}


def kinds_of(paths: Iterable[Path]) -> list[Path]:
    """Return the paths that say what a product is, without pages of offers and of brands, which hold all kinds."""
    return [path for path in paths if not (is_page(path[0]) or is_page(path[-1]))]


class _NearestWords:
    """Which categories the products are in that share a title's words. Only counts: no two products are compared."""

    def __init__(self, titled: Iterable[tuple[str, Sequence[Path]]]) -> None:
        self._products: Counter[str] = Counter()
        self._homes: dict[str, Counter[str]] = defaultdict(Counter)
        self._sizes: Counter[str] = Counter()
        listed = list(titled)
        if all(len(paths) < 2 for _, paths in listed):
            return  # nothing is to be decided, as in most feeds
        for title, paths in listed:
            keys = [_fold(category_path(path)) for path in paths]
            self._sizes.update(keys)
            self._sizes[""] += 1
            for word in _words(title):
                self._products[word] += 1
                self._homes[word].update(keys)

    def shares(self, title: str, brand: str, paths: Sequence[Path]) -> list[float]:
        """Return for each path how much oftener than others the products that share a title's words are in it.

        The product itself does not count, and rare words count more. A path with nearly all products gets 0.
        """
        found = [0.0] * len(paths)
        total = self._sizes[""]
        for word in _words(title) - _words(brand):
            others = self._products[word] - 1
            if others < 2 or not self._homes:
                continue
            weight = log(total / (others + 1))
            for at, path in enumerate(paths):
                key = _fold(category_path(path))
                found[at] += weight * max(0.0, (self._homes[word][key] - 1) / others - self._sizes[key] / total)
        return found


def _words(title: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{3,}", title.casefold()))


def _list_in(text: str) -> list[Any] | None:
    is_list = text.startswith(("[", "{")) and text.endswith(("]", "}"))  # PostgreSQL writes {Home,Kitchen}
    if not is_list or len(text) > LONGEST_LIST_CELL:
        return None
    for read in (json.loads, ast.literal_eval):  # Python's notation: many published feeds are so
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, list):
            return value
    # DuckDB and ClickHouse write lists without quotes; a single name in brackets is one.
    names = next(csv.reader([text[1:-1]], quotechar="'" if "'" in text else '"', skipinitialspace=True), [])
    return names if len(names) > 1 else None


def _tidy(names: Iterable[str]) -> Path:
    tidy = (" ".join(name.split()) for name in names)
    return tuple(name for name in tidy if name and not is_null(name))
