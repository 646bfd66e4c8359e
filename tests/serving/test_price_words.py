"""Prices said in words, in the languages of shops."""

from __future__ import annotations

from decimal import Decimal

import pytest

from recommender.serving.price_words import find_price


@pytest.mark.parametrize(
    ("text", "low", "high", "currency"),
    [
        ("shoes below $50", None, "50", "USD"),
        ("Schuhe bis zu 80 Euro", None, "80", "EUR"),
        ("Jacke ab 50", "50", None, "EUR"),
        ("zwischen 1.000 und 1.500,50 Fernseher", "1000", "1500.50", "EUR"),
        ("chaussures moins de 60 €", None, "60", "EUR"),
        ("jusqu’à 30 € jeu", None, "30", "EUR"),
        ("scarpe fino a 70", None, "70", "EUR"),
        ("zapatos entre 20 y 50 euros", "20", "50", "EUR"),
        ("buty od 100 do 200 zł", "100", "200", "PLN"),
        ("schoenen onder de 50", None, "50", "EUR"),
        ("skor under 500 kr", None, "500", "SEK"),
        ("€50-€80 boots", "50", "80", "EUR"),
        ("tv under 1,299.00", None, "1299.00", "EUR"),
        ("laptop <= 500", None, "500", "EUR"),
        ("sneakers 80 or less", None, "80", "EUR"),
        ("кроссовки до 5000 руб", None, "5000", "RUB"),
        ("靴 5000円以下", None, "5000", "JPY"),
        ("max 80 € boots", None, "80", "EUR"),
        ("boots not over 80", None, "80", "EUR"),
        ("Lampe nicht teurer als 50", None, "50", "EUR"),
        ("pas moins de 50 lampe", "50", None, "EUR"),
        ("лампа не дороже 500", None, "500", "EUR"),
        ("tv under 1.5k", None, "1500", "EUR"),
        ("boty levnější než 1 000 Kč", None, "1000", "CZK"),
        ("iPhone 15 bis 500", None, "500", "EUR"),
        ("Kleid Größe 36 bis 38 unter 50", None, "50", "EUR"),
        ("lamp around 50", "40", "60", "EUR"),
        ("cadeau environ 30 €", "24", "36", "EUR"),
        ("boty kolem 1 000 Kč", "800", "1200", "CZK"),
        ("a gift for about $30", "24", "36", "USD"),
        ("boots 80 € max", None, "80", "EUR"),
        ("shoes over 20 and under 50", "20", "50", "EUR"),
        ("Rucksack ab 30 bis 50", "30", "50", "EUR"),
        ("σακίδιο από 20 έως 60 ευρώ", "20", "60", "EUR"),
        ("παπουτσια κατω απο 50 ευρω", None, "50", "EUR"),
        ("boty levnejsi nez 1000 kc", None, "1000", "CZK"),
        ("кроссовки до 5 тыс. руб", None, "5000", "RUB"),
        ("notebook do 20 tisíc Kč", None, "20000", "CZK"),
        ("zapatos hasta 2 mil euros", None, "2000", "EUR"),
        ("рюкзак від 500 до 900 грн", "500", "900", "UAH"),
        ("cipő 5000 és 10000 Ft között", "5000", "10000", "HUF"),
        ("hátizsák 10000 Ft-ig", None, "10000", "HUF"),
        ("reppu 20-50 euroa", "20", "50", "EUR"),
        ("حذاء أقل من ٢٠٠ ريال", None, "200", "SAR"),
        ("حقيبة بين 50 و 100 ريال", "50", "100", "SAR"),
        ('נעליים מתחת ל-200 ש"ח', None, "200", "ILS"),
        ("जूते 1000 रुपये से कम", None, "1000", "INR"),
        ("giày từ 200k đến 500k", "200000", "500000", "EUR"),
        ("giày dưới 1 triệu đồng", None, "1000000", "VND"),
        ("รองเท้าไม่เกิน1000บาท", None, "1000", "THB"),
        ("靴5000円以下", None, "5000", "JPY"),
        ("3000円から1万円 靴", "3000", "10000", "JPY"),
        ("100到300元 背包", "100", "300", "CNY"),
        ("배낭 5만원 이하", None, "50000", "KRW"),
        ("kulaklık 1500 TL'ye kadar", None, "1500", "TRY"),
        ("kulaklık 1500 tl ye kadar", None, "1500", "TRY"),
        ("bot 500 liraya kadar", None, "500", "TRY"),
        ("1500 TL’den ucuz bot", None, "1500", "TRY"),
        ("300 liradan daha ucuz", None, "300", "TRY"),
        ("500'den ucuz kulaklık", None, "500", "EUR"),
        ("500 ile 1500 TL arası telefon", "500", "1500", "TRY"),
        ("3000 TL'nin altinda telefon", None, "3000", "TRY"),
        ("12 BİN TL altında telefon", None, "12000", "TRY"),
        ("1000 TL'den pahalı saat", "1000", None, "TRY"),
        ("kengät 50 euroon asti", None, "50", "EUR"),
        ("50 euron alle kengät", None, "50", "EUR"),
        ("50 eurosta alkaen reppu", "50", None, "EUR"),
        ("reppu halvempi kuin 50 euroa", None, "50", "EUR"),
        ("cipő 5000 forintig", None, "5000", "HUF"),
        ("cipő 5000 Ft-nál olcsóbb", None, "5000", "HUF"),
        ("cipő 5000 forinttól", "5000", None, "HUF"),
        ("kingad kuni 50 eurot", None, "50", "EUR"),
        ("kingad 50 euroni", None, "50", "EUR"),
        ("alates 50 eurost kott", "50", None, "EUR"),
        ("kott 50 kuni 100 eurot", "50", "100", "EUR"),
        ("50 eurost odavam kott", None, "50", "EUR"),
        ("наушники до 5 к", None, "5000", "EUR"),
        ("наушники до 5 т.р.", None, "5000", "EUR"),
        ("наушники до 5000р", None, "5000", "RUB"),
        ("куртка до 50 долларов", None, "50", "USD"),
        ("kurtka do 50 funtów", None, "50", "GBP"),
        ("kurtka do 300 złotówek", None, "300", "PLN"),
        ("kabát 50e ft alatt", None, "50000", "HUF"),
        ("cipő 5000 Ft-tól 10000 Ft-ig", "5000", "10000", "HUF"),
        ("boots under US $100", None, "100", "USD"),
        ("phone under ₹1,50,000", None, "150000", "INR"),
        ("shoes under rs.1000", None, "1000", "INR"),
        ("سماعات بين 500 و1000 ريال", "500", "1000", "SAR"),
        ("обувки под 50 лв", None, "50", "BGN"),
        ("topánky lacnejšie ako 50 eur", None, "50", "EUR"),
        ("budget from 20 to 50 shoes", "20", "50", "EUR"),
        ("scarpe da 50 a 100 euro", "50", "100", "EUR"),
        ("scarpe a partire da 50", "50", None, "EUR"),
        ("a gift for women under 50", None, "50", "EUR"),
        ("shoes women from 40", "40", None, "EUR"),
        ("zegarek dla kobiet od 50", "50", None, "EUR"),
        ("montre femme à partir  de 50", "50", None, "EUR"),
        ("price range 20-50 shoes", "20", "50", "EUR"),
        ("shoes budget 50 to 100", "50", "100", "EUR"),
        ("低于100 手机壳", None, "100", "EUR"),
        ("低于100 米色衬衫", None, "100", "EUR"),
        ("100以下手机壳", None, "100", "EUR"),
        ("5000以下のイヤホン", None, "5000", "EUR"),
        ("5万以下 カメラ", None, "50000", "EUR"),
        ("under 500 スニーカー", None, "500", "EUR"),
        ("50000 이하 운동화", None, "50000", "EUR"),
        # numbers of two parts, and a multiplier that both prices of a range have
        ("1万2800円以下 ウイスキー", None, "12800", "JPY"),
        ("1万2,800円以下 ウイスキー", None, "12800", "JPY"),
        ("2万5千円以下 カメラ", None, "25000", "JPY"),
        ("3만 5천원 이하 가방", None, "35000", "KRW"),
        ("1万円から1万5000円 靴", "10000", "15000", "JPY"),
        ("5~10만원 운동화", "50000", "100000", "KRW"),
        ("điện thoại từ 5 đến 7 triệu", "5000000", "7000000", "EUR"),
        ("кроссовки от 3 до 5 тысяч", "3000", "5000", "EUR"),
        ("shoes from 500 to 1k", "500", "1000", "EUR"),
        # two limits, each behind its price
        ("3,000円以上5,000円以下 日本酒", "3000", "5000", "JPY"),
        ("5만원 이상 10만원 이하 가방", "50000", "100000", "KRW"),
        ("500 TL'den fazla 1500 TL'den az kulaklık", "500", "1500", "TRY"),
        ("500 TL'den 1500 TL'ye kadar kulaklık", "500", "1500", "TRY"),
        ("500'den 1500'e kadar kulaklık", "500", "1500", "EUR"),
        ("10000 से 15000 तक मोबाइल", "10000", "15000", "EUR"),
        ("100 और 200 के बीच साड़ी", "100", "200", "EUR"),
        ("รองเท้า 500 ถึง 1000 บาท", "500", "1000", "THB"),
        ("pantofi intre 100 si 200 lei", "100", "200", "RON"),
        # words and signs of a limit
        ("ワイン 〜2000円", None, "2000", "JPY"),
        ("ワイン ～2000円", None, "2000", "JPY"),
        ("2000円〜 ワイン", "2000", None, "JPY"),
        ("5만원부터 가방", "50000", None, "KRW"),
        ("2000 TL ve üzeri bot", "2000", None, "TRY"),
        ("chaussures - de 50€", None, "50", "EUR"),
        ("50 € et plus sac", "50", None, "EUR"),
        ("pantofi până în 200 lei", None, "200", "RON"),
        ("buty tansze niz 200", None, "200", "EUR"),
        ("kengät alle 50e", None, "50", "EUR"),
        ("καφετιέρα 30 με 40 ευρώ", "30", "40", "EUR"),
        ("mobile under 15k", None, "15000", "EUR"),
        ("car under 2 lakhs", None, "200000", "EUR"),
        ("mobile upto 5000", None, "5000", "EUR"),
        ("1000 rupees ke andar mobile", None, "1000", "INR"),
        # `cheaper from` and the like, whose second word alone says the lowest price
        ("opony tańsze od 100 zł", None, "100", "PLN"),
        ("opony droższe od 100 zł", "100", None, "PLN"),
        ("παπούτσια φθηνότερα από 50", None, "50", "EUR"),
        ("παπουτσια λιγοτερο απο 50", None, "50", "EUR"),
        ("обувки по-евтини от 50 лв", None, "50", "BGN"),
        ("cipele jeftinije od 50", None, "50", "EUR"),
        ("cipele manje od 50 eur", None, "50", "EUR"),
        ("взуття дешевше від 500", None, "500", "EUR"),
        ("skor billigare än 500 kr", None, "500", "SEK"),
        ("pantofi mai ieftini decât 200 lei", None, "200", "RON"),
        ("sepatu di bawah 100rb", None, "100000", "EUR"),
        ("laptop kurang dari 10 jt", None, "10000000", "EUR"),
        ("أحذية بأقل من 300 ريال", None, "300", "SAR"),
        ("נעליים מתחת ל50 שקל", None, "50", "ILS"),
        ("נעליים בין 100 ל200 שקל", "100", "200", "ILS"),
        ("500 रुपये के अंदर चाय", None, "500", "INR"),
        ("подарок за 500 рублей", None, "500", "RUB"),
        ("подарок в пределах 500", None, "500", "EUR"),
        ("dien thoai duoi 5 trieu dong", None, "5000000", "VND"),
    ],
)
def test_prices_are_read_in_the_languages_of_shops(text: str, low: str | None, high: str | None, currency: str) -> None:
    found = find_price(text, "EUR", lambda _: True)
    assert found is not None
    assert (found.low, found.high) == (low and Decimal(low), high and Decimal(high))
    assert found.currency == currency


