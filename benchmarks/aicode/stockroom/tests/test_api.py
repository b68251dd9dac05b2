from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.models import Category, Product, Variant
from core.models import Activity
from sales.models import SalesOrder

from .base import StockroomTestCase


class PermissionTests(StockroomTestCase):
    def test_anonymous_user_and_staff(self):
        self.assertIn(self.client.get("/api/products/").status_code, (401, 403))
        viewer, staff = self.api(self.viewer), self.api()
        self.assertEqual(viewer.get("/api/products/").status_code, 200)
        self.assertEqual(viewer.post("/api/categories/", {"name": "X"}).status_code, 403)
        self.stock(5)
        order = self.sale()
        self.assertEqual(viewer.post(f"/api/sales-orders/{order.pk}/reserve/").status_code, 403)
        self.assertEqual(staff.post("/api/categories/", {"name": "X"}).status_code, 201)

    def test_every_list_answers(self):
        self.stock(5)
        for name, url in self.api().get("/api/").data.items():
            self.assertEqual(self.api(self.viewer).get(url, {"search": "a"}).status_code, 200, name)


class CatalogApiTests(StockroomTestCase):
    def test_nested_create_and_search(self):
        body = {"name": "Saw", "category": self.hand.pk, "variants": [{
            "sku": "SAW-1", "list_price": "9.50", "barcodes": [{"code": "96385074", "kind": "ean8"}],
            "supplier_links": [{"supplier": self.supplier.pk, "cost": "4.00", "is_preferred": True}]}]}
        response = self.api().post("/api/products/", body, format="json")
        self.assertEqual(response.status_code, 201, response.data)
        self.assertEqual(response.data["variants"][0]["barcodes"][0]["code"], "96385074")
        for params in ({"search": "SAW-1"}, {"search": "96385074"}, {"search": "saw", "category": self.tools.pk}):
            self.assertEqual(self.api().get("/api/products/", params).data["count"], 1, params)

    def test_bad_input(self):
        api = self.api()
        bad = {"variant": self.variant.pk, "code": "4006381333932", "kind": "ean13"}
        self.assertEqual(api.post("/api/barcodes/", bad).status_code, 400)
        self.assertEqual(api.get("/api/products/", {"category": "x"}).status_code, 400)
        self.assertEqual(api.patch(f"/api/categories/{self.tools.pk}/", {"parent": self.hand.pk}).status_code, 400)
        self.assertEqual(api.delete(f"/api/suppliers/{self.supplier.pk}/").status_code, 409)

    def test_barcode_lookup(self):
        self.stock(7)
        data = self.api(self.viewer).get(f"/api/barcodes/lookup/{self.barcode.code}/").data
        self.assertEqual((data["variant"]["sku"], data["stock"][0]["quantity"]), ("HAM-1", 7))
        self.assertEqual(self.api().get("/api/barcodes/lookup/000/").status_code, 404)
        self.variant.barcodes.create(code="036000291452", kind="upca")
        self.assertEqual(self.api().get("/api/barcodes/lookup/0036000291452/").status_code, 200)

    def import_csv(self, text, **data):
        upload = SimpleUploadedFile("p.csv", text.encode())
        return self.api().post("/api/products/import/", {"file": upload, **data}, format="multipart")

    def test_import_creates_and_updates(self):
        text = ("sku,product,variant,category,list_price,barcode,supplier,supplier_cost\n"
                "HAM-1,Hammer,,,25.00,,,\nAXE-1,Axe,Small,Tools > Axes,30,96385074,acme,12.5\n"
                "AXE-2,Axe,Large,Tools > Axes,35,,,\n")
        self.assertEqual(self.import_csv(text, dry_run="true").data["created"], 2)
        self.assertEqual(Variant.objects.count(), 1)
        response = self.import_csv(text)
        self.assertEqual((response.status_code, response.data["updated"]), (200, 1), response.data)
        self.variant.refresh_from_db()
        self.assertEqual((self.variant.list_price, self.variant.product.category), (25, self.hand))
        self.assertEqual(Product.objects.get(name="Axe").variants.count(), 2)
        self.assertEqual(str(Category.objects.get(name="Axes")), "Tools > Axes")

    def test_import_with_errors_saves_nothing(self):
        text = "sku,product,list_price,supplier\nA,Axe,1,\nB,Bit,cheap,\n,Cog,1,\nD,Dowel,-1,\nE,Eel,1,NOBODY\n"
        response = self.import_csv(text)
        self.assertEqual(response.status_code, 400)
        self.assertEqual([e["row"] for e in response.data["errors"]], [3, 4, 5, 6])
        self.assertFalse(Variant.objects.filter(sku="A").exists())
        self.assertEqual(self.import_csv("sku,colour\n").status_code, 400)


