"""The queries: similar products, free-text search, recommendations by example, and browsing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.repository import Catalogue
from recommender.embedding.lexical import LexicalEncoder
from recommender.errors import UnknownSku, UsageError
from recommender.index.payload import card_of
from recommender.index.protocol import Examples, Fusion, StoredPoint, point_id
from recommender.interface import QueryInterface
from recommender.query import NO_FILTERS, NO_OPTIONS, Answer, Filters, Hit, Mode, Options, Rule, Strategy
from recommender.query.validation import check_examples, check_query, check_sku, check_text
from recommender.serving.candidates import Question, card_of_product
from recommender.serving.explanations import Explainer
from recommender.serving.facets import COUNTED, facets_of, facets_of_all
from recommender.serving.live_model import LiveModel, ModelProvider
from recommender.serving.merchandising import NO_PLACEMENT, Placement, RuleBook
from recommender.serving.query_vectors import CacheInfo, Observe, QueryVectors, unobserved
from recommender.serving.ranking import Ranking, browsed
from recommender.types import Card, Product, SparseVector

NO_VECTOR = np.empty(0, dtype=np.float32)


class _Anchor(NamedTuple):
    """A product that is asked about, and its vector: float32 [d], empty when words alone count."""

    card: Card
    vector: NDArray[np.float32]


class Queries(QueryInterface):
    """Answers queries in this process. Thread-safe; every answer comes from one pair of generation and model.

    The two fusions are how `similar` and `search` join the dense and the lexical list; the defaults are those that
    measured best (docs/relevance.md). `observe` is told how long encoding and the index took.
    """

    def __init__(
        self,
        models: ModelProvider,
        catalogue: Catalogue,
        text: Callable[[Product], str],
        lexical: LexicalEncoder,
        rules: Callable[[], Sequence[Rule]] = tuple,
        similar_fusion: Fusion = Fusion.DBSF,
        search_fusion: Fusion = Fusion.RRF,
        observe: Observe = unobserved,
    ) -> None:
        self._models = models
        self._catalogue = catalogue
        self._text = text
        self._lexical = lexical
        self._rulebook = RuleBook(rules)
        self._vectors = QueryVectors(observe)
        self._explainer = Explainer(catalogue.get_many, text, lexical)
        self._similar_fusion = similar_fusion
        self._search_fusion = search_fusion
        self._observe = observe

    def similar(
        self, product: str | Product, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS
    ) -> Answer:
        check_query(k, filters, options)
        if isinstance(product, str):
            check_sku(product)

        def answer(pair: LiveModel) -> Answer:
            anchor = self._anchor(pair, product, options.mode)
            question = Question(
                dense=None if options.mode is Mode.LEXICAL else anchor.vector,
                lexical=None if options.mode is Mode.DENSE else self._lexical.query(anchor.card.title),
                fusion=self._similar_fusion,
                words=anchor.card.title,
                anchors=(anchor.card,),
            )
            return self._answer(pair, question, k, filters, options)

        return self._models.ask(answer, options.model)

    def search(self, text: str, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        check_query(k, filters, options)
        check_text(text)

        def answer(pair: LiveModel) -> Answer:
            question = Question(
                dense=None if options.mode is Mode.LEXICAL else self._vectors.query(pair, text),
                lexical=None if options.mode is Mode.DENSE else self._lexical.query(text),
                fusion=self._search_fusion,
                words=text,
            )
            return self._answer(pair, question, k, filters, options, text)

        return self._models.ask(answer, options.model)

    def recommend(
        self,
        like: Sequence[str],
        dislike: Sequence[str] = (),
        k: int = 10,
        filters: Filters = NO_FILTERS,
        options: Options = NO_OPTIONS,
    ) -> Answer:
        check_query(k, filters, options)
        check_examples(like, dislike)

        def answer(pair: LiveModel) -> Answer:
            liked = [self._anchor(pair, sku, options.mode) for sku in dict.fromkeys(like)]
            disliked = [self._anchor(pair, sku, options.mode) for sku in dict.fromkeys(dislike)]
            question = self._by_example(liked, disliked, options)
            return self._answer(pair, question, k, filters, options)

        return self._models.ask(answer, options.model)

    def browse(self, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        check_query(k, filters, options)

        def answer(pair: LiveModel) -> Answer:
            kept = self._placement(options, "", filters.categories).keeping(filters)
            hits = browsed(pair.index, options.offset + k, kept, options.variants)
            facets = facets_of_all(pair.index, kept) if options.facets else None
            return Answer(tuple(hits[options.offset :]), pair.model, pair.generation, facets)

        return self._models.ask(answer, options.model)

    def product(self, sku: str) -> Product:
        check_sku(sku)
        return self._known(sku, active=True)

    def cache_info(self) -> CacheInfo:
        """Return how often the vector of a search text was in memory."""
        return self._vectors.info()

    def forget_rules(self) -> None:
        """Have the next query read the rules anew."""
        self._rulebook.forget()

    def _answer(
        self, pair: LiveModel, question: Question, k: int, filters: Filters, options: Options, text: str = ""
    ) -> Answer:
        about = [*filters.categories, *(anchor.category for anchor in question.anchors)]
        placement = self._placement(options, text, about)
        ranking = Ranking(pair.index, question, filters, options, placement, self._observe)
        hits: Sequence[Hit] = ranking.hits(options.offset + k)[options.offset :]
        if options.explain:
            hits = self._explainer.explained(pair.index, question, hits)
        facets = facets_of(ranking.cards(COUNTED)) if options.facets else None
        return Answer(tuple(hits), pair.model, pair.generation, facets)

    def _placement(self, options: Options, text: str, categories: Iterable[Sequence[str]]) -> Placement:
        return self._rulebook.placement(text, categories) if options.rules else NO_PLACEMENT

    def _by_example(self, liked: Sequence[_Anchor], disliked: Sequence[_Anchor], options: Options) -> Question:
        words = " ".join(anchor.card.title for anchor in liked)
        question = Question(
            lexical=None if options.mode is Mode.DENSE else self._union([anchor.card.title for anchor in liked]),
            fusion=self._similar_fusion,
            words=words,
            anchors=tuple(anchor.card for anchor in liked),
            apart=tuple(anchor.card for anchor in disliked),
        )
        if options.mode is Mode.LEXICAL:
            return question
        likes = np.stack([anchor.vector for anchor in liked])
        dislikes = np.array([anchor.vector for anchor in disliked], np.float32).reshape(-1, likes.shape[1])
        if options.strategy is Strategy.AVERAGE:
            return replace(question, dense=_average(likes, dislikes))
        return replace(question, examples=Examples(likes, dislikes, options.strategy is Strategy.BEST_SCORE))

    def _union(self, titles: Iterable[str]) -> SparseVector:
        """Weigh each word by the share of the titles that have it."""
        weights: dict[int, float] = {}
        listed = list(titles)
        for title in listed:
            vector = self._lexical.query(title)
            for index, value in zip(vector.indices, vector.values, strict=True):
                weights[index] = weights.get(index, 0.0) + value / len(listed)
        return SparseVector(tuple(weights), tuple(weights.values()))

    def _known(self, sku: str, active: bool = False) -> Product:
        stored = self._catalogue.get(sku)
        if stored is None or (active and not stored.active):
            raise UnknownSku(sku, self._catalogue.nearest_skus(sku))
        return stored.product

    def _anchor(self, pair: LiveModel, product: str | Product, mode: Mode) -> _Anchor:
        """Return a product with its vector: from the index, else from the catalogue, else as it was given."""
        if isinstance(product, str):
            for point in pair.index.retrieve([point_id(product)], with_vectors=mode is not Mode.LEXICAL):
                return _indexed(point)
            product = self._known(product)  # of one that is gone, too: its page is where others are wanted most
        text = self._text(product)
        if not text:
            raise UsageError("the product has no text; give it a title, a brand or a description")
        vector = NO_VECTOR if mode is Mode.LEXICAL else self._vectors.document(pair, text)
        return _Anchor(card_of_product(product), vector)


def _indexed(point: StoredPoint) -> _Anchor:
    return _Anchor(card_of(point.payload), NO_VECTOR if point.dense is None else point.dense)


def _average(liked: NDArray[np.float32], disliked: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return twice the mean of the liked minus that of the disliked, as Qdrant averages examples."""
    mean = liked.mean(axis=0)
    if not len(disliked):
        return np.asarray(mean, dtype=np.float32)
    return np.asarray(2 * mean - disliked.mean(axis=0), dtype=np.float32)
