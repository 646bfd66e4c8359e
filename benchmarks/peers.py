"""Other ways to the same shop, beside this one: `python -m benchmarks.peers --products 50000 [--only NAME]`.

In an environment of its own, since none of these is a dependency of the project:

    python -m venv peers && peers/bin/pip install -e '.[train,server]' faiss-cpu bm25s lancedb txtai

Everybody gets the same products and the same vectors: those of the seed by the base model, each product again and again
with a little noise, as `synthetic` repeats its text. So encoding is not part of the times. Every step is a process of
its own: a load that is timed, one that is killed half-way (kill -9) and opened again, and one that opens, answers and
is measured. `--home` is an installation that has the base model registered already, `--vectors` those of the seed.
"""

# ruff: noqa: ARG002, D102 - each way has the same six methods, of which `Peer` tells
from __future__ import annotations

import argparse
import csv
import gzip
import inspect
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.synthetic import SEED, write_feed

NOISE = 0.25
"""Length of the noise beside a vector of length 1: two copies of a product have a cosine of about 0.94."""

ASKED = 200
K = 10
HERE = Path(__file__).parents[1]


class Shop:
    """The products and their vectors: float32 [n, 384]; and questions, with theirs, that ask for one product each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.feed = folder / "feed.csv"
        with self.feed.open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.texts = [text_of(row) for row in self.rows]
        self.departments = [row["category"].split(" > ")[0] for row in self.rows]
        self.skus = [row["sku"] for row in self.rows]
        self.vectors = np.load(folder / "vectors.npy")
        self.asked, self.questions = json.loads((folder / "questions.json").read_text())
        self.question_vectors = np.load(folder / "questions.npy")

    def nearest(self, number: int, department: str | None) -> set[str]:
        """Return the SKUs of the products that are nearest indeed."""
        scores = self.vectors @ self.vectors[number]
        scores[number] = -np.inf
        if department:
            scores[np.array(self.departments) != department] = -np.inf
        return {self.skus[each] for each in np.argsort(-scores)[:K]}


def text_of(row: dict[str, str]) -> str:
    """Return the text that is encoded and searched for words."""
    return f"{row['title']} {row['brand']} {row['description']}"


class Peer:
    """One way: `load` makes its files in an empty folder, `open` opens them, the others ask."""

    shop: Shop

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.closing = ExitStack()


class Ours(Peer):
    """recommender, embedded."""

    def load(self, shop: Shop, folder: Path) -> None:
        from recommender.jobs.ingest import ingest

        shutil.copytree(shop.folder / "registered", folder, dirs_exist_ok=True)
        with application_of(shop, folder) as application:
            ingest(application, [shop.feed])

    def open(self, shop: Shop, folder: Path) -> None:
        from recommender.query import Filters, Mode, Options, Variants

        self.queries = self.closing.enter_context(application_of(shop, folder)).queries()
        self.filters = Filters
        # As it is typed: a text that was corrected has no vector here.
        self.plain = Options(rules=False, variants=Variants.ALL, correct=False, understand=False)
        self.dense = Options(mode=Mode.DENSE, rules=False, variants=Variants.ALL)

    def count(self) -> int:
        return self.queries.browse(1).total or 0

    def similar(self, number: int, department: str | None) -> list[str]:
        filters = self.filters(categories=((department,),)) if department else self.filters()
        return [hit.sku for hit in self.queries.similar(self.shop.skus[number], K, filters, self.dense).hits]

    def search(self, text: str, vector: Any) -> list[str]:
        return [hit.sku for hit in self.queries.search(text, K, options=self.plain).hits]


class Textbook(Peer):
    """sentence-transformers with qdrant-client's local mode; no words."""

    def load(self, shop: Shop, folder: Path) -> None:
        from qdrant_client import QdrantClient, models

        client = QdrantClient(path=str(folder))
        client.create_collection("shop", models.VectorParams(size=384, distance=models.Distance.COSINE))
        for start in range(0, len(shop.rows), 1000):
            some = range(start, min(start + 1000, len(shop.rows)))
            payloads = [shop.rows[number] | {"department": shop.departments[number]} for number in some]
            points = models.Batch(ids=list(some), vectors=shop.vectors[some].tolist(), payloads=payloads)
            client.upsert("shop", points)
        client.close()

    def open(self, shop: Shop, folder: Path) -> None:
        from qdrant_client import QdrantClient, models

        self.models, self.client = models, QdrantClient(path=str(folder))
        self.closing.callback(self.client.close)

    def count(self) -> int:
        return self.client.count("shop").count

    def similar(self, number: int, department: str | None) -> list[str]:
        match = self.models.MatchValue(value=department or "")
        only = self.models.Filter(must=[self.models.FieldCondition(key="department", match=match)])
        found = self.client.query_points("shop", number, limit=K, query_filter=only if department else None)
        return [point.payload["sku"] for point in found.points]

    def search(self, text: str, vector: Any) -> list[str]:
        return [point.payload["sku"] for point in self.client.query_points("shop", vector.tolist(), limit=K).points]


