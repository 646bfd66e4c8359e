"""From templates to the words of one product: `{a|b|c}` is a free choice, `{name}` is looked up.

`[A|B] template` is only for products whose noun has an A or a B in it, `[!A|B] template` for all others.
"""

import re
from collections.abc import Mapping, Sequence
from html.entities import codepoint2name
from random import Random

SLOT = re.compile(r"\{([^{}]*)\}")
CONDITION = re.compile(r"\[(!?)([^\]]+)\] (.*)")
SENTENCES = (1, 2, 3, 4)
SENTENCE_WEIGHTS = (20, 38, 28, 14)
# The share of sentences that a product could have in common with its sibling categories.
SHARED_SENTENCE_SHARE = 0.5


def fill(template: str, words: Mapping[str, str], random: Random) -> str:
    """Fill every slot of `template`; an unknown name raises `KeyError`. `{Name}` is `{name}` with a capital."""

    def choose(match: re.Match[str]) -> str:
        slot = match[1]
        if "|" in slot:
            return str(random.choice(slot.split("|")))
        if slot[0].isupper() and slot.lower() in words:
            return words[slot.lower()].capitalize()
        return words[slot]

    return " ".join(SLOT.sub(choose, template).split())


def fitting(templates: Sequence[str], noun: str) -> list[str]:
    """Keep the templates that are meant for `noun`, without their conditions."""
    return [text for template in templates if (text := _unconditional(template, noun))]


def _unconditional(template: str, noun: str) -> str:
    if not (condition := CONDITION.fullmatch(template)):
        return template
    negated, parts, text = condition.groups()
    meant = any(part.casefold() in noun.casefold() for part in parts.split("|"))
    return "" if meant == bool(negated) else text


def sentences(says: Sequence[str], shared: Sequence[str], words: Mapping[str, str], random: Random) -> list[str]:
    """Word one to four different sentences, at least one of them from the leaf's own."""
    count = random.choices(SENTENCES, SENTENCE_WEIGHTS)[0]
    common = min(sum(random.random() < SHARED_SENTENCE_SHARE for _ in range(count - 1)), len(shared))
    chosen = random.sample(list(says), min(count - common, len(says))) + random.sample(list(shared), common)
    random.shuffle(chosen)
    return [capital(fill(sentence, words, random)) for sentence in chosen]


def capital(text: str) -> str:
    """Raise the first letter of `text` and leave the rest alone."""
    return text[:1].upper() + text[1:]


def as_html(parts: Sequence[str], random: Random) -> str:
    """Write the sentences as a shop's editor would store them: tags, and named entities for what is not ASCII."""
    escaped = [_entities(part) for part in parts]
    if len(escaped) == 1:
        return f"<p>{escaped[0]}</p>"
    if random.random() < 0.5:
        points = "".join(f"<li>{part}</li>" for part in escaped[1:])
        return f"<p>{escaped[0]}</p><ul>{points}</ul>"
    return f"<p><strong>{escaped[0]}</strong><br />{' '.join(escaped[1:])}</p>"


def _entities(text: str) -> str:
    return "".join(_entity(character) for character in text)


def _entity(character: str) -> str:
    name = codepoint2name.get(ord(character))
    return character if name is None or character == '"' else f"&{name};"
