"""Which column of a feed holds which field of a product."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Generic, Protocol, TypeVar

from recommender.errors import BadFeed, UsageError
from recommender.feeds.prices import Offer, amount_text


class Field(StrEnum):
    """The fields of a product, as `--map` names them."""

    SKU = "sku"
    TITLE = "title"
    DESCRIPTION = "description"
    BRAND = "brand"
    CATEGORY = "category"
    OTHER_CATEGORIES = "other_categories"
    PRICE = "price"
    CURRENCY = "currency"
    AVAILABILITY = "availability"
    URL = "url"
    IMAGE = "image"
    GROUP_ID = "group_id"
    GTIN = "gtin"
    MPN = "mpn"
    ATTRIBUTES = "attributes"
    OFFERED = "offered"
    """Whether the shop shows the product at all; it is no field of a product, which is left out if not."""


_NAMES: dict[Field, str] = {
    Field.SKU: (
        "sku productcodesku productsku sellersku itemsku itemid productid "
        "articlenumber articleno itemnumber partnumber variantsku productnumber itemno"
        " stockcode artikelnummer oxartnum artikelnr artnr artikelno bestellnummer artikelcode codearticle ugs"
        " referenceproduit numerodarticle codigoarticulo codigoproducto codiceprodotto codicearticolo"
        " codigodoproduto varenummer varenr artikkelinumero tuotenumero tuotekoodi katalogovecislo kodproduktu"
        " indeks stokkodu urunkodu артикул кодтовара 商品番号 商品コード 商品编号 商品编码 상품코드 상품번호 id"
        " asin mpn handle reference referencia riferimento referentie model modell modelo"
        " codice codigo kod sifra cikkszam kodas артикулы variantid ean ean13 gtin gtin13 gtin14 barcode upc"
    ),
    Field.TITLE: (
        "title name productname oxtitle producttitle productdisplayname itemname itemtitle titel artikelname"
        " artikelbezeichnung produktname produktbezeichnung bezeichnung produkttitel titre nom nomduproduit"
        " designation libelle intitule titulo nombre nombreproducto nombredelproducto titolo nome nomeprodotto"
        " nomedoproduto denominazione naam productnaam omschrijvingkort nazwa nazwaproduktu tytul nazev"
        " nazevproduktu jmeno navn produktnavn namn produktnamn benamning nimi tuotenimi tuotteennimi baslik"
        " urunadi isim ad название наименование имя назва termeknev nev megnevezes denumire 商品名 商品名称 品名"
        " 名称 タイトル 標題 标题 상품명 제품명 이름"
    ),
    Field.DESCRIPTION: (
        "description body bodyhtml productdescription longdescription shortdescription fulldescription"
        " beschreibung produktbeschreibung artikelbeschreibung langtext langbeschreibung kurzbeschreibung"
        " descriptif descriptionlongue descriptioncourte descripcion descripcionlarga descrizione descrizionelunga"
        " descricao omschrijving beschrijving productomschrijving opis opisproduktu popis beskrivelse beskrivning"
        " kuvaus aciklama urunaciklamasi описание опис leiras descriere 説明 商品説明 描述 商品描述 상품설명 설명"
    ),
    Field.BRAND: (
        "brand vendor manufacturer brandname marke hersteller herstellername lieferantenmarke marque fabricant"
        " marca fabricante produttore merk fabrikant marka producent vyrobce znacka maerke brandnavn tillverkare"
        " varumarke merkki valmistaja uretici бренд производитель торговаямарка gyarto ブランド メーカー 品牌"
        " 브랜드 제조사"
    ),
    Field.CATEGORY: (
        "category productcategory1 categorypath producttype categories productcategory producttypes categorytree"
        " productcategorytree fullcategory categoryname kategorie kategorien kategoriepfad warengruppe"
        " artikelgruppe produktkategorie produktgruppe categorie categoriesproduit famille rayon categoria"
        " categorias categoriaproducto familia categorieen productcategorie kategoria kategoriaproduktu kategori"
        " kategorier varegruppe produktkategori tuoteryhma kategoriat категория категории категорія kategoria"
        " kategoriak カテゴリ カテゴリー 分类 类别 類別 카테고리 googleproductcategory"
    ),
    Field.OTHER_CATEGORIES: (
        "othercategories additionalcategories secondarycategories furthercategories categories weiterekategorien"
        " zusatzkategorien autrescategories otrascategorias altrecategorie"
    ),
    Field.PRICE: (
        "price regularprice variantprice unitprice listprice retailprice sellingprice productprice oxprice"
        " currentprice pricegross"
        " grossprice pricetaxincluded pricetaxincl priceincltax priceinclvat preis bruttopreis preisbrutto"
        " verkaufspreis vkpreis vkbrutto vk endpreis prix prixttc prixdevente prixvente tarif precio preciodeventa"
        " precioventa pvp preciofinal prezzo prezzodivendita prezzovendita preco precodevenda prijs verkoopprijs"
        " cena cenabrutto cenasdph pris salgspris forsaljningspris hinta myyntihinta fiyat satisfiyati цена"
        " розничнаяцена ціна ar bruttoar pret 価格 販売価格 値段 价格 售价 价钱 가격 판매가"
    ),
    Field.CURRENCY: (
        "currency pricecurrency currencycode wahrung waehrung devise monnaie moneda divisa valuta moeda waluta"
        " mena valuutta parabirimi валюта 通貨 币种 货币 통화"
    ),
    Field.AVAILABILITY: (
        "availability stockstatus instock isinstock stock quantity qty inventory inventoryquantity"
        " variantinventoryqty stocklevel currentstocklevel productquantity oxstock stockquantity"
        " availablequantity verfugbarkeit verfuegbarkeit lagerbestand"
        " lagerstatus lagermenge lager bestand vorratig verfugbar menge disponibilite enstock quantite"
        " stockdisponible disponibilidad existencias cantidad inventario disponibilita giacenza quantita"
        " disponibilidade estoque quantidade beschikbaarheid voorraad voorraadstatus aantal dostepnosc"
        " stanmagazynowy ilosc stan dostupnost skladem sklad mnozstvi lagersaldo lagerantal antal lagerbeholdning"
        " tilgaengelighed saatavuus varasto varastosaldo stok stokdurumu stokadedi наличие остаток количество"
        " вналичии наявність keszlet elerhetoseg stoc disponibilitate 在庫 在庫数 在庫状況 库存 재고 재고수량"
    ),
    Field.URL: (
        "url link producturl permalink productlink produktlink produkturl artikellink deeplink lien urlproduit"
        " enlace urlproducto urlprodotto urlproduto ссылка 商品url 링크"
    ),
    Field.IMAGE: (
        "image imagelink imageurl image1 productimageurl productimagefile1 hostedimageurls imagesrc images"
        " mainimage picture pictureurl photo photourl thumbnail bild"
        " bildurl bilder bildlink hauptbild imageurl1 imageprincipale urlimage photos imagen imagenes urlimagen"
        " immagine immagini imagem imagens afbeelding afbeeldingen afbeeldingurl zdjecie zdjecia obrazek obrazki"
        " imgurl billede billeder kuva kuvat resim gorsel изображение картинка фото 画像 画像url 图片 이미지"
    ),
    Field.GROUP_ID: (
        "groupid itemgroupid parentsku parentid familyid parentproductid productgroupid vaterartikel masterid"
    ),
    Field.GTIN: (
        "gtin gtin13 gtin14 gtin12 gtin8 ean ean13 eancode eannumber ean8 upc upca upccode isbn isbn13 isbn10 jan"
        " barcode variantbarcode gtinupceanorisbn globaltradeitemnumber"
    ),
    Field.MPN: (
        "mpn manufacturerpartnumber manufacturerpartno mfrpartnumber mfgpartnumber manufacturernumber partnumber"
        " modelnumber herstellernummer herstellerartikelnummer"
    ),
    Field.ATTRIBUTES: "attributes",
    Field.OFFERED: (
        "published productvisible productisenabled oxactive ispublished publishedonlinestore active isactive"
        " enabled isenabled productonline online"
        " isonline visible isvisible status productstatus itemstatus listingstatus visibility active01 aktiv"
        " istaktiv veroffentlicht sichtbar publie actif activo publicado visibleenlatienda attivo pubblicato"
        " visibile ativo gepubliceerd actief zichtbaar aktywny opublikowany opublikowano widoczny aktivni"
        " publikovano publicerad udgivet publisert julkaistu yayinda опубликован опубликовано активен 公開 公开"
        " 상태"
    ),
}
"""Names that are recognised, in small letters without separators; of several in one feed the first listed is taken."""

_LEVEL = re.compile(
    r"(?:(?:product|item|main|shop)?(?:categor(?:y|ies|ie|ia|ias|ieen)|kategori(?:e|en|a|i)?|cat|taxonomy|hierarchy"
    r"|warengruppe|rayon|famille|famiglia|familia|категория|カテゴリ|分类)(?:level|lvl|ebene|niveau|nivel|livello|depth|name)?"
    r"|level|lvl|ebene|niveau|nivel|livello)([0-9])(?:name)?|(?:level|lvl|l)([0-9])(?:category|cat|name)(?:name)?"
)
"""Columns that have one level of a path each: `category_1`, `Kategorie Ebene 2`, `level3`, `l1_category`."""

_ABOVE = (
    "maincategory topcategory parentcategory rootcategory hauptkategorie oberkategorie hauptwarengruppe department"
    " categorieprincipale categorieparente categoriaprincipal categoriaprincipale hoofdcategorie kategoriaglowna"
)
_BELOW = (
    "subcategory subcat subcategoryname unterkategorie subkategorie unterwarengruppe souscategorie sousfamille"
    " subcategoria subfamilia sottocategoria subcategorie podkategoria podkategorie underkategori undergruppe"
    " подкатегория altkategori category2",
    "subsubcategory subsubcat subcategory2 unterunterkategorie soussouscategorie subsubcategoria category3",
)
"""Columns of the levels above and below the one that is called the category."""

_SALE = (
    "saleprice specialprice discountprice discountedprice promoprice promotionalprice promotionprice offerprice"
    " dealprice reducedprice actionprice angebotspreis aktionspreis sonderpreis rabattpreis prixpromo prixpromotionnel"
    " prixsolde prixreduit preciooferta preciodeoferta preciorebajado precioespecial prezzoscontato prezzoofferta"
    " prezzoinofferta prezzospeciale precopromocional actieprijs aanbiedingsprijs cenapromocyjna akcnicena kampanjpris"
    " reapris tilbudspris tarjoushinta alennushinta indirimlifiyat акционнаяцена ценасоскидкой セール価格 特価 할인가",
    "salepricestartdate salestart salestartdate salepricefrom salefrom salefromdate salepricefromdate salestartsat"
    " specialpricefromdate specialfromdate specialpricefrom specialfrom specialpricestartdate discountstart"
    " discountstartdate discountfrom promostart promotionstart promostartdate angebotvon aktionvon angebotspreisvon"
    " aktionspreisvon sonderpreisvon",
    "salepriceenddate saleend saleenddate salepriceto saleto saletodate salepricetodate saleendsat"
    " specialpricetodate specialtodate specialpriceto specialto specialpriceenddate discountend discountenddate"
    " discountto promoend promotionend promoenddate angebotbis aktionbis angebotspreisbis aktionspreisbis"
    " sonderpreisbis",
    "salepriceeffectivedate saleperiod saledates",
)
"""Columns of a lower price beside the regular one, and of when it counts: from, to, or both in one with a slash."""

_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d"})
"""Letters whose stroke or dot is no accent of its own to Unicode."""

_ATTRIBUTE_PREFIXES = ("attribute:", "attr_", "attr:", "attributes.")

LONGEST_LIST = 12
"""Columns named in a message."""


@dataclass(frozen=True, slots=True)
class Columns:
    """`fields` and `attributes` name the column that each is read from; `ignored` are the columns not read.

    A category may stand in several columns, one for each of its `levels`, and a `sale` price beside the regular one:
    its column, and those of its begin, its end and its period, where there are any.
    """

    fields: Mapping[Field, str]
    attributes: Mapping[str, str]
    ignored: tuple[str, ...]
    levels: tuple[str, ...] = ()
    sale: tuple[str, ...] = ()

    @property
    def read(self) -> set[str]:
        """The columns that something is read from."""
        return {*self.fields.values(), *self.attributes.values(), *self.levels, *self.sale} - {""}

    def cells_of(self, cells: Mapping[str, Any]) -> dict[Field, Any]:
        """Return the cells of a row by field."""
        found = {field: cells.get(name) for field, name in self.fields.items()}
        if self.levels:
            path = [cell for name in self.levels if (cell := cells.get(name)) not in (None, "")]
            # One of the columns may have whole paths all the same.
            found[Field.CATEGORY] = [cell for cell in path if isinstance(cell, str) and ">" in cell] or path
        if self.sale and (sale := amount_text(cells.get(self.sale[0]))):
            starts, ends, period = (str(cells.get(name) or "") for name in self.sale[1:])
            if not starts and not ends:
                starts, _, ends = period.partition("/")
            found[Field.PRICE] = Offer(amount_text(found.get(Field.PRICE)), sale, starts, ends)
        return found


@cache
def _aliases() -> dict[Field, tuple[str, ...]]:
    return {field: tuple(map(plain_name, names.split())) for field, names in _NAMES.items()}


def field_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """Read `--map` pairs: of a field, or of `attribute:NAME`. Raises `UsageError` for a field that does not exist."""
    fields: dict[str, str] = {}
    for name, column in mapping.items():
        if attribute := attribute_of(name):
            fields[f"attribute:{attribute}"] = column
            continue
        if name.casefold() not in set(Field):
            raise UsageError(
                f"--map: products have no field {name!r}; the fields are {', '.join(Field)}, or attribute:NAME"
            )
        fields[Field(name.casefold())] = column
    return fields


def match_columns(names: Sequence[str], mapping: Mapping[str, str]) -> Columns:
    """Find the fields among the columns of a feed; what `mapping` says wins, and a field without a column is not read.

    Columns that it names may be missing.
    """
    attributes = {attribute: name for name in names if (attribute := attribute_of(name))}
    for name, column in mapping.items():
        if (attribute := attribute_of(name)) and (found := column_named(column, names)):
            attributes[attribute] = found
        else:
            attributes.pop(attribute, None)
    mapped = {column_named(column, names) for column in mapping.values() if column}
    by_name = {plain_name(name): name for name in reversed(names) if name not in mapped and not attribute_of(name)}
    fields: dict[Field, str] = {}
    for field, aliases in _aliases().items():
        if field in mapping:
            found = column_named(mapping[field], names) if mapping[field] else None
        else:
            found = next((by_name[alias] for alias in aliases if alias in by_name), None)
        if found is not None:
            fields[field] = found
    levels = () if Field.CATEGORY in mapping else _levels(by_name, fields.get(Field.CATEGORY))
    if levels:
        fields[Field.CATEGORY] = levels[0]
    sale: tuple[str, ...] = ()
    if Field.PRICE not in mapping:
        found_sale = [next((by_name[name] for name in each.split() if name in by_name), "") for each in _SALE]
        sale = tuple(found_sale) if found_sale[0] else ()
    if sale:
        fields.setdefault(Field.PRICE, sale[0])
    columns = Columns(fields, attributes, (), levels, sale)
    return replace(columns, ignored=tuple(name for name in names if name not in columns.read and name.strip()))


def _levels(by_name: Mapping[str, str], category: str | None) -> tuple[str, ...]:
    """Return the columns that hold one level of a category each, the highest first; none where one column has all."""
    numbered: dict[str, dict[int, str]] = {}
    for plain, name in by_name.items():
        if found := _LEVEL.fullmatch(plain):
            stem = plain[: found.start(found.lastindex or 1)]
            numbered.setdefault(stem, {})[int(found[1] or found[2])] = name
    most = max(numbered.values(), key=len, default={})
    if len(most) > 1:
        return tuple(name for _, name in sorted(most.items()))
    above, *below = (
        next((by_name[name] for name in names.split() if name in by_name), None) for names in (_ABOVE, *_BELOW)
    )
    levels = tuple(name for name in (above, category, *below) if name)
    return levels if len(levels) > 1 else ()


def require_columns(
    source: str, names: Sequence[str], mapping: Mapping[str, str], required: Sequence[Field] = (Field.SKU, Field.TITLE)
) -> Columns:
    """Find the fields among the columns of a feed.

    Raises `BadFeed` when a column stands there twice, a mapped one is missing, or a `required` field can't be found.
    """
    seen: dict[str, str] = {}
    known = {alias for aliases in _aliases().values() for alias in aliases}
    for name in filter(str.strip, names):
        key = plain_name(name) if plain_name(name) in known else name.strip()
        if key in seen:
            raise BadFeed(f"{source}: the columns {seen[key]!r} and {name!r} have one name; rename or remove one")
        seen[key] = name
    columns = match_columns(names, mapping)
    for field, column in mapping.items():
        if column and field not in columns.fields and attribute_of(field) not in columns.attributes:
            raise BadFeed(f"{source}: no column {column!r} for --map {field}={column}; it has {enumerate_names(names)}")
    for field in required:
        if field not in columns.fields:
            raise BadFeed(
                f"{source}: no column for the {field} among {enumerate_names(names)}; name it with --map {field}=COLUMN"
            )
    return columns


@lru_cache(maxsize=4096)
def names_field(name: str, field: Field) -> bool:
    """Tell whether a column, or an attribute, of this name may hold a field."""
    return plain_name(name) in _NAMES[field].split()


def plain_name(name: str) -> str:
    """Return a column's name as names are compared: in small letters without separators, accents and Google's `g:`."""
    plain = name.strip().casefold().removeprefix("g:")
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain).translate(_LETTERS)
    return "".join(filter(str.isalnum, plain))


def attribute_of(name: str) -> str:
    """Return the attribute that a column of this name has; empty for another column."""
    plain = name.strip()
    for prefix in _ATTRIBUTE_PREFIXES:
        if plain.casefold().startswith(prefix):
            return " ".join(plain[len(prefix) :].split())
    return ""


def column_named(column: str, names: Sequence[str]) -> str | None:
    """Return the column that `--map` means: of exactly this name, else one that differs in case or separators."""
    exact = (name for name in names if name.strip() == column.strip())
    alike = (name for name in names if plain_name(name) == plain_name(column))
    return next(exact, None) or next(alike, None)


def enumerate_names(names: Sequence[str]) -> str:
    """Return the first columns for a message."""
    shown = ", ".join(repr(name[:40]) for name in names[:LONGEST_LIST])
    return shown + (f" and {len(names) - LONGEST_LIST:,} more" if len(names) > LONGEST_LIST else "")


MAX_NAMES = 2_000
"""Sets of names whose columns are remembered, and names that nothing is read from that are kept for the report."""


class MatchedColumns(Protocol):
    """What a set of names matches: the column that each field is read from, and those that nothing is read from."""

    @property
    def fields(self) -> Mapping[Field, str]:
        """The column of each field."""

    @property
    def ignored(self) -> Sequence[str]:
        """Columns that nothing is read from."""


Matched = TypeVar("Matched", bound=MatchedColumns)


class Shapes(Generic[Matched]):
    """Remembers what `match` found for a set of names, the names that nothing is read from, and those of the fields."""

    def __init__(self, match: Callable[[tuple[str, ...]], Matched]) -> None:
        self._match = match
        self._known: dict[tuple[str, ...], Matched] = {}
        self.field_columns: dict[Field, str] = {}
        self._ignored: dict[str, None] = {}

    @property
    def leftover_names(self) -> tuple[str, ...]:
        """Names that nothing was read from, in the items matched so far."""
        return tuple(self._ignored)

    def of(self, names: tuple[str, ...]) -> Matched:
        """Return what the names of an item match."""
        found = self._known.get(names)
        if found is None:
            found = self._match(names)
            if len(self._known) >= MAX_NAMES:
                self._known.clear()
            self._known[names] = found
            for field, name in found.fields.items():
                self.field_columns.setdefault(field, name)
            new = [name for name in dict.fromkeys(found.ignored) if name not in self._ignored]
            self._ignored.update(dict.fromkeys(new[: max(0, MAX_NAMES - len(self._ignored))]))
        return found
