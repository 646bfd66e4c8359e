"""Tables as programs and people leave them: every product comes back, or its row says why not."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from recommender.errors import BadFeed
from recommender.feeds.formats import open_feed
from recommender.feeds.products import is_offered, product_of
from recommender.feeds.rejections import BadRow

Write = Callable[..., Path]

HEADER = "Article No;Item name;Unit price;Stock;Category path\n"
MAPPING = {"sku": "Article No", "title": "Item name", "price": "Unit price", "category": "Category path"}
ROWS = [f"B-{number};Hook {number} mm;{number},50;{number};Hardware > Hooks\n" for number in range(1, 31)]


def _titles(path: Path, **how: object) -> dict[str, str]:
    """Read a feed: the title of each SKU; for a row that is rejected, `line N` and the reason."""
    titles = {}
    with open_feed(path, **how) as feed:  # type: ignore[arg-type]
        for row in feed.rows():
            try:
                product = product_of(row)
                titles[product.sku] = product.title
            except BadRow as error:
                titles[f"line {row.line}"] = str(error)
    return titles


def _remarks(path: Path) -> dict[int, str]:
    with open_feed(path) as feed:
        return {row.line: row.remark for row in feed.rows() if row.remark}


@pytest.mark.parametrize(
    "above",
    [
        "",
        "sep=;\n",
        '"sep=;"\n',
        "\ufeffsep=;\r\n",
        "Price list, spring;;;;\n;;;;\n",
        "Hardware shop\nAll prices in EUR, with tax\n\n",
        "# exported by warehouse 4.1\n# 30 rows\n",
        "sep=;\nStock on 28.11.\n",
        "Required: the number;Required: the name;;;\n",
    ],
)
@pytest.mark.parametrize("mapping", [None, MAPPING])
def test_the_header_is_found_below_what_stands_above_it(
    write: Write, above: str, mapping: dict[str, str] | None
) -> None:
    header = HEADER if mapping else "sku;title;price;quantity;category\n"
    titles = _titles(write(above + header + "".join(ROWS)), mapping=mapping)
    assert titles == {f"B-{number}": f"Hook {number} mm" for number in range(1, 31)}


def test_a_stated_delimiter_is_obeyed(write: Write) -> None:
    path = write("sep=^\nsku^title^price,net;tax\na^One, two; three^1\n")
    assert _titles(path) == {"a": "One, two; three"}


def test_without_a_known_column_the_message_names_the_columns_and_not_the_title_above(write: Write) -> None:
    with (
        pytest.raises(BadFeed, match="'Nummer', 'Bezeichner'"),
        open_feed(write("Lager 3;;\nNummer;Bezeichner;x\n1;A;2\n")),
    ):
        pass


def test_blank_rows_repeated_headers_and_totals_are_no_products(write: Write) -> None:
    header = "sku;title;price\n"
    path = write(header + "a;A;1\n;;\n  ; ;\n\n" + header + "b;B;2\nTotal;2 products;3\nSumme:;;3\n")
    totals = "is a row of totals, not a product"
    assert _titles(path) == {"a": "A", "b": "B", "line 8": totals, "line 9": totals}


def test_rows_of_another_width_are_told_and_cost_no_other(write: Write) -> None:
    path = write("sku;title;price\na;A;1\nb;B; blue;2\nc;C\nd;D;4;;\n")
    assert _titles(path) == {
        "a": "A",
        "line 3": "4 cells where the header has 3",
        "line 4": "2 cells where the header has 3",
        "d": "D",
    }


def test_empty_cells_that_a_program_leaves_out_at_the_end_are_empty(write: Write) -> None:
    rows = "".join(f"p{number};Title {number}" + (";5;in stock\n" if number % 3 else "\n") for number in range(30))
    assert _titles(write("sku;title;price;availability;\n" + rows)) == {
        f"p{number}": f"Title {number}" for number in range(30)
    }


STRAY = [
    ('B-7;"Hook 7 mm;7,50;7;Hardware > Hooks\n', '"Hook 7 mm'),
    ('B-7;"Hook" 7 mm;7,50;7;Hardware > Hooks\n', '"Hook" 7 mm'),
    ('B-7;Hook 7";7,50;7;Hardware > Hooks\n', 'Hook 7"'),
    ('B-7;"Hook 7" wide";7,50;7;Hardware > Hooks\n', 'Hook 7" wide'),
    ('B-7;"Hook; 7" wide; red";7,50;7;Hardware > Hooks\n', 'Hook; 7" wide; red'),
    ('B-7;"Hook ""7"" wide";7,50;7;Hardware > Hooks\n', 'Hook "7" wide'),
    ('B-7;"Hook \\"7\\" wide";7,50;7;Hardware > Hooks\n', 'Hook "7" wide'),
    ('B-7;"Hook\nof steel; black\n\n7 mm";7,50;7;Hardware > Hooks\n', "Hook of steel; black 7 mm"),
    ('B-7;"Hook\n"7" mm\nwide";7,50;7;Hardware > Hooks\n', 'Hook "7" mm wide'),
    ('"B-7;""Hook 7 mm"";7,50;7;Hardware > Hooks"\n', "Hook 7 mm"),
]


@pytest.mark.parametrize(("row", "title"), STRAY)
@pytest.mark.parametrize("rest", ["", 'B-31;Hook 31";1,50;31;Hooks\n', 'B-31;"Hook 31"" wide";1,50;31;Hooks\n'])
def test_a_quote_out_of_place_costs_no_row(write: Write, row: str, title: str, rest: str) -> None:
    lines = ["sku;title;price;quantity;category\n", *ROWS[:6], row, *ROWS[7:], rest]
    titles = _titles(write("".join(lines)))
    assert titles.pop("B-7") == title
    assert len(titles) == (30 if rest else 29)
    assert not any(sku.startswith("line") for sku in titles)


def test_two_stray_quotes_that_enclose_whole_rows_enclose_none(write: Write) -> None:
    header = "id\ttitle\tlink\tprice\tgoogle_product_category\timage_link\n"
    rows = [
        f"T{n}\tScreen {n} cm\thttps://s.example/{n}\t{n}.00 EUR\tTV\thttps://s.example/{n}.jpg\n" for n in range(40)
    ]
    rows[9] = rows[9].replace("Screen", '"Screen')
    rows[21] = rows[21].replace(" cm", ' cm"')
    path = write(header + "".join(rows), "feed.tsv")
    titles = _titles(path)
    assert len(titles) == 40
    assert titles["T9"] == '"Screen 9 cm'
    assert titles["T21"] == 'Screen 21 cm"'
    assert "not closed" in _remarks(path)[11]


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC])
def test_cells_of_several_lines_stay_whole(write: Write, quoting: int) -> None:
    """Whoever writes by the rules is read by the rules, whatever the lines of a cell look like."""
    texts = [f"Steel, black\nFor doors, {n} of them, heavy\n\nNew" for n in range(20)]
    table = io.StringIO()
    writer = csv.writer(table, quoting=quoting)
    writer.writerow(["sku", "title", "description"])
    writer.writerows([f"s{n}", f"Hook {n}", text] for n, text in enumerate(texts))
    path = write(table.getvalue())
    with open_feed(path) as feed:
        assert [product_of(row).description for row in feed.rows()] == texts
    assert _remarks(path) == {}


def test_an_unclosed_quote_deep_in_a_feed_loses_no_product(write: Write) -> None:
    rows = [f"p{n},Product {n},{n}.50,Shoes > Boots\n" for n in range(10_000)]
    rows[100] = 'p100,"Product 100,100.50,Shoes > Boots\n'
    path = write("sku,title,price,category\n" + "".join(rows))
    titles = _titles(path)
    assert len(titles) == 10_000
    assert titles["p100"] == '"Product 100'
    with open_feed(path) as feed:
        assert [row.line for row in feed.rows() if row.remark] == [102]
        assert feed.early_end == ""


def test_rows_that_cannot_be_told_apart_say_so(write: Write) -> None:
    path = write('sku,title,price,category\na,A,1,X\nb,"B, wide\nand long\nc,C,3,X\nd,D,4,X\n')
    with open_feed(path) as feed:
        problems = {row.line: row.problem for row in feed.rows()}
        assert feed.early_end == "rows can't be told apart: lines 3 to 4 are one row whose quoted cell is not closed"
    assert problems == {2: "", 3: "lines 3 to 4 are one row whose quoted cell is not closed", 5: "", 6: ""}


def test_a_cell_of_two_megabytes_is_read(write: Write) -> None:
    long = "a word, " * 250_000
    for text in (long, long.replace("word", "line\n"), long.replace("word", '""word""')):
        path = write(f'sku,title,description\na,A,"{text}"\nb,B,short\n')
        with open_feed(path) as feed:
            rows = list(feed.rows())
        assert [row.problem for row in rows] == ["", ""]
        assert len(json.dumps(str(list(rows[0].cells.values())))) > 1_500_000


LANGUAGES = [
    ("cp1252 mac_roman cp850", "Damenschuh für Mädchen;Größe 38, weiß\nGrüne Tasse;Blätter, süß\n"),
    ("cp1252 iso8859_15", "Robe légère;brodée à la main\nCafé moulu;forêt brûlée\n"),
    ("cp1252", "Camiseta de niño;Algodón español, tamaño único\nCalcetín;año 2026\n"),
    ("cp1250 iso8859_2", "Sukienka długa;żółta, ładny krój, dla każdej\nButy męskie;świąteczne\n"),
    ("iso8859_2 cp852", "Dětská košile;červená, žlutý límec\nPánské boty;měkká kůže\n"),
    ("cp1254 iso8859_9", "Kadın ayakkabısı;kırmızı, şık\nÇocuk gömleği;yeşil, pamuklu\n"),
    ("cp1257", "Vīriešu krekls;zaļš, ar pogām\nBērnu kurpes;ādas, šūtas ar roku\n"),
    ("cp1251 koi8_r", "Женские ботинки;чёрные, кожа\nМужская рубашка;хлопок\n"),
    ("cp1253", "Ανδρικό πουκάμισο;βαμβακερό, μπλε\nΠαιδικά παπούτσια;δερμάτινα\n"),
    ("cp932 euc_jp", "ステンレスケトル;台所用品、1.5リットル\n木製まな板;国産ひのき\n"),
    ("gb18030", "不锈钢水壶;厨房用品，容量大\n木质砧板;天然竹子制作\n"),
    ("cp1252", "Zaino di alta qualità;la comodità in città, di più\nDell’azienda – qualità;Più leggero\n"),
    ("cp1252 iso8859_15", "Sac à dos;cuir\nTee-shirt à manches;10\n"),
    ("cp1252", "Col·lecció;suau\nCafè;barat\n"),
    ("cp1250 iso8859_2", "Ľahké topánky;čierne\nStôl;drevo\n"),
    ("iso8859_2", "Buty męskie;10\nKsiążka;20\n"),
    ("iso8859_15", "Crème hydratante;50 €\nThé;5 €\n"),
    ("cp949", "똠양꿍 라면;컵라면\n여성 운동화;펲시 흰색\n"),
    ("cp950", "女士運動鞋 裏;白色\n男士手錶;防水\n兒童襯衫;免運\n"),
    ("cp1252", "Shoe £9.99;soft\nHat £5;new\n"),
    ("cp1252", "Shoe 5,99 €;soft\nHat 3,00 €;new\n"),
    ("cp1252", "Men’s shoe – £5;“soft” ™\nShoe™ “good”;x…\n"),
    ("cp1252", "Lego® Set;© Lego\nDuplo®;x\n"),
    ("cp1252", "Rohr Ø 20 mm;20°C\nDrill 5½;25 µm ± 5%, 10 m²\n"),
    ("cp1250 iso8859_2", "Mydło;Pudełko\nSzkło;Kołdra\n"),
    ("cp1252", "Glass 1.1 W/m²K;x\nPump 5 m³h;y\n"),
    ("cp1252", "Mug\xa0large;x\nCup;•\xa0blue\n"),
]


@pytest.mark.parametrize("many", [1, 4_000])
@pytest.mark.parametrize(("encoding", "rows"), [(name, rows) for names, rows in LANGUAGES for name in names.split()])
def test_texts_of_any_language_are_read_in_their_encoding(write: Write, encoding: str, rows: str, many: int) -> None:
    titles = [line.partition(";")[0] for line in rows.splitlines()]
    ascii_rows = "".join(f"p{number};Plain title {number};none\n" for number in range(many))
    lines = [f"q{number};{line}\n" for number, line in enumerate(rows.splitlines())]
    path = write(("sku;title;description\n" + ascii_rows * 4 + "".join(lines)).encode(encoding))
    assert list(_titles(path).values())[-len(titles) :] == [title.replace("\xa0", " ") for title in titles]


@pytest.mark.parametrize("between", ["\n", ", "])
@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("euc_kr", "운동화 여성 남성 손목시계 방수 모자 가방 가죽 셔츠 바지 아동 검정 흰색 세트"),
        ("cp932", "スニーカー 帽子 白 黒 メンズ レディース 腕時計 防水 バッグ 革 子供 シャツ 送料無料 楽天"),
        ("gb18030", "女士 运动鞋 白色 手表 防水 男士 帽子 儿童 衬衫 皮包 黑色 裤子 包邮 正品"),
        ("big5", "女士 運動鞋 白色 手錶 防水 男士 帽子 兒童 襯衫 皮包 黑色 褲子 免運 正品"),
    ],
)
def test_a_long_sample_may_end_within_a_character(write: Write, encoding: str, words: str, between: str) -> None:
    known = words.split()
    for shift in range(2):
        texts = (" ".join(known[(n * 5 + at * 3) % 13] for at in range(6)) for n in range(12_000))
        rows = (f"s{n};{text} Nike" for n, text in enumerate(texts))
        path = write(f"sku;title\n{'x' * shift}{known[0]};b\n{between.join(rows)}\n".encode(encoding))
        with open_feed(path) as feed:
            assert f"{encoding} (guessed" in feed.why


@pytest.mark.parametrize(
    ("header", "row", "path"),
    [
        ("category_1,category_2,category_3", "Home,Kitchen,Mugs", ("Home", "Kitchen", "Mugs")),
        ("Kategorie Ebene 1,Kategorie Ebene 2", "Haus,Küche", ("Haus", "Küche")),
        ("level1,level2,level3", "Home,,Mugs", ("Home", "Mugs")),
        ("Main Category,Category,Sub Category", "Home,Kitchen,Mugs", ("Home", "Kitchen", "Mugs")),
        ("category,subcategory", "Home,Mugs", ("Home", "Mugs")),
        ("category,subcategory", "Home > Kitchen > Mugs,Mugs", ("Home", "Kitchen", "Mugs")),
        ("L2 category,L1 category", "Kitchen,Home", ("Home", "Kitchen")),
    ],
)
def test_a_category_with_a_column_for_each_level_is_one_path(
    write: Write, header: str, row: str, path: tuple[str, ...]
) -> None:
    with open_feed(write(f"sku,title,{header}\na,Mug,{row}\nb,Jug,{row}\n")) as feed:
        assert [product_of(row).category for row in feed.rows()] == [path, path]
        assert feed.leftover_columns == () or ">" in row


@pytest.mark.parametrize(
    ("header", "row", "price"),
    [
        ("price,sale_price", "20,15", "15"),
        ("price,sale_price", "20,", "20"),
        ("price,sale_price", "20,25", "20"),
        ("Preis;Angebotspreis;Angebot von;Angebot bis", "20,00;15,00;01.01.2026;31.12.2099", "15.00"),
        ("Preis;Angebotspreis;Angebot von;Angebot bis", "20,00;15,00;01.01.2099;31.12.2099", "20.00"),
        ("price,special_price,special_from_date,special_to_date", "20,15,2020-01-01,2020-02-01", "20"),
        ("prix,prix promo", "20.00,15.00", "15.00"),
        ("price,compare_at_price", "15,20", "15"),
    ],
)
def test_of_several_prices_the_one_to_pay_today_counts(write: Write, header: str, row: str, price: str) -> None:
    mark = ";" if ";" in header else ","
    with open_feed(write(mark.join(["sku", "title", header]) + "\n" + mark.join(["a", "Mug", row]) + "\n")) as feed:
        assert [product_of(row).price for row in feed.rows()] == [Decimal(price)]


@pytest.mark.parametrize(
    ("content", "name", "titles"),
    [
        ("'sku';'title';'price'\n'a';'Cup; \"big\"';'9,90'\n'b';'Jug';'5,00'\n", "office.csv", ['Cup; "big"', "Jug"]),
        ("sku\ttitle\tprice\na\tA \\\\ B\\nC\\tD\t9\nb\tJug\t\\N\n", "copy.tsv", ["A \\ B C D", "Jug"]),
        ("商品番号,商品名,販売価格\na,湯呑み,1980\n", "excel.csv", ["湯呑み"]),
        ("sku\ttitle\tactive\na\tA\tt\nb\tB\tf\n", "copy.tsv", ["A"]),
        (
            '"sku", "title", "price"\n"a", "Cup, big", "5"\n"b", "Jug ""x"", y", "5"\n',
            "f.csv",
            ["Cup, big", 'Jug "x", y'],
        ),
        ('sku; title; price\na; "Cup; big"; 5\nb; Jug; 5\nc; "Pot; x"; 5\n', "f.csv", ["Cup; big", "Jug", "Pot; x"]),
        (
            'sku,title,price\na,"1\\" pipe, steel",5\nb,"Ideal for 3/4\\", x\\"",""\n',
            "f.csv",
            [
                '1" pipe, steel',
                'Ideal for 3/4", x"',
            ],
        ),
        (
            'sku,title,price\na,"1\\" pipe\nand 2\\" too",5\nb,"C:\\\\",6\n',
            "f.csv",
            [
                '1" pipe and 2" too',
                "C:\\\\",
            ],
        ),
        ('sku\ttitle\tprice\na\t1\\" pipe\t\\N\n', "copy.tsv", ['1" pipe']),
        ('mpn,sku,title,brand\n"",a,"1\\" pipe, steel", ""\n', "f.csv", ['1" pipe, steel']),
        ('sku,title,price\na,"in C:\\",5\nb,"say ""so""",6\n', "f.csv", ["in C:\\", 'say "so"']),
    ],
)
def test_dialects_of_programs_are_read(write: Write, content: str, name: str, titles: list[str]) -> None:
    path = write(content.encode("cp932"), name)
    with open_feed(path) as feed:
        rows = [row for row in feed.rows() if is_offered(row)]
    assert ([product_of(row).title for row in rows], {row.remark for row in rows}) == (titles, {""})


