"""Data sets of the Hugging Face Hub, through the `datasets` library: as training data, and as feeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from recommender.errors import BadInput, MissingExtra, NotFound, Unavailable, UsageError, one_line

PREFIX = "hf:"

DEFAULT_SPLIT = "train"


@dataclass(frozen=True, slots=True)
class HubSource:
    """The parts of `hf:NAME[:CONFIG][:SPLIT]`. `shown` is what messages call it."""

    shown: str
    name: str
    config: str | None
    split: str


def hub_source(source: str, option: str = "") -> HubSource:
    """Read `hf:NAME[:CONFIG][:SPLIT]`, by default the `train` split; messages put `option` before it.

    Raises `UsageError` for any other form.
    """
    parts = source.removeprefix(PREFIX).split(":")
    if not parts[0] or len(parts) > 3:
        given = f"{option} {source!r}".strip()
        raise UsageError(f"{given} is no data set of the Hub; write hf:NAME, hf:NAME:CONFIG:SPLIT or hf:NAME::SPLIT")
    name, config, split = [*parts, "", ""][:3]
    return HubSource(f"{option} {source}".strip(), name, config or None, split or DEFAULT_SPLIT)


def load_hub_data(source: HubSource, streaming: bool = False) -> Any:
    """Load a data set, from the cache if it is there; with `streaming` its rows are fetched while they are read.

    No code of a data set is run. Raises `NotFound` when it does not exist, `BadInput` for a configuration or a
    split that it does not have, `Unavailable` when the Hub can't be reached, `MissingExtra` without `datasets`.
    """
    try:
        from datasets import load_dataset
        from datasets.exceptions import DatasetNotFoundError, DatasetsError
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
    except ImportError as error:
        raise MissingExtra("train", "a data set of the Hub") from error
    try:
        with quiet_datasets():
            return load_dataset(source.name, source.config, split=source.split, streaming=streaming)
    except DatasetNotFoundError as error:
        raise NotFound(
            f"{source.shown}: there is no such data set, or it is not open to you ({one_line(error, 200)})"
        ) from error
    except (ConnectionError, HfHubHTTPError, OfflineModeIsEnabled) as error:
        raise Unavailable(
            f"{source.shown}: the Hub can't be reached and the data set is not in the cache ({one_line(error, 200)}); "
            "connect once, or give a file"
        ) from error
    except (ValueError, RuntimeError, OSError, DatasetsError) as error:
        # The real cause of an error while rows were made into a data set is in the error behind it.
        cause = error.__cause__ if isinstance(error, DatasetsError) and error.__cause__ else error
        raise BadInput(
            f"{source.shown}: can't be loaded ({one_line(cause, 200)}); check the name, CONFIG and SPLIT"
        ) from error


def reading_errors() -> tuple[type[Exception], ...]:
    """Translate the errors of iterating over a loaded data set, when the Hub is away or its files are damaged."""
    from datasets.exceptions import DatasetsError
    from huggingface_hub.errors import HfHubHTTPError

    return OSError, ValueError, RuntimeError, DatasetsError, HfHubHTTPError


@contextmanager
def quiet_datasets() -> Iterator[None]:
    """Keep the progress bars and warnings of `datasets` out of our output."""
    from datasets.utils import logging
    from datasets.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown, verbosity = not are_progress_bars_disabled(), logging.get_verbosity()
    disable_progress_bars()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            enable_progress_bars()
