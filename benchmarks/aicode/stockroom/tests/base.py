from django.contrib.auth import get_user_model
from django.test import TestCase
from rest_framework.test import APIClient

from catalog.models import Barcode, Category, Product, Supplier, Variant, VariantSupplier
from inventory.models import Shelf, StockLevel, Warehouse
from inventory.services import adjust
from purchasing.models import PurchaseOrder, PurchaseOrderLine
from sales.models import Customer, CustomerGroup, SalesOrder, SalesOrderLine


class StockroomTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        User = get_user_model()
        cls.staff = User.objects.create_user("staff", password="x", is_staff=True)
        cls.viewer = User.objects.create_user("viewer", password="x")
        cls.warehouse = Warehouse.objects.create(code="MAIN", name="Main")
        cls.other = Warehouse.objects.create(code="NORTH", name="North")
        cls.a1, cls.a2 = (Shelf.objects.create(warehouse=cls.warehouse, code=c) for c in ("A1", "A2"))
        cls.n1 = Shelf.objects.create(warehouse=cls.other, code="N1")
        cls.tools = Category.objects.create(name="Tools")
        cls.hand = Category.objects.create(name="Hand", parent=cls.tools)
        cls.product = Product.objects.create(name="Hammer", category=cls.hand)
        cls.variant = Variant.objects.create(product=cls.product, sku="HAM-1", list_price=20, reorder_point=5)
        cls.barcode = Barcode.objects.create(variant=cls.variant, code="4006381333931")
        cls.supplier = Supplier.objects.create(code="ACME", name="Acme", lead_time_days=10)
        cls.link = VariantSupplier.objects.create(
            variant=cls.variant, supplier=cls.supplier, cost=8, pack_size=6, is_preferred=True)
        cls.group = CustomerGroup.objects.create(name="Trade")
        cls.customer = Customer.objects.create(name="Ann", group=cls.group)

    def api(self, user=None):
        client = APIClient()
        client.force_authenticate(user or self.staff)
        return client

    def stock(self, quantity, shelf=None, variant=None, **kwargs):
        return adjust(variant or self.variant, shelf or self.a1, quantity, unit_cost=8, **kwargs)

    def level(self, shelf=None):
        level = StockLevel.objects.get(variant=self.variant, shelf=shelf or self.a1)
        return level.quantity, level.reserved, level.picked

    def purchase(self, quantity=10, cost=8):
        order = PurchaseOrder.objects.create(supplier=self.supplier, warehouse=self.warehouse)
        return order, PurchaseOrderLine.objects.create(
            order=order, variant=self.variant, quantity=quantity, unit_cost=cost)

    def sale(self, quantity=4, variant=None):
        order = SalesOrder.objects.create(customer=self.customer, warehouse=self.warehouse)
        SalesOrderLine.objects.create(order=order, variant=variant or self.variant, quantity=quantity)
        return order
