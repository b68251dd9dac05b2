from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import transaction
from django.forms.models import BaseInlineFormSet

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

    @transaction.atomic
    def delete_queryset(self, request, queryset):
        Activity.objects.bulk_create(Activity.entry(request.user, "deleted", obj) for obj in queryset)
        super().delete_queryset(request, queryset)


class KnownSelect(AutocompleteSelect):
    """An autocomplete box that need not read the object it shows when its row has it already."""

    known = None

    def optgroups(self, name, value, attr=None):
        known = self.known
        if known is None or list(value) != [str(known.pk)]:
            return super().optgroups(name, value, attr)
        options = [] if self.is_required else [self.create_option(name, "", "", False, 0)]
        label = self.choices.field.label_from_instance(known)
        options.append(self.create_option(name, known.pk, label, set(value), len(options)))
        return [(None, options, 0)]


class KnownFormSet(BaseInlineFormSet):
    def add_fields(self, form, index):
        super().add_fields(form, index)
        for name, field in form.fields.items():
            widget = getattr(field.widget, "widget", field.widget)
            if isinstance(widget, KnownSelect) and name in form.instance._state.fields_cache:
                widget.known = getattr(form.instance, name)


class StaffInline(StaffWriteMixin, admin.TabularInline):
    extra = 0
    formset = KnownFormSet
    select_related = ()  # what a row shows of other tables

    def get_queryset(self, request):
        queryset = super().get_queryset(request)
        return queryset.select_related(*self.select_related) if self.select_related else queryset

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = KnownSelect(db_field, self.admin_site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class PathFilter(admin.RelatedFieldListFilter):
    """A filter by category whose paths are read together."""

    def field_choices(self, field, request, model_admin):
        categories = field.remote_field.model.objects.with_paths()
        ordering = self.field_admin_ordering(field, request, model_admin)
        if ordering:
            categories = categories.order_by(*ordering)
        return [(category.pk, str(category)) for category in categories]


class FewValuesFilter(admin.AllValuesFieldListFilter):
    """A filter by a column of few values that has an index: it goes from value to value, not from row to row."""

    def __init__(self, field, request, params, model, model_admin, field_path):
        super().__init__(field, request, params, model, model_admin, field_path)
        self.lookup_choices = list(self.values(model_admin.get_queryset(request).order_by(field.name), field.name))

    @staticmethod
    def values(queryset, name):
        value = queryset.values_list(name, flat=True).first()
        while value is not None:
            yield value
            value = queryset.filter(**{f"{name}__gt": value}).values_list(name, flat=True).first()


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
    list_filter = [("verb", FewValuesFilter), "created_at"]
    list_select_related = ["actor"]
    search_fields = ["summary"]
    date_hierarchy = "created_at"