class FaissBm25s(Peer):
    """FAISS HNSW with bm25s, joined by reciprocal ranks."""

    def load(self, shop: Shop, folder: Path) -> None:
        import bm25s
        import faiss

        index = faiss.IndexHNSWFlat(384, 32, faiss.METRIC_INNER_PRODUCT)
        index.add(shop.vectors)
        faiss.write_index(index, str(folder / "index.faiss"))
        words = bm25s.BM25()
        words.index(bm25s.tokenize(shop.texts, show_progress=False), show_progress=False)
        words.save(folder / "words")
        (folder / "rows.json").write_text(json.dumps([shop.rows, shop.departments]))

    def open(self, shop: Shop, folder: Path) -> None:
        import bm25s
        import faiss

        self.faiss, self.bm25s = faiss, bm25s
        self.index = faiss.read_index(str(folder / "index.faiss"))
        self.words = bm25s.BM25.load(folder / "words")
        self.rows, departments = json.loads((folder / "rows.json").read_text())
        self.of = {name: np.flatnonzero(np.array(departments) == name) for name in set(departments)}

    def count(self) -> int:
        return min(self.index.ntotal, len(self.rows))

    def similar(self, number: int, department: str | None) -> list[str]:
        only = self.faiss.IDSelectorBatch(self.of[department]) if department else None
        params = self.faiss.SearchParametersHNSW(sel=only, efSearch=128)
        _, found = self.index.search(self.index.reconstruct(number)[None], K + 1, params=params)
        return [self.rows[each]["sku"] for each in found[0] if each not in (number, -1)][:K]

    def search(self, text: str, vector: Any) -> list[str]:
        _, near = self.index.search(vector[None], 100)
        tokens = self.bm25s.tokenize([text], show_progress=False)
        worded, _ = self.words.retrieve(tokens, k=100, show_progress=False)
        scores: dict[int, float] = {}
        for ranks in (near[0].tolist(), worded[0].tolist()):
            for rank, number in enumerate(ranks):
                scores[number] = scores.get(number, 0.0) + 1 / (60 + rank)
        return [self.rows[number]["sku"] for number in sorted(scores, key=scores.__getitem__, reverse=True)[:K]]


class LanceDb(Peer):
    """LanceDB: IVF with PQ from 10,000 products on, words by its full-text index, reciprocal ranks."""

    def load(self, shop: Shop, folder: Path) -> None:
        import lancedb

        columns = zip(shop.skus, shop.texts, shop.departments, shop.vectors.tolist(), strict=True)
        names = ("sku", "text", "department", "vector")
        table = lancedb.connect(folder).create_table("shop", [dict(zip(names, row, strict=True)) for row in columns])
        if len(shop.rows) >= 10_000:
            table.create_index(metric="cosine", vector_column_name="vector")
        table.create_scalar_index("department")
        table.create_fts_index("text")

    def open(self, shop: Shop, folder: Path) -> None:
        import lancedb

        self.table = lancedb.connect(folder).open_table("shop")

    def count(self) -> int:
        return self.table.count_rows()

    def similar(self, number: int, department: str | None) -> list[str]:
        sku = self.shop.skus[number]
        vector = self.table.search().where(f"sku = '{sku}'").limit(1).to_list()[0]["vector"]
        near = self.table.search(vector).metric("cosine").nprobes(50).refine_factor(5).limit(K + 1)
        near = near.where(f"department = '{department}'", prefilter=True) if department else near
        return [row["sku"] for row in near.select(["sku"]).to_list() if row["sku"] != sku][:K]

    def search(self, text: str, vector: Any) -> list[str]:
        both = self.table.search(query_type="hybrid").vector(vector).text(text).limit(K)
        return [row["sku"] for row in both.to_list()]


