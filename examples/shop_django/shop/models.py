import secrets
from decimal import ROUND_HALF_UP, Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


def money(value):
    """A Decimal with two places; None counts as zero."""
    return Decimal(value or 0).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def order_number():
    return f"SO-{secrets.token_hex(5).upper()}"


class MoneyField(models.DecimalField):
    def __init__(self, **kwargs):
        super().__init__(**{"max_digits": 10, "decimal_places": 2,
                            "validators": [MinValueValidator(0)], **kwargs})


class Category(models.Model):
    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(unique=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "categories"

    def __str__(self):
        return self.name


class Product(models.Model):
    category = models.ForeignKey(Category, models.PROTECT, related_name="products")
    name = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    sku = models.CharField("SKU", max_length=40, unique=True)
    description = models.TextField(blank=True)
    price = MoneyField()
    stock = models.PositiveIntegerField(default=0, editable=False)  # see services.adjust_stock
    low_stock_at = models.PositiveIntegerField(default=5)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self):
        return f"{self.name} ({self.sku})"


class Customer(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
    phone = models.CharField(max_length=30, blank=True)

    def __str__(self):
        return self.user.get_full_name() or self.user.get_username()


class Review(models.Model):
    product = models.ForeignKey(Product, models.CASCADE, related_name="reviews")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="reviews")
    rating = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(5)])
    text = models.TextField(blank=True, max_length=4000)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["product", "customer"],
                                               name="one_review_per_customer")]


class Coupon(models.Model):
    class Kind(models.TextChoices):
        PERCENT = "percent"
        FIXED = "fixed"

    code = models.CharField(max_length=30, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    value = MoneyField()
    min_subtotal = MoneyField(default=0)
    valid_from = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField(null=True, blank=True)
    max_uses = models.PositiveIntegerField(null=True, blank=True)
    used_count = models.PositiveIntegerField(default=0, editable=False)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.CheckConstraint(
            condition=~Q(kind="percent") | Q(value__lte=100), name="percent_at_most_100")]

    def __str__(self):
        return self.code

    def clean(self):  # before the uniqueness check, so "spring" collides with "SPRING"
        self.code = self.code.upper()

    def problem(self, subtotal):
        """Why the coupon can't be used on this subtotal now, or an empty string."""
        now = timezone.now()
        if not self.is_active or now < self.valid_from:
            return "This coupon is not valid."
        if self.valid_until and now > self.valid_until:
            return "This coupon has expired."
        if self.max_uses is not None and self.used_count >= self.max_uses:
            return "This coupon has been used up."
        if subtotal < self.min_subtotal:
            return f"This coupon needs a subtotal of at least {money(self.min_subtotal)}."
        return ""

    def discount_on(self, subtotal):
        percent = self.kind == self.Kind.PERCENT
        return min(money(subtotal * self.value / 100 if percent else self.value), subtotal)


class ShippingMethod(models.Model):
    name = models.CharField(max_length=100, unique=True)
    price = MoneyField()
    free_over = MoneyField(null=True, blank=True, help_text="Free from this amount, after discount.")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["price", "id"]

    def __str__(self):
        return self.name

    def cost_for(self, amount):
        free = self.free_over is not None and amount >= self.free_over
        return money(0 if free else self.price)


class Cart(models.Model):
    customer = models.OneToOneField(Customer, models.CASCADE, related_name="cart")
    coupon = models.ForeignKey(Coupon, models.SET_NULL, null=True, blank=True)


class CartItem(models.Model):
    cart = models.ForeignKey(Cart, models.CASCADE, related_name="items")
    product = models.ForeignKey(Product, models.CASCADE)
    quantity = models.PositiveIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["cart", "product"],
                                               name="one_item_per_product")]

    @property
    def line_total(self):
        return money(self.product.price * self.quantity)


class Order(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending"
        PAID = "paid"
        SHIPPED = "shipped"
        DELIVERED = "delivered"
        CANCELLED = "cancelled"

    NEXT = {"pending": {"paid", "cancelled"}, "paid": {"shipped", "cancelled"},
            "shipped": {"delivered"}, "delivered": set(), "cancelled": set()}
    SOLD = ("paid", "shipped", "delivered")

    number = models.CharField(max_length=20, unique=True, default=order_number, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="orders")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    coupon = models.ForeignKey(Coupon, models.SET_NULL, null=True, blank=True)
    coupon_code = models.CharField(max_length=30, blank=True)
    shipping_method = models.ForeignKey(ShippingMethod, models.PROTECT)
    street = models.CharField(max_length=200)
    postal_code = models.CharField(max_length=20)
    city = models.CharField(max_length=100)
    country = models.CharField(max_length=2, help_text="ISO 3166 code, such as DE")
    tracking_number = models.CharField(max_length=100, blank=True)
    subtotal = MoneyField()
    discount = MoneyField(default=0)
    shipping_cost = MoneyField(default=0)
    total = MoneyField()
    placed_at = models.DateTimeField(default=timezone.now, db_index=True)
    shipped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-placed_at", "-id"]

    def __str__(self):
        return self.number


class OrderLine(models.Model):
    """Name, SKU and price are copied, so later changes to the product leave the order alone."""
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT)
    name = models.CharField(max_length=200)
    sku = models.CharField("SKU", max_length=40)
    unit_price = MoneyField()
    quantity = models.PositiveIntegerField()
    line_total = MoneyField()

    class Meta:
        ordering = ["id"]


LOW_STOCK = Q(is_active=True, stock__lte=F("low_stock_at"))
