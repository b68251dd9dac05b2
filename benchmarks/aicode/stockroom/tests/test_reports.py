from datetime import timedelta
from decimal import Decimal
from io import StringIO

from django.core import mail
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from catalog.models import Variant
from inventory.models import StockLevel, StockMovement
from inventory.services import transfer
from purchasing import services as purchasing
from reports import services as reports
from sales import services as sales
from sales.models import SalesOrder

from .base import StockroomTestCase


def ago(days):
    return timezone.now() - timedelta(days=days)


class ReportTests(StockroomTestCase):
    def sell(self, quantity, days):
        order = self.sale(quantity)
        sales.reserve(order)
        sales.pick(order)
        sales.ship(order, at=ago(days))

    def test_low_stock_suggestion(self):
        Variant.objects.update(created_at=ago(200))
        self.stock(100)
        self.sell(90, days=20)  # one a day over 90 days; lead time 10, cover 30
        row = reports.low_stock()[0]
        self.assertEqual((row["available"], row["threshold"]), (10, 10))
        self.assertEqual(row["suggested_quantity"], 30)  # 10 + 30 - 10, in packs of 6
        order, _ = self.purchase(7)
        purchasing.place(order)
        self.assertEqual(reports.low_stock()[0]["suggested_quantity"], 24)
        self.stock(1)
        self.assertEqual(reports.low_stock(), [])

    def test_stock_value_rolls_categories_up(self):
        self.stock(10)
        self.stock(5, self.n1)
        report = reports.stock_value()
        self.assertEqual(report["total"], Decimal("120.00"))
        main = report["warehouses"][0]
        self.assertEqual([(c["category"], c["value"]) for c in main["categories"]],
                         [("Tools", Decimal("80.00")), ("Tools > Hand", Decimal("80.00"))])

    def test_best_sellers_and_slow_movers(self):
        idle = Variant.objects.create(product=self.product, sku="IDLE")
        new = Variant.objects.create(product=self.product, sku="NEW")
        self.stock(10, at=ago(200))
        self.stock(10, variant=idle, at=ago(200))
        self.stock(10, variant=new, at=ago(3))
        self.sell(3, days=5)
        self.sell(2, days=60)
        best = reports.best_sellers()
        self.assertEqual([(r["sku"], r["sold"], r["revenue"]) for r in best], [("HAM-1", 3, Decimal("60.00"))])
        self.assertEqual([r["sku"] for r in reports.slow_movers()], ["IDLE"])

    def test_supplier_performance(self):
        order, line = self.purchase(10)
        purchasing.place(order, at=ago(20))
        purchasing.receive(order, [{"line": line, "shelf": self.a1, "quantity": 6}], at=ago(12))
        purchasing.receive(order, [{"line": line, "shelf": self.a1, "quantity": 2}], at=ago(6))
        row = reports.supplier_performance()[0]
        self.assertEqual((row["on_time_rate"], row["fill_rate"], row["overdue_orders"]), (0.75, 0.8, 1))
        self.assertEqual((row["average_lead_days"], row["average_days_late"]), (9.5, 1.0))

    def test_ageing_is_first_in_first_out(self):
        self.stock(10, at=ago(100))
        self.stock(5, at=ago(40))
        self.sell(8, days=1)
        transfer(self.variant, self.a1, self.a2, 3)
        transfer(self.variant, self.a1, self.n1, 1)
        buckets = reports.ageing()[0]["buckets"]
        self.assertEqual((buckets["31-60"], buckets["91-180"], buckets["0-30"]), (5, 2, 0))
        self.assertEqual(reports.ageing(self.other.pk)[0]["buckets"]["0-30"], 1)

    def test_endpoints(self):
        self.stock(3)
        api = self.api(self.viewer)
        for url in api.get("/api/reports/").data.values():
            self.assertEqual(api.get(url).status_code, 200, url)
        self.assertEqual(api.get("/api/reports/best-sellers/", {"from": "soon"}).status_code, 400)


