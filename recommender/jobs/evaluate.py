"""Measures models on held-out products (by their vectors or as served), and on judgements from outside."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from recommender.application.composition import Application
from recommender.catalogue.repository import StoredProduct
from recommender.embedding.encoder import Encoder, Role
from recommender.embedding.product_text import description_text, title_text
from recommender.errors import BadInput
from recommender.evaluation.cached_encoder import CachedEncoder
from recommender.evaluation.end_to_end import CATEGORY_SEARCH, measure_searches, measure_similar, search_tasks, together
from recommender.evaluation.held_out import HeldOut, TextFunction, spread
from recommender.evaluation.judgements import (
    Find,
    Pairs,
    ScoredPairs,
    evaluate_pairs,
    evaluate_scored,
    evaluate_search,
)
from recommender.evaluation.judgements import (
    Queries as JudgedQueries,
)
from recommender.evaluation.reports import Measured, Report
from recommender.evaluation.suite import evaluate, report_of
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.ingestion.backfill import backfill
from recommender.ingestion.point_writer import PointWriter
from recommender.ingestion.targets import Target
from recommender.ingestion.worker import BATCH
from recommender.jobs.lexicon import live_lexical
from recommender.models.manifest import read_calibration
from recommender.models.registry import RegisteredModel
from recommender.query import Mode, Options, Variants
from recommender.serving.live_model import FixedModel, LiveModel
from recommender.serving.queries import Queries
from recommender.training.splits import Split, one_of_each_family, split_products, without_lone_category
from recommender.types import Product, Progress, silent

CORPUS_CAP = 30_000
"""The most products that a model is measured against. Encoding more would cost more than better metrics are worth."""

QUERY_CAP = 2_000
"""The most held-out products that are asked about. The 95% interval of P@10 is then about one percentage point wide."""

SCORED = "scored "
"""How the name of a suite of scored pairs begins; the name of its file follows."""

WrapEncoder = Callable[[str, Encoder], Encoder]
"""Wraps the encoder by which a model is measured, given the model's name: to cache vectors, or to count."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A corpus of at most `CORPUS_CAP` products, and its query rows; `unseen` are the rows of held-out categories."""

    corpus: Sequence[Product]
    queries: Sequence[int]
    unseen: Sequence[int]

    def held_out(self) -> HeldOut:
        """Return the queries and what they can be asked."""
        return HeldOut(self.corpus, self.queries, self.unseen, description_text)


def sample(products: Sequence[Product], split: Split) -> Sample:
    """Return what models are measured on: one product of each held-out family is a query.

    If the catalogue is larger than the caps, queries and corpus are spread evenly over it.
    """
    asked_about = set(one_of_each_family(products, (*split.test, *split.unseen)))  # no family is in both parts
    queries, unseen = (
        spread([index for index in part if index in asked_about], QUERY_CAP) for part in (split.test, split.unseen)
    )
    asked = {*queries, *unseen}
    others = [index for index in range(len(products)) if index not in asked]
    kept = sorted([*asked, *spread(others, CORPUS_CAP - len(asked))])
    position = {index: row for row, index in enumerate(kept)}
    return Sample([products[i] for i in kept], [position[i] for i in queries], [position[i] for i in unseen])


def products_to_measure(application: Application) -> tuple[list[Product], Split]:
    """Return the products of the catalogue and their split. Raises `BadInput` without products."""
    products = without_lone_category(stored.product for stored in application.catalogue.products())
    if not products:
        raise BadInput("there is no product to measure models on; `recommender evaluate --scored FILE` needs none")
    return products, split_products(products)


def measure_held_out(
    application: Application,
    models: Sequence[RegisteredModel],
    progress: Progress = silent,
    modes: Sequence[Mode] = (),
    wrap: WrapEncoder | None = None,
) -> list[Report]:
    """Measure models on the held-out products: by their vectors, or as served in modes.

    Each model is measured through the encoder that would serve it.
    """
    chosen = sample(*products_to_measure(application))
    if not modes:
        return [
            measure_vectors(application, model, measuring_encoder(application, model, wrap), chosen, progress)
            for model in models
        ]
    held = chosen.held_out()
    return [report for model in models for report in measure_served(application, model, held, modes, progress=progress)]


def measure_vectors(
    application: Application, model: RegisteredModel, encoder: Encoder, chosen: Sample, progress: Progress = silent
) -> Report:
    """Measure one model on held-out products by its vectors."""
    return evaluate(
        encoder,
        chosen.corpus,
        chosen.queries,
        application.text,
        title_text,
        description_text,
        model=model.name,
        unseen=chosen.unseen,
        progress=progress,
    )


def measuring_encoder(application: Application, model: RegisteredModel, wrap: WrapEncoder | None) -> Encoder:
    """Return the encoder that serves a model, wrapped if asked for."""
    encoder = application.serving_encoder(model)
    return encoder if wrap is None else wrap(model.name, encoder)


