"""Objects out of a JSON text of any size, one at a time: those of a list, wherever in the text it is.

Python's own decoder reads each object; only the brackets around them are ours. ijson was tried for it. It takes 2.9 us
for an object of twelve members in place of 5.5, of some 80 for the whole import; but what it can't read (NaN as Python
writes it, a comma too many, one damaged object) ends the file there.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from recommender.errors import BadFeed
from recommender.feeds.cells import exact_integer, exact_number
from recommender.feeds.lines import MAX_LINE
from recommender.feeds.sources import UNREADABLE, broken_off, reason
from recommender.query.serialization import kind_of

CHUNK = 1 << 16
"""Bytes read at a time: 64 KiB, since what an object is mended in is copied."""

MAX_DEPTH = 30
"""Objects around a list of products; one API has six."""

ALIKE_SHARE = 0.5
"""Share of the members of an object that must be known from others for it to count as one of them."""

TOO_MANY_COMMAS = "a comma too many is passed over"
REPEATED_MEMBERS = "a member that stands twice counts as it stands last"

NOT_UTF8 = re.compile("[\udc80-\udcff]")
"""What the decoder of the text makes of bytes that it can't read."""

_SPACE = re.compile(r"\s*")
_SCALAR_END = re.compile(r"[,\]}\s]")
_OBJECT = re.compile(r"\{\s*[\"}]")
_SUPERFLUOUS_COMMA = re.compile(r",\s*[}\]]")
_NEAR_END = 32
"""An error so few characters before the end of what has been read may only mean that more is to come."""

Path = tuple[str, ...]


@dataclass(slots=True)
class JsonItem:
    """A value of a list: the path of members to the list, its first line, the value, and what a `TableRow` has."""

    path: Path
    line: int
    value: Any
    raw: str = ""
    problem: str = ""
    remark: str = ""


