"""Making a model live by hand, against the gate only by force, and going back to the pair before."""

from __future__ import annotations

from recommender.application.composition import Application
from recommender.errors import BadInput, Refused
from recommender.index.generations import Generation, GenerationState
from recommender.jobs.rebuild import build_live, generations_of, retire_unused
from recommender.models.manifest import GateResult
from recommender.models.registry import RegisteredModel
from recommender.types import Progress, silent


def promote(
    application: Application, model: RegisteredModel, force: bool = False, progress: Progress = silent
) -> Generation:
    """Make a model live: at once where a generation of it is kept fresh, else by building one.

    Raises `Refused` for a model that the gate refused, unless `force` makes it live all the same.
    """
    refused = model.gate in (GateResult.REFUSED, GateResult.FORCED)
    if refused and not force:
        raise Refused(
            f"the gate refused {model.name}: {model.verdict}; --force makes it live in spite of it, and is recorded"
        )
    if refused:  # before the switch: nothing that was forced is ever live without its mark
        application.registry.record(model.name, gate=GateResult.FORCED)
    kept = [one for one in generations_of(application, model, GenerationState.READY) if not one.live]
    if not kept:
        return build_live(application, model, progress)
    application.generations.switch(kept[-1])
    retire_unused(application)
    return kept[-1]


def roll_back(application: Application, progress: Progress = silent) -> Generation:
    """Go back to the previous pair of generation and model, in one step. Calling it again undoes it.

    The previous generation was kept fresh. What it could not take is queued by the switch itself.
    """
    previous = application.generations.previous()
    if previous is None:
        raise BadInput("there is nothing to roll back to: no other generation was live before this one, or is kept")
    if previous.name not in application.engine.names():  # as after a move to another engine
        return build_live(application, application.registry.by_id(previous.model_id), progress)
    return application.generations.rollback()
