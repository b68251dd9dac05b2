import datetime

from django.db import transaction
from django.utils import timezone

from core.exceptions import DomainError
from core.models import Activity
from inventory.models import StockMovement
from inventory.services import lock, move_all, require

from .models import PurchaseOrder, PurchaseOrderLine, Receipt, ReceiptLine

Status = PurchaseOrder.Status


@transaction.atomic
def place(order, *, user=None, at=None):
    """Send a draft to the supplier."""
    order = lock(order)
    require(order, Status.DRAFT)
    if not order.lines.exists():
        raise DomainError(f"{order} has no lines.")
    order.status = Status.ORDERED
    order.ordered_at = at or timezone.now()
    if order.expected_date is None:
        lead_time = datetime.timedelta(days=order.supplier.lead_time_days)
        order.expected_date = timezone.localdate(order.ordered_at) + lead_time
    order.save()
    Activity.record(user, "ordered", order, f"from {order.supplier}")


@transaction.atomic
def receive(order, items, *, user=None, delivery_note="", at=None):
    """Book a delivery: [{line, shelf, quantity}]. The order stays open until all has come."""
    order = lock(order)
    require(order, *PurchaseOrder.OPEN)
    receipt = Receipt.objects.create(
        order=order, delivery_note=delivery_note, received_by=user, received_at=at or timezone.now())
    lines = {line.pk: line for line in order.lines.select_related("variant")}
    booked, moves, changed = [], [], {}
    for item in sorted(items, key=lambda i: (i["line"].variant_id, i["shelf"].pk)):
        line, shelf, quantity = lines.get(item["line"].pk), item["shelf"], item["quantity"]
        if line is None:
            raise DomainError(f"Line {item['line'].pk} is not part of {order}.")
        if shelf.warehouse_id != order.warehouse_id:
            raise DomainError(f"{shelf} is not in warehouse {order.warehouse}.")
        if not 0 < quantity <= line.outstanding:
            raise DomainError(f"{line.variant}: {quantity} delivered, {line.outstanding} outstanding.")
        line.received += quantity
        changed[line.pk] = line
        booked.append(ReceiptLine(receipt=receipt, line=line, shelf=shelf, quantity=quantity))
        moves.append((line.variant, shelf, quantity, line.unit_cost))
    PurchaseOrderLine.objects.bulk_update(changed.values(), ["received"])
    ReceiptLine.objects.bulk_create(booked)
    move_all(moves, StockMovement.Kind.RECEIPT, user=user, reference=order.number, note=delivery_note, at=at)
    complete = all(line.outstanding == 0 for line in lines.values())
    order.status = Status.RECEIVED if complete else Status.PARTIAL
    order.save()
    Activity.record(user, "received" if complete else "partially received", order, receipt.number)
    return receipt


@transaction.atomic
def cancel(order, *, user=None):
    """Cancel an order, or close it short if part of it has come."""
    order = lock(order)
    require(order, Status.DRAFT, *PurchaseOrder.OPEN)
    order.status = Status.CLOSED if order.receipts.exists() else Status.CANCELLED
    order.save()
    Activity.record(user, order.status, order)
