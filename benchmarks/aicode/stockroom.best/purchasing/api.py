from django.utils import timezone
from rest_framework import serializers, viewsets
from rest_framework.decorators import action

from core.api import DocumentViewSet, DraftLinesSerializer, KeyedListSerializer, KnownKeyField
from core.rest import boolean, date, since, until
from inventory.models import Shelf

from . import services
from .models import PurchaseOrder, PurchaseOrderLine, Receipt, ReceiptLine


class PurchaseOrderLineSerializer(serializers.ModelSerializer):
    serializer_related_field = KnownKeyField
    sku = serializers.CharField(source="variant.sku", read_only=True)
    outstanding = serializers.IntegerField(read_only=True)

    class Meta:
        model = PurchaseOrderLine
        list_serializer_class = KeyedListSerializer
        fields = ["id", "variant", "sku", "quantity", "unit_cost", "received", "outstanding"]
        read_only_fields = ["received"]


class PurchaseOrderSerializer(DraftLinesSerializer):
    line_model = PurchaseOrderLine
    supplier_name = serializers.CharField(source="supplier.name", read_only=True)
    lines = PurchaseOrderLineSerializer(many=True)
    total = serializers.DecimalField(max_digits=16, decimal_places=2, read_only=True)

    class Meta:
        model = PurchaseOrder
        fields = ["id", "number", "supplier", "supplier_name", "warehouse", "status", "expected_date", "ordered_at",
                  "note", "created_at", "total", "lines"]
        read_only_fields = ["number", "status", "ordered_at"]


class ReceiptLineSerializer(serializers.ModelSerializer):
    sku = serializers.CharField(source="line.variant.sku", read_only=True)

    class Meta:
        model = ReceiptLine
        fields = ["id", "line", "sku", "shelf", "quantity"]


class ReceiptSerializer(serializers.ModelSerializer):
    lines = ReceiptLineSerializer(many=True)

    class Meta:
        model = Receipt
        fields = ["id", "number", "order", "delivery_note", "received_by", "received_at", "lines"]


class ReceiveItemSerializer(serializers.Serializer):
    line = KnownKeyField(queryset=PurchaseOrderLine.objects.all())
    shelf = KnownKeyField(queryset=Shelf.objects.select_related("warehouse"))
    quantity = serializers.IntegerField(min_value=1)

    class Meta:
        list_serializer_class = KeyedListSerializer


class ReceiveSerializer(serializers.Serializer):
    delivery_note = serializers.CharField(max_length=60, required=False, allow_blank=True)
    items = ReceiveItemSerializer(many=True, allow_empty=False)


def overdue(queryset, yes):
    late = {"status__in": PurchaseOrder.OPEN, "expected_date__lt": timezone.localdate()}
    return queryset.filter(**late) if yes else queryset.exclude(**late)


class PurchaseOrderViewSet(DocumentViewSet):
    queryset = PurchaseOrder.objects.select_related("supplier").prefetch_related("lines__variant")
    serializer_class = PurchaseOrderSerializer
    search_fields = ["number", "supplier__name", "note", "lines__variant__sku"]
    ordering_fields = ["number", "expected_date", "created_at"]
    filter_params = {
        "supplier": ("supplier", int), "warehouse": ("warehouse", int), "status": ("status", str),
        "expected_before": ("expected_date__lte", date), "overdue": (overdue, boolean),
    }

    @action(detail=True, methods=["post"])
    def place(self, request, pk):
        return self.run(services.place)

    @action(detail=True, methods=["post"])
    def receive(self, request, pk):
        """{delivery_note, items: [{line, shelf, quantity}]}"""
        return self.run(services.receive, **self.validated(ReceiveSerializer))

    @action(detail=True, methods=["post"])
    def cancel(self, request, pk):
        return self.run(services.cancel)


class ReceiptViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Receipt.objects.prefetch_related("lines__line__variant")
    serializer_class = ReceiptSerializer
    search_fields = ["number", "order__number", "delivery_note"]
    filter_params = {"order": ("order", int), "supplier": ("order__supplier", int),
                     "from": since("received_at"), "to": until("received_at")}
