from django.contrib import admin, messages

from .exceptions import DomainError
from .models import Activity


class StaffWriteMixin:
    """Staff may edit everything in the admin, as in the API, without per-model grants."""

    def _is_staff(self, request):
        return request.user.is_active and request.user.is_staff

    def has_module_permission(self, request):
        return self._is_staff(request)

    def has_view_permission(self, request, obj=None):
        return self._is_staff(request)

    has_change_permission = has_delete_permission = has_view_permission

    def has_add_permission(self, request, obj=None):
        return self._is_staff(request)


class StockroomAdmin(StaffWriteMixin, admin.ModelAdmin):
    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        Activity.record(request.user, "updated" if change else "created", obj)

    def delete_model(self, request, obj):
        Activity.record(request.user, "deleted", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request, queryset):
        for obj in queryset:
            self.delete_model(request, obj)


class StaffInline(StaffWriteMixin, admin.TabularInline):
    extra = 0


class ReadOnlyMixin:
    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    has_delete_permission = has_change_permission


class ReadOnlyAdmin(ReadOnlyMixin, StaffWriteMixin, admin.ModelAdmin):
    pass


class DraftOnlyMixin:
    """Documents (and their inlines) can be changed and deleted only while they are drafts."""

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    has_delete_permission = has_change_permission


class DraftInline(DraftOnlyMixin, StaffInline):
    def has_add_permission(self, request, obj=None):
        return self._is_staff(request) and (obj is None or obj.is_draft)


class DocumentAdmin(DraftOnlyMixin, StockroomAdmin):
    def get_actions(self, request):
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # would bypass the draft rule
        return actions


def service_action(service, label):
    """An admin action that runs a service on each selected document."""

    def run(modeladmin, request, queryset):
        for obj in queryset:
            try:
                service(obj, user=request.user)
            except DomainError as error:
                modeladmin.message_user(request, f"{obj}: {error}", messages.ERROR)
            else:
                modeladmin.message_user(request, f"{obj}: done.", messages.SUCCESS)

    run.__name__ = service.__name__
    return admin.action(run, description=label)


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "actor", "verb", "summary"]
    list_filter = ["verb", "created_at"]
    search_fields = ["summary"]
    date_hierarchy = "created_at"
