from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.response import Response

from core.api import StockroomViewSet
from core.rest import boolean

from .importer import import_products
from .models import Barcode, Category, Product, Supplier, Variant, VariantSupplier


def in_category(lookup):
    """A filter for a category id that includes its subcategories."""

    def apply(queryset, pk):
        category = Category.objects.filter(pk=pk).first()
        return queryset.filter(**{f"{lookup}__in": category.tree_ids() if category else []})

    return apply


class CategorySerializer(serializers.ModelSerializer):
    path = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = Category
        fields = ["id", "name", "parent", "path"]

    def validate_parent(self, parent):
        if self.instance and parent and parent.pk in self.instance.tree_ids():
            raise ValidationError("A category cannot be inside itself.")
        return parent


class SupplierSerializer(serializers.ModelSerializer):
    class Meta:
        model = Supplier
        fields = "__all__"


class BarcodeSerializer(serializers.ModelSerializer):
    class Meta:
        model = Barcode
        fields = ["id", "variant", "code", "kind"]

    def validate(self, data):
        Barcode.validate_code(data.get("code", getattr(self.instance, "code", "")),
                              data.get("kind", getattr(self.instance, "kind", Barcode.Kind.EAN13)))
        return data


class NestedBarcodeSerializer(BarcodeSerializer):
    class Meta(BarcodeSerializer.Meta):
        fields = ["id", "code", "kind"]


class VariantSupplierSerializer(serializers.ModelSerializer):
    supplier_name = serializers.CharField(source="supplier.name", read_only=True)

    class Meta:
        model = VariantSupplier
        fields = ["id", "variant", "supplier", "supplier_name", "supplier_sku", "cost", "pack_size",
                  "min_order_quantity", "is_preferred"]


class NestedVariantSupplierSerializer(VariantSupplierSerializer):
    class Meta(VariantSupplierSerializer.Meta):
        fields = [f for f in VariantSupplierSerializer.Meta.fields if f != "variant"]


class NestedCreateMixin:
    """Nested lists can be given on create; later they are edited at their own endpoints."""

    nested = {}  # field name: name of the child's foreign key to this object

    def get_fields(self):
        fields = super().get_fields()
        if self.instance is not None:
            for name in self.nested:
                fields[name].read_only = True
        return fields

    @transaction.atomic
    def create(self, validated_data):
        children = {name: validated_data.pop(name, []) for name in self.nested}
        obj = super().create(validated_data)
        for name, parent in self.nested.items():
            child = self.fields[name].child
            for item in children[name]:
                child.create({**item, parent: obj})
        return obj


class VariantSerializer(NestedCreateMixin, serializers.ModelSerializer):
    nested = {"barcodes": "variant", "supplier_links": "variant"}
    full_name = serializers.CharField(read_only=True)
    barcodes = NestedBarcodeSerializer(many=True, required=False)
    supplier_links = NestedVariantSupplierSerializer(many=True, required=False)
    on_hand = serializers.IntegerField(read_only=True)
    available = serializers.IntegerField(read_only=True)

    class Meta:
        model = Variant
        fields = ["id", "product", "sku", "name", "full_name", "list_price", "average_cost", "reorder_point",
                  "is_active", "on_hand", "available", "barcodes", "supplier_links"]
        read_only_fields = ["average_cost"]

    def validate_supplier_links(self, links):
        suppliers = [link["supplier"] for link in links]
        if len(set(suppliers)) < len(suppliers) or sum(link.get("is_preferred", False) for link in links) > 1:
            raise ValidationError("Name each supplier once, and at most one as preferred.")
        return links


class NestedVariantSerializer(VariantSerializer):
    class Meta(VariantSerializer.Meta):
        fields = [f for f in VariantSerializer.Meta.fields if f not in ("product", "full_name")]


