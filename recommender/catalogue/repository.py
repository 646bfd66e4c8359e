"""The catalogue: products by SKU. Every change is also queued for the index, in the same transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVarTuple

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from recommender.catalogue.categories import CategoryNodes, Node
from recommender.catalogue.deliveries import complete, lock_delivery
from recommender.catalogue.outbox import queue_changes
from recommender.catalogue.product_statements import find_products, insert_products, replace_products
from recommender.catalogue.sku_suggestions import nearest_skus
from recommender.catalogue.staged_product import PROPOSED, StagedProduct, UpsertCounts, content_hash, stage
from recommender.database.engine import Database
from recommender.database.statements import execute_many, in_chunks, table_of
from recommender.database.tables import CategoryRow, DeliveryRow, ProductRow, now
from recommender.query import WriteResult
from recommender.types import PATH_SEPARATOR, Availability, Product, ProductPatch

if TYPE_CHECKING:
    from recommender.feeds.webhooks import Delivery

Columns = TypeVarTuple("Columns")

_PRODUCT = table_of(ProductRow)
_STORED_COLUMNS: tuple[Any, ...] = (
    ProductRow.id,
    ProductRow.sku,
    ProductRow.title,
    ProductRow.description,
    ProductRow.brand,
    CategoryRow.path.label("category_path"),
    ProductRow.other_categories,
    ProductRow.price,
    ProductRow.currency,
    ProductRow.availability,
    ProductRow.url,
    ProductRow.image,
    ProductRow.group_id,
    ProductRow.gtin,
    ProductRow.mpn,
    ProductRow.attributes,
    ProductRow.active,
    ProductRow.text_hash,
    ProductRow.revision,
    ProductRow.created_at,
)
_TEXTLESS = frozenset({"category", "other_categories", "price", "currency", "availability", "url", "image", "group_id"})
"""Fields that are not part of any text."""

_BETWEEN_PATHS = "\n"
"""Separates the paths of `other_categories`: a name in normal form has no line ends."""

_STORED = select(*_STORED_COLUMNS).outerjoin(CategoryRow, ProductRow.category_id == CategoryRow.id)
_STORED_ACTIVE = _STORED.where(ProductRow.active.is_(True))


@dataclass(frozen=True, slots=True)
class StoredProduct:
    """A product as the catalogue stores it. `revision` grows with every change; `text_hash` covers what is encoded.

    `created_at` is when it was first seen; None for one that was never stored.
    """

    product: Product
    active: bool
    text_hash: str
    revision: int
    created_at: datetime | None = None


class ProductNames(NamedTuple):
    """What a product is called and sorted by, without the rest of it."""

    title: str
    brand: str
    categories: tuple[tuple[str, ...], ...]
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Moment:
    """A time by our clock, and that of the `latest` change before it, by a clock that may have been ahead."""

    at: datetime
    latest: datetime

    def is_later(self) -> ColumnElement[bool]:
        """Return the condition for products that were last changed before; those dated later than now were, too."""
        dated_ahead = and_(ProductRow.updated_at > now(), ProductRow.updated_at <= self.latest)
        return or_(ProductRow.updated_at < self.at, dated_ahead)


@dataclass(frozen=True, slots=True)
class PatchedProduct:
    """An active product as it is stored, and as patches change it."""

    id: int
    content_hash: str
    before: StoredProduct
    after: StagedProduct

    @property
    def changed(self) -> bool:
        """Whether the patches change anything."""
        proposed = self.before.product.group_id  # its hash counts it as none, and a patch may remove it
        return self.after.content_hash != self.content_hash or self.after.product.group_id != proposed

    @property
    def kept_text_hash(self) -> str:
        """The hash of the text if that can't have changed; computing it again takes longer than all the rest."""
        old, new = self.before.product, self.after.product
        kept = all(
            getattr(old, each.name) == getattr(new, each.name) for each in fields(Product) if each.name not in _TEXTLESS
        )
        return self.before.text_hash if kept else ""


