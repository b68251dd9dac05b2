"""Matching, alerts, reports and the command line."""
import hashlib
import hmac
import json
import socketserver
import threading
from decimal import Decimal

import pytest
from click.testing import CliRunner

from pricewatch import alerts, db, matching, reports
from pricewatch.cli import cli
from pricewatch.extract import Item
from pricewatch.money import Rates
from tests.conftest import product_html

EAN, EAN2 = "4006381333931", "5901234123457"


def sim(a, b):
    return matching.similarity(matching.tokens(a), matching.tokens(b))


def product_of(con, page):
    return con.execute("SELECT product_id FROM pages WHERE id = ?", (page,)).fetchone()[0]


def test_similarity():
    assert sim("Acme Kettle Aqua 1,7 L", "ACME kettle aqua 1.7l") == 1
    assert sim("Galaxy S23 128 GB", "Galaxy S23 256 GB") == 0
    assert sim("iPhone 15", "iPhone 15 Pro") == 0 and sim("Mug Standard Red", "Mug Standard Blue") == 0
    assert sim("Desk Lamp Lumo LED 8 W", "Lumo Desk Lamp LED 8W dimmable") > 0.82 > sim("Desk Lamp Lumo", "Toaster Crisp")


def test_matching_by_ean_and_name(con, add):
    a = add("alpha", "http://a/1", "Wasserkocher Aqua", EAN)
    b = add("bravo", "http://b/1", "Kettle Aqua 1.7 l", EAN)
    c = add("charlie", "http://c/1", "Aqua Kettle 1,7 L")
    d = add("delta", "http://d/1", "Kettle Aqua 1.7 l", EAN2)
    twin = add("charlie", "http://c/2", "Kettle Aqua 1.7 l")
    assert matching.match(con)["products"] == 2         # the twin fits the other Kettle
    ids = {p: product_of(con, p) for p in (a, b, c, d, twin)}
    assert ids[a] == ids[b] and ids[d] != ids[a]
    assert (ids[c] == ids[a]) != (ids[twin] == ids[a])      # one page per shop joins by name
    matching.match(con)
    assert ids == {p: product_of(con, p) for p in ids}      # numbers stay
    assert {(r["reason"], r["shop"]) for r in matching.duplicates(con)} == {("same name", "charlie")}


def test_watches_follow_and_manual_links_stay(con, add):
    a, b = add("alpha", "http://a/1", "Toaster Crisp"), add("bravo", "http://b/1", "Grille-pain XY")
    matching.match(con)
    with con:
        con.execute("INSERT INTO watches (product_id, email, created_at) VALUES (?, 'x@y', ?)", (product_of(con, b), db.stamp()))
        con.execute("UPDATE pages SET ean = ?", (EAN,))
    matching.match(con)
    assert product_of(con, a) == product_of(con, b) == con.execute("SELECT product_id FROM watches").fetchone()[0]
    matching.link(con, b, None)
    matching.match(con)
    assert product_of(con, a) != product_of(con, b)
    matching.link(con, b, product_of(con, a))
    matching.match(con)
    assert product_of(con, a) == product_of(con, b)


@pytest.fixture
def mailbox():
    messages = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 hi\r\n")
            for line in self.rfile:
                word = line[:4].upper().strip()
                if word == b"DATA":
                    self.wfile.write(b"354 go\r\n")
                    data = b""
                    while not data.endswith(b"\r\n.\r\n"):
                        data += self.rfile.readline()
                    messages.append(data.decode())
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                if word == b"QUIT":
                    return

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], messages
    server.shutdown()
    server.server_close()


