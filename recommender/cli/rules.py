"""`rules add | list | remove`: pins, bans and synonyms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.output import print_table
from recommender.query import MAX_RESULTS, Rule, RuleAction
from recommender.query.logged_search import DEFAULT_SEARCHES
from recommender.types import category_path

if TYPE_CHECKING:
    from recommender.catalogue.repository import Catalogue

app = typer.Typer(help="Pins, bans and synonyms: what a person says of products and words.", no_args_is_help=True)


@app.command()
@command
def add(
    run: CommandRun,
    action: Annotated[RuleAction, typer.Argument(help="pin: put a product at a place; ban: keep it out; synonym.")],
    sku: Annotated[str, typer.Argument(help="The product's SKU; a synonym has none.")] = "",
    query: Annotated[str, typer.Option("--query", help="For searches of this text, whatever its case.")] = "",
    category: Annotated[
        str, typer.Option("--category", help="For queries about this category and those below it, as `A > B`.")
    ] = "",
    position: Annotated[int, typer.Option("--position", help="The place of a pin, from 1.", min=1)] = 1,
    starts: Annotated[
        str, typer.Option("--from", metavar="DATE", help="From this day, or time, on; UTC unless it says otherwise.")
    ] = "",
    ends: Annotated[
        str, typer.Option("--until", metavar="DATE", help="Until just before this day, or time, begins.")
    ] = "",
    means: Annotated[
        str, typer.Option("--means", metavar="WORDS", help="Of a synonym: what the words of --query also mean.")
    ] = "",
    one_way: Annotated[
        bool, typer.Option("--one-way", help="A synonym that does not hold the other way round.")
    ] = False,
    note: Annotated[str, typer.Option("--note", help="A remark for those who read the rules later.")] = "",
) -> Output:
    """Pin or ban a product for a search, for a category, or (a ban) everywhere; or say what words also mean.

    A rule applies to the next query.
    """
    from recommender.query.serialization import from_value, to_value

    members = {"action": action, "sku": sku, "query": query, "category": category, "position": position, "note": note}
    members |= {"means": means, "one_way": one_way}
    members |= {"starts_at": starts or None, "ends_at": ends or None}
    flags = {"starts_at": "--from", "ends_at": "--until", "sku": "the SKU"}
    rule = from_value(Rule, members, "the rule", {name: f"--{name}" for name in members} | flags)
    application = run.open()
    added = application.rules.add(rule)
    dates = (("from", added.starts_at), ("until", added.ends_at))
    when = "".join(f" {word} {_moment(moment)}" for word, moment in dates if moment)
    notes = [_unknown_sku(application.catalogue, added.sku) if added.sku else ""]
    if added.ends_at and added.ends_at <= datetime.now(UTC):
        notes.append("it no longer applies: its last day is over")
    subject = f"{_what(added)} of {added.sku} {_where(added)}" if added.sku else _what(added)
    text = f"rule {added.id}: {subject}{when}"
    return Output(to_value(added), text, [note for note in notes if note])


@app.command("list")
@command
def list_rules(run: CommandRun) -> Output:
    """List the rules, those that are over or yet to come included."""
    from recommender.query.serialization import to_value

    rules = run.open().rules.list()
    document = {"rules": [to_value(rule) for rule in rules]}
    if not rules:
        return Output(document, "there are no rules; `recommender rules add` makes one")
    columns = [
        ("id", "right"),
        ("rule", "left"),
        ("sku", "left"),
        ("where", "shrink"),
        ("holds", "left"),
        ("note", "shrink"),
    ]
    now = datetime.now(UTC)
    rows = [(str(rule.id), _what(rule), rule.sku, _where(rule), _state(rule, now), rule.note) for rule in rules]
    return Output(document, lambda: print_table(columns, rows))


@app.command()
@command
def remove(
    run: CommandRun,
    identity: Annotated[int, typer.Argument(metavar="ID", help="The rule's id, as `rules list` shows it.")],
) -> Output:
    """Remove a rule."""
    run.open().rules.remove(identity)
    return Output({"removed": identity}, f"rule {identity} is removed")


@command
def searches(
    run: CommandRun,
    weak: Annotated[bool, typer.Option("--weak", help="Only those whose last answer was not a good one.")] = False,
    limit: Annotated[int, typer.Option("-k", "--limit", min=1, max=MAX_RESULTS, help="How many at most.")] = (
        DEFAULT_SEARCHES
    ),
) -> Output:
    """List the most frequent searches. They are kept where RECOMMENDER_KEEP_SEARCHES is `weak` or `all`."""
    from recommender.query.logged_search import SearchLogging
    from recommender.query.serialization import to_value

    application = run.open()
    found = application.searches.list(weak, limit)
    is_off = application.settings.keep_searches is SearchLogging.OFF
    notes = ["searches are not kept; set RECOMMENDER_KEEP_SEARCHES to weak or all"] if is_off else []
    columns = [("search", "shrink"), ("times", "right"), ("answer", "left"), ("last", "left")]
    rows = [(each.text, f"{each.searches:,}", each.confidence.value, _moment(each.last_at)) for each in found]
    text = (lambda: print_table(columns, rows)) if rows else "no such search was logged"
    return Output({"searches": [to_value(each) for each in found]}, text, notes)


def _unknown_sku(catalogue: Catalogue, sku: str) -> str:
    """Return what to say of a SKU that no product has: a rule may come before its product, or be mistyped."""
    stored = catalogue.get(sku)
    if stored is not None and stored.active:
        return ""
    near = catalogue.nearest_skus(sku)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return f"no product in the shop has the SKU {sku!r} yet{hint}"


def _what(rule: Rule) -> str:
    if rule.action is RuleAction.SYNONYM:
        return f"{rule.query!r} {'means' if rule.one_way else 'is the same as'} {rule.means!r}"
    return f"pin at {rule.position}" if rule.action is RuleAction.PIN else rule.action.value


def _where(rule: Rule) -> str:
    if rule.action is RuleAction.SYNONYM:
        return "searches"
    if rule.query:
        return f"for {rule.query!r}"
    return f"in {category_path(rule.category)}" if rule.category else "everywhere"


def _state(rule: Rule, at: datetime) -> str:
    if rule.ends_at and rule.ends_at <= at:
        return "no longer"
    if rule.starts_at and rule.starts_at > at:
        return f"from {_moment(rule.starts_at)}"
    return f"until {_moment(rule.ends_at)}" if rule.ends_at else "now"


def _moment(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%d}" if utc.hour == utc.minute == 0 else f"{utc:%Y-%m-%d %H:%M} UTC"