def measure_served(
    application: Application,
    model: RegisteredModel,
    held: HeldOut,
    modes: Sequence[Mode],
    *,
    encoder: Encoder | None = None,
    similar: bool = True,
    progress: Progress = silent,
) -> list[Report]:
    """Measure one model in each mode through the queries that serve: made-up searches, and `similar` products.

    All queries go to temporary indexes of the corpus; the live pair is not used. A given `encoder` should cache its
    vectors, so that no text is encoded twice.
    """
    started = time.monotonic()
    encoder = encoder or CachedEncoder(application.serving_encoder(model))
    measured: dict[Mode, dict[str, Measured]] = {mode: {} for mode in modes}
    tasks = search_tasks(held, application.text, title_text)
    for done, task in enumerate(tasks):
        with corpus_queries(application, model, encoder, held.corpus, task.document, progress) as queries:
            if set(modes) - {Mode.LEXICAL}:
                encoder.encode([search.text for search in task.searches], Role.QUERY)
            for mode in modes:
                progress(f"searching, {mode.value}", done, len(tasks), task.name)
                if similar and task.name == CATEGORY_SEARCH:  # the only task over the texts that are served
                    measured[mode] |= measure_similar(_similar(queries, mode, Variants.COLLAPSE), held)
                measured[mode] |= measure_searches(_search(queries, mode), task)
    return [
        report_of(
            held, together(measured[mode]), model=f"{model.name} {mode.value}", encoder=encoder.name, started=started
        )
        for mode in modes
    ]


def measure_judgements(
    application: Application,
    model: RegisteredModel,
    modes: Sequence[Mode],
    queries: JudgedQueries | None = None,
    pairs: Pairs | None = None,
    progress: Progress = silent,
    encoder: Encoder | None = None,
) -> list[Report]:
    """Measure one model in each mode on judged queries, on pairs of products that belong together, or on both."""
    encoder = encoder or application.serving_encoder(model)
    reports = []
    with catalogue_queries(application, model, encoder, progress) as asked:
        for mode in modes:
            label = f"{model.name} {mode.value}"
            if queries is not None:
                reports.append(evaluate_search(_search(asked, mode), queries, model=label, encoder=encoder.name))
            if pairs is not None:
                find = _similar(asked, mode, Variants.ALL)
                reports.append(evaluate_pairs(find, pairs, model=f"{label}, pairs", encoder=encoder.name))
    return reports


def measure_scored_pairs(application: Application, model: RegisteredModel, scored: ScoredPairs, name: str) -> Report:
    """Measure whether one model orders scored pairs by their scores, and record it as a suite of this name."""

    def text(sku: str) -> str | None:
        stored = application.catalogue.get(sku)
        return None if stored is None else application.text(stored.product)

    report = evaluate_scored(application.serving_encoder(model), scored, text, model=f"{model.name}, scored pairs")
    application.registry.record(model.name, metrics=report.means(), suite=f"{SCORED}{name}")
    return report


def _search(queries: Queries, mode: Mode) -> Find:
    options = Options(mode=mode, variants=Variants.ALL, rules=False)
    return lambda text, k: [hit.sku for hit in queries.search(text, k, options=options)]


def _similar(queries: Queries, mode: Mode, variants: Variants) -> Find:
    options = Options(mode=mode, variants=variants, rules=False)
    return lambda sku, k: [hit.sku for hit in queries.similar(sku, k, options=options)]


NAME = "temporary"


@contextmanager
def catalogue_queries(
    application: Application, model: RegisteredModel, encoder: Encoder, progress: Progress = silent
) -> Iterator[Queries]:
    """Open queries over the whole catalogue, encoded by `encoder`."""
    with _temporary_index(application, model, encoder) as (target, queries):
        backfill(target, application.catalogue, application.writer, progress)
        yield queries


@contextmanager
def corpus_queries(
    application: Application,
    model: RegisteredModel,
    encoder: Encoder,
    corpus: Sequence[Product],
    document: TextFunction,
    progress: Progress,
) -> Iterator[Queries]:
    """Open queries over some products, each indexed by its `document`.

    No graph is built: it would take longer than scanning at most `CORPUS_CAP` vectors for each of these queries.
    """
    with _temporary_index(application, model, encoder) as (target, queries):
        # Titles count more in what is served; other tasks search texts without them.
        writer = PointWriter(document, titled=document is application.text)
        for start in range(0, len(corpus), BATCH):
            progress("indexing", start, len(corpus), model.name)
            batch = corpus[start : start + BATCH]
            writer.write(target, [StoredProduct(product, active=True, text_hash="", revision=1) for product in batch])
        yield queries


@contextmanager
def _temporary_index(
    application: Application, model: RegisteredModel, encoder: Encoder
) -> Iterator[tuple[Target, Queries]]:
    with (
        tempfile.TemporaryDirectory(prefix="recommender-") as folder,
        closing(EmbeddedEngine(Path(folder)).create(NAME, model.dimension)) as index,
    ):
        lexical = live_lexical(application)
        # A model that was never live has no weight of words of its own yet: it is compared by that of the live one.
        known = [each for each in (model, application.registry.live()) if each is not None]
        weighed = (each for each in known if application.registry.manifest(each.name).search is not None)
        calibration = partial(read_calibration, next(weighed, model).folder)
        live = LiveModel(NAME, model.name, index, lambda: encoder, lambda: lexical, calibration)
        words = application.settings.words_weight
        queries = Queries(FixedModel(live), lambda: application.catalogue, application.text, words=words)
        yield Target(model.name, index, lambda: encoder, lambda: lexical), queries
