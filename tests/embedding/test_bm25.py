from __future__ import annotations

import pytest

from recommender.embedding.bm25 import LANGUAGES, LexicalEncoder
from recommender.errors import BadInput
from recommender.types import SparseVector


def score(query: SparseVector, document: SparseVector) -> float:
    weights = dict(zip(document.indices, document.values, strict=True))
    return sum(value * weights.get(index, 0.0) for index, value in zip(query.indices, query.values, strict=True))


def test_a_query_meets_other_forms_of_its_words() -> None:
    encoder = LexicalEncoder()
    document = encoder.document("Running shoes for trails")
    assert score(encoder.query("run shoe"), document) > 0
    assert score(encoder.query("kettle"), document) == 0


def test_stop_words_count_only_where_a_query_has_no_others() -> None:
    encoder = LexicalEncoder()
    assert encoder.query("the tent") == encoder.query("tent")
    assert score(encoder.query("The Who"), encoder.document("The Who - Tommy (Vinyl LP). Rock opera")) > 0
    assert score(encoder.query("It"), encoder.document("It by Stephen King. Horror novel")) > 0
    assert score(encoder.query("the who"), encoder.document("Desk lamp. " + "A lamp of oak. " * 9 + "For one who")) == 0


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("cafe creme", "Café Crème Espresso Cup"),
        ("café", "Cafe table"),
        ("hustawka", "Huśtawka ogrodowa"),
        ("lozko dzieciece", "Łóżko dziecięce"),
        ("sroubovak", "Šroubovák křížový"),
        ("isik", "IŞIK lamba"),
        ("ışık", "Isik lamba"),
        ("καφες", "ΚΑΦΈΣ φίλτρου"),
        ("елка", "Новогодняя ёлка"),
        ("den ban", "Đèn bàn học"),
        ("ao so mi", "Áo sơ mi nam"),
        ("שלום", "שָׁלוֹם"),
        ("كتاب", "كِتَاب"),
        ("احمد", "أحمد"),
        ("fussball", "Fußball Größe 5"),
        ("kobenhavn", "København"),
        ("ＵＳＢ", "USB cable"),
        ("ганок", "Ґанок дерев'яний"),
        ("деревяний", "Стіл дерев’яний"),
        ("צהל", 'מדים של צה"ל'),
        ("السماعات", "سماعات لاسلكية"),
        ("هاتف 128", "هاتف ١٢٨"),
        ("हिन्दी", "हिंदी उपन्यास"),
        ("साडी", "साड़ी रेशम"),
        ("М8", "Болт M8"),
        ("Α4", "Paper A4"),
        ("Bürostuhl", "B\u00fcro\u00adstuhl"),
    ],
)
@pytest.mark.parametrize("language", ["english", "none"])
def test_accents_do_not_part_words(language: str, query: str, text: str) -> None:
    encoder = LexicalEncoder(language)
    found = score(encoder.query(query), encoder.document(text))
    assert found == pytest.approx(score(encoder.query(text), encoder.document(query)), rel=0.5)
    assert found > 0


@pytest.mark.parametrize(
    ("query", "right", "wrong"),
    [
        ("耳机", "无线蓝牙耳机 降噪", "无线键盘 静音"),
        ("蓝牙耳机 WH-1000", "索尼 WH-1000XM4 蓝牙耳机", "索尼 蓝牙音箱"),
        ("傘", "折りたたみ傘 自動開閉", "折りたたみ椅子"),
        ("折りたたみ傘", "自動開閉の折りたたみ傘", "折りたたみ椅子 軽量"),
        ("ケーブル", "USBケーブル 3m", "USBハブ 4ポート"),
        ("กระเป๋าเดินทาง", "กระเป๋าเดินทางล้อลาก 24 นิ้ว", "รองเท้าเดินป่า"),
        ("หูฟัง", "หูฟังไร้สายบลูทูธ", "ลำโพงไร้สาย"),
        ("이어폰", "무선이어폰을 위한 케이스", "무선 키보드"),
        ("컵", "스테인리스 컵", "스테인리스 냄비"),
    ],
)
@pytest.mark.parametrize("language", ["none", "english", "japanese", "chinese"])
def test_scripts_without_blanks_are_split_into_words(language: str, query: str, right: str, wrong: str) -> None:
    encoder = LexicalEncoder(language)
    found = score(encoder.query(query), encoder.document(right))
    assert found > 0
    assert found > 1.2 * score(encoder.query(query), encoder.document(wrong))


