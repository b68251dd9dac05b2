from django.contrib import admin

from core.admin import (
    DocumentAdmin, PathFilter, ReadOnlyAdmin, ReadOnlyMixin, StaffInline, StockroomAdmin, service_action,
)

from . import services
from .models import Shelf, Stocktake, StocktakeLine, StockLevel, StockMovement, Warehouse


class ShelfInline(StaffInline):
    model = Shelf
    select_related = ["warehouse"]


@admin.register(Warehouse)
class WarehouseAdmin(StockroomAdmin):
    list_display = ["code", "name", "is_active"]
    search_fields = ["code", "name"]
    inlines = [ShelfInline]


@admin.register(Shelf)
class ShelfAdmin(StockroomAdmin):
    list_display = ["__str__", "warehouse", "code", "description"]
    list_filter = ["warehouse"]
    list_select_related = ["warehouse"]
    search_fields = ["code", "warehouse__code"]


@admin.register(StockLevel)
class StockLevelAdmin(ReadOnlyAdmin):
    list_display = ["variant", "shelf", "quantity", "reserved", "picked", "available"]
    list_filter = ["shelf__warehouse", ("variant__product__category", PathFilter)]
    list_select_related = ["variant", "shelf__warehouse"]
    search_fields = ["variant__sku", "variant__product__name", "shelf__code"]


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "kind", "variant", "shelf", "quantity", "reference", "created_by"]
    list_filter = ["kind", "shelf__warehouse", "created_at"]
    list_select_related = ["variant", "shelf__warehouse", "created_by"]
    search_fields = ["variant__sku", "reference", "note"]
    date_hierarchy = "created_at"


class StocktakeLineInline(ReadOnlyMixin, StaffInline):
    """Counts are entered through the API, which records what was expected at that moment."""

    model = StocktakeLine
    select_related = ["shelf__warehouse", "variant"]
    fields = readonly_fields = ["shelf", "variant", "expected", "counted", "difference"]


@admin.register(Stocktake)
class StocktakeAdmin(DocumentAdmin):
    list_display = ["number", "warehouse", "shelf", "status", "created_at", "applied_at"]
    list_filter = ["status", "warehouse"]
    list_select_related = ["warehouse", "shelf__warehouse"]
    readonly_fields = ["number", "status", "applied_at"]
    inlines = [StocktakeLineInline]
    actions = [service_action(services.start_stocktake, "Start counting"),
               service_action(services.apply_stocktake, "Apply corrections"),
               service_action(services.cancel_stocktake, "Cancel")]

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "shelf":
            kwargs["queryset"] = Shelf.objects.select_related("warehouse")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
