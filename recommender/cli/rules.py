"""`rules add | edit | list | remove`: pins, bans and synonyms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.output import print_table
from recommender.cli.query_options import RequestFlags
from recommender.query import LoggedSearchesRequest, Rule, RuleAction, SearchLogging
from recommender.types import JsonObject, category_path, fold_path

if TYPE_CHECKING:
    from recommender.catalogue.repository import Catalogue

app = typer.Typer(help="Pins, bans and synonyms: what a person says of products and words.", no_args_is_help=True)


RuleId = Annotated[int, typer.Argument(metavar="ID", help="The rule's id, as `rules list` shows it.")]
Query = Annotated[str | None, typer.Option("--query", help="For searches of this text, whatever its case.")]
Category = Annotated[
    str | None, typer.Option("--category", help="For queries about this category and those below it, as `A > B`.")
]
Position = Annotated[int | None, typer.Option("--position", help="The place of a pin, from 1.", min=1)]
Start = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="From this day, or time, on; UTC unless it says otherwise."),
]
End = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="Until just before this day, or time, begins.")
]
Means = Annotated[
    str | None, typer.Option("--means", metavar="WORDS", help="Of a synonym: what the words of --query also mean.")
]
OneWay = Annotated[
    bool | None, typer.Option("--one-way/--both-ways", help="The synonym does not apply the other way round.")
]
Note = Annotated[str | None, typer.Option("--note", help="A remark for those who read the rules later.")]

_FLAGS = {"starts_at": "--from", "ends_at": "--until", "sku": "the SKU", "one_way": "--one-way"}


@app.command()
@command
def add(
    run: CommandRun,
    action: Annotated[RuleAction, typer.Argument(help="pin: put a product at a place; ban: keep it out; synonym.")],
    sku: Annotated[str, typer.Argument(help="The product's SKU; a synonym has none.")] = "",
    query: Query = None,
    category: Category = None,
    position: Position = None,
    starts_at: Start = None,
    ends_at: End = None,
    means: Means = None,
    one_way: OneWay = None,
    note: Note = None,
) -> Output:
    """Pin or ban a product for a search, for a category, or (a ban) everywhere; or say what words also mean.

    A rule applies to the next query.
    """
    members = {"query": query, "category": category, "position": position, "starts_at": starts_at, "ends_at": ends_at}
    members |= {"means": means, "one_way": one_way, "note": note, "action": action, "sku": sku}
    application = run.open()
    return _confirm(application.catalogue, application.rules.add(_rule({}, members)))


@app.command()
@command
def edit(
    run: CommandRun,
    identity: RuleId,
    query: Query = None,
    category: Category = None,
    position: Position = None,
    starts_at: Start = None,
    ends_at: End = None,
    means: Means = None,
    one_way: OneWay = None,
    note: Note = None,
) -> Output:
    """Change what is given of a rule; the rest stays. An empty text takes away what was there: `--until ""`."""
    from recommender.query.serialization import to_value

    members = {"query": query, "category": category, "position": position, "starts_at": starts_at, "ends_at": ends_at}
    members |= {"means": means, "one_way": one_way, "note": note}
    application = run.open()
    before = to_value(application.rules.get(identity))
    return _confirm(application.catalogue, application.rules.update(_rule(before, members)))


def _rule(before: JsonObject, members: Mapping[str, object]) -> Rule:
    """Return a rule with what the options say of it."""
    from recommender.query.serialization import from_value

    given = {name: value for name, value in members.items() if value is not None}
    given |= {name: None for name in ("starts_at", "ends_at") if given.get(name) == ""}
    return from_value(Rule, before | given, "the rule", {name: f"--{name}" for name in members} | _FLAGS)


def _confirm(catalogue: Catalogue, rule: Rule) -> Output:
    """Return the message about a rule that was written."""
    from recommender.query.serialization import to_value

    dates = (("from", rule.starts_at), ("until", rule.ends_at))
    when = "".join(f" {word} {_moment(moment)}" for word, moment in dates if moment)
    notes = []
    if rule.sku:
        stored = catalogue.get(rule.sku)
        if stored is None or not stored.active:  # a rule may come before its product, or have a typo
            near = catalogue.nearest_skus(rule.sku)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            notes.append(f"no product in the shop has the SKU {rule.sku!r} yet{hint}")
    category = fold_path(rule.category)
    if category and all(fold_path(path)[: len(category)] != category for path in catalogue.category_sizes()):
        notes.append(f"no product in the shop is in {category_path(rule.category)!r} yet")
    if rule.ends_at and rule.ends_at <= datetime.now(UTC):
        notes.append("it no longer applies: its last day is over")
    subject = f"{_kind(rule)} of {rule.sku} {_where(rule)}" if rule.sku else _where(rule)
    text = f"rule {rule.id}: {subject}{when}"
    return Output(to_value(rule), text, notes)


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
    now, rows = datetime.now(UTC), []
    for rule in rules:
        holds = f"until {_moment(rule.ends_at)}" if rule.ends_at else "now"
        if rule.ends_at and rule.ends_at <= now:
            holds = "no longer"
        elif rule.starts_at and rule.starts_at > now:
            holds = f"from {_moment(rule.starts_at)}"
        rows.append((str(rule.id), _kind(rule), rule.sku, _where(rule), holds, rule.note))
    return Output(document, lambda: print_table(columns, rows))


@app.command()
@command
def remove(
    run: CommandRun,
    identity: RuleId,
) -> Output:
    """Remove a rule."""
    run.open().rules.remove(identity)
    return Output({"removed": identity}, f"rule {identity} is removed")


@command
def searches(run: CommandRun, asked: Annotated[LoggedSearchesRequest, RequestFlags(LoggedSearchesRequest)]) -> Output:
    """List the most frequent searches. They are kept where RECOMMENDER_KEEP_SEARCHES is `weak` or `all`."""
    from recommender.query.serialization import to_value

    application = run.open()
    found = application.searches.list(asked.weak, asked.limit)
    is_off = application.settings.keep_searches is SearchLogging.OFF
    notes = ["searches are not kept; set RECOMMENDER_KEEP_SEARCHES to weak or all"] if is_off else []
    columns = [("search", "shrink"), ("times", "right"), ("answer", "left"), ("last", "left")]
    rows = [(each.text, f"{each.searches:,}", each.confidence.value, _moment(each.last_at)) for each in found]
    text = (lambda: print_table(columns, rows)) if rows else "no such search was logged"
    return Output({"searches": [to_value(each) for each in found]}, text, notes)


def _kind(rule: Rule) -> str:
    return f"pin at {rule.position}" if rule.action is RuleAction.PIN else rule.action.value


def _where(rule: Rule) -> str:
    if rule.action is RuleAction.SYNONYM:
        return f"{rule.query!r} {'means' if rule.one_way else 'is the same as'} {rule.means!r}"
    if rule.query:
        return f"for {rule.query!r}"
    return f"in {category_path(rule.category)}" if rule.category else "everywhere"


def _moment(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%d}" if utc.hour == utc.minute == 0 else f"{utc:%Y-%m-%d %H:%M} UTC"
