from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from catalog.models import AT_LEAST_ONE, NOT_NEGATIVE, Supplier, Variant
from core.models import NumberedModel
from inventory.models import Shelf, Warehouse


class PurchaseOrder(NumberedModel):
    class Status(models.TextChoices):
        DRAFT = "draft"
        ORDERED = "ordered"
        PARTIAL = "partial", "Partially received"
        RECEIVED = "received"
        CLOSED = "closed", "Closed short"
        CANCELLED = "cancelled"

    OPEN = [Status.ORDERED, Status.PARTIAL]
    number_prefix = "PO-"
    supplier = models.ForeignKey(Supplier, models.PROTECT, related_name="purchase_orders")
    warehouse = models.ForeignKey(Warehouse, models.PROTECT, related_name="purchase_orders")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT, editable=False, db_index=True)
    expected_date = models.DateField(
        null=True, blank=True, db_index=True, help_text="Empty: from the supplier's lead time.")
    ordered_at = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    @property
    def is_draft(self):
        return self.status == self.Status.DRAFT

    @property
    def total(self):
        return sum(line.quantity * line.unit_cost for line in self.lines.all())


class PurchaseOrderLine(models.Model):
    order = models.ForeignKey(PurchaseOrder, models.CASCADE, related_name="lines")
    variant = models.ForeignKey(Variant, models.PROTECT, related_name="purchase_lines")
    quantity = models.PositiveIntegerField(validators=AT_LEAST_ONE)
    unit_cost = models.DecimalField(max_digits=12, decimal_places=2, validators=NOT_NEGATIVE)
    received = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=Q(received__lte=F("quantity")), name="po_not_over_received")]

    def __str__(self):
        return f"{self.quantity} x {self.variant}"

    @property
    def outstanding(self):
        return self.quantity - self.received


class Receipt(NumberedModel):
    number_prefix = "RC-"
    order = models.ForeignKey(PurchaseOrder, models.PROTECT, related_name="receipts")
    delivery_note = models.CharField(max_length=60, blank=True)
    received_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    received_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-received_at", "-pk"]


class ReceiptLine(models.Model):
    receipt = models.ForeignKey(Receipt, models.CASCADE, related_name="lines")
    line = models.ForeignKey(PurchaseOrderLine, models.PROTECT, related_name="receipt_lines")
    shelf = models.ForeignKey(Shelf, models.PROTECT)
    quantity = models.PositiveIntegerField(validators=AT_LEAST_ONE)

    def __str__(self):
        return f"{self.quantity} x {self.line.variant} to {self.shelf}"
