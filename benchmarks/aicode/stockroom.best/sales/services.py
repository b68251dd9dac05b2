"""The life of a sales order: reserve, pick, ship; release or cancel."""
from collections import Counter, defaultdict

from django.db import transaction
from django.utils import timezone

from core.exceptions import DomainError, InsufficientStock
from core.models import Activity
from inventory.models import StockLevel, StockMovement
from inventory.services import lock, lock_levels, move_all, require

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
    short, changed, reserved = [], {}, []
    for line in lines:
        needed = line.quantity
        # A shelf that covers the line alone saves a walk; otherwise the fullest first.
        for level in sorted(levels[line.variant_id],
                            key=lambda lv: (lv.available < line.quantity, -lv.available, lv.shelf.code)):
            take = min(needed, level.available)
            if take > 0:
                level.reserved += take
                changed[level.pk] = level
                reserved.append(Allocation(line=line, shelf=level.shelf, quantity=take))
                needed -= take
        if needed:
            short.append(f"{line.variant}: {needed} of {line.quantity} missing")
    if short:
        raise InsufficientStock("Not enough stock. " + "; ".join(short))
    StockLevel.objects.bulk_update(changed.values(), ["reserved"])
    Allocation.objects.bulk_create(reserved)
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
    picked = [a for a in allocations if picks[a.pk]]
    for allocation in picked:
        if picks[allocation.pk] > allocation.to_pick:
            raise DomainError(f"{allocation}: only {allocation.to_pick} left to pick.")
    levels = lock_levels([(a.line.variant_id, a.shelf_id) for a in picked])
    for allocation in picked:
        levels[allocation.line.variant_id, allocation.shelf_id].picked += picks[allocation.pk]
        allocation.picked += picks[allocation.pk]
    StockLevel.objects.bulk_update(levels.values(), ["picked"])
    Allocation.objects.bulk_update(picked, ["picked"])
    _set_status(order, allocations)
    Activity.record(user, "picked", order, f"{sum(picks.values())} units")


@transaction.atomic
def ship(order, *, user=None, tracking="", at=None):
    """Ship what has been picked; the rest of the order stays open."""
    order = lock(order)
    require(order, *SalesOrder.OPEN)
    allocations = _allocations(order)
    leaving = [(a, a.picked - a.shipped) for a in allocations if a.picked != a.shipped]
    if not leaving:
        raise DomainError(f"Nothing has been picked for {order}.")
    move_all([(a.line.variant, a.shelf, -quantity, None) for a, quantity in leaving], StockMovement.Kind.SHIPMENT,
             user=user, reference=order.number, at=at, picked=True)
    shipped = Counter()
    for allocation, quantity in leaving:
        allocation.shipped += quantity
        shipped[allocation.line] += quantity
    Allocation.objects.bulk_update([a for a, _ in leaving], ["shipped"])
    shipment = Shipment.objects.create(order=order, tracking=tracking, shipped_by=user, shipped_at=at or timezone.now())
    ShipmentLine.objects.bulk_create(
        ShipmentLine(shipment=shipment, line=line, quantity=quantity) for line, quantity in shipped.items())
    _set_status(order, allocations)
    Activity.record(user, "shipped" if order.status == Status.SHIPPED else "partially shipped", order, shipment.number)
    return shipment


def _give_back(order):
    """Return what has not been shipped to free stock; picked goods go back to their shelf."""
    allocations = _allocations(order)
    levels = lock_levels([(a.line.variant_id, a.shelf_id) for a in allocations], create=False)
    for allocation in allocations:
        level = levels.get((allocation.line.variant_id, allocation.shelf_id))
        if level:
            level.reserved -= allocation.quantity - allocation.shipped
            level.picked -= allocation.picked - allocation.shipped
    StockLevel.objects.bulk_update(levels.values(), ["reserved", "picked"])
    shipped = [a for a in allocations if a.shipped]
    for allocation in shipped:
        allocation.quantity = allocation.picked = allocation.shipped
    Allocation.objects.bulk_update(shipped, ["quantity", "picked"])
    Allocation.objects.filter(pk__in=[a.pk for a in allocations if not a.shipped]).delete()


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
