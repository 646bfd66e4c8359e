"""What a search text says: mistyped and incomplete words, a price, a brand, a category, an attribute."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from recommender.embedding.bm25 import LexicalEncoder
from recommender.embedding.compounds import LINKS
from recommender.embedding.language import ENGLISH
from recommender.embedding.words import fold_umlauts, is_unit, without_measures
from recommender.query import NO_FILTERS, Boost, BoostKind, Filters, Options, Understood, UnderstoodKind
from recommender.serving.merchandising import Synonym
from recommender.serving.spelling import SHORTEST, nearest_word
from recommender.serving.vocabulary import LETTERS, NAME_KINDS, WORD, Name, Vocabulary, fold_word, fold_words, word_keys
from recommender.types import category_path, fold_name

if TYPE_CHECKING:
    from recommender.serving.price_words import PriceWords

LONGEST_READ = 300
"""Characters of a text that is read closely; a longer one was pasted, and says in full what it wants."""

_LAST_WORD = re.compile(rf"{WORD.pattern}\Z")
_TYPED_WORD = re.compile(rf"{WORD.pattern}[+#]*")
_WHOLE_NUMBER = re.compile(r"(?<![\w.,])\d+(?!\w|[.,]\d)")

LAST_OF_A_PRICE = "059"
"""Digits in which nearly all prices end that people name: `filter for 206` is about a car."""

MOST_TITLES = 200
"""Titles in which a number of the text is looked for."""

LEAST_SHARE = 0.02
"""Of the products with a word, the share that must have a number too, for `jacket over 200` to be about the number. The
value was not measured."""

LONGEST_NAME = 5
"""Words of a name that is looked for in a text."""

OF_THE_NAME = 0.3
"""Share of the products with the words of a brand that must be of that brand: `Next` and `Apple` are also plain
words."""

BOOST, BOOST_AMONG_OTHERS = 1.0, 0.1
"""How much higher products rank that have the brand, category or attribute in a search text: if the text is nothing but
names, and otherwise. Measured in docs/relevance.md."""

MOST_ALIKE = 8
"""Categories or attributes of one name that are meant by it, those with most products: a shop has several called
Accessories."""

ENDING = 2
"""Letters at the end of a word that may differ: `boot` and `Boots`, `Laufschuh` and `Laufschuhe`."""

MOST_NAMES = 200
"""Names with the same beginning that are compared."""

COMPLETIONS = 5
"""Words that an incomplete one is completed to."""

COMPOUNDS = 12
"""Compounds that are searched for a word that the shop has only in compounds."""

HEBREW_PREFIXES = "הובכלמש"

SHORTEST_HALF = 3
"""Shortest half, in letters, of two words that were typed as one, and of what may come before a word in a compound."""


@dataclass(frozen=True, slots=True)
class QueryText:
    """A search text as it is searched: `searched`, with the filters and boosts that it says.

    `corrected` is the text with its mistyped words corrected; None if there were none. `alternatives` are words that
    may stand for some of `searched`: completions of the last one, and compounds of one. `joined` are two of its words
    as one, and `synonyms` say what else its words mean.
    """

    searched: str
    corrected: str | None = None
    filters: Filters = NO_FILTERS
    boosts: tuple[Boost, ...] = ()
    understood: tuple[Understood, ...] = ()
    alternatives: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    synonyms: tuple[Synonym, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryReader:
    """Reads search texts by the words of a shop.

    Of a word that the vocabulary lacks, `is_found` tells whether a product has it in another form, and `is_meant`
    whether the model knows it. `is_number` tells whether a text is the number of a product. `currency` is the shop's;
    `sold_in` tells whether anything has a price in another one, `is_priced` whether anything has one within filters.
    """

    vocabulary: Vocabulary | None
    is_found: Callable[[str], bool]
    is_meant: Callable[[str], bool]
    is_number: Callable[[str], bool]
    currency: Callable[[], str]
    sold_in: Callable[[str], bool]
    is_priced: Callable[[Filters], bool]
    lexical: Callable[[], LexicalEncoder]
    synonyms: Callable[[str], Sequence[Synonym]]

    def read(self, text: str, filters: Filters, options: Options) -> QueryText:
        """Return what a text says. A price in `filters` or `options` wins over one in the text."""
        if len(text) > LONGEST_READ:
            return QueryText(text, filters=filters, boosts=options.boosts)
        found = QueryText(text, filters=filters, boosts=options.boosts)
        if options.understand and filters.price_min is None and filters.price_max is None:
            found = self._with_price(found)
        if self.vocabulary is None:
            return replace(found, synonyms=tuple(self.synonyms(found.searched)))
        typed = found.searched
        explained = {word for synonym in self.synonyms(typed) for word in synonym.words}
        complete: tuple[str, ...] = ()
        begun = _LAST_WORD.search(found.searched) if options.prefix else None
        if begun:
            complete = self._completions(found.searched, begun[0])
        changes: dict[str, str] = {}
        if options.correct:
            found, changes = self._correct(self.vocabulary, text, found, explained, cut_off=bool(complete))
        if complete and begun:
            changes[begun[0]] = complete[0]
            start = found.searched.removesuffix(begun[0])
            found = replace(found, searched=start + complete[0], alternatives=(*found.alternatives, *complete[1:]))
        # The shop's words that are two words of the text joined: `Kaffee Maschine`, `head phones`.
        rows = [self.vocabulary.words.find(one + other) for one, other in pairwise(fold_words(found.searched))]
        joined = tuple(self.vocabulary.shown[row] for row in rows if row >= 0)
        found = replace(found, joined=joined, synonyms=tuple(self.synonyms(found.searched)))
        return self._with_names(found, typed, changes) if options.understand else found

    def _with_price(self, found: QueryText) -> QueryText:
        """Take the first price out of the text, as a filter."""
        text = found.searched
        if not any(map(str.isdecimal, text)):
            return found
        from recommender.serving.price_words import find_price  # compiles patterns: 0.1 to 0.3 s, for few searches

        english = self.lexical().language == ENGLISH
        price = find_price(text, found.filters.currency or self.currency(), self.sold_in, english)
        if price is None or not self._is_price(text, price):
            return found
        if text[price.start : price.end].strip() == text.strip() and self.is_number(text):  # `AB 1001` may be a SKU
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

    def _is_price(self, text: str, price: PriceWords) -> bool:
        """Tell whether the shop has prices and, of a price that is not sure, whether anything costs so.

        The filters of the query do not count: a limit that no product of a brand keeps is a limit all the same.
        """
        if price.sure:
            return self.is_priced(NO_FILTERS)
        numbers = _WHOLE_NUMBER.findall(fold_word(text[price.start : price.end]))
        if len(numbers) == 2 and all(number[-1] not in LAST_OF_A_PRICE for number in numbers):
            return False  # `monitor between 27 and 32`
        filters = Filters(price_min=price.low, price_max=price.high, currency=price.currency)
        return self.is_priced(filters) and not self._is_in_titles(text, price)

    def _is_in_titles(self, text: str, price: PriceWords) -> bool:
        """Tell whether titles have a number of a price with the word behind it, as `1000 pieces`, or with that before.

        The word before counts for a lowest price, and for a number that prices rarely are. It need not be next to the
        number, which has no unit in such a title: `cream over 50`, `filter for 206`.
        """
        vocabulary, stem = self.vocabulary, self.lexical().stem
        if vocabulary is None:
            return False
        before = [(word, False) for word in fold_words(text[: price.start])[-1:]]
        behind = [(word, True) for word in fold_words(text[price.end :])[:1]]
        for number in _WHOLE_NUMBER.findall(fold_word(text[price.start : price.end])):
            is_rare = number[-1] not in LAST_OF_A_PRICE
            products = vocabulary.products_with([number])
            for word, is_behind in (*behind, *(before if price.high is None or is_rare else ())):
                start = word[:-ENDING] if len(word) > SHORTEST else word
                low, high = vocabulary.words.starting(start)
                if products is None or low == high or stem(word) is None:
                    continue
                both = vocabulary.products_starting(low, high, products)
                titles = [fold_word(vocabulary.titles[int(row)]) for row in both[:MOST_TITLES]]
                if is_behind:
                    if any(re.search(rf"\b{number}[\s-]{re.escape(start)}", title) for title in titles):
                        return True
                elif is_rare or len(both) >= LEAST_SHARE * len(vocabulary.products_starting(low, high)):
                    for title in titles:
                        forms = [each for each in fold_words(title) if each.startswith(start)]
                        if number in fold_words(without_measures(title)) and stem(word) in map(stem, forms):
                            return True
        return False

    def _completions(self, text: str, begun: str) -> tuple[str, ...]:
        """Return the words to which `begun`, the end of the text, may be completed, the likeliest first."""
        *head, last = word_keys(text) or [""]
        if self.vocabulary is None or not LETTERS.fullmatch(last.replace(" ", "")):
            return ()
        low, high = self.vocabulary.words.starting(last)
        products = self.vocabulary.products_with(head)
        rows = [row for row, _ in self.vocabulary.most_frequent(low, high, COMPLETIONS, products)] if high > low else []
        shown = [self.vocabulary.shown[row] for row in rows]
        return (begun, *shown) if last in self.vocabulary else tuple(shown)

    def _correct(
        self, vocabulary: Vocabulary, text: str, found: QueryText, explained: set[str], cut_off: bool
    ) -> tuple[QueryText, dict[str, str]]:
        """Correct each word of letters that neither the catalogue nor the model knows to the nearest one.

        The words of synonyms, `explained`, are left alone. Also returns what became of which words.
        """
        changes: dict[str, str] = {}
        compounds: list[str] = []
        words = [word for word in found.searched.split() if not any(map(str.isdecimal, word))]
        letters = [run for word in words for run in LETTERS.findall(word)]
        known = [fold_word(run) for run in letters]
        for run, word in zip(letters[: len(letters) - cut_off], known, strict=False):
            if len(word) < SHORTEST or word in explained:
                continue
            if word in vocabulary or fold_words(word) != [word] or is_unit(word) or self.is_found(word):
                continue  # the shop has a form of it, or it measures something: `5 litros` is no `5 libros`
            if more := self._compounds(word):
                compounds += more
            elif not (self.is_meant(run.lower()) or self.is_meant(word)):
                better = self._apart(word)
                if not better:
                    context = vocabulary.products_with([other for other in known if other != word])
                    better = nearest_word(vocabulary, word, context)
                # `livre` is no misspelling of the category Livres, whose name the index does not have.
                if better and self.lexical().stem(fold_word(better)) != self.lexical().stem(word):
                    changes[run] = better
        found = replace(found, alternatives=tuple(compounds))
        if not changes:
            return found, changes
        return replace(found, searched=_change(found.searched, changes), corrected=_change(text, changes)), changes

    def _compounds(self, word: str) -> list[str]:
        """Return the shop's words that end with a word, or else begin with it, if the language has compounds.

        `Stuhl` finds `Bürostuhl`, and `Kaffee` finds `Kaffeemühle`.
        """
        vocabulary = self.vocabulary
        if vocabulary is None or self.lexical().language not in LINKS:
            return []
        rows = vocabulary.words.ending(word, SHORTEST_HALF, ENDING) or [
            row
            for row in range(*vocabulary.words.starting(word))
            if len(vocabulary.words[row]) >= len(word) + SHORTEST_HALF
        ]
        rows.sort(key=lambda row: -int(vocabulary.counts[row]))
        return [vocabulary.shown[row] for row in rows[:COMPOUNDS]]

    def _apart(self, word: str) -> str | None:
        """Return the two words of a product that were typed as one word.

        In Hebrew the first may be the article, or another of the letters that are written together with a word.
        """
        if self.vocabulary is None:
            return None
        if word[0] in HEBREW_PREFIXES and (row := self.vocabulary.words.find(word[1:])) >= 0:
            return self.vocabulary.shown[row]
        for at in range(SHORTEST_HALF, len(word) - SHORTEST_HALF + 1):
            halves = [word[:at], word[at:]]
            rows = [self.vocabulary.words.find(half) for half in halves]
            products = self.vocabulary.products_with(halves) if min(rows) >= 0 else None
            if products is not None and len(products):
                return " ".join(self.vocabulary.shown[row] for row in rows)
        return None

    def _with_names(self, found: QueryText, typed: str, changes: Mapping[str, str]) -> QueryText:
        """Boost what the text names: the longest names first, each word once.

        Names are shown as they were `typed`, before the `changes` that made the words that are searched.
        """
        words = fold_words(found.searched)
        matches = [(match, fold_words(_change(match[0], changes))) for match in _TYPED_WORD.finditer(typed)]
        spans = [match.span() for match, folded in matches for _ in folded]
        if words != [word for _, folded in matches for word in folded]:
            spans = []  # signs were read as words
        if self.vocabulary is not None and self.lexical().language == "german":
            words = [word if word in self.vocabulary else fold_umlauts(word) for word in words]  # `muesli`
        understood, named, at, named_words = list(found.understood), list[Name](), 0, 0
        while at < len(words):
            size, names = self._longest_name(words, at)
            if names:
                text = typed[spans[at][0] : spans[at + size - 1][1]] if spans else " ".join(words[at : at + size])
                understood.append(Understood(text, names[0].kind, names[0].value, names[0].attribute))
                named += names[:MOST_ALIKE]
                named_words += size
            at += size
        weight = BOOST if named_words == len(words) else BOOST_AMONG_OTHERS
        boosts = list(found.boosts)
        for name in named:
            kind = BoostKind(name.kind.value)
            value = name.value if isinstance(name.value, str) else category_path(name.value)
            if not any(boost.kind is kind and fold_name(boost.value) == fold_name(value) for boost in boosts):
                boosts.append(Boost(kind, weight, value, name.attribute))
        return replace(found, boosts=tuple(boosts), understood=tuple(understood))

    def _longest_name(self, words: Sequence[str], at: int) -> tuple[int, Sequence[Name]]:
        """Return the longest name that begins at a word, with its length in words; 1 and None where none does."""
        found: tuple[int, Sequence[Name]] = 1, ()
        if self.vocabulary is None:
            return found
        keys, within = self.vocabulary.name_keys, (0, len(self.vocabulary.name_keys))
        for size in range(1, min(LONGEST_NAME, len(words) - at) + 1):
            phrase = words[at : at + size]
            inflected = " ".join([*phrase[:-1], phrase[-1][:-ENDING]])
            within_inflected = keys.starting(inflected, within) if len(phrase[-1]) >= SHORTEST else (0, 0)
            within = keys.starting(" ".join(phrase), within)
            names = self._best_names(phrase, self.vocabulary, within) or self._other_forms(phrase, within_inflected)
            if names:
                found = size, names
            if within[0] == within[1]:
                break  # no name continues this way
        return found

    def _best_names(self, phrase: Sequence[str], vocabulary: Vocabulary, within: tuple[int, int]) -> list[Name]:
        """Return what has exactly these words as its name: a brand, else a category, else an attribute's value."""
        low, high = within
        found = vocabulary.whole_names(low, min(high, low + MOST_NAMES), len(" ".join(phrase)))
        names = [name for _, name in found]
        for kind in NAME_KINDS:
            best = sorted((name for name in names if name.kind is kind), key=lambda name: -name.products)
            if not best:
                continue
            products = vocabulary.products_with(phrase)
            if kind is not UnderstoodKind.BRAND or products is None or best[0].products >= OF_THE_NAME * len(products):
                return best
        return []

    def _other_forms(self, phrase: Sequence[str], within: tuple[int, int]) -> list[Name]:
        """Return the category that a phrase names in another form of its last word: `boot` for `Boots`."""
        *head, last = phrase
        if self.vocabulary is None or not last.isalpha():
            return []
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
        return sorted(fitting, key=lambda name: -name.products)


def _change(text: str, changes: Mapping[str, str]) -> str:
    return LETTERS.sub(lambda run: changes.get(run[0], run[0]), text)
