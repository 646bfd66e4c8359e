"""Items of an RSS or Atom file, read as a stream, in bounded memory whatever the file contains.

Expat calls us as it reads; no tree is built. A document type that declares anything is refused where it begins, and one
that only names a file, as YML's does, is skipped. So no entity but XML's own five, and HTML's by their names, is ever
expanded, and nothing is fetched (https://docs.python.org/3/library/xml.html#xml-security).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from html.entities import html5
from itertools import islice
from typing import Any, ClassVar
from xml.parsers import expat

from recommender.errors import BadFeed
from recommender.feeds.columns import MAX_NAMES
from recommender.feeds.lines import MAX_LINE
from recommender.feeds.sources import UNREADABLE, FeedFile, broken_off, reason
from recommender.feeds.tables import Table, TableRow
from recommender.types import PATH_SEPARATOR

CHUNK = 1 << 16
"""Bytes parsed at a time: 64 KiB, so that few items are finished in between."""

SAMPLED_ITEMS = 200
"""Items whose parts are read before anything is written."""

MAX_DEPTH = 100
"""Elements within one another; product data needs five, and each open one takes memory."""

DIALECTS = {
    "rss": "google",
    "feed": "google",
    "rdf": "google",
    "channel": "google",
    "shop": "heureka",
    "yml_catalog": "yml",
    "offers": "ceneo",
    "products": "products",
    "catalog": "products",
    "offer": "iof",
    "bmecat": "bmecat",
}
"""The dialect of a feed, by its root; any other root may have products, or a list of `products` within it."""

_PRODUCTS = frozenset(
    "product item article artikel produkt produit producto prodotto prodotti produto urun tuote termek varu toode"
    " offer товар tovar good".split()
)
_LISTS = _PRODUCTS | frozenset(
    "products items articles produkte produkty produits productos prodotti produtos produkter tuotteet termekek urunler"
    " offers товары goods catalog catalogue list data channel".split()
)
"""What each product may be called right below any other root, or below a list there, and what that may be called."""

_COMMON = frozenset({"google", "heureka", "ceneo", "products"})
"""Dialects whose root, such as `<SHOP>`, `<offers>` or `<catalog>`, others have, too."""

_TRADE = re.compile(r"order|invoice|cart|basket|rechnung|bestell|commande|facture|pedido|ordine|заказ")
"""Roots of files that have products of orders, which are no catalogue."""

_ITEMS = {
    "google": ("item", "entry"), "heureka": ("shopitem",), "yml": ("offer",), "ceneo": ("o",),
    "products": ("product",), "iof": ("product",), "bmecat": ("article", "product"), "": (),
}  # fmt: skip
_NAMING = ("name", "attribute-id")
"""XML attributes that name what the text of a part is about."""

_PARAMETERS = frozenset("parameter param attribute feature property".split())
"""Parts that have the name of an attribute of a product in a part `name`, and its value in another."""

_TRANSLATIONS = frozenset("language translation value".split())
"""Parts that hold the text of the part around them in one language, by a `lang` or an `id`; the first counts."""

_NESTED = frozenset({"heureka", "ceneo", "products", "iof", "bmecat"})
"""Dialects whose products have parts within parts: `<STOCK><AMOUNT>3</AMOUNT></STOCK>` is `stock amount`."""

_VARIANTS = frozenset("variant variation combination subproduct variante varyant varyasyon secenek".split())
"""What a part of a product is called that is a variant of it, with parts of its own."""

MOST_PARTS = 1_000
"""Parts within the parts of a product that are kept."""
_PAIRS = {
    "param": ("param_name", "val"),
    "additional_variant_attribute": ("label", "value"),
    "product_detail": ("attribute_name", "attribute_value"),
}
"""Attributes of a product, by the elements of their name and value, in feeds of Heureka, Facebook and Google. YML names
one in an XML attribute."""

MOST_CATEGORIES = 100_000
"""Categories that a feed may list before its items, which then name them by number."""

_PROSE = frozenset({"description", "summary", "content"})
"""Parts whose markup may be unescaped: the text within it counts."""

_FLAT = frozenset({*_PAIRS, *_PROSE, "delivery"})
"""Parts whose own parts are not kept: those that are read in another way, and what it costs to send a product."""

_GOOGLE = "base.google.com"
_PLAIN = frozenset(
    {"", "http://www.w3.org/2005/Atom", "http://purl.org/rss/1.0/", "http://purl.org/atom/ns#"}
    | {"http://www.zbozi.cz/ns/offer/1.0"}  # the feeds of Zboží.cz are like Heureka's
)

_BEFORE = re.compile(rb"(?:\xef\xbb\xbf)?\s+(?=<\?xml)")
_BARE = re.compile(rb"&(?!(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z_:][A-Za-z0-9_.:-]{0,31});)")
"""An ampersand that begins no entity: `Black & Decker`, `?id=1&page=2`."""

_UNFINISHED = re.compile(rb"&[^;&]{0,34}$")
_MENDED = "has & where XML needs &amp;, and is read so"
_CONTROL = bytes(set(range(1, 32)) - set(b"\t\n\r"))
"""What XML does not admit, before its declaration and within texts, but carries no meaning."""

_INVALID = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]
_CUT_OFF = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)


@dataclass(slots=True)
class Item:
    """An item as it is read: its line, and its parts by name; a part that repeats is a list, a nested one None."""

    line: int
    parts: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    variants: list[dict[str, Any]] = field(default_factory=list)
    remark: str = ""


class _NoFeed(Exception):
    """The file is XML of another kind, or of a dangerous one; the message says which."""


class _InvalidToken(Exception):
    """Something is no XML, which may be a bare ampersand."""


class XmlTable(Table):
    """The items of an RSS or Atom file, each with parts of its own. Raises `BadFeed` for a file without any.

    The variants of a product are rows below it, or with `nests` a list in its row.
    """

    uniform: ClassVar[bool] = False

    def __init__(self, file: FeedFile) -> None:
        self.name = file.name
        self.dialect = ""
        self.nests = False
        self._file = file
        self._mends = False
        names: dict[str, None] = {}
        try:
            for row in islice(self.rows(), SAMPLED_ITEMS):
                names.update(dict.fromkeys(row.cells))
        except BadFeed:
            if not names:  # else the items before the damage are worth reading
                raise
        if not names:
            expected = " or ".join(f"<{name}>" for name in _ITEMS[self.dialect])
            raise BadFeed(f"{self.name}: holds no {expected} with product data; expected one for each product")
        self.columns = tuple(names)[:MAX_NAMES]

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:  # noqa: ARG002 - items are read whole
        """Read the items. A file with bare ampersands is read again with entities in their place.

        Raises `BadFeed` that names the line when the file is no XML feed or is cut off; the items before it come first.
        """
        count = 0
        try:
            for row in self._rows():
                count += 1
                yield row
        except _InvalidToken:
            self._mends = True
            yield from islice(self._rows(), count, None)

    def _rows(self) -> Iterator[TableRow]:
        """Read the items once. Raises `BadFeed`, and `_InvalidToken` where mending may help."""
        self.early_end = ""
        parser = _Parser(self._mends)
        with self._file.open() as stream:
            while True:
                failure: BadFeed | None = None
                chunk = b""
                try:
                    chunk = stream.read(CHUNK)
                    parser.feed(chunk)
                except _NoFeed as error:
                    failure = BadFeed(f"{self.name}: {error}")
                except (expat.ExpatError, *UNREADABLE, ValueError, LookupError) as error:
                    failure = broken_off(self.name, parser.line, _why(error))
                self.dialect = parser.dialect
                for item in parser.take():
                    if self.nests:
                        nested = {"variants": item.variants} if item.variants else {}
                        yield TableRow(item.line, item.parts | nested, item.parts, item.problem, item.remark)
                        continue
                    parts = {**item.parts, "kind": "product"} if item.variants else item.parts
                    yield TableRow(item.line, parts, parts, item.problem, item.remark)
                    for variant in item.variants:
                        yield TableRow(item.line, variant, variant, item.problem)
                if failure and parser.is_token_invalid and not self._mends:
                    raise _InvalidToken
                if failure:
                    self.early_end = str(failure)
                    raise failure
                if not chunk:
                    return


class _Parser:
    """Parses chunks. One that `mends` writes bare ampersands as entities, in CDATA too: texts are decoded later."""

    def __init__(self, mends: bool) -> None:
        self._expat = expat.ParserCreate(namespace_separator=" ")
        self._expat.buffer_text = True
        self._expat.UseForeignDTD()  # so an entity of HTML is skipped, and told to `_entity`, without a document type
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._data
        self._expat.StartDoctypeDeclHandler = self._doctype
        self._expat.SkippedEntityHandler = self._entity
        self._expat.DefaultHandler = self._other
        self._expat.StartCdataSectionHandler = self._tell_mended
        self._expat.EndCdataSectionHandler = self._pass_mended  # there they are right
        self._done: list[Item] = []
        self._depth = 0
        self._item_depth = 0
        self._item: Item | None = None
        self._google: dict[str, Any] = {}
        self._part = ""
        self._of_google = False
        self._text: list[str] = []
        self._nested = False
        self._size = 0
        self._silent = 0
        self.dialect = ""
        self._pair: dict[str, str] = {}
        self._category: dict[str, str] = {}
        self._categories: dict[str, tuple[str, str]] = {}
        self._root = ""
        self._list = ""
        self._items: tuple[str, ...] = ()
        self._plain = _PLAIN
        self._path: list[str] = []
        self._variant: dict[str, Any] | None = None
        self._variant_depth = 0
        self._parameter = ""
        self._is_leaf = False
        self._within = False
        self._has_items = False
        self._is_new, self._is_wide, self._above = True, False, 0
        self._mends, self._kept, self._given = mends, b"", 0
        self._mended: deque[int] = deque()

    @property
    def is_token_invalid(self) -> bool:
        """Whether it stopped at something that is no XML."""
        return self._expat.ErrorCode == _INVALID

    @property
    def line(self) -> int:
        """The line that has been reached."""
        return self._expat.CurrentLineNumber + self._above

    def feed(self, chunk: bytes) -> None:
        if self._is_new:
            self._is_new, self._is_wide = False, b"\x00" in chunk[:4]
            if before := _BEFORE.match(chunk):
                self._above, chunk = before[0].count(b"\n"), chunk[before.end() :]
        self._silent += len(chunk)
        is_last = not chunk
        if not self._is_wide:
            chunk = self._mend(chunk.translate(None, _CONTROL), is_last)
        self._expat.Parse(chunk, is_last)
        if is_last and self._root and not self.dialect:
            self._refuse_root()
        if self._silent > MAX_LINE:
            # Expat scans an unfinished tag or comment again with every chunk, and keeps all of it.
            raise _NoFeed(f"line {self.line:,} holds a tag or a comment of more than {MAX_LINE >> 20} MiB")

    def _mend(self, chunk: bytes, is_last: bool) -> bytes:
        """Return a chunk with entities in place of bare ampersands. What it ends within is kept for the next."""
        if not self._mends:
            return chunk
        chunk = self._kept + chunk
        unfinished = None if is_last else _UNFINISHED.search(chunk)
        end = unfinished.start() if unfinished else len(chunk)
        chunk, self._kept = chunk[:end], chunk[end:]
        grown = len(b"&amp;") - len(b"&")
        places = enumerate(_BARE.finditer(chunk))
        self._mended += (self._given + found.start() + number * grown for number, found in places)
        chunk = _BARE.sub(b"&amp;", chunk)
        self._given += len(chunk)
        return chunk

    def _tell_mended(self) -> None:
        """Tell of the ampersands that were mended up to here in the item."""
        if self._pass_mended() and self._item is not None:
            self._item.remark = _MENDED

    def _pass_mended(self) -> bool:
        """Forget the ampersands that were mended up to here, and tell whether there are any."""
        before = len(self._mended)
        while self._mended and self._mended[0] < self._expat.CurrentByteIndex:
            self._mended.popleft()
        return len(self._mended) < before

    def take(self) -> list[Item]:
        done, self._done = self._done, []
        return done

    def _refuse_root(self) -> None:
        raise _NoFeed(
            f"is XML with the root <{self._root[:40]}>; expected product data in RSS 2.0 or Atom, a feed of Heureka"
            " (<SHOP>), YML (<yml_catalog>) or Ceneo (<offers>), or a list of <product> in <products>"
        )

    def _find_products(self, name: str) -> None:
        """Take an element below an unknown root for a product, or for the list of products."""
        if name == "products":
            self.dialect, self._items = name, _ITEMS[name]
        elif self._root == "offers" and name == "product":  # IdoSell's older feed
            self.dialect, self._items = "iof", _ITEMS["iof"]
        elif _TRADE.search(self._root):
            self._refuse_root()
        elif name in _PRODUCTS and (self._depth == 2 or (self._depth == 3 and self._list in _LISTS)):
            self.dialect, self._items = "products", (name,)
        elif self._depth == 2:
            self._list = name

    def _doctype(self, name: str, _system: str | None, _public: str | None, has_declarations: bool) -> None:
        if name.casefold() == "html":
            raise _NoFeed("is a web page, not a feed; is it the answer of a server that asks for a login?")
        if has_declarations:
            raise _NoFeed(
                f"declares a document type (<!DOCTYPE {name[:40]} [...]>), which may hide entities that expand without"
                " end; product data needs none: remove it"
            )

    def _entity(self, name: str, is_parameter: bool) -> None:
        """Take an entity of HTML, which a document type that is not read would have declared; others become nothing."""
        if not is_parameter:
            self._data(html5.get(f"{name};", " "))

    def _other(self, _: str) -> None:
        self._silent = 0

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._silent = 0
        self._depth += 1
        namespace, _, name = tag.rpartition(" ")
        name = name.casefold()
        if self._depth > MAX_DEPTH:
            raise _NoFeed(f"has elements more than {MAX_DEPTH} deep at line {self.line:,}; that is no product data")
        if self._depth == 1:
            self._root, self.dialect = name, DIALECTS.get(name, "")
            self._items = _ITEMS[self.dialect]
            self._plain = _PLAIN | {namespace}
        elif not self.dialect or (not self._has_items and name not in self._items and self.dialect in _COMMON):
            self._find_products(name)
        if self._item is None:
            if name in self._items:
                self._item, self._item_depth, self._has_items = Item(self.line), self._depth, True
                self._google, self._size, self._part = {}, 0, ""
                self._pass_mended()
                self._path, self._variant, self._parameter = [], None, ""
                if self.dialect != "google":
                    self._item.parts |= {key.casefold(): value for key, value in attributes.items()}
            elif name == "category":
                self._category = {"id": attributes.get("id", ""), "above": attributes.get("parentId", "")}
                self._size = 0
            elif self._category:
                self._keep_category("category")
            self._text = []
        elif self._depth == self._item_depth + 1:
            self._start_part(self._item, namespace, name, attributes)
        else:
            self._nested = self._part not in _PAIRS
            if self._within:
                self._start_within(name, attributes)
            elif not self._nested:
                self._text = []

    def _start_part(self, item: Item, namespace: str, name: str, attributes: Mapping[str, str]) -> None:
        """Begin a part of a product."""
        self._of_google = _GOOGLE in namespace
        self._part = name if self._of_google or namespace in self._plain else ""
        first = item.parts.get(f"{name} currency")
        if first and attributes.get("currency", first) != first:  # of a price in several currencies the first counts
            self._part = ""
        self._nested, self._text = False, []
        self._within = self.dialect in _NESTED and (self._part not in _FLAT or self.dialect == "iof")
        self._pair = {"name": attributes.get("name", ""), "value": attributes.get("value", "")}
        if self._part == "link" and attributes.get("rel", "alternate") == "alternate":
            self._keep(attributes.get("href", ""))
        self._size += len(name)
        self._path = [name]
        if self._within and self._part in _PARAMETERS and self._pair["name"] and self._pair["value"]:
            item.parts.setdefault(f"attribute:{self._pair['name']}", self._pair["value"])
        elif self.dialect in ("products", "iof") and self._part:
            for attribute, value in attributes.items():
                if " " not in attribute:
                    item.parts.setdefault(f"{name} {attribute}".casefold(), value)

    def _start_within(self, name: str, attributes: Mapping[str, str]) -> None:
        """Begin a part within a part of a product."""
        self._text, self._is_leaf = [], True
        self._size += len(name) + sum(map(len, attributes.values()))
        if name in _TRANSLATIONS and any(attribute.split(" ")[-1] in ("id", "lang") for attribute in attributes):
            self._path.append("")
            return
        self._path.append(name)
        is_variant = name in _VARIANTS or (name == "size" and self.dialect == "iof")
        if is_variant and self._variant is None:
            self._variant, self._variant_depth = {"kind": "variant"}, self._depth
        naming = _NAMING if self.dialect != "iof" else ()
        self._parameter = next((attributes[name] for name in naming if name in attributes), self._parameter)
        if self._parameter and name in _PARAMETERS and "value" in attributes:
            self._keep_parameter(attributes["value"])
            return
        for attribute, value in attributes.items():
            if attribute not in naming and " " not in attribute:  # one of another namespace, such as xml:lang
                self._keep_within(attribute.casefold(), value)

    def _end_within(self) -> None:
        """End a part within a part of a product: its text counts if it has no parts itself."""
        name, text = self._path[-1], "".join(self._text).strip()
        if self._depth == self._variant_depth and self._variant is not None and self._item is not None:
            if self._size <= MAX_LINE:
                self._item.variants.append(self._variant)
            self._variant = None
        elif self._is_leaf and text:
            if len(self._path) > 1 and self._path[-2] in _PARAMETERS and name == "name":
                self._parameter = text
            elif not self._parameter:
                self._keep_within("", text)
            else:
                self._keep_parameter(text)
        if name in _PARAMETERS:
            self._parameter = ""
        self._path.pop()
        self._text, self._is_leaf = [], False

    def _keep_parameter(self, value: str) -> None:
        """Keep an attribute of a product, or an option of a variant, whose name came before."""
        if self._variant is not None:
            number = sum(part.startswith("option name") for part in self._variant) + 1
            self._variant |= {f"option name {number}": self._parameter, f"option value {number}": value}
        elif self._item is not None and len(self._item.parts) < MOST_PARTS:
            self._item.parts.setdefault(f"attribute:{self._parameter}", value)
        self._parameter = ""

    def _keep_within(self, attribute: str, text: str) -> None:
        """Keep a part within a part, of which the first counts; of categories all do."""
        if self._item is None or self._size > MAX_LINE:
            return
        # In IdoSell's feed `size` names what its parts are about, as the product has such parts, too.
        inner = 1 if self.dialect == "iof" else 0
        above = self._variant_depth - self._item_depth - inner if self._variant is not None else 0
        part = " ".join(filter(None, [*self._path[above:], attribute]))
        parts = self._item.parts if self._variant is None else self._variant
        if part.endswith("category") and part in parts:
            parts[part] = f"{parts[part]}; {text}"
        elif len(parts) < MOST_PARTS:
            parts.setdefault(part, text)

    def _data(self, text: str) -> None:
        self._silent = 0
        is_plain = self._depth == self._item_depth + 1 or self._part in _PROSE or self._within
        if (self._item is None and self._category) or self._part in _PAIRS or (self._part and is_plain):
            self._keep(text)

    def _keep(self, text: str) -> None:
        self._size += len(text)
        if self._size <= MAX_LINE:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        self._silent = 0
        if self._part in _PAIRS:
            name = tag.rpartition(" ")[2].casefold() if self._depth > self._item_depth + 1 else "text"
            self._pair[name] = "".join(self._text).strip()
        if self._item is not None and self._depth > self._item_depth + 1 and self._within:
            self._end_within()
        elif self._item is not None and self._depth == self._item_depth + 1:
            self._end_part()
        elif self._item is None and self._category:
            name = tag.rpartition(" ")[2].casefold()
            self._keep_category(name)
            if name == "category":
                self._category = {}
        elif self._item is not None and self._depth == self._item_depth:
            self._item.parts.update(self._google)
            # Of several numbers the first counts.
            numbers = self._item.parts.get("categoryid") or ""
            identity = numbers if isinstance(numbers, str) else numbers[0]
            departments: list[str] = []
            while identity in self._categories and len(departments) < MAX_DEPTH:
                identity, department = self._categories[identity]
                departments.insert(0, department)
            if departments:
                del self._item.parts["categoryid"]
                self._item.parts["category"] = PATH_SEPARATOR.join(departments)
            for prose in ("summary", "content"):
                found = self._item.parts.pop(prose, None)
                if found and not self._item.parts.get("description"):
                    self._item.parts["description"] = found
            if self._size > MAX_LINE:
                self._item.problem = f"the item is longer than {MAX_LINE >> 20} MiB"
                self._item.parts = {
                    name: self._item.parts[name] for name in ("id",) if name in self._item.parts
                }  # the report names it
            self._tell_mended()
            self._done.append(self._item)
            self._item, self._google = None, {}
        self._depth -= 1

    def _keep_category(self, name: str) -> None:
        """Keep the text of a category above the items, or of a part of one: its number, the one above it, or its name.

        The first of each counts. Without a part `name` the first text is the name.
        """
        text, self._text = "".join(self._text).strip(), []
        category, part = self._category, {"parentid": "above"}.get(name, name)
        part = part if part in ("id", "above", "name") else "text"
        category[part] = category.get(part) or text
        label = category.get("name") or category.get("text")
        if category["id"] and label and len(self._categories) < MOST_CATEGORIES:
            self._categories[category["id"]] = category["above"], label

    def _end_part(self) -> None:
        if self._item is None or not self._part or self._size > MAX_LINE:
            return
        if self._part in _PAIRS:
            names, values = _PAIRS[self._part]
            stated, value = self._pair.get(names) or self._pair["name"], self._pair.get(values) or self._pair["text"]
            value = value or self._pair["value"]
            if value and stated.strip():
                name = f"attribute:{stated.strip()}"
                before = self._item.parts.get(name)
                self._item.parts[name] = f"{before}, {value}" if before else value
            self._part = ""
            return
        self._parameter = ""
        parts = self._google if self._of_google else self._item.parts
        nested = self._nested and self._part not in _PROSE
        text = None if nested else "".join(self._text).strip()
        if (
            not text
            and self._within
            and (self._part in _PARAMETERS or any(name.startswith(f"{self._part} ") for name in parts))
        ):
            pass  # what it holds is kept: its parts, or its attributes
        elif not parts.get(self._part):
            parts[self._part] = text
        elif text:
            there = parts[self._part]
            parts[self._part] = [*there, text] if isinstance(there, list) else [there, text]
        self._part = ""


def _why(error: Exception) -> str:
    if isinstance(error, expat.ExpatError):
        if error.code in _CUT_OFF:
            return "the file is cut off within an element"
        return f"it is not well-formed XML ({expat.ErrorString(error.code)} at column {error.offset + 1:,})"
    if isinstance(error, UNREADABLE):
        return reason(error)
    return f"its encoding can't be read ({error})"
