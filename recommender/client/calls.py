"""The calls of the service: what is sent, and what is made of the answer. Nothing is sent here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from recommender.client.parameters import Parameters, parameters_of
from recommender.errors import UnknownSku, UsageError
from recommender.query import Answer, Filters, Options, Rule, Status
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
"""Characters of parameters in an address: what proxies let through. A longer question travels in a body."""

BATCH = 500
"""Products or SKUs of one write: below the ceiling of the service, and a second's work for it."""

BATCH_BYTES = 4_000_000
"""Bytes of one write, unless a single product is larger: below the service's ceiling for a body."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """One request, and how its answer is read. One that is `repeatable` does no harm when it arrives twice.

    `skus` are those that it names: an error about one of them is told with it.
    """

    method: str
    path: str
    read: Callable[[Any], Result]
    parameters: Parameters = ()
    body: bytes | None = None
    repeatable: bool = True
    skus: tuple[str, ...] = ()


def similar(product: str | Product, k: int, filters: Filters, options: Options) -> Call[Answer]:
    """Ask for the products most like one."""
    check_query(k, filters, options)
    if isinstance(product, Product):
        return _posted("/v1/similar", {"product": product_json(product)}, k, filters, options)
    check_sku(product)
    return _asked("/v1/similar", ("sku", product), {"sku": product}, k, filters, options)


def search(text: str, k: int, filters: Filters, options: Options) -> Call[Answer]:
    """Ask for the products that answer a text."""
    check_query(k, filters, options)
    check_text(text)
    return _asked("/v1/search", ("q", text), {"query": text}, k, filters, options)


def recommend(like: Sequence[str], dislike: Sequence[str], k: int, filters: Filters, options: Options) -> Call[Answer]:
    """Ask for the products that go with some."""
    check_query(k, filters, options)
    check_examples(like, dislike)
    asked = {"like": list(like), "dislike": list(dislike)}
    return _posted("/v1/recommendations", asked, k, filters, options, (*like, *dislike))


def browse(k: int, filters: Filters, options: Options) -> Call[Answer]:
    """Ask for the popular and the new."""
    check_query(k, filters, options)
    try:
        return Call("GET", "/v1/products", answer_from, parameters_of(k, filters, options))
    except UsageError as error:
        raise UsageError(f"browsing over HTTP is asked in an address: {error}") from error


def product(sku: str) -> Call[Product]:
    """Ask for a product of the catalogue."""
    if not sku:
        raise UnknownSku(sku)  # without a SKU the address is that of all products
    check_sku(sku)
    return Call("GET", f"/v1/products/{_quoted(sku)}", product_from, skus=(sku,))


def rules() -> Call[list[Rule]]:
    """Ask for the pins and bans."""
    return Call("GET", "/v1/rules", _rules_from)


def add_rule(rule: Rule) -> Call[Rule]:
    """Add a pin or a ban; sent twice it would stand twice."""
    form = {name: value for name, value in rule_json(rule).items() if name != "id"}
    return Call("POST", "/v1/rules", rule_from, body=_encoded(form), repeatable=False)


def remove_rule(identity: int) -> Call[None]:
    """Remove a pin or a ban; once more it would be unknown."""
    return Call("DELETE", f"/v1/rules/{int(identity)}", _nothing, repeatable=False)


def status() -> Call[Status]:
    """Ask for the state of the installation."""
    return Call("GET", "/v1/status", status_from)


def writes(upsert: Iterable[Product], delete: Iterable[str]) -> Iterator[Call[list[JsonObject]]]:
    """Write products, then take others out of the shop, in as many calls as it takes: all of it may be sent twice."""
    deleted = dict.fromkeys(each_sku(delete)).keys()
    yield from _written(b"upsert", (_encoded(product_json(product)) for product in _kept(upsert, deleted)))
    yield from _written(b"delete", map(_encoded, deleted))


def _kept(upsert: Iterable[Product], deleted: Set[str]) -> Iterator[Product]:
    for product in each_product(upsert):
        check_disjoint((product.sku,), deleted)
        yield product


def _written(verb: bytes, forms: Iterator[bytes]) -> Iterator[Call[list[JsonObject]]]:
    for batch in _batches(forms):
        body = b'{"%b":[%b]}' % (verb, b",".join(batch))
        yield Call("POST", "/v1/products:batch", _statuses_from, body=body)


def _quoted(sku: str) -> str:
    # A segment of dots alone would be taken for the folder above, and left out of the address.
    return quote(sku, safe="").replace(".", "%2E") if sku in (".", "..") else quote(sku, safe="")


def _asked(
    path: str, parameter: tuple[str, str], body: JsonObject, k: int, filters: Filters, options: Options
) -> Call[Answer]:
    """Ask in the address, where a cache can see the question; in a body where the address can't say it."""
    skus = (parameter[1],) if parameter[0] == "sku" else ()
    try:
        parameters = (parameter, *parameters_of(k, filters, options))
    except UsageError:
        return _posted(path, body, k, filters, options, skus)
    if len(urlencode(parameters)) > LONGEST_QUERY:
        return _posted(path, body, k, filters, options, skus)
    return Call("GET", path, answer_from, parameters, skus=skus)


def _posted(
    path: str, asked: JsonObject, k: int, filters: Filters, options: Options, skus: tuple[str, ...] = ()
) -> Call[Answer]:
    body = {**asked, "k": k, "filters": filters_json(filters), "options": options_json(options)}
    return Call("POST", path, answer_from, body=_encoded(body), skus=skus)


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _batches(forms: Iterator[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for form in forms:
        if batch and (len(batch) == BATCH or size + len(form) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(form)
        size += len(form) + 1
    if batch:
        yield batch


def _statuses_from(value: Any) -> list[JsonObject]:
    return list(items_of(required(object_of(value, "the answer"), "items", "the answer"), "items", object_of))


def _rules_from(value: Any) -> list[Rule]:
    return list(items_of(required(object_of(value, "the answer"), "rules", "the answer"), "rules", rule_from))


def _nothing(_: Any) -> None:
    return None