@pytest.mark.parametrize(
    ("categories", "attributes"),
    [
        ("[Home, Kitchen]", "{'colour': red, 'size': M}"),
        ("['Home', 'Kitchen']", "{'colour': 'red', 'size': 'M'}"),
        ('{Home,"Kitchen"}', '"colour"=>"red", "size"=>"M"'),
        ('["Home", "Kitchen"]', '{"colour": "red", "size": "M"}'),
    ],
)
def test_lists_and_objects_are_read_as_databases_write_them(write: Write, categories: str, attributes: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([["sku", "title", "category", "attributes"], ["a", "A", categories, attributes]])
    with open_feed(write(file.getvalue())) as feed:
        (product,) = map(product_of, feed.rows())
    assert (product.category, product.attributes) == (("Home", "Kitchen"), {"colour": "red", "size": "M"})


def test_a_quote_that_is_not_closed_in_every_line_costs_no_more_than_time_in_proportion(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text("sku,title\n" + 'a,"Boot 12\n' * 20_000)
    started = time.process_time()
    with open_feed(path) as feed:
        assert sum(1 for _ in feed.rows()) == 20_000
    assert time.process_time() - started < 30  # it took hours


def test_an_entity_splits_no_cell_of_a_table_with_semicolons(write: Write) -> None:
    path = write("sku;title;brand;price\na;Black &amp; Decker drill;B&D;5\nb;T&#228;nzer &lt;x;Q&A;6\nc;C;D;7\n")
    with open_feed(path) as feed:
        products = [product_of(row) for row in feed.rows()]
    assert [(one.title, one.brand, one.price) for one in products][::2] == [
        ("Black & Decker drill", "B&D", 5), ("C", "D", 7),
    ]  # fmt: skip
    assert products[1].title.startswith("Tänzer")


@pytest.mark.parametrize(
    ("header", "row", "price"),
    [
        ("Preis;Preiseinheit", "12,50;100", "0.1250"),
        ("Preis;Preiseinheit", "12,50;1", "12.50"),
        ("Preis;Preiseinheit", "12,50;", "12.50"),
        ("Preis;Preiseinheit", "12,50;je 100 Stk", "0.1250"),
        ("Preis;Preiseinheit", "12,50;kg", "12.50"),
        ("Preis;Preiseinheit", "12,50;1.000", "None"),
        ("Preis;Angebotspreis;Preiseinheit", "12,50;10,00;100", "0.1000"),
        ("Preis;Menge für Preis", "120,00;1000", "0.1200"),
        ("price_cents;currency", "1999;EUR", "19.99 EUR"),
        ("price_in_cents;currency", "1999;JPY", "1999 JPY"),
        ("amount_minor;currency", "1999;KWD", "1.999 KWD"),
        ("price_cents;sale_price_cents", "1999;1499", "14.99"),
        ("price_cents;sale_price", "1999;15", "19.99"),
        ("price_cents", "19.99", "19.99"),
        ("price;price_cents", "19.99;1999", "19.99"),
    ],
)
def test_a_price_is_that_of_one_piece_in_the_currency_itself(write: Write, header: str, row: str, price: str) -> None:
    with open_feed(write(f"sku;title;{header}\na;Screw;{row}\n")) as feed:
        (product,) = map(product_of, feed.rows())
    assert f"{product.price} {product.currency}".strip() == price


def _offers(path: Path) -> dict[str, str]:
    """Read a feed: the price, the stock and the group of each product that is offered."""
    with open_feed(path) as feed:
        products = [product_of(row) for row in feed.rows() if is_offered(row)]
    return {each.sku: f"{each.price} {each.availability} {each.group_id}".strip() for each in products}


def test_a_price_that_stays_when_its_sale_is_over_does_not_count(write: Write) -> None:
    rows = "sku,name,price,sale price,on sale\na,A,10,8,1\nb,B,10,8,0\nc,C,10,8,FALSE\nd,D,10,8,\n"
    assert _offers(write(rows)) == {
        "a": "8 in_stock", "b": "10 in_stock", "c": "10 in_stock", "d": "8 in_stock",
    }  # fmt: skip


@pytest.mark.parametrize("variant", ["VariationNumber", "variant_id", "Variant SKU"])
def test_the_number_of_a_variant_goes_before_that_of_its_product(write: Write, variant: str) -> None:
    rows = f"product_id,{variant},name,price\n1,11,Sofa red,10\n1,12,Sofa blue,12\n2,,Lamp,5\n"
    assert _offers(write(rows)) == {"11": "10 in_stock 1", "12": "12 in_stock 1", "2": "5 in_stock 2"}


@pytest.mark.parametrize("tick", ["checked", "x", "X", "✓"])
def test_where_yes_is_a_tick_an_empty_cell_is_no(write: Write, tick: str) -> None:
    rows = f"sku,name,price,In stock?,Published\na,A,1,{tick},{tick}\nb,B,2,,{tick}\nc,C,3,{tick},\n"
    assert _offers(write(rows)) == {"a": "1 in_stock", "b": "2 out_of_stock"}


@pytest.mark.parametrize("column", ["Blocked", "Gesperrt", "Verkauf gesperrt", "Löschvormerkung", "Bloqué", "Inaktiv"])
def test_what_is_blocked_for_sale_is_not_offered(write: Write, column: str) -> None:
    assert _offers(write(f"sku,name,price,{column}\na,A,1,No\nb,B,2,X\nc,C,3,\n")) == {
        "a": "1 in_stock", "c": "3 in_stock",
    }  # fmt: skip


@pytest.mark.parametrize(
    "word", ["Not published", "nicht aktiv", "Non publié", "Niet actief", "Obsolete", "EOL", "Phased out", "Masqué"]
)
def test_what_is_no_longer_offered_is_not_on_sale_whatever_the_word(write: Write, word: str) -> None:
    assert _offers(write(f"sku,name,price,status\na,A,1,Active\nb,B,2,{word}\n")) == {"a": "1 in_stock"}


def test_a_row_without_a_price_that_others_name_as_their_parent_only_holds_them_together(write: Write) -> None:
    rows = (
        "id,sku,parent_id,name,price\n1,P,,Sofa,0\n2,P-R,1,Sofa red,10\n3,L,,Lamp,\n4,Q,,Desk,5\n5,Q-R,Q,Desk red,6\n"
    )
    assert _offers(write(rows)) == {
        "P-R": "10 in_stock 1", "L": "None in_stock", "Q": "5 in_stock Q", "Q-R": "6 in_stock Q",
    }  # fmt: skip


def test_what_has_no_date_of_publishing_is_a_draft(write: Write) -> None:
    items = [
        {"sku": "a", "name": "A", "price": 1, "publishedAt": "2026-01-01"},
        {"sku": "b", "name": "B", "price": 1, "publishedAt": None},
        {"sku": "c", "name": "C", "price": 1},
    ]
    assert _offers(write(json.dumps(items), "feed.json")) == {"a": "1 in_stock", "c": "1 in_stock"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("qty,manage_stock\n0,0\n", "in_stock"),
        ("qty,manage_stock\n0,1\n", "out_of_stock"),
        ("stock,Track inventory\n-2,No\n", "in_stock"),
        ("stock,Allow backorders\n0,yes\n", "backorder"),
        ("stock,Allow backorders\n3,yes\n", "in_stock"),
        ("stock,Allow backorders\n0,\n", "out_of_stock"),
        ("stock status,manage_stock\nsold out,0\n", "out_of_stock"),
    ],
)
def test_a_count_says_nothing_of_what_is_not_counted_or_is_sold_without_any(
    write: Write, rows: str, expected: str
) -> None:
    header, row = rows.splitlines()
    assert _offers(write(f"sku,title,{header}\na,A,{row}\n")) == {"a": f"None {expected}"}


def test_a_table_that_has_dates_of_publishing_says_by_none_that_a_product_is_a_draft(write: Write) -> None:
    assert set(_offers(write("sku,title,published_at\na,A,2026-01-01\nb,B,\n"))) == {"a"}
    assert set(_offers(write("sku,title,published_at\na,A,\nb,B,\n"))) == {"a", "b"}


def test_names_of_categories_and_brands_go_before_their_numbers(write: Write) -> None:
    rows = "sku,title,category,category_name,brand,brand_name\na,A,12,Cups,5,Acme\nb,B,13,Hats,6,Bolt\n"
    with open_feed(write(rows)) as feed:
        assert [(one.category, one.brand) for one in map(product_of, feed.rows())] == [
            (("Cups",), "Acme"), (("Hats",), "Bolt"),
        ]  # fmt: skip


def test_the_main_category_is_one_of_the_categories(write: Write) -> None:
    with open_feed(write('sku,title,categories,main_category\na,A,"Sale; Cups",Cups\n')) as feed:
        (product,) = map(product_of, feed.rows())
    assert product.categories == (("Cups",), ("Sale",))


@pytest.mark.parametrize(
    "header", ["name_de,name_en", "Titel [de],Titel [en]", "title-de_DE,title-en_US", "Name (de),x"]
)
def test_of_names_in_several_languages_the_first_counts(write: Write, header: str) -> None:
    with open_feed(write(f"sku,{header}\na,Tasse,Cup\n")) as feed:
        assert [product_of(row).title for row in feed.rows()] == ["Tasse"]
