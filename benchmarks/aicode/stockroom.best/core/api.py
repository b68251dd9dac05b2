"""What the API views share: errors, activity logging, documents with lines."""
from django.db import transaction
from django.db.models import ProtectedError, RestrictedError
from rest_framework import generics, serializers, status, views, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from .exceptions import DomainError
from .models import Activity
from .rest import since


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
        service(self.get_key(), *args, user=self.request.user, **kwargs)
        return Response(self.get_serializer(self.get_object()).data)

    def get_key(self):
        """The object without what belongs to it: a service reads and locks it anyway."""
        queryset = self.filter_queryset(self.get_queryset()).prefetch_related(None).select_related(None).only("pk")
        obj = generics.get_object_or_404(queryset, pk=self.kwargs["pk"])
        self.check_object_permissions(self.request, obj)
        return obj

    def perform_create(self, serializer):
        super().perform_create(serializer)
        self.prefetch(serializer)

    def perform_update(self, serializer):
        super().perform_update(serializer)
        self.prefetch(serializer)

    def prefetch(self, serializer):
        """Read the document as it was saved, with its lines, for the answer."""
        serializer.instance = self.get_queryset().get(pk=serializer.instance.pk)

    def validated(self, serializer_class, **kwargs):
        serializer = serializer_class(data=self.request.data, **kwargs)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class KnownKeyField(serializers.PrimaryKeyRelatedField):
    """A key whose object may have been read already, together with those of the other items of a list."""

    known = {}

    def to_internal_value(self, data):
        found = self.known.get(data) if type(data) is int else None
        return super().to_internal_value(data) if found is None else found


class KeyedListSerializer(serializers.ListSerializer):
    """Reads the objects that its items name in one query for each kind of key."""

    def to_internal_value(self, data):
        items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
        fields = {name: f for name, f in self.child.fields.items() if isinstance(f, KnownKeyField) and not f.read_only}
        for name, field in fields.items():
            keys = {item[name] for item in items if type(item.get(name)) is int and abs(item[name]) < 2**63}
            field.known = field.get_queryset().in_bulk(keys)
        try:
            return super().to_internal_value(data)
        finally:
            for field in fields.values():
                del field.known


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
        self.line_model.objects.bulk_create(self.line_model(order=order, **line) for line in lines)


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
        "verb": ("verb", str), "actor": ("actor__username", str), "since": since("created_at"),
        "target_type": ("content_type__model", str), "object_id": ("object_id", str),
    }
