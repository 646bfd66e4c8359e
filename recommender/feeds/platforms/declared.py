"""Shop systems and marketplaces as pages of data: what their columns are called, and how their rows belong together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from recommender.feeds.columns import Field
from recommender.feeds.platforms.family import open_families
from recommender.feeds.platforms.shop_export import Platform, Record, ShopTable, shop_row, unreadable_row
from recommender.feeds.prices import CURRENCIES, Offer
from recommender.feeds.rows import Row
from recommender.types import PATH_SEPARATOR

OPTIONS = range(1, 7)
"""Options that a variant may have."""

MOST_VARIANTS = 5_000
"""Rows that are held together as the variants of one product; the most that one of these systems has is 1,000."""

_INHERITED = ("title", "description", "short", "brand", "category", "price", "sale", "starts", "ends", "currency",
              "url", "image", "visible", "status", "buyable", "on sale", "tracked", "discount", "discount kind",
              *(f"name {number}" for number in OPTIONS))  # fmt: skip
"""What a variant has of its product where its own cell is empty."""

_PLAIN_FIELDS = {Field.URL: "url", Field.IMAGE: "image", Field.GTIN: "gtin", Field.MPN: "mpn", Field.BRAND: "brand"}
_OFF = frozenset(
    "0 false no n off disabled hidden draft inactive incomplete archived deleted proposed rejected".split()
)
_OPTION = re.compile(r"Name=([^|;]+)\|Value=([^|;]+)|\[[A-Z]+\]\s*([^=,]+)=([^,]+)")
"""Options of BigCommerce in one cell: `Type=Swatch|Name=Colour|Value=Red;`, or `[RB]Size=M,[CS]Colour=Red:#f00`."""

_IDS = re.compile(r"\s*(?:[0-9a-f]{32}|[a-z]?[0-9]+)(?:\s*[,|;]\s*(?:[0-9a-f]{32}|[a-z]?[0-9]+))*\s*")
"""Categories by their numbers: nobody can filter by them, and no other export has the same."""

_ROOTS = ("home", "root", "accueil", "startseite", "inicio", "start", "strona główna", "início", "racine")
"""What PrestaShop puts all categories below."""

Cells = dict[str, str]


@dataclass(frozen=True, slots=True)
class RowRules:
    """How the rows of an export belong together.

    The `kind` of a row is one of `variants`, of `skipped`, or it is a product's. With `first_is_variant` there is no
    such column: the row of a product is its first variant, too, and those without a title below it are the others. Else
    a product with variants is not sold itself. Where variants name their `parent`, it may stand anywhere. `adapt` mends
    the cells of a row with those of its product, if it has one, in what the system has for itself alone.
    """

    variants: Sequence[str] = ()
    skipped: Sequence[str] = ()
    first_is_variant: bool = False
    adapt: Callable[[Cells, Mapping[str, str]], None] = lambda _cells, _parent: None


def declare(
    name: str,
    parts: Mapping[str, str],
    telling: Sequence[str],
    rules: RowRules | None = None,
    required: str = "title",
) -> Platform:
    """Return a platform that is told by its columns alone; `parts` have the names that are used in this file."""
    rules = rules or RowRules()
    wanted = {
        Field.SKU: ("sku", "key"),
        Field.TITLE: ("title",),
        Field.DESCRIPTION: ("description",),
        Field.CATEGORY: ("category",),
        Field.PRICE: ("price", *(part for part in parts if part.startswith("price "))),
        Field.AVAILABILITY: ("stock", "days", "available"),
        Field.GROUP_ID: ("group", "parent", "handle"),
    } | {field: (part,) for field, part in _PLAIN_FIELDS.items()}
    fields = {field: part for field, choices in wanted.items() if (part := next(filter(parts.get, choices), ""))}

    def read(table: ShopTable) -> Iterator[Row]:
        families = _by_parent(table, rules) if "parent" in parts else _by_place(table, rules)
        for record, parent, has_variants in families:
            yield _row(record, parent, rules, has_variants)

    return Platform(name, parts, tuple(telling), (required,), fields, read)


def _is_variant(record: Record, rules: RowRules) -> bool:
    if rules.variants:
        return record["kind"].casefold() in rules.variants
    return rules.first_is_variant and not record["title"] and bool(record["sku"] or record["price"])


def _by_place(table: ShopTable, rules: RowRules) -> Iterator[tuple[Record, Mapping[str, str], bool]]:
    """Give each record with the cells of the product above it, and whether that product has variants."""
    family: list[Record] = []

    def flush() -> Iterator[tuple[Record, Mapping[str, str], bool]]:
        for record in islice(family, 1):
            yield record, {}, len(family) > 1
        for record in family[1:]:
            yield record, family[0].cells, True

    for record in table.records():
        if record["kind"].casefold() in rules.skipped and not record.problem:
            continue
        same = not family or record["handle"] == family[0]["handle"] or not record["handle"]
        if not (family and same and _is_variant(record, rules) and len(family) < MOST_VARIANTS):
            yield from flush()
            family.clear()
        family.append(record)
    yield from flush()


def _by_parent(table: ShopTable, rules: RowRules) -> Iterator[tuple[Record, Mapping[str, str], bool]]:
    """Give each record with the cells of the product that it names, wherever that stands."""
    with open_families() as families:
        for record in table.records():
            if record["parent"] and record["parent"] not in _own_keys(record):
                families.name(record["parent"])
            elif keys := _own_keys(record):
                families.add(keys, record.cells)
        for record in table.records():
            if record["kind"].casefold() in rules.skipped and not record.problem:
                continue
            parent = families.parent(record["parent"])
            is_own = not record["parent"] or record["parent"] in _own_keys(record)
            keys = _own_keys(record)
            yield record, {} if is_own else parent, bool(keys) and families.has_children(keys)


def _own_keys(record: Record) -> list[str]:
    return [key for key in (record["key"], record["sku"]) if key]


def _row(record: Record, parent: Mapping[str, str], rules: RowRules, has_variants: bool) -> Row:
    cells = {part: parent.get(part, "") for part in _INHERITED}
    cells |= {part: cell for part, cell in record.cells.items() if cell or part not in _INHERITED}
    rules.adapt(cells, parent)
    options = {
        cells.get(f"name {number}") or f"Option {number}": value
        for number in OPTIONS
        if (value := cells.get(f"value {number}"))
    }
    for name, value, short, shade in _OPTION.findall(cells.get("options", "")):
        options[(name or short).strip()] = (value or shade.partition(":")[0]).strip()
    is_variant = bool(parent) or (rules.first_is_variant and has_variants)
    options = options if is_variant else {}
    group = (
        (parent.get("key") or parent.get("handle") or parent.get("sku") or cells.get("parent", "")) if parent else ""
    )
    if not group and has_variants:
        group = cells.get("key") or cells.get("handle") or cells.get("sku", "")
    named = cells.get("handle") or (parent.get("key") or parent.get("sku", "") if parent else cells.get("key", ""))
    sku = cells.get("sku") or cells.get("variant key") or "/".join(filter(None, [named, *options.values()]))
    if record.problem:
        return unreadable_row(record, sku)
    title, own = cells["title"], record["title"] if parent else ""
    fields: dict[Field, object] = {
        Field.SKU: sku,
        Field.TITLE: f"{title} - {' / '.join(options.values())}" if title and options and not own else title,
        Field.DESCRIPTION: cells["description"] or cells["short"],
        Field.CATEGORY: "" if _IDS.fullmatch(cells["category"]) else cells["category"],
        Field.PRICE: Offer(cells["price"], cells["sale"], cells["starts"], cells["ends"]),
        Field.CURRENCY: cells["currency"],
        Field.AVAILABILITY: cells.get("stock", ""),
        Field.GROUP_ID: group or cells.get("group", ""),
    } | {field: cells.get(part, "") for field, part in _PLAIN_FIELDS.items()}
    stated = (of.get(part, "").casefold() for of in (cells, parent) for part in ("visible", "status", "buyable"))
    shown = _OFF.isdisjoint(stated) and cells.get("disabled", "").casefold() != "true"
    sold = not has_variants or bool(parent) or rules.first_is_variant
    lost = "its product is not in the feed" if record["parent"] and not parent and not title else ""
    return shop_row(record, fields, {**options, **record.attributes}, lost, shown and sold)


def _prestashop(cells: Cells, _: Mapping[str, str]) -> None:
    cells["sku"] = cells.get("sku") or (f"id:{cells['key']}" if cells.get("key") else "")
    cells["price"] = cells["price"] or cells.get("net price", "")
    names = [name.strip() for name in cells["category"].split("," if "," in cells["category"] else "/")]
    is_rooted = len(names) > 1 and names[0].casefold() in _ROOTS
    cells["category"] = PATH_SEPARATOR.join(filter(None, names[is_rooted:]))
    cells["image"] = cells["image"].partition(",")[0].strip()


def _squarespace(cells: Cells, _: Mapping[str, str]) -> None:
    if cells["on sale"].casefold() not in ("yes", "true", "1"):
        cells["sale"] = ""
    # `/clothing/tops, /new`: the addresses of category pages, with a slash in front.
    cells["category"] = "; ".join(path.strip().strip("/") for path in cells["category"].split(","))
    cells["image"] = cells["image"].split()[0] if cells["image"] else ""


def _wix(cells: Cells, _: Mapping[str, str]) -> None:
    # The price of a variant is that of its product and a surcharge; a discount is a share or an amount of it.
    try:
        price = float(cells["price"]) + float(cells.get("surcharge") or 0)
        discount = float(cells["discount"] or 0)
    except ValueError:
        return
    cells["price"] = f"{price:.2f}"
    if discount > 0:
        is_share = cells["discount kind"].casefold() == "percent"
        cells["sale"] = f"{price * (1 - discount / 100) if is_share else price - discount:.2f}"
    if cells.get("stock", "").casefold() == "true":
        cells["stock"] = "in stock"
    # Images stand between semicolons, some by the name that Wix gave them.
    image = cells["image"].partition(";")[0]
    is_name = image and not image.startswith("http") and "/" not in image
    cells["image"] = f"https://static.wixstatic.com/media/{image}" if is_name else image


def _bigcommerce(cells: Cells, parent: Mapping[str, str]) -> None:
    if parent and cells["kind"].casefold() == "sku":
        cells["options"], cells["title"] = cells["title"], parent["title"]
    if cells["tracked"].casefold() in ("none", "by none", "0"):
        cells["stock"] = ""
    if cells["sale"] and not cells["sale"].strip("0.,"):
        cells["sale"] = ""  # 0.00 is no sale


def _medusa(cells: Cells, _: Mapping[str, str]) -> None:
    found = next((part for part in cells if part.startswith("price ") and cells[part]), "")
    if found:
        cells["price"], cells["currency"] = cells[found], found.removeprefix("price ")
    untracked = cells["tracked"].casefold() == "false" or cells.get("sells on", "").casefold() == "true"
    cells["stock"] = "in stock" if untracked else cells.get("stock", "")
    cells["group"] = cells.get("handle", "")
    variant = cells.get("variant title", "")
    if variant and variant.casefold() not in ("default variant", "default"):
        cells["title"] = f"{cells['title']} - {variant}"


def _amazon(cells: Cells, _: Mapping[str, str]) -> None:
    cells["name 1"], cells["name 2"] = "color", "size"
    # Amazon itself keeps count of what it stores, and the report has no quantity of it.
    if not cells.get("stock") and cells.get("channel", "").casefold().startswith(("amazon", "afn")):
        cells["stock"] = "unknown"


def _openai(cells: Cells, _: Mapping[str, str]) -> None:
    if "/" in cells.get("period", ""):
        cells["starts"], _slash, cells["ends"] = cells["period"].partition("/")


def _heureka(cells: Cells, _: Mapping[str, str]) -> None:
    # DELIVERY_DATE is 0 for what is in stock, the days until it is sent, or the date.
    days = cells.get("days", "")
    cells["stock"] = "in stock" if days == "0" else "backorder" if days.isdigit() else "preorder" if days else "unknown"
    first, bar, rest = cells["category"].partition("|")
    if first.strip().casefold().startswith("heureka") and bar:
        cells["category"] = rest.strip()


def _yml(cells: Cells, _: Mapping[str, str]) -> None:
    cells["title"] = cells["title"] or " ".join(filter(None, (cells.get("kind"), cells["brand"], cells.get("model"))))
    cells["currency"] = cells["currency"].replace("RUR", "RUB")
    # What is not there is ordered from the supplier, and goes on being offered.
    cells["stock"] = {"true": "in stock", "false": "backorder"}.get(cells.get("available", ""), cells.get("count", ""))


def _opencart(cells: Cells, _: Mapping[str, str]) -> None:
    cells["sku"] = cells.get("sku") or cells.get("model", "")


_PRESTASHOP = {
    "key": "id productid",
    "visible": "active01 actif01 aktiv01 activo01 attivo01 aktywny01 actief01 ativo01 activé01 activado01 abilitato01"
    " aktywny0lub1 active status statut",
    "title": "name nom nombre nome nazwa naam productname",
    "category": "categoriesxyz catégoriesxyz kategorienxyz categoríasxyz categoriexyz kategoriexyz categorieënxyz"
    " categoriasxyz category categories catégorie",
    "price": "pricetaxincluded pricetaxincl priceati pricettc prixttc prixtaxesincluses preisinklmwst preisinklsteuern"
    " preisinklusivesteuern preisbrutto preciocoimpuestos precioimpuestosincluidos precioconimpuestos"
    " prezzotasseincl prezzoivainclusa prezzotasseincluse cenabrutto cenazpodatkiem prijsinclbtw preçocomimposto",
    "net price": "pricetaxexcluded pricetaxexcl priceexcltax priceht prixht prixtaxesexclues preiszzglmwst"
    " preisohnesteuer preisexklmwst preisnetto preciosinimpuestos precioimpuestosexcluidos prezzotasseescl"
    " prezzotasseescluse cenanetto cenabezpodatku prijsexclbtw preçosemimposto",
    "sku": "reference référence référencen artikelnr referenz referencia referencian riferimento indeks"
    " numerreferencyjny referentie referência",
    "brand": "brand marque marke marca manufacturer fabricant hersteller fabricante produttore marka producent merk",
    "gtin": "ean13 ean",
    "stock": "quantity quantité menge anzahl cantidad quantità ilość aantal quantidade",
    "short": "shortdescription summary résumé récapitulatif kurzbeschreibung resumen riepilogo podsumowanie",
    "description": "description beschreibung descripción descrizione opis beschrijving descrição",
    "image": "imageurlsxyz urldesimagesxyz bildurlsxyz urlsimágenesxyz urlimmaginixyz image",
}

_BIGCOMMERCE = {
    "kind": "itemtype item", "key": "productid id", "title": "productname name", "sku": "productcodesku sku",
    "brand": "brandname brand", "description": "productdescription description", "price": "price",
    "sale": "saleprice", "category": "category categories", "stock": "currentstocklevel currentstock",
    "tracked": "trackinventory inventorytracking", "visible": "productvisible isvisible", "buyable": "allowpurchases",
    "url": "producturl", "image": "productimageurl1 internalimageurlexport productimagefile1 imageurlimport",
    "gtin": "gtin globaltradenumber productupcean upcean", "mpn": "manufacturerpartnumber", "options": "options",
}  # fmt: skip

_SQUARESPACE = {
    "key": "productidnoneditable productid", "variant key": "variantidnoneditable variantid",
    "page": "productpage", "url": "producturl", "title": "title", "description": "description", "sku": "sku",
    "price": "price", "sale": "saleprice", "on sale": "onsale", "stock": "stock", "category": "categories",
    "visible": "visible", "image": "hostedimageurls", "gtin": "gtin", "mpn": "mpn",
} | {f"{part} {number}": f"option{part}{number}" for number in OPTIONS for part in ("name", "value")}  # fmt: skip

_WIX = {
    "handle": "handleid handle", "kind": "fieldtype", "title": "name", "description": "description plaindescription",
    "image": "productimageurl media", "category": "collection categories", "sku": "sku", "price": "price",
    "surcharge": "surcharge", "visible": "visible", "discount kind": "discountmode", "discount": "discountvalue",
    "stock": "inventory", "brand": "brand",
} | {
    f"{part} {number}": f"productoption{name}{number}"
    for number in OPTIONS
    for part, name in (("name", "name"), ("value", f"description{number} productoptionchoices"))
}  # fmt: skip

_MEDUSA = {
    "handle": "producthandle", "title": "producttitle", "description": "productdescription",
    "status": "productstatus", "image": "productthumbnail productimage1url image1url",
    "category": "productcategoryname1 productcategory1 productcategories producttypevalue producttype"
    " productcollectiontitle", "sku": "variantsku", "variant key": "variantid", "variant title": "varianttitle",
    "gtin": "variantean variantbarcode variantupc", "stock": "variantinventoryquantity",
    "tracked": "variantmanageinventory", "sells on": "variantallowbackorder",
} | {f"price {code}": f"variantprice{code} price{code}" for code in sorted(CURRENCIES)}  # fmt: skip

_SHOPWARE = {
    "key": "id", "parent": "parentid", "sku": "productnumber", "visible": "active",
    "stock": "availablestock stock", "title": "name translationsdefaultname defaultname",
    "description": "description translationsdefaultdescription", "price": "pricegross pricedefaultgross"
    " defaultpricegross", "image": "covermediaurl", "brand": "manufacturername"
    " manufacturertranslationsdefaultname", "gtin": "ean", "mpn": "manufacturernumber",
    "category": "categories categorynames",
}  # fmt: skip

_OPENCART = {
    "key": "productid id", "title": "name nameengb nameen namedede namede namefrfr nameeses nameitit nameruru",
    "category": "categories category", "sku": "sku", "model": "model", "stock": "quantity", "brand": "manufacturer",
    "price": "price", "sale": "special specialprice", "visible": "status", "image": "imagename image",
    "description": "description descriptionengb descriptionen descriptiondede descriptionde descriptionfrfr"
    " descriptioneses descriptionitit descriptionruru", "gtin": "ean upc isbn jan", "mpn": "mpn",
}  # fmt: skip

_AMAZON = {
    "sku": "sellersku itemsku", "title": "itemname", "description": "itemdescription productdescription",
    "price": "price standardprice", "sale": "saleprice", "starts": "salefromdate", "ends": "saleenddate",
    "stock": "quantity", "brand": "brandname brand", "image": "imageurl mainimageurl", "parent": "parentsku",
    "kind": "parentchild parentagelevel", "status": "status", "channel": "fulfillmentchannel",
    "gtin": "externalproductid", "mpn": "partnumber", "value 1": "colorname", "value 2": "sizename",
    "currency": "currency",
}  # fmt: skip

_OPENAI = {
    "sku": "itemid id", "title": "title", "description": "description", "url": "url link",
    "category": "productcategory", "brand": "brand", "image": "imageurl imagelink", "price": "price",
    "sale": "saleprice", "starts": "salepricestartdate", "ends": "salepriceenddate",
    "period": "salepriceeffectivedate", "stock": "availability", "group": "groupid itemgroupid", "gtin": "gtin",
    "mpn": "mpn", "visible": "iseligiblesearch enablesearch",
}  # fmt: skip

_HEUREKA = {
    "sku": "itemid", "title": "productname product", "description": "description", "url": "url", "image": "imgurl",
    "price": "pricevat", "brand": "manufacturer", "category": "categorytext", "gtin": "ean isbn",
    "mpn": "productno", "days": "deliverydate", "group": "itemgroupid",
}  # fmt: skip

_YML = {
    "sku": "id", "title": "name", "kind": "typeprefix", "brand": "vendor", "model": "model",
    "description": "description", "url": "url",
    "price": "price", "currency": "currencyid", "category": "category", "image": "picture",
    "mpn": "vendorcode", "gtin": "barcode", "available": "available", "count": "count", "group": "groupid",
    "disabled": "disabled",
}  # fmt: skip


DECLARED: Mapping[str, Platform] = {
    # https://devdocs.prestashop-project.org/9/basics/import/
    "prestashop": declare(
        "PrestaShop", _PRESTASHOP, ("visible", "title", "sku", "price|net price"), RowRules(adapt=_prestashop)
    ),
    # https://support.bigcommerce.com/articles/en_US/Knowledge/Supported-Product-Fields
    "bigcommerce": declare(
        "BigCommerce", _BIGCOMMERCE, ("kind", "key", "title", "sku", "visible|tracked"),
        RowRules(("variant", "sku"), ("image", "video", "rule"), adapt=_bigcommerce),
    ),
    # https://support.squarespace.com/hc/en-us/articles/115000378108
    "squarespace": declare(
        "Squarespace", _SQUARESPACE, ("title", "sku", "page|variant key", "on sale", "name 1", "visible"),
        RowRules(first_is_variant=True, adapt=_squarespace),
    ),
    # https://dev.wix.com/docs/rest/business-solutions/stores/about-wix-stores
    "wix": declare("Wix", _WIX, ("handle", "kind", "title", "visible"), RowRules(("variant",), ("media",), adapt=_wix)),
    # https://docs.medusajs.com/user-guide/products/export
    "medusa": declare("Medusa", _MEDUSA, ("handle", "title", "sku", "status"), RowRules(adapt=_medusa)),
    # https://docs.shopware.com/en/shopware-6-en/settings/importexport
    "shopware": declare("Shopware", _SHOPWARE, ("sku", "parent", "title", "price")),
    # https://www.opencart.com/index.php?route=marketplace/extension/info&extension_id=17
    "opencart": declare(
        "OpenCart", _OPENCART, ("key", "title", "model", "visible", "stock"), RowRules(adapt=_opencart)
    ),
    # https://sellercentral-europe.amazon.com/gp/help/external/200385890
    "amazon": declare("Amazon", _AMAZON, ("sku", "title", "price", "stock"), RowRules(adapt=_amazon)),
    # https://developers.openai.com/commerce/specs/file-upload/products
    "openai": declare("OpenAI", _OPENAI, ("sku", "title", "visible"), RowRules(adapt=_openai)),
    # https://heureka.github.io/xml-feed-specs
    "heureka": declare("Heureka", _HEUREKA, ("sku", "title", "price"), RowRules(adapt=_heureka)),
    # https://yandex.ru/support/webmaster/ru/goods-prices/yml
    "yml": declare("YML", _YML, ("sku", "price", "category|available"), RowRules(adapt=_yml), required="sku"),
}  # fmt: skip
"""Platforms by the name of their format, each with where its columns are documented."""
