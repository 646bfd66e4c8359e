"""Tills, smaller shop systems and merchandise systems: the columns of their exports, and what is special in each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from recommender.feeds.flags import NO, YES
from recommender.feeds.platforms.declared import OPTIONS, PRICE_IN, Cells, RowRules, declare, discount, split_option
from recommender.feeds.platforms.shop_export import Platform
from recommender.feeds.prices import CURRENCIES

_SELLS_ON = dict.fromkeys(NO, "true") | dict.fromkeys(YES, "false")
"""What a switch means that says whether a product can't be bought when there is none."""


_TOKEN = re.compile(r"\s*\([0-9A-Z]{24}\)")
"""What Square adds to the name of a category: `Books (T2B3ROTJ3HFGVBO22QLOOJDE)`."""


def _tilda(cells: Cells, parent: Mapping[str, str]) -> None:
    split_option(cells, ";")
    cells["title"] = parent.get("title") or cells["title"]  # some have their options in the title, and some not


def _akeneo(cells: Cells, parent: Mapping[str, str]) -> None:
    cells["category"] = cells["category"].replace(",", ";")
    _price_in_currency(cells, parent)


def _price_in_currency(cells: Cells, parent: Mapping[str, str]) -> None:
    stated = {part: cell for part in cells if part.startswith(PRICE_IN) and (cell := cells[part] or parent.get(part))}
    if found := next(iter(stated), ""):
        cells["price"], cells["currency"] = stated[found], found.rpartition(" ")[2]


def _shift4shop(cells: Cells, _: Mapping[str, str]) -> None:
    cells["category"] = cells["category"].replace("/", " > ").replace("@", "; ")
    if cells["on sale"] == "0":
        cells["sale"] = ""


def _nop(cells: Cells, _: Mapping[str, str]) -> None:
    if cells.get("tracked", "").casefold().startswith("don't"):
        cells["tracked"], cells["stock"] = "none", ""


def _volusion(cells: Cells, parent: Mapping[str, str]) -> None:
    if parent and cells["price"] != parent["price"] and cells["sale"] == parent["sale"]:
        cells["sale"] = ""  # that of another price


def _ideasoft(cells: Cells, _: Mapping[str, str]) -> None:
    is_share = cells["discount kind"] != "0"
    discount(cells, cells["discount"] if is_share else "", "" if is_share else cells["discount"])
    if cells.get("with tax") == "0" and cells.get("tax", "").isdigit():  # the shop adds the tax to what it shows
        for part in ("price", "sale"):
            with suppress(ValueError):
                cells[part] = f"{float(cells[part].replace(',', '.')) * (1 + int(cells['tax']) / 100):.2f}"


_ANY_OPTIONS = {f"{part} {number}": f"option{part}{number}" for number in OPTIONS for part in ("name", "value")}

_SQUARE = _ANY_OPTIONS | {
    "handle": "referencehandle token", "group": "referencehandle token", "variant key": "token", "title": "itemname",
    "sku": "sku", "value 1": "optionvalue1 variationname", "description": "description",
    "category": "categories category reportingcategory", "visible": "squareonlineitemvisibility", "gtin": "gtin",
    "stock": "currentquantity*", "price": "price", "sale": "onlinesaleprice", "disabled": "archived",
    "status": "sellable", "buyable": "enabled*",
}  # fmt: skip

_LIGHTSPEED_ECOM = {
    "handle": "internalid", "group": "internalid", "variant key": "internalvariantid", "visible": "visible",
    "brand": "brand", "title": "*titlelong *titleshort", "short": "*descriptionshort", "price": "price",
    "description": "*descriptionlong", "url": "*url", "value 1": "*variant", "tracked": "stocktrack",
    "sells on": "stockdisablesoldout", "stock": "stocklevel", "sku": "sku articlecode", "gtin": "ean",
    "image": "images image1", "level 1": "??category1", "level 2": "??subcategory1", "level 3": "??subsubcategory1",
    "category": "categories",
}  # fmt: skip

_LIGHTSPEED_RETAIL = {
    "key": "systemid", "variant key": "systemid", "sku": "customsku", "title": "item description", "stock": "qty qoh",
    "price": "price", "brand": "brand", "gtin": "ean upc", "mpn": "manufactsku", "level 1": "category",
} | {f"level {number}": f"subcategory{number - 1}" for number in range(2, 7)}  # fmt: skip