class Txtai(Peer):
    """txtai with its own hybrid, content in SQLite."""

    def load(self, shop: Shop, folder: Path) -> None:
        from txtai import Embeddings

        rows = zip(shop.skus, shop.texts, shop.departments, strict=True)
        embeddings = Embeddings(method="external", transform=vectors_by_text(shop), hybrid=True, content=True)
        embeddings.index((sku, {"text": text, "department": department}, None) for sku, text, department in rows)
        embeddings.config.pop("transform")  # a function, which can't be saved
        embeddings.save(str(folder))

    def open(self, shop: Shop, folder: Path) -> None:
        from txtai import Embeddings

        self.embeddings = Embeddings()
        self.embeddings.load(str(folder), config={"transform": vectors_by_text(shop)})

    def count(self) -> int:
        return self.embeddings.count()

    def similar(self, number: int, department: str | None) -> list[str]:
        sql = "select id from txtai where similar(:text, 500, 1.0)" + (" and department = :of" if department else "")
        found = self.embeddings.search(sql, K + 1, parameters={"text": self.shop.texts[number], "of": department})
        return [row["id"] for row in found if row["id"] != self.shop.skus[number]][:K]

    def search(self, text: str, vector: Any) -> list[str]:
        return [row["id"] for row in self.embeddings.search(text, K)]


PEERS: dict[str, Any] = {peer.__name__: peer for peer in (Ours, Textbook, FaissBm25s, LanceDb, Txtai)}


def vectors_by_text(shop: Shop) -> Callable[[Sequence[str]], Any]:
    """Return what stands for the model: it gives the vectors of texts that were encoded before."""
    known = dict(zip(shop.questions, shop.question_vectors, strict=True)) | dict(
        zip(shop.texts, shop.vectors, strict=True)
    )
    return lambda texts: np.stack([known[text] for text in texts])


@contextmanager
def application_of(shop: Shop, home: Path) -> Iterator[Any]:
    """Open our installation with an encoder that gives the vectors made before, by the titles.

    The made-up searches by which a load chooses the weight of words have none: they go through the base model.
    """
    from recommender.application.composition import Application
    from recommender.embedding.encoder import Encoder, Role
    from recommender.settings import load_settings

    titles = [row["title"].partition(". ")[0] for row in shop.rows]
    known = dict(zip(titles, shop.vectors, strict=True)) | dict(zip(shop.questions, shop.question_vectors, strict=True))

    class Given:
        dimension, fingerprint, name = shop.vectors.shape[1], "given", "given"

        def __init__(self, base: Callable[[], Encoder]) -> None:
            self.base = cache(base)

        def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Any:
            found = [known.get(text, known.get(text.partition(". ")[0])) for text in texts]
            pairs = zip(texts, found, strict=True)
            return np.stack([self.base().encode([text], role)[0] if row is None else row for text, row in pairs])

        def close(self) -> None:
            if self.base.cache_info().currsize:
                self.base().close()

    class WithVectors(Application):
        def encoder(self, model: Any, runtime: str = "") -> Any:
            return Given(lambda: Application.encoder(self, model, runtime))

    with WithVectors(load_settings(home=home)) as application:
        yield application


