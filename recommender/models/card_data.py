"""The front matter of a model card: what the Hub reads to file a model and to show its results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from recommender.models.manifest import HELD_OUT, Manifest

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

METRICS = {
    "category_p10": "Category P@10",
    "graded_ndcg10": "Graded nDCG@10, by depth of the common ancestor",
    "description_to_title_mrr10": "Description to its own title, MRR@10",
    "title_to_description_mrr10": "Title to its own description, MRR@10",
    "unseen_category_p10": "Category P@10, categories held out whole",
    "unseen_graded_ndcg10": "Graded nDCG@10, categories held out whole",
}
"""What the metrics of the held-out suite are called for readers."""

BASE_SUFFIX = "_base"
"""A suite of this ending is that of the base model: `held_out_base` stands beside `held_out`."""

HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")

_TAGS = ["sentence-transformers", "sentence-similarity", "feature-extraction", "recommender"]


def front_matter(manifest: Manifest) -> str:
    """Return the YAML between the two `---` of a model card, those lines included."""
    from huggingface_hub import ModelCardData

    results = list(_results(manifest))
    data = ModelCardData(
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        base_model=manifest.base if HUB_NAME.fullmatch(manifest.base) else None,
        tags=_TAGS,
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        model_name=manifest.name if results else None,
        eval_results=results or None,
    )
    return f"---\n{data.to_yaml()}\n---"


def _results(manifest: Manifest) -> Iterator[EvalResult]:
    from huggingface_hub import EvalResult

    for suite, metrics in manifest.metrics.items():
        if suite.endswith(BASE_SUFFIX):
            continue
        for name, value in metrics.items():
            yield EvalResult(
                task_type="information-retrieval",
                task_name="Similar products and product search",
                dataset_type="catalogue",
                dataset_name="held-out products of the catalogue" if suite == HELD_OUT else suite,
                dataset_config=suite,  # results of one type, config and revision are taken for those of one data set
                dataset_revision=manifest.catalogue_hash or None,
                metric_type=name,
                metric_name=METRICS.get(name, name),
                metric_value=round(value, 4),
            )
