"""Marketplaces and comparison sites: the columns of their feeds, and what is special in each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress

from recommender.feeds.availability import parse_availability
from recommender.feeds.platforms.declared import Cells, RowRules, declare, discount, split_option
from recommender.feeds.platforms.shop_export import Platform
from recommender.types import Availability

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}\. ?[0-9]{1,2}\. ?[0-9]{4}")

_KELKOO_STOCK = {
    "1": "in stock", "2": "backorder", "3": "unknown", "4": "preorder", "5": "backorder", "6": "out of stock",
}  # fmt: skip


def _heureka(cells: Cells, _: Mapping[str, str]) -> None:
    cells["title"] = cells["title"] or cells.get("long title", "")
    # DELIVERY_DATE is 0 for products in stock, the days until it is sent, or the date; some shops write words.
    days = cells.get("days", "")
    is_date = bool(_DATE.match(days))
    cells["stock"] = (
        "in stock" if days == "0" else "backorder" if days.isdigit() else "preorder" if is_date else days or "unknown"
    )
    first, bar, rest = cells["category"].partition("|")
    if first.strip().casefold().startswith("heureka") and bar:
        cells["category"] = rest.strip()


def _ceneo(cells: Cells, _: Mapping[str, str]) -> None:
    # The days until it is sent; 90 is made or got to order, 110 is sold before it is there, and of 99 nobody knows.
    state = {"90": "backorder", "110": "preorder", "99": "unknown"}.get(cells.get("available", ""), "")
    cells["stock"] = "out of stock" if cells.get("stock") == "0" else state or "in stock"


def _yml(cells: Cells, _: Mapping[str, str]) -> None:
    cells["title"] = cells["title"] or " ".join(filter(None, (cells.get("kind"), cells["brand"], cells.get("model"))))
    cells["currency"] = cells["currency"].replace("RUR", "RUB")
    # What is not in stock is ordered from the supplier, and stays on sale.
    cells["stock"] = {"true": "in stock", "false": "backorder"}.get(cells.get("available", ""), cells.get("count", ""))


def _allegro(cells: Cells, _: Mapping[str, str]) -> None:
    # {"sections": [{"items": [{"type": "TEXT", "content": "<p>…</p>"}]}]}
    if cells["description"].startswith("{"):
        with suppress(ValueError, TypeError, AttributeError):
            sections = json.loads(cells["description"]).get("sections", [])
            items = [item for section in sections for item in section["items"] if item.get("type") == "TEXT"]
            cells["description"] = " ".join(item["content"] for item in items)


def _idealo(cells: Cells, _: Mapping[str, str]) -> None:
    # What idealo is told of can be bought, unless the time of delivery says otherwise.
    said = parse_availability(cells.get("delivery", ""))
    cells["stock"] = cells.get("stated") or ("in stock" if said is Availability.UNKNOWN else said)


def _prom(cells: Cells, _: Mapping[str, str]) -> None:
    # `+` and `!` are in stock, a number is the days until it is, and `-` is not.
    stock = cells.get("stock", "")
    cells["stock"] = "backorder" if stock.isdigit() else _PROM_STOCK.get(stock, stock)
    share = cells.get("discount", "")
    discount(cells, share.removesuffix("%") if "%" in share else "", "" if "%" in share else share)


_PROM_STOCK = {"+": "in stock", "!": "in stock", "-": "out of stock", "": "out of stock", "@": "backorder"}

_EBAY = {
    "key": "itemnumber artikelnummer numérodelobjet numerodelloggetto númerodeartículo", "kind": "relationship",
    "title": "title titel titre titolo título", "sku": "customlabelsku customlabel individuellebestandseinheitsku"
    " bestandseinheit étiquettepersonnaliséesku etichettapersonalizzatasku etiquetapersonalizadasku",
    "value 1": "variationdetails relationshipdetails variantendetails détailsdesvariantes dettaglivariante"
    " detallesdevariación", "price": "currentprice startprice aktuellerpreis startpreis prixactuel prixdedépart"
    " prezzoattuale prezzodiapertura precioactual preciodepartida",
    "stock": "availablequantity quantity verfügbarestückzahl stückzahl quantitédisponible quantitàdisponibile"
    " cantidaddisponible", "currency": "currency währung devise valuta moneda", "gtin": "pean pupc pisbn ean upc",
    "category": "categoryname ebaycategory1name ebaykategorie1name", "image": "itemphotourl picurl",
    "description": "description", "brand": "cbrand cmarke cmarque cmarca cmerk",
}  # fmt: skip

_ALLEGRO = {
    "variant key": "idoferty", "sku": "sygnaturaskusprzedającego", "title": "tytułoferty", "url": "linkdooferty",
    "description": "opisoferty", "price": "cena cenapl cenapln", "stock": "liczbasztuk", "status": "statusoferty",
    "level 1": "kategoriagłówna", "level 2": "podkategoria", "image": "zdjęcia",
    "gtin": "eangtin ean gtin idproduktuean*",
}  # fmt: skip

_AWIN = {
    "variant key": "awproductid", "sku": "merchantproductid", "title": "productname", "description": "description",
    "category": "merchantproductcategorypath merchantcategory categoryname", "price": "searchprice storeprice",
    "currency": "currency", "url": "merchantdeeplink awdeeplink", "image": "merchantimageurl awimageurl largeimage",
    "brand": "brandname", "stock": "stockquantity instock", "visible": "isforsale", "gtin": "productgtin ean upc isbn",
    "mpn": "mpn", "group": "parentproductid",
}  # fmt: skip

_IDEALO = {
    "sku": "sku artikelnummerimshop", "title": "title produktname", "brand": "brand herstellername",
    "category": "categorypath produktgruppeimshop", "url": "url produkturl", "image": "imageurls imageurl bildurl1",
    "gtin": "eans ean eangtinbarcodenummerupc", "mpn": "hans originalherstellerartikelnummer",
    "description": "description produktbeschreibung", "price": "price preis*",
    "delivery": "deliverytime delivery lieferzeit", "stock": "deliverytime delivery lieferzeit",
    "value 1": "colour farbe", "value 2": "size größe",
    "costs": "paymentcosts* deliverycosts* versandkosten*", "stated": "availability stock bestand verfügbarkeit",
}  # fmt: skip

_PROM = {
    "variant key": "уникальныйидентификатор", "sku": "кодтовара", "title": "названиепозиции", "price": "цена",
    "description": "описание", "currency": "валюта", "discount": "скидка", "image": "ссылкаизображения",
    "stock": "наличие", "category": "названиегруппы", "brand": "производитель", "group": "idгруппыразновидностей",
    # In some exports the first letter is a Latin one.
    "starts": "?рокдействияскидкиот", "ends": "?рокдействияскидкидо", "url": "продуктнасайте",
    "gtin": "кодмаркировкиgtin", "mpn": "номерустройстваmpn",
}  # fmt: skip

_AMAZON = {
    "sku": "sellersku itemsku händlersku verkäufersku skuvenditore skuvendeur skudelvendedor 出品者sku 卖家sku",
    "title": "itemname artikelbezeichnung nomedellarticolo nomproduit títulodelproducto 商品名 商品名称",
    "description": "itemdescription productdescription artikelbeschreibung descrizionedellarticolo descriptionproduit"
    " descripcióndelproducto 商品説明",
    "price": "price standardprice preis prezzo prix precio 価格 价格", "sale": "saleprice", "starts": "salefromdate",
    "ends": "saleenddate", "stock": "quantity menge anzahl quantità quantité cantidad 数量",
    "brand": "brandname brand", "image": "imageurl mainimageurl", "parent": "parentsku",
    "kind": "parentchild parentagelevel", "status": "status stato état estado ステータス 状态",
    "gtin": "externalproductid", "mpn": "partnumber", "value 1": "colorname", "value 2": "sizename",
    "currency": "currency",
}  # fmt: skip

_OPENAI = {
    "sku": "itemid id", "title": "title", "description": "description", "url": "url link",
    "category": "productcategory", "brand": "brand", "image": "imageurl imagelink", "price": "price",
    "sale": "saleprice", "starts": "salepricestartdate", "ends": "salepriceenddate",
    "period": "salepriceeffectivedate", "stock": "availability", "group": "groupid itemgroupid", "gtin": "gtin",
    "mpn": "mpn", "visible": "iseligiblesearch enablesearch", "value 1": "color", "value 2": "size",
    "value 3": "material", "attributes": "variantdict",
}  # fmt: skip

_HEUREKA = {
    # Older feeds name no item, and others a product of a shop's own.
    "sku": "itemid code productcode productno ean", "variant key": "url", "title": "productname product",
    "long title": "product", "description": "description",
    "url": "url", "image": "imgurl",
    "price": "pricevat", "brand": "manufacturer", "category": "categorytext", "gtin": "ean isbn",
    "mpn": "productno", "days": "deliverydate", "group": "itemgroupid",
}  # fmt: skip

# Shoptet has variants within products, and names of its own.
_SHOPTET_XML = {
    "kind": "kind", "key": "id", "sku": "code", "title": "name", "short": "shortdescription",
    "description": "description", "brand": "manufacturer", "category 1": "categoriesdefaultcategory defaultcategory",
    "category 2": "categoriescategory categories", "visible": "visibility", "buyable": "visible", "url": "origurl url",
    "image": "imageref imagesimage", "price": "pricevat price", "sale": "actionprice", "starts": "actionpricefrom",
    "ends": "actionpriceuntil", "currency": "currency", "stock": "stockamount", "gtin": "ean", "mpn": "partnumber",
    "when out": "availabilityoutofstock availability",
} | {
    f"{part} {number}": f"option{part}{number}" for number in (1, 2, 3) for part in ("name", "value")
}  # fmt: skip

_CENEO = {
    "sku": "id", "url": "url", "price": "price", "stock": "stock", "available": "avail", "title": "name",
    "description": "desc", "category": "cat", "image": "imgsmainurl", "brand": "attributeproducent",
    "mpn": "attributekodproducenta", "gtin": "attributeean",
}  # fmt: skip

_SKROUTZ = {
    "kind": "kind", "key": "id uid uniqueid", "sku": "id uid uniqueid variationid", "title": "name title",
    "url": "link", "image": "image", "category": "category categorypath", "price": "pricewithvat", "mpn": "mpn",
    "brand": "manufacturer", "stock": "quantity instock availability", "gtin": "ean barcode", "value 1": "size",
    "description": "description",
}  # fmt: skip

_YML = {
    "sku": "id", "title": "name nameru nameua", "kind": "typeprefix", "brand": "vendor", "model": "model",
    "description": "description descriptionru descriptionua", "url": "url",
    "price": "price", "currency": "currencyid", "category": "category", "image": "picture",
    "mpn": "vendorcode", "gtin": "barcode isbn", "available": "available",
    "count": "count stockquantity quantityinstock quantity", "group": "groupid", "disabled": "disabled",
}  # fmt: skip

_KELKOO = {
    "sku": "offerid", "title": "title", "url": "producturl", "price": "price", "sale": "saleprice",
    "currency": "currency", "brand": "brand", "description": "description", "image": "imageurl", "gtin": "ean",
    "mpn": "mpn", "category": "merchantcategory", "stock": "availability", "value 1": "colour color", "value 2": "size",
}  # fmt: skip


_IDOSELL = {
    "kind": "kind", "key": "id", "sku": "sizecode", "title": "descriptionname name", "gtin": "sizecodeproducer",
    "description": "descriptionlongdesc longdescription", "short": "descriptionshortdesc", "brand": "producername",
    "category": "categoryname categoryidosellname", "url": "cardurl", "image": "imageslargeimageurl imagesimageurl",
    "price": "sizepricegross pricegross priceretailgross", "stock": "sizestockquantity sizequantity",
    "value 1": "sizename", "currency": "currency",
}  # fmt: skip

_DAISYCON = {
    "mark": "daisyconuniqueid", "sku": "sku", "variant key": "daisyconuniqueid", "title": "title",
    "description": "description", "url": "link", "price": "price", "currency": "currency", "brand": "brand",
    "category": "categorypath category", "image": "imagelarge imagedefault imagemedium image imagesmall images",
    "gtin": "ean", "stock": "instock", "status": "status", "group": "skuparent itemgroupid groupid", "value 1":
    "colorprimary", "value 2": "size", "mpn": "mpn",
}  # fmt: skip


MARKETPLACES: Mapping[str, Platform] = {
    # https://developer-docs.amazon.com/sp-api/docs/report-type-values-inventory
    "amazon": declare(
        "Amazon", _AMAZON, ("sku", "title", "price", "stock"),
        # Amazon keeps count of what it stores itself, and the report has no quantity of it.
        RowRules(all_optioned=True, named=("color", "size"), words={"stock": {"": "unknown"}}),
    ),
    # https://developers.openai.com/commerce/specs/file-upload/products
    "openai": declare(
        "OpenAI", _OPENAI, ("sku", "title", "visible"),
        RowRules(all_optioned=True, named=("color", "size", "material")),
    ),
    # https://heureka.github.io/xml-feed-specs
    "heureka": declare("Heureka", _HEUREKA, ("sku", "title", "price"), RowRules(adapt=_heureka)),
    # https://developers.shoptet.com/shoptet-tools/shoptet-xml-specification/
    "shoptet-xml": declare(
        "Shoptet", _SHOPTET_XML, (), RowRules(("variant",), ("product",)),
    ),
    # Ceneo's format of XML
    "ceneo": declare("Ceneo", _CENEO, ("sku", "title", "price"), RowRules(adapt=_ceneo)),
    # https://developer.skroutz.gr/feedspec
    "skroutz": declare(
        "Skroutz", _SKROUTZ, ("sku", "title", "price"), RowRules(("variant",), ("product",), named=("size",)),
    ),
    # https://yandex.ru/support/webmaster/ru/goods-prices/yml
    "yml": declare("YML", _YML, ("sku", "price", "category|available"), RowRules(adapt=_yml), required="sku"),
    # http://www.exportfeed.com/documentation/kelkoo-feed-spec/
    "kelkoo": declare(
        "Kelkoo", _KELKOO, ("sku", "title", "url", "category"),
        RowRules(all_optioned=True, named=("colour", "size"), words={"stock": _KELKOO_STOCK}),
    ),
    # the reports of eBay's Seller Hub, and its File Exchange Basic Template Instructions
    "ebay": declare(
        "eBay", _EBAY, ("title", "sku", "value 1", "stock"),
        RowRules(("variation",), all_optioned=True, repeats_title=True, adapt=lambda cells, _: split_option(cells)),
    ),
    # the table of offers of Allegro's Sales Center (xlsx)
    "allegro": declare(
        "Allegro", _ALLEGRO, ("variant key", "sku", "title", "price"),
        RowRules(adapt=_allegro, words={"status": {"zakończona": "ended", "nieaktywna": "inactive", "szkic": "draft"}}),
    ),
    # https://help.awin.com/developers/docs/hosting-feeds
    "awin": declare("Awin", _AWIN, ("variant key", "sku", "title", "price")),
    # https://idealo.github.io/csv-importer/en/csv
    "idealo": declare(
        "idealo", _IDEALO, ("sku", "title", "category", "delivery", "price", "costs"),
        RowRules(all_optioned=True, named=("colour", "size"), adapt=_idealo),
    ),
    # IOF, the feed of offers of IdoSell (XML): each size of a product is sold by itself
    "idosell": declare("IdoSell", _IDOSELL, (), RowRules(("variant",), ("product",), named=("size",),
                       words={"value 1": dict.fromkeys(("uniwersalny", "one size", "uniw"), "")})),
    # https://faq-advertiser.daisycon.com, product feeds; what a shop no longer has stays in the feed as inactive
    "daisycon": declare("Daisycon", _DAISYCON, ("mark", "title", "price"),
                        RowRules(all_optioned=True, named=("color", "size"))),
    # Prom.ua's import and export of products (xlsx)
    "prom": declare("Prom.ua", _PROM, ("sku", "title", "price", "stock"), RowRules(adapt=_prom)),
}  # fmt: skip
"""Marketplaces by the name of their format, each with where its columns are documented."""
