"""Products as the APIs of shop systems and marketplaces give them: where in an object each part of a product is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from recommender.errors import BadFeed
from recommender.feeds.columns import plain_name
from recommender.feeds.platforms.declared import OPTIONS, Cells, RowRules, declare
from recommender.feeds.platforms.rest_api import ApiTable
from recommender.feeds.platforms.shop_export import Platform
from recommender.feeds.prices import decimals_of
from recommender.feeds.tables import Table

SAMPLED_OBJECTS = 20
"""Objects by which an API is told."""

_OPTION_PARTS = ("option names", "option values")
_NAMES = {
    part: plain_name(part)
    for part in (
        *("key", "kind", "handle", "sku", "variant key", "title", "description", "short", "brand", "category", "price"),
        *("sale", "starts", "ends", "currency", "stock", "tracked", "sells on", "when out", "url", "image", "gtin"),
        "on sale",
        *("mpn", "visible", "status", "buyable", "disabled", "attributes", "group", "period"),
        *(f"{part} {number}" for part in ("name", "value") for number in OPTIONS),
    )
}


@dataclass(frozen=True, slots=True)
class Api:
    """How an API gives products, by paths such as `price.amount`; `*` is any member.

    A list stands for its members; `prices.0` is the first. An object is of the API if it has a path of each of
    `telling`; `|` separates alternatives. `product` and `variant` have the paths of each part, of which the first that
    is filled counts, or a text after `=`. `variants` are the lists of variants. Of a variant, `option names` and
    `option values` belong together. `minor price` and `minor sale` are integers of the smallest unit of the currency,
    or of 1 by `divisor`, or of ten to the power of `-digits`.
    """

    telling: Sequence[str]
    product: Mapping[str, str]
    variants: str = ""
    variant: Mapping[str, str] = field(default_factory=dict)
    rules: RowRules = field(default_factory=RowRules)

    def wrote(self, objects: Sequence[Any]) -> bool:
        """Tell whether objects are those of this API."""
        return all(
            any(next(_at(one, path), None) is not None for one in objects for path in alternatives.split("|"))
            for alternatives in self.telling
        )

    def rows(self, item: Mapping[str, Any]) -> list[dict[str, str]]:
        """Return the row of a product, and those of its variants if there are several."""
        product = {"kind": "product"} | _cells(item, self.product)
        listed = chain.from_iterable(_at(item, path) for path in self.variants.split())
        variants = [_cells(variant, self.variant) for variant in listed]
        if len(variants) == 1:
            # What a product without options is sold as: it has a number of its own, but often no SKU.
            alone = {part: cell for part, cell in variants[0].items() if cell and not part.startswith("value ")}
            product, variants = product | alone, []
        rows = [product, *({**variant, "kind": "variant"} for variant in variants)]
        return [{_NAMES[part]: cell for part, cell in row.items() if part in _NAMES} for row in rows]

    def platform(self, name: str) -> Platform:
        """Return how the rows belong together."""
        rules = replace(self.rules, variants=("variant",), products=self.rules.products or ("product",))
        return declare(name, _NAMES, (), rules)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its rows: those of the parts that it has."""
        stated = {part.removeprefix("minor ") for part in (*self.product, *self.variant)}
        if "option values" in stated:
            stated |= {f"{part} {number}" for part in ("name", "value") for number in OPTIONS}
        return tuple(column for part, column in _NAMES.items() if part in stated or part == "kind")


def _cells(item: Any, paths: Mapping[str, str]) -> Cells:
    cells = {part: _text(part, item, stated) for part, stated in paths.items() if part not in _OPTION_PARTS}
    for minor, part in (("minor price", "price"), ("minor sale", "sale")):
        if amount := cells.pop(minor, ""):
            currency, divisor = cells.get("currency", ""), cells.get("divisor", "")
            digits = int(cells.get("digits") or decimals_of(currency.upper()))
            whole = Decimal(amount)
            # Smallest units are whole; what is not is a price already.
            is_whole = whole == whole.to_integral_value()
            cells[part] = str(whole / int(divisor) if divisor else whole.scaleb(-digits) if is_whole else whole)
    names, values = ([_plain(one) for path in paths.get(part, "").split() for one in _at(item, path)]
                     for part in _OPTION_PARTS)  # fmt: skip
    for number, value in zip(OPTIONS, values, strict=False):
        cells[f"value {number}"] = value
        cells[f"name {number}"] = names[number - 1] if len(names) >= number else ""
    return cells


