"""The model card: a README as the Hub shows it, written from the manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recommender.models.manifest import BASE_SUFFIX, HELD_OUT, MADE_UP, TUNED, GateResult, Manifest

METRICS = {
    "category_p10": "Category P@10",
    "graded_ndcg10": "Graded nDCG@10, by depth of the common ancestor",
    "description_to_title_mrr10": "Description to its own title, MRR@10",
    "title_to_description_mrr10": "Title to its own description, MRR@10",
    "unseen_category_p10": "Category P@10, categories held out whole",
    "unseen_graded_ndcg10": "Graded nDCG@10, categories held out whole",
}
"""Names of the metrics of the held-out suite for readers."""

HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")

_TAGS = ["sentence-transformers", "sentence-similarity", "feature-extraction", "recommender"]

_DATA = "data"
"""The hyper-parameter that names external data: a list of `{name, format}`."""

_EVAL_DATA = "eval_data"
"""The one that names data to measure on, in the same form."""

_HELD_OUT_NAMES = {True: "held-out products of the catalogue", False: "held-out rows of the data"}
"""What the held-out suite is about, by whether a catalogue was trained on."""


def model_card(manifest: Manifest, repo: str = "") -> str:
    """Return the README.md of a model: front matter for the Hub, then origin, data, training, metrics, limits and use.

    `repo` is the name under which readers load the model; by default its name here.
    """
    tuned = manifest.kind == "tuned"
    made = f"{manifest.created_at:%d %B %Y}"
    length = f", cuts texts after {manifest.max_seq_length} tokens" if manifest.max_seq_length else ""
    shape = f"It maps a text to {manifest.dimension} dimensions{length}."
    if manifest.kind == TUNED:
        source = "a shop's catalogue and its category tree" if manifest.catalogue_hash else "texts from outside a shop"
        origin = f"`{public_name(manifest.base)}`, fine-tuned on {made} on {source}."
    else:
        origin = (
            f"An unchanged copy of `{public_name(manifest.base)}`, taken on {made}; its own card and licence apply."
        )
    sections = (
        _front_matter(manifest),
        f"# {manifest.name}\n\n{origin} {shape}\n\nFingerprint: `{manifest.fingerprint}`",
        "## Use\n\n"
        "```python\n"
        "from sentence_transformers import SentenceTransformer\n\n"
        f"model = SentenceTransformer({json.dumps(repo or manifest.name)})\n"
        'vectors = model.encode(["red running shoes", "trail shoes, size 42"], normalize_embeddings=True)\n'
        "print(vectors @ vectors.T)\n"
        "```",
        _data(manifest) if tuned else "",
        _training(manifest) if tuned else "",
        _metrics(manifest),
        _export(manifest),
        "## Limits\n\n" + "\n".join(f"- {limit}" for limit in _limits(manifest)) if tuned else "",
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def public_name(name: str) -> str:
    """Return the name of a model or a data set as others may know it: of a path only the last part."""
    known = HUB_NAME.fullmatch(name) or name.startswith("hf:")
    return name if known else re.split(r"[\\/]", name.rstrip("\\/"))[-1]


def public_data(hyper_parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyper-parameters as others may know them, with `public_name` for external data."""
    return dict(hyper_parameters) | {
        key: [source | {"name": public_name(str(source.get("name", "")))} for source in _sources(hyper_parameters[key])]
        for key in (_DATA, _EVAL_DATA)
        if key in hyper_parameters
    }


def _front_matter(manifest: Manifest) -> str:
    """Return the YAML between the two `---` of a model card, including these lines."""
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="information-retrieval",
            task_name="Similar products and product search",
            dataset_type="catalogue",
            dataset_name=_HELD_OUT_NAMES[bool(manifest.catalogue_hash)] if suite == HELD_OUT else suite,
            dataset_config=suite,  # results of one type, config and revision count as those of one data set
            dataset_revision=manifest.catalogue_hash or None,
            metric_type=name,
            metric_name=METRICS.get(name, name),
            metric_value=round(value, 4),
        )
        for suite, metrics in manifest.metrics.items()
        if not suite.endswith(BASE_SUFFIX)
        for name, value in metrics.items()
    ]
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


def _data(manifest: Manifest) -> str:
    blocks = ["## Data"]
    if manifest.catalogue_hash:
        blocks.append(
            f"Catalogue snapshot `{manifest.catalogue_hash}`. In its split, variants and "
            "products of near-identical titles stand on one side of the split, and some leaf categories are held out "
            "whole. A product's text is its title, brand and description; its category is never part of it."
        )
    sets = manifest.training.get("set_sizes")
    if isinstance(sets, Mapping) and sets:
        rows = {name: f"{count:,}" if isinstance(count, int) else count for name, count in sets.items()}
        blocks.append(_table("training set", rows, "rows"))
    sources = _sources(manifest.hyper_parameters.get(_DATA))
    formats = {f"`{public_name(str(source.get('name', '')))}`": source.get("format", "") for source in sources}
    blocks.append(
        _table("data from outside the catalogue", formats, "format")
        or "No data from outside the catalogue was trained on."
    )
    return "\n\n".join(blocks)


