"""Variants that no feed groups: they are proposed in a report, and applied if the shop wants that."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from recommender.application.composition import Application
from recommender.catalogue.variants import ProposedGroup, propose_groups
from recommender.errors import BadInput, UsageError
from recommender.feeds.rejections import inert
from recommender.files import replace_file
from recommender.types import category_path

COMPARED = 1_000
"""Characters of a description that are compared. The whole texts of a large catalogue would not fit into memory."""

COLUMNS = ("group_id", "sku", "title", "differs", "brand", "category")


def find_groups(application: Application) -> list[ProposedGroup]:
    """Propose groups among the active products that have none. Nothing is written."""
    products = (stored.product for stored in application.catalogue.products())
    return propose_groups(replace(product, description=product.description[:COMPARED]) for product in products)


def take_on(application: Application, groups: Sequence[ProposedGroup]) -> int:
    """Give the products of proposed groups their group, and queue them for the index; return how many changed.

    A later feed that names no group leaves this group as it is; one that names another group replaces it.
    """
    return application.catalogue.assign_groups(
        {variant.sku: group.id for group in groups for variant in group.variants}
    )


def render_groups(groups: Sequence[ProposedGroup], kind: str) -> str:
    """Return a report of groups as `txt`, `json` or `csv`. Raises `UsageError` for another kind."""
    if kind == "json":
        return json.dumps({"groups": [asdict(group) for group in groups]}, ensure_ascii=False, indent=2) + "\n"
    if kind == "csv":
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(COLUMNS)
        for group in groups:
            place = (group.brand, category_path(group.category))
            rows = ((group.id, each.sku, each.title, each.differs, *place) for each in group.variants)
            table.writerows(map(inert, row) for row in rows)
        return text.getvalue()
    if kind != "txt":
        raise UsageError(f"a report named .{kind} can't be written; name it .txt, .json or .csv")
    lines = []
    for group in groups:
        lines.append(" · ".join(filter(None, (group.brand, category_path(group.category), group.id))))
        lines += [f"  {each.sku}  {each.title}  [{each.differs}]" for each in group.variants]
    return "\n".join(lines) + "\n"


def write_report(groups: Sequence[ProposedGroup], path: Path) -> None:
    """Write a report in the format that its name says.

    Raises `UsageError` for a name of no known format, and `BadInput` if the file can't be written.
    """
    text = render_groups(groups, path.suffix.removeprefix(".").casefold() or "txt")
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise BadInput(f"the report {str(path)!r} can't be written ({error.strerror}); name a file elsewhere") from None
