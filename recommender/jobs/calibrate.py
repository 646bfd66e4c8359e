"""How searches with a model are weighed and judged in one shop: measured on made-up searches, kept in its manifest."""

from __future__ import annotations

import csv
import gzip
import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np

from recommender.application.composition import Application
from recommender.embedding.encoder import Role
from recommender.errors import BadInput, RecommenderError
from recommender.evaluation.held_out import K
from recommender.evaluation.judgements import Queries
from recommender.evaluation.made_up_searches import KNOWN_ITEMS, MadeUpSearch, complete_searches, make_searches
from recommender.evaluation.metrics import ndcg_at_k
from recommender.index.generation import Generation
from recommender.index.protocol import IndexQuery, ScoredPoint, point_id
from recommender.index.query_plan import weigh_words
from recommender.models.manifest import MADE_UP, Manifest, SearchCalibration
from recommender.serving.candidates import FIRST_PREFETCH, how_sure
from recommender.types import Progress, silent

_log = logging.getLogger(__name__)

FEWEST = 200
"""Below this many products nothing is measured: every search would find all of them."""

MOST = 50_000
"""Products from which searches are made up, evenly spread over a larger catalogue."""

WEIGHTS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Least weights of words that are tried. On graded searches 0.3 gained nothing; with 1 a search is by words alone."""

ENOUGH = 10
"""Kinds with fewer made-up searches are left out: some shops have only one category to ask for."""

MOSTLY_WORDS = 0.9
"""Weight of words from which a model adds next to nothing to searches, which is reported."""

TOLERANCE = 0.005
"""How far nDCG@10 of a kind of search may be below that of words alone."""

OWN_LEFT_OUT = 0.012
FOREIGN_LET_IN = 0.01
"""Share of the shop's own known items that are not rated as sure, and share of other shops' searches by meaning that
are."""

LEAST_MEANING = 0.65
"""Least bound for meaning alone: the seed is only one shop, and searches of others come nearer. With 0.6, one or two in
a hundred searches of other shops more were rated as sure; with 0.7, fewer of the shop's own categories."""

FOREIGN = 300
JUDGED = "judged"


def seed_folder() -> Path:
    """Return the seed: inside the package in an installed wheel, beside it in a checkout."""
    package = Path(__file__).parent.parent
    for folder in (package / "_seed", package.parent / "seed"):
        if (folder / "catalogue.csv.gz").is_file():
            return folder
    raise BadInput("the seed catalogue is not part of this installation; use a checkout")


def calibrate(
    application: Application, judged: Queries | None = None, anew: bool = False, progress: Progress = silent
) -> None:
    """Choose the weight of words for the live model in this shop, and when a search is sure, and record both.

    The weight is the lowest at which no kind of made-up search is below words alone: what customers mean can't be made
    up, so meaning gets everything that known items leave it. If searches were judged, it is the best of these weights
    for them. This is done once for a model unless `anew`; small catalogues keep the defaults. An error, as when another
    process has the index, leaves what was known.
    """
    with suppress(RecommenderError):
        generation = application.generations.live()
        if generation is not None and (anew or application.registry.manifest(generation.model_name).search is None):
            _calibrate(application, generation, judged, progress)


