"""Measure every entry point of stockroom over growing data; print JSON.

    python drive.py [--sizes 10,100,1000] [--application FOLDER] > measured.json

Needs Django 5.2 and djangorestframework. Each size runs in a child process with
its own scratch SQLite database; mail goes to memory. Nothing is asynchronous and
nothing leaves the process, so there is no stall of an event loop to report.

Of each call: queries, distinct statements, rows read, commits, savepoints, db_ksteps
(thousands of instructions that SQLite executed), CPU and wall time, peak memory of a
second call, status and bytes. "top" is the statement repeated most.
"""
import argparse
import collections
import datetime
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import tracemalloc
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME = HERE.name.removesuffix(".truth")
APP = HERE.parent / NAME
sys.dont_write_bytecode = True
CONTROL = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")


class Meter:
    """Watches the one database connection of the process."""

    def __init__(self, connection):
        from django.db.backends.sqlite3.base import Database, SQLiteCursorWrapper

        self.rows, self.examples, self.connection, self.entry = {}, {}, connection, ""
        self.reset()
        connection.ensure_connection()
        connection.execute_wrappers.append(self.count)
        connection.connection.set_progress_handler(self.step, 1000)
        commit = connection._commit

        def counted_commit():
            self.commits += 1
            return commit()

        connection._commit = counted_commit
        for name in ("fetchone", "fetchmany", "fetchall"):
            setattr(SQLiteCursorWrapper, name, self.fetcher(getattr(Database.Cursor, name), name == "fetchone"))

    def fetcher(self, fetch, single):
        def counted(cursor, *args):
            result = fetch(cursor, *args)
            self.fetched += (result is not None) if single else len(result)
            return result
        return counted

    def reset(self):
        self.statements, self.commits, self.savepoints, self.fetched, self.ksteps = collections.Counter(), 0, 0, 0, 0

    def step(self):
        self.ksteps += 1
        return 0

    def count(self, execute, sql, params, many, context):
        if sql.startswith(CONTROL):
            self.savepoints += sql.startswith("SAVEPOINT")
        else:
            self.statements[sql] += 1
            if sql.startswith("SELECT") and not many and self.entry:
                self.examples.setdefault(sql, (self.entry, params))
            elif not self.connection.in_atomic_block and not sql.startswith("SELECT"):
                self.commits += 1
        return execute(sql, params, many, context)

    def plans(self):
        """Explain each SELECT seen; keep those that walk a whole table, or sort it without an index."""
        found = []
        with self.connection.cursor() as cursor:
            for sql, (entry, params) in list(self.examples.items()):
                cursor.execute("EXPLAIN QUERY PLAN " + sql, params)
                steps = [row[3] for row in cursor.fetchall()]
                walk = r"SCAN " if "django_datetime_cast" in sql else r"SCAN (?!.*USING)"
                bad = [s for s in steps if re.match(walk + r"|USE TEMP B-TREE FOR (RIGHT PART OF )?(LAST \w+ TERMS? OF )?ORDER", s)]
                tail = re.sub(r"%s(, %s)+", "%s, ...", " ".join(sql.split()).partition(" FROM ")[2].replace('"', ""))
                by_key = "WHERE" not in tail and not any("TEMP" in s for s in steps)  # walks the table in its own order
                if bad and not by_key and ("WHERE" in tail or "ORDER BY" in tail):
                    text = tail if len(tail) < 330 else tail[:80] + " ... " + tail[-240:]
                    found.append([entry, text, bad])
        self.rows["query plans"] = {"scans_and_sorts": found}

    def run(self, name, call, memory=True, note=None):
        self.entry = name
        row = self.once(call)
        if memory:
            tracemalloc.start()
            call()
            row["peak_kb"] = round(tracemalloc.get_traced_memory()[1] / 1024)
            tracemalloc.stop()
        if note:
            row["note"] = note
        self.rows[name], self.entry = row, ""

    def once(self, call):
        from django.core import mail

        self.reset()
        sent = len(getattr(mail, "outbox", []))
        start, wall = time.process_time(), time.perf_counter()
        result = call()
        if hasattr(result, "streaming_content"):
            body = sum(len(part) for part in result.streaming_content)
        else:
            body = len(result.content) if hasattr(result, "content") else None
        cpu, wall = time.process_time() - start, time.perf_counter() - wall
        row = {
            "queries": sum(self.statements.values()), "distinct": len(self.statements), "rows": self.fetched,
            "commits": self.commits, "savepoints": self.savepoints, "http": 0, "db_ksteps": self.ksteps,
            "cpu_ms": round(cpu * 1000, 1), "wall_ms": round(wall * 1000, 1),
        }
        top = self.statements.most_common(1)
        if top and top[0][1] > 2:
            text = " ".join(top[0][0].split()).replace('"', "")
            row["top"] = [top[0][1], text[:50] + " ... " + text[-110:]]
        if hasattr(result, "status_code"):
            row.update(status=result.status_code, bytes=body)
        if len(getattr(mail, "outbox", [])) > sent:
            row["mails"] = len(mail.outbox) - sent
        return row