_VEND = {
    "handle": "handle", "group": "handle", "variant key": "id", "sku": "sku", "title": "name", "brand": "brandname",
    "description": "description", "category": "productcategory type", "price": "retailprice",
    "visible": "active", "tracked": "trackinventory", "stock": "inventory*",
} | {
    f"{part} {number}": f"variantoption{word}{part}"
    for number, word in zip(OPTIONS, ("one", "two", "three"), strict=False)
    for part in ("name", "value")
}  # fmt: skip

_LOYVERSE = {
    "handle": "handle", "group": "handle", "sku": "sku", "title": "name", "category": "category", "gtin": "barcode",
    "description": "description", "by weight": "soldbyweight", "price": "price* defaultprice", "stock": "instock*",
    "tracked": "trackstock", "buyable": "availableforsale*",
} | {f"{part} {number}": f"option{number}{part}" for number in (1, 2, 3) for part in ("name", "value")}  # fmt: skip

_SALEOR = {
    "handle": "id", "group": "id", "variant key": "variantid", "sku": "variantsku", "title": "name",
    "description": "descriptionasstr description", "category": "category producttype", "image": "productmedia",
    "stock": "*warehousequantity", "visible": "*channelpublished",
    "price": "*channelpriceamount", "currency": "*channelvariantcurrencycode",
}  # fmt: skip

_AKENEO = {
    "sku": "sku identifier", "key": "uuid", "variant key": "uuid", "family": "family", "visible": "enabled",
    "group": "parent", "category": "categories", "title": "name name* label* productname*", "brand": "brand",
    "description": "description description*", "gtin": "ean gtin", "image": "image picture", "price": "price",
    "stock": "quantity stock qty",
} | {f"{PRICE_IN[0]}{code}": f"price{code}" for code in sorted(CURRENCIES)}  # fmt: skip

_NOP = {
    "sku": "sku", "title": "name", "description": "fulldescription", "short": "shortdescription",
    "mpn": "manufacturerpartnumber", "gtin": "gtin", "visible": "published", "status": "visibleindividually",
    "tracked": "manageinventorymethod manageinventorymethodid", "stock": "stockquantity", "price": "price",
    "category": "categories", "brand": "manufacturers", "image": "picture1", "kind": "producttype producttypeid",
    "disabled": "deleted",
}  # fmt: skip

_ZEN_CART = {
    "sku": "vproductsmodel", "title": "vproductsname*", "description": "vproductsdescription*",
    "image": "vproductsimage", "price": "vproductsprice", "sale": "vspecialsprice", "starts": "vspecialsdateavail",
    "ends": "vspecialsexpiresdate", "stock": "vproductsquantity", "brand": "vmanufacturersname",
    "category": "vcategoriesname1", "visible": "vstatus",
}  # fmt: skip

_OSCOMMERCE = (
    _ZEN_CART
    | {"end": "eoreor", "category": "", "title": "vproductsname1 vproductsname*"}
    | {f"level {number}": f"vcategoriesname{number}" for number in range(1, 7)}
)

_SHIFT4SHOP = {
    "key": "catalogid", "sku": "id", "title": "name", "category": "categories", "mpn": "mfgid", "brand": "manufacturer",
    "price": "price", "sale": "saleprice", "on sale": "onsale", "stock": "stock", "short": "description",
    "description": "extendeddescription", "image": "image1", "disabled": "hide", "gtin": "gtin", "url": "producturl",
}  # fmt: skip

_VOLUSION = {
    "sku": "productcode", "parent": "ischildofproductcode", "title": "productname", "price": "productprice",
    "sale": "saleprice", "stock": "stockstatus", "sells on": "donotallowbackorders", "disabled": "hideproduct",
    "short": "productdescriptionshort", "description": "productdescription", "brand": "productmanufacturer",
    "mpn": "vendorpartno", "gtin": "upccode", "category": "categorytree", "image": "photourl", "url": "producturl",
}  # fmt: skip

