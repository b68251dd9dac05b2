from django import forms
from django.contrib import admin, messages

from . import reports, services
from .models import Category, Coupon, Customer, Order, OrderLine, Product, Review, ShippingMethod


class ProductForm(forms.ModelForm):
    stock_change = forms.IntegerField(
        required=False, min_value=-100000, max_value=100000,
        help_text="Units to add to the stock level, or with a minus sign to take from it.")

    def clean_stock_change(self):
        change = self.cleaned_data["stock_change"] or 0
        if self.instance.stock + change < 0:
            raise forms.ValidationError(f"Only {self.instance.stock} in stock.")
        return change


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    form = ProductForm
    list_display = ["name", "sku", "category", "price", "stock", "is_active"]
    list_filter = ["is_active", "category"]
    search_fields = ["name", "sku", "description"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["stock"]

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        services.adjust_stock(obj.pk, form.cleaned_data["stock_change"])


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    list_display = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Review)
class ReviewAdmin(admin.ModelAdmin):
    list_display = ["product", "customer", "rating", "created_at"]
    list_filter = ["rating"]


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):
    list_display = ["user", "phone"]
    search_fields = ["user__username", "user__email", "user__last_name"]


@admin.register(Coupon)
class CouponAdmin(admin.ModelAdmin):
    list_display = ["code", "kind", "value", "min_subtotal", "valid_until", "used_count", "max_uses", "is_active"]
    readonly_fields = ["used_count"]


@admin.register(ShippingMethod)
class ShippingMethodAdmin(admin.ModelAdmin):
    list_display = ["name", "price", "free_over", "is_active"]


class OrderLineInline(admin.TabularInline):
    model = OrderLine

    def has_add_permission(self, request, obj=None):
        return False

    has_change_permission = has_delete_permission = has_add_permission


def move_action(status, description):
    @admin.action(description=description, permissions=["change"])
    def move(model_admin, request, orders):
        for order in orders:
            try:
                services.change_status(order, status)
                model_admin.message_user(request, f"{order} is now {status}.")
            except services.ShopError as error:
                model_admin.message_user(request, f"{order}: {error.detail}", messages.ERROR)
    move.__name__ = f"mark_{status}"
    return move


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """Only the tracking number is edited; the actions move orders on, with their stock and coupons."""
    list_display = ["number", "placed_at", "customer", "status", "total", "tracking_number"]
    list_filter = ["status", "shipping_method", "placed_at"]
    list_select_related = ["customer__user"]
    search_fields = ["number", "customer__user__username", "customer__user__email", "tracking_number"]
    readonly_fields = ["number"] + [f.name for f in Order._meta.fields if f.editable and not f.primary_key
                                    and f.name != "tracking_number"]
    inlines = [OrderLineInline]
    actions = [move_action("paid", "Mark as paid"), move_action("shipped", "Mark as shipped"),
               move_action("delivered", "Mark as delivered"), move_action("cancelled", "Cancel and restock"),
               "export_csv"]

    def has_add_permission(self, request, obj=None):
        return False

    has_delete_permission = has_add_permission

    @admin.action(description="Export as CSV", permissions=["view"])
    def export_csv(self, request, orders):
        return reports.orders_csv(orders)
