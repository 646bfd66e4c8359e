"""Variants that no feed groups: products whose titles differ only in colour, size or pack.

Colours are known from a list in several languages, from the shop's own attributes, and from their places in its titles.
How well titles tell products apart differs from shop to shop, so it is measured: if several products share a whole
title, titles that differ only in a colour are no sign of variants.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from recommender.catalogue.staged_product import PROPOSED
from recommender.types import Product, fold_name

_COLOURS = frozenset(
    fold_name(
        "black white grey gray silver gold golden red blue green yellow orange purple violet pink brown beige cream"
        " ivory navy teal turquoise cyan magenta maroon burgundy bordeaux khaki olive tan camel copper bronze charcoal"
        " anthracite lavender lilac mint coral peach mustard rust fuchsia indigo aqua taupe nude rose sand mauve plum"
        " multicolour multicolor steel"
        " schwarz weiß weiss grau silber rot blau grün gruen gelb lila rosa braun creme türkis dunkelblau hellblau"
        " dunkelgrün hellgrün dunkelgrau hellgrau anthrazit kupfer bunt"
        " noir noire blanc blanche gris grise argent doré rouge bleu bleue vert verte jaune violette marron crème"
        " negro negra blanco blanca plata plateado dorado rojo roja azul verde amarillo amarilla naranja morado rosado"
        " marrón crema turquesa nero nera bianco bianca grigio grigia argento oro rosso rossa blu giallo gialla"
        " arancione viola marrone turchese zwart wit grijs zilver goud rood blauw groen geel oranje paars roze bruin"
        " czarny czarna czarne biały biała białe szary szara srebrny złoty czerwony czerwona niebieski niebieska"
        " zielony zielona żółty żółta różowy brązowy beżowy preto preta branco branca cinza prata dourado vermelho"
        " vermelha amarelo laranja roxo castanho svart vit hvit hvid grå blå röd rød grön grøn gul brun sort musta"
        " valkoinen harmaa punainen sininen vihreä keltainen ruskea černý černá bílý bílá šedý šedá červený červená"
        " modrý modrá zelený zelená žlutý žlutá hnědý růžový чёрный черный черная белый белая серый серая красный"
        " красная синий синяя зелёный зеленый жёлтый желтый розовый коричневый siyah beyaz gri kırmızı mavi yeşil sarı"
        " pembe mor kahverengi fekete fehér szürke piros kék zöld sárga barna"
    ).split()
)
_SHADES = frozenset(
    "dark light deep pale bright hot sky royal navy baby matte matt glossy heather melange off neon dunkel hell foncé"
    " clair oscuro claro scuro chiaro donker licht ciemny jasny washed & and und et y e en i og och".split()
)
"""Words beside a colour that belong to it."""

_SIZED = fold_name(
    "size|sizes|gr|größe|groesse|taille|talla|taglia|maat|rozmiar|tamanho|størrelse|storlek|koko|velikost|размер"
    "|eu|uk|us|fr|it"
)
_UNITS = "ml|cl|dl|l|ltr|litres?|liters?|g|gr|kg|mg|oz|lbs?"
_PIECES = (
    "packs?|pk|pcs?|pieces?|pc\\(s\\)|count|ct|stk|stück|stueck|er[- ]?(?:pack|set)|pièces|piezas|pezzi|stuks|sztuk|szt"
    "|ks|kpl|db|шт|adet|caps(?:ules)?|tabs|tablets|sheets|rolls"
)
_LETTERS = "xxxs|xxs|xs|s|m|l|xl|xxl|xxxl|[2-6]xl|[2-6]xs|small|medium|large|x-large"
_SIZES = re.compile(
    rf"""(?<![\w'’.,-])(?:
        (?:pack|set|box|case)\ of\ \d+
        | \d+\ ?[x×]\ ?\d+(?:[.,]\d+)?\ ?(?:{_UNITS})
        | \d+(?:[.,]\d+)?[\ -]?(?:{_UNITS}|{_PIECES})
        | (?:{_SIZED})[.:]?\ ?(?:\d+(?:[.,]\d+)?(?:\ ?[-/]\ ?\d+)?|{_LETTERS})
        | (?:{_LETTERS})
        )(?![\w'’])
    |(?<=[-/,(|])\ *\d{{1,3}}(?:[.,]\d)?(?=\s*(?:$|[-/,)|]))
    """,
    re.VERBOSE,
)

_COLOUR_MARK, _MARKS = "•c", ("•c", "•s", "•n")
"""Marks in a stem for a colour, for a size, and for a number of pieces or an amount."""

_WORD = re.compile(r"[^\W_]+(?:[.,'’][^\W_]+)*|•[sn]|&")

_SHARE_TWINS = 0.1
"""If more than this share of products has the same whole title as another, such titles say too little about
variants."""

_ALIKE = 0.8
"""Least share of the words of two descriptions that variants have in common."""

_LEARNED_SLOTS, _LEARNED_COLOURS, _LEARNED_SHARE = 3, 3, 0.7
"""A word is a colour if it replaces so many different ones, in so many titles, and is mostly found in their place."""

_RARE = (1, 2, 4, 8, 16)
"""Bounds of how many title stems have a stem's rarest word: stems are compared with similar ones."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A product of a proposed group, and the part of its title that distinguishes it."""

    sku: str
    title: str
    differs: str


@dataclass(frozen=True, slots=True)
class ProposedGroup:
    """Products of one brand and one category that seem to be variants of one another."""

    id: str
    brand: str
    category: tuple[str, ...]
    variants: tuple[Variant, ...]


def propose_groups(products: Iterable[Product]) -> list[ProposedGroup]:
    """Return groups of products that no shop has grouped, largest first.

    No group has two brands, two categories or two equal titles. Groups that were already applied are left out.
    """
    ungrouped = [product for product in products if not product.group_id or product.group_id.startswith(PROPOSED)]
    colours = _colours(ungrouped)
    stems: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[tuple[Product, str]]] = defaultdict(list)
    for product in ungrouped:
        stem, differs = _split(product.title, colours)
        stems[(fold_name(product.brand), product.category, stem)].append((product, differs))
    families = Counter(word for _, _, stem in stems for word in {*stem})
    twins, sizes = Counter[int](), Counter[int]()
    rarity: dict[tuple[str, tuple[str, ...], tuple[str, ...]], int] = {}
    for key, members in stems.items():
        brand, category, stem = key
        known = {*_words(brand), *_words(" ".join(category))}
        own = [families[word] for word in stem if word not in _MARKS and word not in known]
        rarity[key] = next((at for at, bound in enumerate(_RARE) if own and min(own) <= bound), len(_RARE))
        titles = Counter(differs for _, differs in members)
        twins[rarity[key]] += sum(count for count in titles.values() if count > 1)
        sizes[rarity[key]] += len(members)
    trusted = {rank for rank in sizes if rank < len(_RARE) and twins[rank] <= _SHARE_TWINS * sizes[rank]}
    groups = []
    for key, members in stems.items():
        distinct = len({differs for _, differs in members}) == len(members)
        if len(members) < 2 or not distinct or rarity[key] not in trusted or not all(differs for _, differs in members):
            continue
        identity = PROPOSED + blake2b(repr(key).encode(), digest_size=8).hexdigest()
        if all(product.group_id == identity for product, _ in members):
            continue
        # Their descriptions must say the same except for colours, sizes and numbers.
        said = (set(filter(str.isalpha, _words(product.description))) - colours for product, _ in members)
        described, *others = [kept for words in said if (kept := {word for word in words if len(word) > 1})] or [set()]
        if all(len(described & words) >= _ALIKE * len(described | words) for words in others):
            variants = tuple(Variant(product.sku, product.title, differs) for product, differs in members)
            first = members[0][0]
            groups.append(ProposedGroup(identity, first.brand, first.category, variants))
    return sorted(groups, key=lambda group: (-len(group.variants), group.id))


def _split(title: str, colours: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """Return the words of a title with one mark for each run of colours and sizes, and what the marks stand for."""
    sized: list[str] = []

    def mark(found: re.Match[str]) -> str:
        sized.append(found[0].strip())
        amount = any(each.isdigit() for each in found[0]) and not re.match(rf"(?:{_SIZED})\b", sized[-1])
        return " •n " if amount and any(each.isalpha() for each in found[0]) else " •s "

    words = _WORD.findall(_SIZES.sub(mark, fold_name(title)))
    stem: list[str] = []
    differs: list[str] = []
    rest = iter(sized)
    for at, word in enumerate(words):
        beside = words[max(0, at - 1) : at] + words[at + 1 : at + 2]
        kind = word if word in _MARKS else _COLOUR_MARK
        if word in _MARKS:
            differs.append(next(rest))
        elif word in colours or (word in _SHADES and any(each in colours for each in beside)):
            differs.append(word)
        else:
            stem.append(word)
            continue
        if stem[-1:] != [kind]:
            stem.append(kind)
    return tuple(word for word in stem if word != "&"), " ".join(differs)


def _words(text: str) -> list[str]:
    return _WORD.findall(fold_name(text))


_COLOUR_NAMES = frozenset(
    "color colour farbe couleur color colore kleur kolor cor farve färg väri barva цвет renk szín colores".split()
)


def _colours(products: Sequence[Product]) -> frozenset[str]:
    """Return the words for colours: those listed, those of attributes, and those that titles have in their place."""
    known = set(_COLOURS)
    if not any(letter in product.title for product in products for letter in "ıİ"):
        known.discard("sari")  # the garment: it is yellow only among titles in Turkish
    for product in products:
        for name, value in product.attributes.items():
            if fold_name(name) in _COLOUR_NAMES and len(value) <= 30:
                known.update(word for word in _words(value) if len(word) > 2 and word not in _SHADES)
    slots: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for product in products:
        words = _words(product.title)
        place = (fold_name(product.brand), product.category)
        for at, word in enumerate(words):
            slots[(*place, *words[:at], None, *words[at + 1 :])].add(word)
    seen: Counter[str] = Counter()
    beside: Counter[str] = Counter()
    partners: dict[str, set[str]] = defaultdict(set)
    for found in slots.values():
        if len(found) > 1:
            colours = found & known
            for word in found:
                seen[word] += 1
                beside[word] += bool(colours - {word})
                partners[word] |= colours - {word}
    learned = {
        word
        for word, count in seen.items()
        if count >= _LEARNED_SLOTS
        and len(partners[word]) >= _LEARNED_COLOURS
        and beside[word] >= _LEARNED_SHARE * count
        and word.isalpha()
    }
    return frozenset(known | learned)