def fill(size):
    """size variants and sales orders, 5 * size ledger entries, half of the stock in the first warehouse."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from catalog.models import Barcode, Category, Product, Supplier, Variant, VariantSupplier, gtin_check_digit
    from core.models import Activity
    from inventory.models import Shelf, Stocktake, StocktakeLine, StockLevel, StockMovement, Warehouse
    from purchasing.models import PurchaseOrder, PurchaseOrderLine, Receipt, ReceiptLine
    from sales.models import (Allocation, Customer, CustomerGroup, Price, SalesOrder, SalesOrderLine, Shipment,
                              ShipmentLine)

    rng, now = random.Random(11), timezone.now()

    def ago(days):
        return now - datetime.timedelta(days=days)

    def bulk(model, objects):
        return model.objects.bulk_create(list(objects), batch_size=500)

    User = get_user_model()
    admin = User.objects.create_superuser("admin", "a@example.com", "demo")
    warehouses = bulk(Warehouse, (Warehouse(code=f"W{i:03d}", name=f"Warehouse {i}") for i in range(max(2, size // 50))))
    shelves = bulk(Shelf, (Shelf(warehouse=warehouses[0] if i % 2 else warehouses[i // 2 % len(warehouses)], code=f"S{i:05d}")
                           for i in range(max(6, size // 4))))
    main = [s for s in shelves if s.warehouse_id == warehouses[0].pk]
    rest = [s for s in shelves if s.warehouse_id != warehouses[0].pk]
    categories = []
    for i in range(max(8, size // 10)):
        parent = categories[(i - 2) // 2] if i > 1 else None
        categories.append(Category.objects.create(name=f"Category {i:04d}", parent=parent))
    suppliers = bulk(Supplier, (Supplier(code=f"SUP{i:04d}", name=f"Supplier {i:04d}") for i in range(max(3, size // 20))))
    products = bulk(Product, (Product(name=f"Product {i * 7919 % 100003:06d}", description="A sturdy thing. " * 40,
                                      category=categories[i * 5 % len(categories)]) for i in range(max(1, size // 2))))
    variants = bulk(Variant, (Variant(product=products[i % len(products)], sku=f"SKU-{i:06d}", name=f"No. {i}", list_price=20,
                                      average_cost=Decimal("8.5"), reorder_point=15) for i in range(size)))
    Variant.objects.update(created_at=ago(200))
    digits = [f"40000{i:07d}" for i in range(size)]
    bulk(Barcode, (Barcode(variant=v, code=d + str(gtin_check_digit(d))) for v, d in zip(variants, digits)))
    bulk(VariantSupplier, (VariantSupplier(variant=v, supplier=suppliers[(i + k) % len(suppliers)], cost=8 + k, is_preferred=not k)
                           for i, v in enumerate(variants) for k in range(2)))
    groups = bulk(CustomerGroup, (CustomerGroup(name=n) for n in ("Retail", "Trade", "Web")))
    customers = bulk(Customer, (Customer(name=f"Customer {i * 7919 % 100003:06d}", group=groups[i % 3])
                                for i in range(max(3, size // 2))))
    bulk(Price, (Price(group=groups[k], variant=v, price=18 - k) for v in variants for k in range(2)))
    bulk(StockLevel, (StockLevel(variant=v, shelf=(main, rest)[k][i % len((main, rest)[k])], quantity=4 + i % 40 if k else 500)
                      for i, v in enumerate(variants) for k in range(2) if k or i % 10))  # SQLite: < 1000 in one warehouse
    StockLevel.objects.filter(shelf__warehouse=warehouses[0]).update(reserved=200, picked=100)
    StockLevel.objects.filter(variant_id__in=[v.pk for v in variants[::3]]).update(quantity=4, reserved=3, picked=1)
    kinds = StockMovement.Kind
    bulk(StockMovement, (
        StockMovement(variant=v, shelf=(main, rest)[k % 2][i % len((main, rest)[k % 2])], quantity=40 if k < 3 else -20,
                      kind=kinds.RECEIPT if k < 3 else kinds.SHIPMENT, unit_cost=8, reference=f"PO-{i:06d}", note="by truck",
                      created_by=admin, created_at=ago(rng.randint(1, 400)))
        for i, v in enumerate(variants) for k in range(5)))

    statuses = [PurchaseOrder.Status.RECEIVED] * 8 + [PurchaseOrder.Status.ORDERED, PurchaseOrder.Status.PARTIAL]
    purchases = bulk(PurchaseOrder, (
        PurchaseOrder(number=f"PO-{i + 1:06d}", supplier=suppliers[i % len(suppliers)], warehouse=warehouses[0],
                      status=statuses[i % 10], ordered_at=ago(20 + i % 300), expected_date=ago(6 + i % 300).date())
        for i in range(size // 2)))
    lines = bulk(PurchaseOrderLine, (
        PurchaseOrderLine(order=o, variant=rng.choice(variants), quantity=20, unit_cost=8,
                          received=20 if o.status == "received" else 0) for o in purchases for _ in range(4)))
    receipts = bulk(Receipt, (Receipt(number=f"REC-{o.pk:06d}", order=o, received_by=admin, received_at=o.ordered_at)
                              for o in purchases if o.status == "received"))
    by_order = {r.order_id: r for r in receipts}
    bulk(ReceiptLine, (ReceiptLine(receipt=by_order[x.order_id], line=x, shelf=rng.choice(main), quantity=20)
                       for x in lines if x.order_id in by_order))

    states = [SalesOrder.Status.RESERVED] + [SalesOrder.Status.SHIPPED] * 8 + [SalesOrder.Status.DRAFT]
    orders = bulk(SalesOrder, (
        SalesOrder(number=f"SO-{i + 1:06d}", customer=rng.choice(customers), warehouse=warehouses[0], status=states[i % 10],
                   created_at=ago(i % 300)) for i in range(size)))
    lines = bulk(SalesOrderLine, (SalesOrderLine(order=o, variant=rng.choice(variants), quantity=3, unit_price=18)
                                  for o in orders for _ in range(3)))
    bulk(Allocation, (Allocation(line=x, shelf=main[x.variant_id % len(main)], quantity=3, picked=3 * done, shipped=3 * done)
                      for x in lines if x.order.status != "draft" for done in [x.order.status == "shipped"]))
    shipments = bulk(Shipment, (Shipment(number=f"SHIP-{o.pk:06d}", order=o, shipped_by=admin, shipped_at=o.created_at)
                                for o in orders if o.status == "shipped"))
    by_order = {s.order_id: s for s in shipments}
    bulk(ShipmentLine, (ShipmentLine(shipment=by_order[x.order_id], line=x, quantity=3)
                        for x in lines if x.order_id in by_order))
    takes = bulk(Stocktake, (Stocktake(number=f"ST-{i + 1:06d}", warehouse=warehouses[0], shelf=main[i % len(main)],
                                       status="applied") for i in range(max(3, size // 20))))
    bulk(StocktakeLine, (StocktakeLine(stocktake=t, variant=v, shelf=main[0], expected=5, counted=5)
                         for t in takes for v in variants[:20]))
    actors = [admin, *(User.objects.create(username=f"clerk{i}", is_staff=True) for i in range(3))]
    bulk(Activity, (Activity(actor=actors[i % 4], verb=("created", "updated", "shipped")[i % 3], target=orders[i % size],
                             summary=f"Sales order {i} shipped", created_at=ago(i % 400)) for i in range(3 * size)))
    return admin


def drive(size):
    scratch = tempfile.TemporaryDirectory()
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    for name in ("DJANGO_ENV", "POSTGRES_DB"):
        os.environ.pop(name, None)
    sys.path.insert(0, str(APP))
    from config import settings

    settings.DATABASES["default"]["NAME"] = f"{scratch.name}/stock.db"
    settings.DEBUG, settings.ALLOWED_HOSTS = False, ["testserver"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    import logging

    import django

    django.setup()
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.test import Client

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        admin = fill(size)
    from catalog.models import Barcode, Category, Product, Variant
    from inventory.models import Shelf, Stocktake, StockLevel, Warehouse
    from purchasing.models import PurchaseOrder, PurchaseOrderLine, Receipt
    from reports import services as reports
    from sales import services as sales
    from sales.models import Allocation, Customer, SalesOrder, SalesOrderLine, Shipment

    meter = Meter(connection)
    run = meter.run
    web = Client()
    web.force_login(admin)
    many = {10: 5, 100: 20}.get(size, 80)  # lines of a document that a call writes
    note = f"{many} lines"
    quiet = open(os.devnull, "w")

    def get(url, **headers):
        return lambda: web.get(url, headers=headers)

    def post(url, body=None, method="post"):
        return lambda: getattr(web, method)(url, body or {}, content_type="application/json")

    def form(url, **body):
        return lambda: web.post(url, body)

    # Pages
    run("GET / (dashboard)", get("/"))
    product = Product.objects.order_by("-pk").first().pk
    run("GET /products/<id>/", get(f"/products/{product}/"))
    run("GET /picking/", get("/picking/"))
    opened = SalesOrder.objects.filter(status="reserved").first().pk
    run("GET /picking/<id>/", get(f"/picking/{opened}/"))
    run("GET /accounts/login/", lambda: Client().get("/accounts/login/"))
    run("POST /accounts/login/", lambda: Client().post("/accounts/login/", {"username": "admin", "password": "demo"}), memory=False)
    run("POST /api/token/", lambda: Client().post("/api/token/", {"username": "admin", "password": "demo"}), memory=False)

    # Lists and details of the API
    names = ["activity", "categories", "suppliers", "products", "variants", "barcodes", "variant-suppliers", "warehouses",
             "shelves", "stock", "movements", "stocktakes", "purchase-orders", "receipts", "customer-groups", "customers",
             "prices", "sales-orders", "shipments"]
    for name in names:
        run(f"GET /api/{name}/", get(f"/api/{name}/"))
        first = json.loads(web.get(f"/api/{name}/").content)["results"][0]["id"]
        run(f"GET /api/{name}/<id>/", get(f"/api/{name}/{first}/"), memory=False)
    run("GET /api/", get("/api/"))
    late = max(1, 5 * size // 10 - 1)
    deepest = json.loads(web.get("/api/categories/?page_size=500").content)["results"]
    deepest = max(deepest, key=lambda row: row["path"].count(">"))["id"]
    today = datetime.date.today()
    for url in [
        "movements/?page_size=10", f"movements/?page_size=10&page={late}", "movements/?search=zzz", "movements/?kind=receipt",
        f"movements/?from={today}", f"movements/?to={today - datetime.timedelta(days=390)}", "movements/?ordering=quantity",
        "movements/?reference=none", "movements/?variant=1",
        "activity/?search=zzz", "activity/?verb=none", f"activity/?since={today}", "activity/?object_id=zzz",
        "activity/?target_type=salesorder&object_id=1", f"activity/?page_size=10&page={max(1, 3 * size // 10 - 1)}",
        "products/?search=zzz", "products/?supplier=1", f"products/?category={deepest}", "products/?ordering=created_at",
        "products/?page_size=500", "variants/?search=zzz", "variants/?ordering=on_hand_total&page_size=10",
        "variants/?ordering=sku&page_size=10", "variants/?ordering=list_price&page_size=10", "variants/?in_stock=true&page_size=10",
        "variants/?page_size=10", "stock/?search=zzz", "stock/?min_quantity=100000", "stock/?ordering=quantity", "stock/?warehouse=1",
        "stock/?page_size=10", "barcodes/?search=zzz", "barcodes/?kind=none", "barcodes/?page_size=10",
        "categories/?page_size=500", "customers/?search=zzz", "customers/?page_size=10", "prices/?search=zzz", "prices/?page_size=10",
        "sales-orders/?search=zzz", "sales-orders/?status=none", f"sales-orders/?from={today + datetime.timedelta(days=9)}",
        "sales-orders/?ordering=created_at&page_size=10", "sales-orders/?page_size=10", "sales-orders/?page_size=500",
        "purchase-orders/?search=zzz", "purchase-orders/?status=none", "purchase-orders/?overdue=true",
        "purchase-orders/?expected_before=2001-01-01", "purchase-orders/?ordering=expected_date&page_size=10",
        "receipts/?page_size=10", f"receipts/?from={today + datetime.timedelta(days=9)}", "receipts/?search=zzz",
        "shipments/?page_size=10", f"shipments/?from={today + datetime.timedelta(days=9)}", "shipments/?search=zzz",
        "variant-suppliers/?page_size=10", "shelves/?page_size=10",
    ]:
        name = re.sub(r"(?<=[^_]page=)[1-9]\d*", "<late>", url).replace(f"category={deepest}", "category=<id>")
        run(f"GET /api/{re.sub(r'2[0-9]{3}-[0-9-]+', '<date>', name)}", get(f"/api/{url}"), memory="page_size=500" in url)
    run("GET /api/stock/export/", get("/api/stock/export/"))
    run("GET /api/stock/export/?category=<id>", get(f"/api/stock/export/?category={deepest}"), memory=False)
    code = Barcode.objects.first().code
    run("GET /api/barcodes/lookup/<code>/", get(f"/api/barcodes/lookup/{code}/"))
    customer = Customer.objects.first().pk
    run("GET /api/prices/quote/", get(f"/api/prices/quote/?variant=1&customer={customer}&quantity=2"))
    for name in ("products", "stocktakes", "barcodes"):
        run(f"GET /api/{name}/ (browsable)", get(f"/api/{name}/?page_size=1", accept="text/html"), memory=False)

    # Reports
    for url in ("low-stock", "stock-value", "best-sellers", "best-sellers/?limit=100000", "slow-movers", "supplier-performance",
                "ageing"):
        run(f"GET /api/reports/{url}", get(f"/api/reports/{url}" + ("/" if "?" not in url else "")))
    run("GET /api/reports/", get("/api/reports/"))
    for function in (reports.low_stock, reports.stock_value, reports.best_sellers, reports.slow_movers,
                     reports.supplier_performance, reports.ageing):
        run(f"reports.{function.__name__}()", function, memory=False)
    run("Category.ancestry()", Category.ancestry, memory=False)

    class Grown(Exception):
        pass

    try:  # a warehouse for each of `many`, each with forty variants; undone afterwards
        with transaction.atomic():
            for i in range(many):
                shelf = Shelf.objects.create(warehouse=Warehouse.objects.create(code=f"X{i:03d}", name="X"), code="1")
                StockLevel.objects.bulk_create(
                    StockLevel(variant=v, shelf=shelf, quantity=1) for v in Variant.objects.order_by("pk")[:40])
            run("reports.stock_value() (more warehouses)", reports.stock_value, memory=False, note=f"{many} warehouses more")
            raise Grown
    except Grown:
        pass

    # Documents
    shelf = Shelf.objects.filter(warehouse=1).first()
    chosen = list(StockLevel.objects.filter(shelf__warehouse=1, quantity=500).select_related("variant", "shelf")[:many])
    chosen = (chosen * many)[:many]
    sale = {"customer": customer, "warehouse": 1, "lines": [{"variant": x.variant_id, "quantity": 1} for x in chosen]}
    run("POST /api/sales-orders/", post("/api/sales-orders/", sale), memory=False, note=note)
    order = SalesOrder.objects.first().pk
    url = f"/api/sales-orders/{order}/"
    run("PUT /api/sales-orders/<id>/", post(url, sale, "put"), memory=False, note=note)
    run("GET /api/sales-orders/<id>/ (many lines)", get(url), memory=False, note=note)
    run("GET /admin/sales/salesorder/<id>/change/ (draft)", get(f"/admin/sales/salesorder/{order}/change/"), memory=False, note=note)
    run("POST /api/sales-orders/<id>/reserve/", post(url + "reserve/"), memory=False, note=note)
    run("POST /api/sales-orders/<id>/release/", post(url + "release/"), memory=False, note=note)
    web.post(url + "reserve/", {}, content_type="application/json")
    run("GET /picking/<id>/ (many lines)", get(f"/picking/{order}/"), memory=False, note=note)
    items = [{"allocation": a.pk, "quantity": 1} for a in Allocation.objects.filter(line__order=order)]
    run("POST /api/sales-orders/<id>/pick/", post(url + "pick/", {"items": items}), memory=False, note=note)
    run("POST /api/sales-orders/<id>/ship/", post(url + "ship/"), memory=False, note=note)
    run("GET /admin/sales/salesorder/<id>/change/ (shipped)", get(f"/admin/sales/salesorder/{order}/change/"), memory=False, note=note)
    shipment = Shipment.objects.first().pk
    run("GET /admin/sales/shipment/<id>/change/", get(f"/admin/sales/shipment/{shipment}/change/"), memory=False, note=note)
    web.post("/api/sales-orders/", sale, content_type="application/json")
    order = SalesOrder.objects.first()
    sales.reserve(order, user=admin)
    run("POST /api/sales-orders/<id>/cancel/", post(f"/api/sales-orders/{order.pk}/cancel/"), memory=False, note=note)

    purchase = {"supplier": 1, "warehouse": 1, "lines": [{"variant": x.variant_id, "quantity": 2, "unit_cost": "8"} for x in chosen]}
    run("POST /api/purchase-orders/", post("/api/purchase-orders/", purchase), memory=False, note=note)
    order = PurchaseOrder.objects.first().pk
    url = f"/api/purchase-orders/{order}/"
    run("PUT /api/purchase-orders/<id>/", post(url, purchase, "put"), memory=False, note=note)
    run("GET /admin/purchasing/purchaseorder/<id>/change/ (draft)", get(f"/admin/purchasing/purchaseorder/{order}/change/"),
        memory=False, note=note)
    run("POST /api/purchase-orders/<id>/place/", post(url + "place/"), memory=False, note=note)
    items = [{"line": x.pk, "shelf": shelf.pk, "quantity": 1} for x in PurchaseOrderLine.objects.filter(order=order)]
    run("POST /api/purchase-orders/<id>/receive/", post(url + "receive/", {"items": items}), memory=False, note=note)
    run("POST /api/purchase-orders/<id>/cancel/", post(url + "cancel/"), memory=False, note=note)
    receipt = Receipt.objects.order_by("-pk").first().pk
    run("GET /admin/purchasing/receipt/<id>/change/", get(f"/admin/purchasing/receipt/{receipt}/change/"), memory=False, note=note)

    run("POST /api/movements/adjust/",
        post("/api/movements/adjust/", {"variant": 1, "shelf": shelf.pk, "quantity": 50, "unit_cost": "8", "note": "n"}), memory=False)
    run("POST /api/movements/transfer/",
        post("/api/movements/transfer/", {"variant": 1, "source": shelf.pk, "target": shelf.pk + 2, "quantity": 1}), memory=False)

    run("POST /api/stocktakes/", post("/api/stocktakes/", {"warehouse": 1}), memory=False)
    take = Stocktake.objects.first().pk
    url = f"/api/stocktakes/{take}/"
    run("PATCH /api/stocktakes/<id>/", post(url, {"note": "n"}, "patch"), memory=False)
    run("POST /api/stocktakes/<id>/start/", post(url + "start/"), memory=False, note=f"{size} lines or so")
    one = [{"variant": chosen[0].variant_id, "shelf": chosen[0].shelf_id, "counted": 500}]
    run("POST /api/stocktakes/<id>/count/ (1 count)", post(url + "count/", one))
    counts = [{"variant": x.variant_id, "shelf": x.shelf_id, "counted": x.on_shelf + 1}
              for x in StockLevel.objects.filter(shelf__warehouse=1)[:4 * many]]
    run("POST /api/stocktakes/<id>/count/", post(url + "count/", counts), memory=False, note=f"{len(counts)} counts")
    run("GET /api/stocktakes/<id>/ (counting)", get(url))
    run("GET /admin/inventory/stocktake/<id>/change/", get(f"/admin/inventory/stocktake/{take}/change/"), memory=False)
    run("POST /api/stocktakes/<id>/apply/", post(url + "apply/", {"skip_uncounted": True}), memory=False,
        note=f"{len(counts)} corrections or so")
    web.post("/api/stocktakes/", {"warehouse": 1}, content_type="application/json")
    take = Stocktake.objects.first().pk
    run("POST /api/stocktakes/<id>/cancel/", post(f"/api/stocktakes/{take}/cancel/"), memory=False)

    # Catalogue
    run("POST /api/products/", post("/api/products/", {"name": "New", "category": deepest, "variants": [
        {"sku": f"N-{i}", "barcodes": [{"code": f"n{i}", "kind": "other"}], "supplier_links": [{"supplier": 1}]}
        for i in range(many)]}), memory=False, note=f"{many} variants")
    new = Product.objects.order_by("-pk").first().pk
    run("PATCH /api/products/<id>/", post(f"/api/products/{new}/", {"name": "Newer"}, "patch"), memory=False, note=f"{many} variants")
    run("GET /api/products/<id>/ (many variants)", get(f"/api/products/{new}/"), memory=False, note=f"{many} variants")
    run("GET /products/<id>/ (many variants)", get(f"/products/{new}/"), memory=False, note=f"{many} variants")
    run("DELETE /api/products/<id>/", lambda: web.delete(f"/api/products/{new}/"), memory=False, note=f"{many} variants")
    run("PATCH /api/categories/<id>/", post(f"/api/categories/{deepest}/", {"name": "C"}, "patch"), memory=False)
    head = "sku,product,category,list_price,barcode,supplier,supplier_cost\n"
    rows = [f"I-{i},Imported {i},Imports > Level {i % 3} > Leaf,9.50,im{i},sup0001,4\n" for i in range(size)]

    def upload(dry_run=""):
        data = (head + "".join(rows)).encode()
        return web.post("/api/products/import/", {"file": SimpleUploadedFile("p.csv", data), "dry_run": dry_run})

    run("POST /api/products/import/ (dry run)", lambda: upload("true"), memory=False, note=f"{size} new rows")
    run("POST /api/products/import/", upload, memory=False, note=f"{size} new rows")
    run("POST /api/products/import/ (again)", upload, memory=False, note=f"{size} known rows")

    # Admin
    for name in ("core/activity", "catalog/category", "catalog/supplier", "catalog/product", "catalog/variant", "inventory/warehouse",
                 "inventory/shelf", "inventory/stocklevel", "inventory/stockmovement", "inventory/stocktake",
                 "purchasing/purchaseorder", "purchasing/receipt", "sales/customergroup", "sales/customer", "sales/price",
                 "sales/salesorder", "sales/shipment"):
        run(f"GET /admin/{name}/", get(f"/admin/{name}/"), memory=False)
    run("GET /admin/", get("/admin/"), memory=False)
    for name, label in (("catalog/product/1/change", "catalog/product/<id>/change"), ("catalog/variant/1/change", "catalog/variant/<id>/change"),
                        ("inventory/stocktake/add", "inventory/stocktake/add"), ("inventory/shelf/add", "inventory/shelf/add"),
                        ("inventory/warehouse/1/change", "inventory/warehouse/<id>/change"),
                        ("sales/customergroup/1/change", "sales/customergroup/<id>/change"),
                        ("sales/customer/add", "sales/customer/add"), ("catalog/category/add", "catalog/category/add")):
        run(f"GET /admin/{label}/", get(f"/admin/{name}/"), memory="group" in name)
    run("GET /admin/autocomplete/ (variant)", get(
        "/admin/autocomplete/?app_label=sales&model_name=salesorderline&field_name=variant&term=SKU"), memory=False)
    ids = [SalesOrder.objects.create(customer_id=customer, warehouse_id=1).pk for _ in range(many)]
    for pk in ids:
        SalesOrderLine.objects.create(order_id=pk, variant=chosen[0].variant, quantity=1, unit_price=1)
    run("POST /admin/sales/salesorder/ (reserve selected)", form(
        "/admin/sales/salesorder/", action="reserve", _selected_action=ids), memory=False, note=f"{many} orders of 1 line")
    ids = [Customer.objects.create(name=f"Gone {i}").pk for i in range(many)]
    run("POST /admin/sales/customer/ (delete selected)", form(
        "/admin/sales/customer/", action="delete_selected", _selected_action=ids, post="yes"), memory=False, note=f"{many} customers")

    # Commands
    run("recalculate_stock --dry-run", lambda: wrong(call_command, quiet, dry_run=True), memory=False)
    run("recalculate_stock", lambda: wrong(call_command, quiet), memory=False)
    run("mail_low_stock", lambda: call_command("mail_low_stock", to=["a@example.com"], stdout=quiet), memory=False)
    if size >= 1000:
        meter.plans()
    connection.close()
    scratch.cleanup()
    return meter.rows


def wrong(call_command, quiet, **options):
    """The filled levels do not agree with the ledger, so the command ends with an error."""
    from django.core.management.base import CommandError

    try:
        call_command("recalculate_stock", stdout=quiet, stderr=quiet, **options)
    except CommandError:
        pass


def main():
    global APP
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--one", type=int)
    parser.add_argument("--application", default=str(APP), metavar="FOLDER", help="drive this copy of it instead")
    options = parser.parse_args()
    APP = Path(options.application).resolve()
    if options.one:
        json.dump(drive(options.one), sys.stdout)
        return
    out = {"app": NAME, "sizes": {}}
    for size in options.sizes.split(","):
        run = subprocess.run([sys.executable, "-W", "ignore", __file__, "--one", size, "--application", str(APP)],
            stdout=subprocess.PIPE, check=True)
        out["sizes"][size] = json.loads(run.stdout)
    json.dump(out, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