_BUSINESS_CENTRAL = {
    "sku": "no nr n nummer", "title": "description beschreibung désignation descripción omschrijving beskrivelse"
    " descrizione beskrivning", "unit": "baseunitofmeasure basiseinheitencode basiseinheit unitédebase unidadmedidabase"
    " basiseenheid basisenhed unitàmisuraprincipale basenhet",
    "price": "unitprice vkpreis prixunitaire precioventa preciounitario eenheidsprijs verkoopprijs enhedspris salgspris"
    " prezzounitario enhetspris",
    "stock": "inventory quantityonhand lagerbestand stocks stock inventario existencias voorraad beholdning lager"
    " magazzino giacenza lagersaldo", "gtin": "gtin", "category": "itemcategorycode artikelkategoriencode"
    " codecatégoriearticle cód.categoríaproducto artikelcategorie artikelkategori",
    "disabled": "blocked gesperrt bloqué bloqueado geblokkeerd spærret bloccato spärrad",
    "status": "salesblocked verkaufgesperrt ventesbloquées ventabloqueada verkoopgeblokkeerd salgspærret",
}  # fmt: skip

_TIENDANUBE = {
    "handle": "identificadordeurl identificadorurl", "title": "nombre nome", "category": "categorías categorias",
    "price": "precio preço", "sale": "preciopromocional preçopromocional", "stock": "stock estoque", "sku": "sku",
    "gtin": "códigodebarras", "visible": "mostrarentienda exibirnaloja", "description": "descripción descrição",
    "brand": "marca", "mpn": "mpn*", "image": "imágenes imagens",
} | {
    f"{part} {number}": f"{names[0]}depropiedad{number} {names[1]}davariação{number}"
    for number in OPTIONS
    for part, names in (("name", ("nombre", "nome")), ("value", ("valor", "valor")))
}  # fmt: skip

_TILDA = {
    "key": "tildauid", "parent": "parentuid", "variant key": "externalid tildauid", "sku": "sku", "brand": "brand",
    "category": "category", "title": "title", "short": "description", "description": "text", "image": "photo",
    "price": "price", "stock": "quantity", "value 1": "editions modifications", "url": "url",
}  # fmt: skip

_INSALES = {
    "handle": "idтовара", "group": "idтовара", "variant key": "idварианта", "sku": "артикул",
    "title": "названиетовараилиуслуги названиетовара", "url": "url", "short": "краткоеописание",
    "description": "полноеописание", "visible": "видимостьнавитрине", "gtin": "штрихкод", "price": "ценапродажи",
    "currency": "валютасклада", "stock": "остаток", "image": "изображения", "level 1": "корневая категория",
} | {f"level {number}": f"подкатегория{number - 1 if number > 2 else '*'}" for number in range(2, 7)}  # fmt: skip

_JTL = {
    "sku": "artikelnummer", "parent": "identifizierungsspaltevaterartikel vaterartikel",
    "title": "artikelname", "brand": "hersteller", "gtin": "gtin ean", "mpn": "han",
    "price": "bruttovk stdvkbrutto vkbrutto", "net price": "nettovk stdvknetto vknetto",
    "stock": "verfügbarerbestand lagerbestandgesamt lagerbestand",
    "sells on": "überverkäufemöglich", "visible": "aktiv", "status": "imshopaktiv", "short": "kurzbeschreibung",
    "description": "beschreibung", "image": "bild1pfadurl bild1",
} | {f"level {number}": f"kategorieebene{number} kategorielevel{number}" for number in range(1, 7)}  # fmt: skip

_GAMBIO = {
    "mark": "xtsol", "key": "pid", "variant key": "pid", "sku": "pmodel", "stock": "pstock",
    "brand": "pmanufacturer brandname", "price": "ppricenotax", "visible": "pstatus", "gtin": "pean", "mpn": "codempn",
    "image": "pimage", "title": "pname*", "description": "pdesc*", "short": "pshortdesc*",
} | {f"level {number}": f"pcat{number - 1}" for number in range(1, 7)}  # fmt: skip


_EPAGES = {
    "sku": "*alias", "parent": "*superproduct", "visible": "*isvisible", "buyable": "*isavailable",
    "title": "*name??", "short": "*description??", "description": "*text??", "brand": "*manufacturer",
    "mpn": "*manufacturersku", "gtin": "*upcean", "stock": "*stocklevel", "image": "*imagelarge *imagemedium",
    "for pieces": "*pricequantity", "class": "*class", "price": "*listprices???gross", "net price": "*listprices???net",
} | {
    f"{PRICE_IN[0]}{code}": f"*listprices{code}*" for code in ("EUR", "SEK", "NOK", "DKK", "GBP", "CHF", "USD")
}  # fmt: skip