class ProductSerializer(NestedCreateMixin, serializers.ModelSerializer):
    nested = {"variants": "product"}
    category_name = serializers.CharField(source="category.name", read_only=True, default=None)
    variants = NestedVariantSerializer(many=True, required=False)

    class Meta:
        model = Product
        fields = ["id", "name", "description", "category", "category_name", "is_active", "created_at", "variants"]

    def validate_variants(self, variants):
        skus = [v["sku"] for v in variants]
        codes = [b["code"] for v in variants for b in v.get("barcodes", [])]
        if len(set(skus)) < len(skus) or len(set(codes)) < len(codes):
            raise ValidationError("SKUs and barcodes must be unique.")
        return variants


class CategoryViewSet(StockroomViewSet):
    queryset = Category.objects.with_paths()
    serializer_class = CategorySerializer
    search_fields = ["name"]
    filter_params = {"parent": ("parent", int), "root": ("parent__isnull", boolean)}


class SupplierViewSet(StockroomViewSet):
    queryset = Supplier.objects.all()
    serializer_class = SupplierSerializer
    search_fields = ["code", "name", "email"]
    filter_params = {"active": ("is_active", boolean)}


VARIANTS = Variant.objects.with_stock().select_related("product").prefetch_related(
    "barcodes", "supplier_links__supplier")


class ProductViewSet(StockroomViewSet):
    queryset = Product.objects.select_related("category").prefetch_related(Prefetch("variants", VARIANTS))
    serializer_class = ProductSerializer
    search_fields = ["name", "description", "variants__sku", "variants__barcodes__code"]
    ordering_fields = ["name", "created_at"]
    filter_params = {
        "category": (in_category("category"), int), "active": ("is_active", boolean),
        "supplier": (lambda qs, pk: qs.filter(variants__suppliers=pk).distinct(), int),
    }

    @action(detail=False, methods=["post"], url_path="import")
    def import_csv(self, request):
        """Upload a CSV as `file`; `dry_run=true` only checks it."""
        upload = request.FILES.get("file")
        if upload is None:
            raise ValidationError({"file": ["Attach a CSV file."]})
        if upload.size > settings.IMPORT_MAX_BYTES:
            raise ValidationError({"file": ["The file is too large."]})
        dry_run = str(request.data.get("dry_run", "")).lower() in ("1", "true")
        result = import_products(upload.read(), request.user, dry_run)
        return Response(result, status=400 if result["errors"] else 200)


class VariantViewSet(StockroomViewSet):
    queryset = VARIANTS
    serializer_class = VariantSerializer
    search_fields = ["sku", "name", "product__name", "barcodes__code"]
    ordering_fields = ["sku", "list_price", "on_hand_total", "available_total"]
    filter_params = {
        "product": ("product", int), "category": (in_category("product__category"), int),
        "supplier": ("suppliers", int), "active": ("is_active", boolean),
        "in_stock": (lambda qs, yes: qs.filter(on_hand_total__gt=0) if yes else qs.filter(on_hand_total=0), boolean),
    }


class BarcodeViewSet(StockroomViewSet):
    queryset = Barcode.objects.select_related("variant")
    serializer_class = BarcodeSerializer
    search_fields = ["code", "variant__sku"]
    filter_params = {"variant": ("variant", int), "kind": ("kind", str)}

    @action(detail=False, url_path="lookup/(?P<code>[^/]+)")
    def lookup(self, request, code):
        """What a scanner needs: the variant for a code and the shelves it is on."""
        barcode = Barcode.objects.lookup(code)
        if barcode is None:
            raise NotFound(f"No variant has the barcode {code}.")
        variant = VARIANTS.get(pk=barcode.variant_id)
        levels = variant.stock_levels.select_related("shelf__warehouse").filter(quantity__gt=0)
        stock = [{"warehouse": level.shelf.warehouse.code, "shelf": level.shelf.code,
                  "quantity": level.quantity, "available": level.available} for level in levels]
        return Response({"code": barcode.code, "variant": VariantSerializer(variant).data, "stock": stock})


class VariantSupplierViewSet(StockroomViewSet):
    queryset = VariantSupplier.objects.select_related("variant", "supplier")
    serializer_class = VariantSupplierSerializer
    search_fields = ["supplier_sku", "variant__sku", "supplier__name"]
    filter_params = {"variant": ("variant", int), "supplier": ("supplier", int)}