@pytest.fixture
def watched(con, add):
    """A page with a price of 40 EUR, and a function that adds a watch for it."""
    page = add("alpha", "http://a/1", "Kettle\nAqua", EAN)
    db.record_item(con, page, Item("Kettle Aqua", Decimal("40"), "EUR", "out_of_stock"), at=db.days_ago(2))
    matching.match(con)

    def watch(**kw):
        kw = {"product_id": product_of(con, page), "created_at": db.days_ago(1), "currency": "EUR", **kw}
        with con:
            con.execute(f"INSERT INTO watches ({','.join(kw)}) VALUES ({','.join('?' * len(kw))})", list(kw.values()))
    return page, watch


@pytest.mark.parametrize("watch, price, stock, expected", [
    ({}, "39", None, "down 2.5 %"), ({}, "41", None, None), ({"drop_pct": 10}, "37", None, None),
    ({"drop_pct": 10}, "36", None, "down 10.0 %"), ({"below": "30"}, "35", None, None),
    ({"below": "30"}, "30", None, "at or below 30 EUR"), ({"below": "30", "currency": "USD"}, "24", None, "at or below 30 USD"),
    ({"below": "50"}, "39", None, None), ({"in_stock": 1}, "39", "in_stock", "back in stock"), ({"in_stock": 1}, "39", None, None)])
def test_what_is_worth_an_alert(con, cfg, watched, watch, price, stock, expected):
    page, add_watch = watched
    add_watch(email="me@example.org", **watch)
    db.record_item(con, page, Item(None, Decimal(price), "EUR", stock))
    alerts.queue(con, Rates(con, cfg))
    found = [json.loads(a["payload"])["reason"] for a in con.execute("SELECT payload FROM alerts")]
    assert found == ([expected] if expected else [])
    assert alerts.queue(con, Rates(con, cfg)) == 0


def test_sending(con, cfg, watched, mailbox, site, monkeypatch):
    monkeypatch.setenv("PRICEWATCH_WEBHOOK_SECRET", "s3cret")
    page, add_watch = watched
    add_watch(email="me@example.org", webhook=site.url + "/hook")
    add_watch(email="me@example.org", drop_pct=1)
    add_watch(webhook=site.url + "/broken")
    db.record_item(con, page, Item(None, Decimal("30"), "EUR"))
    assert alerts.queue(con, Rates(con, cfg)) == 4
    cfg.smtp = {"host": "127.0.0.1", "port": 1, "starttls": False}
    assert alerts.send(con, cfg) == {"sent": 1, "failed": 3}
    cfg.smtp["port"] = mailbox[0]
    assert alerts.send(con, cfg) == {"sent": 2, "failed": 1}
    assert len(mailbox[1]) == 1 and mailbox[1][0].count("40 EUR -> 30 EUR") == 2        # one mail for both
    path, headers, body = next(p for p in site.posts if p[0] == "/hook")
    assert json.loads(body)["new"] == "30"
    assert headers["X-Pricewatch-Signature"] == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    for _ in range(5):
        alerts.send(con, cfg)
    assert len([p for p in site.posts if p[0] == "/broken"]) == 5
    assert con.execute("SELECT status FROM alerts WHERE error IS NOT NULL").fetchone()[0] == "failed"


@pytest.fixture
def priced(con, add):
    def price(shop, amounts, currency="EUR", stock="in_stock"):
        page = add(shop, f"http://{shop}/1?a=<b>", "Kettle <Aqua>", EAN)
        for days, amount in amounts:
            db.record_item(con, page, Item("Kettle <Aqua>", Decimal(amount), currency, stock), at=db.days_ago(days))
        return page
    price("alpha", [(30, "50"), (10, "44"), (1, "40")])
    price("bravo", [(30, "30"), (20, "35"), (1, "35")], stock="out_of_stock")
    price("charlie", [(20, "45"), (1, "45")], "USD")
    price("stale", [(60, "1")])
    matching.match(con)
    return product_of(con, 1)


