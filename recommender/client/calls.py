"""The calls of the service: what is sent, and how the answer is read. Nothing is sent here.

The functions have the names and parameters of the interface, whose docstrings describe them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from recommender.client.parameters import Parameters, parameters_of
from recommender.errors import UnknownSku, UsageError
from recommender.query import NO_FILTERS, NO_OPTIONS, Answer, Filters, Options, Rule, Status
from recommender.query.reading import items_of, object_of, required
from recommender.query.serialization import (
    answer_from,
    filters_json,
    options_json,
    product_from,
    product_json,
    rule_from,
    rule_json,
    status_from,
)
from recommender.query.validation import (
    check_disjoint,
    check_examples,
    check_query,
    check_sku,
    check_text,
    each_product,
    each_sku,
)
from recommender.types import JsonObject, Product

Result = TypeVar("Result")

LONGEST_QUERY = 4_000
"""Characters of parameters in an address: what proxies let through. A longer query travels in a body."""

BATCH = 500
"""Products or SKUs of one write: below the service's limit, and a second's work for it."""

BATCH_BYTES = 4_000_000
"""Bytes of one write, unless a single product is larger: below the service's limit for a body."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """One request, and how its answer is read. A `repeatable` one does no harm when it arrives twice."""

    method: str
    path: str
    read: Callable[[Any], Result]
    parameters: Parameters = ()
    body: bytes | None = None
    repeatable: bool = True


def similar(
    product: str | Product, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS
) -> Call[Answer]:
    check_query(k, filters, options)
    if isinstance(product, Product):
        return _posted("/v1/similar", {"product": product_json(product)}, k, filters, options)
    check_sku(product)
    return _query("/v1/similar", "sku", "sku", product, k, filters, options)


def search(text: str, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Call[Answer]:
    check_query(k, filters, options)
    check_text(text)
    return _query("/v1/search", "q", "query", text, k, filters, options)


def recommend(
    like: Sequence[str],
    dislike: Sequence[str] = (),
    k: int = 10,
    filters: Filters = NO_FILTERS,
    options: Options = NO_OPTIONS,
) -> Call[Answer]:
    check_query(k, filters, options)
    check_examples(like, dislike)
    examples = {"like": list(like), "dislike": list(dislike)}
    return _posted("/v1/recommendations", examples, k, filters, options)


def browse(k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Call[Answer]:
    check_query(k, filters, options)
    try:
        return Call("GET", "/v1/products", answer_from, parameters_of(k, filters, options))
    except UsageError as error:
        raise UsageError(f"browsing over HTTP is asked in an address: {error}") from error


def product(sku: str) -> Call[Product]:
    if not sku:
        raise UnknownSku(sku)  # without a SKU the address is that of all products
    check_sku(sku)
    # A path segment of dots alone means a parent folder, and would be removed from the address.
    segment = quote(sku, safe="").replace(".", "%2E") if sku in (".", "..") else quote(sku, safe="")
    return Call("GET", f"/v1/products/{segment}", product_from)


def rules() -> Call[list[Rule]]:
    return Call("GET", "/v1/rules", lambda answer: list(_items(answer, "rules", rule_from)))


def add_rule(rule: Rule) -> Call[Rule]:
    members = {name: value for name, value in rule_json(rule).items() if name != "id"}
    return Call("POST", "/v1/rules", rule_from, body=_encoded(members), repeatable=False)  # twice adds it twice


def remove_rule(identity: int) -> Call[None]:
    # Not repeatable: the second time it is unknown.
    return Call("DELETE", f"/v1/rules/{int(identity)}", lambda _: None, repeatable=False)


def status() -> Call[Status]:
    return Call("GET", "/v1/status", status_from)


def writes(upsert: Iterable[Product], delete: Iterable[str]) -> Iterator[Call[Sequence[JsonObject]]]:
    """Return the calls that write products and then take others out of the shop. All may be sent twice."""
    deleted = dict.fromkeys(each_sku(delete)).keys()

    def kept() -> Iterator[bytes]:
        for given in each_product(upsert):
            check_disjoint((given.sku,), deleted)
            yield _encoded(product_json(given))

    for verb, items in ((b"upsert", kept()), (b"delete", map(_encoded, deleted))):
        for batch in _batches(items):
            body = b'{"%b":[%b]}' % (verb, b",".join(batch))
            yield Call("POST", "/v1/products:batch", lambda answer: _items(answer, "items", object_of), body=body)


def _query(
    path: str, parameter: str, member: str, subject: str, k: int, filters: Filters, options: Options
) -> Call[Answer]:
    """Put a query into the address, where a cache can see it; into a body where the address can't express it."""
    try:
        parameters = ((parameter, subject), *parameters_of(k, filters, options))
    except UsageError:
        return _posted(path, {member: subject}, k, filters, options)
    if len(urlencode(parameters)) > LONGEST_QUERY:
        return _posted(path, {member: subject}, k, filters, options)
    return Call("GET", path, answer_from, parameters)


def _posted(path: str, subject: JsonObject, k: int, filters: Filters, options: Options) -> Call[Answer]:
    body = {**subject, "k": k, "filters": filters_json(filters), "options": options_json(options)}
    return Call("POST", path, answer_from, body=_encoded(body))


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _batches(items: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for item in items:
        if batch and (len(batch) == BATCH or size + len(item) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item) + 1
    if batch:
        yield batch


def _items(answer: Any, name: str, read: Callable[[Any, str], Result]) -> Sequence[Result]:
    return items_of(required(object_of(answer, "the answer"), name, "the answer"), name, read)
