from collections import defaultdict

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from catalog.models import AT_LEAST_ONE, NOT_NEGATIVE, Variant
from core.models import NumberedModel
from inventory.models import Shelf, Warehouse


class CustomerGroup(models.Model):
    name = models.CharField(max_length=80, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Customer(models.Model):
    name = models.CharField(max_length=150, db_index=True)
    group = models.ForeignKey(CustomerGroup, models.PROTECT, null=True, blank=True, related_name="customers")
    email = models.EmailField(blank=True)
    address = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class PriceQuerySet(models.QuerySet):
    def price_for(self, variant, group, quantity=1, on=None):
        """The group's lowest applicable price, or the list price."""
        on = on or timezone.localdate()
        price = self.filter(
            Q(valid_from=None) | Q(valid_from__lte=on), Q(valid_to=None) | Q(valid_to__gte=on),
            variant=variant, group=group, min_quantity__lte=quantity,
        ).order_by("price").first() if group else None
        return price.price if price else variant.list_price

    def prices_for(self, wanted, group, on=None):
        """{(variant id, quantity): price} for pairs of variant and quantity, each as `price_for` has it, in one query."""
        on, found = on or timezone.localdate(), defaultdict(list)
        if group and wanted:
            for variant, least, price in self.filter(
                Q(valid_from=None) | Q(valid_from__lte=on), Q(valid_to=None) | Q(valid_to__gte=on),
                variant__in={variant.pk for variant, _ in wanted}, group=group,
            ).order_by().values_list("variant", "min_quantity", "price"):
                found[variant].append((least, price))
        return {
            (variant.pk, quantity): min(
                (price for least, price in found[variant.pk] if least <= quantity), default=variant.list_price)
            for variant, quantity in wanted
        }


class Price(models.Model):
    group = models.ForeignKey(CustomerGroup, models.CASCADE, related_name="prices")
    variant = models.ForeignKey(Variant, models.CASCADE, related_name="prices")
    price = models.DecimalField(max_digits=12, decimal_places=2, validators=NOT_NEGATIVE)
    min_quantity = models.PositiveIntegerField(default=1, validators=AT_LEAST_ONE)
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)

    objects = PriceQuerySet.as_manager()

    class Meta:
        ordering = ["group__name", "variant__sku", "min_quantity"]

    def __str__(self):
        return f"{self.variant} for {self.group}: {self.price}"

    def clean(self):
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValidationError({"valid_to": "Ends before it begins."})


class SalesOrder(NumberedModel):
    class Status(models.TextChoices):
        DRAFT = "draft"
        RESERVED = "reserved"
        PICKING = "picking"
        PICKED = "picked"
        PARTIAL = "partial", "Partially shipped"
        SHIPPED = "shipped"
        CLOSED = "closed", "Closed short"
        CANCELLED = "cancelled"

    OPEN = [Status.RESERVED, Status.PICKING, Status.PICKED, Status.PARTIAL]
    number_prefix = "SO-"
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="orders")
    warehouse = models.ForeignKey(Warehouse, models.PROTECT, related_name="sales_orders")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT, editable=False, db_index=True)
    customer_reference = models.CharField(max_length=60, blank=True)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    class Meta:
        ordering = ["-pk"]

    @property
    def is_draft(self):
        return self.status == self.Status.DRAFT

    @property
    def total(self):
        return sum(line.quantity * line.unit_price for line in self.lines.all())


class SalesOrderLine(models.Model):
    order = models.ForeignKey(SalesOrder, models.CASCADE, related_name="lines")
    variant = models.ForeignKey(Variant, models.PROTECT, related_name="sales_lines")
    quantity = models.PositiveIntegerField(validators=AT_LEAST_ONE)
    unit_price = models.DecimalField(
        max_digits=12, decimal_places=2, blank=True, validators=NOT_NEGATIVE, help_text="Empty: from the price list.")

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return f"{self.quantity} x {self.variant}"

    def save(self, *args, **kwargs):
        if self.unit_price is None:
            self.unit_price = Price.objects.price_for(self.variant, self.order.customer.group, self.quantity)
        super().save(*args, **kwargs)


class Allocation(models.Model):
    """Stock on a shelf set aside for an order line: reserved, then picked, then shipped."""

    line = models.ForeignKey(SalesOrderLine, models.PROTECT, related_name="allocations")
    shelf = models.ForeignKey(Shelf, models.PROTECT, related_name="allocations")
    quantity = models.PositiveIntegerField()
    picked = models.PositiveIntegerField(default=0)
    shipped = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["shelf__code", "line__variant__sku"]
        constraints = [models.CheckConstraint(
            condition=Q(shipped__lte=F("picked"), picked__lte=F("quantity")), name="allocation_consistent")]

    def __str__(self):
        return f"{self.quantity} x {self.line.variant} on {self.shelf}"

    @property
    def to_pick(self):
        return self.quantity - self.picked


class Shipment(NumberedModel):
    number_prefix = "SH-"
    order = models.ForeignKey(SalesOrder, models.PROTECT, related_name="shipments")
    tracking = models.CharField(max_length=80, blank=True)
    shipped_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    shipped_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-shipped_at", "-pk"]


class ShipmentLine(models.Model):
    shipment = models.ForeignKey(Shipment, models.CASCADE, related_name="lines")
    line = models.ForeignKey(SalesOrderLine, models.PROTECT, related_name="shipment_lines")
    quantity = models.PositiveIntegerField()

    def __str__(self):
        return f"{self.quantity} x {self.line.variant}"
