from django.contrib import admin
from django.contrib.admin.views.main import ChangeList

from core.admin import PathFilter, StaffInline, StockroomAdmin

from .models import Barcode, Category, Product, Supplier, Variant, VariantSupplier, link_parents


class VariantInline(StaffInline):
    model = Variant
    fields = ["sku", "name", "list_price", "reorder_point", "is_active"]
    show_change_link = True


class BarcodeInline(StaffInline):
    model = Barcode


class VariantSupplierInline(StaffInline):
    model = VariantSupplier
    select_related = ["variant", "supplier"]
    autocomplete_fields = ["supplier"]


@admin.register(Category)
class CategoryAdmin(StockroomAdmin):
    list_display = ["__str__", "parent"]
    search_fields = ["name"]
    autocomplete_fields = ["parent"]

    def get_queryset(self, request):
        return super().get_queryset(request).with_paths()


@admin.register(Supplier)
class SupplierAdmin(StockroomAdmin):
    list_display = ["code", "name", "email", "lead_time_days", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["code", "name"]


class PathChangeList(ChangeList):
    """Reads the categories above those of a page together."""

    def get_results(self, request):
        super().get_results(request)
        link_parents([product.category for product in self.result_list if product.category_id])


@admin.register(Product)
class ProductAdmin(StockroomAdmin):
    list_display = ["name", "category", "is_active", "created_at"]
    list_filter = ["is_active", ("category", PathFilter)]
    list_select_related = ["category"]
    search_fields = ["name", "variants__sku", "variants__barcodes__code"]
    autocomplete_fields = ["category"]
    inlines = [VariantInline]

    def get_changelist(self, request, **kwargs):
        return PathChangeList


class StockChangeList(ChangeList):
    """Only the list shows stock; forms and autocomplete boxes do without."""

    def get_queryset(self, request, *args, **kwargs):
        return super().get_queryset(request, *args, **kwargs).with_stock()


@admin.register(Variant)
class VariantAdmin(StockroomAdmin):
    list_display = ["sku", "product", "name", "list_price", "average_cost", "reorder_point", "on_hand", "available"]
    list_filter = ["is_active", ("product__category", PathFilter)]
    list_select_related = ["product"]
    readonly_fields = ["average_cost"]
    search_fields = ["sku", "name", "product__name", "barcodes__code"]
    autocomplete_fields = ["product"]
    inlines = [BarcodeInline, VariantSupplierInline]

    def get_changelist(self, request, **kwargs):
        return StockChangeList