@dataclass(frozen=True, slots=True)
class _Changes:
    """What a write did to each SKU, how many of the updated must be encoded again, and the categories it met."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]
    retexted: int
    categories: dict[tuple[str, ...], Node]
    unknown: tuple[str, ...] = ()


class Catalogue:
    """The products of a shop. Safe to use from several threads; `hash_text` hashes the text that is encoded."""

    def __init__(self, database: Database, hash_text: Callable[[Product], str]) -> None:
        self._database = database
        self._hash_text = hash_text
        self._categories = CategoryNodes()

    def get(self, sku: str) -> StoredProduct | None:
        """Return a product, active or not; None when the SKU was never seen."""
        return self.get_many([sku]).get(sku)

    def get_many(self, skus: Sequence[str]) -> dict[str, StoredProduct]:
        """Return those of the products that exist, active or not, in the given order."""
        with self._database.reading() as session:
            found = {row.sku: _read_row(row) for row in _find_rows(session, skus, lock=False)}
        return {sku: found[sku] for sku in skus if sku in found}

    def products(self, batch: int = 1000, active_only: bool = True) -> Iterator[StoredProduct]:
        """Yield the products in the order they came in, `batch` in memory at a time.

        Each batch is read by itself: a long walk holds no transaction, and sees changes made ahead of it.
        """
        for rows in self._pages(_STORED_ACTIVE if active_only else _STORED, batch):
            yield from map(_read_row, rows)

    def find_damaged_skus(self) -> list[str]:
        """Return the SKUs of rows that are not as they were written: SQLite's checks miss a changed bit in a text."""
        pages = self._pages(_STORED.add_columns(ProductRow.content_hash), 1000)
        return [row.sku for rows in pages for row in rows if content_hash(_product(row)) != row.content_hash]

    def names(self, batch: int = 5000) -> Iterator[ProductNames]:
        """Yield what the active products are called, in the order they came in: three times as fast as `products`."""
        paths = (CategoryRow.path, ProductRow.other_categories)
        columns = (ProductRow.id, ProductRow.title, ProductRow.brand, *paths, ProductRow.attributes)
        statement = select(*columns).outerjoin(CategoryRow, CategoryRow.id == ProductRow.category_id)
        for rows in self._pages(statement.where(ProductRow.active.is_(True)), batch):
            for _, title, brand, path, others, attributes in rows:
                yield ProductNames(title, brand, _paths(path) + _paths(others), attributes)

    def count(self) -> int:
        """Return how many products are active."""
        with self._database.reading() as session:
            statement = select(func.count()).select_from(ProductRow).where(ProductRow.active.is_(True))
            return session.execute(statement).scalar_one()

    def nearest_skus(self, sku: str, limit: int = 3) -> list[str]:
        """Return active SKUs that resemble one which does not exist, the most alike first."""
        with self._database.reading() as session:
            return nearest_skus(session, sku, limit)

    def moment(self) -> Moment:
        """Return the time, to tell later which products were changed since."""
        at = now()
        with self._database.reading() as session:
            latest = session.scalar(select(func.max(ProductRow.updated_at)).where(ProductRow.active.is_(True)))
        return Moment(at, latest or at)

    def active_skus(self, batch: int, unchanged_since: Moment) -> Iterator[list[str]]:
        """Yield the SKUs of active products that were last changed before `unchanged_since`, in lists of `batch`."""
        old = (ProductRow.active.is_(True), unchanged_since.is_later())
        for rows in self._pages(select(ProductRow.id, ProductRow.sku).where(*old), batch):
            yield [sku for _, sku in rows]

    def upsert(self, products: Sequence[Product]) -> UpsertCounts:
        """Create or replace products by SKU, all in one transaction; if a SKU is given twice the last one counts.

        Products that are in the catalogue as given, and active, are not written and not queued.
        """
        return self.upsert_staged([stage(product) for product in products])

    def upsert_staged(self, staged: Sequence[StagedProduct]) -> UpsertCounts:
        """Do as `upsert` with products that are already hashed."""
        with self._database.writing() as session:
            changes = self._upsert(session, staged)
        self._categories.remember(changes.categories)
        return UpsertCounts(len(changes.created), len(changes.updated), len(changes.unchanged), changes.retexted)

    def write(self, products: Sequence[Product], delete: Sequence[str]) -> WriteResult:
        """Do as `upsert` and `deactivate` in one transaction, and return what became of each SKU."""
        with self._database.writing() as session:
            changes = self._upsert(session, [stage(product) for product in products])
            deleted = _deactivate(session, delete)
        self._categories.remember(changes.categories)
        unknown = tuple(dict.fromkeys(sku for sku in delete if sku not in deleted))
        return WriteResult(changes.created, changes.updated, changes.unchanged, deleted, unknown)

    def _upsert(self, session: Session, staged: Sequence[StagedProduct]) -> _Changes:
        """Write the products that are new or different."""
        by_sku = {each.product.sku: each for each in staged}
        known = find_products(session, list(by_sku))
        created = sorted(by_sku.keys() - known.keys())
        updated = [sku for sku in sorted(known) if not known[sku].is_current(by_sku[sku].content_hash)]
        written = (*created, *updated)
        nodes = self._categories.find(session, (path for sku in written for path in by_sku[sku].product.categories))
        rows = {sku: self._columns(by_sku[sku], nodes) for sku in written}
        for sku in updated:
            if not rows[sku]["group_id"] and known[sku].group_id.startswith(PROPOSED):
                rows[sku]["group_id"] = known[sku].group_id
        at = now()
        insert_products(session, [rows[sku] for sku in created], at)
        replace_products(session, [rows[sku] | {"known_id": known[sku].id} for sku in updated], at)
        revisions = dict.fromkeys(created, 1) | {sku: known[sku].revision + 1 for sku in updated}
        queue_changes(session, revisions.items(), at)
        retexted = sum(known[sku].needs_encoding(str(rows[sku]["text_hash"])) for sku in updated)
        unchanged = tuple(sku for sku in by_sku if sku not in rows)
        return _Changes(tuple(created), tuple(updated), unchanged, retexted, nodes)

    def deliver(self, delivery: Delivery) -> WriteResult | None:
        """Write what a shop system sends of one of its products, in one transaction; None for a late delivery.

        A delivery is late if one of a later version was taken. SKUs that the last one had and this one has not are
        taken out of the shop, and so is what only holds variations. Variations of a parent that is not offered are out
        until it is offered again, and those that it no longer lists until it lists them again. Deliveries that come
        twice, or in another order, leave the catalogue the same, but for what `complete` keeps, and for a variation
        that comes after its parent has ceased to list it.
        """
        with self._database.writing() as session:
            parent = lock_delivery(session, delivery.platform, delivery.parent) if delivery.parent else None
            row = lock_delivery(session, delivery.platform, delivery.identity)
            if delivery.version < row.version:
                return None
            had: list[str] = json.loads(row.skus) or []
            old = {*had, *delivery.skus}
            known = _variation_skus(session, delivery)
            sold = {} if delivery.variations else {each.sku: each for each in delivery.products}
            stored = {each.sku: _product(each) for each in _find_rows(session, [*known, *sold], lock=True)}
            products = complete(list(sold.values()), {sku: stored[sku] for sku in sold if sku in stored})
            if delivery.offered:
                products += [stored[sku] for sku in known.difference(had) & stored.keys()]
            changes = self._upsert(session, [stage(product) for product in products])
            left = known.union(sold, had if delivery.partial else ())
            listed: list[str] | None = json.loads(parent.skus) if parent else []
            hidden = not delivery.offered or listed is None
            deleted = _deactivate(session, sorted(old | left if hidden else old - left))
            row.version, row.skus = delivery.version, json.dumps(sorted(left) if delivery.offered else None)
            if parent and listed is not None:
                parent.skus = json.dumps(sorted(left.union(listed)))
        self._categories.remember(changes.categories)
        return WriteResult(changes.created, changes.updated, changes.unchanged, deleted)

    def patch(self, patches: Sequence[ProductPatch]) -> WriteResult:
        """Change products that are in the shop, all in one transaction; what a patch does not name stays.

        They are read and locked in the transaction that writes them: if a patch and an import come at the same time,
        the later one changes what the earlier one wrote. A SKU that is not in the shop is only reported.
        """
        changes = self._patch(patches)
        return WriteResult(updated=changes.updated, unchanged=changes.unchanged, unknown=changes.unknown)

    def patch_counted(self, patches: Sequence[ProductPatch]) -> UpsertCounts:
        """Do as `patch`, and count."""
        changes = self._patch(patches)
        unknown = changes.unknown
        counts = (len(changes.updated), len(changes.unchanged), changes.retexted, len(unknown))
        return UpsertCounts(0, *counts, first_unknown=unknown[0] if unknown else "")

    def _patch(self, patches: Sequence[ProductPatch]) -> _Changes:
        with self._database.writing() as session:
            patched = patched_products(session, patches)
            changed = {sku: each for sku, each in patched.items() if each.changed}
            paths = (path for each in changed.values() for path in each.after.product.categories)
            nodes = self._categories.find(session, paths)
            rows = {
                sku: self._columns(each.after, nodes, each.kept_text_hash) | {"known_id": each.id}
                for sku, each in changed.items()
            }
            at = now()
            replace_products(session, list(rows.values()), at)
            queue_changes(session, [(sku, each.before.revision + 1) for sku, each in changed.items()], at)
        self._categories.remember(nodes)
        retexted = sum(row["text_hash"] != changed[sku].before.text_hash for sku, row in rows.items())
        named = dict.fromkeys(patch.sku for patch in patches)
        unchanged = tuple(sku for sku in named if sku in patched and sku not in changed)
        unknown = tuple(sku for sku in named if sku not in patched)
        return _Changes((), tuple(changed), unchanged, retexted, nodes, unknown)

    def assign_groups(self, groups: Mapping[str, str]) -> int:
        """Give active products without a group the one named, queue them, and return how many they were."""
        assigned = 0
        statement = (
            update(_PRODUCT)
            .where(_PRODUCT.c.id == bindparam("known_id"))
            .values(group_id=bindparam("new_group"), revision=_PRODUCT.c.revision + 1)
        )
        for skus in in_chunks(sorted(groups)):
            with self._database.writing() as session:
                known = find_products(session, skus, ProductRow.active.is_(True), ProductRow.group_id == "")
                if known:
                    rows = [{"known_id": each.id, "new_group": groups[sku]} for sku, each in known.items()]
                    execute_many(session, statement, rows)
                    queue_changes(session, [(sku, each.revision + 1) for sku, each in known.items()], now())
            assigned += len(known)
        return assigned

    def deactivate(self, skus: Sequence[str], unchanged_since: Moment | None = None) -> int:
        """Take products out of the shop; they stay in the catalogue. Returns how many were active.

        With `unchanged_since`, products that were changed since then stay as they are.
        """
        with self._database.writing() as session:
            return len(_deactivate(session, skus, unchanged_since))

    def enqueue(self, skus: Sequence[str]) -> int:
        """Queue SKUs again as they are, also those that the catalogue does not know, so that the index drops them."""
        with self._database.writing() as session:
            known = find_products(session, list(skus))
            queued = {sku: known[sku].revision if sku in known else 0 for sku in skus}
            queue_changes(session, queued.items(), now())
        return len(queued)

    def rehash(self) -> int:
        """Hash the texts again after the text settings changed; queue the products that differ, and return how many."""
        # A product that was changed since it was read has been hashed again by that change.
        statement = (
            update(_PRODUCT)
            .where(_PRODUCT.c.id == bindparam("read_id"), _PRODUCT.c.revision == bindparam("read_revision"))
            .values(text_hash=bindparam("new_hash"), revision=_PRODUCT.c.revision + 1)
        )
        queued = 0
        for rows in self._pages(_STORED_ACTIVE, 1000):
            hashes = {row.id: self._hash_text(_product(row)) for row in rows}
            differing = [row for row in rows if hashes[row.id] != row.text_hash]
            if not differing:
                continue
            parameters = [
                {"read_id": row.id, "read_revision": row.revision, "new_hash": hashes[row.id]} for row in differing
            ]
            with self._database.writing() as session:
                session.execute(statement, parameters)
                queue_changes(session, [(row.sku, row.revision + 1) for row in differing], now())
            queued += len(differing)
        return queued

    def category_sizes(self) -> dict[tuple[str, ...], int]:
        """Return how many active products each category has itself, by path; a product counts in each of its own."""
        active = (func.count().label("size"), ProductRow.active.is_(True))
        first = select(ProductRow.category_id, active[0]).where(active[1]).group_by(ProductRow.category_id).subquery()
        others = ProductRow.other_categories
        further = select(others, active[0]).where(active[1], others != "").group_by(others)
        sizes: Counter[str] = Counter()
        with self._database.reading() as session:
            joined = select(CategoryRow.path, first.c.size).join(CategoryRow, CategoryRow.id == first.c.category_id)
            sizes.update(dict(session.execute(joined).all()))
            for paths, size in session.execute(further):
                sizes.update(dict.fromkeys(paths.split(_BETWEEN_PATHS), size))
        return {_path_names(path): sizes[path] for path in sorted(sizes)}

    def _pages(self, statement: Select[*Columns], batch: int) -> Iterator[Sequence[Row[*Columns]]]:
        """Yield the rows of a statement with `ProductRow.id`, `batch` at a time, each read by itself."""
        statement = statement.order_by(ProductRow.id).limit(batch)
        last = 0
        while True:
            with self._database.reading() as session:
                rows = session.execute(statement.where(ProductRow.id > last)).all()
            if not rows:
                return
            yield rows
            last = rows[-1].id

    def _columns(
        self, staged: StagedProduct, categories: dict[tuple[str, ...], Node], text_hash: str = ""
    ) -> dict[str, object]:
        product = staged.product
        primary = categories.get(product.category)
        return {
            "sku": product.sku,
            "title": product.title,
            "text_hash": text_hash or self._hash_text(product),
            "content_hash": staged.content_hash,
            "group_id": product.group_id,
            "gtin": product.gtin,
            "mpn": product.mpn,
            "description": product.description,
            "brand": product.brand,
            "category_id": primary.id if primary else None,
            "other_categories": _BETWEEN_PATHS.join(categories[path].path for path in product.other_categories),
            "price": product.price,
            "currency": product.currency,
            "availability": product.availability.value,
            "url": product.url,
            "image": product.image,
            "attributes": dict(product.attributes),
        }


