"""Measuring models: on held-out products by their vectors or as served, and on judgements from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.application.composition import Application
from recommender.embedding.encoder import Encoder, Role
from recommender.embedding.text import description_text, title_text
from recommender.evaluation.cached_encoder import RememberingEncoder
from recommender.evaluation.end_to_end import CATEGORY_SEARCH, measure_searches, measure_similar, search_tasks, together
from recommender.evaluation.held_out import HeldOut
from recommender.evaluation.judgements import Find, Pairs, Queries, evaluate_pairs, evaluate_search
from recommender.evaluation.reports import Report
from recommender.evaluation.scored import ScoredPairs, evaluate_scored
from recommender.evaluation.slices import Measured
from recommender.evaluation.suite import evaluate, report_of
from recommender.jobs.temporary_index import bounded_scratch, scratch
from recommender.models.registry import RegisteredModel
from recommender.query import Mode, Options, Variants
from recommender.serving.queries import Queries as Answering
from recommender.training.splits import Split, split_products
from recommender.types import Product, Progress, silent

CORPUS_CAP = 30_000
"""Products that a model is measured against: beyond that, encoding them costs more than the metrics gain."""

QUERY_CAP = 2_000
"""Held-out products that are asked: the 95% interval of P@10 is then about one point wide."""

Through = Callable[[str, Encoder], Encoder]
"""What a model's encoder is measured through, by the model's name: to keep vectors, or to count."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A corpus of at most `CORPUS_CAP` products, and the rows of it that are asked: `unseen` of held-out categories."""

    corpus: Sequence[Product]
    queries: Sequence[int]
    unseen: Sequence[int]


def sample(products: Sequence[Product], split: Split) -> Sample:
    """Return what models are measured on: evenly spread over the catalogue where it is larger than the caps."""
    queries, unseen = _spread(split.test, QUERY_CAP), _spread(split.unseen, QUERY_CAP)
    asked = {*queries, *unseen}
    others = [index for index in range(len(products)) if index not in asked]
    kept = sorted([*asked, *_spread(others, CORPUS_CAP - len(asked))])
    position = {index: row for row, index in enumerate(kept)}
    return Sample([products[i] for i in kept], [position[i] for i in queries], [position[i] for i in unseen])


def on_held_out(
    application: Application,
    models: Sequence[RegisteredModel],
    seed: int,
    progress: Progress = silent,
    modes: Sequence[Mode] = (),
    through: Through | None = None,
) -> list[Report]:
    """Measure models on the held-out products of the split with this seed: by their vectors, or as served in modes."""
    products = [stored.product for stored in application.catalogue.products()]
    chosen = sample(products, split_products(products, seed))
    if not modes:
        return measure(application, models, chosen, progress, through)
    held = held_out(chosen)
    return [report for model in models for report in as_served(application, model, held, modes, progress=progress)]


def measure(
    application: Application,
    models: Sequence[RegisteredModel],
    chosen: Sample,
    progress: Progress = silent,
    through: Through | None = None,
) -> list[Report]:
    """Measure models on the same held-out products, each through the encoder that would serve it."""
    return [
        measure_one(application, model, through_of(application, model, through), chosen, progress) for model in models
    ]


def measure_one(
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


def through_of(application: Application, model: RegisteredModel, through: Through | None) -> Encoder:
    """Return the encoder that serves a model, inside what it is to be measured through."""
    encoder = application.encoder(model)
    return encoder if through is None else through(model.name, encoder)


def as_served(
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

    Everything is asked of scratch indexes of the corpus; the live pair is not touched. Pass an `encoder` that remembers
    to encode nothing twice.
    """
    started = time.monotonic()
    encoder = encoder or RememberingEncoder(application.encoder(model))
    measured: dict[Mode, dict[str, Measured]] = {mode: {} for mode in modes}
    tasks = search_tasks(held, application.text, title_text)
    for done, task in enumerate(tasks):
        with bounded_scratch(application, model, encoder, held.corpus, task.document, progress) as recommender:
            if set(modes) - {Mode.LEXICAL}:
                encoder.encode([search.text for search in task.searches], Role.QUERY)
            for mode in modes:
                progress(f"asking, {mode.value}", done, len(tasks), task.name)
                if similar and task.name == CATEGORY_SEARCH:  # the one task over the texts that are served
                    measured[mode] |= measure_similar(_similar(recommender, mode, Variants.COLLAPSE), held)
                measured[mode] |= measure_searches(_search(recommender, mode), task)
    return [
        report_of(
            held, together(measured[mode]), model=f"{model.name} {mode.value}", encoder=encoder.name, started=started
        )
        for mode in modes
    ]


def on_judgements(
    application: Application,
    model: RegisteredModel,
    modes: Sequence[Mode],
    queries: Queries | None = None,
    pairs: Pairs | None = None,
    progress: Progress = silent,
    encoder: Encoder | None = None,
) -> list[Report]:
    """Measure one model in each mode on judged queries, on pairs of products that belong together, or on both."""
    encoder = encoder or application.encoder(model)
    reports = []
    with scratch(application, model, progress, encoder) as recommender:
        for mode in modes:
            label = f"{model.name} {mode.value}"
            if queries is not None:
                found = _search(recommender, mode)
                reports.append(evaluate_search(found, queries, model=label, encoder=encoder.name))
            if pairs is not None:
                found = _similar(recommender, mode, Variants.ALL)
                reports.append(evaluate_pairs(found, pairs, model=f"{label}, pairs", encoder=encoder.name))
    return reports


def on_scored_pairs(application: Application, model: RegisteredModel, scored: ScoredPairs) -> Report:
    """Measure whether one model orders scored pairs of products or texts as their scores do."""

    def text(sku: str) -> str | None:
        stored = application.catalogue.get(sku)
        return None if stored is None else application.text(stored.product)

    return evaluate_scored(application.encoder(model), scored, text, model=f"{model.name}, scored pairs")


def _search(recommender: Answering, mode: Mode) -> Find:
    options = Options(mode=mode, variants=Variants.ALL, rules=False)
    return lambda text, k: [hit.sku for hit in recommender.search(text, k, options=options)]


def _similar(recommender: Answering, mode: Mode, variants: Variants) -> Find:
    options = Options(mode=mode, variants=variants, rules=False)
    return lambda sku, k: [hit.sku for hit in recommender.similar(sku, k, options=options)]


def held_out(chosen: Sample) -> HeldOut:
    """Return the queries of a sample and what they can be asked."""
    return HeldOut(chosen.corpus, chosen.queries, chosen.unseen, description_text)


def _spread(indexes: Sequence[int], cap: int) -> list[int]:
    """Return at most `cap` of the indexes, evenly spaced: a catalogue is often in the order of its departments."""
    if len(indexes) <= cap:
        return list(indexes)
    return [indexes[int(at)] for at in np.linspace(0, len(indexes) - 1, cap)]