def _sources(stated: Any) -> list[dict[str, Any]]:
    """Return the external data of a manifest, which another version or another hand may have written."""
    if not isinstance(stated, Sequence) or isinstance(stated, str):
        return []
    return [dict(source) if isinstance(source, Mapping) else {"name": source} for source in stated]


def _training(manifest: Manifest) -> str:
    settings = {name: value for name, value in public_data(manifest.hyper_parameters).items() if name != _DATA}
    run = {name: value for name, value in manifest.training.items() if isinstance(value, (str, int, float))}
    blocks = ["## Training", _table("hyper-parameter", settings), _table("run", run)]
    if losses := manifest.training.get("losses"):
        (first_step, first), (last_step, last) = losses[0], losses[-1]
        blocks.append(f"Training loss {float(first):.3f} at step {first_step}, {float(last):.3f} at step {last_step}.")
    return "\n\n".join(block for block in blocks if block)


def _metrics(manifest: Manifest) -> str:
    blocks = []
    for suite, values in manifest.metrics.items():
        if suite.endswith(BASE_SUFFIX) or not values:
            continue
        heading = [f"### {suite}"] if suite != HELD_OUT else []
        base = manifest.metrics.get(f"{suite}{BASE_SUFFIX}", {})
        lines = ["| metric | base | this model | difference |" if base else "| metric | this model |"]
        lines.append("| --- | --- | --- | --- |" if base else "| --- | --- |")
        for name, value in values.items():
            before = f" {base[name]:.4f}" if name in base else ""
            change = f" {value - base[name]:+.4f}" if name in base else ""
            lines.append(
                f"| {METRICS.get(name, name)} |"
                + (f"{before} | {value:.4f} |{change} |" if base else f" {value:.4f} |")
            )
        blocks.append("\n\n".join([*heading, "\n".join(lines)]))
    if not blocks:
        return ""
    held_out = _HELD_OUT_NAMES[bool(manifest.catalogue_hash)].capitalize()
    intro = f"{held_out}, which took no part in training, through the encoder that serves the model."
    verdict = [f"Verdict of the gate: {manifest.verdict}."] if manifest.verdict else []
    if manifest.gate == GateResult.FORCED:
        verdict.append("**Forced**: the gate refused this model, and it was put live all the same.")
    return "\n\n".join(["## Metrics", *([intro] if manifest.metrics.get(HELD_OUT) else []), *blocks, *verdict])


def _export(manifest: Manifest) -> str:
    export = manifest.export
    came = ", which came with the model," if export.bundled else ""
    if export.fp32_max_distance is None:
        what = "`onnx/model.onnx`" if export.bundled else "Not exported, or not measured:"
        return f"## ONNX\n\n{what} {export.reason}." if export.reason else ""
    lines = f"`onnx/model.onnx`{came} lies within a cosine distance of {export.fp32_max_distance:.1e} of torch"
    if export.int8_mean_cosine is not None and export.int8_min_cosine is not None:
        lines += (
            f"; `onnx/model_qint8.onnx` has a mean cosine of {export.int8_mean_cosine:.4f} to it "
            f"and a smallest one of {export.int8_min_cosine:.4f}"
        )
    return f"## ONNX\n\n{lines}."


def _limits(manifest: Manifest) -> Iterator[str]:
    held_out = manifest.metrics.get(HELD_OUT, {})
    if not manifest.catalogue_hash:
        yield "The model learned from the data named above alone, and was measured on a share of it."
        return
    yield (
        "The model learned from one shop's category tree which products are alike: it keeps apart what that tree keeps "
        "apart, rightly or not."
    )
    if "unseen_category_p10" in held_out:
        yield "Of kinds of products it never saw, only the categories that were held out whole were measured."
    else:
        yield "Categories that it never saw were not measured: there were too few to hold any out."
    if not held_out:
        yield "It was not measured on held-out products at all."
    if not [suite for suite in manifest.metrics if suite != MADE_UP and not suite.startswith(HELD_OUT)]:
        yield "It was not measured on searches or pairs that people judged."
    yield "The language of the catalogue was not recorded; other languages were not measured."
    trained = manifest.hyper_parameters.get("max_seq_length")
    if isinstance(trained, int) and manifest.max_seq_length and trained < manifest.max_seq_length:
        yield f"In training, texts were cut after {trained} tokens; it did not learn from what follows in a text."
    yield "Scores order the results of one query; they do not compare between models."


def _table(heading: str, values: Mapping[str, Any], value: str = "value") -> str:
    """Return a table of two columns; empty without values."""
    if not values:
        return ""
    lines = [f"| {heading} | {value} |", "| --- | --- |"]
    for name, cell in values.items():
        text = f"{cell:.6g}" if isinstance(cell, float) else str(cell)
        escaped = text.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {name} | {escaped} |")
    return "\n".join(lines)
