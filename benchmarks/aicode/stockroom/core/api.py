"""What the API views share: errors, activity logging, documents with lines."""
from django.db import transaction
from django.db.models import ProtectedError, RestrictedError
from rest_framework import serializers, status, views, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from .exceptions import DomainError
from .models import Activity
from .rest import date


def exception_handler(exc, context):
    if isinstance(exc, DomainError):
        return Response({"detail": str(exc)}, status=status.HTTP_409_CONFLICT)
    return views.exception_handler(exc, context)


class StockroomViewSet(viewsets.ModelViewSet):
    """A ModelViewSet that writes the activity feed and reports protected deletes as 409."""

    def perform_create(self, serializer):
        with transaction.atomic():
            Activity.record(self.request.user, "created", serializer.save())

    def perform_update(self, serializer):
        with transaction.atomic():
            Activity.record(self.request.user, "updated", serializer.save())

    def perform_destroy(self, instance):
        try:
            with transaction.atomic():
                Activity.record(self.request.user, "deleted", instance)
                instance.delete()
        except (ProtectedError, RestrictedError):
            raise DomainError(f"{instance} is still in use and cannot be deleted.")


class DocumentViewSet(StockroomViewSet):
    """Orders and stocktakes: deletable only as drafts, with actions that run a service."""

    def perform_destroy(self, instance):
        if not instance.is_draft:
            raise DomainError(f"{instance} is not a draft; cancel it instead.")
        super().perform_destroy(instance)

    def run(self, service, *args, **kwargs):
        """Call a service on the object and answer with its fresh representation."""
        service(self.get_object(), *args, user=self.request.user, **kwargs)
        return Response(self.get_serializer(self.get_object()).data)

    def validated(self, serializer_class, **kwargs):
        serializer = serializer_class(data=self.request.data, **kwargs)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class DraftLinesSerializer(serializers.ModelSerializer):
    """A document with nested `lines`; an update replaces the lines, and needs a draft."""

    line_model = None

    def validate_lines(self, lines):
        if not lines:
            raise ValidationError("At least one line is required.")
        return lines

    @transaction.atomic
    def create(self, validated_data):
        lines = validated_data.pop("lines")
        order = super().create(validated_data)
        self._add_lines(order, lines)
        return order

    @transaction.atomic
    def update(self, instance, validated_data):
        instance = type(instance).objects.select_for_update().get(pk=instance.pk)
        if not instance.is_draft:
            raise DomainError(f"{instance} is no longer a draft and cannot be edited.")
        lines = validated_data.pop("lines", None)
        instance = super().update(instance, validated_data)
        if lines is not None:
            instance.lines.all().delete()
            self._add_lines(instance, lines)
        return instance

    def _add_lines(self, order, lines):
        for line in lines:
            self.line_model.objects.create(order=order, **line)


class ActivitySerializer(serializers.ModelSerializer):
    actor = serializers.StringRelatedField()
    target_type = serializers.CharField(source="content_type.model", default=None)

    class Meta:
        model = Activity
        fields = ["id", "created_at", "actor", "verb", "summary", "target_type", "object_id"]


class ActivityViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Activity.objects.select_related("actor", "content_type")
    serializer_class = ActivitySerializer
    search_fields = ["summary", "actor__username"]
    filter_params = {
        "verb": ("verb", str), "actor": ("actor__username", str), "since": ("created_at__date__gte", date),
        "target_type": ("content_type__model", str), "object_id": ("object_id", str),
    }