def _text(part: str, item: Any, stated: str) -> str:
    for path in stated.split():
        if path[0] == "=":
            return path[1:]
        found = [value for value in _at(item, path) if value not in ("", None)]
        if part == "attributes" and found:
            return json.dumps(found if "name" in found[0] else found[0], default=str)
        texts = [text for value in found if (text := _plain(value))]
        if texts:
            return "; ".join(texts) if part == "category" else texts[0]
    return ""


def _plain(value: Any) -> str:
    return "" if isinstance(value, Mapping) else str(value).lower() if isinstance(value, bool) else str(value)


def _at(item: Any, path: str) -> Iterator[Any]:
    """Yield the values at a path; a list stands for its members, unless the path has the number of one."""
    if isinstance(item, list) and path[:1].isdigit():
        number, _, rest = path.partition(".")
        for member in item[int(number) : int(number) + 1]:
            yield from _at(member, rest)
    elif isinstance(item, list):
        for member in item:
            yield from _at(member, path)
    elif not path:
        yield item
    elif isinstance(item, Mapping):
        name, _, rest = path.partition(".")
        for member in item.values() if name == "*" else [item[name]] if item.get(name) is not None else []:
            yield from _at(member, rest)


def _number(cells: Cells, parent: Mapping[str, str]) -> None:
    cells["sku"] = cells.get("sku") or (f"id:{cells['key']}" if cells.get("key") and not parent else "")


_MEDUSA = {
    "handle": "handle id", "title": "title", "description": "description", "status": "status",
    "image": "thumbnail images.url", "category": "categories.name",
}  # fmt: skip
_MEDUSA_VARIANT = {
    "variant key": "id", "sku": "sku", "gtin": "ean barcode upc", "stock": "inventory_quantity",
    "tracked": "manage_inventory", "sells on": "allow_backorder", "currency": "calculated_price.currency_code",
    "price": "calculated_price.calculated_amount", "option names": "options.option.title",
    "option values": "options.value",
}  # fmt: skip

