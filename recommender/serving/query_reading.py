"""What a search text says: words that are mistyped or cut off, a price, a brand, a category, an attribute."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from recommender.embedding.bm25 import LexicalEncoder
from recommender.query import NO_FILTERS, Boost, BoostKind, Filters, Options, Understood, UnderstoodKind
from recommender.serving.merchandising import Synonym
from recommender.serving.spelling import SHORTEST, nearest_word
from recommender.serving.vocabulary import Array, Name, Vocabulary, fold_word, fold_words
from recommender.types import category_path

LONGEST_READ = 300
"""Characters of a text that is read closely; a longer one is pasted, and says what it wants in full."""

LONGEST_NAME = 5
"""Words of a name that is looked for in a text."""

OF_THE_NAME = 0.3
"""Share of the products with the words of a brand that have to be of that brand: `Next` and `Apple` are words, too."""

BOOSTS = {UnderstoodKind.BRAND: 0.1, UnderstoodKind.CATEGORY: 0.1, UnderstoodKind.ATTRIBUTE: 0.1}
"""How much higher products rank that have what a search names. What was measured is in docs/relevance.md."""

ENDING = 2
"""Letters of an ending that may be other ones: `boot` and `Boots`, `Laufschuh` and `Laufschuhe`."""

MOST_NAMES = 200
"""Names of one beginning that are looked at."""

COMPLETIONS = 5
"""Words that a cut-off one is looked for as."""

_LETTERS = re.compile(r"[^\W\d_]+")
_KIND = {
    UnderstoodKind.BRAND: BoostKind.BRAND,
    UnderstoodKind.CATEGORY: BoostKind.CATEGORY,
    UnderstoodKind.ATTRIBUTE: BoostKind.ATTRIBUTE,
}


@dataclass(frozen=True, slots=True)
class QueryText:
    """A search text as it is looked for: `searched`, with the filters and boosts that it says.

    `corrected` is the text with its mistyped words read as others; None where none was. `completions` are words that
    the last one may go on as, beside the one that `searched` has; `synonyms` say what else its words mean.
    """

    searched: str
    corrected: str | None = None
    filters: Filters = NO_FILTERS
    boosts: tuple[Boost, ...] = ()
    understood: tuple[Understood, ...] = ()
    completions: tuple[str, ...] = ()
    synonyms: tuple[Synonym, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryReader:
    """Reads search texts by the words of a shop. `is_known` tells of a word that the vocabulary lacks.

    `currency` is the shop's, and `sold_in` tells whether anything has a price in another one.
    """

    vocabulary: Vocabulary | None
    is_known: Callable[[str], bool]
    currency: Callable[[], str]
    sold_in: Callable[[str], bool]
    lexical: Callable[[], LexicalEncoder]
    synonyms: Callable[[str], Sequence[Synonym]]

    def read(self, text: str, filters: Filters, options: Options) -> QueryText:
        """Return what a text says, beside what `filters` and `options` say: a price that they name stands."""
        if len(text) > LONGEST_READ:
            return QueryText(text, filters=filters, boosts=options.boosts)
        found = QueryText(text, filters=filters, boosts=options.boosts)
        if options.understand and filters.price_min is None and filters.price_max is None:
            found = self._with_price(found)
        if self.vocabulary is None:
            return replace(found, synonyms=tuple(self.synonyms(found.searched)))
        explained = {word for synonym in self.synonyms(found.searched) for word in synonym.words}
        complete: tuple[str, ...] = ()
        if options.prefix:
            complete = self._completions(found.searched)
        if options.correct:
            found = self._correct(text, found, explained, cut_off=bool(complete))
        if complete:
            start = found.searched[: -len(found.searched.split()[-1])]
            found = replace(found, searched=start + complete[0], completions=complete[1:])
        found = replace(found, synonyms=tuple(self.synonyms(found.searched)))
        return self._with_names(found) if options.understand else found

    def _with_price(self, found: QueryText) -> QueryText:
        """Take the first price out of the text, as a filter."""
        text = found.searched
        if not any(map(str.isdecimal, text)):
            return found
        from recommender.serving.price_words import find_price  # compiles patterns for 20 ms, which few searches need

        price = find_price(text, found.filters.currency or self.currency(), self.sold_in)
        if price is None:
            return found
        understood = Understood(
            text[price.start : price.end].strip(),
            UnderstoodKind.PRICE,
            price_min=price.low,
            price_max=price.high,
            currency=price.currency,
        )
        filters = replace(found.filters, price_min=price.low, price_max=price.high, currency=price.currency)
        rest = " ".join(f"{text[: price.start]} {text[price.end :]}".split())
        return replace(found, searched=rest, filters=filters, understood=(*found.understood, understood))

    def _completions(self, text: str) -> tuple[str, ...]:
        """Return the words that the last one of a text may be, cut off, the likeliest first; none if it is whole."""
        if not text or text[-1].isspace() or self.vocabulary is None:
            return ()
        *head, last = fold_words(text) or [""]
        if not last.isalpha():
            return ()
        low, high = self.vocabulary.words.starting(last)
        products = self.vocabulary.products_with(head)
        rows = [row for row, _ in self.vocabulary.most_frequent(low, high, COMPLETIONS, products)] if high > low else []
        shown = [self.vocabulary.shown[row] for row in rows]
        return (text.split()[-1], *shown) if last in self.vocabulary else tuple(shown)

    def _correct(self, text: str, found: QueryText, explained: set[str], cut_off: bool) -> QueryText:
        """Read each word of letters alone that neither the catalogue nor the model knows as the nearest one.

        Words of synonyms are `explained`: they stay.
        """
        changes: dict[str, str] = {}
        words = [word for word in found.searched.split() if not any(map(str.isdecimal, word))]
        letters = [run for word in words for run in _LETTERS.findall(word)]
        known = [fold_word(run) for run in letters]
        for run, word in zip(letters[: len(letters) - cut_off], known, strict=False):
            if len(word) >= SHORTEST and word not in explained and (better := self._nearest(word, known)):
                changes[run] = better
        if not changes:
            return found

        def change(within: str) -> str:
            return _LETTERS.sub(lambda match: changes.get(match[0], match[0]), within)

        return replace(found, searched=change(found.searched), corrected=change(text))

    def _nearest(self, word: str, others: Sequence[str]) -> str | None:
        vocabulary = self.vocabulary
        if vocabulary is None or word in vocabulary or fold_words(word) != [word] or self.is_known(word):
            return None
        context: Array | None = vocabulary.products_with([other for other in others if other != word])
        return nearest_word(vocabulary, word, context)

    def _with_names(self, found: QueryText) -> QueryText:
        """Boost what the text names: the longest names first, each word once."""
        words = fold_words(found.searched)
        shown = re.findall(r"[^\W_]+", found.searched)
        boosts, understood, at = list(found.boosts), list(found.understood), 0
        given = {(boost.kind, boost.value.casefold()) for boost in boosts}
        while at < len(words):
            size, name = self._longest_name(words, at)
            if name is not None:
                value = name.value if isinstance(name.value, str) else category_path(name.value)
                text = " ".join(shown[at : at + size]) if len(shown) == len(words) else " ".join(words[at : at + size])
                understood.append(Understood(text, name.kind, name.value, name.attribute))
                if (_KIND[name.kind], value.casefold()) not in given:
                    boosts.append(Boost(_KIND[name.kind], BOOSTS[name.kind], value, name.attribute))
            at += size
        return replace(found, boosts=tuple(boosts), understood=tuple(understood))

    def _longest_name(self, words: Sequence[str], at: int) -> tuple[int, Name | None]:
        """Return the longest name that begins at a word, with its length in words; 1 and None where none does."""
        found: tuple[int, Name | None] = 1, None
        if self.vocabulary is None:
            return found
        keys, within = self.vocabulary.name_keys, (0, len(self.vocabulary.name_keys))
        for size in range(1, min(LONGEST_NAME, len(words) - at) + 1):
            phrase = words[at : at + size]
            inflected = " ".join([*phrase[:-1], phrase[-1][:-ENDING]])
            within_inflected = keys.starting(inflected, within) if len(phrase[-1]) >= SHORTEST else (0, 0)
            within = keys.starting(" ".join(phrase), within)
            name = self._best_name(phrase, self.vocabulary, within) or self._other_form(phrase, within_inflected)
            if name is not None:
                found = size, name
            if within[0] == within[1]:
                break  # no name goes on so
        return found

    def _best_name(self, phrase: Sequence[str], vocabulary: Vocabulary, within: tuple[int, int]) -> Name | None:
        """Return what is named by exactly these words: a brand, else a category, else an attribute's value."""
        low, high = within
        found = vocabulary.whole_names(low, min(high, low + MOST_NAMES), len(" ".join(phrase)))
        names = [name for _, name in found]
        for kind in BOOSTS:
            best = max((name for name in names if name.kind is kind), key=lambda name: name.products, default=None)
            if best is None:
                continue
            products = vocabulary.products_with(phrase)
            if kind is not UnderstoodKind.BRAND or products is None or best.products >= OF_THE_NAME * len(products):
                return best
        return None

    def _other_form(self, phrase: Sequence[str], within: tuple[int, int]) -> Name | None:
        """Return the category that a phrase names in another form of its last word: `boot` for `Boots`."""
        *head, last = phrase
        if self.vocabulary is None or not last.isalpha():
            return None
        stem, before = self.lexical().stem, " ".join([*head, ""])
        low, high = within
        names = self.vocabulary.whole_names(low, min(high, low + MOST_NAMES), len(before) + len(last) + ENDING)
        fitting = (
            name
            for key, name in names
            if name.kind is UnderstoodKind.CATEGORY
            and " " not in (form := key.removeprefix(before))
            and stem(form) == stem(last)
        )
        return max(fitting, key=lambda name: name.products, default=None)