def patched_products(session: Session, patches: Sequence[ProductPatch], lock: bool = True) -> dict[str, PatchedProduct]:
    """Return the active products that patches name, as they become; with `lock` they are locked.

    If a SKU is named twice, both patches are applied in their order.
    """
    by_sku: dict[str, list[ProductPatch]] = {}
    for patch in patches:
        by_sku.setdefault(patch.sku, []).append(patch)
    patched: dict[str, PatchedProduct] = {}
    for row in _find_rows(session, list(by_sku), _STORED_ACTIVE.add_columns(ProductRow.content_hash), lock=lock):
        before = _read_row(row)
        product = before.product
        for patch in by_sku[row.sku]:
            product = patch.apply(product)
        patched[row.sku] = PatchedProduct(row.id, row.content_hash, before, stage(product))
    return patched


def _variation_skus(session: Session, delivery: Delivery) -> set[str]:
    """Return the SKUs of the variations of a parent, as far as they were delivered and offered."""
    of_shop = select(DeliveryRow.skus).where(DeliveryRow.platform == delivery.platform)
    chunks = in_chunks(delivery.variations)
    found = (skus for chunk in chunks for skus in session.scalars(of_shop.where(DeliveryRow.identity.in_(chunk))))
    return {sku for skus in found for sku in json.loads(skus) or ()}