@pytest.mark.parametrize(
    "text",
    ["nike air max 90", "Puzzle ab 3 Jahre", "game for 2 to 4 players", "shelf up to 80 cm", "cable 2-3 m",
     "bis 120 kg", "screws 5 x 60", "wh-1000xm4", "levi's 501", "under 80s music", "tv 40 - 50 inch", "from 12v to 24v",
     "up to 40 hours", "Hose Größe 36 bis 38", "talla hasta 42", "sizes up to 12", "monitor ab 4k",
     "monitor do 27 palců", "a book about 1984", "circa 1900 Lampe", "around 80 days", "not around 50",
     "films from 1999", "movies from 1990 to 1999", "Spielzeug ab 3", "boots for kids under 12", "laptop rtx 2070 max",
     "shoes size from 36 to 40", "Schuhe Größe von 36 bis 40", "toys for kids from 3 to 6",
     "5 or more players", "laminating film up to 5 mil", "หม้อไม่เกิน 5 ลิตร", "כבל עד 3 מטר", "jeu des 7 familles",
     "500 ucuz kulaklık", "2 ile 4 kişilik çadır", "scarpe alla 42", "50 euro alle donne",
     # ranges of something else, of which neither half is a price
     "lens from 24 to 70 mm", "lens from 24-70 mm", "padella da 20 a 28 cm", "рюкзак от 30 до 50 литров",
     "budget 10-20 cm", "低于100厘米", "低于5公斤哑铃", "under 30 センチメートル", "低于5个", "under 5 リットル",
     "τηγάνι από 20 έως 28 εκ", "balo từ 20 đến 30 lít", "cipő 36-tól 41-ig", "civic from 98 to 04",
     "chaussures de 36 à 42", "кроссовки от 36 до 41", "lot de 10 a 20 piles", "عطر من 50 إلى 100 مليلتر",
     # units, counted things and small coins
     "mähroboter bis 500 m²", "κλιματιστικό έως 30 τμ", "σακίδιο έως 30 λίτρα", "żarówki do 60 w", "зарядка от 220 в",
     "puzzle nad 1000 dílků", "fish tank up to 40 gallon", "домкрат до 3 т", "candy under 50 cents", "до 300 копеек",
     # ages, classes and sizes
     "multivitamin women over 50", "Mode für Damen ab 50", "creme visage femme plus de 50", "spf over 50",
     "Schuhgröße bis 46", "Übergrößen ab 54", "scarpe taglia fino a 46", "взуття розмір до 42", "heart necklace <3",
     # the Italian `da` says what a thing has
     "tv da 55", "puzzle da 1000", "monete da 2 euro",
     # the first of two limits is one of sizes or ages, and numbers that are not known as a whole
     "36'dan 42'ye kadar ayakkabı", "5 से 10 साल खिलौना", "run up to 10k", "1億2800万円以下", "2천5백원 이하",
     "02-1048E sheet", "RM1-0036 roller", "RS232 to RS485 adapter", "converter from rs232 to rs485",
     # ordinals, names, and what newer words count
     "manuel pour 6e", "boek over 2e wereldoorlog", "boek over 20e eeuw", "monster manual for 5e", "jas vanaf 3e klas",
     "op amp maxim 232", "mainan di bawah 5 tahun", "рация в пределах 5 км", "играчка по-малко от 12 месеца",
     "router up to 100 mbps", "ballon pour 40e anniversaire", "2萬5以下"],
)  # fmt: skip
def test_numbers_that_are_no_prices_are_left_alone(text: str) -> None:
    assert find_price(text, "EUR", lambda _: True) is None


