from django.contrib import admin

from core.admin import StaffInline, StockroomAdmin

from .models import Barcode, Category, Product, Supplier, Variant, VariantSupplier


class VariantInline(StaffInline):
    model = Variant
    fields = ["sku", "name", "list_price", "reorder_point", "is_active"]
    show_change_link = True


class BarcodeInline(StaffInline):
    model = Barcode


class VariantSupplierInline(StaffInline):
    model = VariantSupplier
    autocomplete_fields = ["supplier"]


@admin.register(Category)
class CategoryAdmin(StockroomAdmin):
    list_display = ["__str__", "parent"]
    list_select_related = ["parent"]
    search_fields = ["name"]
    autocomplete_fields = ["parent"]


@admin.register(Supplier)
class SupplierAdmin(StockroomAdmin):
    list_display = ["code", "name", "email", "lead_time_days", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["code", "name"]


@admin.register(Product)
class ProductAdmin(StockroomAdmin):
    list_display = ["name", "category", "is_active", "created_at"]
    list_filter = ["is_active", "category"]
    list_select_related = ["category"]
    search_fields = ["name", "variants__sku", "variants__barcodes__code"]
    autocomplete_fields = ["category"]
    inlines = [VariantInline]


@admin.register(Variant)
class VariantAdmin(StockroomAdmin):
    list_display = ["sku", "product", "name", "list_price", "average_cost", "reorder_point", "on_hand", "available"]
    list_filter = ["is_active", "product__category"]
    list_select_related = ["product"]
    readonly_fields = ["average_cost"]
    search_fields = ["sku", "name", "product__name", "barcodes__code"]
    autocomplete_fields = ["product"]
    inlines = [BarcodeInline, VariantSupplierInline]

    def get_queryset(self, request):
        return super().get_queryset(request).with_stock()
