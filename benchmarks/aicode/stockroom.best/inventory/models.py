from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from catalog.models import Variant
from core.exceptions import DomainError
from core.models import NumberedModel


class Warehouse(models.Model):
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    address = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]

    def __str__(self):
        return self.code


class Shelf(models.Model):
    warehouse = models.ForeignKey(Warehouse, models.PROTECT, related_name="shelves")
    code = models.CharField(max_length=30)
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["warehouse__code", "code"]
        verbose_name_plural = "shelves"
        constraints = [models.UniqueConstraint(fields=["warehouse", "code"], name="shelf_unique_in_warehouse")]

    def __str__(self):
        return f"{self.warehouse.code}/{self.code}"


class StockLevel(models.Model):
    """The balance of a variant on a shelf. Only inventory.services and sales.services change it.

    `reserved` is the part of `quantity` promised to orders; `picked` is the part of
    `reserved` already off the shelf but not yet shipped.
    """

    variant = models.ForeignKey(Variant, models.PROTECT, related_name="stock_levels")
    shelf = models.ForeignKey(Shelf, models.PROTECT, related_name="stock_levels")
    quantity = models.IntegerField(default=0, db_index=True)
    reserved = models.IntegerField(default=0, db_index=True)
    picked = models.IntegerField(default=0)

    class Meta:
        ordering = ["shelf__warehouse__code", "shelf__code", "variant__sku"]
        constraints = [
            models.UniqueConstraint(fields=["variant", "shelf"], name="stock_level_unique"),
            models.CheckConstraint(
                condition=Q(picked__gte=0, picked__lte=F("reserved"), reserved__lte=F("quantity")),
                name="stock_level_consistent"),
        ]

    def __str__(self):
        return f"{self.variant} on {self.shelf}"

    @property
    def available(self):
        return self.quantity - self.reserved

    @property
    def on_shelf(self):
        return self.quantity - self.picked


class LedgerQuerySet(models.QuerySet):
    def update(self, **kwargs):
        raise DomainError("The stock ledger is append-only.")

    def delete(self):
        raise DomainError("The stock ledger is append-only.")


class StockMovement(models.Model):
    class Kind(models.TextChoices):
        RECEIPT = "receipt"
        SHIPMENT = "shipment"
        ADJUSTMENT = "adjustment"
        STOCKTAKE = "stocktake"
        TRANSFER = "transfer", "Transfer between warehouses"
        RELOCATION = "relocation", "Relocation within a warehouse"

    variant = models.ForeignKey(Variant, models.PROTECT, related_name="movements")
    shelf = models.ForeignKey(Shelf, models.PROTECT, related_name="movements")
    quantity = models.IntegerField(help_text="Positive into the shelf, negative out of it.")
    kind = models.CharField(max_length=12, choices=Kind)
    unit_cost = models.DecimalField(max_digits=14, decimal_places=4)
    reference = models.CharField(max_length=60, blank=True, db_index=True)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["variant", "shelf"]), models.Index(fields=["kind", "-created_at", "-id"]),
            models.Index(fields=["quantity"]),
        ]
        constraints = [models.CheckConstraint(condition=~Q(quantity=0), name="movement_not_zero")]

    def __str__(self):
        return f"{self.quantity:+d} {self.variant} on {self.shelf}"

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise DomainError("The stock ledger is append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise DomainError("The stock ledger is append-only.")


class Stocktake(NumberedModel):
    class Status(models.TextChoices):
        DRAFT = "draft"
        COUNTING = "counting"
        APPLIED = "applied"
        CANCELLED = "cancelled"

    number_prefix = "ST-"
    warehouse = models.ForeignKey(Warehouse, models.PROTECT, related_name="stocktakes")
    shelf = models.ForeignKey(Shelf, models.PROTECT, null=True, blank=True, help_text="Empty: the whole warehouse.")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    applied_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-pk"]

    def clean(self):
        if self.shelf_id and self.warehouse_id and self.shelf.warehouse_id != self.warehouse_id:
            raise ValidationError({"shelf": "The shelf is in another warehouse."})

    @property
    def is_draft(self):
        return self.status == self.Status.DRAFT


class StocktakeLine(models.Model):
    stocktake = models.ForeignKey(Stocktake, models.CASCADE, related_name="lines")
    variant = models.ForeignKey(Variant, models.PROTECT)
    shelf = models.ForeignKey(Shelf, models.PROTECT)
    expected = models.IntegerField(help_text="On the shelf when the line was counted.")
    counted = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["shelf__code", "variant__sku"]
        constraints = [models.UniqueConstraint(fields=["stocktake", "variant", "shelf"], name="stocktake_line_unique")]

    def __str__(self):
        return f"{self.variant} on {self.shelf}"

    @property
    def difference(self):
        return None if self.counted is None else self.counted - self.expected