_PLENTY = {
    "sku": "variationnumber", "variant key": "variationid", "group": "itemid", "visible": "variationisactive",
    "title": "itemtextname itemtextname1 itemtextsname1 itemdescriptionname itemdescriptionname1"
    " itemdescriptionwebshopname variationname", "description": "itemtextdescription itemdescriptiondescription",
    "short": "itemtextshortdescription itemdescriptionshortdescription",
    "brand": "itemmanufacturername manufacturername itemmanufacturerexternalname", "mpn": "variationmodel",
    "price": "variationsalespriceprice*", "stock": "variationstocknetstock variationstockphysicalstock",
    "gtin": "variationbarcodecode*", "category": "variationcategorycategorypath variationdefaultcategorycategorypath"
    " variationcategorypath", "attributes": "variationattributevaluesattributevalues",
    "image": "itemimageurl* variationimageurl*",
}  # fmt: skip

_IDEASOFT = {
    "kind": "kind", "sku": "stockcode vstockcode", "title": "label", "visible": "status", "brand": "brand brandname",
    "gtin": "barcode", "level 1": "maincategory", "level 2": "category", "level 3": "subcategory", "price": "price1",
    "discount": "rebate discount", "discount kind": "rebatetype discounttype", "currency": "currencyabbr currency",
    "stock": "stockamount vstockamount", "image": "picture1path", "description": "details",
    "with tax": "taxincluded", "tax": "tax",
}  # fmt: skip


_BMECAT = {
    "sku": "supplieraid supplierpid", "title": "*detailsdescriptionshort", "description": "*detailsdescriptionlong",
    "gtin": "*detailsean *detailsinternationalpid", "brand": "*detailsmanufacturername",
    "mpn": "*detailsmanufactureraid *detailsmanufacturerpid", "price": "*pricedetails*priceamount",
    "currency": "*pricedetails*pricecurrency", "for pieces": "*orderdetailspricequantity",
    "category": "*featuresreferencefeaturegroupname", "image": "mimeinfomimemimesource",
}  # fmt: skip


