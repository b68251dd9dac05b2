from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Count
from django.utils import timezone
from django.views.generic import DetailView, ListView, TemplateView

from catalog.models import Product
from core.models import Activity
from inventory.models import StockLevel, StockMovement
from purchasing.models import PurchaseOrder
from reports.services import best_sellers, low_stock_summary, warehouse_values
from sales.models import Allocation, SalesOrder


class Dashboard(LoginRequiredMixin, TemplateView):
    template_name = "pages/dashboard.html"

    def get_context_data(self, **kwargs):
        alerts, alert_count = low_stock_summary(10)
        open_purchases = PurchaseOrder.objects.filter(status__in=PurchaseOrder.OPEN)
        return super().get_context_data(
            alerts=alerts, alert_count=alert_count, value=warehouse_values(), best=best_sellers(limit=5),
            to_pick=SalesOrder.objects.filter(status__in=SalesOrder.OPEN).count(),
            open_purchases=open_purchases.count(),
            overdue=open_purchases.filter(expected_date__lt=timezone.localdate()).select_related("supplier")[:10],
            activities=Activity.objects.select_related("actor")[:15], **kwargs)


class ProductPage(LoginRequiredMixin, DetailView):
    queryset = Product.objects.select_related("category")
    template_name = "pages/product.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            variants=self.object.variants.with_stock().prefetch_related("barcodes", "supplier_links__supplier"),
            levels=StockLevel.objects.filter(variant__product=self.object, quantity__gt=0).select_related(
                "variant", "shelf__warehouse"),
            movements=StockMovement.objects.filter(variant__product=self.object).select_related(
                "variant", "shelf__warehouse")[:20], **kwargs)


class PickingIndex(LoginRequiredMixin, ListView):
    queryset = SalesOrder.objects.filter(status__in=SalesOrder.OPEN).select_related("customer", "warehouse").annotate(
        line_count=Count("lines")).order_by("pk")
    template_name = "pages/picking_index.html"
    paginate_by = 50


class PickingList(LoginRequiredMixin, DetailView):
    queryset = SalesOrder.objects.select_related("customer", "warehouse")
    template_name = "pages/picking_list.html"
    context_object_name = "order"

    def get_context_data(self, **kwargs):
        allocations = Allocation.objects.filter(line__order=self.object).select_related(
            "shelf", "line__variant__product").prefetch_related("line__variant__barcodes")
        return super().get_context_data(allocations=[a for a in allocations if a.to_pick], **kwargs)
