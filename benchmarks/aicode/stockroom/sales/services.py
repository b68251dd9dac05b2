"""The life of a sales order: reserve, pick, ship; release or cancel."""
from collections import Counter, defaultdict

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.exceptions import DomainError, InsufficientStock
from core.models import Activity
from inventory.models import StockLevel, StockMovement
from inventory.services import lock, lock_level, move, require

from .models import Allocation, SalesOrder, Shipment, ShipmentLine

Status = SalesOrder.Status


def _allocations(order):
    """The order's allocations, always in the same sequence so that locks cannot cross."""
    return list(Allocation.objects.filter(line__order=order).select_related("line__variant", "shelf__warehouse")
                .order_by("line__variant_id", "shelf_id", "pk"))


def _set_status(order, allocations):
    if all(a.shipped == a.quantity for a in allocations):
        order.status = Status.SHIPPED
    elif any(a.shipped for a in allocations):
        order.status = Status.PARTIAL
    elif all(a.picked == a.quantity for a in allocations):
        order.status = Status.PICKED
    else:
        order.status = Status.PICKING if any(a.picked for a in allocations) else Status.RESERVED
    order.save()


@transaction.atomic
def reserve(order, *, user=None):
    """Reserve stock for the whole order in its warehouse, or fail and say what is short."""
    order = lock(order)
    require(order, Status.DRAFT)
    lines = list(order.lines.select_related("variant"))
    if not lines:
        raise DomainError(f"{order} has no lines.")
    levels = defaultdict(list)
    for level in (StockLevel.objects.select_for_update(of=("self",)).select_related("shelf").order_by("pk").filter(
            variant__in=[line.variant_id for line in lines], shelf__warehouse=order.warehouse_id)):
        levels[level.variant_id].append(level)
    short = []
    for line in lines:
        needed = line.quantity
        # A shelf that covers the line alone saves a walk; otherwise the fullest first.
        for level in sorted(levels[line.variant_id],
                            key=lambda lv: (lv.available < line.quantity, -lv.available, lv.shelf.code)):
            take = min(needed, level.available)
            if take > 0:
                level.reserved += take
                level.save()
                Allocation.objects.create(line=line, shelf=level.shelf, quantity=take)
                needed -= take
        if needed:
            short.append(f"{line.variant}: {needed} of {line.quantity} missing")
    if short:
        raise InsufficientStock("Not enough stock. " + "; ".join(short))
    order.status = Status.RESERVED
    order.save()
    Activity.record(user, "reserved", order)


@transaction.atomic
def pick(order, items=None, *, user=None):
    """Confirm picks: [{allocation, quantity}], or everything on the list."""
    order = lock(order)
    require(order, *SalesOrder.OPEN)
    allocations = _allocations(order)
    if items is None:
        picks = Counter({a.pk: a.to_pick for a in allocations})
    else:
        picks = Counter()
        for item in items:
            picks[item["allocation"].pk] += item["quantity"]
        if set(picks) - {a.pk for a in allocations}:
            raise DomainError(f"An allocation is not part of {order}.")
    for allocation in allocations:
        quantity = picks[allocation.pk]
        if not quantity:
            continue
        if quantity > allocation.to_pick:
            raise DomainError(f"{allocation}: only {allocation.to_pick} left to pick.")
        level = lock_level(allocation.line.variant, allocation.shelf)
        level.picked += quantity
        level.save()
        allocation.picked += quantity
        allocation.save()
    _set_status(order, allocations)
    Activity.record(user, "picked", order, f"{sum(picks.values())} units")


@transaction.atomic
def ship(order, *, user=None, tracking="", at=None):
    """Ship what has been picked; the rest of the order stays open."""
    order = lock(order)
    require(order, *SalesOrder.OPEN)
    allocations = _allocations(order)
    shipped = Counter()
    for allocation in allocations:
        quantity = allocation.picked - allocation.shipped
        if quantity:
            move(allocation.line.variant, allocation.shelf, -quantity, StockMovement.Kind.SHIPMENT, user=user,
                 reference=order.number, at=at, picked=True)
            allocation.shipped += quantity
            allocation.save()
            shipped[allocation.line] += quantity
    if not shipped:
        raise DomainError(f"Nothing has been picked for {order}.")
    shipment = Shipment.objects.create(order=order, tracking=tracking, shipped_by=user, shipped_at=at or timezone.now())
    ShipmentLine.objects.bulk_create(
        ShipmentLine(shipment=shipment, line=line, quantity=quantity) for line, quantity in shipped.items())
    _set_status(order, allocations)
    Activity.record(user, "shipped" if order.status == Status.SHIPPED else "partially shipped", order, shipment.number)
    return shipment


def _give_back(order):
    """Return what has not been shipped to free stock; picked goods go back to their shelf."""
    for allocation in _allocations(order):
        StockLevel.objects.filter(variant=allocation.line.variant_id, shelf=allocation.shelf_id).update(
            reserved=F("reserved") - (allocation.quantity - allocation.shipped),
            picked=F("picked") - (allocation.picked - allocation.shipped))
        if allocation.shipped:
            allocation.quantity = allocation.picked = allocation.shipped
            allocation.save()
        else:
            allocation.delete()


@transaction.atomic
def release(order, *, user=None):
    """Undo the reservation and make the order a draft again."""
    order = lock(order)
    require(order, Status.RESERVED, Status.PICKING, Status.PICKED)
    _give_back(order)
    order.status = Status.DRAFT
    order.save()
    Activity.record(user, "released", order)


@transaction.atomic
def cancel(order, *, user=None):
    """Cancel an order, or close it short if part of it has shipped."""
    order = lock(order)
    require(order, Status.DRAFT, *SalesOrder.OPEN)
    _give_back(order)
    order.status = Status.CLOSED if order.shipments.exists() else Status.CANCELLED
    order.save()
    Activity.record(user, order.status, order)
