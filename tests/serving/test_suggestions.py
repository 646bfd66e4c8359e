"""Suggestions, mistyped and cut-off words, prices and names said in words: through the queries of a small shop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, update
from support.patience import wait_until
from support.shop import Shop

from recommender.catalogue.search_log import SearchLog
from recommender.database.tables import SearchRow, now
from recommender.embedding.bm25 import LexicalEncoder
from recommender.embedding.model_words import read_tokens
from recommender.errors import BadInput
from recommender.query import (
    Confidence,
    Filters,
    Mode,
    Options,
    Rule,
    RuleAction,
    SearchLogging,
    Sort,
    SuggestionKind,
    UnderstoodKind,
)
from recommender.serving.live_model import FixedModel, LiveModel
from recommender.serving.merchandising import Merchandising
from recommender.serving.queries import Queries
from recommender.serving.vocabulary_file import VocabularyFile
from recommender.types import Product


def product(sku: str, title: str, brand: str = "", path: str = "", price: str = "", currency: str = "EUR") -> Product:
    attributes = {"colour": "Red"} if "red" in title.lower() else {}
    return Product(
        sku, title, f"{title} for every day, with a warranty", brand, tuple(filter(None, path.split(" > "))),
        Decimal(price) if price else None, currency, attributes=attributes,
    )  # fmt: skip


PRODUCTS = [
    product("m1", "Wireless mouse", "Kelvio", "Computing > Mice", "19.90"),
    product("m2", "Wireless keyboard", "Kelvio", "Computing > Keyboards", "49.00"),
    product("m3", "Wired mouse", "Telvane", "Computing > Mice", "9.90"),
    product("b1", "Red hiking boots", "Norvik", "Shoes > Hiking Boots", "129.00"),
    product("b2", "Red hiking boots", "Ülvra", "Shoes > Hiking Boots", "79.00"),
    product("b3", "Blue hiking boots", "Norvik", "Shoes > Hiking Boots", "59.00"),
    product("b4", "Red rain boots", "Norvik", "Shoes > Rain Boots", "39.00", "USD"),
    product("c1", "Café crème, ground", "Maison", "Food > Coffee", "8.50"),
    product("x1", "Nut driver", "Toolo", "Tools", "5.00"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with Shop(tmp_path_factory.mktemp("shop")) as shop:
        shop.catalogue.upsert(PRODUCTS)
        shop.worker.drain()
        shop.vocabulary.refresh(changed=True)
        yield shop


@pytest.fixture
def queries(shop: Shop) -> Queries:
    return shop.queries()


def test_a_word_that_is_cut_off_is_completed_with_what_it_leads_to(queries: Queries) -> None:
    found = {each.text: (each.kind, each.count) for each in queries.suggest("wir")}
    assert found["wireless"] == (SuggestionKind.WORDS, 2)
    assert found["wired"] == (SuggestionKind.WORDS, 1)


def test_a_completion_goes_with_the_words_before_it(queries: Queries) -> None:
    assert "wireless mouse" in [each.text for each in queries.suggest("wireless m")[:2]]
    assert all("boots" not in each.text.lower() for each in queries.suggest("wireless b"))


def test_a_word_that_only_joins_others_is_suggested_last(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert(product(str(at), f"Lamp with {shade}") for at, shade in enumerate(["wings", "a cup"]))
        shop.vocabulary.refresh(changed=True)
        words = [each.text for each in shop.queries().suggest("lamp wi") if each.kind is SuggestionKind.WORDS]
    assert words == ["lamp wings", "lamp with"]


def test_a_colour_that_no_title_has_with_the_next_word_does_not_end_the_suggestions(queries: Queries) -> None:
    found = {each.text: (each.kind, each.count) for each in queries.suggest("red wire")}
    assert found["red wireless"] == (SuggestionKind.WORDS, 2)


def test_nothing_is_suggested_that_lacks_a_word_before_it(queries: Queries) -> None:
    assert queries.suggest("zzyzx m") == []
    assert queries.suggest("zzyzx mouse") == []


def test_brands_and_categories_are_suggested_by_any_word_of_theirs(queries: Queries) -> None:
    brand = queries.suggest("norv")[0]
    assert (brand.text, brand.kind, brand.count) == ("Norvik", SuggestionKind.BRAND, 3)
    category = next(each for each in queries.suggest("hik") if each.kind is SuggestionKind.CATEGORY)
    assert (category.text, category.category, category.count) == ("Hiking Boots", ("Shoes", "Hiking Boots"), 3)


def test_accents_are_no_matter_and_are_shown(queries: Queries) -> None:
    assert queries.suggest("caf")[0].text == "café"
    assert queries.suggest("ulv")[0].text == "Ülvra"


def test_the_limit_holds_and_nothing_typed_suggests_nothing(queries: Queries) -> None:
    assert len(queries.suggest("w", 1)) == 1
    assert queries.suggest("") == []
    assert queries.suggest("zzzz") == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("wireles mouse", "wireless mouse"), ("hikign boots", "hiking boots"), ("Norvikk boots", "norvik boots")],
)
def test_a_word_that_the_catalogue_lacks_is_read_as_the_nearest_one(queries: Queries, typed: str, meant: str) -> None:
    answer = queries.search(typed)
    assert answer.did_you_mean is not None
    assert (answer.did_you_mean.lower(), answer.searched) == (meant, answer.did_you_mean)
    assert [hit.sku for hit in answer] == [hit.sku for hit in queries.search(meant)]


@pytest.mark.parametrize(
    "text", ["mouse", "boot", "warranty", "wrx 1234", "m1x", "nut drivers", "nutt", "every day", "x"]
)
def test_words_of_any_text_other_forms_numbers_and_short_words_are_left_alone(queries: Queries, text: str) -> None:
    answer = queries.search(text)
    assert (answer.did_you_mean, answer.searched) == (None, None)


def test_words_that_were_typed_as_one_are_read_as_two_and_the_other_way_round(queries: Queries) -> None:
    apart = queries.search("hikingboots", options=Options(mode=Mode.LEXICAL))
    assert (apart.did_you_mean, {hit.sku for hit in apart}) == ("hiking boots", {"b1", "b2", "b3", "b4"})
    joined = queries.search("key board", 1, options=Options(mode=Mode.LEXICAL))
    assert ([hit.sku for hit in joined], joined.did_you_mean) == (["m2"], None)
    assert (joined.confidence, joined[0].score) == (Confidence.GOOD, 1.0)  # it has all that was typed


@pytest.mark.parametrize(
    ("language", "titles", "query", "right"),
    [
        ("german", ["Bürostuhl", "Holzstahl", "Drehstühle rot"], "stuhl", {0, 2}),
        ("german", ["Kaffeemaschine", "Schlagbohrmaschine", "Kaffee"], "kaffee maschine", {0, 1, 2}),
        ("german", ["Kaffeemaschine", "Teekanne"], "kaffee", {0}),
        ("swedish", ["Kontorsstol svart", "Skrivbord"], "stol", {0}),
        ("hebrew", ["ספר בישול", "כיסא"], "הספר", {0}),
        ("hebrew", ['מדים של צה"ל', "כיסא"], "צהל", {0}),
        ("ukrainian", ["Стіл дерев'яний", "Диван"], "деревяний", {0}),
        ("polish", ["Łóżko dziecięce", "Fotel"], "lozkko", {0}),
        ("hindi", ["लाल किताब", "नीली साड़ी"], "कितांब", {0}),
    ],
)
def test_words_of_a_shop_are_found_by_their_parts_and_nearest_forms(
    tmp_path: Path, language: str, titles: list[str], query: str, right: set[int]
) -> None:
    with Shop(tmp_path) as shop:
        shop.lexical = LexicalEncoder(language)
        shop.catalogue.upsert(product(str(number), title) for number, title in enumerate(titles))
        shop.worker.drain()
        shop.vocabulary.refresh(changed=True)
        answer = shop.queries().search(query, options=Options(mode=Mode.LEXICAL))
    assert {int(hit.sku) for hit in answer} == right
    assert "0" in {hit.sku for hit in answer if hit.score == answer[0].score}


@pytest.mark.parametrize(
    ("title", "typed", "shown"),
    [
        ("Łóżko dziecięce", "lozk", "łóżko"),
        ("Fußball", "fuss", "fußball"),
        ("Kırmızı lamba", "kirm", "kırmızı"),
        ("Isıtıcı", "isi", "ısıtıcı"),
        ("ELEKTRİKLİ ISITICI", "isi", "ısıtıcı"),
        ("İstanbul Işığı", "ist", "istanbul"),
        ("Intel Işlemci kılıfı", "int", "intel"),
        ("लाल किताब", "किता", "किताब"),
        # words of scripts without blanks, and signs, before the one that is typed
        ("나이키 운동화 검정", "나이키 운", "나이키 운동화"),
        ("나이키 운동화 검정", "나이키 운동화 검", "나이키 운동화 검정"),
        ("스니커즈 검정", "스니커", "스니커즈"),
        ("スニーカー 黒色", "スニーカー 黒", "スニーカー 黒色"),
        ("运动鞋 黑色", "运动鞋 黑", "运动鞋 黑色"),
        ("รองเท้าวิ่ง สีดำ", "รองเท้าวิ่ง สี", "รองเท้าวิ่ง สีดำ"),
        ("หม้อหุงข้าว 1.8 ลิตร", "หม้อ", "หม้อหุงข้าว"),
        ("ကွန်ပျူတာ", "ကွန်", "ကွန်ပျူတာ"),
        ("C++ primer", "c++ pri", "c++ primer"),
    ],
)
def test_letters_that_people_lack_are_no_matter_to_suggestions(
    tmp_path: Path, title: str, typed: str, shown: str
) -> None:
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert([Product("1", title)])
        shop.vocabulary.refresh(changed=True)
        assert shown in [suggestion.text.lower() for suggestion in shop.queries().suggest(typed)]
        assert shop.queries().suggest(f"zzyzx-{typed}") == []


@pytest.mark.parametrize(
    ("language", "category", "text"), [("spanish", "Libros", "aceite 5 litros"), ("french", "Livres", "livre")]
)
def test_units_and_other_forms_of_a_category_are_not_mistyped(
    tmp_path: Path, language: str, category: str, text: str
) -> None:
    with Shop(tmp_path) as shop:
        shop.lexical = LexicalEncoder(language)
        shop.catalogue.upsert([product("1", "Candide", path=category)])
        shop.worker.drain()
        shop.vocabulary.refresh(changed=True)
        assert shop.queries().search(text, options=Options(mode=Mode.LEXICAL)).did_you_mean is None


def test_correcting_can_be_turned_off(queries: Queries) -> None:
    assert queries.search("wireles mouse", options=Options(correct=False)).did_you_mean is None


def test_a_cut_off_word_matches_while_somebody_types(queries: Queries) -> None:
    answer = queries.search("hik", options=Options(prefix=True))
    assert answer.searched == "hiking"
    assert {hit.sku for hit in answer[:3]} == {"b1", "b2", "b3"}
    assert queries.search("wirele", options=Options(prefix=True)).did_you_mean is None


def test_a_cut_off_word_of_a_script_without_blanks_is_completed(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert([product("1", "나이키 스니커즈"), product("2", "아디다스 스니커룩")])
        shop.vocabulary.refresh(changed=True)
        answer = shop.queries().search("나이키 스니커", options=Options(prefix=True))
    assert answer.searched == "나이키 스니커즈"


def test_a_category_that_is_the_first_of_no_product_is_suggested_and_understood(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        gifts = (("Gifts", "For runners"), ("Gifts", "For winter"))
        shop.catalogue.upsert([replace(each, other_categories=gifts) for each in PRODUCTS[:2]] + PRODUCTS[2:])
        shop.worker.drain()
        shop.vocabulary.refresh(changed=True)
        found = {each.text: (each.kind, each.count) for each in shop.queries().suggest("gif")}
        assert found["Gifts"] == (SuggestionKind.CATEGORY, 2)
        answer = shop.queries().search("for runners")
        assert [(each.kind, each.value) for each in answer.understood] == [
            (UnderstoodKind.CATEGORY, ("Gifts", "For runners"))
        ]
        assert {hit.sku for hit in answer[:2]} == {"m1", "m2"}


@pytest.mark.parametrize(
    ("typed", "searched"),
    [("blue-hik", "blue-hiking"), ("(hik", "(hiking"), ("red/hik", "red/hiking"), ("hik-", None), ("hik ", None)],
)
def test_a_cut_off_word_is_what_comes_after_the_last_sign(queries: Queries, typed: str, searched: str | None) -> None:
    assert queries.search(typed, options=Options(prefix=True, correct=False)).searched == searched


def test_a_price_said_in_words_filters_and_what_is_named_ranks_higher(queries: Queries) -> None:
    answer = queries.search("red hiking boots norvik under 130")
    price, colour, category, brand = answer.understood
    assert (price.kind, price.words, price.price_max, price.currency) == (
        UnderstoodKind.PRICE, "under 130", Decimal(130), "EUR",
    )  # fmt: skip
    assert (colour.kind, colour.name, colour.value) == (UnderstoodKind.ATTRIBUTE, "colour", "Red")
    assert (category.kind, category.value) == (UnderstoodKind.CATEGORY, ("Shoes", "Hiking Boots"))
    assert (brand.kind, brand.value) == (UnderstoodKind.BRAND, "Norvik")
    assert answer.searched == "red hiking boots norvik"
    assert answer[0].sku == "b1"
    assert all(hit.price is not None and hit.price <= 130 and hit.currency == "EUR" for hit in answer)


def test_the_name_of_a_category_is_a_sure_search_though_no_title_has_it(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert([product("d1", "Impact borer", path="Workshop > Drills")])
        shop.worker.drain()
        shop.vocabulary.refresh(changed=True)
        drills, more = (shop.queries().search(text) for text in ("drills", "drills zzyzx"))
        assert ([hit.sku for hit in drills], drills.confidence) == (["d1"], Confidence.GOOD)
        assert more.confidence is not Confidence.GOOD


def test_who_types_nothing_but_names_sees_what_has_them_first(tmp_path: Path) -> None:
    def lift(text: str, sku: str) -> float:
        hit = next(hit for hit in queries.search(text, options=Options(explain=True)) if hit.sku == sku)
        assert hit.explanation is not None
        assert hit.explanation.from_words is not None
        assert hit.explanation.from_meaning is not None
        return hit.score / (hit.explanation.from_words + hit.explanation.from_meaning)

    with Shop(tmp_path) as shop:
        named = [
            product(f"{where}1", "Pannier bag", path=f"{where} > Bags", brand="Kadro") for where in ("Town", "Trip")
        ]
        shop.catalogue.upsert([product("g1", "Saddle bag", path="Gifts"), *named])
        shop.worker.drain()
        shop.vocabulary.refresh(changed=True)
        queries = shop.queries()
        first, second, last = (hit.sku for hit in queries.search("bags"))
        assert ({first, second}, last) == ({"Town1", "Trip1"}, "g1")
        assert [lift("bags", sku) for sku in ("Town1", "Trip1", "g1")] == pytest.approx([2, 2, 1])
        assert lift("Kadro bags", "Trip1") == pytest.approx(3)
        assert lift("warranty bags", "Trip1") == pytest.approx(1.1)


def test_understanding_can_be_turned_off_and_a_filter_by_hand_stands(queries: Queries) -> None:
    assert queries.search("boots under 70", options=Options(understand=False)).understood == ()
    answer = queries.search("boots under 70", filters=Filters(price_max=Decimal(200)))
    assert all(each.kind is not UnderstoodKind.PRICE for each in answer.understood)


def test_a_number_of_a_product_is_no_price(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert([product("AB-1001", "Impact borer", price="1500.00")])
        shop.worker.drain()
        answer = shop.queries().search("ab 1001")
        assert ([hit.sku for hit in answer], answer.understood) == (["AB-1001"], ())
        assert shop.queries().search("ab 1002").understood[0].price_min == 1002


def test_a_price_alone_shows_what_costs_so(queries: Queries) -> None:
    answer = queries.search("under 10", options=Options(sort=Sort.PRICE))
    assert [hit.sku for hit in answer] == ["x1", "c1", "m3"]


def test_a_price_alone_counts_all_that_costs_so(queries: Queries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommender.serving.queries.COUNTED", 1)
    facets = queries.search("under 10", k=1, options=Options(facets=True)).facets
    assert facets is not None
    assert (facets.counted, sum(band.count for band in facets.prices)) == (3, 3)


def test_prices_are_of_the_currency_of_most_products_or_of_the_one_that_is_named(queries: Queries) -> None:
    def skus(filters: Filters) -> set[str]:
        return {hit.sku for hit in queries.browse(filters=filters)}

    assert "b4" not in skus(Filters(price_max=Decimal(60)))
    assert skus(Filters(price_max=Decimal(60), currency="USD")) == {"b4"}
    assert [hit.sku for hit in queries.search("boots under $50")] == ["b4"]
    facets = queries.browse(options=Options(facets=True)).facets
    assert facets is not None
    assert (facets.currency, sum(band.count for band in facets.prices)) == ("EUR", 8)


def test_a_shop_without_prices_searches_for_all_the_words(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert([product("h1", "Hose up to 50")])
        shop.worker.drain()
        answer = shop.queries().search("hose up to 50")
        assert ([hit.sku for hit in answer], answer.understood) == (["h1"], ())


@pytest.mark.parametrize(
    ("text", "searched"),
    [
        ("hose up to 50", "hose"),
        ("hose up to 5", None),  # nothing costs so
        ("hose up to 5 euros", "hose"),  # but this is certainly a price
        ("mower up to 400 sqwards", None),  # as a title says
        ("mower up to 400 sqward green", None),
        ("mower up to 400 green", "mower green"),
        ("filter under 206", None),
        ("filter under 200", "filter"),
        ("filter from 110", None),
        ("filter more expensive than 110", "filter"),
        ("drill from 110", "drill"),  # the title has 110 mm
        ("shoes over 100", "shoes"),  # the number is of shorts
        ("jacket over 200", "jacket"),  # one of many jackets has it
        ("jacket under 206", None),  # which few prices are
        ("jacket between 127 and 132", None),
        ("jacket between 120 and 130", "jacket"),
        ("iPhone 13'ten ucuz jacket", None),  # cheaper than that telephone
        ("500'den ucuz jacket", "jacket"),
    ],
)
def test_a_number_that_nothing_costs_or_that_titles_have_is_no_price(
    tmp_path: Path, text: str, searched: str | None
) -> None:
    with Shop(tmp_path) as shop:
        titles = ["Hose", "Mower for 400 sqwards", "Oil filter Lada 110", "Air filter Peugeot 206", "Drill 110 mm"]
        titles += ["Shorts Endura 100", "Running shoes", "Jacket Merino 200", "Jacket Type 206", *["Jacket"] * 60]
        shop.catalogue.upsert(product(str(at), title, price=str(50 * at + 20)) for at, title in enumerate(titles))
        shop.worker.drain()
        shop.vocabulary.refresh(changed=True)
        answer = shop.queries().search(text)
    assert answer.searched == searched
    assert bool(answer.understood) is bool(searched)


def test_words_that_the_model_knows_are_not_corrected_whatever_their_accents(shop: Shop, tmp_path: Path) -> None:
    words = ["Wïrec", "чайник", "강아지", "κιλό"]
    vocabulary = {f"\u2581{word}": number for number, word in enumerate(words)} | {"wireb": 9}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
    tokens = read_tokens(tmp_path)
    live = LiveModel("g1", "words", shop.index, lambda: shop.encoder, lambda: shop.lexical, tokens=lambda: tokens)
    queries = Queries(FixedModel(live), lambda: shop.catalogue, shop.text, vocabulary=shop.vocabulary)
    assert tokens == {"wïrec", "wirec", "чайник", "강아지", "κιλό", "κιλο"}
    for known in ("Wïrec", "wirec mouse"):
        assert queries.search(known).did_you_mean is None
    assert queries.search("wireb").did_you_mean == "wired"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hiking-boots, Ülvra!", ["hiking-boots", "Ülvra"]),
        ("red hikng boots", ["red", "hikng boots"]),
        ("norvikk hikingboots", ["norvikk", "hikingboots"]),
    ],
)
def test_what_a_text_names_is_shown_as_it_was_typed(queries: Queries, text: str, words: list[str]) -> None:
    assert [each.words for each in queries.search(text).understood] == words


@pytest.mark.parametrize(
    ("title", "category", "query"),
    [("รองเท้าวิ่งผู้หญิง สีดำ", "วิ่ง", "รองเท้าวิ่งผู้หญิง สีดำ"), ("लाल किताब", "किताब", "लाल किताब")],
)
def test_words_with_vowel_signs_are_shown_whole(tmp_path: Path, title: str, category: str, query: str) -> None:
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert([product("1", title, path=category), product("2", "Tea")])
        shop.worker.drain()
        shop.vocabulary.refresh(changed=True)
        answer = shop.queries().search(query, k=1, options=Options(explain=True))
    words = query.split()
    assert {each.words for each in answer.understood} <= set(words)
    assert answer.understood
    assert answer[0].explanation is not None
    assert answer[0].explanation.words == tuple(words)


def test_an_umlaut_may_be_written_as_two_letters_in_a_name(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        shop.lexical = LexicalEncoder("german")
        shop.catalogue.upsert([product("1", "Haferflocken", "Dünkel", "Essen > Müsli"), product("2", "Tee", "Saale")])
        shop.worker.drain()
        shop.vocabulary.refresh(changed=True)
        understood = shop.queries().search("Muesli Duenkel Saale").understood
    assert [(each.words, each.value) for each in understood] == [
        ("Muesli", ("Essen", "Müsli")), ("Duenkel", "Dünkel"), ("Saale", "Saale"),
    ]  # fmt: skip


def test_browsing_is_sorted_and_says_how_many_there_are(queries: Queries) -> None:
    answer = queries.browse(2, Filters(categories=(("Shoes",),)), Options(sort=Sort.PRICE_DOWN))
    assert ([hit.sku for hit in answer], answer.total) == (["b1", "b2"], 4)
    newest = queries.search("boots", options=Options(sort=Sort.NEWEST))
    assert newest.total == len(PRODUCTS)
    assert {hit.sku for hit in newest} <= {"b1", "b2", "b3", "b4"}


def test_the_vocabulary_follows_the_catalogue_and_is_shared_by_a_file(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        other = VocabularyFile(tmp_path / "vocabulary", shop.catalogue.names)
        assert other.current() is None
        shop.catalogue.upsert(PRODUCTS[:1])
        assert "mouse" in shop.vocabulary.require()
        shop.catalogue.upsert([product("n1", "Zither")])
        shop.catalogue.deactivate(["m1"])

        def follows() -> bool:
            shop.vocabulary.refresh(changed=True)  # builds only after a pause, if the build before took long
            found = other.current()
            return found is not None and ("zither" in found, "mouse" in found) == (True, False)

        wait_until(follows)


def test_a_vocabulary_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert(PRODUCTS)
        shop.vocabulary.refresh(changed=True)
        content = (tmp_path / "vocabulary").read_bytes()
        for broken in (b"", content[:100], content[: len(content) // 2], b"\xff" * 64):
            (tmp_path / "vocabulary").write_bytes(broken)
            file = VocabularyFile(tmp_path / "vocabulary", shop.catalogue.names)
            assert file.current() is None
            assert "mouse" in file.require()


def test_a_synonym_of_both_ways_finds_what_has_the_other_word(shop: Shop) -> None:
    rule = shop.rules.add(Rule(RuleAction.SYNONYM, query="wellies", means="rain boots"))
    try:
        queries = shop.queries()
        answer = queries.search("red wellies")
        assert (answer[0].sku, answer.did_you_mean) == ("b4", None)
        assert queries.search("wellies", options=Options(rules=False))[0].score < answer[0].score
    finally:
        shop.rules.remove(rule.id)


def test_a_one_way_synonym_holds_in_one_direction(shop: Shop) -> None:
    rule = shop.rules.add(Rule(RuleAction.SYNONYM, query="keyboard", means="mouse", one_way=True))
    try:
        queries = shop.queries()
        lexical = Options(mode=Mode.LEXICAL)
        assert {hit.sku for hit in queries.search("keyboard", options=lexical)} == {"m1", "m2", "m3"}
        assert {hit.sku for hit in queries.search("mouse", options=lexical)} == {"m1", "m3"}
    finally:
        shop.rules.remove(rule.id)


def test_a_synonym_of_signs_alone_which_an_older_version_kept_means_nothing() -> None:
    gift, either = Rule(RuleAction.SYNONYM, query="🎁", means="gift"), Rule(RuleAction.SYNONYM, query="and", means="&")
    merchandising = Merchandising(lambda: [gift, either])
    assert merchandising.synonyms("red boots") == []
    assert merchandising.synonyms("🎁") == []
    assert [each.means for each in merchandising.synonyms("gift and card")] == ["🎁", "&"]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (Rule(RuleAction.SYNONYM, query="a"), "what they mean"),
        (Rule(RuleAction.SYNONYM, "m1", query="a", means="b"), "leave out its SKU"),
        (Rule(RuleAction.SYNONYM, query="A  b", means="a B"), "means itself"),
        (Rule(RuleAction.SYNONYM, query="&", means="and"), "'&' has no letter"),
        (Rule(RuleAction.SYNONYM, query="gift", means="🎁"), "'🎁' has no letter"),
        (Rule(RuleAction.PIN, "m1", query="a", means="b"), "only a synonym"),
        (Rule(RuleAction.PIN, query="a"), "needs the SKU"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(shop: Shop, rule: Rule, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        shop.rules.add(rule)


def test_searches_without_a_good_answer_are_kept_and_counted(shop: Shop) -> None:
    log = SearchLog(shop.database, SearchLogging.WEAK, days=30)
    for text, confidence in (("Wellies", "none"), ("wellies ", "weak"), ("mouse", "good"), ("x" * 400, "none")):
        log.note(text, Confidence(confidence))
    (found,) = log.list(weak=True, limit=10)
    assert (found.text, found.searches, found.confidence) == ("wellies", 2, Confidence.WEAK)
    log.note("wellies", Confidence.NONE)
    log.close()
    assert SearchLog(shop.database, SearchLogging.OFF, 30).list(weak=False, limit=1)[0].searches == 3


def test_searches_are_kept_for_a_time_and_none_where_none_are_wanted(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        off = SearchLog(shop.database, SearchLogging.OFF, days=30)
        off.note("boots", Confidence.NONE)
        assert off.list(weak=False, limit=10) == []
        log = SearchLog(shop.database, SearchLogging.ALL, days=30)
        log.note("boots", Confidence.GOOD)
        assert [each.text for each in log.list(weak=False, limit=10)] == ["boots"]
        assert log.list(weak=True, limit=10) == []
        with shop.database.writing() as session:
            session.execute(update(SearchRow).values(last_at=now() - timedelta(days=31)))
        assert log.list(weak=False, limit=10) == []
        log.note("shoes", Confidence.GOOD)
        log.close()
        with shop.database.reading() as session:
            assert list(session.scalars(select(SearchRow.text))) == ["shoes"]


def test_queries_note_what_is_searched_and_how_it_went(shop: Shop) -> None:
    noted: list[tuple[str, Confidence]] = []
    live = LiveModel("g1", "words", shop.index, lambda: shop.encoder, lambda: shop.lexical)
    queries = Queries(FixedModel(live), lambda: shop.catalogue, shop.text, note=lambda *what: noted.append(what))
    queries.search("wireless mouse")
    queries.search("wireless mouse", options=Options(offset=1))
    queries.search("wirel", options=Options(prefix=True))
    queries.browse()
    assert noted == [("wireless mouse", Confidence.GOOD)]