@pytest.mark.parametrize(
    "query", ["wh1000xm4", "WH-1000XM4", "wh 1000 xm4", "WH1000XM4/B", "wh_1000_xm4", "WH1000 XM4"]
)
@pytest.mark.parametrize(
    "title", ["Sony WH-1000XM4 Headphones", "WH1000XM4 headphones", "Sony WH 1000 XM4", "WH1000XM4B"]
)
def test_model_numbers_meet_joined_and_split(query: str, title: str) -> None:
    encoder = LexicalEncoder()
    asked = encoder.query(query)
    found = score(asked, encoder.document(title))
    assert found > score(asked, encoder.document("Sony WH-1000XM5 Headphones"))
    assert found > score(asked, encoder.document("Sony WF-2000 Earbuds 4 pack"))


@pytest.mark.parametrize(
    ("query", "text"), [("tshirt", "White T-Shirt"), ("e-bike", "Ebike 28"), ("usbc", "USB-C cable")]
)
def test_short_parts_of_words_meet_with_and_without_a_hyphen(query: str, text: str) -> None:
    encoder = LexicalEncoder()
    assert score(encoder.query(query), encoder.document(text)) > 0


@pytest.mark.parametrize(
    ("query", "text", "other"),
    [
        ("3m", "HDMI cable 3 m", "HDMI cable 5 m"),
        ("3 m", "HDMI cable 3m gold", "HDMI cable 5 m"),
        ("3 metres", "HDMI cable 3m", "HDMI cable 13 m"),
        ("3m", "HDMI cable 300cm", "HDMI cable 5m"),
        ("16GB", "Card 16 GB", "Card 128 GB"),
        ("16 gb", "Card 16GB", "Card 128GB"),
        ("1 TB", "Disk 1000GB", "Disk 500 GB"),
        ("1,5 l", "Kettle 1.5l", "Kettle 5 l"),
        ("1.5l", "Wasserkocher 1,5 Liter", "Wasserkocher 15 l"),
        ("1.500 g", "Protein 1,5 kg", "Protein 500 g"),
        ("55 inch", 'TV 55" QLED', 'TV 65" QLED'),
        ("13 zoll", "Laptop 13-inch", "Laptop 15 inch"),
        ("5x60", "Schraube 5 x 60 mm", "Schraube 5 x 40 mm"),
        ("10 cm", "Box 10cm", "Box 30 cm"),
        ("2 м", "Кабель 2 метра", "Кабель 5 м"),
        ("4x40", "Винт 4х40", "Винт 5х40"),
        ("3 metry", "Kabel 3 metrów", "Kabel 5 metrów"),
        ("3m", "Καλώδιο 3 μ", "Καλώδιο 5 μ"),
        ("3 متر", "كابل ٣ متر", "كابل ١ متر"),
        ("3 מטר", "כבל 3 מ׳", "כבל 1 מ׳"),
        ("3m", "数据线3米", "数据线1米"),
        ("3m", "USBケーブル 3メートル", "USBケーブル 1メートル"),
        ("3m", "케이블 3미터", "케이블 1미터"),
        ("3m", "สายชาร์จ ๓ เมตร", "สายชาร์จ ๑ เมตร"),
        ("500g", "चाय 500 ग्राम", "चाय 250 ग्राम"),
        ("1 g", "Vitamin C 1000mg", "Vitamin C 500mg"),
        ("25mcg", "Vitamin D 25 µg", "Vitamin D 50 µg"),
        ("2 Ah", "Battery 2000mAh", "Battery 4000mAh"),
        ("43in", "Television 43 inch", "Television 55 inch"),
        ('1/2"', "Pipe 1/2 inch", 'Pipe 1 1/2"'),
        ('1 1/2"', "Pipe 1.5 inch", 'Pipe 1/2"'),
        ("½ inch", 'Pipe 1/2"', 'Pipe 3/4"'),
        ("1½ inch", 'Pipe 1-1/2"', 'Pipe 1/2"'),
        ("6 qm", "Teppich 6 m²", "Teppich 4 m²"),
        ("2,5mm2", "Kabel 3x2,5 mm²", "Kabel 3x1,5 mm²"),
        ("100 nF", "Capacitor 0.1 µF", "Capacitor 1 µF"),
        ("205/55/16", "Goodyear 205/55 R16 91V", "Goodyear 205/60 R16 91V"),
        ("205 55 16", "Goodyear 205/55 R16", "Goodyear 205/60 R16"),
        ("2055516", "Goodyear 205/55 R 16", "Goodyear 205/55 R 17"),
    ],
)
def test_measures_meet_in_every_spelling(query: str, text: str, other: str) -> None:
    encoder = LexicalEncoder()
    asked = encoder.query(query)
    assert score(asked, encoder.document(text)) > 2 * score(asked, encoder.document(other))


