#!/usr/bin/env python3
"""Make demo data: three small shops as static pages, settings, rules, a CSV and 60 days of prices.

    python scripts/make_demo.py demo            # writes ./demo
    python scripts/make_demo.py demo --serve    # and serves the shops on 127.0.0.1:8099
"""
import argparse
import functools
import http.server
import json
import random
import struct
import sys
import zlib
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from pricewatch import db, matching                 # noqa: E402
from pricewatch.extract import Item                 # noqa: E402

PORT = 8099
PRODUCTS = [("Kettle Aqua 1.7 l", "4006381333931", 39.9), ("Toaster Crisp 2 slices 900 W", "5901234123457", 29.5),
            ("Coffee Grinder Mola 200 g", "9780306406157", 54.0), ("Desk Lamp Lumo LED 8 W", "4012345678901", 24.9),
            ("USB-C Charger Volt 65 W", "8712345678906", 34.0), ("Headphones Sonor H20", "7612345678900", 89.0)]
SHOPS = {"alpha": ("EUR", 1.0), "bravo": ("EUR", 1.04), "charlie": ("USD", 1.1)}
RULES = """\
default:
  jsonld: true
shops:
  alpha:                    # selectors, German number format
    currency: EUR
    decimal: ","
    delay: 0
    fields:
      name: h1.title
      price: {css: "div.buy > span.price"}
      availability: {css: ".stock", map: {"Auf Lager": in_stock, "Ausverkauft": out_of_stock}}
      ean: {regex: "EAN:\\\\s*(\\\\d{13})"}
      images: {css: "#gallery img", attr: src}
  bravo:                    # JSON-LD only
    delay: 0
  charlie:                  # regular expressions
    currency: USD
    delay: 0
    fields:
      price: {regex: "Our price: (\\\\$[\\\\d.,]+)"}
      availability: {regex: "Availability: ([\\\\w ]+)<"}
"""


def png(red: int, green: int, blue: int) -> bytes:
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes((red, green, blue)) * 32) * 32
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def page(shop: str, name: str, ean: str, price: Decimal, stock: bool, image: str) -> str:
    head = f"<!doctype html><html><head><meta charset='utf-8'><title>{name}</title>"
    if shop == "alpha":
        text = f"{price:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
        return (f"{head}</head><body><h1 class='title'>{name}</h1><div id='gallery'><img src='{image}'></div>"
                f"<div class='buy'><span class='price'>{text} €</span> <i class='stock'>"
                f"{'Auf Lager' if stock else 'Ausverkauft'}</i></div><p>EAN: {ean}</p></body></html>")
    if shop == "bravo":
        data = {"@context": "https://schema.org", "@type": "Product", "name": name, "gtin13": ean, "image": [image],
                "offers": {"@type": "Offer", "price": str(price), "priceCurrency": "EUR",
                           "availability": f"https://schema.org/{'InStock' if stock else 'OutOfStock'}"}}
        return f"{head}<script type='application/ld+json'>{json.dumps(data)}</script></head><body>{name}</body></html>"
    return (f"{head}<meta property='og:image' content='{image}'></head><body><h1>{name}</h1><p>Our price: ${price}</p>"
            f"<p>Availability: {'in stock' if stock else 'sold out'}</p></body></html>")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo"))
    parser.add_argument("--serve", action="store_true")
    args = parser.parse_args()
    root, rng, base = args.folder, random.Random(7), f"http://127.0.0.1:{PORT}"
    if (root / "data" / "pricewatch.db").exists():
        print(f"{root} has demo data already")
    else:
        (root / "site").mkdir(parents=True, exist_ok=True)
        (root / "site" / "robots.txt").write_text("User-agent: *\nDisallow: /private/\n")
        # no rates API in the demo: the rates are put into the database below
        (root / "pricewatch.yaml").write_text("delay: 0\nretries: 1\nrates_url: ''\ncurrency: EUR\n")
        (root / "rules.yaml").write_text(RULES, encoding="utf-8")
        con, lines, today = db.connect(root / "data" / "pricewatch.db"), ["shop,url"], datetime.now(timezone.utc)
        con.execute("INSERT INTO rates VALUES ('EUR', 'USD', '1.10', ?)", (db.stamp(),))
        for shop, (currency, factor) in SHOPS.items():
            folder = root / "site" / shop
            folder.mkdir(exist_ok=True)
            shop_id = db.add_shop(con, shop, base)
            for number, (name, ean, price) in enumerate(PRODUCTS, 1):
                url = f"{base}/{shop}/{number}.html"
                lines.append(f"{shop},{url}")
                db.add_page(con, shop_id, url)
                con.commit()
                page_id = con.execute("SELECT id FROM pages WHERE url = ?", (url,)).fetchone()["id"]
                current = Decimal(str(round(price * factor, 2)))
                for day in range(60, 0, -1):
                    if rng.random() < 0.06:
                        current = (current * Decimal(str(rng.uniform(0.88, 1.1)))).quantize(Decimal("0.01"))
                    item = Item(name, current, currency, "in_stock", ean if shop != "charlie" else None)
                    db.record_item(con, page_id, item, at=db.stamp(today - timedelta(days=day)))
                now = (current * Decimal(str(rng.choice([0.85, 1, 1, 1.05])))).quantize(Decimal("0.01"))
                (folder / f"{number}.png").write_bytes(png(40 * number, 90, 200 - 30 * number))
                (folder / f"{number}.html").write_text(
                    page(shop, name, ean, now, rng.random() > 0.15, f"{number}.png" if shop != "bravo"
                         else f"{base}/bravo/{number}.png"), encoding="utf-8")
        con.execute("UPDATE changes SET processed = 1")
        con.commit()
        (root / "pages.csv").write_text("\n".join(lines) + "\n")
        print(matching.match(con))
        con.close()
        print(f"demo data in {root}; try: python -m pricewatch -c {root}/pricewatch.yaml report cheapest")
    if args.serve:
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=root / "site")
        print(f"serving the demo shops on {base}, Ctrl-C ends it")
        http.server.ThreadingHTTPServer(("127.0.0.1", PORT), handler).serve_forever()


if __name__ == "__main__":
    main()
