"""What Shopify and WooCommerce send of one product when it changes: checked by its signature, read as their API is."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from recommender.errors import BadInput
from recommender.feeds.formats import FeedFormat, open_feed
from recommender.feeds.products import product_of
from recommender.feeds.rejections import BadRow
from recommender.types import Product


@dataclass(frozen=True, slots=True)
class Delivery:
    """The products of a shop system's product `identity` in a `version`: its variants, or none if it is gone.

    Versions of a product are ordered as texts. It is `offered` if it is on sale, and `partial` if it has more variants
    than these. A variation that is delivered by itself names its `parent`, and a parent the identities of its
    `variations`: they are sold in place of its own product.
    """

    platform: str
    identity: str
    version: str
    products: Sequence[Product] = ()
    offered: bool = True
    partial: bool = False
    parent: str = ""
    variations: Sequence[str] = ()

    @property
    def skus(self) -> tuple[str, ...]:
        """The SKUs of the products."""
        return tuple(product.sku for product in self.products)


@dataclass(frozen=True, slots=True)
class WebhookHeaders:
    """The headers in which a shop system describes what it sends."""

    signature: str
    topic: str
    moment: str = ""


HEADERS = {
    # https://shopify.dev/docs/apps/build/webhooks/subscribe/https
    FeedFormat.SHOPIFY: WebhookHeaders("x-shopify-hmac-sha256", "x-shopify-topic", "x-shopify-triggered-at"),
    # https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks
    FeedFormat.WOOCOMMERCE: WebhookHeaders("x-wc-webhook-signature", "x-wc-webhook-topic"),
}

_WRITES = ("create", "update", "created", "updated", "restored")
_REMOVALS = ("delete", "deleted")


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """Tell whether a body was signed with a secret: HMAC-SHA256 in base64, as both systems do."""
    expected = base64.b64encode(hmac.digest(secret.encode(), body, "sha256"))
    return hmac.compare_digest(expected, signature.encode("utf-8", "replace"))


def read_delivery(platform: FeedFormat, body: bytes, headers: Mapping[str, str]) -> Delivery | None:
    """Return what a signed message delivers; None if it is not about a product, as a test of the connection is not.

    A version is the time at which the shop last changed the product; for a removal, which has none, when it was sent.
    Raises `BadInput` for a product that can't be read.
    """
    known = HEADERS[platform]
    subject, _, action = headers.get(known.topic, "").replace(".", "/").partition("/")
    if subject not in ("product", "products") or action not in (*_WRITES, *_REMOVALS):
        return None
    try:
        told = json.loads(body)
        identity = str(told["id"])
        moment = _moment(headers.get(known.moment) or datetime.now(UTC).isoformat())
        changed = told.get("updated_at") or told.get("date_modified_gmt")
        if action in _REMOVALS:
            if changed:  # the topic is not signed: an overheard message about a product must not remove it
                raise BadInput(f"the message of {platform} removes a product, but describes it too; it is ignored")
            return Delivery(platform, identity, f"{moment} {moment}", offered=False)
        version = _moment(str(changed))
    except UnicodeDecodeError as error:  # its repr would have the whole body
        raise BadInput(f"the message of {platform} is not UTF-8 at byte {error.start:,}") from None
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError) as error:
        raise BadInput(f"the message of {platform} has no id or no time of its last change ({error!r})") from None
    version = f"{version} {moment if known.moment in headers else version}"
    with TemporaryDirectory() as folder:  # the variants are read by the rules for the whole export
        file = Path(folder) / "product.json"
        file.write_text(json.dumps([told]))
        try:
            with open_feed(file, platform) as feed:
                products = [product_of(row) for row in feed.rows()]
        except BadRow as error:
            raise BadInput(f"the product can't be read: {error}") from error

    def items(name: str) -> list[object]:
        return told[name] if isinstance(told.get(name), list) else []

    # Of a product with more than 100 variants, `variants` has 100: https://shopify.dev/docs/apps/build/graphql/migrate/
    # new-product-model/api-updates#webhook-updates
    partial = bool(products) and len(items("variant_gids")) > len(items("variants"))
    # Only the variations of a parent can be bought, and WooCommerce sends each by itself.
    is_parent = str(told.get("type")).startswith("variable")
    variations = tuple(map(str, items("variations"))) if is_parent else ()
    parent = str(told.get("parent_id") or "")
    return Delivery(platform, identity, version, products, bool(products), partial, parent, variations)


def _moment(text: str) -> str:
    """Return a time in a form that is ordered as a text; one without a zone is in UTC."""
    moment = datetime.fromisoformat(text[:26] + text[26:].lstrip("0123456789"))  # nanoseconds are cut
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds")
