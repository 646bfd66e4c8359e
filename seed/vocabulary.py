"""The words of the seed shop: departments, aisles and leaves, read from `words/*.toml`.

An aisle holds what its leaves share (brands, templates, sentences, facts); a leaf may replace any of it.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORDS = Path(__file__).parent / "words"

Series = tuple[tuple[str, str], ...]  # (brand, line) pairs: a line belongs to one brand and to one leaf

DEFAULT_TITLES = (
    "{brand} {line} {noun}",
    "{brand} {line} {mark} {noun}",
    "{brand} {line} {noun}, {spec}",
    "{line} {noun} {spec}",
    "{brand} {noun} {spec}",
)
DEFAULT_BARE_TITLES = (
    "{brand} {line} {mark}",
    "{brand} {line} {mark} {spec}",
    "{brand} {line} {spec}",
    "{line} {mark}, {spec}",
)
# Real shops name many products by series and model alone; their category must be learnt from the series and the text.
DEFAULT_BARE_SHARE = 0.42


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf category and everything its products are worded from."""

    code: str
    path: tuple[str, ...]
    size: int
    price: tuple[float, float]
    series: Series
    marks: tuple[str, ...]
    nouns: tuple[str, ...]
    specs: tuple[str, ...]
    titles: tuple[str, ...]
    bare_titles: tuple[str, ...]
    bare_share: float
    says: tuple[str, ...]
    shared: tuple[str, ...]
    facts: Mapping[str, tuple[str, ...]]
    variants: Mapping[str, tuple[str, ...]]
    fits: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last step of the path."""
        return self.path[-1]


def read_leaves() -> list[Leaf]:
    """Read every leaf of every department, in file order."""
    departments = (tomllib.loads(file.read_text("utf-8")) for file in sorted(WORDS.glob("*.toml")))
    return [leaf for department in departments for leaf in _department(department)]


def _department(table: Mapping[str, Any]) -> list[Leaf]:
    return [leaf for aisle in table["aisle"] for leaf in _aisle(table, aisle)]


def _aisle(department: Mapping[str, Any], aisle: Mapping[str, Any]) -> list[Leaf]:
    pairs = zip(aisle["leaf"], aisle["lines"], strict=True)
    return [_leaf(department, aisle, leaf, _series(aisle, place, lines)) for place, (leaf, lines) in enumerate(pairs)]


def _series(aisle: Mapping[str, Any], place: int, lines: str) -> Series:
    """Deal a leaf's lines to the aisle's brands in turn, starting with another brand in each leaf."""
    brands = aisle["brands"]
    return tuple((brands[(place + turn) % len(brands)], line) for turn, line in enumerate(lines.split()))


def _leaf(department: Mapping[str, Any], aisle: Mapping[str, Any], leaf: Mapping[str, Any], series: Series) -> Leaf:
    def words(key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        return tuple(leaf.get(key, aisle.get(key, default)))

    facts = {**aisle.get("facts", {}), **leaf.get("facts", {})}
    return Leaf(
        code=department["code"],
        path=(department["name"], *aisle["path"].split(" > "), *leaf["path"].split(" > ")),
        size=leaf["size"],
        price=(float(leaf["price"][0]), float(leaf["price"][1])),
        series=series,
        marks=words("marks"),
        nouns=words("nouns"),
        specs=words("specs"),
        titles=words("titles", DEFAULT_TITLES),
        bare_titles=words("bare", DEFAULT_BARE_TITLES),
        bare_share=float(leaf.get("bare_share", aisle.get("bare_share", DEFAULT_BARE_SHARE))),
        says=words("says"),
        shared=words("shared"),
        facts={name: tuple(values) for name, values in facts.items() if values},
        variants={name: tuple(values) for name, values in leaf.get("variants", aisle.get("variants", {})).items()},
        fits=tuple(leaf.get("fits", ())),
    )
