import csv

from django.http import StreamingHttpResponse
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from catalog.api import in_category
from catalog.models import Category, Variant
from core.api import DocumentViewSet, KeyedListSerializer, KnownKeyField, StockroomViewSet
from core.exceptions import DomainError
from core.rest import boolean, since, until

from . import services
from .models import Shelf, Stocktake, StocktakeLine, StockLevel, StockMovement, Warehouse


class ShelfSerializer(serializers.ModelSerializer):
    class Meta:
        model = Shelf
        fields = ["id", "warehouse", "code", "description"]


class WarehouseSerializer(serializers.ModelSerializer):
    shelves = ShelfSerializer(many=True, read_only=True)

    class Meta:
        model = Warehouse
        fields = ["id", "code", "name", "address", "is_active", "shelves"]


class StockLevelSerializer(serializers.ModelSerializer):
    sku = serializers.CharField(source="variant.sku")
    product = serializers.CharField(source="variant.full_name")
    warehouse = serializers.CharField(source="shelf.warehouse.code")
    shelf_code = serializers.CharField(source="shelf.code")
    available = serializers.IntegerField()

    class Meta:
        model = StockLevel
        fields = ["id", "variant", "sku", "product", "warehouse", "shelf", "shelf_code", "quantity", "reserved",
                  "picked", "available"]


class StockMovementSerializer(serializers.ModelSerializer):
    sku = serializers.CharField(source="variant.sku")
    shelf_name = serializers.CharField(source="shelf.__str__")
    created_by = serializers.StringRelatedField()

    class Meta:
        model = StockMovement
        fields = ["id", "created_at", "kind", "variant", "sku", "shelf", "shelf_name", "quantity", "unit_cost",
                  "reference", "note", "created_by"]


class AdjustSerializer(serializers.Serializer):
    variant = serializers.PrimaryKeyRelatedField(queryset=Variant.objects.all())
    shelf = serializers.PrimaryKeyRelatedField(queryset=Shelf.objects.select_related("warehouse"))
    quantity = serializers.IntegerField()
    unit_cost = serializers.DecimalField(max_digits=14, decimal_places=4, min_value=0, required=False)
    note = serializers.CharField(max_length=200)


class TransferSerializer(serializers.Serializer):
    variant = serializers.PrimaryKeyRelatedField(queryset=Variant.objects.all())
    source = serializers.PrimaryKeyRelatedField(queryset=Shelf.objects.select_related("warehouse"))
    target = serializers.PrimaryKeyRelatedField(queryset=Shelf.objects.select_related("warehouse"))
    quantity = serializers.IntegerField(min_value=1)
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)


class StocktakeLineSerializer(serializers.ModelSerializer):
    sku = serializers.CharField(source="variant.sku", read_only=True)
    shelf_code = serializers.CharField(source="shelf.code", read_only=True)
    difference = serializers.IntegerField(read_only=True)

    class Meta:
        model = StocktakeLine
        fields = ["id", "variant", "sku", "shelf", "shelf_code", "expected", "counted", "difference"]


class StocktakeSerializer(serializers.ModelSerializer):
    lines = StocktakeLineSerializer(many=True, read_only=True)

    class Meta:
        model = Stocktake
        fields = ["id", "number", "warehouse", "shelf", "status", "note", "created_at", "applied_at", "lines"]
        read_only_fields = ["number", "status", "applied_at"]

    def validate(self, data):
        warehouse = data.get("warehouse", getattr(self.instance, "warehouse", None))
        shelf = data.get("shelf", getattr(self.instance, "shelf", None))
        if shelf and shelf.warehouse_id != warehouse.pk:
            raise serializers.ValidationError({"shelf": "The shelf is in another warehouse."})
        return data

    def update(self, instance, validated_data):
        if not instance.is_draft:
            raise DomainError(f"{instance} is no longer a draft and cannot be edited.")
        return super().update(instance, validated_data)


class CountSerializer(serializers.Serializer):
    variant = KnownKeyField(queryset=Variant.objects.all())
    shelf = KnownKeyField(queryset=Shelf.objects.select_related("warehouse"))
    counted = serializers.IntegerField(min_value=0)

    class Meta:
        list_serializer_class = KeyedListSerializer


class ApplySerializer(serializers.Serializer):
    skip_uncounted = serializers.BooleanField(default=False)


