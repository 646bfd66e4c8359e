"""What a shop system's message leaves out of a product that the catalogue has, and what the messages before it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from recommender.catalogue.categories import normal_path
from recommender.catalogue.staged_product import PROPOSED
from recommender.database.statements import insert_into, table_of
from recommender.database.tables import DeliveryRow
from recommender.types import Product, distinct_paths, fold_path

_KEPT = ("description", "brand", "currency", "url", "image", "gtin", "mpn")
"""Fields that stay if a message leaves them empty; no price stays, because a product may lose its own."""


def complete(products: Sequence[Product], stored: Mapping[str, Product]) -> list[Product]:
    """Return the products of a message with what it leaves out as it is `stored`, by SKU.

    A category stays that ends with the one of the message, which may have its last name alone, and so does a group: a
    feed may name it otherwise. A new variant joins the group of the others if they have one in common.
    """
    groups = {each.group_id for each in stored.values()}
    common = groups.pop() if len(groups) == 1 else ""
    return [_complete(each, stored.get(each.sku), common) for each in products]


def _complete(told: Product, known: Product | None, common_group: str) -> Product:
    group = common_group if known is None else known.group_id
    group = told.group_id if not group or group.startswith(PROPOSED) else group
    if known is None:
        return replace(told, group_id=group)
    kept = {name: getattr(told, name) or getattr(known, name) for name in _KEPT}
    names = {name.casefold(): name for name in known.attributes}
    stated = {names.get(name.casefold(), name): value for name, value in told.attributes.items()}
    paths = [normal_path(tuple(path)) for path in told.categories]
    full = [
        next((each for each in known.categories if fold_path(each[-len(path) :]) == fold_path(path)), path)
        for path in paths
        if path
    ]
    category, *others = distinct_paths(full or known.categories) or ((),)
    return replace(
        told,
        **kept,
        group_id=group,
        attributes={**known.attributes, **stated},
        category=category,
        other_categories=tuple(others),
    )


def lock_delivery(session: Session, platform: str, identity: str) -> DeliveryRow:
    """Return what is known of a shop system's product from its messages, locked until the transaction ends."""
    first = insert_into(session, table_of(DeliveryRow)).on_conflict_do_nothing()
    session.execute(first, {"platform": platform, "identity": identity, "version": "", "skus": "[]"})
    return session.get_one(DeliveryRow, (platform, identity), with_for_update=True)