@pytest.mark.parametrize(
    ("query", "right", "wrong"),
    [
        ("pipe 1/2", 'Pipe 1/2"', 'Pipe 1 1/2"'),
        ("learning c++", "Learning C++", "Learning C"),
        ("C#", "Learning C#", "Learning C++"),
        ("galaxy s20+", "Galaxy S20+", "Galaxy S20"),
        ("galaxy s20 plus", "Galaxy S20+", "Galaxy S20"),
        ("playstation5", "PlayStation 5", "PlayStation 4"),
        ("playstation 5", "PlayStation5", "PlayStation4"),
        ("iphone13", "iPhone 13 case", "iPhone 12 case"),
        ("acdc", "AC/DC Back in Black", "A/C filter"),
        ("W71295", "Oil filter W 712/95", "Oil filter W 712/75"),
        ("bolt m8 x 40", "Bolt M8x40", "Bolt M10 x 40"),
        ("lamp e 27", "Lamp E27", "Lamp E14"),
        ("lamp ip 44", "Lamp IP44", "Lamp IP65"),
        ("macbook 13 m2", "MacBook Air M2 13-inch", "MacBook Air M1 13-inch"),
        ("teppich 6 m2", "Teppich 6m²", "Teppich 4m²"),
        ("313478", "Damper 313 478", "Damper 313 479"),
        ("F026407183", "Filter F 026 407 183", "Filter F 026 407 184"),
        ("195/65/15", "Goodyear 195/65 R15 91H", "Goodyear 185/65R15 88T"),
        ("hm shirt", "H&M shirt", "C&A shirt"),
        ("1/4-28 nf", "Tap 1/4-28 UNF", "Tap 1/4-20 UNC"),
        ("i7-720qm", "Intel Core i7720QM", "Intel Core i7 920"),
    ],
)
def test_signs_and_numbers_tell_names_apart(query: str, right: str, wrong: str) -> None:
    encoder = LexicalEncoder()
    asked = encoder.query(query)
    assert score(asked, encoder.document(right, right)) > 1.1 * score(asked, encoder.document(wrong, wrong))


@pytest.mark.parametrize(
    ("language", "query", "text"),
    [
        ("english", "gift for a 4 year old", "Xerox paper A4"),
        ("french", "jouet de 2 à 4 ans", "Papier A4"),
        ("italian", "gioco 2 e 5", "Bit E5"),
        ("english", "shelf 10 x 5", "Mat BMW X5"),
    ],
)
def test_a_word_of_one_letter_before_a_number_is_no_code(language: str, query: str, text: str) -> None:
    encoder = LexicalEncoder(language)
    assert score(encoder.query(query), encoder.document(text, text)) == 0


@pytest.mark.parametrize("query", ["levis", "levi's", "levi’s"])
def test_an_apostrophe_before_an_s_may_be_left_out(query: str) -> None:
    encoder = LexicalEncoder("german")
    for title in ("Levi's 501", "Levis 501"):
        assert score(encoder.query(query), encoder.document(title)) > 0


@pytest.mark.parametrize(("query", "text"), [("64 Go", "Clé USB 64Go"), ("64go", "Clé USB 64 Go"), ("1 To", "SSD 1To")])
def test_units_that_are_words_of_other_languages_count_in_french(query: str, text: str) -> None:
    french, english = LexicalEncoder("french"), LexicalEncoder("english")
    measure = set(french.query("64go 1to").indices)
    assert measure & set(french.query(query).indices) & set(french.document(text).indices)
    assert not measure & set(english.query("2 to 3, 1 to 64 go").indices)


