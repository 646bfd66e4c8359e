"""Items of an RSS or Atom file, read as a stream: in bounded memory, and nothing in the file can make more of it.

Expat calls us as it goes; no tree is built. Entities other than XML's own five need a document type, which is refused
where it begins, so none is ever expanded or fetched (https://docs.python.org/3/library/xml.html#xml-security).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
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
"""Bytes parsed at a time: 64 KiB, so that the items finished in between are few."""

SAMPLED_ITEMS = 200
"""Items whose parts are looked at before anything is written."""

MAX_DEPTH = 100
"""Elements within one another; product data needs five, and each one open costs memory."""

DIALECTS = {
    "rss": "google",
    "feed": "google",
    "rdf": "google",
    "channel": "google",
    "shop": "heureka",
    "yml_catalog": "yml",
}
"""Whose feed it is, by its root."""

_ITEMS = {"google": ("item", "entry"), "heureka": ("shopitem",), "yml": ("offer",), "": ()}
_PARAMETER = "param"
"""An attribute of a product: Heureka's feeds name it in an element, and YML does so in an attribute."""

MOST_CATEGORIES = 100_000
"""Categories that a feed may list before its items, which then name them by number."""

_PROSE = frozenset({"description", "summary", "content"})
"""Parts whose markup may stand unescaped: the text within it counts."""

_GOOGLE = "base.google.com"
_PLAIN = frozenset({"", "http://www.w3.org/2005/Atom", "http://purl.org/rss/1.0/", "http://purl.org/atom/ns#"})

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


class _NoFeed(Exception):
    """The file is XML of another kind, or of a dangerous one; the message says which."""


class XmlTable(Table):
    """The items of an RSS or Atom file, each with parts of its own. Raises `BadFeed` for a file without any."""

    uniform: ClassVar[bool] = False

    def __init__(self, file: FeedFile) -> None:
        self.name = file.name
        self.dialect = ""
        self._file = file
        names: dict[str, None] = {}
        try:
            for row in islice(self.rows(), SAMPLED_ITEMS):
                names.update(dict.fromkeys(row.cells))
        except BadFeed:
            if not names:  # else the items before the damage are worth reading
                raise
        if not names:
            raise BadFeed(f"{self.name}: holds no <item> or <entry> with product data; expected one for each product")
        self.columns = tuple(names)[:MAX_NAMES]

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:  # noqa: ARG002 - items are read whole
        """Read the items.

        Raises `BadFeed` that names the line when the file is no XML feed or is cut off; the items before it come first.
        """
        self.early_end = ""
        parser = _Parser()
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
                    yield TableRow(item.line, item.parts, item.parts, item.problem)
                if failure:
                    self.early_end = str(failure)
                    raise failure
                if not chunk:
                    return


