"""What a query to a Qdrant server takes on our side: `python -m benchmarks.own_time`.

A process on loopback stands for the server. It answers each batch at once with as many points as were asked for, so the
processor time of a query is that of making its request and of reading its answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from recommender.index.protocol import IndexQuery
from recommender.index.server.engine import ServerIndex, connect
from recommender.query import Filters
from recommender.types import SparseVector

QUERIES = 300
CARD = {
    "sku": "SKU-123456",
    "title": "A product's title of some fifty characters, as shops have them",
    "brand": "Brand",
    "path": ["Department", "Kind", "Leaf"],
    "price": 12.5,
    "currency": "EUR",
    "availability": "in_stock",
    "url": "https://shop.example/p/123456",
    "image": "https://shop.example/i/123456.jpg",
    "group": "G1",
    "gtin": "4006381333931",
}


class InstantAnswers(BaseHTTPRequestHandler):
    """Answers a batch of queries with points that were made before."""

    protocol_version = "HTTP/1.1"
    made: dict[tuple[int, ...], bytes] = {}  # noqa: RUF012 - one for all requests, on purpose

    def do_POST(self) -> None:
        """Answer one batch."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["searches"]
        shape = tuple(each["limit"] for each in asked)
        body = self.made.get(shape) or self.made.setdefault(shape, _answer(asked))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def _answer(asked: Sequence[dict[str, Any]]) -> bytes:
    points = [
        [
            {"id": (1 << 63) + number, "version": 1, "score": 0.9 - number * 1e-4}
            | ({"payload": CARD} if each.get("with_payload") else {})
            for number in range(each["limit"])
        ]
        for each in asked
    ]
    return json.dumps({"result": [{"points": each} for each in points], "status": "ok", "time": 0.0}).encode()


def main() -> None:
    """Print the processor time of three kinds of query, in milliseconds."""
    command = [sys.executable, "-m", "benchmarks.own_time", "stub"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, ExitStack() as closing:
        closing.callback(server.terminate)
        assert server.stdout is not None
        engine = connect(server.stdout.readline().strip())
        index = ServerIndex(engine._client, "any", 384, "the stub")
        dense = np.random.default_rng(0).standard_normal(384).astype(np.float32)
        words = SparseVector(tuple(range(1, 9)), (1.0,) * 8)
        queries = {
            "similar, 11 products": IndexQuery(limit=11, dense=dense),
            "hybrid, 8 words, 50 products": IndexQuery(limit=50, dense=dense, lexical=words),
            "the same, a brand, in stock": IndexQuery(
                limit=50, dense=dense, lexical=words, filters=Filters(brands=("Brand",), in_stock=True)
            ),
        }
        for name, query in queries.items():
            index.query(query)
            times = []
            for _ in range(QUERIES):
                started = time.process_time()
                index.query(query)
                times.append(1000 * (time.process_time() - started))
            middle, most = np.percentile(times, (50, 99))
            print(f"{name}: {min(times):.1f} at least, {middle:.1f} p50, {most:.1f} p99", flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        stub = ThreadingHTTPServer(("127.0.0.1", 0), InstantAnswers)
        print(f"http://127.0.0.1:{stub.server_address[1]}", flush=True)
        stub.serve_forever()
    else:
        main()
