"""Shop systems: the columns of their exports, and what is special in each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from recommender.feeds.flags import NO, YES
from recommender.feeds.platforms.declared import OPTIONS, PRICE_IN, Cells, RowRules, declare, discount
from recommender.feeds.platforms.shop_export import Platform
from recommender.feeds.prices import CURRENCIES
from recommender.types import PATH_SEPARATOR

_ECWID_OUT = {"allow_preorder": "preorder", "show": "", "hide": ""}
_ARCHIVED = dict.fromkeys(YES, "draft") | dict.fromkeys(NO, "active")

_SHADE = re.compile(r"^(?:#[0-9a-fA-F]{3,8}|rgba?\([^)]*\))\s*:\s*")
"""What is before the name of a colour in Wix: `#ff0000:Red`, `rgb(0,0,0):Black`."""

_ROOTS = (
    "home",
    "root",
    "domů",
    "domov",
    "acasă",
    "kezdőlap",
    "hem",
    "hjem",
    "koti",
    "главная",
    "accueil",
    "startseite",
    "inicio",
    "start",
    "strona główna",
    "início",
    "racine",
)
"""What PrestaShop puts all categories below."""


def _prestashop(cells: Cells, _: Mapping[str, str]) -> None:
    cells["sku"] = cells.get("sku") or (f"id:{cells['key']}" if cells.get("key") else "")
    discount(cells, cells.get("percent", ""), cells.get("amount", ""))
    # `Home,Clothes,Women` are the pages that a product is in, from the top down; `Home/Clothes` is a path itself.
    pages = cells["category"].split(",")
    paths = [page.split("/") for page in pages] if "/" in cells["category"] else [pages]
    kept = (names[len(names) > 1 and names[0].strip().casefold() in _ROOTS :] for names in paths)
    cells["category"] = "; ".join(PATH_SEPARATOR.join(filter(None, map(str.strip, names))) for names in kept)
    cells["image"] = cells["image"].partition(",")[0].strip()


def _squarespace(cells: Cells, _: Mapping[str, str]) -> None:
    if cells["on sale"].casefold() not in YES:
        cells["sale"] = ""
    # `/clothing/tops, /new`: the addresses of category pages, with a slash in front.
    cells["category"] = "; ".join(path.strip().strip("/") for path in cells["category"].split(","))
    cells["image"] = cells["image"].split()[0] if cells["image"] else ""


def _wix(cells: Cells, parent: Mapping[str, str]) -> None:
    # With surcharges, the price of a variant was that of its product and the surcharge; without them it is complete.
    if surcharge := cells.get("surcharge", ""):
        with suppress(ValueError):
            cells["price"] = f"{float(parent.get('price') or cells['price'] or 0) + float(surcharge):.2f}"
    is_share = cells["discount kind"].casefold() == "percent"
    discount(cells, cells["discount"] if is_share else "", "" if is_share else cells["discount"])
    if cells.get("stock", "").casefold() == "true":
        cells["stock"] = "in stock"
    if slugs := cells.get("slugs", ""):
        cells["category"] = "; ".join(dict.fromkeys(filter(None, [cells["category"], *slugs.split(";")])))
    for number in OPTIONS:
        cells[f"value {number}"] = _SHADE.sub("", cells.get(f"value {number}", ""))
    # Images are separated by semicolons; some have the name that Wix gave them.
    image = cells["image"].partition(";")[0]
    is_name = image and not image.startswith("http") and "/" not in image
    cells["image"] = f"https://static.wixstatic.com/media/{image}" if is_name else image


def _oxid(cells: Cells, parent: Mapping[str, str]) -> None:
    if parent and not cells["price"].strip("0.,"):
        cells["price"] = parent["price"]


def _bigcommerce(cells: Cells, parent: Mapping[str, str]) -> None:
    if parent and cells["kind"].casefold() == "sku":
        cells["options"], cells["title"] = cells["title"], parent["title"]
    cells["image"] = cells.get("variant image") or cells["image"]


def _medusa(cells: Cells, _: Mapping[str, str]) -> None:
    found = next((part for part in cells if part.startswith(PRICE_IN) and cells[part]), "")
    if found:
        cells["price"], cells["currency"] = cells[found], found.rpartition(" ")[2]
    untracked = cells["tracked"].casefold() in NO or cells.get("sells on", "").casefold() in YES
    cells["stock"] = "in stock" if untracked else cells.get("stock", "unknown")
    cells["group"] = cells.get("handle", "")
    for number in OPTIONS:
        if cells.get(f"value {number}", "").casefold() == "default option value":
            cells[f"value {number}"] = ""
    variant = cells.get("variant title", "")
    if variant and variant.casefold() not in ("default variant", "default"):
        cells["title"] = f"{cells['title']} - {variant}"


_PRESTASHOP_FLAG = (
    "active*0*1 actif*0*1 aktiv*0*1 activo*0*1 attivo*0*1 aktywny*0*1 actief*0*1 ativo*0*1 activé*0*1 activado*0*1"
    " abilitato*0*1 aktivní*0*1 aktívne*0*1 activ*0*1 aktív*0*1 активен*0*1 активно*0*1 aktif*0*1 ενεργό*0*1"
    " aktivan*0*1 omogućeno*0*1"
)
_PRESTASHOP = {
    "key": "id productid idproduct iddelproducto idduproduit idproduit idprodotto produktid idproduktu",
    "visible": f"{_PRESTASHOP_FLAG} active actif aktiv activo attivo status statut estado stato état stan"
    " stav stare állapot státusz tila durum состояние статус κατάσταση stanje",
    "flag": _PRESTASHOP_FLAG,
    "status": "visibility visibilité visibilidad visibilità sichtbarkeit widoczność zichtbaarheid visibilidade",
    "title": "name nom nombre nome nazwa naam productname název názov nume név"
    " namn navn nimi ad ürünadı имя название όνομα naziv",
    "category": "categoriesxyz catégoriesxyz kategorienxyz categoríasxyz categoriexyz kategoriexyz categorieënxyz"
    " categoriasxyz category categories catégorie categoría categoria kategorie kategoria categorie"
    " kategória kategori kategoriat luokka категория категории κατηγορία kategorija",
    "price": "pricetaxincluded price*incl* pricettc priceati finalprice prix*ttc prix*incl* prixfinal preis*inkl*"
    " preis*brutto* endpreis precio*incl* precio*con* preciofinal prezzo*incl* prezzo*con* prezzofinale cena*brutto*"
    " cena*zpodatkiem* prijs*incl* preço*com* preço*incl* preçofinal"
    " cena*sdph preț*cu* ár*bruttó* pris*inkl* pris*inkl hinta*sis* цена*сналогом* цена*сндс* fiyat*dahil* τιμή*με*"
    " cijena*s*",
    "net price": "pricetaxexcluded price*excl* priceht baseprice prix*ht prix*excl* prixdebase preis*zzgl* preis*exkl*"
    " preis*ohne* preis*netto* basispreis precio*excl* precio*sin* preciobase prezzo*escl* prezzobase cena*netto*"
    " cena*bezpodatku* prijs*excl* preço*sem* preço*excl* preçobase"
    " cena*bezdph preț*fără* ár*nettó* pris*ekskl* pris*exkl* hinta*ilman* цена*без* fiyat*hariç* τιμή*χωρίς*"
    " cijena*bez*",
    "amount": "discountamount montantdelaremise rabattbetrag importedeldescuento importosconto kwotarabatu"
    " wartośćrabatu",
    "percent": "discountpercent pourcentagederemise rabattinprozent porcentajededescuento percentualesconto"
    " procentrabatu",
    "starts": "discountfrom* remiseàpartirde* rabattab* rabattvon* descuentodesde* scontodal* rabatoddnia*",
    "ends": "discountto* remisejusqu* rabattbis* descuentohasta* scontoal* rabatdodnia*",
    "sku": "reference référence référencen artikelnr artikelnummer referenz referencia referencian riferimento indeks"
    " numerreferencyjny referentie referência"
    " kód kódzboží kódproduktu referință cikkszám referens referanse viite referans артикул κωδικός referenca",
    "brand": "brand marque marke marca manufacturer fabricant hersteller fabricante produttore marka producent merk"
    " značka výrobce výrobca producător gyártó märke tillverkare valmistaja üretici производитель бренд",
    "gtin": "ean13 ean kodean13 upc isbn", "mpn": "mpn",
    "stock": "quantity quantité menge anzahl cantidad quantità ilość aantal quantidade"
    " množství množstvo cantitate mennyiség antal antall määrä adet miktar количество ποσότητα količina",
    "short": "shortdescription summary résumé récapitulatif kurzbeschreibung resumen riepilogo podsumowanie"
    " souhrn zhrnutie rezumat összefoglaló",
    "description": "description beschreibung descripción descrizione opis beschrijving descrição popis descriere"
    " leírás beskrivning beskrivelse описание",
    "image": "imageurlsxyz urldesimagesxyz bildurlsxyz urlsimágenesxyz urlimmaginixyz image imagen immagine bild"
    " zdjęcie afbeelding imagem obrázek obrázok imagine kép bilde billede kuva resim изображение εικόνα slika"
    " adresyurlobrázků*",
}  # fmt: skip

_BIGCOMMERCE = {
    "kind": "itemtype item", "key": "productid id", "title": "productname name", "sku": "productcodesku sku",
    "brand": "brandname brand", "description": "productdescription description", "price": "price",
    "sale": "saleprice", "category": "category categories", "stock": "currentstocklevel currentstock",
    "tracked": "trackinventory inventorytracking", "visible": "productvisible isvisible", "buyable": "allowpurchases",
    "url": "producturl", "image": "productimageurl1 productimagefile1 internalimageurlexport imageurlimport",
    "variant image": "variantimageurl", "gtin": "productupcean upcean globaltradenumber gpsglobaltradeitemnumber gtin",
    "mpn": "manufacturerpartnumber gpsmanufacturerpartnumber", "options": "options",
}  # fmt: skip

_SQUARESPACE = {
    "key": "productidnoneditable productid", "variant key": "variantidnoneditable variantid",
    "page": "productpage", "title": "title", "description": "description", "sku": "sku",
    "price": "price", "sale": "saleprice", "on sale": "onsale", "stock": "stock", "category": "categories",
    "visible": "visible", "image": "hostedimageurls", "gtin": "gtin", "mpn": "mpn",
} | {f"{part} {number}": f"option{part}{number}" for number in OPTIONS for part in ("name", "value")}  # fmt: skip

_WIX = {
    "handle": "handleid handle", "kind": "fieldtype", "title": "name", "description": "description plaindescription",
    "image": "productimageurl media", "category": "collection primarycategoryslug", "slugs": "categoryslugs",
    "sku": "sku", "price": "price", "surcharge": "surcharge", "visible": "visible", "discount kind": "discountmode",
    "discount": "discountvalue", "stock": "inventory", "brand": "brand", "gtin": "barcode",
    "when out": "preorderenabled",
} | {
    f"{part} {number}": f"productoption{name}{number}"
    for number in OPTIONS
    for part, name in (("name", "name"), ("value", f"description{number} productoptionchoices"))
}  # fmt: skip

_MEDUSA = {
    "handle": "producthandle", "title": "producttitle", "description": "productdescription",
    "status": "productstatus", "image": "productthumbnail productimage1 productimage1url image1url",
    "category": "productcategoryname1 productcategory1name productcategories producttypevalue producttype"
    " productcollectiontitle", "sku": "variantsku", "variant key": "variantid", "variant title": "varianttitle",
    "gtin": "variantean variantbarcode variantupc", "stock": "variantinventoryquantity",
    "tracked": "variantmanageinventory", "sells on": "variantallowbackorder",
} | {
    f"{part}{code}": name.replace("@", code)
    for part, name in zip(PRICE_IN, ("variantprice@ price@", "variantprice*@"), strict=True)
    for code in sorted(CURRENCIES)
} | {
    f"{part} {number}": f"variantoption{number}{part} option{number}{part}"
    for number in OPTIONS
    for part in ("name", "value")
}  # fmt: skip

_SHOPWARE = {
    "key": "id", "parent": "parentid", "sku": "productnumber", "visible": "active", "tax": "taxid taxrate",
    "stock": "availablestock stock", "title": "name translations*name defaultname",
    "description": "description translations*description", "price": "pricegross pricedefaultgross"
    " defaultpricegross", "image": "covermediaurl", "brand": "manufacturername"
    " manufacturertranslations*name", "gtin": "ean", "mpn": "manufacturernumber",
    "category": "categories categorynames",
}  # fmt: skip

_SHOPWARE_5 = {
    "sku": "ordernumber", "parent": "mainnumber", "title": "name", "brand": "supplier", "price": "priceek price",
    "visible": "active", "stock": "instock", "sells on": "laststock", "description": "descriptionlong",
    "short": "description", "category": "categories", "image": "imageurl", "gtin": "ean", "mpn": "suppliernumber",
    "attributes": "configuratoroptions", "pieces": "fromek from",
}  # fmt: skip

_OPENCART = {
    "key": "productid id", "title": "name name*", "category": "categories category", "sku": "sku",
    "variant key": "model", "stock": "quantity", "brand": "manufacturer", "price": "price",
    "sale": "special specialprice", "visible": "status", "image": "imagename image",
    "description": "description description*", "gtin": "ean upc isbn jan", "mpn": "mpn",
}  # fmt: skip

_OXID = {
    "key": "oxid", "parent": "oxparentid", "sku": "oxartnum", "title": "oxtitle", "short": "oxshortdesc",
    "description": "oxlongdesc", "price": "oxprice", "stock": "oxstock", "visible": "oxactive", "gtin": "oxean",
    "mpn": "oxmpn", "tracked": "oxstockflag", "image": "oxpic1", "option names": "oxvarname",
    "option values": "oxvarselect",
}  # fmt: skip

_SHOPTET = {
    "sku": "code", "group": "paircode", "title": "name", "price": "price", "sale": "actionprice",
    "starts": "actionfrom", "ends": "actionuntil", "currency": "currency", "stock": "stock",
    "when out": "availabilityoutofstock", "category 1": "defaultcategory", "brand": "manufacturer", "gtin": "ean",
    "mpn": "productnumber partnumber", "short": "shortdescription", "description": "description",
    "image": "defaultimage image", "visible": "productvisibility", "status": "variantvisibility visibility",
} | {f"category {number}": f"categorytext{number - 1 if number > 2 else ''}" for number in range(2, 7)}  # fmt: skip

_ECWID = {
    "kind": "type", "handle": "productinternalid", "sku": "productsku", "variation sku": "productvariationsku",
    "title": "productname", "price": "productprice", "stock": "productquantity",
    "tracked": "productisinventorytracked", "when out": "productquantityoutofstockbehaviour",
    "visible": "productisavailable", "description": "productdescription", "image": "productmediamainimageurl",
    "brand": "productbrand", "gtin": "productupc",
} | {f"category {number}": f"productcategory{number}" for number in range(1, 7)}  # fmt: skip

_SPREE = {
    "handle": "slug", "sku": "sku", "title": "name", "status": "status", "brand": "brandname",
    "description": "description", "price": "price", "currency": "currency", "stock": "inventorycount",
    "sells on": "inventorybackorderable", "image": "image1src",
} | {f"category {number}": f"category{number}" for number in range(1, 7)} | {
    f"{part} {number}": f"option{number}{part}" for number in OPTIONS for part in ("name", "value")
}  # fmt: skip

_WEBFLOW = {
    "handle": "producthandle", "variant key": "variantid", "title": "productname", "description": "productdescription",
    "category": "productcategories", "image": "mainvariantimage", "price": "variantprice",
    "sku": "variantsku productsku", "stock": "variantinventory", "visible": "archived", "status": "draft",
    "group": "producthandle",
} | {f"{part} {number}": f"option{number}{part}" for number in OPTIONS for part in ("name", "value")}  # fmt: skip

_CS_CART = {
    "sku": "productcode", "key": "productid", "title": "productname", "language": "language", "status": "status",
    "price": "price", "stock": "quantity", "image": "detailedimage",
    "description": "description", "short": "shortdescription", "category 1": "category",
    "category 2": "secondarycategories", "group": "variationgroupcode",
}  # fmt: skip


SYSTEMS: Mapping[str, Platform] = {
    # https://devdocs.prestashop-project.org/9/basics/import/
    "prestashop": declare(
        "PrestaShop", _PRESTASHOP, ("visible", "title", "key|flag", "sku|flag", "price|net price"),
        RowRules(adapt=_prestashop),
    ),
    # https://support.bigcommerce.com/s/article/Importing-Exporting-Products
    "bigcommerce": declare(
        "BigCommerce", _BIGCOMMERCE, ("kind", "key", "title", "sku", "visible|tracked"),
        RowRules(("variant", "sku"), ("product",), adapt=_bigcommerce),
    ),
    # https://support.squarespace.com/hc/en-us/articles/115000378108
    "squarespace": declare(
        "Squarespace", _SQUARESPACE, ("title", "sku", "page|variant key", "on sale", "name 1", "visible"),
        RowRules(first_is_variant=True, adapt=_squarespace),
    ),
    # https://support.wix.com/en/article/wix-stores-importing-products-from-another-ecommerce-platform
    "wix": declare(
        "Wix", _WIX, ("handle", "kind", "title", "price"),
        RowRules(("variant",), ("product",), words={"when out": {"true": "preorder", "false": ""}}, adapt=_wix),
    ),
    # https://docs.medusajs.com/user-guide/products/import
    "medusa": declare(
        "Medusa", _MEDUSA, ("handle", "title", "sku", "status"), RowRules(all_optioned=True, adapt=_medusa)
    ),
    # https://docs.shopware.com/en/shopware-6-en/settings/importexport
    "shopware": declare("Shopware", _SHOPWARE, ("sku", "parent|tax", "title", "price")),
    # https://docs.shopware.com/en/shopware-5-en/import-export/import-export-article
    "shopware5": declare(
        "Shopware 5", _SHOPWARE_5, ("sku", "parent", "title", "brand"),
        # A product that is not sold off ("last stock") stays on sale when there is none.
        RowRules(first_is_variant=True, words={"sells on": {"0": "true", "1": "false"}}),
    ),
    # https://www.opencart.com/index.php?route=marketplace/extension/info&extension_id=17
    "opencart": declare("OpenCart", _OPENCART, ("key", "title", "variant key", "visible", "stock")),
    # https://docs.oxid-esales.com
    "oxid": declare(
        "OXID", _OXID, ("key", "sku", "title", "price"),
        RowRules(adapt=_oxid, words={"tracked": {"4": "none"}}),  # another warehouse has it, and always enough
    ),
    # https://podpora.shoptet.cz/import-produktu/
    "shoptet": declare(
        "Shoptet", _SHOPTET, ("sku", "group", "title"),
        RowRules(all_optioned=True, repeats_title=True), options="variant:",
    ),
    # https://support.ecwid.com/hc/en-us/articles/208079105
    "ecwid": declare(
        "Ecwid", _ECWID, ("kind", "handle", "title", "price"),
        RowRules(("product_variation",), ("product",), words={"when out": _ECWID_OUT}),
        options="product_variation_option_",
    ),
    # https://spreecommerce.org/docs/user/manage-products/product-import-file-template
    "spree": declare(
        "Spree", _SPREE, ("handle", "sku", "title", "stock", "name 1"), RowRules(first_is_variant=True)
    ),
    # https://help.webflow.com/hc/en-us/articles/33961361857811
    "webflow": declare(
        "Webflow", _WEBFLOW, ("handle", "title", "variant key", "price"),
        RowRules(all_optioned=True, repeats_title=True, words={"visible": _ARCHIVED, "status": _ARCHIVED}),
    ),
    # https://docs.cs-cart.com/4.13.x/user_guide/manage_products/import_export/fields_format.html
    "cscart": declare(
        "CS-Cart", _CS_CART, ("sku", "title", "language", "status"),
        RowRules(words={"status": {"a": "active", "d": "disabled", "h": "hidden", "p": "draft"}}),
    ),
}  # fmt: skip
"""Shop systems by the name of their format, each with where its columns are documented."""
