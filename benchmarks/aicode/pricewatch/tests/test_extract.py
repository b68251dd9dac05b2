from decimal import Decimal

import pytest

from pricewatch import html
from pricewatch.extract import decode, extract, normal_availability, normal_ean
from pricewatch.money import RateMissing, Rates, detect_currency, parse_amount


@pytest.mark.parametrize("text, decimal, expected", [
    ("1.299,00 €", None, "1299.00"), ("$1,299.00", None, "1299.00"), ("1 299,00 kr", None, "1299.00"),
    ("CHF 1'299.–", None, "1299"), ("12,99", None, "12.99"), ("1.299 €", None, "1299"), ("1.299", ".", "1.299"),
    ("1,299", ".", "1299"), ("0.299", None, "0.299"), ("-20% now 8,50 €", None, "8.50"), ("1.234.567", None, "1234567"),
    ("free", None, None), ("0.00", None, None), ("1\u202f299,50\u00a0€", None, "1299.50")])
def test_amounts(text, decimal, expected):
    assert parse_amount(text, decimal) == (Decimal(expected) if expected else None)


@pytest.mark.parametrize("text, default, expected", [
    ("12 €", "USD", "EUR"), ("$12", None, "USD"), ("$12", "CAD", "CAD"), ("C$12", None, "CAD"), ("12 kr", "SEK", "SEK"),
    ("12 CHF", "EUR", "CHF"), ("12", "GBP", "GBP"), ("12", None, None)])
def test_currency(text, default, expected):
    assert detect_currency(text, default) == expected


def test_selectors():
    tree = html.parse("<div id=a class='x y'><p>one<p>two <b data-k='v1'>bold</b></div><p>three</p><br><i>four</i>")
    texts = lambda sel: [n.text for n in tree.select(sel)]          # noqa: E731
    assert texts("#a > p") == ["one", "two bold"]
    assert texts("div.x.y b[data-k^=v]") == texts("#a b") == ["bold"]
    assert texts("p:first-child, i") == ["one", "four"]
    assert texts("div > b") == []
    for wrong in ("p::after", "> p", "p >", "p,,b"):
        with pytest.raises(ValueError):
            tree.select(wrong)


def test_deep_page_is_no_problem():
    assert html.parse("<div>" * 5000 + "x").select("div")


def test_rules_win_over_jsonld_and_the_rest_fills_in():
    page = """<script type="application/ld+json">{"@graph": [{"@type": "WebPage"}, {"@type": ["Product"],
        "name": "LD name", "gtin": "4006381333931", "image": [{"url": "/a.jpg"}, "b.jpg"], "offers": [
        {"price": 9, "priceCurrency": "EUR", "availability": "OutOfStock"}, {"price": "12.50", "priceCurrency": "EUR",
        "availability": "http://schema.org/InStock"}]}]}</script><span class=p>1.299 €</span>"""
    own = {"decimal": ",", "fields": {"price": ".p"}}
    item = extract(page.encode(), "https://s.example/x/", own)
    assert (item.name, item.amount, item.currency, item.availability) == ("LD name", 1299, "EUR", "in_stock")
    assert item.images == ["https://s.example/a.jpg", "https://s.example/x/b.jpg"]
    item = extract(page.encode(), "https://s.example/x/", {**own, "prefer": "jsonld"})
    assert (item.amount, item.availability, item.ean) == (Decimal("12.50"), "in_stock", "4006381333931")


def test_meta_tags_and_broken_jsonld():
    page = ('<script type="application/ld+json">{oops</script><meta property="og:title" content="Lamp &amp; Co">'
            '<meta property="product:price:amount" content="24.90"><meta property="product:price:currency" content="EUR">')
    item = extract(page.encode(), "https://s.example/", {})
    assert (item.name, item.amount, item.currency) == ("Lamp & Co", Decimal("24.90"), "EUR")
    assert extract(b"<h1>x</h1><span itemprop=price>5</span>", "https://s.example/", {}).amount is None


def test_small_things():
    assert normal_ean("4006381333931") and normal_ean("012345678905") == "0012345678905"
    assert normal_ean("4006381333932") is None and normal_ean("x") is None and normal_ean("00000000") is None
    assert normal_availability("currently unavailable") == "out_of_stock"
    assert normal_availability("https://schema.org/PreOrder") == "preorder"
    assert normal_availability("2-3 Tage", {"tage": "in_stock"}) == "in_stock"
    assert decode("<meta charset=iso-8859-1>é".encode("latin-1")) .endswith("é")
    assert decode("é".encode(), "text/html; charset=nonsense") == "é"


def test_rates(con, cfg, site):
    rates = Rates(con, cfg)
    assert rates.convert(Decimal("10"), "USD", "EUR") == Decimal("8.00")
    with pytest.raises(RateMissing):
        rates.convert(Decimal("10"), "GBP", "EUR")
    con.execute("UPDATE rates SET fetched_at = '2020-01-01T00:00:00Z'")
    con.commit()
    cfg.rates_url = site.url + "/rates?base={base}"
    assert Rates(con, cfg).convert(Decimal("10"), "USD", "EUR") == Decimal("8.00")       # API down: old rates
    site.routes["/rates?base=EUR"] = '{"rates": {"USD": 2.0}}'
    assert Rates(con, cfg).convert(Decimal("10"), "USD", "EUR") == Decimal("5.00")