def _calibrate(application: Application, generation: Generation, judged: Queries | None, progress: Progress) -> None:
    count = application.catalogue.count()
    if count < FEWEST:  # checked first: a small shop comes here after each drain
        return
    step = ceil(count / MOST)
    products = [stored.product for stored in islice(application.catalogue.products(), None, None, step)]
    progress("calibrating searches", 0, 2, generation.model_name)
    searches = make_searches(products)
    if step > 1:
        searches = complete_searches(searches, (stored.product for stored in application.catalogue.products()))
    counts = Counter(search.kind for search in searches)
    searches = [search for search in searches if counts[search.kind] >= ENOUGH]
    searches += [MadeUpSearch(JUDGED, query.text, query.grades) for query in judged or ()]
    if not searches:  # few categories, and titles alike, of one word or without blanks: the defaults stay
        application.registry.record(generation.model_name, search=SearchCalibration())
        return
    own = {product.title for product in products}
    with gzip.open(seed_folder() / "catalogue.csv.gz", "rt", encoding="utf-8", newline="") as file:
        titles = [row["title"] for row in csv.DictReader(file)]
    with (seed_folder() / "queries.csv").open(encoding="utf-8", newline="") as file:
        asked = [row["query"] for row in csv.DictReader(file)]
    is_seed = sum(title in own for title in titles) > len(titles) // 100
    foreign = [] if is_seed else [*asked, *titles[:: len(titles) // FOREIGN]]

    index, encoder = application.index(generation), application.encoder_of(generation)
    lexical = application.lexical_of(generation)
    texts = [*(search.text for search in searches), *foreign]
    vectors = encoder.encode(texts, Role.QUERY)
    words = [lexical.query(text) for text in texts]
    limit = 2 * FIRST_PREFETCH
    found = [
        index.query(IndexQuery(limit, vector, terms, prefetch=FIRST_PREFETCH))
        for vector, terms in zip(vectors, words, strict=True)
    ]
    progress("calibrating searches", 1, 2, generation.model_name)
    alone, weighed = _measure(searches, found, [len(terms.indices) for terms in words])

    def loss(weight: float) -> float:
        """Return the most that a kind of search loses against words alone."""
        return max(float(np.mean(alone[kind]) - np.mean(weighed[weight][kind])) for kind in alone)

    allowed = [weight for weight in WEIGHTS if loss(weight) <= TOLERANCE] or [min(WEIGHTS, key=loss)]
    weight = allowed[0]
    if JUDGED in alone:
        weight = max(allowed, key=lambda weight: (np.mean(weighed[weight][JUDGED]), -weight))
    own_items = [
        (points, len(terms.indices))
        for search, points, terms in zip(searches, found, words, strict=False)
        if search.kind in KNOWN_ITEMS
    ]
    calibration = _bounds(weight, own_items, found[len(searches) :])
    metrics = {f"{kind}, words alone": float(np.mean(values)) for kind, values in alone.items()}
    metrics |= {f"{kind}, hybrid": float(np.mean(values)) for kind, values in weighed[weight].items()}
    rounded = {name: round(value, 4) for name, value in metrics.items()}
    application.registry.record(generation.model_name, metrics=rounded, suite=MADE_UP, search=calibration)
    for line in search_doubts(application.registry.manifest(generation.model_name)):
        _log.warning("%s: %s", generation.model_name, line)
    application.live_models.refresh()
    progress("calibrating searches", 2, 2, generation.model_name)


def search_doubts(manifest: Manifest) -> list[str]:
    """Say where a model does not help searches in the shop: kinds below words alone, or a weight that leaves none."""
    metrics = manifest.metrics.get(MADE_UP, {})
    doubts = [
        f"hybrid search is below words alone on made-up searches of the kind {kind!r}: nDCG@10 "
        f"{metrics[f'{kind}, hybrid']:.3f} against {metrics[f'{kind}, words alone']:.3f}; "
        "RECOMMENDER_WORDS_WEIGHT=1 searches by words alone"
        for kind in (name.removesuffix(", hybrid") for name in metrics if name.endswith(", hybrid"))
        if metrics[f"{kind}, hybrid"] < metrics[f"{kind}, words alone"] - TOLERANCE
    ]
    if manifest.search is not None and manifest.search.words >= MOSTLY_WORDS:
        doubts.append(
            f"words weigh {manifest.search.words:g} of 1 in searches, since meaning by this model makes them worse in "
            "this shop; a base model that knows its language may help (`recommender finetune --base MODEL`)"
        )
    return doubts


Values = dict[str, list[float]]


def _measure(
    searches: Sequence[MadeUpSearch], found: Sequence[Sequence[ScoredPoint]], terms: Sequence[int]
) -> tuple[Values, dict[float, Values]]:
    """Return nDCG@10 of each search by kind: by words alone, and with each weight."""
    alone: Values = defaultdict(list)
    weighed: dict[float, Values] = {weight: defaultdict(list) for weight in WEIGHTS}
    for search, points, count in zip(searches, found, terms, strict=False):
        grades = {str(point_id(sku)): grade for sku, grade in search.grades.items()}
        ids = [str(point.id) for point in points]
        words, meaning = np.array([(point.words, point.meaning) for point in points]).reshape(-1, 2).T
        ranked = [ids[row] for row in np.argsort(-words, kind="stable") if words[row] > 0]
        alone[search.kind].append(ndcg_at_k(ranked, grades, K))
        for weight, values in weighed.items():
            own = weigh_words(weight, count, words)
            order = np.argsort(-(own * words + (1 - own) * meaning), kind="stable")
            values[search.kind].append(ndcg_at_k([ids[row] for row in order[:K]], grades, K))
    return alone, weighed


def _bounds(
    weight: float, own: Sequence[tuple[Sequence[ScoredPoint], int]], foreign: Sequence[Sequence[ScoredPoint]]
) -> SearchCalibration:
    """Return the bounds of a sure search: nearly all known items reach them, and hardly any other shop's search."""
    default = SearchCalibration(words=weight)
    if len(own) < FEWEST // 4:
        return default

    sure = np.quantile([how_sure(points, terms) for points, terms in own], OWN_LEFT_OUT)
    by_words = np.quantile([max((point.words for point in points), default=0.0) for points, _ in own], OWN_LEFT_OUT)
    by_meaning = default.good_meaning
    if foreign:
        best = [max((point.meaning for point in points), default=0.0) for points in foreign]
        by_meaning = max(LEAST_MEANING, float(np.quantile(best, 1 - FOREIGN_LET_IN)))
    figures = {"good": sure, "good_words": by_words, "good_meaning": by_meaning}
    return SearchCalibration(weight, **{name: round(max(0.05, float(value)), 4) for name, value in figures.items()})
