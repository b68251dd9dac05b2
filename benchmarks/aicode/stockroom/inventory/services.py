"""The only code that changes stock quantities: every change writes the ledger and the level."""
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from catalog.models import Variant
from core.exceptions import DomainError, InsufficientStock
from core.models import Activity

from .models import Stocktake, StocktakeLine, StockLevel, StockMovement

Kind = StockMovement.Kind


def lock(obj):
    """The row of `obj`, fresh and locked until the end of the transaction."""
    return type(obj).objects.select_for_update().get(pk=obj.pk)


def lock_level(variant, shelf):
    StockLevel.objects.get_or_create(variant=variant, shelf=shelf)
    return StockLevel.objects.select_for_update().get(variant=variant, shelf=shelf)


@transaction.atomic
def move(variant, shelf, quantity, kind, *, user=None, unit_cost=None, reference="", note="", at=None, picked=False):
    """Add a ledger entry and update the level. `picked` takes from picked, reserved stock."""
    if quantity == 0:
        raise DomainError("A movement must change the quantity.")
    if quantity > 0 and unit_cost is not None and kind not in (Kind.TRANSFER, Kind.RELOCATION):
        _update_average_cost(variant, quantity, unit_cost)
    level = lock_level(variant, shelf)
    if picked:
        level.picked += quantity
        level.reserved += quantity
    elif level.available < -quantity:
        raise InsufficientStock(
            f"{variant} on {shelf}: {-quantity} needed, {level.available} available ({level.reserved} reserved).")
    level.quantity += quantity
    level.save()
    return StockMovement.objects.create(
        variant=variant, shelf=shelf, quantity=quantity, kind=kind, reference=reference, note=note,
        unit_cost=variant.average_cost if unit_cost is None else unit_cost,
        created_by=user, created_at=at or timezone.now())


def _update_average_cost(variant, quantity, unit_cost):
    locked = lock(variant)
    on_hand = StockLevel.objects.filter(variant=variant).aggregate(total=Sum("quantity"))["total"] or 0
    value = on_hand * locked.average_cost + quantity * Decimal(unit_cost)
    variant.average_cost = round(value / (on_hand + quantity), 4)
    Variant.objects.filter(pk=variant.pk).update(average_cost=variant.average_cost)


@transaction.atomic
def adjust(variant, shelf, quantity, *, user=None, unit_cost=None, note="", at=None):
    movement = move(variant, shelf, quantity, Kind.ADJUSTMENT, user=user, unit_cost=unit_cost, note=note, at=at)
    Activity.record(user, "adjusted", variant, f"{quantity:+d} on {shelf}")
    return movement


@transaction.atomic
def transfer(variant, source, target, quantity, *, user=None, note="", at=None):
    if source == target:
        raise DomainError("Source and target are the same shelf.")
    if quantity < 1:
        raise DomainError("The quantity must be positive.")
    kind = Kind.RELOCATION if source.warehouse_id == target.warehouse_id else Kind.TRANSFER
    for shelf in sorted((source, target), key=lambda s: s.pk):  # same lock order for everyone
        lock_level(variant, shelf)
    common = {"user": user, "note": note, "at": at, "reference": f"{source} > {target}"[:60]}
    movements = [move(variant, source, -quantity, kind, **common), move(variant, target, quantity, kind, **common)]
    Activity.record(user, "moved", variant, f"{quantity} from {source} to {target}")
    return movements


def require(document, *statuses):
    if document.status not in statuses:
        raise DomainError(f"{document} is {document.get_status_display().lower()}; this is not possible now.")


@transaction.atomic
def start_stocktake(stocktake, *, user=None):
    """Draw up the list to count from the current levels."""
    stocktake = lock(stocktake)
    require(stocktake, Stocktake.Status.DRAFT)
    levels = StockLevel.objects.filter(shelf__warehouse=stocktake.warehouse, quantity__gt=0)
    if stocktake.shelf_id:
        levels = levels.filter(shelf=stocktake.shelf_id)
    StocktakeLine.objects.bulk_create(
        StocktakeLine(stocktake=stocktake, variant_id=level.variant_id, shelf_id=level.shelf_id,
                      expected=level.on_shelf) for level in levels)
    stocktake.status = Stocktake.Status.COUNTING
    stocktake.save()
    Activity.record(user, "started", stocktake)


@transaction.atomic
def count_stocktake(stocktake, counts, *, user=None):
    """Enter counts: [{variant, shelf, counted}]. Finds that were not on the list get a line.

    The expected quantity is taken anew at the time of counting, so goods that move
    between the start and the count, or between the count and the correction, are not
    mistaken for differences.
    """
    stocktake = lock(stocktake)
    require(stocktake, Stocktake.Status.COUNTING)
    for item in counts:
        variant, shelf = item["variant"], item["shelf"]
        if shelf.warehouse_id != stocktake.warehouse_id or stocktake.shelf_id not in (None, shelf.pk):
            raise DomainError(f"{shelf} is not part of {stocktake}.")
        level = StockLevel.objects.filter(variant=variant, shelf=shelf).first()
        stocktake.lines.update_or_create(variant=variant, shelf=shelf, defaults={
            "expected": level.on_shelf if level else 0, "counted": item["counted"]})
    Activity.record(user, "counted", stocktake, f"{len(counts)} lines")


@transaction.atomic
def apply_stocktake(stocktake, *, user=None, skip_uncounted=False):
    """Book the differences. Fails as a whole if one would cut into reserved stock."""
    stocktake = lock(stocktake)
    require(stocktake, Stocktake.Status.COUNTING)
    lines = list(stocktake.lines.select_related("variant", "shelf__warehouse").order_by("variant_id", "shelf_id"))
    uncounted = sum(line.counted is None for line in lines)
    if uncounted and not skip_uncounted:
        raise DomainError(f"{uncounted} lines have not been counted.")
    corrections = [line for line in lines if line.difference]
    for line in corrections:
        move(line.variant, line.shelf, line.difference, Kind.STOCKTAKE, user=user, reference=stocktake.number)
    stocktake.status = Stocktake.Status.APPLIED
    stocktake.applied_at = timezone.now()
    stocktake.save()
    Activity.record(user, "applied", stocktake, f"{len(corrections)} corrections")


@transaction.atomic
def cancel_stocktake(stocktake, *, user=None):
    stocktake = lock(stocktake)
    require(stocktake, Stocktake.Status.DRAFT, Stocktake.Status.COUNTING)
    stocktake.status = Stocktake.Status.CANCELLED
    stocktake.save()
    Activity.record(user, "cancelled", stocktake)
