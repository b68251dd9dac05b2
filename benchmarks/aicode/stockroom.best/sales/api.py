from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from catalog.models import Variant
from core.api import DocumentViewSet, DraftLinesSerializer, KeyedListSerializer, KnownKeyField, StockroomViewSet
from core.rest import since, until

from . import services
from .models import Allocation, Customer, CustomerGroup, Price, SalesOrder, SalesOrderLine, Shipment, ShipmentLine


class CustomerGroupSerializer(serializers.ModelSerializer):
    class Meta:
        model = CustomerGroup
        fields = ["id", "name"]


class CustomerSerializer(serializers.ModelSerializer):
    group_name = serializers.CharField(source="group.name", read_only=True, default=None)

    class Meta:
        model = Customer
        fields = ["id", "name", "group", "group_name", "email", "address"]


class PriceSerializer(serializers.ModelSerializer):
    sku = serializers.CharField(source="variant.sku", read_only=True)
    group_name = serializers.CharField(source="group.name", read_only=True)

    class Meta:
        model = Price
        fields = ["id", "group", "group_name", "variant", "sku", "price", "min_quantity", "valid_from", "valid_to"]

    def validate(self, data):
        start = data.get("valid_from", getattr(self.instance, "valid_from", None))
        end = data.get("valid_to", getattr(self.instance, "valid_to", None))
        if start and end and end < start:
            raise serializers.ValidationError({"valid_to": "Ends before it begins."})
        return data


class QuoteSerializer(serializers.Serializer):
    variant = serializers.PrimaryKeyRelatedField(queryset=Variant.objects.all())
    customer = serializers.PrimaryKeyRelatedField(queryset=Customer.objects.select_related("group"))
    quantity = serializers.IntegerField(min_value=1, default=1)


class AllocationSerializer(serializers.ModelSerializer):
    shelf_name = serializers.CharField(source="shelf.__str__", read_only=True)

    class Meta:
        model = Allocation
        fields = ["id", "shelf", "shelf_name", "quantity", "picked", "shipped", "to_pick"]


class SalesOrderLineSerializer(serializers.ModelSerializer):
    serializer_related_field = KnownKeyField
    sku = serializers.CharField(source="variant.sku", read_only=True)
    allocations = AllocationSerializer(many=True, read_only=True)

    class Meta:
        model = SalesOrderLine
        list_serializer_class = KeyedListSerializer
        fields = ["id", "variant", "sku", "quantity", "unit_price", "allocations"]
        extra_kwargs = {"unit_price": {"required": False}}


class SalesOrderSerializer(DraftLinesSerializer):
    line_model = SalesOrderLine
    customer_name = serializers.CharField(source="customer.name", read_only=True)
    lines = SalesOrderLineSerializer(many=True)
    total = serializers.DecimalField(max_digits=16, decimal_places=2, read_only=True)

    class Meta:
        model = SalesOrder
        fields = ["id", "number", "customer", "customer_name", "warehouse", "status", "customer_reference", "note",
                  "created_at", "total", "lines"]
        read_only_fields = ["number", "status", "created_at"]

    def _add_lines(self, order, lines):
        priced = Price.objects.prices_for(
            [(line["variant"], line["quantity"]) for line in lines if line.get("unit_price") is None], order.customer.group)
        for line in lines:
            if line.get("unit_price") is None:
                line["unit_price"] = priced[line["variant"].pk, line["quantity"]]
        super()._add_lines(order, lines)


class PickItemSerializer(serializers.Serializer):
    allocation = KnownKeyField(queryset=Allocation.objects.all())
    quantity = serializers.IntegerField(min_value=1)

    class Meta:
        list_serializer_class = KeyedListSerializer


class PickSerializer(serializers.Serializer):
    items = PickItemSerializer(many=True, required=False, allow_empty=False)


class ShipSerializer(serializers.Serializer):
    tracking = serializers.CharField(max_length=80, required=False, allow_blank=True)


class ShipmentLineSerializer(serializers.ModelSerializer):
    sku = serializers.CharField(source="line.variant.sku", read_only=True)

    class Meta:
        model = ShipmentLine
        fields = ["id", "line", "sku", "quantity"]


class ShipmentSerializer(serializers.ModelSerializer):
    lines = ShipmentLineSerializer(many=True)

    class Meta:
        model = Shipment
        fields = ["id", "number", "order", "tracking", "shipped_by", "shipped_at", "lines"]


class CustomerGroupViewSet(StockroomViewSet):
    queryset = CustomerGroup.objects.all()
    serializer_class = CustomerGroupSerializer
    search_fields = ["name"]


class CustomerViewSet(StockroomViewSet):
    queryset = Customer.objects.select_related("group")
    serializer_class = CustomerSerializer
    search_fields = ["name", "email"]
    filter_params = {"group": ("group", int)}


class PriceViewSet(StockroomViewSet):
    queryset = Price.objects.select_related("group", "variant")
    serializer_class = PriceSerializer
    search_fields = ["variant__sku", "group__name"]
    filter_params = {"group": ("group", int), "variant": ("variant", int)}

    @action(detail=False)
    def quote(self, request):
        """?variant=&customer=&quantity= : the unit price this customer pays today."""
        serializer = QuoteSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        price = Price.objects.price_for(data["variant"], data["customer"].group, data["quantity"])
        return Response({"unit_price": str(price), "total": str(price * data["quantity"])})


class SalesOrderViewSet(DocumentViewSet):
    queryset = SalesOrder.objects.select_related("customer").prefetch_related(
        "lines__variant", "lines__allocations__shelf__warehouse")
    serializer_class = SalesOrderSerializer
    search_fields = ["number", "customer__name", "customer_reference", "lines__variant__sku"]
    ordering_fields = ["number", "created_at"]
    filter_params = {
        "customer": ("customer", int), "warehouse": ("warehouse", int), "status": ("status", str),
        "from": since("created_at"), "to": until("created_at"),
    }

    @action(detail=True, methods=["post"])
    def reserve(self, request, pk):
        return self.run(services.reserve)

    @action(detail=True, methods=["post"])
    def pick(self, request, pk):
        """{items: [{allocation, quantity}]}; without items, everything."""
        return self.run(services.pick, **self.validated(PickSerializer))

    @action(detail=True, methods=["post"])
    def ship(self, request, pk):
        return self.run(services.ship, **self.validated(ShipSerializer))

    @action(detail=True, methods=["post"])
    def release(self, request, pk):
        return self.run(services.release)

    @action(detail=True, methods=["post"])
    def cancel(self, request, pk):
        return self.run(services.cancel)


class ShipmentViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Shipment.objects.prefetch_related("lines__line__variant")
    serializer_class = ShipmentSerializer
    search_fields = ["number", "order__number", "tracking"]
    filter_params = {"order": ("order", int), "customer": ("order__customer", int),
                     "from": since("shipped_at"), "to": until("shipped_at")}
