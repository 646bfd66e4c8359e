"""The language of the words of a generation, and the words at which its compounds are split."""

from __future__ import annotations

from itertools import islice

from recommender.application.composition import Application
from recommender.embedding.bm25 import LexicalEncoder, check_language
from recommender.embedding.compounds import LINKS, collect_words
from recommender.embedding.language import AUTO, SAMPLE, detect_language
from recommender.embedding.words import fold
from recommender.index.generation import Generation, Lexicon

SETTLED = 5000
"""With this many products, a shop's words are known well enough: only a rebuild looks at them again."""

GROWTH = 2
FEW = 10
"""A catalogue of fewer than `SETTLED` is looked at again when it has twice as many products and ten more."""


def choose_lexicon(application: Application, renew: bool = False) -> Lexicon:
    """Return the lexicon of a new generation, with the words that the catalogue has now.

    The language is the one that the settings name. Without one, it is detected from the catalogue at the first ingest,
    and with `renew`. Otherwise it stays that of the live generation.
    """
    live = application.generations.live()
    if application.settings.language.strip().lower() != AUTO:
        language = check_language(application.settings.language)
    elif live is not None and not renew:
        language = live.language
    else:
        language = _detect_language(application)
    words = ""
    if language in LINKS:
        # The words of its category count too: in these a shop names what it sells.
        products = application.catalogue.products()
        texts = (fold(" ".join((application.text(each.product), *each.product.category))) for each in products)
        words = collect_words(texts, LexicalEncoder(language).stem)
    return Lexicon(language, words, application.catalogue.count())


def has_outgrown(application: Application, live: Generation) -> bool:
    """Tell whether a small catalogue has grown so much that another language is detected, or it has more words."""
    is_told = application.settings.language.strip().lower() == AUTO
    if live.catalogue_size >= SETTLED or not (is_told or live.language in LINKS):
        return False
    size = application.catalogue.count()
    if size < GROWTH * live.catalogue_size + FEW:
        return False
    language = _detect_language(application) if is_told else live.language
    if language != live.language or language in LINKS:
        return True
    application.generations.confirm_language(live, size)
    return False


def live_lexical(application: Application) -> LexicalEncoder:
    """Return the encoder of the BM25 weights of the live generation, or of the first one if there is none yet."""
    live = application.generations.live()
    return application.lexical_of(live) if live else LexicalEncoder(choose_lexicon(application).language)


def _detect_language(application: Application) -> str:
    products = islice(application.catalogue.products(), SAMPLE)
    return detect_language(f"{stored.product.title}. {stored.product.description}" for stored in products)
