"""Yes, no and nothing, as programs, spreadsheets and people of many countries write them: `WAHR`, `Não`, `N/A`."""

from __future__ import annotations

import re

YES = frozenset(
    "1 true t yes y on ja j jah jā oui si sí sì s sim tak ano áno da kyllä evet igen taip ya да так ναι כן نعم بله 是"
    " はい 예 네 có ใช่ wahr vrai verdadero vero verdadeiro cert waar prawda pravda sant sand sann tosi doğru igaz"
    " adevărat истина істина αληθεσ αληθέσ tõene tiesa benar".split()
)
NO = frozenset(
    "0 false f no n off nein non não nao nee nej nei nie ne ei hayır hayir nem nu нет не ні όχι οχι לא لا خیر 否"
    " いいえ 아니오 아니요 không ไม่ tidak falsch faux falso fals onwaar fałsz nepravda falskt falsk usann epätosi"
    " yanlış hamis ложь хибність ψευδεσ ψευδέσ väär netiesa salah".split()
)
"""Words as `flag_word` returns them."""

LONGEST_NULL = 10
"""Longest null word, in characters."""

NULL_WORDS = frozenset(
    "nan none null n/a #n/a n.a. k.a. <na> nil undefined (null) [null] (none) \\n - -- --- – — #name? #ref!"
    " #value! #div/0! #null! #num! -nan 1.#qnan".split()
)
"""What programs and people write if there is nothing."""

_NO_DATE = re.compile(r"(?:(?:0001-01-01|[0./-]+)(?:[T\s][0:.]+(?:Z|[+-][0:]+)?)?)?")
"""An empty cell, the zero of MySQL and others, and that of Go and .NET, which is the first day of the first year."""


def flag_word(cell: object) -> str:
    """Return what a cell says as flags are compared: in small letters, and a number as an integer."""
    return str(cell).strip().casefold().removesuffix(".0")


def is_null(text: str) -> bool:
    """Tell whether a text means nothing."""
    return len(text) < LONGEST_NULL and text.casefold() in NULL_WORDS


def is_no_date(cell: object) -> bool:
    """Tell whether a cell of dates holds none: it is empty, null, or a database's zero (`0000-00-00 00:00:00`)."""
    text = str(cell or "").strip()
    return is_null(text) or _NO_DATE.fullmatch(text) is not None
