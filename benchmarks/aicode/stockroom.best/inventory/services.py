"""The only code that changes stock quantities: every change writes the ledger and the level."""
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Sum
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
    return StockLevel.objects.select_for_update().get_or_create(variant=variant, shelf=shelf)[0]


def lock_levels(keys, create=True):
    """{(variant id, shelf id): level}, locked in the order of their ids; those that are missing are made."""
    def found():
        rows = StockLevel.objects.filter(variant__in={v for v, _ in keys}, shelf__in={s for _, s in keys})
        return {(variant, shelf): pk for pk, variant, shelf in rows.order_by().values_list("pk", "variant", "shelf")}

    keys = list(dict.fromkeys(keys))
    ids = found()
    missing = [key for key in keys if key not in ids] if create else []
    if missing:
        StockLevel.objects.bulk_create(
            (StockLevel(variant_id=variant, shelf_id=shelf) for variant, shelf in missing), ignore_conflicts=True)
        ids = found()
    locked = StockLevel.objects.select_for_update().order_by("pk").filter(pk__in=[ids[key] for key in keys if key in ids])
    return {(level.variant_id, level.shelf_id): level for level in locked}


@transaction.atomic
def move(variant, shelf, quantity, kind, *, user=None, unit_cost=None, reference="", note="", at=None, picked=False):
    """Add a ledger entry and update the level. `picked` takes from picked, reserved stock."""
    if quantity == 0:
        raise DomainError("A movement must change the quantity.")
    if quantity > 0 and unit_cost is not None and kind not in (Kind.TRANSFER, Kind.RELOCATION):
        _update_average_cost(variant, quantity, unit_cost)
    level = lock_level(variant, shelf)
    _change(level, variant, shelf, quantity, picked)
    level.save()
    return StockMovement.objects.create(
        variant=variant, shelf=shelf, quantity=quantity, kind=kind, reference=reference, note=note,
        unit_cost=variant.average_cost if unit_cost is None else unit_cost,
        created_by=user, created_at=at or timezone.now())


def _change(level, variant, shelf, quantity, picked):
    if picked:
        level.picked += quantity
        level.reserved += quantity
    elif level.available < -quantity:
        raise InsufficientStock(
            f"{variant} on {shelf}: {-quantity} needed, {level.available} available ({level.reserved} reserved).")
    level.quantity += quantity


@transaction.atomic
def move_all(moves, kind, *, user=None, reference="", note="", at=None, picked=False):
    """What `move` does, for many: [(variant, shelf, quantity, unit cost or None)], in their order."""
    costs = _average_costs([variant for variant, _, quantity, cost in moves if quantity > 0 and cost is not None])
    levels, entries = lock_levels([(variant.pk, shelf.pk) for variant, shelf, _, _ in moves]), []
    for variant, shelf, quantity, cost in moves:
        if quantity == 0:
            raise DomainError("A movement must change the quantity.")
        if variant.pk in costs:
            if quantity > 0 and cost is not None:
                costs[variant.pk].receive(quantity, cost)
            variant.average_cost = costs[variant.pk].average_cost
        _change(levels[variant.pk, shelf.pk], variant, shelf, quantity, picked)
        if variant.pk in costs:
            costs[variant.pk].on_hand += quantity
        entries.append(StockMovement(
            variant=variant, shelf=shelf, quantity=quantity, kind=kind, reference=reference, note=note,
            unit_cost=variant.average_cost if cost is None else cost, created_by=user, created_at=at or timezone.now()))
    Variant.objects.bulk_update([cost.variant for cost in costs.values()], ["average_cost"])
    StockLevel.objects.bulk_update(levels.values(), ["quantity", "reserved", "picked"])
    return StockMovement.objects.bulk_create(entries)


class _Cost:
    """The moving average of a locked variant, while several receipts of it are booked."""

    def __init__(self, variant, on_hand):
        self.variant, self.on_hand = variant, on_hand

    average_cost = property(lambda self: self.variant.average_cost)

    def receive(self, quantity, unit_cost):
        value = self.on_hand * self.average_cost + quantity * Decimal(unit_cost)
        self.variant.average_cost = round(value / (self.on_hand + quantity), 4)


def _average_costs(variants):
    ids = {variant.pk for variant in variants}
    locked = list(Variant.objects.select_for_update().order_by("pk").filter(pk__in=ids)) if ids else []
    levels = StockLevel.objects.filter(variant__in=ids).order_by().values_list("variant")
    on_hand = dict(levels.annotate(Sum("quantity"))) if ids else {}
    return {variant.pk: _Cost(variant, on_hand.get(variant.pk, 0)) for variant in locked}


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
    counted = {}
    for item in counts:
        variant, shelf = item["variant"], item["shelf"]
        if shelf.warehouse_id != stocktake.warehouse_id or stocktake.shelf_id not in (None, shelf.pk):
            raise DomainError(f"{shelf} is not part of {stocktake}.")
        counted[variant.pk, shelf.pk] = item["counted"]
    named = {"variant__in": {v for v, _ in counted}, "shelf__in": {s for _, s in counted}}
    on_shelf = {(level.variant_id, level.shelf_id): level.on_shelf for level in StockLevel.objects.filter(**named).order_by()}
    lines = {(x.variant_id, x.shelf_id): x for x in stocktake.lines.select_for_update().filter(**named).order_by("pk")}
    new = []
    for key in counted:
        if key not in lines:
            lines[key] = StocktakeLine(stocktake=stocktake, variant_id=key[0], shelf_id=key[1])
            new.append(lines[key])
        lines[key].expected, lines[key].counted = on_shelf.get(key, 0), counted[key]
    StocktakeLine.objects.bulk_update([lines[key] for key in counted if lines[key].pk], ["expected", "counted"])
    StocktakeLine.objects.bulk_create(new)
    Activity.record(user, "counted", stocktake, f"{len(counts)} lines")


@transaction.atomic
def apply_stocktake(stocktake, *, user=None, skip_uncounted=False):
    """Book the differences. Fails as a whole if one would cut into reserved stock."""
    stocktake = lock(stocktake)
    require(stocktake, Stocktake.Status.COUNTING)
    uncounted = 0 if skip_uncounted else stocktake.lines.filter(counted=None).count()
    if uncounted:
        raise DomainError(f"{uncounted} lines have not been counted.")
    corrections = stocktake.lines.exclude(counted=None).exclude(counted=F("expected")).order_by("variant_id", "shelf_id")
    corrections = list(corrections.select_related("variant", "shelf__warehouse"))
    move_all([(line.variant, line.shelf, line.difference, None) for line in corrections], Kind.STOCKTAKE,
             user=user, reference=stocktake.number)
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