def _find_rows(
    session: Session, skus: Sequence[str], statement: Select[Any] = _STORED, *, lock: bool
) -> Iterator[Row[Any]]:
    """Yield the rows of those of the SKUs that the catalogue has; with `lock` they are locked, in the order of SKUs."""
    statement = statement.order_by(ProductRow.sku)
    if lock:
        statement = statement.with_for_update(of=ProductRow)
    for chunk in in_chunks(sorted(skus)):
        yield from session.execute(statement.where(ProductRow.sku.in_(chunk)))


def _deactivate(session: Session, skus: Sequence[str], unchanged_since: Moment | None = None) -> tuple[str, ...]:
    """Set products inactive and return those that were active."""
    at = now()
    old = [] if unchanged_since is None else [unchanged_since.is_later()]
    known = find_products(session, list(skus), ProductRow.active.is_(True), *old)
    off = update(_PRODUCT).values(active=False, revision=_PRODUCT.c.revision + 1, updated_at=at)
    for chunk in in_chunks([row.id for row in known.values()]):
        session.execute(off.where(_PRODUCT.c.id.in_(chunk)))
    queue_changes(session, [(sku, row.revision + 1) for sku, row in known.items()], at)
    return tuple(known)


def _read_row(row: Row[Any]) -> StoredProduct:
    return StoredProduct(_product(row), row.active, row.text_hash, row.revision, row.created_at)


def _product(row: Row[Any]) -> Product:
    return Product(
        sku=row.sku,
        title=row.title,
        description=row.description,
        brand=row.brand,
        category=_path_names(row.category_path),
        price=row.price,
        currency=row.currency,
        availability=Availability(row.availability),
        url=row.url,
        image=row.image,
        group_id=row.group_id,
        gtin=row.gtin,
        mpn=row.mpn,
        attributes=row.attributes,
        other_categories=_paths(row.other_categories),
    )


def _paths(stored: str | None) -> tuple[tuple[str, ...], ...]:
    return tuple(map(_path_names, stored.split(_BETWEEN_PATHS))) if stored else ()


@lru_cache(4096)  # many products share a category
def _path_names(path: str | None) -> tuple[str, ...]:
    return tuple(path.split(PATH_SEPARATOR)) if path else ()
