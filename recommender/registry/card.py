"""The model card: a README as the Hub shows it, written from the manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from recommender.registry.manifest import HELD_OUT, HELD_OUT_BASE, Manifest

_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")

_METRICS = {
    "category_p10": "Category P@10",
    "graded_ndcg10": "Graded nDCG@10, by depth of the common ancestor",
    "description_to_title_mrr10": "Description to its own title, MRR@10",
    "title_to_description_mrr10": "Title to its own description, MRR@10",
    "unseen_category_p10": "Category P@10, categories held out whole",
    "unseen_graded_ndcg10": "Graded nDCG@10, categories held out whole",
}


def model_card(manifest: Manifest) -> str:
    """Return the README.md of a model: front matter for the Hub, then origin, training, metrics, limits and use."""
    sections = (
        _front_matter(manifest),
        _summary(manifest),
        _training(manifest),
        _metrics(manifest),
        _export(manifest),
        _limits(manifest),
        _use(manifest),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(manifest: Manifest) -> str:
    lines = ["---", "library_name: sentence-transformers", "pipeline_tag: sentence-similarity"]
    if _HUB_NAME.fullmatch(manifest.base):
        lines.append(f"base_model: {_yaml(manifest.base)}")
    lines += ["tags:", "- sentence-transformers", "- sentence-similarity", "- feature-extraction", "- recommender"]
    return "\n".join([*lines, "---"])


def _summary(manifest: Manifest) -> str:
    made = f"{manifest.created_at:%d %B %Y}"
    length = f", cuts texts after {manifest.max_seq_length} tokens" if manifest.max_seq_length else ""
    shape = f"It maps a text to {manifest.dimension} dimensions{length}."
    if manifest.kind == "tuned":
        origin = f"`{_base(manifest)}`, fine-tuned on {made} on a shop's catalogue and its category tree."
    else:
        origin = f"An unchanged copy of `{_base(manifest)}`, taken on {made}; its own card and licence apply."
    return f"# {manifest.name}\n\n{origin} {shape}\n\nFingerprint: `{manifest.fingerprint}`"


def _training(manifest: Manifest) -> str:
    if manifest.kind != "tuned":
        return ""
    lines = ["## Training", ""]
    if manifest.catalogue_hash:
        lines += [f"Catalogue snapshot `{manifest.catalogue_hash}`, split with the seed {manifest.split_seed}.", ""]
    lines += list(_table("hyper-parameter", manifest.hyper_parameters))
    run = {name: value for name, value in manifest.training.items() if _is_plain(value)}
    lines += ["", *_table("run", run)] if run else []
    sets = manifest.training.get("set_sizes")
    lines += ["", *_table("training set (rows)", sets)] if isinstance(sets, Mapping) else []
    losses = manifest.training.get("losses")
    lines += ["", _loss(losses)] if losses else []
    return "\n".join(lines).rstrip()


def _loss(losses: Any) -> str:
    (first_step, first), (last_step, last) = losses[0], losses[-1]
    return f"Training loss {float(first):.3f} at step {first_step}, {float(last):.3f} at step {last_step}."


def _metrics(manifest: Manifest) -> str:
    tuned, base = manifest.metrics.get(HELD_OUT, {}), manifest.metrics.get(HELD_OUT_BASE, {})
    blocks = []
    if tuned:
        blocks.append("\n".join(_comparison(tuned, base)))
    for suite, values in manifest.metrics.items():
        if suite not in (HELD_OUT, HELD_OUT_BASE) and values:
            blocks.append("\n".join(_table(suite, {name: f"{value:.4f}" for name, value in values.items()})))
    if not blocks:
        return ""
    verdict = [f"Verdict of the gate: {manifest.verdict}."] if manifest.verdict else []
    intro = "Products that took no part in training, asked against the whole catalogue."
    return "\n\n".join(["## Metrics", intro, *blocks, *verdict])


def _comparison(tuned: Mapping[str, float], base: Mapping[str, float]) -> Iterator[str]:
    yield "| metric | base | this model |" if base else "| metric | this model |"
    yield "| --- | --- | --- |" if base else "| --- | --- |"
    for name, value in tuned.items():
        before = f" {base[name]:.4f} |" if name in base else (" |" if base else "")
        yield f"| {_METRICS.get(name, name)} |{before} {value:.4f} |"


def _export(manifest: Manifest) -> str:
    export = manifest.export
    if export.reason:
        return f"## ONNX\n\nNot exported, or not measured: {export.reason}."
    if export.fp32_max_distance is None:
        return ""
    lines = f"`onnx/model.onnx` lies within a cosine distance of {export.fp32_max_distance:.1e} of torch"
    if export.int8_mean_cosine is not None and export.int8_min_cosine is not None:
        lines += (
            f"; `onnx/model_qint8.onnx` has a mean cosine of {export.int8_mean_cosine:.4f} to it "
            f"and a smallest one of {export.int8_min_cosine:.4f}"
        )
    return f"## ONNX\n\n{lines}."


def _limits(manifest: Manifest) -> str:
    if manifest.kind != "tuned":
        return ""
    return (
        "## Limits\n\n"
        "The model learned what is alike from one shop's category tree: what that tree keeps apart it keeps apart, "
        "rightly or not. Products of kinds that the catalogue did not hold, and other languages, were not measured. "
        "Scores order the results of one query; they do not compare between models."
    )


def _use(manifest: Manifest) -> str:
    return (
        "## Use\n\n"
        "```python\n"
        "from sentence_transformers import SentenceTransformer\n\n"
        f"model = SentenceTransformer({json.dumps(manifest.name)})\n"
        'vectors = model.encode(["red running shoes", "trail shoes, size 42"], normalize_embeddings=True)\n'
        "print(vectors @ vectors.T)\n"
        "```"
    )


def _table(heading: str, values: Mapping[str, Any]) -> Iterator[str]:
    if not values:
        return
    yield f"| {heading} | value |"
    yield "| --- | --- |"
    for name, value in values.items():
        yield f"| {name} | {_cell(value)} |"


def _cell(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def _base(manifest: Manifest) -> str:
    """Return the base as others may know it: of a local folder its name alone, not where it lies."""
    return manifest.base if _HUB_NAME.fullmatch(manifest.base) else re.split(r"[\\/]", manifest.base.rstrip("\\/"))[-1]


def _yaml(text: str) -> str:
    return json.dumps(text)  # a JSON string is a YAML string
