from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Exists, F, IntegerField, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from catalog.models import Variant
from inventory.models import Shelf, StockLevel, StockMovement
from sales.models import Allocation


class Command(BaseCommand):
    help = "Recalculate stock levels from the ledger, and reservations from open allocations."

    def add_arguments(self, parser):
        parser.add_argument("--dry-run", action="store_true", help="Only report what is wrong.")

    def handle(self, *args, dry_run, **options):
        fixed, conflicts = self.recalculate(dry_run)
        self.stdout.write(f"{fixed} levels {'would be ' if dry_run else ''}corrected.")
        if conflicts:
            raise CommandError(f"{conflicts} levels are inconsistent and were left alone.")

    @transaction.atomic
    def recalculate(self, dry_run):
        wrong = self.wrong_levels() + self.missing_levels()
        corrected = []
        for level, new in sorted(wrong, key=lambda item: (item[0].variant_id, item[0].shelf_id)):
            line = f"{level}: quantity/reserved/picked {(level.quantity, level.reserved, level.picked)} -> {new}"
            if not 0 <= new[2] <= new[1] <= new[0]:
                self.stderr.write(f"{line}: inconsistent, left alone")
                continue
            self.stdout.write(line)
            level.quantity, level.reserved, level.picked = new
            corrected.append(level)
        if not dry_run:
            StockLevel.objects.bulk_update([level for level in corrected if level.pk], ["quantity", "reserved", "picked"])
            StockLevel.objects.bulk_create(level for level in corrected if not level.pk)
        return len(corrected), len(wrong) - len(corrected)

    def wrong_levels(self):
        """Levels that differ from the ledger or the allocations, locked, and what they should be."""
        key = {"shelf": OuterRef("shelf")}

        def total(queryset, expression, **variant):
            sums = queryset.filter(**key, **variant).order_by().values("shelf").annotate(total=Sum(expression))
            return Coalesce(Subquery(sums.values("total"), output_field=IntegerField()), 0)

        allocated = {"queryset": Allocation.objects.all(), "line__variant": OuterRef("variant")}
        levels = StockLevel.objects.annotate(
            in_ledger=total(StockMovement.objects.all(), F("quantity"), variant=OuterRef("variant")),
            promised=total(**allocated, expression=F("quantity") - F("shipped")),
            taken=total(**allocated, expression=F("picked") - F("shipped")))
        differ = levels.exclude(quantity=F("in_ledger"), reserved=F("promised"), picked=F("taken"))
        pks = list(differ.order_by("pk").values_list("pk", flat=True))
        locked = []
        for start in range(0, len(pks), 500):  # the sums are taken again, of rows that nobody else changes
            rows = levels.filter(pk__in=pks[start:start + 500]).select_related("variant", "shelf__warehouse")
            locked += rows.select_for_update(of=("self",)).order_by("pk")
        found = ((level, (level.in_ledger, level.promised, level.taken)) for level in locked)
        return [(level, new) for level, new in found if new != (level.quantity, level.reserved, level.picked)]

    def missing_levels(self):
        """New levels for what is in the ledger or allocated but has none, and what they should be."""
        level = StockLevel.objects.filter(shelf=OuterRef("shelf"))
        wanted = {}
        ledger = StockMovement.objects.filter(~Exists(level.filter(variant=OuterRef("variant"))))
        for variant, shelf, quantity in ledger.order_by().values_list("variant", "shelf").annotate(Sum("quantity")):
            wanted[variant, shelf] = (quantity, 0, 0)
        allocations = Allocation.objects.filter(~Exists(level.filter(variant=OuterRef("line__variant")))).order_by()
        for variant, shelf, reserved, picked in allocations.values_list("line__variant", "shelf").annotate(
                reserved=Sum(F("quantity") - F("shipped")), picking=Sum(F("picked") - F("shipped"))):
            wanted[variant, shelf] = (wanted.get((variant, shelf), (0,))[0], reserved, picked)
        wanted = {key: new for key, new in wanted.items() if new != (0, 0, 0)}
        variants = Variant.objects.in_bulk({variant for variant, _ in wanted})
        shelves = Shelf.objects.select_related("warehouse").in_bulk({shelf for _, shelf in wanted})
        return [(StockLevel(variant=variants[v], shelf=shelves[s]), new) for (v, s), new in wanted.items()]
