"""Write the seed shop: `catalogue.csv.gz`, `queries.csv` and `qrels.csv`, the same bytes on every run.

python seed/make_catalogue.py
"""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from judgements import Judgement, Query, judge, read_queries
from products import Family, Product, families, products
from vocabulary import Leaf, read_leaves

HERE = Path(__file__).parent
SEED = "recommender seed shop 1"
COLUMNS = (
    "sku",
    "title",
    "description",
    "brand",
    "category",
    "price",
    "currency",
    "availability",
    "url",
    "image",
    "group_id",
    "attributes",
)
SHOP = "https://shop.example"
CURRENCY = "EUR"
FIRST_NUMBER = 1001


def stream(name: str) -> Random:
    """Open a generator for one part alone, so that a change to one leaf leaves the words of the others as they were."""
    return Random(f"{SEED}: {name}")


def draw_products(leaves: Sequence[Leaf]) -> list[Product]:
    """Draw every leaf's products, shuffled within the department so that no SKU tells the category."""
    by_name = {leaf.name: leaf for leaf in leaves}
    drawn: list[Product] = []
    for code in sorted({leaf.code for leaf in leaves}):
        shelf = [
            family
            for leaf in leaves
            if leaf.code == code
            for family in families(leaf, things_of(leaf, by_name), stream(" > ".join(leaf.path)))
        ]
        stream(code).shuffle(shelf)
        drawn += number(code, shelf)
    return drawn


def number(code: str, shelf: Iterable[Family]) -> list[Product]:
    """Give the families of a department consecutive SKUs, and write out their products."""
    numbered: list[Product] = []
    for family in shelf:
        first = FIRST_NUMBER + len(numbered)
        skus = [f"{code}-{first + place}" for place in range(len(family.variants))]
        numbered += products(family, skus, stream(skus[0]))
    return numbered


def things_of(leaf: Leaf, by_name: dict[str, Leaf]) -> list[str]:
    """List what an accessory of this leaf may say it fits: the series of the leaves named in `fits`."""
    return [f"{brand} {line}" for name in leaf.fits for brand, line in by_name[name].series]


def row(product: Product) -> tuple[str, ...]:
    """Write the cells of one product, in the order of `COLUMNS`."""
    return (
        product.sku,
        product.title,
        product.description,
        product.brand,
        " > ".join(product.path),
        f"{product.price:.2f}",
        CURRENCY,
        product.availability,
        f"{SHOP}/p/{product.sku}",
        f"{SHOP}/i/{product.sku}.jpg",
        product.group_id,
        product.attributes,
    )


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write a UTF-8 CSV with a header and Unix line ends."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def write(catalogue: Sequence[Product], queries: Sequence[Query], judgements: Sequence[Judgement]) -> None:
    """Write the three files; the gzip header carries no time, so that equal input gives equal bytes."""
    (HERE / "catalogue.csv.gz").write_bytes(gzip.compress(csv_bytes(COLUMNS, map(row, catalogue)), 9, mtime=0))
    (HERE / "queries.csv").write_bytes(csv_bytes(("query_id", "query"), ((q.query_id, q.text) for q in queries)))
    graded = ((j.query_id, j.sku, str(j.grade)) for j in judgements)
    (HERE / "qrels.csv").write_bytes(csv_bytes(("query_id", "sku", "grade"), graded))


def report(catalogue: Sequence[Product], queries: Sequence[Query], judgements: Sequence[Judgement]) -> None:
    """Print what was made."""
    sizes = Counter(product.path for product in catalogue)
    grouped = Counter(product.group_id for product in catalogue if product.group_id)
    html = sum(product.description != product.plain_description for product in catalogue)
    figures = {
        "products": len(catalogue),
        "departments": len({path[0] for path in sizes}),
        "leaf categories": f"{len(sizes)} of {min(sizes.values())} to {max(sizes.values())} products",
        "levels": sorted({len(path) for path in sizes}),
        "brands": len({product.brand for product in catalogue}),
        "in groups": f"{sum(grouped.values())} products in {len(grouped)} groups",
        "without a description": sum(not product.description for product in catalogue),
        "with HTML": html,
        "with attributes": sum(bool(product.attributes) for product in catalogue),
        "not ASCII": sum(not f"{product.title}{product.description}".isascii() for product in catalogue),
        "queries": f"{len(queries)} with {len(judgements)} judgements",
    }
    for name, figure in figures.items():
        print(f"{name:24}{figure}")


def main() -> None:
    """Make the seed shop."""
    catalogue = draw_products(read_leaves())
    queries = read_queries()
    judgements = [found for query in queries for found in judge(query, catalogue, stream(query.text))]
    write(catalogue, queries, judgements)
    report(catalogue, queries, judgements)


if __name__ == "__main__":
    main()
