"""WooCommerce's product export: variations on rows of their own, which inherit from their parent's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from recommender.feeds.columns import Field
from recommender.feeds.families import open_families
from recommender.feeds.flags import YES
from recommender.feeds.platforms.shop_export import Platform, Record, ShopTable, shop_row, unreadable_row
from recommender.feeds.prices import Offer
from recommender.feeds.rows import Row
from recommender.plain_text import unescape

MOST_ATTRIBUTES = 20
"""Attributes that a row may have; `Attribute 1 name` to `Attribute 20 name`."""

_PARTS = {
    "id": "id",
    "type": "type typ tipo тип tür tyyppi",
    "SKU": "sku artikelnummer artikelnummersku ugs référence cod codigo codice artnr varenummer katalogovéčíslo"
    " артикул stokkodu skuref ref tuotetunnus",
    "name": "name nom nombre nome naam nazwa namn navn název jméno имя название isim ad nimi",
    "published": "published veröffentlicht publié publicado pubblicato gepubliceerd opublikowano opublikowany"
    " publikováno опубликован опубликовано yayımlanmış yayınlanmış"
    " publicerad publiceret udgivet publisert julkaistu",
    "visibility": "visibilityincatalog sichtbarkeitimkatalog katalogsichtbarkeit visibilitédanslecatalogue"
    " visibilidadenelcatálogo visibilitànelcatalogo zichtbaarheidincatalogus widocznośćwkatalogu "
    " visibilidadenocatalogo visibilidadenocatálogo synlighetikatalog synlighetikatalogen synlighedikatalog"
    " synlighedikataloget viditelnostvkatalogu видимостьвкаталоге kataloggörünürlüğü katalogdagörünürlük",
    "short": "shortdescription kurzbeschreibung descriptioncourte descripcióncorta brevedescrizione descrizionebreve"
    " kortebeschrijving korteomschrijving krótkiopis descriçãocurta brevedescrição descriçãobreve kortbeskrivning"
    " kortbeskrivelse krátkýpopis краткоеописание короткоеописание kısaaçıklama",
    "description": "description beschreibung descripción descrizione beschrijving omschrijving opis descrição"
    " beskrivning beskrivelse popis описание açıklama kuvaus",
    "starts": "datesalepricestarts datumandemangebotspreisbeginnt datumandemderangebotspreisbeginnt"
    " angebotspreisgültigab datededébutdepromo díaenqueempiezaelpreciorebajado startdatumactieprijs"
    " datarozpoczęciapromocji",
    "ends": "datesalepriceends datumandemangebotspreisendet datumandemderangebotspreisendet angebotspreisgültigbis"
    " datedefindepromo díaenqueterminaelpreciorebajado einddatumactieprijs datazakończeniapromocji",
    "in stock": "instock varastossa vorrätig auflager enstock eninventario existencias disponibile opvoorraad"
    " wmagazynie emestoque"
    " emstock ilager pålager skladem вналичии наличие stokta stoktavar",
    "stock": "stock lager bestand lagerbestand lagermenge inventario inventaire magazzino voorraad stanmagazynowy"
    " estoque lagersaldo lagerantal sklad запасы stok",
    "sale": "saleprice alennushinta angebotspreis tarifpromo prixdevente prixpromo preciorebajado"
    " prezzoinofferta actieprijs"
    " cenapromocyjna promocyjnacena preçopromocional reapris tilbudspris salgspris zlevněnácena akčnícena"
    " акционнаяцена indirimlifiyat",
    "regular": "regularprice normaalihinta regulärerpreis tarifrégulier tarifnormal prixdebase precionormal"
    " prezzodilistino"
    " prezzonormale regulareprijs reguliereprijs normaleprijs cenaregularna cena preçonormal preço"
    " ordinariepris normalpris almindeligpris vanligpris běžnácena базоваяцена обычнаяцена normalfiyat",
    "categories": "categories kategoriat kategorien catégories categorías categorie categorieën kategorie"
    " categorias kategorier"
    " категории kategoriler",
    "images": "images kuvat bilder imágenes immagini afbeeldingen obrazki imagens billeder bilderna obrázky"
    " изображения"
    " görseller resimler",
    "parent": "parent isanta übergeordnet übergeordnetesprodukt superior padre genitore hoofd nadrzędny"
    " elementnadrzędny"
    " ascendente pai överordnad forælder overordnet nadřazený родительский ebeveyn üst",
    "url": "externalurl externeurl urlexterne urlexterna urlesterno zewnętrznyadresurl urlexterno внешнийurl",
    "gtin": "gtinupceanorisbn gtinupceanoderisbn gtinupceanouisbn gtinupceanoisbn gtinupceanofisbn gtinupceanlubisbn"
    " gtinupceanellerisbn gtinupceanneboisbn gtinupceanилиisbn gtinupceanveyaisbn",
    "brands": "brands brand marken marke marques marque marcas marca marchi merken merk marki märken mærker",
} | {
    f"attribute {number} {part}": " ".join(name.format(number) for name in names.split())
    for number in range(1, MOST_ATTRIBUTES + 1)
    for part, names in (
        (
            "name",
            "attribute{}name attribut{}name nomdelattribut{} attribut{}nom nombredelatributo{} atributo{}nombre"
            " attributo{}nome nomedellattributo{} nomedoatributo{} atributo{}nome naameigenschap{} attribuut{}naam"
            " nazwaatrybutu{} имяатрибута{} названиеатрибута{}",
        ),
        (
            "values",
            "attribute{}values attribut{}werte valeursdelattribut{} attribut{}valeurs valoresdelatributo{}"
            " atributo{}valores attributo{}valori attributo{}valutae valoredellattributo{} valoresdoatributo{}"
            " waardeeigenschap{} attribuut{}waarden wartościatrybutu{} wartośćatrybutu{} значенияаттрибутов{}"
            " значенияатрибутов{} значениеяаттрибутаов{} значенияатрибута{}",
        ),
    )
}
"""The columns: https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema. The export names them in the
language of the shop."""

_INHERITED = ("SKU", "id", "name", "short", "description", "categories", "images", "brands", "published", "visibility")

_COMMA = re.compile(r"(?<!\\),")
"""Separator of values; a comma that belongs to a value has a backslash before it."""

_BETWEEN_IMAGES = re.compile(r",\s+|,(?=https?:)")


_UNFILED = frozenset(
    {
        "uncategorized", "uncategorised", "unkategorisiert", "nicht kategorisiert", "non classé", "sin categorizar",
        "sin categoría", "senza categoria", "geen categorie", "niet gecategoriseerd", "bez kategorii", "sem categoria",
        "ikke kategoriseret", "okategoriserad", "okategoriserade", "ukategorisert", "nezařazené", "без рубрики",
        "без категории", "genel",
    }
)  # fmt: skip
"""Where WooCommerce files products without a category, in the languages that it ships."""


def _read(table: ShopTable) -> Iterator[Row]:
    """Read what can be bought: simple, external and grouped products and variations, but no parent of variations.

    Products that are drafts, private or hidden from the catalogue are not offered, and neither are their variations. A
    parent may be anywhere in the file.
    """
    with open_families() as families:
        for record in table.records():
            if not record.problem:
                if _is_variation(record):
                    families.name(record["parent"])
                elif _is_variable(record):
                    inherited = (part for part in record.cells if part in _INHERITED or part.startswith("attribute"))
                    families.add(_keys(record), {part: record[part] for part in inherited})
        for record in table.records():
            # The shop itself calls a product without a SKU by its number.
            sku = record["SKU"] or (f"id:{record['id']}" if record["id"] else "")
            if record.problem:
                yield unreadable_row(record, sku)
                continue
            parent = families.parent(record["parent"] if _is_variation(record) else "")
            is_visible = all(
                cells.get("published", "").casefold() in {"", *YES}
                and cells.get("visibility", "").casefold() != "hidden"
                for cells in (record.cells, parent)
            )
            is_parent = _is_variable(record) and families.has_children(_keys(record))
            offered = is_visible and not is_parent
            attributes = _attributes(record.cells)
            first = {
                part: record[part] or parent.get(part, "") for part in ("description", "categories", "images", "brands")
            }
            parent_name = parent.get("name", "")
            made_title = (
                f"{parent_name} - {', '.join(attributes.values())}" if parent_name and attributes else parent_name
            )
            fields: dict[Field, object] = {
                Field.SKU: sku,
                Field.TITLE: record["name"] or made_title,
                Field.DESCRIPTION: first["description"] or record["short"] or parent.get("short", ""),
                Field.BRAND: next(iter(_values(first["brands"])), ""),
                Field.CATEGORY: [
                    path.split(">")
                    for path in _values(unescape(first["categories"]))
                    if path.casefold() not in _UNFILED
                ],
                Field.PRICE: Offer(record["regular"], record["sale"], record["starts"], record["ends"]),
                Field.AVAILABILITY: record["in stock"] or record["stock"],
                Field.URL: record["url"],
                Field.IMAGE: _BETWEEN_IMAGES.split(first["images"])[0],
                Field.GROUP_ID: (parent.get("SKU") or record["parent"]) if _is_variation(record) else "",
                Field.GTIN: record["gtin"],
            }
            problem = ""
            if not fields[Field.TITLE] and _is_variation(record) and not parent:
                problem = f"no name, and its parent {record['parent'][:80]!r} is not in the file"
            yield shop_row(record, fields, _attributes(parent) | attributes, problem, offered)


def _is_variation(record: Record) -> bool:
    # subscription_variation, variable-subscription: those of the best-known extension
    return bool(record["parent"]) and any("variation" in part for part in record["type"].casefold().split(","))


def _is_variable(record: Record) -> bool:
    return any(part.strip().startswith("variable") for part in record["type"].casefold().split(","))


def _keys(record: Record) -> list[str]:
    keys = (record["SKU"], f"id:{record['id']}" if record["id"] else "")
    return [key for key in keys if key]


def _attributes(cells: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for number in range(1, MOST_ATTRIBUTES + 1):
        name, values = cells.get(f"attribute {number} name", ""), cells.get(f"attribute {number} values", "")
        if name and values:
            found[name] = ", ".join(_values(values))
    return found


def _values(text: str) -> list[str]:
    values = (value.strip().replace("\\,", ",") for value in _COMMA.split(text))
    return [value for value in values if value]


TYPES = frozenset({"simple", "variable", "variation", "grouped", "external"})
"""What the column of types has, whatever the language of the columns."""

_VISIBILITIES = frozenset({"visible", "catalog", "search", "hidden"})
_TAX_STATES = frozenset({"taxable", "shipping", "none", ""})

_PLACES = (
    "id type SKU gtin name published - visibility short description starts ends tax - in_stock stock low - - - - - - -"
    " - sale regular categories - - images - - parent - - - url - -"
).split()
"""The columns of a whole export, whose order is the same in every language. Those of the GTIN and of low stock are
younger than the others."""

_PARTS_BY_PLACE = frozenset(_PLACES) - {"-", "tax", "low"}

_NUMBER = re.compile(r"[0-9]+")
_AMOUNT = re.compile(r"[0-9]+(?:[.,][0-9]+)*")


def parts_by_place(header: Sequence[str], sample: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the column of each part in a whole export, by the columns' places and content; nothing for others.

    The sample is read only if the header may be that of an export.
    """
    names = list(header)
    if len(set(names)) < len(names) or len(names) < len(_PLACES) - 2 or names[0].casefold() != "id":
        return {}
    rows = list(sample)

    def holds(place: int, words: frozenset[str]) -> bool:
        stated = {row.get(names[place], "").strip() for row in rows}
        return bool(stated - {""}) and stated <= words

    types = {row.get(names[1], "").partition(",")[0].strip().casefold() for row in rows}
    if not (types and types <= TYPES):
        return {}
    for left_out in ((), ("gtin",), ("low",), ("gtin", "low")):
        places = [part for part in _PLACES if part not in left_out]
        prices, categories = (
            {row.get(names[places.index(part)], "").strip() for row in rows} - {""}
            for part in ("regular", "categories")
        )
        if (
            holds(places.index("visibility"), _VISIBILITIES)
            and holds(places.index("tax"), _TAX_STATES)
            and prices
            and all(map(_AMOUNT.fullmatch, prices))
            and not any(map(_AMOUNT.fullmatch, categories))
        ):
            break
    else:
        return {}
    found = {part.replace("_", " "): name for part, name in zip(places, names, strict=False) if part in _PARTS_BY_PLACE}
    # Then come the attributes: a name, the values and two flags each, with one number. A file to download has three
    # columns with its number, and comes before them.
    numbered = (name for name in names[len(places) :] if _NUMBER.search(name) and not name.startswith("Meta"))
    for number, group in groupby(numbered, key=lambda name: _NUMBER.findall(name)[0]):
        columns = list(group)
        columns = columns[3:] if len(columns) > 5 else columns
        if len(columns) > 3 and int(number) <= MOST_ATTRIBUTES:
            found |= {f"attribute {number} name": columns[0], f"attribute {number} values": columns[1]}
    return found


WOOCOMMERCE = Platform(
    name="WooCommerce",
    parts=_PARTS,
    telling=("type", "SKU", "name", "parent", "regular|published|attribute 1 name"),
    required=("type", "SKU", "name"),
    fields={
        Field.SKU: "SKU",
        Field.TITLE: "name",
        Field.DESCRIPTION: "description",
        Field.BRAND: "brands",
        Field.CATEGORY: "categories",
        Field.PRICE: "regular",
        Field.AVAILABILITY: "in stock",
        Field.URL: "url",
        Field.IMAGE: "images",
        Field.GROUP_ID: "parent",
        Field.GTIN: "gtin",
    },
    read=_read,
)
