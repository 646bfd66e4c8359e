"""The words of a shop: those of its titles, brands, categories and attributes, sorted, with their products.

Everything is arrays over one read-only buffer: 50,000 products take about 10 MB, which all processes of a host share.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.words import INSIDE, SYLLABIC, fold
from recommender.query import UnderstoodKind

_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0df3"
    "\u0e31-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u109d\u17b4-\u17d3\u17dd"
)
"""Accents, vowel points and vowel signs, which are not letters themselves, and the letters between them."""

# No character fits two of the branches: otherwise a long word that does not match would take for ever.
WORD = re.compile(rf"(?:[^\W_]|(?![^\W_])[{_MARKS}]|(?!\w)(?:{INSIDE}))+")
LETTERS = re.compile(rf"(?:[^\W\d_]|(?!\w)[{_MARKS}]|(?!\w)(?:{INSIDE}))+")

_PLAIN = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ı": "i"})
"""Latin letters that are not a letter with an accent, as people type them on other keyboards, and as the engine folds
them."""

SAMPLED_ROWS = 20_000
"""Products in which words that occur together are looked for; of a larger catalogue, every n-th is taken."""

Array = NDArray[np.uint32]


def fold_word(text: str) -> str:
    """Return a text as words are compared here: in small letters, without accents."""
    folded = fold(text)
    if folded.isascii():
        return folded
    folded = folded.translate(_PLAIN)
    return "".join(each for each in unicodedata.normalize("NFD", folded) if not unicodedata.combining(each))


def fold_words(text: str) -> list[str]:
    """Return the words of a text as they are compared here.

    Of Thai and its like these are pairs of letters alone. Runs of three come behind all pairs, so the words of a text
    that is cut off would not be the first of the whole.
    """
    return [word for word in WORD.findall(fold_word(text)) if len(word) != 3 or not SYLLABIC.match(word)]


def word_keys(text: str) -> list[str]:
    """Return the words of a text as a vocabulary has them: in scripts without blanks, the pairs of each are one."""
    return [" ".join(fold_words(word)) or word for word in WORD.findall(text)]


class Texts(Sequence[str]):
    """Many texts in one buffer of UTF-8; `bounds` has the start of each, and the end of the last."""

    def __init__(self, buffer: NDArray[np.uint8], bounds: Array) -> None:
        # A search reads a hundred of them, and a slice of plain memory takes a tenth of the time of an array's.
        self._buffer: memoryview = buffer.data
        self._bounds: memoryview = bounds.data

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, row: int) -> str:  # type: ignore[override] # no slices
        return self._bytes(row).decode()

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))

    def ending(self, end: str, after: int, more: int) -> list[int]:
        """Return the rows of the texts that end with `end`, with at least `after` bytes before it.

        Up to `more` bytes may follow it.
        """
        rows: list[int] = []
        buffer, key = self._buffer.tobytes(), end.encode()
        at = buffer.find(key)
        while at >= 0:
            row = bisect_right(self._bounds, at) - 1
            stop = self._bounds[row + 1]
            if at - self._bounds[row] >= after and stop - more <= at + len(key) <= stop:
                rows.append(row)
            at = buffer.find(key, at + 1)
        return rows

    def _bytes(self, row: int) -> bytes:
        return bytes(self._buffer[self._bounds[row] : self._bounds[row + 1]])

    def find(self, text: str) -> int:
        """Return the row of a text among sorted ones; -1 if it is not there."""
        row = self._first_from(text.encode(), 0, len(self))
        return row if row < len(self) and self[row] == text else -1

    def starting(self, start: str, within: tuple[int, int] | None = None) -> tuple[int, int]:
        """Return the rows of the sorted texts with this beginning: the first, and the one after the last.

        Only rows `within` a range are searched, if it is given.
        """
        key = start.encode()
        low, high = within or (0, len(self))
        first = self._first_from(key, low, high)
        return first, self._first_from(key + b"\xff", first, high)

    def _first_from(self, key: bytes, low: int, high: int) -> int:
        return bisect_left(range(high), key, low, key=self._bytes)


class Name(NamedTuple):
    """A brand, a category (the names of its path) or the value of an attribute, and how many products have it."""

    kind: UnderstoodKind
    value: tuple[str, ...] | str
    attribute: str
    products: int


NAME_KINDS = (UnderstoodKind.BRAND, UnderstoodKind.CATEGORY, UnderstoodKind.ATTRIBUTE)
"""The kinds of names, in the order of their numbers in a file; if a text names several, the first kind is meant."""

PART = "\x1f"
"""Separates the names of a category path, and an attribute's name from its value, as they are stored."""


@dataclass(frozen=True, slots=True)
class Run:
    """Lists of numbers, one after the other; `bounds` has the start of each, and the end of the last."""

    values: Array
    bounds: Array

    def of(self, row: int) -> Array:
        """Return one of the lists."""
        return self.values[self.bounds[row] : self.bounds[row + 1]]

    def of_all(self, rows: Array) -> Array:
        """Return several lists as one."""
        starts = self.bounds[rows].astype(np.int64)
        lengths = self.bounds[rows + 1] - starts
        at = np.arange(int(lengths.sum())) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        found: Array = self.values[at]
        return found


