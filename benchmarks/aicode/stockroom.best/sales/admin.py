from django.contrib import admin

from core.admin import (
    DocumentAdmin, DraftInline, ReadOnlyAdmin, ReadOnlyMixin, StaffInline, StockroomAdmin, service_action,
)

from . import services
from .models import Customer, CustomerGroup, Price, SalesOrder, SalesOrderLine, Shipment, ShipmentLine


class PriceInline(StaffInline):
    model = Price
    select_related = ["group", "variant"]
    autocomplete_fields = ["variant"]


@admin.register(CustomerGroup)
class CustomerGroupAdmin(StockroomAdmin):
    search_fields = ["name"]
    inlines = [PriceInline]


@admin.register(Customer)
class CustomerAdmin(StockroomAdmin):
    list_display = ["name", "group", "email"]
    list_filter = ["group"]
    list_select_related = ["group"]
    search_fields = ["name", "email"]


@admin.register(Price)
class PriceAdmin(StockroomAdmin):
    list_display = ["group", "variant", "price", "min_quantity", "valid_from", "valid_to"]
    list_filter = ["group"]
    list_select_related = ["group", "variant"]
    search_fields = ["variant__sku"]
    autocomplete_fields = ["variant"]


class SalesOrderLineInline(DraftInline):
    model = SalesOrderLine
    select_related = ["variant"]
    autocomplete_fields = ["variant"]


@admin.register(SalesOrder)
class SalesOrderAdmin(DocumentAdmin):
    list_display = ["number", "customer", "warehouse", "status", "created_at", "total"]
    list_filter = ["status", "warehouse"]
    list_select_related = ["customer", "warehouse"]
    search_fields = ["number", "customer__name", "lines__variant__sku"]
    autocomplete_fields = ["customer"]
    readonly_fields = ["number", "status", "created_at"]
    inlines = [SalesOrderLineInline]
    actions = [service_action(services.reserve, "Reserve stock"), service_action(services.pick, "Mark as picked"),
               service_action(services.ship, "Ship"), service_action(services.release, "Release reservation"),
               service_action(services.cancel, "Cancel or close short")]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("lines")


class ShipmentLineInline(ReadOnlyMixin, StaffInline):
    model = ShipmentLine
    select_related = ["line__variant"]


@admin.register(Shipment)
class ShipmentAdmin(ReadOnlyAdmin):
    list_display = ["number", "order", "tracking", "shipped_by", "shipped_at"]
    list_select_related = ["order", "shipped_by"]
    search_fields = ["number", "order__number", "tracking"]
    inlines = [ShipmentLineInline]
