"""A training set: rows of texts in passes, with what a loss must know about each row."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

from recommender.errors import BadInput, library_error
from recommender.evaluation.triplets import Path
from recommender.types import JsonObject, category_path

if TYPE_CHECKING:
    from datasets import Dataset

EXCLUSIVE, SHARED, GROUP, PASS = "exclusive_keys", "shared_keys", "group_key", "pass"
"""Columns for the batch sampler only; the model does not see them."""

VIEWS = ("query", "text", "title", "description")
"""The text columns of a set of product views: a synthetic query, the text that is indexed, and title and
description."""


class Label(IntEnum):
    """Positions in the label of a product's views: integers that tell which products are alike.

    `HOME` numbers the category that the product is trained towards (-1: none). `FAMILY` numbers its variants and
    near-identical titles. `LEAF_NAME` numbers the name of its leaf (-1: none). `NAMES_LEAF` is 1 if the query names the
    leaf, `FIELDS` is 1 if title and description make a pair, and `QUERY` is 1 if there is a query. From `OTHERS` on
    come the numbers of its other categories (-1: none), at most `MOST_OTHERS`; those that are no home count on from the
    homes. No product of these counts as its negative.
    """

    HOME = 0
    FAMILY = 1
    LEAF_NAME = 2
    NAMES_LEAF = 3
    FIELDS = 4
    QUERY = 5
    OTHERS = 6


MOST_OTHERS = 4
"""The most other categories of a product that a label has."""


class Shape(StrEnum):
    """What the rows of a set are, and so which losses can be minimised over it.

    - `triplets`: anchor, positive, and one or more negatives.
    - `pairs`: anchor and positive.
    - `scored`: two texts and a number.
    - `binary`: two texts, and 1 if they belong together, else 0.
    - `classes`: two texts and the class of their relation, from 0.
    - `labelled`: a text and the number of its label.
    - `views`: the texts of one product (`VIEWS`), and the integers that tell which products are alike (`Label`).
    """

    TRIPLETS = "triplets"
    PAIRS = "pairs"
    SCORED = "scored"
    BINARY = "binary"
    CLASSES = "classes"
    LABELLED = "labelled"
    VIEWS = "views"


Target = float | int | Sequence[int] | str | None

IN_BATCH = frozenset({Shape.TRIPLETS, Shape.PAIRS})
"""Shapes whose losses take the other rows of a batch as negatives."""

TARGETS = {Shape.SCORED: "score"} | dict.fromkeys((Shape.BINARY, Shape.CLASSES, Shape.LABELLED, Shape.VIEWS), "label")
"""The column of a row's target. sentence-transformers recognises a target by these names."""


@dataclass(frozen=True, slots=True)
class Homes:
    """The categories that products are trained towards: their paths, and the texts of a few members of each."""

    paths: tuple[Path, ...]
    members: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """One row: its texts by column, its target if it has one, and the keys that keep false negatives apart.

    No two rows of a batch have the same `exclusive` key, and no row has as `exclusive` what another has as `shared`.
    """

    texts: tuple[str, ...]
    exclusive: tuple[Hashable, ...] = ()
    shared: tuple[Hashable, ...] = ()
    target: Target = None


