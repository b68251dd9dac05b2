import csv
from datetime import timedelta
from io import StringIO

from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import TestCase, override_settings
from django.utils import timezone
from rest_framework.test import APITestCase

from . import services
from .models import Category, Coupon, Order, Product, ShippingMethod

ADDRESS = {"street": "Lindenweg 4", "postal_code": "10115", "city": "Berlin", "country": "DE"}


class ShopTests(APITestCase):
    def setUp(self):
        cache.clear()  # the throttles count there
        self.ada = User.objects.create_user("ada", "ada@example.com", "a-long-secret", first_name="Ada")
        self.staff = User.objects.create_superuser("boss", "boss@example.com", "a-long-secret")
        coffee = Category.objects.create(name="Coffee", slug="coffee")
        self.beans = Product.objects.create(category=coffee, name="Beans", slug="beans", sku="B-1", price="10", stock=5)
        self.mug = Product.objects.create(category=coffee, name="Mug", slug="mug", sku="M-1", price="7.55", stock=0)
        self.shipping = ShippingMethod.objects.create(name="Standard", price="4.90", free_over="25")
        self.client.force_authenticate(self.ada)

    def add(self, quantity=2, product="beans"):
        return self.client.post("/api/cart/", {"product": product, "quantity": quantity})

    def checkout(self):
        return self.client.post("/api/cart/checkout/", {"shipping_method": self.shipping.pk, **ADDRESS})

    def order(self, quantity=2):
        self.add(quantity)
        return Order.objects.get(number=self.checkout().data["number"])

    def stock(self):
        return Product.objects.get(slug="beans").stock

    def test_register_and_log_in(self):
        self.client.force_authenticate(None)
        self.assertEqual(self.client.get("/api/cart/").status_code, 401)
        account = {"username": "eve", "email": "eve@example.com", "password": "12345"}
        self.assertEqual(self.client.post("/api/register/", account).status_code, 400)
        account["password"] = "plum-harbour-9"
        self.assertEqual(self.client.post("/api/register/", account).status_code, 201)
        token = self.client.post("/api/token/", account).data["token"]
        self.client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
        self.assertEqual(self.client.get("/api/me/").data["username"], "eve")

    def test_search_and_filters(self):
        def found(**query):
            return [row["slug"] for row in self.client.get("/api/products/", query).data["results"]]
        self.assertEqual(found(search="BEAN coffee"), ["beans"])
        self.assertEqual(found(ordering="price"), ["mug", "beans"])
        self.assertEqual(found(max_price="8"), ["mug"])
        self.assertEqual(found(in_stock="true", category="coffee"), ["beans"])
        self.assertEqual(self.client.get("/api/products/?min_price=x").status_code, 400)

    def test_one_review_per_customer(self):
        self.assertEqual(self.client.post("/api/products/beans/reviews/", {"rating": 6}).status_code, 400)
        self.assertEqual(self.client.post("/api/products/beans/reviews/", {"rating": 4}).status_code, 201)
        self.assertEqual(self.client.post("/api/products/beans/reviews/", {"rating": 1}).status_code, 400)
        self.assertEqual(self.client.get("/api/products/beans/").data["rating"], 4)

    def test_cart_keeps_to_the_stock(self):
        self.assertEqual(self.add(3).status_code, 201)
        self.assertEqual(self.add(3).status_code, 409)
        self.assertEqual(self.add(1, "mug").status_code, 409)
        item = self.client.get("/api/cart/").data["items"][0]
        cart = self.client.patch(f"/api/cart/{item['id']}/", {"quantity": 1}).data
        self.assertEqual(cart["total"], "10.00")
        self.client.force_authenticate(self.staff)
        self.assertEqual(self.client.delete(f"/api/cart/{item['id']}/").status_code, 404)

    def test_checkout_with_coupon_and_shipping(self):
        coupon = Coupon.objects.create(code="TEN", kind="percent", value=10, max_uses=1)
        self.add(2)
        self.assertEqual(self.client.post("/api/cart/coupon/", {"code": "ten"}).data["discount"], "2.00")
        order = self.checkout().data
        self.assertEqual([order[k] for k in ("subtotal", "discount", "shipping_cost", "total")],
                         ["20.00", "2.00", "4.90", "22.90"])
        self.assertEqual(self.stock(), 3)
        self.assertEqual(self.checkout().status_code, 400)  # the cart is empty now
        self.add(3)
        self.assertEqual(self.client.post("/api/cart/coupon/", {"code": "TEN"}).status_code, 400)  # used up
        self.assertEqual(self.checkout().data["shipping_cost"], "0.00")  # 30.00 is over 25.00
        self.client.post(f"/api/orders/{order['number']}/cancel/")
        coupon.refresh_from_db()
        self.assertEqual((self.stock(), coupon.used_count), (2, 0))

    def test_failed_checkout_changes_nothing(self):
        Product.objects.filter(slug="mug").update(stock=1)
        self.add(2)
        self.add(1, "mug")
        Product.objects.filter(slug="mug").update(stock=0)  # someone else was quicker
        self.assertEqual(self.checkout().status_code, 409)
        self.assertEqual((self.stock(), Order.objects.count()), (5, 0))
        self.assertEqual(len(self.client.get("/api/cart/").data["items"]), 2)

    def test_order_history_is_private_and_status_rules_hold(self):
        order = self.order()
        self.assertEqual(self.client.get("/api/orders/").data["count"], 1)
        with self.assertRaises(services.ShopError):
            services.change_status(order, "shipped")  # it isn't paid yet
        services.change_status(order, "paid")
        self.assertEqual(self.client.post(f"/api/orders/{order.number}/cancel/").status_code, 400)
        self.client.force_authenticate(User.objects.create_user("mallory"))
        self.assertEqual(self.client.get("/api/orders/").data["count"], 0)
        self.assertEqual(self.client.get(f"/api/orders/{order.number}/").status_code, 404)
        self.assertEqual(self.client.get("/api/reports/sales/").status_code, 403)

    def test_csv_export(self):
        self.ada.first_name = "=HYPERLINK()"
        self.ada.save()
        order = self.order()
        rows = list(csv.DictReader(StringIO(self.client.get("/api/orders/export/").content.decode())))
        self.assertEqual([(r["number"], r["items"], r["total"]) for r in rows], [(order.number, "2", "24.90")])
        self.assertEqual(rows[0]["customer"], "'=HYPERLINK()")

    def test_report_counts_sold_orders_in_the_period(self):
        services.change_status(self.order(1), "paid")
        self.order(1)  # pending: not sold
        old = services.change_status(self.order(1), "paid")
        Order.objects.filter(pk=old.pk).update(placed_at=timezone.now() - timedelta(days=90))
        self.client.force_authenticate(self.staff)
        report = self.client.get("/api/reports/sales/").data
        self.assertEqual((report["orders"], report["revenue"]), (1, "14.90"))
        self.assertEqual(report["top_products"][0]["revenue"], "10.00")
        self.assertEqual([row["sku"] for row in report["low_stock"]], ["M-1", "B-1"])

    def test_admin_dashboard_actions_and_stock(self):
        order = self.order()
        self.client.force_login(self.ada)
        self.assertEqual(self.client.get("/admin/dashboard/").status_code, 302)
        self.client.force_login(self.staff)
        data = {"action": "mark_paid", "_selected_action": [order.pk]}
        self.assertContains(self.client.post("/admin/shop/order/", data, follow=True), "is now paid")
        self.assertContains(self.client.get("/admin/dashboard/"), "24.90")
        self.assertContains(self.client.get("/admin/dashboard/?start=x"), "errornote")
        form = {"category": self.beans.category_id, "name": "Beans", "slug": "beans", "sku": "B-1", "price": "10",
                "low_stock_at": 5, "is_active": "on", "stock_change": "7"}
        self.client.post(f"/admin/shop/product/{self.beans.pk}/change/", form)
        self.assertEqual(self.stock(), 10)
        self.client.post(f"/admin/shop/product/{self.beans.pk}/change/", {**form, "stock_change": "-11"})
        self.assertEqual(self.stock(), 10)


class SeedTests(TestCase):
    def test_seed_script(self):
        with self.assertRaises(CommandError):  # tests run with DEBUG off
            call_command("seed_demo")
        with override_settings(DEBUG=True):
            call_command("seed_demo", orders=5, stdout=StringIO())
            self.assertEqual((Product.objects.count(), Order.objects.count()), (12, 5))
            with self.assertRaises(CommandError):  # not twice
                call_command("seed_demo")
