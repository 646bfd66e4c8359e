"""The calls of the service: what is sent, and how the answer is read. Nothing is sent here.

The functions have the names and parameters of the interface, whose docstrings describe them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from pydantic_core import PydanticSerializationError

from recommender.errors import UnknownSku, UsageError
from recommender.query import (
    DEFAULT_SEARCHES,
    DEFAULT_SUGGESTIONS,
    NO_FILTERS,
    NO_OPTIONS,
    Answer,
    Filters,
    LoggedSearch,
    LoggedSearches,
    LoggedSearchesRequest,
    Options,
    QueryRequest,
    RecommendRequest,
    Rule,
    SearchRequest,
    SimilarRequest,
    Status,
    Suggestion,
    Suggestions,
    SuggestRequest,
)
from recommender.query.parameters import Parameters, write_address
from recommender.query.rule import Rules
from recommender.query.serialization import adapter, from_json, to_value, validate
from recommender.query.validation import check_disjoint, check_product, check_sku, each_change, each_product, each_sku
from recommender.types import JsonObject, Product

Result = TypeVar("Result")

LONGEST_QUERY = 4_000
"""Longest parameters in an address, in characters, that proxies let through. A longer query is sent in a body."""

BATCH = 500
"""Products or SKUs of one write: below the service's limit, and a second's work for it."""

BATCH_BYTES = 4_000_000
"""Bytes of one write, unless a single product is larger: below the service's limit for a body."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """One request, and how its answer is read. A `repeatable` one does no harm if it arrives twice."""

    method: str
    path: str
    read: Callable[[bytes], Result]
    parameters: Parameters = ()
    body: bytes | None = None
    repeatable: bool = True


def similar(
    product: str | Product, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS
) -> Call[Answer]:
    if isinstance(product, Product):
        return _query("/v1/similar", SimilarRequest(product=product, k=k, filters=filters, options=options))
    return _query("/v1/similar", SimilarRequest(sku=product, k=k, filters=filters, options=options))


def search(text: str, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Call[Answer]:
    return _query("/v1/search", SearchRequest(query=text, k=k, filters=filters, options=options))


def recommend(
    like: Sequence[str],
    dislike: Sequence[str] = (),
    k: int = 10,
    filters: Filters = NO_FILTERS,
    options: Options = NO_OPTIONS,
) -> Call[Answer]:
    request = RecommendRequest(like=like, dislike=dislike, k=k, filters=filters, options=options)
    return _query("/v1/recommendations", request)


def browse(k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Call[Answer]:
    parameters = write_address(validate(QueryRequest(k=k, filters=filters, options=options)))
    if parameters is None:
        raise UsageError("browsing over HTTP is asked in an address, and these filters or options have no text form")
    return Call("GET", "/v1/products", partial(from_json, Answer), parameters)


def suggest(text: str, limit: int = DEFAULT_SUGGESTIONS) -> Call[list[Suggestion]]:
    parameters = write_address(validate(SuggestRequest(text=text, limit=limit)))
    return Call(
        "GET", "/v1/suggestions", lambda answer: list(from_json(Suggestions, answer).suggestions), parameters or ()
    )


def product(sku: str) -> Call[Product]:
    if not sku:
        raise UnknownSku(sku)  # without a SKU the address is that of all products
    check_sku(sku)
    # A path segment of only dots means a parent folder, and would be removed from the address.
    segment = quote(sku, safe="").replace(".", "%2E") if sku in (".", "..") else quote(sku, safe="")
    return Call("GET", f"/v1/products/{segment}", partial(from_json, Product))


def rules() -> Call[list[Rule]]:
    return Call("GET", "/v1/rules", lambda answer: list(from_json(Rules, answer).rules))


def add_rule(rule: Rule) -> Call[Rule]:
    body = _escape(to_value(replace(rule, id=0)))
    return Call("POST", "/v1/rules", partial(from_json, Rule), body=body, repeatable=False)  # twice adds it twice


def update_rule(rule: Rule) -> Call[Rule]:
    return Call("PUT", f"/v1/rules/{int(rule.id)}", partial(from_json, Rule), body=_escape(to_value(rule)))


def remove_rule(identity: int) -> Call[None]:
    # Not repeatable: the second time it is unknown.
    return Call("DELETE", f"/v1/rules/{int(identity)}", lambda _: None, repeatable=False)


def searches(weak: bool = False, limit: int = DEFAULT_SEARCHES) -> Call[list[LoggedSearch]]:
    parameters = write_address(validate(LoggedSearchesRequest(weak=weak, limit=limit)))
    return Call(
        "GET", "/v1/searches", lambda answer: list(from_json(LoggedSearches, answer).searches), parameters or ()
    )


def status() -> Call[Status]:
    return Call("GET", "/v1/status", partial(from_json, Status))


def writes(upsert: Iterable[Product], delete: Iterable[str]) -> Iterator[Call[Sequence[JsonObject]]]:
    """Return the calls that write products and then take others out of the shop. All may be sent twice.

    Products are read as they are sent, so that there may be any number: those before a value of a wrong type, or before
    a SKU that is also deleted, are written when `BadInput` or `UsageError` is raised, and those after it are not.
    """
    deleted = dict.fromkeys(each_sku(delete)).keys()

    def products() -> Iterator[bytes]:
        for given in each_product(upsert):
            check_disjoint((given.sku,), deleted)
            try:
                yield _escape(adapter(Product).serializer.to_python(given, mode="json", warnings="error"))
            except PydanticSerializationError:  # JSON would hide a wrong type, and the service read it as another value
                yield _escape(to_value(check_product(given)))

    for verb, items in ((b"upsert", products()), (b"delete", map(_escape, deleted))):
        for batch in _batches(items):
            body = b'{"%b":[%b]}' % (verb, b",".join(batch))
            yield Call("POST", "/v1/products:batch", _items, body=body)


def patches(changes: Iterable[Mapping[str, Any]]) -> Iterator[Call[Sequence[JsonObject]]]:
    """Return the calls that change products. All may be sent twice."""
    for batch in _batches(_escape(dict(each)) for each in each_change(changes)):
        body = b'{"partial":true,"upsert":[%b]}' % b",".join(batch)
        yield Call("POST", "/v1/products:batch", _items, body=body)


def _query(path: str, request: QueryRequest) -> Call[Answer]:
    """Put a query into the address, where a cache can see it; into a body if the address can't express it."""
    request = validate(request)
    read = partial(from_json, Answer)
    parameters = write_address(request)
    if parameters is None or len(urlencode(parameters)) > LONGEST_QUERY:
        return Call("POST", path, read, body=_escape(to_value(request, changed=True)))
    return Call("GET", path, read, parameters)


def _escape(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), default=str).encode()  # a price may be a decimal


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


def _items(answer: bytes) -> list[JsonObject]:
    try:
        return [dict(item) for item in json.loads(answer)["items"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks its items ({error})") from error
