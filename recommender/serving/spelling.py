"""Mistyped words: the nearest one that the catalogue has."""

from __future__ import annotations

import numpy as np

from recommender.serving.vocabulary import Array, Vocabulary

SHORTEST = 4
"""Shortest word, in letters, that is corrected."""

SHORTEST_MEANT = 5
"""Shortest word, in letters, that another is corrected to. Shorter ones are near too many: `nike` is one letter from
`bike`."""

TWO_EDITS_FROM = 8
"""Shortest word, in letters, that may be two edits from what was meant; a shorter one may be one edit from it."""

EDIT = 5.0
"""What an edit weighs against the logarithm of how many products have a word: a word one edit away wins, unless one
that is two edits away is a hundred times as common."""

TOGETHER = 2.0
"""Weight of the products that also have the other words of the text."""

FIRST_LETTER = 1.0
"""What another first letter costs: few mistype it."""


def nearest_word(vocabulary: Vocabulary, word: str, products: Array | None = None) -> str | None:
    """Return the likeliest word of the vocabulary for a folded word, as it is written; None if none is near.

    `products` are those that have the other words of the text: a word that they have too is likelier.
    """
    from rapidfuzz import process  # takes 20 ms, which only a mistyped word pays
    from rapidfuzz.distance import OSA

    if len(word) < SHORTEST:
        return None
    most = 2 if len(word) >= TWO_EDITS_FROM else 1
    rows: list[int] = []
    edits: list[float] = []
    for length in range(max(SHORTEST_MEANT, len(word) - most), len(word) + most + 1):
        words, rows_of = vocabulary.by_length.get(length, ([], np.empty(0, np.uint32)))
        near = process.extract(word, words, scorer=OSA.distance, score_cutoff=most, limit=None)
        rows += [int(rows_of[at]) for _, _, at in near]
        edits += [distance + FIRST_LETTER / EDIT * (found[0] != word[0]) for found, distance, _ in near]
    if not rows:
        return None
    worth = np.log1p(vocabulary.counts[rows]) - EDIT * np.array(edits)
    if products is not None:
        worth += TOGETHER * np.log1p(vocabulary.count_among(products, rows))
    return vocabulary.shown[rows[int(np.argmax(worth))]]
