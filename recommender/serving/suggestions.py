"""Completions of a text that somebody types: words that products have with those before, brands, categories, titles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recommender.query import Suggestion, SuggestionKind, UnderstoodKind
from recommender.serving.vocabulary import Array, Vocabulary, fold_word, fold_words, word_keys

SHORTEST_TITLE = 3
"""Letters that must be typed before titles are suggested: fewer are the beginning of too many titles."""

MOST_TITLES = 2
"""The most titles among the suggestions, unless there is nothing else: each leads to one or two products."""

FEW_PRODUCTS = 60
"""The most products whose titles may be suggested. If more have the words, two of their titles tell nothing about the
rest."""

LOOKED_AT = 2_000
"""The most names with the same beginning that are compared."""

_JOINING = frozenset(
    "with for and the from of mit für und ohne aus von zum avec pour et sans des con para sin senza per met voor "
    "zonder och för utan til og uten uden dla ze na bez и с для из без ve ile için και με για à au aux d de del della "
    "di du el en l la le les los por s".split()
)
"""Words that lead to nothing alone, and which more products have than any other: they are suggested last."""


@dataclass(frozen=True, slots=True)
class TypedText:
    """A text that is being typed: the words before the last, as in the vocabulary and as typed, and the last one."""

    head: tuple[str, ...]
    shown: str
    last: str

    @classmethod
    def of(cls, text: str) -> TypedText:
        """Read a text. A blank at its end says that its last word is complete."""
        words = text.split()
        if not words or text[-1].isspace():
            return cls(tuple(word_keys(text)), " ".join(words), "")
        *head, last = word_keys(words[-1]) or [""]
        before = " ".join(words[:-1])
        return cls((*word_keys(before), *head), before, last)


def suggest(vocabulary: Vocabulary, text: str, limit: int) -> list[Suggestion]:
    """Return up to `limit` suggestions, the likeliest first."""

    def is_attribute(word: str) -> bool:
        low, high = vocabulary.name_keys.starting(word)
        names = vocabulary.whole_names(low, min(high, low + LOOKED_AT), len(word))
        return any(name.kind is UnderstoodKind.ATTRIBUTE for _, name in names)

    typed = TypedText.of(text)
    if not (typed.last or typed.head):
        return []
    low, high = vocabulary.words.starting(typed.last)
    products = vocabulary.products_with(typed.head)
    start = " ".join(fold_words(text))
    if products is not None and not len(vocabulary.products_starting(low, high, products)):
        # `red run`: colours are attributes, which few titles have, and no list says which products have one.
        typed = replace(typed, head=tuple(each for each in typed.head if not is_attribute(each)))
        products = vocabulary.products_with(typed.head)
        start = " ".join((*typed.head, typed.last)).strip()
    found: list[Suggestion] = []
    all_known = all(each in vocabulary or is_attribute(each) for each in typed.head)  # else no product has them all
    for row, count in vocabulary.most_frequent(low, high, limit + len(typed.head), products) if all_known else ():
        if vocabulary.words[row] not in typed.head:
            words = f"{typed.shown} {vocabulary.shown[row]}".strip()
            found.append(Suggestion(words, SuggestionKind.WORDS, count))
    # Brands and categories that contain the text, from the start of one of their words.
    first, past = vocabulary.name_keys.starting(start)
    ids = np.unique(vocabulary.name_ids[first : min(past, first + LOOKED_AT)] & 0x7FFFFFFF)
    ids = ids[np.argsort(-vocabulary.name_counts[ids].astype(np.int64), kind="stable")]
    names: list[Suggestion] = []
    for identity in ids:
        name = vocabulary.name(int(identity))
        if name.kind is UnderstoodKind.BRAND:
            names.append(Suggestion(str(name.value), SuggestionKind.BRAND, name.products))
        elif name.kind is UnderstoodKind.CATEGORY:
            path = tuple(name.value)
            names.append(Suggestion(path[-1], SuggestionKind.CATEGORY, name.products, path))
        if len(names) == limit:
            break
    titles = (
        _titles(vocabulary, typed, products, limit)
        if all_known and len("".join((*typed.head, typed.last))) >= SHORTEST_TITLE
        else []
    )
    known: set[str] = set()
    chosen: list[Suggestion] = []
    kept = min(MOST_TITLES, len(titles)) if limit > MOST_TITLES else 0
    # A name replaces an equal completion by words, whichever of them more products have.
    for each in sorted(found + names, key=lambda each: (each.kind is SuggestionKind.WORDS, -each.count)):
        key = " ".join(fold_words(each.text))
        if key not in known:
            known.add(key)
            chosen.append(each)
    chosen.sort(key=lambda each: (each.text.rpartition(" ")[2] in _JOINING, -each.count))
    titles = [each for each in titles if " ".join(fold_words(each.text)) not in known]
    return (chosen[: limit - min(kept, len(titles))] + titles)[:limit]


def _titles(vocabulary: Vocabulary, typed: TypedText, products: Array | None, limit: int) -> list[Suggestion]:
    """Return titles that have all the words: first those that begin with them, then shorter ones before longer."""
    if typed.last:
        products = vocabulary.products_starting(*vocabulary.words.starting(typed.last), products)
    counts: dict[str, tuple[str, int]] = {}
    for row in () if products is None or len(products) > FEW_PRODUCTS else products:
        title = " ".join(vocabulary.titles[int(row)].split())
        key = fold_word(title)
        counts[key] = counts.get(key, (title, 0))[0], counts.get(key, (title, 0))[1] + 1
    start = " ".join((*typed.head, typed.last)).strip()
    order = sorted(counts, key=lambda key: (not key.startswith(start), len(key), key))
    return [Suggestion(counts[key][0], SuggestionKind.TITLE, counts[key][1]) for key in order[:limit]]
