"""Yes, no and nothing, as programs, spreadsheets and people of many countries write them: `WAHR`, `Não`, `N/A`.

And what they write of whether a product is on sale.
"""

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

NOT_OFFERED = NO | frozenset(
    "draft drafts archived archive inactive disabled hidden private pending trash trashed deleted unpublished entwurf"
    " inaktiv deaktiviert versteckt brouillon inactif borrador inactivo bozza inattivo concept inactief szkic"
    " nieaktywny rascunho inativo koncept neaktivní черновик скрыт unlisted staging blocked gesperrt suspended paused"
    " discontinued expired rejected desactivado désactivé disattivato archiviert gelöscht geblokkeerd withdrawn"
    " removed retired obsolete eol offline off-line nowhere eingestellt ausgelaufen zurückgezogen abgekündigt"
    " deactivated masqué obsolète obsoleto descatalogado dismesso vervallen wycofany nezveřejněno utgått udgået"
    " arşivlendi verborgen ukryty zablokowany skrytý pasif pasifik заблокирован скрытый 非公開 下架 숨김"
    " utkast dold kladde skjult luonnos piilotettu taslak kapalı неактивен чернетка приховано inaktív rejtett inactiv"
    " ascuns niewidoczny oculto nascosto désactivée ended closed 下書き 非表示 草稿 隐藏 隱藏 비공개 판매중지"
    " pausada pausado inactiva desactivada finalizada finalizado inattiva nieaktywna неактивна 已下架 仓库中 掲載しない"
    " 판매종료 مسودة مخفي טיוטה מוסתר nháp ẩn nonaktif".split()
)
"""Words in a column of drafts or visibility that mean that a product is not for sale."""

OFFERED_WORDS = (
    YES
    | frozenset(
        "active published publish visible enabled online live listed aktiv aktiviert sichtbar veröffentlicht actif"
        " publié activo activado publicado attivo pubblicato actief gepubliceerd zichtbaar aktywny opublikowany aktivní"
        " publicerad udgivet publisert julkaistu yayında активен ativo ativado onaylandı satışta опубликован both"
        " activa ativa attiva aktif aktywna активна 出售中 销售中 掲載する مرئي"
        " catalog search available 公開 在售 上架 판매중".split()
    )
    | {"catalog, search", "in stock", "for sale"}
)
"""Words that mean that it is; the report names other words."""

_SWITCHED_ON = frozenset("enabled aktiviert activado ativado".split())
"""Words that in a column such as `hidden` say that what its name says is so; `online` and others say the contrary."""

NO_DENIAL = (OFFERED_WORDS - YES - _SWITCHED_ON) | NO | frozenset("kein keine ohne frei current aktuell".split())
"""Words in a column such as `hidden` or `discontinued` that mean that the product is offered."""

TICKS = frozenset(("checked", "x", "✓", "✔", "☑"))
"""Marks of a list that says no by leaving the cell empty."""

DENIAL = YES | TICKS | _SWITCHED_ON | (NOT_OFFERED - NO)
"""Words there that mean that it is not."""

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
