from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest
from support.fake_encoder import WordEncoder
from support.toy_catalogue import toy_catalogue

from recommender.embedding.encoder import Role, Vectors
from recommender.embedding.product_text import ProductText, description_text, title_text
from recommender.errors import UsageError
from recommender.evaluation.cached_encoder import Recording
from recommender.evaluation.held_out import HeldOut
from recommender.evaluation.report.build import build, worst_slices
from recommender.evaluation.report.data import (
    Change,
    GateLine,
    Headline,
    Interval,
    Mark,
    Method,
    Model,
    Outcome,
    ReportData,
    TrainingCurves,
)
from recommender.evaluation.report.examples import examples, wrong_triplets
from recommender.evaluation.report.product_map import product_map, purity
from recommender.evaluation.report.render import render
from recommender.evaluation.report.words import number, plain, signed
from recommender.evaluation.reports import MetricValue, Report, Slice, SliceKind
from recommender.evaluation.suite import evaluate
from recommender.types import Product

BASE, TUNED = Model("plain", "base", "words"), Model("better", "tuned", "words")
HOSTILE = """</title><script>alert("x")</script><img src='http://evil.example/' onerror=alert(1)>"""
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """A page as a browser would read it: its elements with their attributes, and the text of each kind of element."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._open[-1] if self._open else "", []).append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    @property
    def text(self) -> str:
        shown = (text for tag, texts in self.texts.items() if tag not in ("style", "script") for text in texts)
        return " ".join(" ".join(shown).split())


class AngleEncoder:
    """Puts each text at an angle of the plane, so that a test says by hand what lies near what."""

    dimension, fingerprint, name = 2, "angles", "angles"

    def __init__(self, degrees: dict[str, float]) -> None:
        self._degrees = degrees
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        self.encoded.extend(texts)
        angles = np.radians([self._degrees[text] for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    def close(self) -> None:
        """Hold nothing."""


def _recording(corpus: Sequence[Product], queries: Sequence[int], unseen: Sequence[int] = ()) -> Recording:
    return Recording(HeldOut(corpus, queries, unseen, description_text), ProductText())


def _measure(
    recording: Recording, model: Model, encoder: WordEncoder, queries: Sequence[int], unseen: Sequence[int]
) -> Report:
    corpus = recording.held.corpus
    through = recording.through(model.name, encoder)
    return evaluate(
        through, corpus, queries, ProductText(), title_text, description_text, model=model.name, unseen=unseen
    )


def _whole_report(seed: int = 0, corpus: Sequence[Product] | None = None) -> ReportData:
    """Measure an encoder of few dimensions beside one of many, and put everything that a report has into it."""
    corpus = corpus or toy_catalogue()
    queries, unseen = range(0, 96, 3), range(100, 140)
    recording = _recording(corpus, queries, unseen)
    reports = [
        _measure(recording, model, WordEncoder(dimension), queries, unseen)
        for model, dimension in ((BASE, 2), (TUNED, 64))
    ]
    headline = Headline(Outcome.LIVE, (BASE, TUNED), datetime(2026, 11, 21, 9, 30, tzinfo=UTC), "category_p10 rose")
    data = build(headline, reports, [BASE], Method(seed, {"held out": 32}), recording, seed)
    curves = TrainingCurves(
        40, 2.0, ((5, 2.5), (20, 1.5), (40, 0.9)), ((0, {"category_p10": 0.4}), (40, {"category_p10": 0.6})), 40
    )
    line = GateLine("category_p10", "plain", 0.4, 0.6, Interval(0.2, 0.1, 0.3), False, "must be better")
    return replace(data, gate=(line,), training=curves)


@pytest.fixture(scope="module")
def data() -> ReportData:
    return _whole_report()


@pytest.fixture(scope="module")
def html(data: ReportData) -> str:
    return render(data)


def test_the_page_is_well_formed_and_has_every_section(html: str) -> None:
    page = Page(html)
    sections = [attributes["id"] for tag, attributes in page.elements if tag == "section"]
    assert sections == ["measures", "gate", "neighbours", "map", "slices", "triplets", "training", "method"]


def test_the_page_asks_nothing_of_any_other_file_or_host(html: str) -> None:
    page = Page(html)
    for tag, attributes in page.elements:
        assert (attributes.pop("href", "#") or "").startswith("#"), (tag, attributes)  # within the page
        assert not {"src", "srcset", "action", "style", "xlink:href"} & set(attributes), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes)
    assert "@import" not in html
    assert "url(" not in html
    assert page.count("link") == page.count("img") == page.count("iframe") == 0


def test_the_policy_admits_the_pages_own_style_and_script_and_nothing_else(html: str) -> None:
    page = Page(html)
    (policy,) = [
        attributes["content"] or ""
        for tag, attributes in page.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")
    for kind in ("style", "script"):
        text = html.split(f"<{kind}>", 1)[1].split(f"</{kind}>", 1)[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_whatever_a_catalogue_holds_is_text_on_the_page(data: ReportData) -> None:
    product_map, shown, triplets = data.product_map, data.examples, data.triplets
    assert product_map is not None
    assert shown is not None
    assert triplets is not None
    item = replace(shown.examples[0].item, title=HOSTILE, category=HOSTILE)
    model = Model(HOSTILE, "tuned", HOSTILE)
    hostile = replace(
        data,
        headline=replace(data.headline, reason=HOSTILE, device=HOSTILE, models=(data.headline.models[0], model)),
        product_map=replace(
            product_map,
            points=(replace(product_map.points[0], item=item), *product_map.points[1:]),
            departments=((HOSTILE, 3), *product_map.departments[1:]),
        ),
        examples=replace(shown, examples=(replace(shown.examples[0], item=item), *shown.examples[1:])),
        gate=(replace(data.gate[0], name=HOSTILE, against=HOSTILE, rule=HOSTILE),),
        method=Method(1, {HOSTILE: 1}, {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE}),
    )
    page = Page(render(hostile))
    assert page.count("script") == 1
    assert page.count("img") == 0
    assert page.text.count("<script>alert(") >= 10


def test_the_page_shows_the_numbers_it_was_given(data: ReportData, html: str) -> None:
    text = Page(html).text
    for table in data.metrics:
        for row in table.rows:
            for each in row.models:
                assert f"{number(each.value.mean)} {number(each.value.low)} to {number(each.value.high)}" in text
                for difference in filter(None, each.differences):
                    assert f"{signed(difference.mean)} {signed(difference.low)} to {signed(difference.high)}" in text
    assert data.product_map is not None
    for view in data.product_map.views:
        assert f"purity {view.purity:.3f}" in text
    assert "failed" in text


def test_differences_are_marked_by_what_their_interval_says(data: ReportData, html: str) -> None:
    changes = {row.name: row.models[-1].differences[0] for row in data.metrics[0].rows}
    change = changes["category_p10"]
    assert change is not None
    assert change.low > 0
    assert f'<span class="difference good">{change.mean:+.3f}</span>' in html
    assert [table.rows[0].name for table in data.metrics[1:]] == ["diversity10"]
    neutral = data.metrics[1].rows[0].models[-1].differences[0]
    assert neutral is not None
    assert f'<span class="difference even">{neutral.mean:+.3f}</span>'.replace("-", "\N{MINUS SIGN}") in html


def test_the_same_seed_gives_the_same_page(data: ReportData, html: str) -> None:
    assert render(_whole_report()) == html
    assert _whole_report(seed=1).examples != data.examples


def test_purity_is_that_of_the_textbooks_example() -> None:
    # Manning, Raghavan and Schütze, figure 16.4: (5 + 4 + 3) / 17.
    labels = "xxxxxo" + "xooood" + "xxddd"
    assert purity([0] * 6 + [1] * 6 + [2] * 5, list(labels)) == pytest.approx(12 / 17)


def test_both_maps_hold_the_same_products_in_the_same_order(data: ReportData, html: str) -> None:
    product_map = data.product_map
    assert product_map is not None
    assert [view.model for view in product_map.views] == [BASE, TUNED]
    assert product_map.clusters == 3
    assert all(len(view.positions) == len(product_map.points) == 32 + 40 for view in product_map.views)
    first, second = (part.split("</svg>")[0].split("<title>")[1:] for part in html.split('class="plot map">')[1:])
    assert [dot.split("</title>")[0] for dot in first] == [dot.split("</title>")[0] for dot in second]


def test_a_shared_root_is_no_department(data: ReportData) -> None:
    rooted = [replace(product, category=("Shop", *product.category)) for product in toy_catalogue()]
    product_map, plain = _whole_report(corpus=rooted).product_map, data.product_map
    assert product_map is not None
    assert plain is not None
    assert product_map.departments == plain.departments


def test_a_model_that_has_collapsed_still_gets_its_map() -> None:
    corpus = toy_catalogue(products_per_leaf=3)
    encoder = AngleEncoder(dict.fromkeys((ProductText()(product) for product in corpus), 30.0))
    recording = _recording(corpus, range(36))
    recording.through("plain", WordEncoder())
    recording.through("better", encoder)
    shown = product_map(recording, [BASE, TUNED], seed=0)
    assert shown is not None
    assert shown.views[1].purity == shown.largest_share == pytest.approx(1 / 3)
    assert np.isfinite(shown.views[1].positions).all()
    alone = product_map(recording, [TUNED], seed=0)
    assert alone is not None
    assert np.isfinite(alone.views[0].positions).all()


def _line_of_products() -> tuple[list[Product], dict[str, float], dict[str, float]]:
    """Make a query at 0 degrees, twelve of its leaf and one of another; the second model moves two of them."""
    corpus = [Product("q", "query", category=("a", "x"))]
    corpus += [Product(str(n), f"item {n}", category=("a", "x")) for n in range(12)]
    corpus += [Product("o", "other", category=("a", "y")), Product("p", "peer", category=("a", "y"))]
    before = {"query": 0.0, "other": 0.5, "peer": 90.0} | {f"item {n}": float(n + 1) for n in range(12)}
    after = before | {"item 0": 60.0, "item 11": 0.1, "other": 50.0}
    return corpus, before, after


def test_neighbours_are_marked_as_gained_lost_and_kept() -> None:
    corpus, before, after = _line_of_products()
    recording = _recording(corpus, [0])
    recording.through("plain", AngleEncoder(before))
    recording.through("better", AngleEncoder(after))
    shown = examples(recording, [BASE, TUNED], seed=0)
    assert shown is not None
    (example,) = shown.examples
    assert (example.change, shown.gained, shown.same, shown.lost) == (Change.GAIN, 1, 0, 0)
    old = {near.item.title: near.mark for near in example.before}
    new = {near.item.title: near.mark for near in example.after}
    assert [near.item.title for near in example.before] == ["other", *(f"item {n}" for n in range(9))]
    assert {title for title, mark in old.items() if mark is Mark.LOST} == {"other", "item 0"}
    assert {title for title, mark in new.items() if mark is Mark.GAINED} == {"item 11", "item 9"}
    assert [near.item.title for near in example.before if not near.same_leaf] == ["other"]
    assert example.after[0].cosine == pytest.approx(np.cos(np.radians(0.1)))


def test_the_examples_show_what_was_lost_as_well() -> None:
    recording = _recording(toy_catalogue(), range(0, 144, 2))
    recording.through("plain", WordEncoder(12))
    recording.through("better", WordEncoder(14))
    shown = examples(recording, [BASE, TUNED], seed=0)
    assert shown is not None
    own = {
        example: [sum(near.same_leaf for near in listed) for listed in (example.before, example.after)]
        for example in shown.examples
    }
    kinds = [example.change for example in shown.examples]
    assert kinds == [Change.GAIN] * 4 + [Change.SAME] * 3 + [Change.LOSS] * 3
    assert all(after > before for example, (before, after) in own.items() if example.change is Change.GAIN)
    assert all(after == before for example, (before, after) in own.items() if example.change is Change.SAME)
    assert all(after < before for example, (before, after) in own.items() if example.change is Change.LOSS)
    assert shown.gained + shown.same + shown.lost == 72


def test_the_triplets_still_wrong_stand_hardest_first() -> None:
    queries = range(0, 144, 2)
    recording = _recording(toy_catalogue(), queries)
    report = _measure(recording, TUNED, WordEncoder(6), queries, ())
    found = wrong_triplets(recording, [TUNED])
    assert found is not None
    assert 1 - found.wrong / found.total == pytest.approx(report.metrics["triplet_accuracy"].mean)
    excess = [each.negative_cosine - each.positive_cosine for each in found.hardest]
    assert len(excess) == min(12, found.wrong)
    assert excess == sorted(excess, reverse=True)
    assert min(excess) >= 0
    assert all(each.anchor.category == each.positive.category != each.negative.category for each in found.hardest)


def test_a_recording_encodes_nothing_twice() -> None:
    encoder = WordEncoder()
    queries = range(0, 144, 2)
    recording = _recording(toy_catalogue(), queries)
    _measure(recording, TUNED, encoder, queries, ())
    measured = len(encoder.encoded)
    vectors = recording.vectors("better")
    assert len(encoder.encoded) == measured
    texts = [ProductText()(product) for product in toy_catalogue()]
    np.testing.assert_array_equal(vectors, encoder.encode(texts))


def test_a_recording_encodes_what_it_was_not_asked_for() -> None:
    corpus, before, _ = _line_of_products()
    encoder = AngleEncoder(before)
    recording = _recording(corpus, [0])
    through = recording.through("plain", encoder)
    through.encode(["query"])
    through.encode(["item 1"], Role.QUERY)  # a query's vector may differ from the document's
    assert recording.vectors("plain").shape == (15, 2)
    assert encoder.encoded.count("query") == 1
    assert encoder.encoded.count("item 1") == 2
    with pytest.raises(UsageError, match="not recorded"):
        recording.vectors("better")


def test_the_slices_that_gain_least_come_first() -> None:
    def report(model: str, **means: float) -> Report:
        slices = {
            Slice(SliceKind.BRAND, name): {"category_p10": MetricValue.of(np.full(4, mean))}
            for name, mean in means.items()
        }
        return Report(model, "words", 4, {}, 1.0, slices=slices)

    before, after = report("plain", alder=0.5, dune=0.9, ember=0.2), report("better", alder=0.6, dune=0.8, ember=0.6)
    compared = worst_slices(before, after, "category_p10", TUNED, BASE)
    assert [row.name for row in compared.rows] == ["dune", "alder", "ember"]
    assert [row.difference and round(row.difference.mean, 3) for row in compared.rows] == [-0.1, 0.1, 0.4]
    alone = worst_slices(None, after, "category_p10", TUNED, None)
    assert [row.name for row in alone.rows] == ["alder", "ember", "dune"]


def test_measures_without_vectors_make_a_report_of_tables_alone() -> None:
    values = MetricValue.of(np.array([0.25, 0.75]))
    reports = [Report(f"better {mode}", "words", 2, {"ndcg@10": values}, 1.0) for mode in ("hybrid", "lexical")]
    headline = Headline(Outcome.MEASURED, (TUNED,), datetime(2026, 11, 21, tzinfo=UTC))
    data = build(headline, reports, [TUNED], Method(), None, 0)
    page = Page(render(data))
    assert [attributes["id"] for tag, attributes in page.elements if tag == "section"] == ["measures", "method"]
    assert "better hybrid" in page.text
    assert "0.500" in page.text


def test_one_model_alone_is_shown_without_a_comparison() -> None:
    queries = range(0, 144, 2)
    recording = _recording(toy_catalogue(), queries)
    report = _measure(recording, TUNED, WordEncoder(), queries, ())
    headline = Headline(Outcome.MEASURED, (TUNED,), datetime(2026, 11, 21, tzinfo=UTC))
    data = build(headline, [report], [TUNED], Method(), recording, 0)
    assert data.examples is not None
    assert {example.change for example in data.examples.examples} == {Change.SINGLE}
    page = Page(render(data))
    assert sum(attributes.get("class") == "plot map" for _, attributes in page.elements) == 1
    assert "gained" not in page.text


def test_passed_lines_of_many_alike_are_folded_away(data: ReportData) -> None:
    (failed,) = data.gate
    folded = replace(failed, name="category_p10, brand: Alder", passed=True, folded=True)
    html = render(replace(data, gate=(failed, folded, replace(folded, name="category_p10, brand: Dune"))))
    shown, hidden = html.split('<details class="more">')
    assert "must be better" in shown
    assert "Category P@10, brand: Alder" not in shown
    assert "2 more lines" in hidden
    assert "Category P@10, brand: Alder" in hidden


def test_numbers_and_verdicts_are_written_for_people() -> None:
    assert [number(0.12345), number(-0.5)] == ["0.123", "\N{MINUS SIGN}0.500"]
    assert [signed(0.1), signed(-0.1), signed(-0.0001)] == ["+0.100", "\N{MINUS SIGN}0.100", "0.000"]
    assert plain("unseen_category_p10 fell from x_category_p10") == (
        "Category P@10, new categories fell from x_category_p10"
    )


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(share * value for share, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_every_text_stands_out_from_its_ground_in_light_and_dark(html: str) -> None:
    styles = html.split("<style>")[1].split("@media print")[0]
    for style in styles.split("@media (prefers-color-scheme: dark)"):
        colours = dict(re.findall(r"(--[a-z]+(?:-back)?): (#[0-9a-f]{6})", style))
        grounds = dict.fromkeys(("--ink", "--soft"), ("--paper", "--card", "--grid"))
        grounds |= {"--faint": ("--paper", "--card")}
        grounds |= {f"--{name}": ("--card", f"--{name}-back") for name in ("good", "bad", "warn")}
        for text, behind in grounds.items():
            for ground in behind:
                high, low = sorted((_luminance(colours[text]), _luminance(colours[ground])), reverse=True)
                assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_the_contents_lead_to_the_sections_that_are_there(html: str) -> None:
    page = Page(html)
    targets = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    sections = [f"#{attributes['id']}" for tag, attributes in page.elements if tag == "section"]
    assert targets == sections
