"""Fine-tuning, measuring and encoding from Python: the jobs of the command line, with typed options and results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from recommender.application.composition import open_application
from recommender.embedding.encoder import Role, Vectors
from recommender.evaluation.judgements import read_pairs, read_queries
from recommender.evaluation.reports import Measures
from recommender.jobs import finetune as finetuning
from recommender.jobs.encode import encode_texts
from recommender.jobs.evaluate import measure_held_out, measure_judgements, measure_scored_pairs
from recommender.jobs.finetune import FinetuneResult
from recommender.jobs.models import select_models
from recommender.query import Mode
from recommender.training.data.supplied import read_scored
from recommender.training.options import DataSource, TrainingOptions
from recommender.types import Progress, silent

Data = str | Path | DataSource


def finetune(
    *data: Data,
    options: TrainingOptions | None = None,
    base: str = "",
    name: str = "",
    promote: bool = True,
    force: bool = False,
    resume: bool = False,
    progress: Progress = silent,
    **settings: object,
) -> FinetuneResult:
    """Fine-tune on the catalogue, and on files or data sets of the Hub beside it; register and judge the model.

    With `options` the run is that of the command line: its `data`, `data_only` and `eval_data` are used unless `data`
    is given here. In an installation without products only the data is trained on, and a share of it is held out.
    `settings` choose the installation, as in `Recommender.open`: `home`, `database_url` and the rest. The model goes
    live if the gate allows it, unless `promote` is false. Raises what `recommender finetune` reports in one line.
    """
    chosen = options or TrainingOptions()
    with open_application(**settings) as application:
        if data:
            sources = tuple(each if isinstance(each, DataSource) else DataSource(str(each)) for each in data)
            alone = chosen.data_only or not application.catalogue.count()
            chosen = replace(chosen, data=sources, data_only=alone)
        return finetuning.run(
            application, chosen, base=base, name=name, promote=promote, force=force, resume=resume, progress=progress
        )


def evaluate(
    *models: str,
    scored: str | Path | None = None,
    queries: Path | None = None,
    qrels: Path | None = None,
    pairs: Path | None = None,
    modes: Sequence[Mode] = (),
    progress: Progress = silent,
    **settings: object,
) -> Measures:
    """Measure registered models, by default the live one: on held-out products, or on given judgements.

    `scored` are texts or products with scores, `queries` and `qrels` graded searches, `pairs` products that belong
    together; the files are those of `recommender evaluate`. Measures on scored texts are recorded with the model.
    """
    judged = read_queries(queries, qrels) if queries and qrels else None
    together = read_pairs(pairs) if pairs else None
    with open_application(**settings) as application:
        selected = select_models(application, models)
        if scored is None and judged is None and together is None:
            return Measures(tuple(measure_held_out(application, selected, progress, modes)))
        reports = []
        for model in selected:
            if judged is not None or together is not None:
                asked = list(modes) or list(Mode)
                reports += measure_judgements(application, model, asked, judged, together, progress)
            if scored is not None:
                similarities = read_scored(scored)
                reports.append(measure_scored_pairs(application, model, similarities, Path(scored).stem))
        return Measures(tuple(reports))


def encode(texts: Iterable[str], model: str = "", *, query: bool = False, **settings: object) -> Vectors:
    """Return the vectors of texts: float32 [n, d], by a registered model, by default the live one, else the base."""
    with open_application(**settings) as application:
        return encode_texts(application, texts, model, Role.QUERY if query else Role.DOCUMENT)
