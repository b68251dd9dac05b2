import random
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from shop import services
from shop.models import Category, Coupon, Order, Product, Review, ShippingMethod

CATALOGUE = {
    "Coffee": [("House Espresso", "11.90"), ("Ethiopia Filter", "13.50"), ("Decaf Blend", "12.40")],
    "Tea": [("Earl Grey", "7.90"), ("Sencha", "9.80"), ("Rooibos Vanilla", "6.50")],
    "Brewing": [("Pour-over Dripper", "24.00"), ("French Press", "34.90"), ("Gooseneck Kettle", "59.00")],
    "Cups": [("Espresso Cup", "8.50"), ("Travel Mug", "22.00"), ("Tea Bowl", "14.00")],
}
CUSTOMERS = ["Ada Berg", "Ben Costa", "Chloe Duval", "Deniz Erkan", "Emil Fischer"]
PLACES = [("Lindenweg 4", "10115", "Berlin", "DE"), ("Rue Verte 12", "69001", "Lyon", "FR")]
REVIEWS = {3: "It does the job.", 4: "Good, and arrived quickly.", 5: "I would buy it again."}


class Command(BaseCommand):
    help = "Fill an empty development database with demo data."

    def add_arguments(self, parser):
        parser.add_argument("--orders", type=int, default=60)
        parser.add_argument("--password", default="demo-shop-1", help="of admin and of every demo customer")

    @transaction.atomic
    def handle(self, *args, orders, password, **options):
        if not settings.DEBUG:
            raise CommandError("The demo accounts have a known password: only with SHOP_DEBUG=1.")
        if Product.objects.exists() or User.objects.exists():
            raise CommandError("The database isn't empty; delete the file and migrate again first.")
        rng, now = random.Random(7), timezone.now()
        User.objects.create_superuser("admin", "admin@example.com", password)
        products = []
        for name, entries in CATALOGUE.items():
            category = Category.objects.create(name=name, slug=slugify(name))
            for number, (title, price) in enumerate(entries, 1):
                products.append(Product.objects.create(
                    category=category, name=title, slug=slugify(title), price=price, stock=rng.randint(200, 400),
                    sku=f"{name[:3].upper()}-{number:03}", description=f"{title} from our {name.lower()} range."))
        methods = [ShippingMethod.objects.create(name="Standard", price=Decimal("4.90"), free_over=Decimal(50)),
                   ShippingMethod.objects.create(name="Express", price=Decimal("9.90"))]
        coupons = [Coupon.objects.create(code="WELCOME10", kind="percent", value=10),
                   Coupon.objects.create(code="FIVER", kind="fixed", value=5, min_subtotal=30, max_uses=50)]
        users = []
        for first, last in map(str.split, CUSTOMERS):
            users.append(User.objects.create_user(first.lower(), f"{first.lower()}@example.com", password,
                                                  first_name=first, last_name=last))
            for product in rng.sample(products, 4):
                rating = rng.choice(list(REVIEWS))
                Review.objects.create(product=product, customer=services.customer_for(users[-1]),
                                      rating=rating, text=REVIEWS[rating])
        for _ in range(orders):
            self.place_order(rng, now, services.cart_for(rng.choice(users)), products, methods, coupons)
        Product.objects.filter(sku="TEA-003").update(stock=2)  # something for the low-stock list
        self.stdout.write(f"{len(products)} products, {len(users)} customers, {orders} orders.")

    def place_order(self, rng, now, cart, products, methods, coupons):
        """Place one order, at a random time in the last 60 days."""
        for product in rng.sample(products, rng.randint(1, 4)):
            product.refresh_from_db()
            services.set_cart_item(cart, product, rng.randint(1, 3))
        coupon = rng.choice([None, None, *coupons])
        if coupon and not coupon.problem(services.cart_totals(cart)["subtotal"]):
            services.apply_coupon(cart, coupon.code)
        street, postal_code, city, country = rng.choice(PLACES)
        order = services.checkout(cart.customer, rng.choice(methods), street=street,
                                  postal_code=postal_code, city=city, country=country)
        age = rng.uniform(0, 60)
        for status in rng.choice([["cancelled"], ["paid"], []]) if age < 4 else ["paid", "shipped", "delivered"]:
            services.change_status(order, status)
        placed_at = now - timedelta(days=age)
        shipped_at = order.shipped_at and placed_at + timedelta(days=2)
        Order.objects.filter(pk=order.pk).update(placed_at=placed_at, shipped_at=shipped_at)