class WarehouseViewSet(StockroomViewSet):
    queryset = Warehouse.objects.prefetch_related("shelves")
    serializer_class = WarehouseSerializer
    search_fields = ["code", "name"]
    filter_params = {"active": ("is_active", boolean)}


class ShelfViewSet(StockroomViewSet):
    queryset = Shelf.objects.select_related("warehouse")
    serializer_class = ShelfSerializer
    search_fields = ["code", "description"]
    filter_params = {"warehouse": ("warehouse", int)}


class _Line:
    """A file for csv.writer that hands each line back."""

    def write(self, value):
        return value


def csv_text(value):
    """Keep a spreadsheet from running a cell as a formula."""
    return f"'{value}" if value and value[0] in "=+-@\t\r" else value


class StockLevelViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = StockLevel.objects.select_related("variant__product", "shelf__warehouse")
    serializer_class = StockLevelSerializer
    search_fields = ["variant__sku", "variant__product__name", "shelf__code"]
    ordering_fields = ["quantity", "reserved"]
    filter_params = {
        "warehouse": ("shelf__warehouse", int), "shelf": ("shelf", int), "variant": ("variant", int),
        "category": (in_category("variant__product__category"), int), "min_quantity": ("quantity__gte", int),
    }

    @action(detail=False)
    def export(self, request):
        """The stock list as CSV, with the same filters as the list."""
        names = {pk: " > ".join(n for _, n in chain) for pk, chain in Category.ancestry().items()}
        writer = csv.writer(_Line())

        def rows():
            yield writer.writerow(["sku", "product", "category", "warehouse", "shelf", "quantity", "reserved",
                                   "available", "average_cost", "value"])
            for level in self.filter_queryset(self.get_queryset()).iterator():
                variant = level.variant
                text = [variant.sku, variant.full_name, names.get(variant.product.category_id, ""),
                        level.shelf.warehouse.code, level.shelf.code]
                yield writer.writerow([csv_text(cell) for cell in text] + [
                    level.quantity, level.reserved, level.available, variant.average_cost,
                    round(level.quantity * variant.average_cost, 2)])

        self.filter_queryset(self.get_queryset())  # a bad filter must fail before streaming starts
        return StreamingHttpResponse(rows(), content_type="text/csv; charset=utf-8", headers={
            "Content-Disposition": 'attachment; filename="stock.csv"'})


class StockMovementViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = StockMovement.objects.select_related("variant", "shelf__warehouse", "created_by")
    serializer_class = StockMovementSerializer
    search_fields = ["variant__sku", "reference", "note"]
    ordering_fields = ["created_at", "quantity"]
    filter_params = {
        "variant": ("variant", int), "shelf": ("shelf", int), "warehouse": ("shelf__warehouse", int),
        "kind": ("kind", str), "reference": ("reference", str),
        "from": since("created_at"), "to": until("created_at"),
    }

    def _post(self, serializer_class, service):
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        result = service(**serializer.validated_data, user=self.request.user)
        many = isinstance(result, list)
        return Response(self.get_serializer(result, many=many).data, status=status.HTTP_201_CREATED)

    @action(detail=False, methods=["post"])
    def adjust(self, request):
        return self._post(AdjustSerializer, services.adjust)

    @action(detail=False, methods=["post"])
    def transfer(self, request):
        return self._post(TransferSerializer, services.transfer)


class StocktakeViewSet(DocumentViewSet):
    queryset = Stocktake.objects.prefetch_related("lines__variant", "lines__shelf")
    serializer_class = StocktakeSerializer
    search_fields = ["number", "note"]
    filter_params = {"warehouse": ("warehouse", int), "status": ("status", str)}

    @action(detail=True, methods=["post"])
    def start(self, request, pk):
        return self.run(services.start_stocktake)

    @action(detail=True, methods=["post"])
    def count(self, request, pk):
        """A list of {variant, shelf, counted}."""
        return self.run(services.count_stocktake, self.validated(CountSerializer, many=True, allow_empty=False))

    @action(detail=True, methods=["post"])
    def apply(self, request, pk):
        return self.run(services.apply_stocktake, **self.validated(ApplySerializer))

    @action(detail=True, methods=["post"])
    def cancel(self, request, pk):
        return self.run(services.cancel_stocktake)