def test_a_limit_of_another_language_is_a_name_in_an_english_shop() -> None:
    for text in ("sensor pod 155", "Dornier Do 17 model"):
        assert find_price(text, "EUR", lambda _: True, english=True) is None
    assert find_price("lampa pod 155", "EUR", lambda _: True) is not None
    assert find_price("lampa pod 155 zł", "EUR", lambda _: True, english=True) is not None


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("chaussures à moins de 50 €", "chaussures"),
        ("zapatos de más de 100 euros", "zapatos"),
        ("a gift for 20 €", "a gift"),
    ],
)
def test_small_words_before_a_price_go_with_it(text: str, rest: str) -> None:
    found = find_price(text, "EUR", lambda _: True)
    assert found is not None
    assert (text[: found.start] + text[found.end :]).strip() == rest


@pytest.mark.parametrize(
    ("text", "main", "low", "high"),
    [
        ("shoes under 2.500 KWD", "KWD", None, "2.5"),
        ("shoes under 2.500 KWD", "EUR", None, "2.5"),
        ("shoes under 0.750", "BHD", None, "0.75"),
        ("shoes under KD 12.250", "KWD", None, "12.25"),
        ("chaussures moins de 2,500 TND", "TND", None, "2.5"),
        ("shoes from 1,250.500 to 2,000.000 BHD", "BHD", "1250.5", "2000"),
        ("shoes under 1.250.500", "JOD", None, "1250500"),
        ("حذاء أقل من 12.500 د.ك", "KWD", None, "12.5"),
        ("حذاء أقل من 20 دينار", "JOD", None, "20"),
        ("shoes under 2.500", "EUR", None, "2500"),
        ("shoes under 2.500 EUR", "KWD", None, "2500"),
    ],
)
def test_three_digits_are_decimals_in_currencies_of_a_thousand_parts(
    text: str, main: str, low: str | None, high: str
) -> None:
    found = find_price(text, main, lambda _: True)
    assert found is not None
    assert (found.low, found.high) == (low and Decimal(low), Decimal(high))
    assert found.currency == main or found.currency in text


