from django.conf import settings
from django.core.mail import send_mail
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reports.services import low_stock


class Command(BaseCommand):
    help = "Mail the daily low-stock report. Run it once a day from cron."

    def add_arguments(self, parser):
        parser.add_argument("--to", nargs="+", help="Recipients; default LOW_STOCK_RECIPIENTS.")
        parser.add_argument("--always", action="store_true", help="Send even if nothing is low.")

    def handle(self, *args, to, always, **options):
        recipients = to or settings.LOW_STOCK_RECIPIENTS
        if not recipients:
            raise CommandError("No recipients: set LOW_STOCK_RECIPIENTS or pass --to.")
        rows = low_stock()
        if not rows and not always:
            self.stdout.write("Nothing is low; no mail sent.")
            return
        lines = [f"{'SKU':<20} {'Available':>9} {'On order':>8} {'Threshold':>9} {'Reorder':>8}  Supplier"]
        lines += [f"{r['sku']:<20} {r['available']:>9} {r['on_order']:>8} {r['threshold']:>9} "
                  f"{r['suggested_quantity']:>8}  {r['supplier'] or '-'}" for r in rows]
        send_mail(f"Low stock {timezone.localdate()}: {len(rows)} items", "\n".join(lines) + "\n",
                  settings.DEFAULT_FROM_EMAIL, recipients)
        self.stdout.write(f"Mailed {len(rows)} items to {len(recipients)} recipients.")
