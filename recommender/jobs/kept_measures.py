"""Measures of models that are compared again and again, kept on the disk: those of the base and of the live model.

HOME/runs/measures/KEY.json.gz, where KEY is a hash of the model, of what runs it, and of the products and queries.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import numpy as np

from recommender.application.composition import Application
from recommender.embedding.encoder import Encoder
from recommender.evaluation.reports import MetricValue, Report, Slice, SliceKind
from recommender.files import replace_file
from recommender.jobs.evaluate import Sample
from recommender.models.registry import RegisteredModel
from recommender.version import __version__

KEPT = 20
"""How many files are kept, the newest ones: a shop compares two or three models on a catalogue that changes every
night."""


def keep_measures(
    application: Application,
    model: RegisteredModel,
    encoder: Encoder,
    chosen: Sample,
    measure: Callable[[], Report],
) -> Report:
    """Return the kept measures of a model on these products and queries; if there are none, measure and keep them."""
    digest = sha256(f"{__version__}\0{model.fingerprint}\0{encoder.name}\0{chosen.queries}{chosen.unseen}".encode())
    for product in chosen.corpus:
        digest.update(f"{application.text.hash(product)}{product!r}\n".encode())
    folder = application.settings.home / "runs" / "measures"
    path = folder / f"{digest.hexdigest()}.json.gz"
    try:
        stored = json.loads(gzip.decompress(path.read_bytes()))

        def metrics(values: Mapping[str, Any]) -> dict[str, MetricValue]:
            return {
                name: MetricValue(mean, low, high, np.array(each, dtype=np.float64))
                for name, (mean, low, high, each) in values.items()
            }

        kept = {Slice(SliceKind(kind), name): metrics(values) for kind, name, values in stored["slices"]}
        return Report(**stored | {"model": model.name, "metrics": metrics(stored["metrics"]), "slices": kept})
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        report = measure()
    folder.mkdir(parents=True, exist_ok=True)

    def values(metrics: Mapping[str, MetricValue]) -> dict[str, Any]:
        return {name: [each.mean, each.low, each.high, each.values.tolist()] for name, each in metrics.items()}

    slices = [[part.kind, part.name, values(metrics)] for part, metrics in report.slices.items()]
    plain = {name: getattr(report, name) for name in ("encoder", "queries", "seconds", "left_out", "slices_left_out")}
    document = plain | {"metrics": values(report.metrics), "slices": slices, "catalogue": dict(report.catalogue)}
    replace_file(path, gzip.compress(json.dumps(document).encode(), compresslevel=1))
    for old in sorted(folder.glob("*.json.gz"), key=lambda each: each.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return report
