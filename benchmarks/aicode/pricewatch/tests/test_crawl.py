import gzip
from pathlib import Path

import pytest

from pricewatch import db, transfer
from pricewatch.crawler import Crawler
from pricewatch.fetch import retry_after
from pricewatch.robots import Robots
from tests.conftest import product_html

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture(params=["run", "run_async"])
def crawl(request, con, cfg, rules):
    def crawl(**kw):
        crawler = Crawler(con, cfg, rules)
        return getattr(crawler, request.param)(crawler.pages(**kw))
    return crawl


def row(con, page_id):
    return con.execute("SELECT * FROM pages WHERE id = ?", (page_id,)).fetchone()


def test_robots_rules():
    text = ("User-agent: *\nDisallow: /\n\nUser-agent: other\nUser-agent: PriceWatch # us\nCrawl-delay: 2\n"
            "Disallow: /shop\nAllow: /shop/open\nDisallow: /*?sort=\nDisallow: /*.pdf$\nSitemap: https://x/s.xml\n")
    robots = Robots(text, "pricewatch/1.0")
    assert robots.delay == 2 and robots.sitemaps == ["https://x/s.xml"]
    for path, allowed in {"/": True, "/shop/1": False, "/shop/open/1": True, "/a?sort=1": False, "/a.pdf": False,
                          "/a.pdf?x": True}.items():
        assert robots.allows("https://x" + path) is allowed, path
    assert not Robots(text, "someone/1").allows("https://x/a")
    assert Robots("User-agent: *\nDisallow:\n").allows("https://x/a")


def test_history_changes_raw_and_thumbnail(crawl, con, cfg, site, add):
    site.routes |= {"/p": product_html(), "/k.png": PNG}
    page = add("alpha", site.url + "/p")
    assert crawl()["alpha"]["ok"] == 1
    assert crawl()["alpha"]["changes"] == 0
    site.routes["/p"] = product_html(price="35.00", stock="OutOfStock")
    assert crawl()["alpha"]["changes"] == 2
    assert [p["amount"] for p in con.execute("SELECT amount FROM prices ORDER BY id")] == ["39.90", "35.00"]
    assert [c["kind"] for c in con.execute("SELECT kind FROM changes ORDER BY id")] == ["new", "price", "availability"]
    found = row(con, page)
    assert (found["name"], found["ean"], found["availability"]) == ("Kettle Aqua 1.7 l", "4006381333931", "out_of_stock")
    assert (cfg.data_dir / found["thumb_path"]).read_bytes() == PNG and site.count("/k.png") == 1
    raws = con.execute("SELECT path FROM raw_pages ORDER BY id").fetchall()
    assert len(raws) == 2 and b"35.00" in gzip.decompress((cfg.data_dir / raws[1]["path"]).read_bytes())


def test_robots_are_honoured_also_after_redirects(crawl, con, site, add):
    site.routes |= {"/robots.txt": "User-agent: *\nDisallow: /private\n", "/private/p": product_html(),
                    "/go": (302, {"Location": "/private/p"}, ""), "/ok": (301, {"Location": "/p"}, ""),
                    "/p": product_html(image="/private/i.png"), "/loop": (302, {"Location": "/loop"}, "")}
    pages = [add("alpha", site.url + p) for p in ("/private/p", "/go", "/ok", "/loop")]
    stats = crawl()["alpha"]
    assert (stats["ok"], stats["skipped"], stats["failed"]) == (1, 2, 1)
    assert not [p for p in site.log if p.startswith("/private")]
    assert site.count("/robots.txt") == 1
    assert [row(con, p)["last_error"] for p in pages] == ["blocked by robots.txt"] * 2 + [None, "too many redirects"]


def test_unreadable_robots_means_hands_off(crawl, con, site, add):
    site.routes |= {"/robots.txt": (503, {}, ""), "/p": product_html()}
    page = add("alpha", site.url + "/p")
    crawl()
    assert site.count("/p") == 0 and "shop down" in row(con, page)["last_error"]


def test_retries(crawl, con, site, add):
    answers = [(503, {"Retry-After": "0"}, ""), (500, {}, ""), product_html()]
    site.routes |= {"/p": lambda: answers.pop(0), "/long": (429, {"Retry-After": "9999"}, "")}
    add("alpha", site.url + "/p")
    long = add("alpha", site.url + "/long")
    stats = crawl()["alpha"]
    assert (stats["ok"], stats["failed"]) == (1, 1)
    assert site.count("/p") == 3 and site.count("/long") == 1 and row(con, long)["last_status"] == 429