def resident_mib() -> float:
    """Return the memory of this process that is resident now, pages of mapped files included."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def step(name: str, what: str, shop_folder: str, folder: str) -> dict[str, Any]:
    """Do one step of one peer in this process, and return what was measured."""
    shop, path = Shop(Path(shop_folder)), Path(folder)
    peer = PEERS[name](shop)
    before, started, used = resident_mib(), time.perf_counter(), time.process_time()
    if what == "load":
        peer.load(shop, path)
        return {"seconds": time.perf_counter() - started, "processor": time.process_time() - used}
    with peer.closing:
        peer.open(shop, path)
        if what == "count":
            return {"count": peer.count()}
        peer.similar(shop.asked[0], None)
        found: dict[str, Any] = {"first": time.perf_counter() - started, "first_processor": time.process_time() - used}
        for kind in ("similar", "filtered"):
            times, recalls = [], []
            for number in shop.asked:
                department = shop.departments[number] if kind == "filtered" else None
                at = time.perf_counter()
                answer = peer.similar(number, department)
                times.append(time.perf_counter() - at)
                recalls.append(len(set(answer) & shop.nearest(number, department)) / K)
            found[kind] = (np.percentile(times, (50, 99)) * 1000).tolist()
            found[f"{kind}_recall"] = float(np.mean(recalls))
        ranks, times = [], []
        for number, question, vector in zip(shop.asked, shop.questions, shop.question_vectors, strict=True):
            stem, at = shop.skus[number].rpartition("-")[0], time.perf_counter()
            answer = peer.search(question, vector)
            times.append(time.perf_counter() - at)
            ranks.append(next((1 / rank for rank, sku in enumerate(answer, 1) if sku.rpartition("-")[0] == stem), 0.0))
        found["search"] = (np.percentile(times, (50, 99)) * 1000).tolist()
        return found | {"mrr": float(np.mean(ranks)), "memory": resident_mib() - before}


def run_step(name: str, what: str, shop_folder: Path, folder: Path, kill_after: float = 0.0) -> dict[str, Any]:
    """Do a step in a process of its own, which is killed after some seconds if that is given."""
    command = [sys.executable, "-m", "benchmarks.peers", "--step", name, what, str(shop_folder), str(folder)]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, err = process.communicate(timeout=kill_after or None)
        except subprocess.TimeoutExpired:
            process.kill()
            return {}
    if process.returncode:
        return {"error": (err.strip().splitlines() or ["no word"])[-1][:200]}
    return dict(json.loads(out.splitlines()[-1]))


def prepare(folder: Path, products: int, home: str, vectors: str) -> None:
    """Make the products, their vectors, and questions: four words of a product's text, in any order."""
    from recommender.application.composition import Application
    from recommender.jobs.ingest import ingest
    from recommender.settings import load_settings

    registered = folder / "registered"
    write_feed(folder / "feed.csv", products)
    if home:
        shutil.copytree(home, registered)
    with Application(load_settings(home=registered)) as application, gzip.open(SEED, "rt", encoding="utf-8") as file:
        if not home:
            ingest(application, [write_feed(folder / "first.csv", 1)])
        encoder = application.encoder(application.registry.list()[0])
        texts = [text_of(row) for row in csv.DictReader(file)]
        seed = np.load(vectors) if vectors else np.vstack([encoder.encode([text]) for text in texts])
        chance = np.random.default_rng(3)
        asked = chance.choice(products, ASKED, replace=False).tolist()
        questions = [" ".join(chance.choice(texts[number % len(texts)].split(), 4)) for number in asked]
        np.save(folder / "questions.npy", np.vstack([encoder.encode([question]) for question in questions]))
    (folder / "questions.json").write_text(json.dumps([asked, questions]))
    noise = chance.standard_normal((products, seed.shape[1])).astype(np.float32) * (NOISE / np.sqrt(seed.shape[1]))
    made = seed[np.arange(products) % len(seed)] + noise
    np.save(folder / "vectors.npy", made / np.linalg.norm(made, axis=1, keepdims=True))


def main(products: int, only: Sequence[str], home: str, vectors: str) -> None:
    """Print one line of figures for each."""
    with tempfile.TemporaryDirectory(prefix="recommender-peers-") as name:
        folder = Path(name)
        prepare(folder, products, home, vectors)
        for peer in only or PEERS:
            whole, broken = folder / peer, folder / f"{peer}-killed"
            whole.mkdir()
            broken.mkdir()
            lines = [line for line in inspect.getsource(PEERS[peer]).splitlines() if line.strip()]
            found = {"peer": peer, "lines": len(lines) - 2, **run_step(peer, "load", folder, whole)}
            found |= run_step(peer, "ask", folder, whole)
            if seconds := found.get("seconds"):
                run_step(peer, "load", folder, broken, kill_after=max(0.6 * seconds, 1.0))
                found["killed"] = run_step(peer, "count", folder, broken)
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Other ways to the same shop, beside this one.")
    parser.add_argument("--products", type=int, default=50_000)
    parser.add_argument("--only", action="append", choices=PEERS, help="One of them; may be given several times.")
    parser.add_argument("--home", default="", help="An installation that has the base model.")
    parser.add_argument("--vectors", default="", help="The vectors of the seed.")
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(step(*given.step)))
    else:
        main(given.products, given.only or (), given.home, given.vectors)
