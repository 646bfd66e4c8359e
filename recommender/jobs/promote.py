"""Makes a model live: it is measured beside those that it would replace, and judged by the gate. Also the way back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from recommender.application.composition import Application
from recommender.batching import batches
from recommender.embedding.encoder import Encoder, Vectors
from recommender.embedding.product_text import description_text, title_text
from recommender.errors import BadInput, IndexHeld, RecommenderError, Refused, UsageError
from recommender.evaluation.cached_encoder import CachedEncoder
from recommender.evaluation.judgements import Pairs, Queries
from recommender.evaluation.reports import Report
from recommender.evaluation.text_suite import NO_SUITE, TextSuite, measure_texts
from recommender.index.generation import Generation, GenerationState
from recommender.index.protocol import point_id
from recommender.ingestion.worker import BATCH
from recommender.jobs.calibrate import calibrate, search_doubts
from recommender.jobs.evaluate import (
    Sample,
    WrapEncoder,
    measure_judgements,
    measure_served,
    measure_vectors,
    measuring_encoder,
    products_to_measure,
    sample,
)
from recommender.jobs.kept_measures import keep_measures
from recommender.jobs.models import prepare_base
from recommender.jobs.rebuild import build_live, generations_of, require_points, retire_unused
from recommender.models.manifest import BASE_SUFFIX, HELD_OUT, TUNED, GateResult
from recommender.models.registry import RegisteredModel
from recommender.query import Mode
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.data.supplied import read_texts_to_measure
from recommender.training.dataset_builder import build_training_data
from recommender.training.options import DataFormat, DataSource, Loss, TrainingOptions
from recommender.training.promotion_gate import (
    PRIMARY,
    GateRule,
    Judged,
    Searched,
    Verdict,
    decide,
    measures_of,
    text_measures,
)
from recommender.training.splits import NO_SPLIT
from recommender.types import Product, Progress, silent


@dataclass(frozen=True, slots=True)
class Judgements:
    """Searches and pairs from outside on which a tuned model must not get worse; either may be missing."""

    queries: Queries | None = None
    pairs: Pairs | None = None

    @property
    def suites(self) -> list[str]:
        """The judgements that there are, by the names of the gate, in the order in which they are measured."""
        given = (("searches", self.queries), ("pairs", self.pairs))
        return [name for name, judgements in given if judgements is not None]


@dataclass(frozen=True, slots=True)
class Evidence:
    """How each model measured on the held-out products and, as served, on judgements; and the gate's verdict.

    `reports` are those of the base, of the live model unless it is the base, and of the tuned model. `searched`
    compares the tuned model's hybrid search with words alone on the same searches; it is None for a model of texts
    alone. `encoder` has the vectors by which the tuned model was measured: an index of that model need not encode them
    again.
    """

    reports: tuple[Report, ...]
    judged: tuple[Judged, ...]
    searched: Searched | None
    verdict: Verdict
    encoder: Encoder | None = field(default=None, repr=False, compare=False)


def check_promotion(
    application: Application,
    models: Sequence[RegisteredModel],
    chosen: Sample | None,
    judgements: Judgements | None = None,
    progress: Progress = silent,
    wrap: WrapEncoder | None = None,
    texts: TextSuite = NO_SUITE,
) -> Evidence:
    """Measure the base, the live model if it is another, and the tuned one, in this order, and decide.

    Each is measured through the encoder that would serve it; the encoder's vectors are kept while the model is
    measured. Hybrid search is compared with words alone: on supplied searches if there are any, otherwise on searches
    made from held-out products. Without products, only `texts` are measured.
    """
    judgements = judgements or Judgements()
    suites = judgements.suites
    reports: list[Report] = []
    judged: list[Sequence[Report]] = []
    both = (Mode.HYBRID, Mode.LEXICAL)
    searched: Searched | None = None
    for model in models:
        encoder = CachedEncoder(measuring_encoder(application, model, wrap if chosen else None))
        is_tuned = model is models[-1]
        if chosen is not None:
            encoder.know(live_vectors(application, model, chosen.corpus))
        on_texts = measure_texts(encoder, texts, model=model.name)
        if chosen is None:
            reports.append(on_texts)
            continue
        measure = partial(measure_vectors, application, model, encoder, chosen, progress)
        report = measure() if is_tuned else keep_measures(application, model, encoder, chosen, measure)
        reports.append(replace(report, metrics={**report.metrics, **on_texts.metrics}))
        served: Sequence[Report] = ()
        if suites:
            modes, queries, pairs = both if is_tuned else both[:1], judgements.queries, judgements.pairs
            served = measure_judgements(application, model, modes, queries, pairs, progress, encoder)
        judged.append(served[: len(suites)])
        if is_tuned and judgements.queries is not None:
            searched = Searched(served[0], served[len(suites)])
        elif is_tuned:
            held = chosen.held_out()
            made_up = measure_served(application, model, held, both, encoder=encoder, similar=False, progress=progress)
            searched = Searched(*made_up)
        if not is_tuned:
            encoder.close()
    guards = tuple(
        Judged(each[0], each[1] if len(each) > 2 else None, each[-1], suite)
        for each, suite in zip(zip(*judged, strict=True), suites, strict=True)
    )
    live = reports[1] if len(reports) > 2 else None
    if chosen is None:
        primary, others = text_measures(reports[-1])
    else:
        primary, *own = measures_of(PRIMARY in reports[-1].metrics)
        others = (*own, *on_texts.metrics)
    verdict = decide(reports[0], live, reports[-1], judged=guards, searched=searched, primary=primary, guards=others)
    verdict = replace(verdict, warnings=_warn_of_searches(application, models[-1], verdict))
    return Evidence(tuple(reports), guards, searched, verdict, encoder if chosen is not None else None)


def _warn_of_searches(application: Application, tuned: RegisteredModel, verdict: Verdict) -> tuple[str, ...]:
    """Warn that words alone kept a model out, and how the live model does in searches: nothing else says it."""
    serving = application.registry.live()
    warnings = []
    if any(line.rule is GateRule.WORDS and not line.passed for line in verdict.lines):
        warnings.append(
            f"words alone answer these searches better than {tuned.name} does with them; "
            f"{serving.name if serving else 'no model'} keeps answering, and a base model that knows the language of "
            "the shop may do better (`recommender finetune --base MODEL`)"
        )
    if serving is not None:
        doubts = search_doubts(application.registry.manifest(serving.name))
        warnings += [f"{serving.name}, which is live: {line}" for line in doubts]
    return tuple(warnings)


def live_vectors(application: Application, model: RegisteredModel, products: Sequence[Product]) -> dict[str, Vectors]:
    """Return the vectors that the live index has of these products from this model, by the runtime it would use now.

    Returns none when another process holds the index, which may take long.
    """
    live = application.generations.live()
    if live is None or live.model_id != model.id or live.runtime != application.runtime_of(model):
        return {}
    vectors: dict[str, Vectors] = {}
    with suppress(RecommenderError):
        index = application.index(live, 0.0)
        for batch in batches(products, BATCH):
            of_id = {point_id(product.sku): product for product in batch}
            for point in index.retrieve(list(of_id), with_vectors=True):
                product = of_id[point.id]
                if point.dense is not None and point.payload.get("text_hash") == application.text.hash(product):
                    vectors[application.text(product)] = point.dense
    return vectors


def judge(
    application: Application,
    model: RegisteredModel,
    base: RegisteredModel,
    chosen: Sample | None,
    judgements: Judgements | None = None,
    progress: Progress = silent,
    wrap: WrapEncoder | None = None,
    texts: TextSuite = NO_SUITE,
) -> Evidence:
    """Measure a registered model beside its base and the live one, ask the gate, and record all that with the model."""
    live = application.registry.live()
    others = [live] if live is not None and live.name not in (base.name, model.name) else []
    evidence = check_promotion(application, [base, *others, model], chosen, judgements, progress, wrap, texts)
    registry = application.registry
    suites = [(HELD_OUT, evidence.reports[0], evidence.reports[-1])]
    suites += [(f"supplied {each.suite}", each.base, each.tuned) for each in evidence.judged]
    for suite, before, after in suites:
        # The tuned model has the base's measures beside its own, for the model card.
        registry.record(base.name, metrics=before.means(), suite=suite)
        registry.record(model.name, metrics=before.means(), suite=f"{suite}{BASE_SUFFIX}")
        registry.record(model.name, metrics=after.means(), suite=suite)
    gate = GateResult.PASSED if evidence.verdict.passed else GateResult.REFUSED
    registry.record(model.name, verdict=evidence.verdict.reason, gate=gate)
    return evidence


def judge_registered(
    application: Application, name: str, judgements: Judgements | None = None, progress: Progress = silent
) -> Evidence:
    """Judge any registered model on held-out products, as `finetune` would have done.

    Its base is the model from which it was tuned. A base model is judged beside the default one. Raises `UnknownModel`,
    and `UsageError` for the default base itself, for which there is nothing to compare with.
    """
    if judgements is not None:
        require_known(application, judgements)
    registry = application.registry
    model, manifest = registry.get(name), registry.manifest(name)
    origin = manifest.base if manifest.kind == TUNED else application.settings.model
    base = next((each for each in registry.list() if each.base == origin and registry.kind(each.name) != TUNED), None)
    base = base or prepare_base(application, origin, progress=progress)
    if base.name == name:
        base = registry.live() or base
    if base.name == name:
        raise UsageError(f"{name} is the base model, and no other is live: there is nothing to compare it with")
    given = manifest.hyper_parameters
    data, eval_data = (
        tuple(DataSource(each["name"], DataFormat(each["format"])) for each in given.get(name) or ())
        for name in ("data", "eval_data")
    )
    loss = Loss(given["loss"]) if given.get("loss") in list(Loss) else None
    options = TrainingOptions(loss=loss, data=data, data_only=bool(data), eval_data=eval_data)
    functions = TextFunctions(application.text, title_text, description_text)
    if manifest.kind != TUNED or manifest.catalogue_hash or not data:
        products, split = products_to_measure(application)
        chosen = sample(products, split)
        supplied = TextSuite(supplied=read_texts_to_measure(options, products, functions))
        return judge(application, model, base, chosen, judgements, progress, texts=supplied)
    # A model of texts: the same rows of the same data are held out.
    texts = build_training_data([], NO_SPLIT, options, functions, progress).judging
    return judge(application, model, base, None, judgements, progress, texts=texts)


def require_known(application: Application, judgements: Judgements) -> None:
    """Raise `BadInput` if no SKU of the judgements is in the catalogue: better before the training than after it."""
    relevant = [[sku for sku, grade in query.grades.items() if grade > 0] for query in judgements.queries or ()]
    for what, groups in (("the relevant products of the judged queries", relevant), ("the pairs", judgements.pairs)):
        skus = list(dict.fromkeys(sku for group in groups or () for sku in group))
        if skus and not application.catalogue.get_many(skus):
            raise BadInput(f"{what}: none of {len(skus):,} SKUs is in the catalogue, such as {skus[0]!r}; check them")


def promote(
    application: Application,
    model: RegisteredModel,
    force: bool = False,
    progress: Progress = silent,
    encoder: Encoder | None = None,
) -> Generation:
    """Make a model live: at once if a generation of it is kept up to date, otherwise by building one.

    `encoder` is one of the model that already knows vectors from measuring. Raises `Refused` for a model that the gate
    refused, and for a tuned one that it has not judged. Raises `WouldLose` when far fewer points would be live than
    now. With `force`, neither is raised.
    """
    against = ""
    if model.gate in (GateResult.REFUSED, GateResult.FORCED):
        against = f"the gate refused {model.name}: {model.verdict}"
    elif model.gate is GateResult.NOT_ASKED and application.registry.manifest(model.name).kind == TUNED:
        against = f"the gate has not judged {model.name}; `recommender models judge {model.name}` asks it"
    if against and not force:
        raise Refused(f"{against}; --force makes it live all the same, which is recorded")
    kept = [one for one in generations_of(application, model, GenerationState.READY) if not one.live]
    points = application.catalogue.count()
    if kept:
        with suppress(IndexHeld):  # a worker that keeps it up to date has it, so it is like the catalogue
            points = application.index(kept[-1], 0.0).count()
    require_points(application, points, f"promoting {model.name}", progress, force)
    if against:  # before the switch: no forced model is ever live without its mark
        verdict = model.verdict or "it was put live without being judged"
        application.registry.record(model.name, gate=GateResult.FORCED, verdict=verdict)
    if kept:
        application.generations.switch(kept[-1])
        retire_unused(application)
        return kept[-1]
    generation = build_live(application, model, progress, encoder=encoder)
    calibrate(application, progress=progress)
    return generation


def roll_back(application: Application, progress: Progress = silent) -> Generation:
    """Go back to the previous pair of generation and model, in one step. Calling it again undoes it.

    The previous generation was kept up to date. Changes that it could not take are queued by the switch itself.
    """
    previous = application.generations.previous()
    if previous is None:
        raise BadInput("there is nothing to roll back to: no other generation was live before this one, or is kept")
    if previous.name not in application.engine.names():  # for example after a move to another engine
        return build_live(application, application.registry.by_id(previous.model_id), progress)
    return application.generations.rollback()