def test_a_shop_that_is_down_is_left_alone_and_the_others_go_on(crawl, cfg, con, make_site, add):
    bad, good = make_site(), make_site()
    cfg.retries = 0
    for n in range(8):
        bad.routes[f"/{n}"] = (500, {}, "")
        add("bad", f"{bad.url}/{n}")
    good.routes["/p"] = product_html()
    add("good", good.url + "/p")
    add("dead", "http://127.0.0.1:1/p")
    result = crawl()
    assert result["bad"]["failed"] == 8 and len(bad.log) <= 5       # robots.txt, three pages, one under way
    assert result["good"]["ok"] == 1 and result["dead"]["failed"] == 1
    assert con.execute("SELECT count(*) FROM crawls").fetchone()[0] == 3


def test_gone_pages_and_pages_without_price(crawl, con, cfg, site, add):
    site.routes["/empty"] = "<h1>nothing</h1>"
    site.routes["/big"] = "x" * 3000
    cfg.max_bytes = 2000
    gone, empty, big = (add("alpha", site.url + p) for p in ("/gone", "/empty", "/big"))
    for _ in range(4):
        crawl()
    assert row(con, gone)["active"] == 0 and site.count("/gone") == 3
    assert row(con, empty)["last_error"] == "no price found" and row(con, big)["last_error"] == "page too large"
    assert [c["kind"] for c in con.execute("SELECT kind FROM changes")] == ["gone"]


def test_one_odd_page_does_not_end_the_crawl(crawl, con, rules, site, add):
    rules.shops["odd"] = {"fields": {"price": "p::wrong"}}
    site.routes |= {"/a": product_html(), "/b": product_html()}
    add("odd", site.url + "/a"), add("fine", site.url + "/b")
    result = crawl()
    assert result["odd"]["failed"] == 1 and result["fine"]["ok"] == 1


def test_retry_after_dates():
    assert retry_after("12") == 12 and retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0 and retry_after("x") is None


def test_sitemap(con, cfg, site):
    index = f"<sitemapindex><sitemap><loc>{site.url}/s1.xml.gz</loc></sitemap><sitemap><loc>{site.url}/s2.xml</loc></sitemap></sitemapindex>"
    urls = "".join(f"<url><loc>{u}</loc></url>" for u in (site.url + "/p/1", site.url + "/about", "http://other.example/p/2"))
    site.routes |= {"/robots.txt": f"Sitemap: {site.url}/index.xml\n", "/index.xml": index,
                    "/s1.xml.gz": gzip.compress(f'<urlset xmlns="http://www.sitemaps.org/x">{urls}</urlset>'.encode()),
                    "/s2.xml": "<!DOCTYPE x [<!ENTITY a 'b'>]><urlset/>"}
    result = transfer.import_sitemap(con, cfg, "alpha", site.url, include="/p/")
    assert result["added"] == 1 and "DOCTYPE" in result["errors"][0]
    assert con.execute("SELECT url FROM pages").fetchone()["url"] == site.url + "/p/1"


def test_clean_up(crawl, con, cfg, site, add):
    site.routes |= {"/p": product_html(), "/k.png": PNG}
    page = add("alpha", site.url + "/p")
    crawl()
    old = db.days_ago(1000)
    with con:
        con.execute("UPDATE raw_pages SET fetched_at = ?", (old,))
        con.execute("UPDATE prices SET first_seen = ?, last_seen = ?", (old, old))
        con.execute("INSERT INTO prices (page_id, amount, currency, first_seen, last_seen) VALUES (?, '1', 'EUR', ?, ?)",
                    (page, db.days_ago(1100), db.days_ago(1050)))
    (cfg.data_dir / "thumbs" / "orphan.png").write_bytes(PNG)
    raw = [p for p in Path(cfg.data_dir / "raw").rglob("*.gz")]
    counts = transfer.clean_up(con, cfg, 30, 730, 90, dry_run=True)
    assert (counts["raw_pages"], counts["prices"], counts["thumbs"]) == (1, 1, 1) and raw[0].exists()
    transfer.clean_up(con, cfg, 30, 730, 90)
    assert not raw[0].exists() and len(list((cfg.data_dir / "thumbs").iterdir())) == 1
    assert [p["amount"] for p in con.execute("SELECT amount FROM prices")] == ["39.90"]
