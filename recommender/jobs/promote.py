"""Putting a model live by hand, past the gate only when told so."""

from __future__ import annotations

from recommender.application.composition import Application
from recommender.errors import Refused
from recommender.index.generations import Generation
from recommender.jobs.models import make_live, return_to
from recommender.models.manifest import Gate
from recommender.models.registry import RegisteredModel
from recommender.types import Progress, silent


def promote(
    application: Application, model: RegisteredModel, force: bool = False, progress: Progress = silent
) -> Generation:
    """Make a model live, at once where a generation of it is kept; one that the gate refused only by `force`.

    Raises `Refused` for one that the gate refused.
    """
    refused = model.gate in (Gate.REFUSED, Gate.FORCED)
    if refused and not force:
        raise Refused(
            f"the gate refused {model.name}: {model.verdict}; --force makes it live in spite of it, and is recorded"
        )
    if refused:  # before the switch: nothing that was forced is ever live without its mark
        application.registry.record(model.name, gate=Gate.FORCED)
    return return_to(application, model) or make_live(application, model, progress)
