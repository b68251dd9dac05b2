"""REST framework defaults named in the settings: permission, paging and query-parameter filters.

Apart from core.api because REST framework loads these while its views are being imported.
"""
import datetime

from django.utils import timezone
from rest_framework import permissions
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.pagination import PageNumberPagination


class IsStaffOrReadOnly(permissions.IsAuthenticated):
    """Signed-in users can read; staff can write."""

    def has_permission(self, request, view):
        if not super().has_permission(request, view):
            return False
        return request.method in permissions.SAFE_METHODS or request.user.is_staff


class Pagination(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500


def boolean(raw):
    try:
        return {"true": True, "1": True, "false": False, "0": False}[raw.lower()]
    except KeyError:
        raise ValueError(raw)


date = datetime.date.fromisoformat


def midnight(day):
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time.min))


def on_days(field, first=None, last=None):
    """Conditions on a time, from a first to a last day, that its index can answer."""
    conditions = {f"{field}__gte": midnight(first)} if first else {}
    if last and last < datetime.date.max:
        conditions[f"{field}__lt"] = midnight(last + datetime.timedelta(days=1))
    return conditions


def since(field):
    """A filter for a time on a day or later."""
    return (lambda queryset, day: queryset.filter(**on_days(field, first=day)), date)


def until(field):
    """A filter for a time on a day or earlier."""
    return (lambda queryset, day: queryset.filter(**on_days(field, last=day)), date)


def parse_param(params, name, parse, default=None):
    """Parse one query parameter; a bad value is the caller's mistake, so a 400."""
    raw = params.get(name)
    if raw in (None, ""):
        return default
    try:
        return parse(raw)
    except (ValueError, ArithmeticError):
        raise ValidationError({name: [f"Invalid value: {raw!r}."]})


class ParamFilterBackend(BaseFilterBackend):
    """Filters by the view's `filter_params = {name: (lookup or callable(qs, value), parser)}`."""

    def filter_queryset(self, request, queryset, view):
        for name, (lookup, parse) in getattr(view, "filter_params", {}).items():
            value = parse_param(request.query_params, name, parse)
            if value is None:
                continue
            queryset = lookup(queryset, value) if callable(lookup) else queryset.filter(**{lookup: value})
        return queryset
