"""PrestaShop's products: the table that it imports, and what its list of products exports."""

from __future__ import annotations

from collections.abc import Iterator

from recommender.feeds.columns import Field
from recommender.feeds.platforms.shop_export import Platform, ShopTable, shop_row, unreadable_row
from recommender.feeds.rows import Row

_PARTS = {
    "id": "id productid",
    "active": "active01 actif01 aktiv01 activo01 attivo01 aktywny01 actief01 ativo01 activé01 activado01 abilitato01"
    " aktywny0lub1 active status statut",
    "name": "name nom nombre nome nazwa naam productname",
    "categories": "categoriesxyz catégoriesxyz kategorienxyz categoríasxyz categoriexyz kategoriexyz categorieënxyz"
    " categoriasxyz category categories catégorie",
    "price": "pricetaxincluded pricetaxincl priceati pricettc prixttc prixtaxesincluses preisinklmwst preisinklsteuern"
    " preisinklusivesteuern preisbrutto preciocoimpuestos precioimpuestosincluidos precioconimpuestos"
    " prezzotasseincl prezzoivainclusa prezzotasseincluse cenabrutto cenazpodatkiem prijsinclbtw preçocomimposto",
    "net price": "pricetaxexcluded pricetaxexcl priceexcltax priceht prixht prixtaxesexclues preiszzglmwst"
    " preisohnesteuer preisexklmwst preisnetto preciosinimpuestos precioimpuestosexcluidos prezzotasseescl"
    " prezzotasseescluse cenanetto cenabezpodatku prijsexclbtw preçosemimposto",
    "reference": "reference référence référencen artikelnr referenz referencia referencian riferimento indeks"
    " numerreferencyjny referentie referência",
    "brand": "brand marque marke marca manufacturer fabricant hersteller fabricante produttore marka producent merk",
    "ean": "ean13 ean",
    "quantity": "quantity quantité menge anzahl cantidad quantità ilość aantal quantidade",
    "short": "shortdescription summary résumé récapitulatif kurzbeschreibung resumen riepilogo podsumowanie",
    "description": "description beschreibung descripción descrizione opis beschrijving descrição",
    "images": "imageurlsxyz urldesimagesxyz bildurlsxyz urlsimágenesxyz urlimmaginixyz image",
}
"""The columns, also in the languages that shops export most: https://devdocs.prestashop-project.org/9/basics/import/."""

_ROOTS = ("home", "root", "accueil", "startseite", "inicio", "start", "strona główna", "início", "racine")
_ON = ("", "1", "true", "yes", "oui", "ja", "sí", "si", "tak", "sim")


def _read(table: ShopTable) -> Iterator[Row]:
    """Read the products; one that is not active is not offered."""
    for record in table.records():
        sku = record["reference"] or (f"id:{record['id']}" if record["id"] else "")
        if record.problem:
            yield unreadable_row(record, sku)
            continue
        # The import takes names or paths between commas: `Home,Clothes,Sale`, or `Home/Clothes,Home/Sale`.
        names = [[name.strip() for name in path.split("/")] for path in record["categories"].split(",")]
        paths = [path[1:] if path[0].casefold() in _ROOTS else path for path in names]
        fields: dict[Field, object] = {
            Field.SKU: sku,
            Field.TITLE: record["name"],
            Field.DESCRIPTION: record["description"] or record["short"],
            Field.BRAND: record["brand"],
            Field.CATEGORY: paths if "/" in record["categories"] else [name for path in paths for name in path],
            Field.PRICE: record["price"] or record["net price"],
            Field.AVAILABILITY: record["quantity"],
            Field.IMAGE: record["images"].partition(",")[0].strip(),
            Field.GTIN: record["ean"],
        }
        yield shop_row(record, fields, {}, offered=record["active"].casefold() in _ON)


PRESTASHOP = Platform(
    name="PrestaShop",
    parts=_PARTS,
    telling=("active", "name", "reference", "price|net price"),
    required=("active", "name", "reference"),
    fields={
        Field.SKU: "reference",
        Field.TITLE: "name",
        Field.DESCRIPTION: "description",
        Field.BRAND: "brand",
        Field.CATEGORY: "categories",
        Field.PRICE: "price",
        Field.AVAILABILITY: "quantity",
        Field.IMAGE: "images",
        Field.GTIN: "ean",
    },
    read=_read,
)