class TrainingSet:
    """Rows of one shape, in passes. A text is kept once, however many rows have it."""

    def __init__(self, name: str, columns: tuple[str, ...], shape: Shape = Shape.PAIRS) -> None:
        """Begin a set without rows; `name` may hold no dot, and `columns` are those of the texts."""
        self.name = name
        self.columns = columns
        self.shape = shape
        self.searches = ""
        """The column whose texts are searches: some models put another prompt before them. Empty for none."""
        self.homes = Homes((), ())
        self.alike: Mapping[int, float] = {}
        """How alike the two texts of each class are, if that is known."""
        self._texts: dict[str, int] = {}
        self._keys: dict[Hashable, int] = {}
        self._target = TARGETS.get(shape)
        target = (self._target,) if self._target else ()
        keys = (EXCLUSIVE, SHARED) if shape in IN_BATCH else (GROUP,) if shape is Shape.LABELLED else ()
        self._rows: dict[str, list[Any]] = {column: [] for column in (*columns, *target, *keys, PASS)}

    def __len__(self) -> int:
        return len(self._rows[PASS])

    @property
    def classes(self) -> int:
        """Number of classes or labels of the rows, which count from 0."""
        return 1 + int(max(self._rows[self._target], default=-1)) if self._target else 0

    def extend(self, examples: Iterable[TrainingRow], number: int) -> None:
        """Add the rows of pass `number`. Where other rows of a batch are negatives, the texts are keys too."""
        rows = self._rows
        for example in examples:
            for column, text in zip(self.columns, example.texts, strict=True):
                rows[column].append(self._texts.setdefault(text, len(self._texts)))
            if self._target:
                rows[self._target].append(example.target)
            if self.shape in IN_BATCH:
                rows[EXCLUSIVE].append(self._numbers((*example.exclusive, *example.texts[:2])))
                rows[SHARED].append(self._numbers((*example.shared, *example.texts[2:])))
            elif self.shape is Shape.LABELLED:
                rows[GROUP].append(example.target)
            rows[PASS].append(number)

    def repeat(self, passes: int) -> None:
        """Use the rows of pass 0, which are the same in each pass, for `passes` passes."""
        count = len(self)
        for column, values in self._rows.items():
            if column == PASS:
                values.extend(number for number in range(1, passes) for _ in range(count))
            else:
                values.extend(values[:count] * (passes - 1))

    def shows(self, wanted: Callable[[str], bool]) -> list[bool]:
        """Return whether each row, of any pass, has a text that is `wanted`."""
        found = [wanted(text) for text in self._texts]
        rows = zip(*(self._rows[column] for column in self.columns), strict=True)
        return [any(found[text] for text in row) for row in rows]

    def select(self, kept: Sequence[bool]) -> TrainingSet:
        """Return a set of some of the rows."""
        made = TrainingSet(self.name, self.columns, self.shape)
        made.homes, made.alike, made.searches = self.homes, self.alike, self.searches
        made._texts, made._keys = self._texts, self._keys
        made._rows = {
            column: [value for value, stays in zip(values, kept, strict=True) if stays]
            for column, values in self._rows.items()
        }
        return made

    def examples(self, number: int = 0) -> Iterator[tuple[tuple[str, ...], Target]]:
        """Yield the texts and the target of each row of a pass, as a person would read them."""
        texts = list(self._texts)
        targets = self._rows[self._target] if self._target else [None] * len(self)
        for row, (row_pass, target) in enumerate(zip(self._rows[PASS], targets, strict=True)):
            if row_pass == number:
                if self.shape is Shape.VIEWS:
                    home = target[Label.HOME]
                    target = category_path(self.homes.paths[home]) if home >= 0 else ""
                yield tuple(texts[self._rows[column][row]] for column in self.columns), target

    def dataset(self) -> Dataset:
        """Return the rows as a dataset whose items are texts by column; the keys stay in the columns beneath."""
        from datasets import Dataset

        lookup = _TextLookup(self.columns, list(self._texts), self._target)
        try:
            return Dataset.from_dict(self._rows).with_transform(lookup)
        except Exception as error:  # pyarrow's own, or the disk's: the library promises no class
            raise BadInput(f"{self.name}: no data set can be made of it ({library_error(error)})") from error

    def to_json(self) -> JsonObject:
        """Return the JSON form of the whole set."""
        return {
            "name": self.name,
            "columns": self.columns,
            "shape": self.shape,
            "searches": self.searches,
            "homes": [self.homes.paths, self.homes.members],
            "texts": list(self._texts),
            "rows": self._rows,
        }

    @classmethod
    def from_json(cls, stored: JsonObject) -> TrainingSet:
        """Make a set from what `to_json` returned, to train on; no rows can be added to it."""
        made = cls(stored["name"], tuple(stored["columns"]), Shape(stored["shape"]))
        made.searches = stored["searches"]
        paths, members = stored["homes"]
        made.homes = Homes(tuple(map(tuple, paths)), tuple(map(tuple, members)))
        made._texts = {text: number for number, text in enumerate(stored["texts"])}
        made._rows = stored["rows"]
        return made

    def _numbers(self, keys: Iterable[Hashable]) -> list[int]:
        return [self._keys.setdefault(key, len(self._keys)) for key in keys]


@dataclass(frozen=True)
class _TextLookup:
    """Turns numbers of texts into the texts when rows are read, so that a dataset has each text once."""

    columns: tuple[str, ...]
    texts: list[str]
    target: str | None = None

    def __call__(self, batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        shown: dict[str, list[Any]] = {column: [self.texts[row] for row in batch[column]] for column in self.columns}
        return shown | {self.target: batch[self.target]} if self.target else shown