APIS: Mapping[str, Api] = {
    # https://developer.bigcommerce.com/docs/rest-catalog
    "BigCommerce": Api(
        ("inventory_level", "inventory_tracking", "is_visible", "name"),
        {
            "key": "id", "sku": "sku", "title": "name", "description": "description", "brand": "brand_name",
            "price": "calculated_price price", "stock": "inventory_level", "tracked": "inventory_tracking",
            "visible": "is_visible", "status": "availability", "url": "custom_url.url custom_url",
            "image": "primary_image.url_standard primary_image.standard_url images.url_standard", "gtin": "gtin upc",
            "mpn": "mpn",
        },
        "variants",
        {
            "variant key": "id", "sku": "sku", "price": "calculated_price price", "stock": "inventory_level",
            "disabled": "purchasing_disabled", "image": "image_url", "gtin": "gtin upc", "mpn": "mpn",
            "option names": "option_values.option_display_name", "option values": "option_values.label",
        },
        RowRules(adapt=lambda cells, _: cells.update({"stock": "preorder"} if cells["status"] == "preorder" else {})),
    ),
    # https://github.com/woocommerce/woocommerce/blob/trunk/docs/apis/store-api/resources-endpoints/products.md
    "WooCommerce": Api(
        ("prices.currency_minor_unit", "is_in_stock", "name"),
        {
            "key": "id", "sku": "sku", "title": "name", "description": "description short_description",
            "brand": "brands.name", "category": "categories.name", "minor price": "prices.price",
            "digits": "prices.currency_minor_unit", "currency": "prices.currency_code", "stock": "is_in_stock",
            "url": "permalink", "image": "images.src",
        },
        rules=RowRules(adapt=_number),
    ),
    # Ecwid's REST API, search products
    "Ecwid": Api(
        ("enabled", "unlimited|inStock", "name", "defaultDisplayedPrice|categoryIds|defaultCategoryId"),
        {
            "key": "id", "sku": "sku", "title": "name", "description": "description", "price": "price",
            "stock": "quantity inStock", "visible": "enabled", "url": "url", "image": "imageUrl", "brand": "brand",
            "category": "categories.name",
        },
        "combinations",
        {
            "variant key": "id", "sku": "sku", "price": "price defaultDisplayedPrice", "stock": "quantity inStock",
            "image": "imageUrl", "option names": "options.name", "option values": "options.value",
        },
    ),
    # Etsy's Open API v3, getListingsByShop
    "Etsy": Api(
        ("listing_id", "title", "state", "price.divisor"),
        {
            "key": "listing_id", "sku": "skus", "variant key": "listing_id", "title": "title",
            "description": "description", "status": "state", "minor price": "price.amount", "divisor": "price.divisor",
            "currency": "price.currency_code", "stock": "quantity", "url": "url", "image": "images.url_fullxfull",
        },
        rules=RowRules(words={"status": {"sold_out": "active", "edit": "draft", "expired": "draft"}}),
    ),
    # https://developer.squareup.com/reference/square_2020-09-23/objects/CatalogItemVariation
    "Square": Api(
        ("item_data.name", "item_data.variations", "type"),
        {
            "kind": "type", "key": "id", "title": "item_data.name", "disabled": "is_deleted item_data.is_archived",
            "description": "item_data.description_plaintext item_data.description",
        },
        "item_data.variations",
        {
            "variant key": "id", "sku": "item_variation_data.sku", "minor price":
            "item_variation_data.price_money.amount", "currency": "item_variation_data.price_money.currency",
            "gtin": "item_variation_data.upc", "option values": "item_variation_data.name", "disabled": "is_deleted",
            "buyable": "item_variation_data.sellable",
        },
        RowRules(products=("item",)),
    ),
    # https://docs.commercetools.com/apis/ctp:api:type:ProductSetDefaultVariantAction
    "commercetools": Api(
        ("masterData.current|masterVariant", "masterData.current.name.*|name.*"),
        {
            "key": "key id", "title": "masterData.current.name.* name.*", "visible": "masterData.published published",
            "description": "masterData.current.description.* description.*",
        },
        "masterData.current.masterVariant masterData.current.variants masterVariant variants",
        {
            "sku": "sku", "variant key": "key", "minor price": "price.value.centAmount prices.0.value.centAmount",
            "minor sale": "price.discounted.value.centAmount prices.0.discounted.value.centAmount",
            "digits": "price.value.fractionDigits prices.0.value.fractionDigits",
            "currency": "price.value.currencyCode prices.0.value.currencyCode", "image": "images.url",
            "stock": "availability.isOnStock", "attributes": "attributes",
        },
    ),
    # Medusa's Admin API v1, products; prices are in the smallest unit
    "Medusa 1": Api(
        ("is_giftcard", "profile_id", "variants.prices.amount"), _MEDUSA, "variants",
        _MEDUSA_VARIANT | {"minor price": "prices.amount", "currency": "prices.currency_code"},
    ),
    # https://docs.medusajs.com/api/store
    "Medusa": Api(("is_giftcard", "title", "variants"), _MEDUSA, "variants", _MEDUSA_VARIANT),
    # https://dev.wix.com/docs/api-reference/business-solutions/stores/catalog-v3/products-v3/product-object, and V1
    "Wix": Api(
        ("visible", "stock.inStock|stock.inventoryStatus|inventory.availabilityStatus", "priceData|price"
         "|actualPriceRange", "name"),
        {
            "key": "id", "sku": "sku", "title": "name", "description": "plainDescription description",
            "brand": "brand.name brand",
            "price": "priceData.price price.price price actualPriceRange.minValue.amount",
            "sale": "priceData.discountedPrice price.discountedPrice",
            "currency": "priceData.currency price.currency", "visible": "visible",
            "stock": "stock.inStock inventory.availabilityStatus",
            "image": "media.mainMedia.image.url media.main.image.url", "url": "productPageUrl.base",
        },
        "variantsInfo.variants",
        {
            "variant key": "id", "sku": "sku", "price": "price.actualPrice.amount", "visible": "visible",
            "stock": "inventoryStatus.inStock", "option names": "choices.optionChoiceNames.optionName",
            "option values": "choices.optionChoiceNames.choiceName",
        },
        RowRules(words={"stock": {"partially_out_of_stock": "in stock"}}),
    ),
    # https://devdocs.prestashop-project.org/9/webservice/resources/products/
    "PrestaShop": Api(
        ("id_category_default|id_manufacturer", "reference", "active", "price"),
        {
            "sku": "reference", "key": "id", "title": "name.value name.* name",
            "description": "description.value description description_short.value description_short",
            "brand": "manufacturer_name", "price": "price", "stock": "quantity", "visible": "active",
            "status": "visibility", "gtin": "ean13 isbn upc", "mpn": "mpn",
        },
        rules=RowRules(adapt=_number),
    ),
    # https://developer.shopware.com/resources/api/admin-api-reference.html
    "Shopware": Api(
        ("productNumber|attributes.productNumber", "active|attributes.active", "price.gross|attributes.price.gross"
         "|calculatedPrice.unitPrice"),
        {
            "key": "id", "sku": "productNumber attributes.productNumber", "title": "translated.name name"
            " attributes.translated.name attributes.name", "visible": "active attributes.active",
            "description": "translated.description description attributes.description",
            "price": "calculatedPrice.unitPrice price.gross attributes.price.gross", "brand": "manufacturer.name",
            "stock": "availableStock stock attributes.availableStock attributes.stock", "gtin": "ean attributes.ean",
            "sells on": "isCloseout attributes.isCloseout", "image": "cover.media.url", "category": "categories.name",
            "group": "parentId attributes.parentId", "mpn": "manufacturerNumber attributes.manufacturerNumber",
        },
        # What is not sold off stays on sale when there is none.
        rules=RowRules(words={"sells on": {"false": "true", "true": "false"}}),
    ),
    # https://developers.google.com/merchant/api/reference/rpc/google.shopping.merchant.products.v1beta
    "Google Merchant": Api(
        ("offerId", "title|attributes.title|productAttributes.title", "price.value|attributes.price.amountMicros"
         "|productAttributes.price.amountMicros"),
        {
            "sku": "offerId", "digits": "=6",
            "minor price": "attributes.price.amountMicros productAttributes.price.amountMicros",
            "minor sale": "attributes.salePrice.amountMicros productAttributes.salePrice.amountMicros",
            "price": "price.value", "sale": "salePrice.value",
            "currency": "price.currency attributes.price.currencyCode productAttributes.price.currencyCode",
        }
        | {
            part: " ".join(f"{above}{name}" for above in ("", "attributes.", "productAttributes.") for name in names)
            for part, names in {
                "title": ("title",), "description": ("description",), "brand": ("brand",), "url": ("link",),
                "image": ("imageLink",), "stock": ("availability",), "gtin": ("gtin", "gtins"), "mpn": ("mpn",),
                "group": ("itemGroupId",), "category": ("productTypes", "productType", "googleProductCategory"),
                "starts": ("salePriceEffectiveDate.startTime",), "ends": ("salePriceEffectiveDate.endTime",),
                "period": ("salePriceEffectiveDate",),
            }.items()
        },
    ),
    # https://developer.allegro.pl/swagger.yaml, GET /sale/offers
    "Allegro": Api(
        ("sellingMode.price", "publication.status", "name"),
        {
            "sku": "external.id id", "title": "name", "price": "sellingMode.price.amount",
            "currency": "sellingMode.price.currency", "stock": "stock.available", "status": "publication.status",
            "image": "primaryImage.url images.url images",
        },
        rules=RowRules(words={"status": {"ended": "inactive", "activating": "active"}}),
    ),
    # https://docs.sylius.com/en/1.12/cookbook/api/add_to_cart_product_chosen_by_product_options.html
    "Sylius": Api(
        ("@id|@type", "code", "name|translations.*.name", "price|defaultVariantData|channelPricings"),
        {
            "sku": "code", "title": "name translations.*.name", "visible": "enabled", "url": "",
            "description": "description translations.*.description shortDescription", "image": "images.path",
            "minor price": "price defaultVariantData.price channelPricings.*.price",
            "stock": "inStock defaultVariantData.inStock onHand",
        },
    ),
    # https://developers.squarespace.com/commerce-apis/retrieve-all-products
    "Squarespace": Api(
        ("name", "variants.pricing.basePrice", "isVisible"),
        {
            "key": "id", "title": "name", "description": "description", "visible": "isVisible", "url": "url",
            "image": "images.url",
        },
        "variants",
        {
            "variant key": "id", "sku": "sku", "price": "pricing.basePrice.value", "sale": "pricing.salePrice.value",
            "currency": "pricing.basePrice.currency", "on sale": "pricing.onSale", "stock": "stock.quantity",
            "tracked": "stock.unlimited", "option values": "attributes.*",
        },
        RowRules(
            words={"tracked": {"true": "none", "false": ""}},
            adapt=lambda cells, _: cells.update({"sale": ""} if cells["on sale"] == "false" else {}),
        ),
    ),
    # https://developers.vtex.com/docs/api-reference/search-api
    "VTEX": Api(
        ("productId", "productName", "items.sellers.commertialOffer"),
        {
            "key": "productId", "title": "productName", "description": "description", "brand": "brand", "url": "link",
            "category": "categories.0",
        },
        "items",
        {
            "sku": "itemId", "gtin": "ean", "image": "images.imageUrl", "option values": "name",
            "price": "sellers.0.commertialOffer.Price", "stock": "sellers.0.commertialOffer.AvailableQuantity",
        },
        # what can't be sold has the price 0
        RowRules(adapt=lambda cells, _: cells.update({} if cells["price"].strip("0.") else {"price": ""})),
    ),
    # https://docs.saleor.io/developer/products/api; `isAvailable` is false of what is sold out, too
    "Saleor": Api(
        ("name", "variants.pricing.price|pricing.priceRange|channelListings"),
        {
            "key": "id", "title": "name", "category": "category.name", "visible": "isPublished",
            "status": "isAvailableForPurchase", "stock": "isAvailable",
            "price": "pricing.priceRange.start.gross.amount", "currency": "pricing.priceRange.start.gross.currency",
            "image": "thumbnail.url media.url",
        },
        "variants",
        {
            "variant key": "id", "sku": "sku", "price": "pricing.price.gross.amount",
            "currency": "pricing.price.gross.currency", "stock": "quantityAvailable", "option values": "name",
        },
    ),
}  # fmt: skip
"""APIs by the name of their system, each with where its answers are documented."""

_PLATFORMS = {name: api.platform(name) for name, api in APIS.items()}


def answer_of_api(table: Table) -> tuple[Table, Platform] | None:
    """Return the rows of an API's answer and how they belong together; None if the objects are of none."""
    objects: list[Any] = []
    with suppress(BadFeed):  # what is before the damage is worth reading
        objects.extend(row.cells for row in islice(table.rows(), SAMPLED_OBJECTS) if row.cells)
    for name, api in APIS.items():
        if api.wrote(objects):
            return ApiTable(table, api.columns, api.rows), _PLATFORMS[name]
    return None