class _Parser:
    def __init__(self) -> None:
        self._expat = expat.ParserCreate(namespace_separator=" ")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._data
        self._expat.StartDoctypeDeclHandler = self._doctype
        self._expat.DefaultHandler = self._other
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
        self._category = ("", "")
        self._categories: dict[str, tuple[str, str]] = {}

    @property
    def line(self) -> int:
        """The line that has been reached."""
        return self._expat.CurrentLineNumber

    def feed(self, chunk: bytes) -> None:
        self._silent += len(chunk)
        self._expat.Parse(chunk, not chunk)
        if self._silent > MAX_LINE:
            # Expat scans an unfinished tag or comment again with every chunk, and keeps all of it.
            raise _NoFeed(f"line {self.line:,} holds a tag or a comment of more than {MAX_LINE >> 20} MiB")

    def take(self) -> list[Item]:
        done, self._done = self._done, []
        return done

    def _doctype(self, name: str, *_: object) -> None:
        if name.casefold() == "html":
            raise _NoFeed("is a web page, not a feed; is it the answer of a server that asks for a login?")
        raise _NoFeed(
            f"declares a document type (<!DOCTYPE {name[:40]}>), which may hide entities that expand without end;"
            " product data needs none: remove it"
        )

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
            if name not in DIALECTS:
                raise _NoFeed(
                    f"is XML with the root <{name[:40]}>; expected product data in RSS 2.0 or Atom, or a feed of"
                    " Heureka (<SHOP>) or YML (<yml_catalog>)"
                )
            self.dialect = DIALECTS[name]
        if self._item is None:
            if name in _ITEMS[self.dialect]:
                self._item, self._item_depth = Item(self.line), self._depth
                self._google, self._size, self._part = {}, 0, ""
                if self.dialect == "yml":
                    self._item.parts |= {key.casefold(): value for key, value in attributes.items()}
            elif self.dialect == "yml" and name == "category":
                self._category, self._text = (attributes.get("id", ""), attributes.get("parentId", "")), []
        elif self._depth == self._item_depth + 1:
            self._of_google = _GOOGLE in namespace
            self._part = name if self._of_google or namespace in _PLAIN else ""
            self._nested, self._text = False, []
            self._pair = {"param_name": attributes.get("name", "")} if self._part == _PARAMETER else {}
            if self._part == "link" and attributes.get("rel", "alternate") == "alternate":
                self._keep(attributes.get("href", ""))
            self._size += len(name)
        else:
            self._nested = self._part != _PARAMETER
            if not self._nested:
                self._text = []

    def _data(self, text: str) -> None:
        self._silent = 0
        if self._item is None and self._category[0]:
            self._text.append(text)
        elif self._part == _PARAMETER or (self._part and (self._depth == self._item_depth + 1 or self._part in _PROSE)):
            self._keep(text)

    def _keep(self, text: str) -> None:
        self._size += len(text)
        if self._size <= MAX_LINE:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        self._silent = 0
        if self._part == _PARAMETER:
            self._pair[tag.casefold() if self._depth > self._item_depth + 1 else "text"] = "".join(self._text).strip()
        if self._item is not None and self._depth == self._item_depth + 1:
            self._end_part()
        elif self._item is None and self._category[0]:
            number, above = self._category
            if len(self._categories) < MOST_CATEGORIES:
                self._categories[number] = above, "".join(self._text).strip()
            self._category = ("", "")
        elif self._item is not None and self._depth == self._item_depth:
            self._item.parts.update(self._google)
            if numbers := self._item.parts.get("categoryid"):
                self._item.parts["category"] = self._path_of(numbers)
            for prose in ("summary", "content"):
                found = self._item.parts.pop(prose, None)
                if found and not self._item.parts.get("description"):
                    self._item.parts["description"] = found
            if self._size > MAX_LINE:
                self._item.problem = f"the item is longer than {MAX_LINE >> 20} MiB"
                self._item.parts = {
                    name: self._item.parts[name] for name in ("id",) if name in self._item.parts
                }  # the report names it
            self._done.append(self._item)
            self._item, self._google = None, {}
        self._depth -= 1

    def _path_of(self, numbers: str | list[str]) -> str:
        """Return the category of a number among those that the feed lists; of several numbers the first counts."""
        names: list[str] = []
        number = numbers if isinstance(numbers, str) else numbers[0]
        while number in self._categories and len(names) < MAX_DEPTH:
            number, name = self._categories[number]
            names.insert(0, name)
        return PATH_SEPARATOR.join(names)

    def _end_part(self) -> None:
        if self._item is None or not self._part or self._size > MAX_LINE:
            return
        if self._part == _PARAMETER:
            name, value = f"attribute:{self._pair['param_name'].strip()}", self._pair.get("val") or self._pair["text"]
            if value and self._pair["param_name"].strip():
                before = self._item.parts.get(name)
                self._item.parts[name] = f"{before}, {value}" if before else value
            self._part = ""
            return
        parts = self._google if self._of_google else self._item.parts
        nested = self._nested and self._part not in _PROSE
        text = None if nested else "".join(self._text).strip()
        if not parts.get(self._part):
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