class CommandTests(StockroomTestCase):
    def test_recalculate_repairs_levels(self):
        self.stock(10)
        sales.reserve(self.sale(4))
        StockLevel.objects.update(quantity=99, reserved=0)
        call_command("recalculate_stock", "--dry-run", stdout=StringIO())
        self.assertEqual(self.level(), (99, 0, 0))
        call_command("recalculate_stock", stdout=StringIO())
        self.assertEqual(self.level(), (10, 4, 0))

    def test_recalculate_leaves_conflicts_alone(self):
        self.stock(10)
        sales.reserve(self.sale(4))
        StockMovement.objects.bulk_create([StockMovement(
            variant=self.variant, shelf=self.a1, quantity=-8, kind="adjustment", unit_cost=0)])
        with self.assertRaises(CommandError):
            call_command("recalculate_stock", stdout=StringIO(), stderr=StringIO())
        self.assertEqual(self.level(), (10, 4, 0))

    @override_settings(LOW_STOCK_RECIPIENTS=["buyer@example.com"])
    def test_low_stock_mail(self):
        call_command("mail_low_stock", stdout=StringIO())  # no stock at all: below the reorder point
        self.assertEqual(mail.outbox[0].to, ["buyer@example.com"])
        self.assertIn("HAM-1", mail.outbox[0].body)
        self.stock(50)
        call_command("mail_low_stock", stdout=StringIO())
        self.assertEqual(len(mail.outbox), 1)

    def test_seed_needs_an_empty_database(self):
        with self.assertRaises(CommandError):
            call_command("seed_demo", "--force")


class PageAndAdminTests(StockroomTestCase):
    def test_pages(self):
        self.stock(10, self.a2)
        order = self.sale(4)
        sales.reserve(order)
        pages = ["/", f"/products/{self.product.pk}/", "/picking/", f"/picking/{order.pk}/"]
        for url in pages:
            self.assertEqual(self.client.get(url).status_code, 302)
        self.client.force_login(self.viewer)
        for url in pages:
            self.assertEqual(self.client.get(url).status_code, 200, url)
        self.assertContains(self.client.get(pages[-1]), "A2")
        self.assertContains(self.client.get(pages[-1]), self.barcode.code)

    def test_admin(self):
        self.stock(10)
        draft, order = self.sale(1), self.sale(4)
        self.client.force_login(self.viewer)
        self.assertEqual(self.client.get("/admin/").status_code, 302)
        self.client.force_login(self.staff)
        for name in ("core/activity catalog/category catalog/supplier catalog/product catalog/variant "
                     "inventory/warehouse inventory/shelf inventory/stocklevel inventory/stockmovement "
                     "inventory/stocktake purchasing/purchaseorder purchasing/receipt sales/customergroup "
                     "sales/customer sales/price sales/salesorder sales/shipment").split():
            self.assertEqual(self.client.get(f"/admin/{name}/", {"q": "a"}).status_code, 200, name)
        self.client.post("/admin/sales/salesorder/", {"action": "reserve", "_selected_action": [order.pk]})
        self.assertEqual(SalesOrder.objects.get(pk=order.pk).status, "reserved")
        self.assertContains(self.client.get(f"/admin/sales/salesorder/{draft.pk}/change/"), 'name="_save"')
        self.assertNotContains(self.client.get(f"/admin/sales/salesorder/{order.pk}/change/"), 'name="_save"')
        self.assertEqual(self.client.get(f"/admin/catalog/variant/{self.variant.pk}/change/").status_code, 200)


class SeedTests(StockroomTestCase):
    @classmethod
    def setUpTestData(cls):
        pass

    def test_seed_is_consistent(self):
        call_command("seed_demo", "--force", stdout=StringIO())
        out = StringIO()
        call_command("recalculate_stock", stdout=out)
        self.assertIn("0 levels", out.getvalue())
        self.assertTrue(reports.best_sellers() and reports.low_stock())