FURTHER_SYSTEMS: Mapping[str, Platform] = {
    # https://squareup.com/help/us/en/article/5153-import-items-online
    "square": declare(
        "Square", _SQUARE, ("title", "variant key", "sku", "stock|visible|buyable"),
        RowRules(all_optioned=True, repeats_title=True, joined=("stock", "buyable"), words={"value 1": {"regular": ""}},
                 adapt=lambda cells, _: cells.update(category=_TOKEN.sub("", cells["category"]))),
    ),
    # https://ecom-support.lightspeedhq.com/hc/en-us/articles/360016064814
    "lightspeed-ecom": declare(
        "Lightspeed eCom", _LIGHTSPEED_ECOM, ("handle", "variant key", "title", "price|stock"),
        RowRules(all_optioned=True, repeats_title=True, adapt=lambda cells, _: split_option(cells, ","),
                 words={"value 1": {"default": ""}, "sells on": _SELLS_ON, "tracked": {"n": "none"}}),
    ),
    # https://retail-support.lightspeedhq.com/hc/en-us/articles/115005142408; `Publish to eCom` is about Lightspeed's
    # own web shop, and No everywhere in a shop with another.
    "lightspeed-retail": declare(
        "Lightspeed Retail", _LIGHTSPEED_RETAIL, ("key", "sku", "title", "price"),
    ),
    # https://support.vendhq.com/hc/en-us/articles/4650130313487; what is not sold by Lightspeed's own web shop
    # (`active_online`) may be sold by another.
    "lightspeed-x": declare(
        "Lightspeed X", _VEND, ("handle", "sku", "title", "price", "name 1|tracked"),
        RowRules(all_optioned=True, joined=("stock",)),
    ),
    # https://help.loyverse.com/help/importing-and-exporting; there is a column of prices and stock for each store
    "loyverse": declare(
        "Loyverse", _LOYVERSE, ("handle", "sku", "title", "by weight", "tracked"),
        RowRules(first_is_variant=True, joined=("stock", "buyable")),
    ),
    # https://docs.saleor.io/developer/export/export-products
    "saleor": declare(
        "Saleor", _SALEOR, ("sku", "handle", "title", "price|visible|stock"),
        RowRules(joined=("stock", "visible")),
    ),
    # https://github.com/akeneo/pim-docs/blob/3.1/import_and_export_data/formats/product.rst
    "akeneo": declare(
        "Akeneo", _AKENEO, ("sku|key", "family", "visible", "category", "title"), RowRules(adapt=_akeneo),
    ),
    # nopCommerce's export of products to Excel; the names are those of its `ExportManager`
    "nopcommerce": declare(
        "nopCommerce", _NOP, ("sku", "title", "kind", "visible", "status"), RowRules(adapt=_nop)
    ),
    # EasyPopulate of osCommerce, which Zen Cart's comes from: it has a column for each level of a category
    "oscommerce": declare("osCommerce", _OSCOMMERCE, ("end", "sku", "title", "price")),
    # https://support.shift4shop.com, the export of products; a sale price stays there when the sale is over
    "shift4shop": declare(
        "Shift4Shop", _SHIFT4SHOP, ("key", "sku", "title", "on sale", "disabled"), RowRules(adapt=_shift4shop)
    ),
    # https://helpcenter.volusion.com, the export of products; a variant is a product with the code of another
    "volusion": declare(
        "Volusion", _VOLUSION, ("sku", "title", "parent", "price|disabled"),
        RowRules(adapt=_volusion, words={"sells on": _SELLS_ON}),
    ),
    # the list of items of Dynamics NAV and Business Central, as Excel gets it
    "business-central": declare(
        "Business Central", _BUSINESS_CENTRAL, ("sku", "title", "unit", "price"),
        RowRules(words={"status": dict.fromkeys(NO, "") | dict.fromkeys(YES, "blocked")}),
    ),
    # https://github.com/mc12345678/EasyPopulate-4.0
    "zencart": declare(
        "Zen Cart", _ZEN_CART, ("sku", "title", "price"),
        RowRules(adapt=lambda cells, _: cells.update(category=cells["category"].replace("^", " > "))),
    ),
    # the CSV template of Tiendanube and Nuvemshop
    "tiendanube": declare(
        "Tiendanube", _TIENDANUBE, ("handle", "title", "price", "visible"), RowRules(first_is_variant=True)
    ),
    # the CSV of Tilda's catalogue of products
    "tilda": declare(
        "Tilda", _TILDA, ("key", "title", "price", "parent"), RowRules(repeats_title=True, adapt=_tilda)
    ),
    # https://insales.ru/collection/doc-import-tovarov-iz-csv-i-yml
    "insales": declare(
        "InSales", _INSALES, ("handle", "title", "variant key", "price"),
        RowRules(all_optioned=True, repeats_title=True, words={"currency": {"rur": "RUB"}}), options="свойство:",
    ),
    # https://guide.jtl-software.com/jtl-wawi/jtl-ameise/variationen-importieren
    "jtl": declare("JTL", _JTL, ("sku", "title", "parent|status|sells on", "price|net price")),
    # https://cseo.atlassian.net/wiki/spaces/CHUH/pages/295533/Produkte+per+CSV+importieren; there are prices without
    # tax alone, and shops of the same family have no `p_id`
    "gambio": declare("Gambio", _GAMBIO, ("mark", "sku|key", "title")),
    # BMEcat 1.2 and 2005 (XML), which merchandise systems exchange: prices may be for several pieces
    "bmecat": declare("BMEcat", _BMECAT, ("sku", "title", "price")),
    # ePages' export of products: each column has its own name in brackets, in some shops behind a translated one
    "epages": declare("ePages", _EPAGES, ("sku", "class|stock", "visible", "title", "price|net price"),
                      RowRules(adapt=_price_in_currency)),
    # https://knowledge.plentymarkets.com/en-gb/manual/main/data/exporting-data.html, fields of FormatDesigner
    "plentymarkets": declare("plentymarkets", _PLENTY, ("sku", "title", "price|stock"), RowRules(all_optioned=True)),
    # the export of products of IdeaSoft (xlsx, or XML with variants)
    "ideasoft": declare("IdeaSoft", _IDEASOFT, ("sku", "title", "price", "stock", "visible|currency"),
                        RowRules(("variant",), ("product",), adapt=_ideasoft)),
}  # fmt: skip
"""Systems by the name of their format, each with where its columns are documented."""
