"""Makes a vocabulary from the catalogue."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.repository import ProductNames
from recommender.query import UnderstoodKind
from recommender.serving.vocabulary import NAME_KINDS, PART, WORD, fold_word, fold_words

LONGEST_WORD = 40
"""Longest word that is kept, in letters: longer ones are addresses, or text without blanks."""

LONGEST_VALUE = 40
"""Characters of an attribute's value that a search may name; longer ones are sentences."""

MOST_VALUE_WORDS = 4

LEAST_PRODUCTS = 2
"""The fewest products that must share an attribute's value: a value of a single product describes it, as a weight
does."""

_DOTLESS = frozenset("ıİğĞəƏ")
"""Letters of languages in which the small letter of `I` is `ı`, and that of `İ` is `i`."""

Arrays = dict[str, NDArray[np.generic]]


def build_vocabulary(products: Iterable[ProductNames]) -> Arrays:
    """Return the arrays of a `Vocabulary` of the products of a catalogue, in their order."""
    tokens: dict[str, int] = {}
    token_counts = array("I")
    word_ids = array("I")
    ends = array("I", [0])
    titles: list[str] = []
    names: Counter[tuple[UnderstoodKind, str]] = Counter()
    for product in products:
        text = " ".join([product.brand, product.title, *chain(*product.categories)])
        for token in dict.fromkeys(_small_words(text, product.title.isupper())):
            if len(token) <= LONGEST_WORD:
                number = tokens.setdefault(token, len(tokens))
                if number == len(token_counts):
                    token_counts.append(0)
                token_counts[number] += 1
                word_ids.append(number)
        ends.append(len(word_ids))
        titles.append(product.title)
        if product.brand:
            names[UnderstoodKind.BRAND, product.brand] += 1
        ancestors = dict.fromkeys(path[: depth + 1] for path in product.categories for depth in range(len(path)))
        for path in ancestors:
            names[UnderstoodKind.CATEGORY, PART.join(path)] += 1
        for name, value in product.attributes.items():
            if len(value) <= LONGEST_VALUE and not value.isdecimal():
                names[UnderstoodKind.ATTRIBUTE, f"{name}{PART}{value}"] += 1
    words, shown, row_of = _merge_spellings(list(tokens), token_counts)
    words_of = row_of[np.frombuffer(word_ids, np.uint32)] if word_ids else np.empty(0, np.uint32)
    bounds = np.frombuffer(ends, np.uint32)
    # A title may have two spellings of one word, so each product is counted once. The words come out sorted.
    owners = np.repeat(np.arange(len(bounds) - 1, dtype=np.uint64), np.diff(bounds))
    pairs = np.unique((owners << np.uint64(32)) | words_of.astype(np.uint64))
    lengths = np.bincount((pairs >> np.uint64(32)).astype(np.int64), minlength=len(bounds) - 1)
    words_of, bounds = pairs.astype(np.uint32), np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint32)
    order = np.argsort(words_of, kind="stable")
    products_of = np.repeat(np.arange(len(titles), dtype=np.uint32), np.diff(bounds))[order]
    counts = np.bincount(words_of, minlength=len(words))
    return {
        **_texts("words", words),
        **_texts("shown", shown),
        "words_of": words_of,
        "words_of_bounds": bounds,
        "products_of": products_of,
        "products_of_bounds": np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32),
        **_texts("titles", titles),
        **_name_arrays(names),
    }


def _small_words(text: str, capitals: bool) -> list[str]:
    """Return the words of a text in small letters. `capitals` says that its title is in capitals."""
    words = WORD.findall(text)
    if _DOTLESS.isdisjoint(text):
        return [word.lower() for word in words]
    # A word of other letters too is Turkish or Azeri, and so are most of a title in capitals; `Intel` is neither.
    is_local = [capitals or not word.isascii() for word in words]
    local = str.maketrans("Iİ", "ıi")
    return [(word.translate(local) if own else word).lower() for word, own in zip(words, is_local, strict=True)]


def _merge_spellings(tokens: Sequence[str], counts: Sequence[int]) -> tuple[list[str], list[str], NDArray[np.uint32]]:
    """Return the folded words, the most frequent spelling of each, and the row of the word of each token."""
    spellings: dict[str, int] = {}
    keys = [" ".join(fold_words(token)) or token for token in tokens]
    for number, key in enumerate(keys):
        best = spellings.get(key)
        if best is None or counts[number] > counts[best]:
            spellings[key] = number
    words = sorted(spellings, key=str.encode)
    rows = {word: row for row, word in enumerate(words)}
    return words, [tokens[spellings[word]] for word in words], np.array([rows[key] for key in keys], np.uint32)


def _name_arrays(names: Counter[tuple[UnderstoodKind, str]]) -> Arrays:
    """Return the brands, categories and attribute values, each in the spelling that most products have."""
    kept: dict[tuple[UnderstoodKind, str], str] = {}
    counts: Counter[tuple[UnderstoodKind, str]] = Counter()
    for (kind, text), count in names.most_common():
        folded = kind, fold_word(text)
        kept.setdefault(folded, text)
        counts[folded] += count
    keys: list[tuple[str, int]] = []
    chosen: list[tuple[UnderstoodKind, str]] = []
    for (kind, _), text in kept.items():
        words = fold_words(text.split(PART)[-1])
        count = counts[kind, fold_word(text)]
        is_value = kind is UnderstoodKind.ATTRIBUTE
        if not words or (is_value and (len(words) > MOST_VALUE_WORDS or count < LEAST_PRODUCTS)):
            continue
        whole = len(chosen) | 1 << 31
        keys.append((" ".join(words), whole))
        keys += [(" ".join(words[start:]), len(chosen)) for start in range(1, 1 if is_value else len(words))]
        chosen.append((kind, text))
    keys.sort(key=lambda key: (key[0].encode(), not key[1] >> 31))  # a whole name before those that end with it
    return {
        **_texts("name_keys", [key for key, _ in keys]),
        "name_ids": np.array([number for _, number in keys], np.uint32),
        **_texts("names", [text for _, text in chosen]),
        "name_kinds": np.array([NAME_KINDS.index(kind) for kind, _ in chosen], np.uint8),
        "name_counts": np.array([counts[kind, fold_word(text)] for kind, text in chosen], np.uint32),
    }


def _texts(name: str, texts: Sequence[str]) -> Arrays:
    encoded = [text.encode() for text in texts]
    lengths = np.fromiter(map(len, encoded), np.uint32, len(encoded))
    return {
        name: np.frombuffer(b"".join(encoded), np.uint8),
        f"{name}_bounds": np.concatenate([[0], np.cumsum(lengths, dtype=np.uint32)]).astype(np.uint32),
    }