class StockApiTests(StockroomTestCase):
    def test_adjust_transfer_and_export(self):
        api = self.api()
        body = {"variant": self.variant.pk, "shelf": self.a1.pk, "quantity": 9, "unit_cost": "2", "note": "opening"}
        self.assertEqual(api.post("/api/movements/adjust/", body).status_code, 201)
        body = {"variant": self.variant.pk, "source": self.a1.pk, "target": self.n1.pk, "quantity": 4}
        self.assertEqual(api.post("/api/movements/transfer/", body).status_code, 201)
        self.assertEqual(api.post("/api/movements/transfer/", body | {"quantity": 40}).status_code, 409)
        self.product.name = "=cmd()"
        self.product.save()
        response = api.get("/api/stock/export/", {"warehouse": self.other.pk})
        lines = response.getvalue().decode().splitlines()
        self.assertEqual(lines[1:], ["HAM-1,'=cmd(),Tools > Hand,NORTH,N1,4,0,4,2.0000,8.00"])

    def test_stocktake(self):
        self.stock(5)
        api = self.api()
        url = f"/api/stocktakes/{api.post('/api/stocktakes/', {'warehouse': self.warehouse.pk}).data['id']}/"
        self.assertEqual(len(api.post(url + "start/").data["lines"]), 1)
        counts = [{"variant": self.variant.pk, "shelf": self.a1.pk, "counted": 3}]
        self.assertEqual(api.post(url + "count/", counts, format="json").data["lines"][0]["difference"], -2)
        self.assertEqual(api.post(url + "apply/").data["status"], "applied")
        self.assertEqual(self.level()[0], 3)


class OrderApiTests(StockroomTestCase):
    def test_purchase_order(self):
        api = self.api()
        body = {"supplier": self.supplier.pk, "warehouse": self.warehouse.pk,
                "lines": [{"variant": self.variant.pk, "quantity": 10, "unit_cost": "8.00"}]}
        order = api.post("/api/purchase-orders/", body, format="json").data
        url = f"/api/purchase-orders/{order['id']}/"
        self.assertEqual((order["number"], order["total"]), (f"PO-{order['id']:06d}", "80.00"))
        self.assertEqual(api.post(url + "place/").data["status"], "ordered")
        self.assertEqual(api.patch(url, {"note": "late"}).status_code, 409)
        self.assertEqual(api.delete(url).status_code, 409)
        items = [{"line": order["lines"][0]["id"], "shelf": self.a1.pk, "quantity": 4}]
        data = api.post(url + "receive/", {"items": items, "delivery_note": "DN1"}, format="json").data
        self.assertEqual((data["status"], data["lines"][0]["outstanding"]), ("partial", 6))
        self.assertEqual(api.get("/api/receipts/", {"order": order["id"]}).data["count"], 1)

    def test_sales_order(self):
        self.stock(10)
        api = self.api()
        body = {"customer": self.customer.pk, "warehouse": self.warehouse.pk,
                "lines": [{"variant": self.variant.pk, "quantity": 2}]}
        order = api.post("/api/sales-orders/", body, format="json").data
        url = f"/api/sales-orders/{order['id']}/"
        self.assertEqual(order["lines"][0]["unit_price"], "20.00")
        lines = [{"variant": self.variant.pk, "quantity": 11}]
        self.assertEqual(len(api.patch(url, {"lines": lines}, format="json").data["lines"]), 1)
        self.assertEqual(api.post(url + "reserve/").status_code, 409)
        api.patch(url, {"lines": [{"variant": self.variant.pk, "quantity": 3}]}, format="json")
        for action, status in (("reserve", "reserved"), ("pick", "picked"), ("ship", "shipped")):
            self.assertEqual(api.post(f"{url}{action}/").data["status"], status)
        self.assertEqual(self.level(), (7, 0, 0))
        feed = api.get("/api/activity/", {"target_type": "salesorder", "object_id": order["id"]}).data["results"]
        self.assertEqual(feed[0]["verb"], "shipped")
        self.assertEqual(Activity.objects.filter(verb="shipped", actor=self.staff).count(), 1)

    def test_quote_and_draft_delete(self):
        params = {"variant": self.variant.pk, "customer": self.customer.pk, "quantity": 3}
        self.assertEqual(self.api(self.viewer).get("/api/prices/quote/", params).data["total"], "60.00")
        order = self.sale()
        self.assertEqual(self.api().delete(f"/api/sales-orders/{order.pk}/").status_code, 204)
        self.assertFalse(SalesOrder.objects.exists())
