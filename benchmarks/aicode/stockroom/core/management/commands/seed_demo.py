import datetime
import random
from decimal import Decimal

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from catalog.models import Barcode, Category, Product, Supplier, Variant, VariantSupplier, gtin_check_digit
from core.exceptions import InsufficientStock
from inventory.models import Shelf, Warehouse
from purchasing import services as purchasing
from purchasing.models import PurchaseOrder, PurchaseOrderLine
from sales import services as sales
from sales.models import Customer, CustomerGroup, Price, SalesOrder, SalesOrderLine

CATALOG = {  # root > category: {product: (cost, variants)}
    ("Tools", "Hand tools"): {"Claw hammer": ("8.50", ["300 g", "500 g"]), "Screwdriver set": ("11.00", [""])},
    ("Tools", "Power tools"): {"Cordless drill": ("62.00", ["12 V", "18 V"]), "Jigsaw": ("48.00", [""])},
    ("Fasteners", "Screws"): {"Wood screws, box of 200": ("3.20", ["4x30", "4x50", "5x70"])},
    ("Safety",): {"Work gloves": ("2.40", ["M", "L", "XL"]), "Safety glasses": ("3.90", [""])},
}


class Command(BaseCommand):
    help = "Fill an empty database with a demo: users, catalogue, three months of trade."

    def add_arguments(self, parser):
        parser.add_argument("--force", action="store_true", help="Allow it outside DEBUG (it makes known passwords).")

    @transaction.atomic
    def handle(self, *args, force, **options):
        if not (settings.DEBUG or force):
            raise CommandError("The demo has known passwords; pass --force to create it here.")
        if Warehouse.objects.exists():
            raise CommandError("The database already holds data.")
        self.random = random.Random(7)
        self.now = timezone.now()
        User = get_user_model()
        self.user = User.objects.create_superuser("admin", "admin@example.com", "demo")
        User.objects.create_user("staff", password="demo", is_staff=True)
        User.objects.create_user("viewer", password="demo")
        self.make_catalog()
        self.trade()
        self.stdout.write("Demo created. Log in as admin, staff or viewer, password demo.")

    def make_catalog(self):
        self.warehouses = [Warehouse.objects.create(code=c, name=n) for c, n in
                           [("MAIN", "Main warehouse"), ("NORTH", "North depot")]]
        for warehouse in self.warehouses:
            for row in "AB":
                for bay in range(1, 4):
                    Shelf.objects.create(warehouse=warehouse, code=f"{row}-{bay:02d}")
        suppliers = [Supplier.objects.create(code=c, name=n, lead_time_days=d) for c, n, d in
                     [("ACME", "Acme Tools", 7), ("BOLT", "Bolt & Sons", 14)]]
        groups = [CustomerGroup.objects.create(name=n) for n in ("Retail", "Trade")]
        self.customers = [Customer.objects.create(name=n, group=groups[i % 2]) for i, n in
                          enumerate(["Ann's Hardware", "City Builders", "DIY Corner", "Elm Joinery"])]
        self.variants = []
        for path, products in CATALOG.items():
            category = None
            for name in path:
                category, _ = Category.objects.get_or_create(name=name, parent=category)
            for name, (cost, variants) in products.items():
                product = Product.objects.create(name=name, category=category)
                for variant_name in variants:
                    number = len(self.variants) + 1
                    variant = Variant.objects.create(
                        product=product, name=variant_name, sku=f"SKU-{number:04d}",
                        list_price=(Decimal(cost) * 2).quantize(Decimal("0.01")), reorder_point=15)
                    digits = f"400000{number:06d}"
                    Barcode.objects.create(variant=variant, code=f"{digits}{gtin_check_digit(digits)}")
                    VariantSupplier.objects.create(variant=variant, supplier=suppliers[number % 2], pack_size=5,
                                                   cost=cost, is_preferred=True)
                    Price.objects.create(group=groups[1], variant=variant, price=variant.list_price * Decimal("0.8"))
                    self.variants.append(variant)
        # The catalogue is as old as its trade, so that demand is averaged over the whole window.
        Variant.objects.update(created_at=self.now - datetime.timedelta(days=120))

    def trade(self):
        """Play three months of orders, deliveries and sales in the order of their dates."""
        self.events = []
        for days in (110, 45, 9):
            for warehouse in self.warehouses:
                for supplier in Supplier.objects.all():
                    self.purchase(supplier, warehouse, self.now - datetime.timedelta(days=days), days > 10)
        for days in range(80, -1, -1):
            at = self.now - datetime.timedelta(days=days)
            self.events.append((at, lambda at=at, finish=days > 4: self.sell(at, finish)))
        for _, play in sorted(self.events, key=lambda event: event[0]):
            play()

    def purchase(self, supplier, warehouse, at, deliver):
        order = PurchaseOrder.objects.create(supplier=supplier, warehouse=warehouse)
        for link in supplier.variant_links.all():
            PurchaseOrderLine.objects.create(order=order, variant=link.variant, unit_cost=link.cost,
                                             quantity=self.random.randrange(20, 50, 5))
        self.events.append((at, lambda: purchasing.place(order, user=self.user, at=at)))
        if deliver:
            arrival = at + datetime.timedelta(days=supplier.lead_time_days + self.random.randint(-2, 3))
            self.events.append((arrival, lambda: self.deliver(order, arrival)))

    def deliver(self, order, at):
        shelves = list(order.warehouse.shelves.all())
        items = [{"line": line, "shelf": self.random.choice(shelves), "quantity": line.quantity}
                 for line in order.lines.all()]
        purchasing.receive(order, items, user=self.user, delivery_note=f"DN{order.pk:05d}", at=at)

    def sell(self, at, finish):
        order = SalesOrder.objects.create(customer=self.random.choice(self.customers), created_at=at,
                                          warehouse=self.random.choice(self.warehouses))
        for variant in self.random.sample(self.variants[:-2], 3):  # the last two never sell
            SalesOrderLine.objects.create(order=order, variant=variant, quantity=self.random.randint(1, 8))
        try:
            sales.reserve(order, user=self.user)
        except InsufficientStock:
            return  # stays a draft
        if finish:
            sales.pick(order, user=self.user)
            sales.ship(order, user=self.user, at=at)