@pytest.mark.parametrize(
    ("text", "main", "high"),
    [
        ("鞋 500元以下", "TWD", "500"),
        ("shoes under NT$500", "TWD", "500"),
        ("zapatos hasta $20.000", "CLP", "20000"),
        ("zapatos hasta 20 mil pesos", "COP", "20000"),
        ("shoes under rs 5000", "PKR", "5000"),
        ("sepatu di bawah Rp 100.000", "IDR", "100000"),
        ("shoes under RM50", "MYR", "50"),
        ("chaussures moins de 200 dh", "MAD", "200"),
        ("chaussures moins de 20 000 FCFA", "XOF", "20000"),
        ("ботинки до 100 рублей", "BYN", "100"),
        ("ботинки до 50 000 тенге", "KZT", "50000"),
        ("cipele do 5000 dinara", "RSD", "5000"),
    ],
)
def test_a_name_that_several_currencies_have_means_that_of_the_shop(text: str, main: str, high: str) -> None:
    found = find_price(text, main, lambda _: False)
    assert found is not None
    assert (found.high, found.currency, found.sure) == (Decimal(high), main, True)


def test_a_price_in_a_currency_that_nothing_is_sold_in_is_no_filter() -> None:
    assert find_price("boots under 80 zł", "EUR", lambda _: False) is None
