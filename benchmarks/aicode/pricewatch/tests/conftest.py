import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pricewatch import db
from pricewatch.config import Config, Rules


class Site:
    """A web server on loopback: routes[path] = body, (status, headers, body) or a function giving that."""

    def __init__(self):
        self.routes, self.log, self.posts = {"/robots.txt": (404, {}, "")}, [], []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.log.append(self.path)
                answer = site.routes.get(self.path, (404, {}, "not here"))
                answer = answer() if callable(answer) else answer
                status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
                body = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                for key, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                site.posts.append((self.path, dict(self.headers), body))
                self.send_response(500 if self.path == "/broken" else 204)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self, path):
        return self.log.count(path)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def make_site():
    sites = []

    def make():
        sites.append(Site())
        return sites[-1]
    yield make
    for s in sites:
        s.close()


@pytest.fixture
def site(make_site):
    return make_site()


@pytest.fixture
def cfg(tmp_path):
    return Config(data_dir=tmp_path / "data", delay=0, retries=2, backoff=0.01, timeout=5, rates_url="")


@pytest.fixture
def con(cfg):
    con = db.connect(cfg.database)
    con.execute("INSERT INTO rates VALUES ('EUR', 'USD', '1.25', ?)", (db.stamp(),))
    con.commit()
    yield con
    con.close()


@pytest.fixture
def rules():
    return Rules({"default": {"currency": "EUR"}})


@pytest.fixture
def add(con):
    def add(shop, url, name=None, ean=None):
        with con:
            db.add_page(con, db.add_shop(con, shop), url, name, ean)
        return con.execute("SELECT id FROM pages WHERE url = ?", (url,)).fetchone()["id"]
    return add


def product_html(name="Kettle Aqua 1.7 l", price="39.90", stock="InStock", image="/k.png", ean="4006381333931"):
    return (f'<html><head><script type="application/ld+json">{{"@type": "Product", "name": "{name}", "gtin13": "{ean}",'
            f'"image": "{image}", "offers": {{"price": "{price}", "priceCurrency": "EUR", '
            f'"availability": "https://schema.org/{stock}"}}}}</script></head><body><h1>{name}</h1></body></html>')
