"""Tasks of the Massive Text Embedding Benchmark, run by the `mteb` package through the encoder that serves a model."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from recommender.embedding.encoder import Encoder, Role, Vectors
from recommender.errors import MissingExtra, Unavailable, UsageError, one_line
from recommender.library_logging import quiet_libraries
from recommender.types import JsonObject, Progress, silent

if TYPE_CHECKING:
    from mteb import AbsTask
    from mteb.models import EncoderProtocol


@dataclass(frozen=True, slots=True)
class TaskScore:
    """The main score of one task as `mteb` reports it: larger is better."""

    model: str
    encoder: str
    task: str
    metric: str
    score: float
    seconds: float

    def json(self) -> JsonObject:
        """Return the score in its JSON form."""
        return {
            "model": self.model,
            "encoder": self.encoder,
            "task": self.task,
            "metric": self.metric,
            "score": round(self.score, 4),
            "seconds": round(self.seconds, 1),
        }


def require_mteb() -> None:
    """Raise `MissingExtra` where `mteb` is not installed."""
    if importlib.util.find_spec("mteb") is None:
        raise MissingExtra("mteb", "--mteb")


def find_tasks(names: Sequence[str]) -> list[AbsTask]:
    """Return the tasks of these names, in English if they have several languages. Raises `UsageError`."""
    require_mteb()
    import mteb

    tasks = []
    for name in names:
        try:
            tasks.append(mteb.get_task(name))
        except KeyError as error:
            hint = str(error.args[0]).partition("Did you mean: ")[2]
            raise UsageError(
                f"mteb has no task {name!r}; {'did you mean ' + hint if hint else 'check its name'}"
            ) from None
    return tasks


def run_tasks(
    encoder: Encoder, tasks: Sequence[AbsTask], *, model: str, progress: Progress = silent
) -> list[TaskScore]:
    """Run tasks through an encoder. Raises `Unavailable` when the data of a task can't be fetched."""
    from mteb.models import ModelMeta
    from mteb.models.abs_encoder import AbsEncoder
    from mteb.types import PromptType

    class Wrapped(AbsEncoder):  # takes batches, returns one row of vectors for each text
        mteb_model_meta = ModelMeta.create_empty({"name": f"recommender/{model}", "revision": encoder.fingerprint})

        def encode(self, inputs: Any, *, prompt_type: PromptType | None = None, **_: Any) -> Vectors:
            role = Role.QUERY if prompt_type is PromptType.query else Role.DOCUMENT
            texts = [text for batch in inputs for text in batch["text"]]
            return np.asarray(encoder.encode(texts, role))

    wrapped = cast("EncoderProtocol", Wrapped())
    scores = []
    for done, task in enumerate(tasks):
        progress(f"mteb, {model}", done, len(tasks), task.metadata.name)
        import mteb

        started = time.monotonic()
        with quiet_libraries():
            # Loaded apart from the run, so that only errors of loading count as data that is away.
            try:
                task.load_data()
            except OSError as error:
                raise Unavailable(
                    f"the data of the mteb task {task.metadata.name!r} can't be fetched ({one_line(error)}); "
                    "connect to the Hugging Face Hub, or fetch it once and run again"
                ) from error
            result = mteb.evaluate(wrapped, task, cache=None, co2_tracker=False, show_progress_bar=False)
        (scored,) = result.task_results
        scores.append(
            TaskScore(
                model,
                encoder.name,
                task.metadata.name,
                task.metadata.main_score,
                scored.get_score(),
                time.monotonic() - started,
            )
        )
    progress(f"mteb, {model}", len(tasks), len(tasks))
    return scores