def test_reports(con, cfg, priced):
    rates = Rates(con, cfg)
    [best] = reports.cheapest(con, rates, "EUR")
    assert (best["shop"], best["price"], best["saving"], best["shops"]) == ("charlie", "36.00", "4.00", 2)
    assert reports.cheapest(con, rates, "EUR", any_stock=True)[0]["shop"] == "bravo"
    [drop] = reports.drops(con, rates, 7)
    assert (drop["shop"], drop["before"], drop["now"], drop["drop_pct"]) == ("alpha", "44", "40", 9.1)
    assert reports.drops(con, rates, 40)[0]["before"] == "50" and reports.drops(con, rates, 0.5) == []
    stats = {s["shop"]: s for s in reports.shops(con, rates, "EUR")}
    assert stats["charlie"]["cheapest_for"] == 1 and stats["alpha"]["changes_30d"] == 2
    data = reports.history(con, rates, priced, "EUR")
    assert (data["lowest"], data["highest"]) == ("1", "50")
    page = reports.render_history(data, "html")
    assert "<polyline" in page and "Kettle &lt;Aqua&gt;" in page and "<Aqua>" not in page
    assert len(json.loads(reports.render_history(data, "json"))["series"]) == 4
    for kind in ("table", "csv", "json", "html"):
        assert "charlie" in reports.render([best], kind, "t") and reports.render_history(data, kind)
        reports.render([], kind, "t")


def test_command_line(tmp_path, site, mailbox):
    config = tmp_path / "pricewatch.yaml"
    config.write_text(f"delay: 0\nrates_url: ''\nsmtp: {{host: 127.0.0.1, port: {mailbox[0]}, starttls: false}}\n")
    (tmp_path / "rules.json").write_text("{}")
    pages = tmp_path / "pages.csv"
    pages.write_text(f"\ufeffShop;URL;EAN\nalpha;{site.url}/a?utm_source=x#top;\nbravo;{site.url}/b;123\n"
                     f"bravo;javascript:alert(1);\n;{site.url}/c;\n", encoding="utf-8")
    site.routes |= {"/a": product_html(), "/b": product_html(name="=Kettle", price="42.00")}

    def run(*args, code=0):
        result = CliRunner().invoke(cli, ["-c", str(config), *args])
        assert result.exit_code == code, (args, result.output, result.exception)
        return result.output

    assert "2 pages added" in (out := run("import", "csv", str(pages))) and out.count("line ") == 3
    assert "alpha: 1 ok" in (out := run("crawl")) and "bravo: 1 ok" in out
    assert "alpha" in run("report", "cheapest") and "1 products, 1 of them" in run("match")
    run("watch", "add", EAN, "--email", "me@example.org", "--below", "38")
    run("watch", "add", "nonsense", "--email", "me@example.org", code=1)
    run("watch", "add", EAN, code=2), run("watch", "add", EAN, "--email", "me@x.org", "--below", "abc", code=2)
    site.routes["/a"] = product_html(price="37.50")
    assert "1 alerts queued" in (out := run("crawl", "--async", "--shop", "alpha", "--send")) and "1 sent" in out
    assert "37.50 EUR" in mailbox[1][0] and "sent" in run("alerts", "list")
    assert "0 sent" in run("alerts", "send") and "me@example.org" in run("watch", "list")
    run("report", "history", EAN, "-f", "html", "-o", str(tmp_path / "h.html"))
    assert "<svg" in (tmp_path / "h.html").read_text()
    assert json.loads(run("report", "drops", "-f", "json"))[0]["now"] == "37.50"
    run("report", "shops"), run("report", "duplicates"), run("clean-up", "--dry-run"), run("clean-up")
    assert ",'=Kettle," in (exported := run("export", "pages"))
    pages.write_text(exported)
    assert "0 pages added, 2 known" in run("import", "csv", str(pages))
    assert len(json.loads(run("export", "prices", "-f", "json"))) == 3
    assert "removed" in run("watch", "remove", "1")
    run("crawl", "--shop", "nobody", code=1)
    config.write_text("nonsense: 1\n")
    run("match", code=1)
