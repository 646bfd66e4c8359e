"""The language of the words of a generation, and the words by which its compounds are split."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from recommender.application.composition import Application
from recommender.embedding.bm25 import LexicalEncoder, check_language
from recommender.embedding.compounds import LINKS, collect_words
from recommender.embedding.language import AUTO, SAMPLE, detect_language
from recommender.embedding.words import fold
from recommender.index.generations import Generation, Lexicon

SETTLED = 5000
"""Products from which on a shop's words are known well enough: only a rebuild looks at them anew."""

GROWTH = 2
FEW = 10
"""A catalogue of fewer than `SETTLED` is looked at anew once it has twice as many products and ten more."""


def choose_lexicon(application: Application, renew: bool = False) -> Lexicon:
    """Return the lexicon of a new generation: its words as the catalogue has them now.

    The language is the one that the settings name. Where they leave it open, it is told from the catalogue at the first
    ingest, and with `renew`; else it stays that of the live generation.
    """
    live = application.generations.live()
    if application.settings.language.strip().lower() != AUTO:
        language = check_language(application.settings.language)
    elif live is not None and not renew:
        language = live.language
    else:
        language = _told_language(application)
    words = collect_words(_texts(application), LexicalEncoder(language).stem) if language in LINKS else ""
    return Lexicon(language, words, application.catalogue.count())


def has_outgrown(application: Application, live: Generation) -> bool:
    """Tell whether a small catalogue has grown so much that its language reads differently, or has more words."""
    is_told = application.settings.language.strip().lower() == AUTO
    if live.catalogue_size >= SETTLED or not (is_told or live.language in LINKS):
        return False
    size = application.catalogue.count()
    if size < GROWTH * live.catalogue_size + FEW:
        return False
    language = _told_language(application) if is_told else live.language
    if language != live.language or language in LINKS:
        return True
    application.generations.confirm_language(live, size)
    return False


def served_lexical(application: Application) -> LexicalEncoder:
    """Return what makes the BM25 weights of the live generation, or of the first one before there is any."""
    live = application.generations.live()
    return application.lexical_of(live) if live else LexicalEncoder(choose_lexicon(application).language)


def _told_language(application: Application) -> str:
    products = islice(application.catalogue.products(), SAMPLE)
    return detect_language(f"{stored.product.title}. {stored.product.description}" for stored in products)


def _texts(application: Application) -> Iterator[str]:
    """Yield the words of each product, those of its category too: a shop names there what it sells."""
    for stored in application.catalogue.products():
        yield fold(" ".join((application.text(stored.product), *stored.product.category)))
