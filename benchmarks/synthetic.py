"""A large catalogue made from the seed: every product again and again, under other SKUs, model numbers and prices."""

from __future__ import annotations

import csv
import gzip
import itertools
import random
from pathlib import Path

SEED = Path(__file__).resolve().parents[1] / "seed" / "catalogue.csv.gz"


def write_feed(path: Path, rows: int) -> Path:
    """Write a CSV feed of `rows` distinct products; the same rows every time."""
    chance = random.Random(7)
    with gzip.open(SEED, "rt", encoding="utf-8", newline="") as file:
        products = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(products[0]))
        writer.writeheader()
        for number, product in zip(range(rows), itertools.cycle(products), strict=False):
            turn = number // len(products)
            mark = f"{chance.choice('ABCDEFGHJKLMNPRSTUVWXYZ')}{chance.randrange(100, 10_000)}"
            writer.writerow(
                product
                | {
                    "sku": f"{product['sku']}-{turn}",
                    "title": f"{product['title']} {mark}",
                    "group_id": f"{product['group_id']}-{turn}" if product["group_id"] else "",
                    "price": f"{float(product['price'] or 10) * chance.uniform(0.7, 1.4):.2f}",
                }
            )
    return path
