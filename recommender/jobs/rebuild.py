"""Builds a generation of the index with a model, and switches queries to it."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from recommender.application.composition import Application
from recommender.catalogue.loss_guard import FEW, describe_loss, require_small_loss
from recommender.catalogue.product_statements import ProductStates
from recommender.embedding.encoder import Encoder
from recommender.embedding.language import AUTO
from recommender.embedding.loader import INTERCHANGEABLE
from recommender.errors import IndexHeld, NotFound, Refused, Unavailable
from recommender.files import LEFTOVER_AGE_S
from recommender.index.generation import Generation, GenerationState
from recommender.index.protocol import AWAY
from recommender.ingestion.backfill import backfill
from recommender.jobs.lexicon import choose_lexicon, has_outgrown
from recommender.jobs.models import prepare_base
from recommender.models.registry import RegisteredModel
from recommender.types import EncoderChoice, Progress, silent

_log = logging.getLogger(__name__)


def rebuild(application: Application, progress: Progress = silent, force: bool = False) -> Generation:
    """Build a new generation with the live model and switch to it. Texts are made as the settings say now.

    Raises `WouldLose` when the catalogue has far fewer products than the live generation has points, unless `force`.
    """
    live = application.generations.require_live()
    require_points(application, application.catalogue.count(), "the rebuild", progress, force)
    application.catalogue.rehash()
    return build_live(application, application.registry.by_id(live.model_id), progress, renew=True)


def require_points(
    application: Application, points: int, what: str, progress: Progress = silent, force: bool = False
) -> None:
    """Say how many fewer points would be live than now. Raises `WouldLose` for too many, unless `force`.

    What waits in the queue may take points away by itself, and is not counted. A live generation that can't be read has
    nothing to lose, which is said. One that another process holds is not counted, since waiting for it may take long.
    """
    live = application.generations.live()
    if live is None:
        return
    try:
        held = application.index(live, 0.0).count(exact=True)
    except Unavailable:
        progress("checking", 0, None, f"{what} is not compared with {live.name}, which is live and can't be read now")
        return
    depth = application.outbox.depth()
    lost = held - points - depth.waiting - depth.leased - depth.parked
    if lost <= 0:
        return
    progress("checking", 0, None, describe_loss(what, lost, held, "points"))
    if not force:
        require_small_loss(
            what, lost, held, "see `recommender doctor` and how the catalogue came to be smaller", "points"
        )


def ensure_live(application: Application, progress: Progress = silent) -> Generation:
    """Return the live generation; on a new installation make an empty one with the base model first.

    If the engine has lost the live one, a new one is built with its model. Raises `Unavailable` if that would encode a
    large catalogue again for a server, where the live one may only be out of sight. A new one is also built when a
    small catalogue has outgrown the language, or the words, with which the live one was made.
    """
    live = application.generations.live()
    if live is not None and live.name in application.engine.names():
        if not has_outgrown(application, live):
            return live
        return build_live(application, application.registry.by_id(live.model_id), progress, renew=True)
    if live is not None:
        try:
            application.engine.open(live.name).close()
        except NotFound as error:
            _report_lost(application, live, error, progress)
            return build_live(application, application.registry.by_id(live.model_id), progress)
        return live
    model = prepare_base(application, progress=progress)
    if application.generations.live() is None:  # that took minutes, in which another process may have been the first
        generation = resume_generation(application, model)
        application.index(generation).optimize()  # a server puts graphs off until this; here no build ends with it
        application.generations.ready(generation)
        try:
            application.generations.switch(generation, first=True)
        except Refused:
            application.generations.retire(generation)
            application.drop_index(generation)
        else:
            return generation
    return ensure_live(application, progress)


def _report_lost(application: Application, live: Generation, error: NotFound, progress: Progress) -> None:
    """Say that a lost generation is built again. Raises `Unavailable` for a large one that a server may still have.

    Behind another address or prefix, or on a volume that is not mounted, it would otherwise be replaced for everybody
    who has the same catalogue.
    """
    products = application.catalogue.count()
    if application.settings.qdrant_url and products > FEW:
        told = (
            f"{error}, which encodes all {products:,} products again, or check QDRANT_URL, "
            "RECOMMENDER_COLLECTION_PREFIX and the server's storage"
        )
        raise Unavailable.with_public(told, AWAY) from error
    told = f"the live generation {live.name} is gone; building all {products:,} products again"
    progress("checking", 0, None, told)
    _log.warning("%s (%s)", told, error)


def build_live(
    application: Application,
    model: RegisteredModel,
    progress: Progress = silent,
    renew: bool = False,
    encoder: Encoder | None = None,
) -> Generation:
    """Build a generation with a model and switch to it. Queries see the old pair until the switch, then the new one.

    With `renew` the language of its words is detected from the catalogue again. An `encoder` that already knows vectors
    replaces the one that would be opened, if both run the model on the runtime of this generation.

    A build that was cut off is continued. Afterwards as many generations as the settings say are kept up to date, and
    older ones are removed.
    """
    generation = resume_generation(application, model, renew)
    with application.open_for_writing(generation) as target:
        if encoder is not None and generation.runtime == application.runtime_of(model):
            target = replace(target, encoder=lambda: encoder)
        states, missed = ProductStates(application.database), partial(application.generations.missing_skus, generation)
        backfill(target, application.catalogue, application.writer, progress, states, missed)
        application.generations.ready(generation)
        application.generations.switch(generation)
    retire_unused(application)
    return generation


def resume_generation(application: Application, model: RegisteredModel, renew: bool = False) -> Generation:
    """Return a generation of a model whose build was cut off, or else a new, empty one.

    If it was begun in another language than is wanted now, it is left alone. If it can't be opened, for example after a
    loss of power, or was encoded by another runtime than is wanted now, it is removed: otherwise no rebuild would ever
    get past one that can't be read or whose runtime is gone.
    """
    wanted = application.settings.language.strip().lower()
    runtime = application.runtime_of(model)
    free = application.settings.encoder is EncoderChoice.AUTO and runtime in INTERCHANGEABLE
    for unfinished in generations_of(application, model, GenerationState.BUILDING):
        if wanted not in (AUTO, unfinished.language):
            continue
        try:
            application.index(unfinished)
            if unfinished.runtime == runtime or (free and unfinished.runtime in INTERCHANGEABLE):
                return unfinished
        except IndexHeld:
            raise
        except Unavailable:
            pass  # it can't be opened, so it is removed
        application.drop_index(unfinished)
        application.generations.retire(unfinished)
    return start_generation(application, model, renew, runtime)


def start_generation(
    application: Application, model: RegisteredModel, renew: bool = False, runtime: str = ""
) -> Generation:
    """Make the row and the empty index of a new generation of a model, encoded by `runtime` or by what is best here."""
    lexicon, runtime = choose_lexicon(application, renew), runtime or application.runtime_of(model)
    generation = application.generations.start(model.id, model.fingerprint, model.dimension, lexicon, runtime)
    application.create_index(generation)
    return generation


def generations_of(application: Application, model: RegisteredModel, state: GenerationState) -> list[Generation]:
    """Return the generations of a model in a state, oldest first, of those that the engine has."""
    existing = set(application.engine.names())
    listed = application.generations.list()
    return [one for one in listed if one.state is state and one.model_id == model.id and one.name in existing]


def retire_unused(application: Application) -> None:
    """Retire and remove all generations except the live one, the kept ones, and builds that may be under way.

    What can't be removed now is left for the next switch.
    """
    existing = set(application.engine.names())
    lost = {generation.name for generation in application.generations.list()} - existing
    application.generations.retire_beyond(application.settings.keep_generations, lost)
    for generation in application.generations.list():
        if generation.live or generation.state is GenerationState.READY:
            continue
        if generation.state is GenerationState.BUILDING:
            age = (datetime.now(UTC) - generation.created_at).total_seconds()
            if age < LEFTOVER_AGE_S:  # another process may be building it
                continue
            application.generations.retire(generation)
        if generation.name in existing:
            with suppress(Unavailable):
                application.drop_index(generation)
