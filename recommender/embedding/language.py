"""The language that a shop writes in, detected from its products."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from recommender.embedding.bm25 import LANGUAGES, NEUTRAL

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

AUTO = "auto"
"""The choice to detect it."""

ENGLISH = "english"

SAMPLE = 5000
"""Products that are read for it."""

_CHARACTERS = 200_000
_CHARACTERS_A_TEXT = 400
_LITTLE = 120
"""Shortest text, in letters, that tells a language: short titles are mostly names, and look like any language."""

_SURE = 0.5
"""Least confidence with which a language is believed; three fashion titles have 0.3, a whole catalogue of them 0.76."""

_CODES = dict(
    pair.split(":")
    for pair in (
        "ar:arabic az:azerbaijani bg:bulgarian bn:bengali ca:catalan cs:czech da:danish de:german el:greek en:english"
        " es:spanish et:estonian eu:basque fa:persian fi:finnish fr:french he:hebrew hi:hindi hr:croatian hu:hungarian"
        " hy:armenian id:indonesian it:italian ja:japanese ka:georgian kk:kazakh ko:korean lt:lithuanian lv:latvian"
        " mk:macedonian ms:malay ne:nepali nl:dutch nn:norwegian no:norwegian pl:polish pt:portuguese ro:romanian"
        " ru:russian sk:slovak sl:slovene sr:serbian sv:swedish ta:tamil tg:tajik th:thai tr:turkish uk:ukrainian"
        " ur:urdu vi:vietnamese wuu:chinese yue:chinese zh:chinese"
    ).split()
)


def detect_language(texts: Iterable[str]) -> str:
    """Return the language of texts, as `LANGUAGES` names it; the neutral choice if none is clear.

    Texts too short to tell are taken for English if they have only ASCII letters.
    """
    sample = ". ".join(text[:_CHARACTERS_A_TEXT] for text in texts)[:_CHARACTERS]
    fallback = ENGLISH if sample.isascii() else NEUTRAL
    if sample.isascii() and sum(map(str.isalpha, sample[: 10 * _LITTLE])) < _LITTLE:
        return fallback
    code, confidence = _identifier().classify(sample)
    language = _CODES.get(code, NEUTRAL)
    return language if confidence >= _SURE and language in LANGUAGES else fallback


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    # 0.8 s, which only the first ingest and a rebuild pay. Its model is an array file, read without pickles.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
