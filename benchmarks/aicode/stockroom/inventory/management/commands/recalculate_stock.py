from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import F, Sum

from inventory.models import StockLevel, StockMovement
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
        levels = {(lv.variant_id, lv.shelf_id): lv
                  for lv in StockLevel.objects.select_for_update().order_by("pk")}
        wanted = {}
        ledger = StockMovement.objects.order_by().values_list("variant", "shelf").annotate(Sum("quantity"))
        for variant, shelf, quantity in ledger:
            wanted[variant, shelf] = (quantity, 0, 0)
        allocations = Allocation.objects.order_by().values_list("line__variant", "shelf").annotate(
            reserved=Sum(F("quantity") - F("shipped")), picking=Sum(F("picked") - F("shipped")))
        for variant, shelf, reserved, picked in allocations:
            wanted[variant, shelf] = (wanted.get((variant, shelf), (0,))[0], reserved, picked)

        fixed = conflicts = 0
        for key in sorted(set(levels) | set(wanted)):
            level = levels.get(key) or StockLevel(variant_id=key[0], shelf_id=key[1])
            old, new = (level.quantity, level.reserved, level.picked), wanted.get(key, (0, 0, 0))
            if old == new:
                continue
            line = f"{level}: quantity/reserved/picked {old} -> {new}"
            if not 0 <= new[2] <= new[1] <= new[0]:
                conflicts += 1
                self.stderr.write(f"{line}: inconsistent, left alone")
                continue
            fixed += 1
            self.stdout.write(line)
            if not dry_run:
                level.quantity, level.reserved, level.picked = new
                level.save()
        return fixed, conflicts
