from django.contrib import admin

from core.admin import DocumentAdmin, DraftInline, ReadOnlyAdmin, ReadOnlyMixin, StaffInline, service_action

from . import services
from .models import PurchaseOrder, PurchaseOrderLine, Receipt, ReceiptLine


class PurchaseOrderLineInline(DraftInline):
    model = PurchaseOrderLine
    select_related = ["variant"]
    autocomplete_fields = ["variant"]
    readonly_fields = ["received"]


@admin.register(PurchaseOrder)
class PurchaseOrderAdmin(DocumentAdmin):
    list_display = ["number", "supplier", "warehouse", "status", "expected_date", "total"]
    list_filter = ["status", "warehouse", "supplier"]
    list_select_related = ["supplier", "warehouse"]
    search_fields = ["number", "supplier__name", "lines__variant__sku"]
    autocomplete_fields = ["supplier"]
    readonly_fields = ["number", "status", "ordered_at"]
    inlines = [PurchaseOrderLineInline]
    actions = [service_action(services.place, "Place with the supplier"),
               service_action(services.cancel, "Cancel or close short")]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("lines")


class ReceiptLineInline(ReadOnlyMixin, StaffInline):
    model = ReceiptLine
    select_related = ["line__variant", "shelf__warehouse"]


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = ["number", "order", "delivery_note", "received_by", "received_at"]
    list_select_related = ["order", "received_by"]
    search_fields = ["number", "order__number", "delivery_note"]
    inlines = [ReceiptLineInline]
