"""BM25 weights of texts (k, b and average length), by the tokenizer, stemmer and stop words of the search engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import qdrant_edge as edge

from recommender.embedding.compounds import LINKS, Compounds
from recommender.embedding.words import (
    DIMENSIONS,
    FRENCH_UNITS,
    SHORTEST_CODE,
    TOUCHING,
    codes,
    fold,
    fold_umlauts,
    han_characters,
    measures,
    single_characters,
    spaced_codes,
    without_measures,
)
from recommender.errors import BadInput
from recommender.identifiers import SHORTEST_PART
from recommender.types import SparseVector

NEUTRAL = "none"
"""The choice for several languages, and for one that is not named here: no stop words, and no stemming."""

_WITH_STOP_WORDS = frozenset(name.lower() for name in dir(edge.Language) if not name.startswith("_"))
"""The languages of the engine; it has stop words for each, and a stemmer for most."""

_WITHOUT = frozenset(
    {"armenian", "bulgarian", "croatian", "czech", "estonian", "georgian", "hindi", "korean", "latvian", "lithuanian"}
    | {"macedonian", "malay", "persian", "polish", "serbian", "slovak", "tamil", "thai", "ukrainian", "urdu"}
    | {"vietnamese"}
)
"""Languages that are treated like `NEUTRAL`: accents are folded, and text without blanks is split."""

LANGUAGES = (NEUTRAL, *sorted(_WITH_STOP_WORDS | _WITHOUT))
"""What the language of a shop may be."""

AVERAGE_LENGTH = 100.0
"""Terms in a product text. Fixed, so that a product's weights do not depend on the rest of the catalogue. Of lengths
from 64 to 150, tried on two catalogues (57 and 91 words a text), 100 was at or near the best on both."""

_SATURATION = 0.9
"""`k` of BM25 (Robertson & Zaragoza, 2009). Measured through the engine with the `b` and the length here: nDCG@10 of
graded search queries is 0.731, recall@10 of same-product pairs 0.94; with the usual k = 1.2, b = 0.75 and a length of
256 they are 0.699 and 0.926."""

_LENGTH_NORMALISATION = 0.8
"""`b` of BM25, from the same measurement."""

TITLE_WEIGHT = 2
"""How often the words of a title count beside the whole text: what a product is called says more than what is said
about it. Measured on graded searches, nDCG@10 of BM25 alone is 0.725 without and 0.740 with 2, fused 0.773 and 0.792. A
weight of 1 gains half as much; with 5 the gain is gone."""


_PART_WEIGHT = 0.25
"""Weight of a part of a model number, or of a compound, in a query; a word has 1. Parts find `WH 1000 XM4` for
`wh1000xm4`, but `1000` alone must not put a product first."""

_VOWELS = frozenset("aeiouy")
"""Letters that are words in many languages: an article, `and`, `or`. Other letters are stop words as the ends of some,
as in `can't`."""

_COMPOUND_WEIGHT = 0.7
"""Weight of a part of a compound in a text; the same word by itself has 1, so that screws come before chipboard
screws."""

_TITLE_WORDS = 12
"""Texts with so few words keep their stop words: a title such as "The Who" has no others."""


class LexicalEncoder:
    """Turns texts into sparse vectors whose product, with the engine's IDF modifier, is the BM25 score.

    `words` are those of the shop (`compounds`), for a language that writes compounds as one word.
    Raises `BadInput` for a language that is not known. Safe to call from several threads.
    """

    def __init__(
        self, language: str = "english", average_length: float = AVERAGE_LENGTH, words: frozenset[int] = frozenset()
    ) -> None:
        language = check_language(language)
        if not average_length > 0:
            raise BadInput(f"the average text length is {average_length}; give a number of terms above 0")
        known = language in _WITH_STOP_WORDS
        own = {"language": language} if known else {"stemmer": edge.DisabledStemmer()}
        shared = {"k": _SATURATION, "b": _LENGTH_NORMALISATION, "avg_len": average_length, "ascii_folding": True}
        settings: dict[str, Any] = shared | own
        self._all = edge.Bm25(edge.Bm25Config(**settings, stopwords=edge.StopwordsSet()))
        self._bm25 = edge.Bm25(edge.Bm25Config(**settings)) if known else self._all

        self.language = language
        self._is_german = language == "german"
        self._touching = TOUCHING - FRENCH_UNITS if language == "french" else TOUCHING
        self._compounds = Compounds(language, self.stem, words) if words and language in LINKS else None

    def _fold(self, text: str) -> str:
        return fold_umlauts(fold(text)) if self._is_german else fold(text)

    def stem(self, word: str) -> int | None:
        """Return the number of a word among the terms; other forms of it have the same number. None for a stop word."""
        indices = self._bm25.embed_query(fold_umlauts(word) if self._is_german else word).indices
        return indices[0] if len(indices) == 1 else None

    def document(self, text: str, title: str = "", numbers: Iterable[str] = ()) -> SparseVector:
        """Return the weights of a text that is indexed: saturated term frequencies, normalised by length.

        The words of a `title` count `TITLE_WEIGHT` times more. `numbers` are identifiers of its product. They, other
        spellings of what is in the text, and the stop words of the title count as words that occur once, and do not
        make the text longer.
        """
        folded = self._fold(text)
        weights = _weights(self._bm25.embed_document(" ".join([*[self._fold(title)] * TITLE_WEIGHT, folded])))
        joined, parts = codes(folded)
        beginning = folded.split(maxsplit=_TITLE_WORDS)[:_TITLE_WORDS]
        named = [number for number in numbers if len(number) >= SHORTEST_PART]  # `16` is a number of anything
        spellings = [*measures(folded, self._touching), *joined, *parts, *spaced_codes(beginning)]
        other = " ".join([*beginning, *spellings, *named, *single_characters(text)])
        once = min(weights.values(), default=1.0)
        for index in self._all.embed_query(other).indices:
            weights.setdefault(index, once)
        if self._compounds and (compound := " ".join(self._compounds.parts(folded))):
            for index in self._bm25.embed_query(compound).indices:
                weights.setdefault(index, _COMPOUND_WEIGHT * once)
        return SparseVector(tuple(weights), tuple(weights.values()))

    def title(self, text: str) -> SparseVector:
        """Return the weights of a title for finding similar products: 1 for each of its words as written.

        With other spellings, what two variants differ in (a size, a model number) would count several times.
        """
        folded = self._fold(text)
        weights = _weights(self._bm25.embed_query(folded)) or _weights(self._all.embed_query(folded))
        return SparseVector(tuple(weights), tuple(weights.values()))

    def query(self, text: str) -> SparseVector:
        """Return the weights of a text that is searched for: 1 for each of its terms, less for parts of numbers.

        Stop words count only if there are no others.
        """
        folded = self._fold(text)
        rest = without_measures(folded, self._touching)
        joined, parts = codes(rest)
        # `e 27` is also typed for `E27`; longer ones meet by their parts. `a 4 year old` has no A4, and `10 x 5` no X5.
        words = DIMENSIONS.sub("×", rest).split()
        words = ["×" if word == "à" or (word in _VOWELS and self.stem(word) is None) else word for word in words]
        joined += [code for code in spaced_codes(words) if len(code) < SHORTEST_CODE]
        terms = " ".join([rest, *measures(folded, self._touching), *joined])
        weights = _weights(self._bm25.embed_query(terms)) or _weights(self._all.embed_query(terms))
        parts += [*(self._compounds.parts(rest) if self._compounds else ()), *han_characters(text)]
        for index in self._all.embed_query(" ".join(parts)).indices if parts else ():
            weights.setdefault(index, _PART_WEIGHT)
        return SparseVector(tuple(weights), tuple(weights.values()))


def check_language(language: str) -> str:
    """Return a language as it is named in `LANGUAGES`. Raises `BadInput` for one that is not known."""
    if (known := language.strip().lower()) not in LANGUAGES:
        raise BadInput(
            f"the language {language!r} is not known; choose auto, or one of {', '.join(LANGUAGES)}"
            f" ({NEUTRAL} is for every other language)"
        )
    return known


def _weights(vector: edge.SparseVector) -> dict[int, float]:
    return dict(zip(vector.indices, vector.values, strict=True))