class Vocabulary:
    """What a catalogue is made of, from the arrays that `build_vocabulary` makes. Thread-safe."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        def texts(name: str) -> Texts:
            return Texts(arrays[name].view(np.uint8), arrays[f"{name}_bounds"].view(np.uint32))

        def run(name: str) -> Run:
            return Run(arrays[name].view(np.uint32), arrays[f"{name}_bounds"].view(np.uint32))

        self.words = texts("words")
        """The words of titles, brands and categories, folded and sorted."""
        self.shown = texts("shown")
        """The same words in their most frequent spelling, in small letters."""
        self.products_of = run("products_of")
        """The products that have each word, in the order of the catalogue."""
        self.words_of = run("words_of")
        """The words that each product has."""
        self.titles = texts("titles")
        self.name_keys = texts("name_keys")
        """Brands, categories and attribute values as folded words, sorted: for each word of a name, the words from it
        to the end."""
        self.name_ids = arrays["name_ids"].view(np.uint32)
        """The name that each key belongs to; the highest bit says that the key is the whole name."""
        self._names = texts("names")
        self._name_kinds = arrays["name_kinds"].view(np.uint8)
        self.name_counts = arrays["name_counts"].view(np.uint32)

    @cached_property
    def counts(self) -> Array:
        """How many products have each word."""
        return np.diff(self.products_of.bounds)

    @cached_property
    def by_length(self) -> dict[int, tuple[list[str], Array]]:
        """The words that consist of letters, by their length, with their rows: what a mistyped word may be."""
        found: dict[int, tuple[list[str], list[int]]] = {}
        for row, word in enumerate(self.words):
            if word.isalpha() or LETTERS.fullmatch(word):
                texts, rows = found.setdefault(len(word), ([], []))
                texts.append(word)
                rows.append(row)
        return {length: (texts, np.array(rows, np.uint32)) for length, (texts, rows) in found.items()}

    def __len__(self) -> int:
        return len(self.titles)

    def __contains__(self, word: str) -> bool:
        return self.words.find(word) >= 0

    def name(self, identity: int) -> Name:
        """Return a brand, a category or an attribute's value."""
        kind, parts = NAME_KINDS[self._name_kinds[identity]], self._names[identity].split(PART)
        count = int(self.name_counts[identity])
        if kind is UnderstoodKind.CATEGORY:
            return Name(kind, tuple(parts), "", count)
        return Name(kind, parts[-1], parts[0] if kind is UnderstoodKind.ATTRIBUTE else "", count)

    def whole_names(self, low: int, high: int, longest: int) -> Iterator[tuple[str, Name]]:
        """Yield names with their whole keys: those from row `low` to `high` that have at most `longest` letters."""
        for at in range(low, high):
            if self.name_ids[at] >> 31 and len(key := self.name_keys[at]) <= longest:
                yield key, self.name(int(self.name_ids[at] & 0x7FFFFFFF))

    def products_with(self, words: Sequence[str]) -> Array | None:
        """Return the products that have all of these words that are known; None if none is known."""
        rows = [row for word in set(words) if (row := self.words.find(word)) >= 0]
        if not rows:
            return None
        rows.sort(key=lambda row: self.counts[row])
        found = self.products_of.of(rows[0])
        for row in rows[1:]:
            found = found[self._mask(self.products_of.of(row))[found]]
        return found

    def products_starting(self, low: int, high: int, products: Array | None = None) -> Array:
        """Return the products that have a word from row `low` to `high`; with `products`, only those among them."""
        found = self.products_of.values[self.products_of.bounds[low] : self.products_of.bounds[high]]
        return np.unique(found) if products is None else products[self._mask(found)[products]]

    def count_among(self, products: Array | None, rows: Sequence[int] | Array) -> Array:
        """Return how many of some products (of all for None) have each of some words."""
        if products is None:
            return self.counts[rows]
        mask = self._mask(products)
        return np.array([np.count_nonzero(mask[self.products_of.of(int(row))]) for row in rows], np.uint32)

    def most_frequent(self, low: int, high: int, limit: int, products: Array | None = None) -> list[tuple[int, int]]:
        """Return the words from row `low` to `high` that most of some products (None: of all) have, with the counts."""
        if products is None:
            counts = self.counts[low:high].astype(np.int64)
        else:
            sample = products[:: -(-len(products) // SAMPLED_ROWS) or 1]
            words = self.words_of.of_all(sample)
            counts = np.bincount(words[(words >= low) & (words < high)] - low, minlength=high - low)
        chosen = np.argpartition(-counts, limit)[:limit] if len(counts) > limit else np.arange(len(counts))
        rows = (chosen[counts[chosen] > 0] + low).astype(np.uint32)
        exact = self.count_among(products, rows)
        order = np.argsort(-exact.astype(np.int64), kind="stable")
        return [(int(rows[at]), int(exact[at])) for at in order if exact[at]]

    def _mask(self, products: Array) -> NDArray[np.bool_]:
        mask = np.zeros(len(self), np.bool_)
        mask[products] = True
        return mask
