"""What a GPU gains: `python -m benchmarks.gpu [MODEL] [--device cuda] [--texts 20000] [--seconds 60]`.

MODEL is a sentence-transformers folder, by default the base model. Bulk encoding is compared with the library's own
`encode` in fp32 and in fp16, by turns on the same texts; then budgets of tokens, a training step in fp32 and in what
`auto` takes, and one text on the device and on the CPU. One run stays under four minutes on a GPU. On a CPU give a
small model and few texts: the same code runs.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from benchmarks.measure import Figure
from recommender.embedding.encoder import Encoder
from recommender.embedding.export import export
from recommender.embedding.loader import load_encoder
from recommender.embedding.product_text import ProductText, description_text, title_text
from recommender.embedding.torch_encoder import TorchEncoder
from recommender.jobs.calibrate import seed_folder
from recommender.models.base_model import resolve_model
from recommender.settings import load_settings
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.finetuning import finetune
from recommender.training.options import TrainingOptions, TrainingPrecision
from recommender.training.splits import split_products
from recommender.types import Product

BAR = 3.5
"""Times the library's own encode in fp32 that bulk encoding must reach on a GPU."""

BATCH = 32
"""Of the library's encode, its default."""

TURNS = 2
ONE_TEXT = "waterproof trail running shoes for women"


def seed_products() -> list[Product]:
    """Return the products of the seed catalogue."""
    with gzip.open(seed_folder() / "catalogue.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [
            Product(
                sku=row["sku"],
                title=row["title"],
                description=row["description"],
                brand=row["brand"],
                category=tuple(row["category"].split(" > ")),
            )
            for row in csv.DictReader(file)
        ]


def seconds_of(act: Callable[[], object]) -> float:
    """Return the seconds of one call. What encodes gives numbers back, so that the device has finished."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def bulk_figures(folder: Path, device: str, texts: Sequence[str]) -> Iterator[Figure]:
    """Compare bulk encoding with the library's own in fp32 and in fp16, and the budget of tokens with others."""
    import torch
    from sentence_transformers import SentenceTransformer

    encoder = TorchEncoder(folder, "", device)
    half = torch.float16 if encoder.name.split("-")[1] != "cpu" else torch.bfloat16  # a CPU has no fp16 kernels
    theirs = {
        "fp32": SentenceTransformer(str(folder), device=device),
        str(half).removeprefix("torch."): SentenceTransformer(str(folder), device=device).to(half),
    }
    acts: dict[str, Callable[[], object]] = {"ours": lambda: encoder.encode(texts)}
    for name, model in theirs.items():
        acts[name] = lambda model=model: model.encode(list(texts), batch_size=BATCH, show_progress_bar=False)
    best = dict.fromkeys(acts, float("inf"))
    encoder.encode(texts[:BATCH])
    for model in theirs.values():
        model.encode(list(texts[:BATCH]), show_progress_bar=False)
    for _ in range(TURNS):
        for name, act in acts.items():
            best[name] = min(best[name], seconds_of(act))
    for name in theirs:
        ratio = best[name] / best["ours"]
        yield Figure(
            f"{len(texts):,} texts by {encoder.name} against the library's encode in {name}, batches of {BATCH}",
            f"{ratio:.2f} times ({len(texts) / best['ours']:,.0f} against {len(texts) / best[name]:,.0f} texts/s)",
            f"at least {BAR} times fp32 on a GPU",
            name != "fp32" or ratio >= BAR,
        )
    del theirs, acts
    own = encoder.tokens_per_run
    rates = {}
    for budget in (own // 4, own, own * 4):
        encoder.tokens_per_run = max(1, budget)
        rates[budget] = len(texts) / seconds_of(lambda: encoder.encode(texts))
    yield Figure(
        f"the budget of {own:,} tokens a batch",
        "; ".join(f"{budget:,} tokens: {rate:,.0f} texts/s" for budget, rate in rates.items())
        + (f"; {encoder.tokens_per_run:,} after the largest" if encoder.tokens_per_run < own * 4 else ""),
        "within a tenth of the best of them",
        rates[own] >= 0.9 * max(rates.values()),
    )
    encoder.close()


def training_figure(folder: Path, device: str, products: Sequence[Product], seconds: float) -> Figure:
    """Train for some seconds in fp32, and as long in the arithmetic that `auto` takes, and compare their steps."""
    functions = TextFunctions(ProductText(), title_text, description_text)
    split = split_products(products, 42)
    options = TrainingOptions(budget=timedelta(seconds=seconds / 2), device=device, evaluations=1)
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for precision in (TrainingPrecision.FP32, TrainingPrecision.AUTO):
            output = Path(scratch) / precision
            results.append(finetune(products, split, folder, output, replace(options, precision=precision), functions))
    exact, chosen = results
    paces = [each.seconds / each.steps for each in results]
    return Figure(
        f"a training step of {options.batch_size} products on {device}, preparing included",
        f"{paces[1]:.2f} s in {chosen.precision} ({chosen.steps} steps), {paces[0]:.2f} s in fp32 ({exact.steps})",
        "not slower than fp32",
        paces[1] <= 1.1 * paces[0],
    )


def query_figure(folder: Path, device: str) -> Figure:
    """Compare one search text on the device with what answers queries: ONNX on the CPU."""
    export(folder, [ONE_TEXT])

    def milliseconds(encoder: Encoder) -> float:
        encoder.encode([ONE_TEXT])
        return 1000 * min(seconds_of(lambda: encoder.encode([ONE_TEXT])) for _ in range(20))

    served, on_device = milliseconds(load_encoder(folder, "")), milliseconds(TorchEncoder(folder, "", device))
    return Figure(
        "one search text, as queries are served",
        f"{served:.2f} ms on ONNX Runtime, {on_device:.2f} ms by torch on {device}",
        "ONNX not slower",
        served <= on_device,
    )


def run(model: str, device: str, texts: int, seconds: float) -> list[Figure]:
    """Measure everything and print it, line by line."""
    started, products, text = time.monotonic(), seed_products(), ProductText()
    repeated = [
        f"{text(products[number % len(products)])} {number}" for number in range(texts)
    ]  # no text is there twice
    figures = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(resolve_model(model), Path(scratch) / "model")
        for figure in bulk_figures(folder, device, repeated):
            figure.tell()
            figures.append(figure)
        few = products[:: max(1, len(products) // texts)]
        for figure in (training_figure(folder, device, few, seconds), query_figure(folder, device)):
            figure.tell()
            figures.append(figure)
    print(f"done in {time.monotonic() - started:.0f} s")
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default=load_settings().model)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    run(given.model, given.device, given.texts, given.seconds)