@dataclass(slots=True)
class JsonDecoder:
    """Python's decoder with exact numbers, which notes in `remark` what a strict one refuses or loses silently."""

    remark: str = ""
    _decoder: json.JSONDecoder = field(init=False)

    def __post_init__(self) -> None:
        self._decoder = json.JSONDecoder(
            parse_float=exact_number,
            parse_int=exact_integer,
            strict=False,
            object_pairs_hook=self._object,
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self.remark = REPEATED_MEMBERS
        return found

    def decode(self, text: str, place: int = 0) -> tuple[Any, int, str]:
        """Return the value that begins at `place`, where it ends, and the text without superfluous commas.

        Raises `JSONDecodeError`, or `ValueError` or `RecursionError` for a value that is too large to be product data.
        """
        self.remark = ""
        while True:
            try:
                value, end = self._decoder.raw_decode(text, place)
            except json.JSONDecodeError as error:
                # Python 3.13 points at the comma, older ones at the bracket that closes after it.
                comma = error.pos if text[error.pos : error.pos + 1] == "," else error.pos - 1
                while comma > place and text[comma].isspace():
                    comma -= 1
                if not _SUPERFLUOUS_COMMA.match(text, comma):
                    raise
                text = f"{text[:comma]} {text[comma + 1 :]}"
                self.remark = TOO_MANY_COMMAS
            else:
                return value, end, text


class JsonStream:
    """A JSON text, or several one after another, read from a stream in bounded memory."""

    def __init__(self, name: str, stream: BinaryIO, encoding: str) -> None:
        self._name = name
        self._stream = stream
        self._characters = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._decoder = JsonDecoder()
        self._text = ""
        self._place = 0
        self._at_end = False
        self._line = 1
        self._counted = 0
        self._names: Sequence[str] = ()

    def items(self, is_item: Callable[[Path], bool]) -> Iterator[JsonItem]:
        """Yield the values of lists, and the objects at paths of which `is_item` says that they are items themselves.

        Of other objects each member that is not a list or an object is given in an object of its own, with the path of
        the object and "" behind it. Raises `BadFeed` if the text can't be read any further.
        """
        while self._peek():
            yield from self._walk((), is_item)

    def _walk(self, path: Path, is_item: Callable[[Path], bool]) -> Iterator[JsonItem]:
        if len(path) > MAX_DEPTH:
            raise broken_off(self._name, self.line, f"more than {MAX_DEPTH} objects stand within one another")
        opening = self._peek()
        if opening == "[":
            self._place += 1
            while (found := self._peek()) not in ("]", ""):
                if found == ",":
                    self._place += 1
                elif found == "[":
                    yield from self._walk(path, is_item)
                else:
                    yield self._value(path)
            self._close("its list is not closed with ]")
        elif opening == "{" and not is_item(path):
            self._place += 1
            while (found := self._peek()) not in ("}", ""):
                if found == ",":
                    self._place += 1
                    continue
                name = self._value(path)
                if name.problem or not isinstance(name.value, str) or self._peek() != ":":
                    raise broken_off(self._name, self.line, name.problem or "it is not JSON")
                self._place += 1
                if self._peek() in ("{", "["):
                    yield from self._walk((*path, name.value), is_item)
                else:
                    member = self._value((*path, ""))
                    member.value = {name.value: member.value}
                    yield member
            self._close("its object is not closed with }")
        else:
            yield self._value(path)

    @property
    def line(self) -> int:
        """The line that has been reached."""
        self._line += self._text.count("\n", self._counted, self._place)
        self._counted = self._place
        return self._line

    def _close(self, problem: str) -> None:
        if not self._peek():
            raise broken_off(self._name, self.line, f"the file is cut off: {problem}")
        self._place += 1

    def _peek(self) -> str:
        while True:
            found = _SPACE.match(self._text, self._place)
            self._place = found.end() if found else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._fill():
                return ""

    def _fill(self) -> bool:
        """Read more; False at the end."""
        if self._at_end:
            return False
        try:
            data = self._stream.read(CHUNK)
            more = self._characters.decode(data, final=not data)
        except (*UNREADABLE, UnicodeError) as error:
            why = "it ends within a character" if isinstance(error, UnicodeError) else reason(error)
            raise broken_off(self._name, self.line, why) from error
        self._at_end = not data
        self._line += self._text.count("\n", self._counted, self._place)
        self._text = self._text[self._place :] + more
        self._place = self._counted = 0
        return bool(data)

    def _value(self, path: Path) -> JsonItem:
        """Read the next value; after a damaged one, continue with the next object like the ones before."""
        line = self.line
        while True:
            start = self._place
            held = len(self._text) - start
            try:
                value, end, text = self._decoder.decode(self._text, start)
            except json.JSONDecodeError as error:
                may_go_on = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _NEAR_END
                problem = f"not JSON: {error.msg}"
            except (ValueError, RecursionError):
                may_go_on, problem = False, "not JSON that can be read: too deep, or a number too long"
            else:
                may_go_on = end == len(self._text) and text[start] not in '{["'
                problem = ""
            if may_go_on and held <= MAX_LINE and self._fill():
                continue
            if problem:
                raw = self._skip()
                longer = f"the item is longer than {MAX_LINE >> 20} MiB"
                return JsonItem(path, line, {}, raw, longer if held > MAX_LINE and may_go_on else problem)
            self._text, self._place = text, end
            raw = text[start:end]
            if not raw.isascii() and NOT_UTF8.search(raw):
                problem = "holds bytes that are not of the file's encoding"
            if isinstance(value, dict) and not problem:
                self._names = self._names or tuple(value)
            return JsonItem(path, line, value, raw, problem, self._decoder.remark)

    def _skip(self) -> str:
        """Skip a value that can't be read; return what there is of it."""
        start = self._place
        raw = self._text[start : start + MAX_LINE // 4]
        if not self._text.startswith("{", start):
            end = _SCALAR_END.search(self._text, start + 1)
            self._place = end.start() if end else len(self._text)
            return raw
        while True:
            place = self._place + 1
            while found := _OBJECT.search(self._text, place):
                place = found.start() + 1
                try:
                    value, _, _ = self._decoder.decode(self._text, found.start())
                except (ValueError, RecursionError):
                    continue
                shared = set(self._names) & set(value) if isinstance(value, dict) else set()
                if shared and len(shared) >= ALIKE_SHARE * len(set(self._names)):
                    raw = self._text[start : min(found.start(), start + MAX_LINE // 4)]
                    self._place = found.start()
                    return raw
            # An object at the end of what has been read may be complete when more is read.
            self._place = max(self._place, len(self._text) - MAX_LINE)
            start = 0
            if not self._fill():
                self._place = len(self._text)
                return raw


_ENVELOPE = frozenset({"id", "type", "links", "relationships", "meta", "createdTime", "update_info"})
"""What is beside an object that is only wrapped: JSON:API, Airtable and Daisycon have it so."""


def unwrap(value: Any) -> Any:
    """Return the object within an object that only holds it, as GraphQL and search engines give their results.

    What is beside it is kept, such as its number and whether it is published.
    """
    if not isinstance(value, Mapping):
        return value
    for inner in ("node", "_source"):
        if isinstance(value.get(inner), dict):
            return value[inner]
    for inner in ("attributes", "fields", "product_info"):
        if isinstance(held := value.get(inner), dict) and value.keys() - {inner} <= _ENVELOPE:
            beside = {name: member for name, member in value.items() if not isinstance(member, dict | list)}
            return {**beside, **(value.get("update_info") or {}), **held}
    return value


def problem_of(value: Any) -> str:
    """Return what is wrong with a value that is not an object; empty for an object."""
    return "" if isinstance(value, dict) else f"not a JSON object but {kind_of(value)}"


def not_json(name: str, why: str) -> BadFeed:
    """Return the error of a file without objects."""
    return BadFeed(f"{name}: holds no JSON objects{why}; expected a list of them, or one object a line")