def test_a_chinese_character_alone_finds_the_words_that_it_is_part_of() -> None:
    encoder = LexicalEncoder("none")
    for query, text in (("お茶", "緑茶 静岡"), ("红茶", "紅茶 台灣"), ("鞋", "运动鞋")):
        assert score(encoder.query(query), encoder.document(text)) > 0
    whole = encoder.query("緑茶")
    assert score(whole, encoder.document("緑茶")) > 4 * score(whole, encoder.document("紅茶"))


def test_a_number_before_a_word_is_no_measure() -> None:
    encoder = LexicalEncoder()
    assert score(encoder.query("3 to 5 years"), encoder.document("Puzzle for 3 to 5 years")) > 0
    assert score(encoder.query("7 mountain"), encoder.document("7 mountain bikes")) > 0


def test_the_words_of_a_title_count_more() -> None:
    encoder = LexicalEncoder()
    query, text = encoder.query("lamp"), "Brass lamp. For a desk"
    assert score(query, encoder.document(text, "Brass lamp")) > score(query, encoder.document(text))
    assert score(encoder.query("desk"), encoder.document(text, "Brass lamp")) > 0


def test_the_numbers_of_a_product_are_among_its_words() -> None:
    encoder = LexicalEncoder()
    document = encoder.document("Laptop of Lenovo", numbers=["20w000bqus", "16"])
    assert score(encoder.query("lenovo 20W000-BQUS"), document) > score(encoder.query("lenovo"), document)
    assert score(encoder.query("16"), document) == 0


def test_an_empty_text_is_an_empty_vector() -> None:
    encoder = LexicalEncoder()
    assert encoder.document("") == encoder.query("") == SparseVector((), ())


def test_a_repeated_word_counts_more_but_not_twice() -> None:
    encoder = LexicalEncoder()
    once = score(encoder.query("lamp"), encoder.document("lamp oak shade"))
    twice = score(encoder.query("lamp"), encoder.document("lamp lamp shade"))
    assert once < twice < 2 * once


def test_a_short_text_weighs_a_word_more_than_a_long_one() -> None:
    encoder = LexicalEncoder()
    query = encoder.query("lamp")
    assert score(query, encoder.document("oak lamp")) > score(query, encoder.document("lamp " + "oak shade " * 200))


def test_the_average_length_sets_what_counts_as_long() -> None:
    text = "lamp " + "oak shade " * 50
    query = LexicalEncoder().query("lamp")
    assert score(query, LexicalEncoder(average_length=500).document(text)) > score(
        query, LexicalEncoder(average_length=10).document(text)
    )


def test_every_word_of_a_query_weighs_the_same() -> None:
    assert set(LexicalEncoder().query("oak desk lamp lamp").values) == {1.0}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_that_is_named_works(language: str) -> None:
    assert LexicalEncoder(language).document("xylophone 2000").indices


def test_languages_stem_differently() -> None:
    german = LexicalEncoder("German")
    assert score(german.query("Schuh"), german.document("Schuhe")) > 0
    english = LexicalEncoder("english")
    assert score(english.query("Häuser"), english.document("Haus")) == 0


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"'klingon'.*english.*swedish"):
        LexicalEncoder("klingon")


@pytest.mark.parametrize("length", [0, -1, float("nan")])
def test_an_average_length_must_be_positive(length: float) -> None:
    with pytest.raises(BadInput, match="above 0"):
        LexicalEncoder(average_length=length)


@pytest.mark.parametrize(("query", "text"), [("Buerostuhl", "Bürostuhl"), ("Mueller", "Müller"), ("Groesse", "Größe")])
def test_umlauts_may_be_written_with_an_e(query: str, text: str) -> None:
    encoder = LexicalEncoder("german")
    assert score(encoder.query(query), encoder.document(text)) > 0
    assert encoder.query("neue Quelle") != encoder.query("neu Qulle")


@pytest.mark.parametrize("text", ["\u200b", "\u00ad", "\u0301"])
def test_a_text_of_invisible_characters_has_no_words(text: str) -> None:
    assert len(LexicalEncoder("english").query(text).indices) == 0
