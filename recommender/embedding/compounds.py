"""Compound words of German, Dutch and the Nordic languages, split where their parts are words of the shop."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import numpy as np

LINKS: Mapping[str, tuple[str, ...]] = {
    "danish": ("s", "e", "er"),
    "dutch": ("s", "e", "en", "n"),
    "finnish": ("n",),
    "german": ("s", "es", "n", "en", "e", "er", "ens"),
    "norwegian": ("s", "e"),
    "swedish": ("s", "e", "o", "a", "u"),
}
"""Letters that may be between the parts of a compound, by language."""

MOST_WORDS = 50_000
"""Words of a shop that are kept, the most frequent: 200 kB, read in a millisecond at the first query."""

_SHORTEST_COMPOUND = 7
_SHORTEST_TAIL = 2
_SHORTEST_HEAD = 2
_SHORT = 4
"""From this length, in letters, a part is trusted beside any other; `Uhr` and `Öl` are parts only after a known word of
this length."""

_SHORTEST_UNKNOWN = 3
"""Letters of a first part that is not a word of the shop. The last part says what a thing is, and must be one."""

_LONGEST = 40
"""Letters of the longest word that is split: this bounds the work on it."""

_LONGEST_PART = 16
"""Letters of a word that can be a part; longer ones are taken to be compounds themselves."""

_VOWEL = re.compile(r"[aeiouyäöüåæø]")
_WORD = re.compile(rf"[^\W\d_]{{{_SHORTEST_HEAD},{_LONGEST_PART}}}")
_LONG_WORD = re.compile(rf"[^\W\d_]{{{_SHORTEST_COMPOUND},{_LONGEST}}}")

Stem = Callable[[str], int | None]
"""The number that a word and its other forms have among the terms of BM25; None for a stop word."""


class Compounds:
    """Splits words of one language. `known` are the stems of the shop's words. Safe to call from several threads."""

    def __init__(self, language: str, stem: Stem, known: frozenset[int]) -> None:
        self._links = LINKS[language]
        self._stem = stem
        self._known = known
        self._split = lru_cache(maxsize=65_536)(self._parts)

    def parts(self, folded: str) -> list[str]:
        """Return the parts of the compounds in a text, and the parts of those."""
        words = dict.fromkeys(_LONG_WORD.findall(folded))
        return [part for word in words for part in self._split(word)]

    def _parts(self, word: str) -> tuple[str, ...]:
        """Return the parts of a word; nothing if it is no compound. Of several ways, the longest last part decides.

        A way in which every part is a word of the shop is better than one in which the first is not.
        """
        unknown: tuple[str, ...] = ()
        for at in range(_SHORTEST_HEAD, len(word) - _SHORTEST_TAIL + 1):
            head, tail = word[:at], word[at:]
            if not self._knows(tail):
                continue
            base = head
            if not self._knows(head):  # it may be a word of the shop without the letters that link it
                bases = (head.removesuffix(link) for link in self._links if head.endswith(link))
                base = next((base for base in bases if len(base) > _SHORTEST_HEAD and self._knows(base)), "")
            if base and (len(tail) >= _SHORT or len(base) >= _SHORT):
                return (base, tail, *self._inner(base), *self._inner(tail))
            if not unknown and len(tail) >= _SHORT and at >= _SHORTEST_UNKNOWN and _VOWEL.search(head):
                inner = self._inner(head)
                if inner:
                    return (*inner, tail, *self._inner(tail))
                unknown = (head, tail, *self._inner(tail))
        return unknown

    def _inner(self, part: str) -> tuple[str, ...]:
        return self._split(part) if len(part) >= _SHORTEST_COMPOUND else ()

    def _knows(self, part: str) -> bool:
        return self._stem(part) in self._known


def collect_words(texts: Iterable[str], stem: Stem) -> str:
    """Return the words of a shop as a text to store, the same for the same texts in any order."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(_WORD.findall(text)))
    stems: Counter[int] = Counter()
    for word, count in counts.items():
        if (number := stem(word)) is not None:
            stems[number] += count
    commonest = sorted(stems, key=lambda number: (-stems[number], number))[:MOST_WORDS]
    return b64encode(np.array(sorted(commonest), dtype="<u4").tobytes()).decode()


def read_words(stored: str) -> frozenset[int]:
    """Return the stems that `collect_words` made."""
    return frozenset(np.frombuffer(b64decode(stored), dtype="<u4").tolist())
