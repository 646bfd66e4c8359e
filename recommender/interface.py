"""What a shop's backend can call: the methods of `Recommender` and of the client of the service, described once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from recommender.query import (
    DEFAULT_SEARCHES,
    DEFAULT_SUGGESTIONS,
    NO_FILTERS,
    NO_OPTIONS,
    Answer,
    Filters,
    LoggedSearch,
    Options,
    Rule,
    Status,
    Suggestion,
    WriteResult,
)
from recommender.types import Product


class QueryInterface(Protocol):
    """The queries: over an installation of this process, or of a service over HTTP.

    All raise `UsageError` for arguments that do not fit together, `NoLiveModel` before anything was indexed, and
    `Unavailable` while something that they depend on is away.
    """

    def similar(
        self, product: str | Product, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS
    ) -> Answer:
        """Return the `k` products most similar to one, best first, without that product itself.

        The product is named by its SKU, or given with its own fields when it is not in the catalogue. A product that is
        not in the index yet is encoded now. `Variants.COLLAPSE` leaves out its variants. Raises `UnknownSku`.
        """

    def search(self, text: str, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        """Return the `k` products that best match a text in plain words, best first."""

    def recommend(
        self,
        like: Sequence[str],
        dislike: Sequence[str] = (),
        k: int = 10,
        filters: Filters = NO_FILTERS,
        options: Options = NO_OPTIONS,
    ) -> Answer:
        """Return `k` products for somebody who likes some products (a basket, a session) and dislikes others.

        All are named by their SKUs. Raises `UnknownSku`.
        """

    def browse(self, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        """Return `k` products that match the filters: the popular first, then the newest.

        Of the options only `include_attributes`, `offset`, `sort`, `variants`, `rules` (bans), `facets` and `model`
        apply.
        """

    def suggest(self, text: str, limit: int = DEFAULT_SUGGESTIONS) -> list[Suggestion]:
        """Return completions of a text that somebody is typing, the likeliest first.

        They are made of the words, titles, brands and categories of the catalogue, and each has products.
        """

    def product(self, sku: str) -> Product:
        """Return a product of the catalogue. Raises `UnknownSku`, also for one that was taken out of the shop."""


class RecommenderInterface(QueryInterface, Protocol):
    """Everything that a shop's backend can call."""

    def upsert(self, products: Iterable[Product]) -> WriteResult:
        """Create or replace products by SKU. They are durable on return, and in answers about a second later.

        Raises `BadInput` that names a product which can't be stored. `Recommender` then stores none of them. The client
        sends them in batches, however many there are, and stores all others, up to a value of a wrong type; after any
        error all may be sent again.
        """

    def patch(self, changes: Iterable[Mapping[str, Any]]) -> WriteResult:
        """Change products that are in the shop: each mapping names a `sku`, and what it does not name stays.

        `{"sku": "OS-1127", "price": 99, "attributes": {"size": None}}` sets the price and removes the size: None
        removes, as in JSON Merge Patch (RFC 7396). SKUs that are not in the shop are returned as `unknown`, and
        names of fields that nothing was read from as `ignored`. Raises `BadInput` as `upsert` does.
        """

    def delete(self, skus: Iterable[str]) -> int:
        """Take products out of the shop and return how many were there. They stay in the catalogue, as inactive."""

    def write(self, upsert: Iterable[Product] = (), delete: Iterable[str] = ()) -> WriteResult:
        """Do both and return what became of each SKU: in one transaction, or over HTTP in one for each batch.

        Raises as `upsert` does, and `UsageError` for a SKU that is in both.
        """

    def rules(self) -> list[Rule]:
        """Return the pins, bans and synonyms, oldest first, including those whose dates do not apply now."""

    def add_rule(self, rule: Rule) -> Rule:
        """Store a rule and return it with its id. It applies from the next query on. Raises `BadInput`."""

    def update_rule(self, rule: Rule) -> Rule:
        """Replace the rule that has the same id, and return it. Raises `BadInput` and `NotFound`."""

    def remove_rule(self, identity: int) -> None:
        """Remove a rule by its id. Raises `NotFound`."""

    def searches(self, weak: bool = False, limit: int = DEFAULT_SEARCHES) -> list[LoggedSearch]:
        """Return the most frequent search texts, with `weak` those whose last answer was not a good one.

        They are kept if the setting `keep_searches` says so.
        """

    def status(self) -> Status:
        """Return what the installation holds, and what waits to be indexed."""

    def close(self) -> None:
        """Finish what is being written and close everything that is open. Calling it twice is not an error."""
