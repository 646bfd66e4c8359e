"""The queries: similar products, free-text search, recommendations by example, and browsing.

How a query becomes hits (`Queries._answer`):

1. The request is checked against the limits of `query/`.
2. A lease on the live model, or on the model that the query names, gives an encoder and its index (`live_model`).
3. The query becomes an `EncodedQuery`: a vector for its meaning, and BM25 weights for its words. A search text is read
   first (`query_reading`): typos, prices, names, synonyms. A product has its vector in the index already, and the words
   are those of its title.
4. The shop's rules for this text or category add pins and bans (`merchandising`).
5. `Candidates.hits` (`candidates`) asks the index for products. Their score is the weighted sum of words and meaning,
   times the boosts. Pins get their places. The others come in this order: products whose own number is the text,
   products by score, or the best of them by price or age without pins, and, if the caller wants it and there are too
   few, a fallback. The product that was asked about and further variants are left out.
6. Attributes, explanations and counts (`facets`) are added.

Browsing has no query to encode: it reads products from the index in one order (`candidates.in_order`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from recommender.errors import UnknownSku, UsageError
from recommender.identifiers import identifier_key, read_identifier
from recommender.index.payload import CURRENCY, card_of
from recommender.index.protocol import ExampleVectors, IndexQuery, Order, VectorIndex, point_id
from recommender.interface import QueryInterface
from recommender.query import (
    DEFAULT_SUGGESTIONS,
    MAX_OFFSET,
    NO_FILTERS,
    NO_OPTIONS,
    Answer,
    Confidence,
    Filters,
    Hit,
    Mode,
    Options,
    QueryRequest,
    RecommendRequest,
    Rule,
    SearchRequest,
    SimilarRequest,
    Strategy,
    Suggestion,
    SuggestRequest,
    Variants,
)
from recommender.query.serialization import validate
from recommender.query.validation import check_sku
from recommender.serving.candidates import (
    Candidates,
    EncodedQuery,
    Shown,
    in_order,
    with_attributes,
)
from recommender.serving.explanations import Explainer
from recommender.serving.facets import COUNTED, count_all, count_payloads
from recommender.serving.live_model import LiveModel, ModelProvider
from recommender.serving.merchandising import NO_PLACEMENT, Merchandising
from recommender.serving.query_encoder import CacheInfo, Observe, QueryEncoder, observe_nothing
from recommender.serving.query_reading import QueryReader, QueryText
from recommender.serving.vocabulary_file import VocabularyFile
from recommender.types import Card, Product, SparseVector

if TYPE_CHECKING:
    from recommender.catalogue.repository import Catalogue

NO_VECTOR = np.empty(0, dtype=np.float32)


SIMILAR_WORDS = 0.5
"""Weight of a product's title against its vector: measured between 0.3 and 0.7 on pairs of the same product and on
categories, see docs/relevance.md."""

COMPLETED = 0.5
"""Weight of the other words that an incomplete word may be, and of compounds. The likeliest word has 1, and so has a
synonym."""

CURRENCIES_FRESH_S = 30.0
"""How long the currencies of an index are used before they are looked up again: a shop gets another one once in
years."""

MOST_CURRENCIES = 10


class _Anchor(NamedTuple):
    """A product that a query is about, and its vector: float32 [d], empty when words alone count."""

    card: Card
    vector: NDArray[np.float32]


class Queries(QueryInterface):
    """Answers queries in this process. Thread-safe; every answer comes from one model and the index that it made.

    `observe` is told how long encoding and the index took, and `note` how sure the answer of each search is. `words` is
    the weight of words in searches; without it the measured one is used.
    """

    def __init__(
        self,
        models: ModelProvider,
        catalogue: Callable[[], Catalogue],
        text: Callable[[Product], str],
        rules: Callable[[], Sequence[Rule]] = tuple,
        observe: Observe = observe_nothing,
        vocabulary: VocabularyFile | None = None,
        note: Callable[[str, Confidence], None] | None = None,
        words: float | None = None,
    ) -> None:
        self._models = models
        self._words = words
        self._catalogue = catalogue
        self._text = text
        self._merchandising = Merchandising(rules)
        self._encoder = QueryEncoder(observe)
        self._explainer = Explainer(lambda skus: catalogue().get_many(skus), text)
        self._observe = observe
        self._vocabulary = vocabulary
        self._note = note
        self._known_currencies: WeakKeyDictionary[VectorIndex, tuple[Sequence[str], float]] = WeakKeyDictionary()

    def similar(
        self, product: str | Product, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS
    ) -> Answer:
        sku, given = (product, None) if isinstance(product, str) else (None, product)
        request = validate(SimilarRequest(sku=sku, product=given, k=k, filters=filters, options=options))
        options = request.options

        def encode(live: LiveModel) -> EncodedQuery:
            anchor = self._anchor(live, product, options.mode)
            return EncodedQuery(
                dense=None if options.mode is Mode.LEXICAL else anchor.vector,
                lexical=None if options.mode is Mode.DENSE else live.lexical().title(anchor.card.title),
                words_weight=SIMILAR_WORDS if options.words is None else options.words,
                words=anchor.card.title,
                anchors=(anchor.card,),
            )

        return self._answer(encode, request)

    def search(self, text: str, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        request = validate(SearchRequest(query=text, k=k, filters=filters, options=options))
        filters, options = request.filters, request.options

        def encode(live: LiveModel) -> EncodedQuery:
            said = self._reader(live, options).read(text, filters, options)
            calibration = live.calibration()
            lexical = None if options.mode is Mode.DENSE else live.lexical().query(said.searched)
            means = [*said.joined, *(synonym.means for synonym in said.synonyms)]
            alternatives: dict[int, float] = {}
            if lexical is not None and (means or said.alternatives):
                for value, words in ((1.0, means), (COMPLETED, said.alternatives)):
                    terms = live.lexical().query(" ".join(words)) if words else SparseVector((), ())
                    others = [index for index, weight in zip(terms.indices, terms.values, strict=True) if weight == 1]
                    alternatives |= dict.fromkeys(set(others).difference(lexical.indices, alternatives), value)
                lexical = SparseVector((*lexical.indices, *alternatives), (*lexical.values, *alternatives.values()))
            meant = " ".join([said.searched, *(synonym.means for synonym in said.synonyms)])
            weight = self._words if options.words is None else options.words
            return EncodedQuery(
                dense=None if options.mode is Mode.LEXICAL else self._encoder.query(live, meant),
                lexical=lexical,
                words_weight=calibration.words if weight is None else weight,
                adapt=weight is None,
                words=said.searched,
                calibration=calibration,
                identifier=read_identifier(text),
                alternatives=frozenset(alternatives),
                said=said,
            )

        answer = self._answer(encode, request, text)
        # Only whole searches are noted. Left out are further pages, searches while somebody types or narrows them (that
        # a filter left nothing says nothing about the words), and those without rules (health checks).
        further = options.offset or options.prefix or replace(filters, in_stock=False, currency="") != NO_FILTERS
        if self._note and answer.confidence is not None and not further and options.rules:
            self._note(text, answer.confidence)
        return answer

    def recommend(
        self,
        like: Sequence[str],
        dislike: Sequence[str] = (),
        k: int = 10,
        filters: Filters = NO_FILTERS,
        options: Options = NO_OPTIONS,
    ) -> Answer:
        request = validate(RecommendRequest(like=like, dislike=dislike, k=k, filters=filters, options=options))
        options = request.options

        def encode(live: LiveModel) -> EncodedQuery:
            liked = [self._anchor(live, sku, options.mode) for sku in dict.fromkeys(request.like)]
            disliked = [self._anchor(live, sku, options.mode) for sku in dict.fromkeys(request.dislike)]
            titles = [anchor.card.title for anchor in liked]
            weights: dict[int, float] = {}  # for each word, the share of the titles that have it
            for title in titles if options.mode is not Mode.DENSE else ():
                vector = live.lexical().title(title)
                for index, value in zip(vector.indices, vector.values, strict=True):
                    weights[index] = weights.get(index, 0.0) + value / len(titles)
            words = SparseVector(tuple(weights), tuple(weights.values()))
            query = EncodedQuery(
                lexical=None if options.mode is Mode.DENSE else words,
                words_weight=SIMILAR_WORDS if options.words is None else options.words,
                words=" ".join(titles),
                anchors=tuple(anchor.card for anchor in liked),
                disliked=tuple(anchor.card for anchor in disliked),
            )
            if options.mode is Mode.LEXICAL:
                return query
            likes = np.stack([anchor.vector for anchor in liked])
            dislikes = np.array([anchor.vector for anchor in disliked], np.float32).reshape(-1, likes.shape[1])
            if options.strategy is not Strategy.AVERAGE:
                examples = ExampleVectors(likes, dislikes, best_score=options.strategy is Strategy.BEST_SCORE)
                return replace(query, examples=examples)
            mean = likes.mean(axis=0)  # as Qdrant averages examples: twice the liked minus the disliked
            average = 2 * mean - dislikes.mean(axis=0) if len(dislikes) else mean
            return replace(query, dense=np.asarray(average, dtype=np.float32))

        return self._answer(encode, request)

    def browse(self, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        request = validate(QueryRequest(k=k, filters=filters, options=options))
        filters, options = request.filters, request.options
        wanted = min(options.offset + request.k, MAX_OFFSET)
        placement = self._merchandising.placement((), filters.categories) if options.rules else NO_PLACEMENT
        allowed = placement.exclude_banned(filters)

        def answer(live: LiveModel) -> Answer:
            shown = Shown(options.variants is Variants.COLLAPSE)
            priced = self._in_currency(live.index, allowed)
            hits = in_order(live.index, wanted, priced, shown, options.sort)
            facets = count_all(live.index, priced, options.facet_values) if options.facets else None
            if options.include_attributes:
                hits = with_attributes(live.index, hits)
            total = live.index.count(priced, exact=len(hits) < wanted)
            return Answer(tuple(hits[options.offset :]), live.model, live.generation, facets, total=total)

        return self._models.ask(answer, options.model)

    def suggest(self, text: str, limit: int = DEFAULT_SUGGESTIONS) -> list[Suggestion]:
        from recommender.serving.suggestions import suggest  # here: no search needs it

        validate(SuggestRequest(text=text, limit=limit))
        return suggest(self._vocabulary.require(), text, limit) if self._vocabulary else []

    def product(self, sku: str) -> Product:
        check_sku(sku)
        return self._catalogue_product(sku, active=True)

    def cache_info(self) -> CacheInfo:
        """Return how often the vector of a search text was cached."""
        return self._encoder.info()

    def refresh_rules(self) -> None:
        """Read the rules again, so that the next query follows them."""
        self._merchandising.refresh()

    def _answer(self, encode: Callable[[LiveModel], EncodedQuery], request: QueryRequest, text: str = "") -> Answer:
        """Lease a model and its index, encode the query, find its hits; add explanations and facets if asked for."""
        filters, options = request.filters, request.options
        wanted = min(options.offset + request.k, MAX_OFFSET)
        for attempt in self._models.attempts(options.model):
            with attempt as live:
                query = encode(live)
                said = query.said or QueryText(text, filters=filters, boosts=options.boosts)
                filters = self._in_currency(live.index, said.filters)
                options = replace(options, boosts=said.boosts) if said.boosts != options.boosts else options
                placement = NO_PLACEMENT
                if options.rules:
                    categories = [
                        *filters.categories,
                        *(path for anchor in query.anchors for path in anchor.categories),
                    ]
                    placement = self._merchandising.placement((text, said.corrected or text, said.searched), categories)
                candidates = Candidates(live.index, query, filters, options, placement, self._observe)
                allowed = placement.exclude_banned(filters)
                hits: Sequence[Hit]
                facets = None
                if text and not said.searched:  # the text was a price and no other word
                    shown = Shown(options.variants is Variants.COLLAPSE)
                    hits = in_order(live.index, wanted, allowed, shown, options.sort)
                    few = len(hits) < wanted
                    if options.facets:
                        facets = count_all(live.index, allowed, options.facet_values)
                else:
                    hits = candidates.hits(wanted)
                    few = candidates.exhausted
                    if options.facets:
                        facets = count_payloads(candidates.payloads(COUNTED), filters, options.facet_values)
                hits = hits[options.offset :]
                if options.include_attributes:
                    hits = with_attributes(live.index, hits)
                if options.explain:
                    hits = self._explainer.explain(live.lexical(), query, hits)
                confidence, matched = candidates.confidence, candidates.words_matched
                total = live.index.count(allowed, exact=few)
                return Answer(
                    tuple(hits),
                    live.model,
                    live.generation,
                    facets,
                    confidence,
                    matched,
                    total,
                    did_you_mean=said.corrected,
                    searched=said.searched if said.searched != text else None,
                    understood=said.understood,
                )
        raise RuntimeError("the last attempt neither answered nor raised")

    def _reader(self, live: LiveModel, options: Options) -> QueryReader:
        """Return the reader of search texts, which knows the words of the catalogue, of an index, and of the model."""

        def is_found(index: int) -> bool:
            words = SparseVector((index,), (1.0,))
            return bool(live.index.query(IndexQuery(limit=1, lexical=words)))

        def is_found_in_parts(word: str) -> bool:
            terms = live.lexical().query(word)
            whole = [index for index, value in zip(terms.indices, terms.values, strict=True) if value == 1]
            parts = [index for index in terms.indices if index not in whole]
            return (
                any(map(is_found, whole))
                or (bool(parts) and all(map(is_found, parts)))
                or bool(live.index.find([identifier_key(word)], NO_FILTERS, 1))
            )

        def is_meant(word: str) -> bool:
            return options.mode is not Mode.LEXICAL and word in live.tokens()

        def is_number(text: str) -> bool:
            asked = read_identifier(text)
            return asked is not None and bool(live.index.find(asked.keys, NO_FILTERS, 1))

        def sold_in(currency: str) -> bool:
            return currency in self._currencies(live.index)

        return QueryReader(
            vocabulary=self._vocabulary.current() if self._vocabulary else None,
            is_found=is_found_in_parts,
            is_meant=is_meant,
            is_number=is_number,
            currency=lambda: next(iter(self._currencies(live.index)), ""),
            sold_in=sold_in,
            is_priced=lambda filters: bool(live.index.select(filters, 1, Order.CHEAPEST)),
            lexical=live.lexical,
            synonyms=self._merchandising.synonyms if options.rules else lambda _text: [],
        )

    def _in_currency(self, index: VectorIndex, filters: Filters) -> Filters:
        """Return filters whose prices are in a currency: that of most products, in a shop that has several.

        In a shop that has one, all products meet the condition, and to look it up for each takes five times as long as
        the search itself.
        """
        if filters.price_min is None and filters.price_max is None:
            return filters
        currencies = self._currencies(index)
        if len(currencies) > 1:
            return replace(filters, currency=filters.currency or currencies[0])
        return replace(filters, currency="") if filters.currency in currencies else filters

    def _currencies(self, index: VectorIndex) -> Sequence[str]:
        """Return the currencies of the products of an index, the commonest first."""
        known, until = self._known_currencies.get(index, ((), 0.0))
        if time.monotonic() >= until:
            known = tuple(currency for currency, _ in index.facet(CURRENCY, NO_FILTERS, MOST_CURRENCIES) if currency)
            self._known_currencies[index] = known, time.monotonic() + CURRENCIES_FRESH_S
        return known

    def _anchor(self, live: LiveModel, product: str | Product, mode: Mode) -> _Anchor:
        """Return a product with its vector: from the index, else from the catalogue, else as it was given."""
        if isinstance(product, str):
            for point in live.index.retrieve([point_id(product)], with_vectors=mode is not Mode.LEXICAL):
                return _Anchor(card_of(point.payload), NO_VECTOR if point.dense is None else point.dense)
            product = self._catalogue_product(product)  # also one that left the shop, where it is needed most
        text = self._text(product)
        if not text:
            raise UsageError("the product has no text; give it a title, a brand or a description")
        card = Card(
            sku=product.sku,
            title=product.title,
            brand=product.brand,
            category=tuple(product.category),
            price=product.price,
            currency=product.currency,
            availability=product.availability,
            url=product.url,
            image=product.image,
            group_id=product.group_id,
            gtin=product.gtin,
            mpn=product.mpn,
            other_categories=tuple(map(tuple, product.other_categories)),
        )
        return _Anchor(card, NO_VECTOR if mode is Mode.LEXICAL else self._encoder.document(live, text))

    def _catalogue_product(self, sku: str, active: bool = False) -> Product:
        catalogue = self._catalogue()
        stored = catalogue.get(sku)
        if stored is None or (active and not stored.active):
            raise UnknownSku(sku, catalogue.nearest_skus(sku))
        return stored.product
