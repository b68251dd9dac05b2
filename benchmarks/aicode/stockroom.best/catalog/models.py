from collections import defaultdict
from decimal import Decimal

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

NOT_NEGATIVE = [MinValueValidator(Decimal("0"))]
AT_LEAST_ONE = [MinValueValidator(1)]


class CategoryQuerySet(models.QuerySet):
    def with_paths(self):
        """Read the categories above those that this reads too: one query for each level, not for each category."""
        clone = self._chain()
        clone._paths = True
        return clone

    def _clone(self):
        clone = super()._clone()
        clone._paths = getattr(self, "_paths", False)
        return clone

    def _fetch_all(self):
        fetched = self._result_cache is not None
        super()._fetch_all()
        if not fetched and self._fields is None and getattr(self, "_paths", False):
            link_parents(self._result_cache)


def link_parents(categories):
    """Give each category its parent, and that its own, up to the root."""
    known, missing = {category.pk: category for category in categories}, list(categories)
    while missing:
        for category in Category.objects.filter(pk__in={c.parent_id for c in missing if c.parent_id} - known.keys()):
            known[category.pk] = category
        found = {c.parent_id for c in missing if c.parent_id}
        for category in missing:
            if category.parent_id:
                category.parent = known[category.parent_id]
        missing = [known[pk] for pk in found if known[pk].parent_id and "parent" not in known[pk]._state.fields_cache]


class Category(models.Model):
    name = models.CharField(max_length=100)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")

    objects = CategoryQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(fields=["parent", "name"], name="category_unique_in_parent"),
            models.UniqueConstraint(fields=["name"], condition=Q(parent=None), name="category_unique_root"),
        ]

    def __str__(self):
        return f"{self.parent} > {self.name}" if self.parent_id else self.name

    def clean(self):
        if self.pk and self.parent_id and self.parent_id in self.tree_ids():
            raise ValidationError({"parent": "A category cannot be inside itself."})

    def tree_ids(self):
        """The ids of this category and everything below it, in one query."""
        children = defaultdict(list)
        for pk, parent in Category.objects.values_list("pk", "parent_id"):
            children[parent].append(pk)
        found, queue = {self.pk}, [self.pk]
        while queue:
            new = [pk for pk in children[queue.pop()] if pk not in found]
            found.update(new)
            queue.extend(new)
        return found

    @classmethod
    def ancestry(cls):
        """{id: [(id, name) from the root down to it]} for all categories, in one query."""
        rows = {pk: (name, parent) for pk, name, parent in cls.objects.values_list("pk", "name", "parent_id")}
        result = {}
        for pk in rows:
            chain, current = [], pk
            while current is not None:
                chain.insert(0, (current, rows[current][0]))
                current = rows[current][1]
            result[pk] = chain
        return result


class Supplier(models.Model):
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=150)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    lead_time_days = models.PositiveIntegerField(default=14)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Product(models.Model):
    name = models.CharField(max_length=200, db_index=True)
    description = models.TextField(blank=True)
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True, related_name="products")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class VariantQuerySet(models.QuerySet):
    def with_stock(self):
        def total(expression):
            levels = apps.get_model("inventory", "StockLevel").objects.filter(variant=OuterRef("pk"))
            sums = levels.order_by().values("variant").annotate(total=Sum(expression)).values("total")
            return Coalesce(Subquery(sums, output_field=models.IntegerField()), 0)

        return self.annotate(on_hand_total=total(F("quantity")),
                             available_total=total(F("quantity") - F("reserved")))


class Variant(models.Model):
    product = models.ForeignKey(Product, models.CASCADE, related_name="variants")
    sku = models.CharField("SKU", max_length=60, unique=True)
    name = models.CharField(max_length=120, blank=True, help_text="e.g. Red / XL")
    list_price = models.DecimalField(max_digits=12, decimal_places=2, default=0, validators=NOT_NEGATIVE)
    average_cost = models.DecimalField(
        max_digits=14, decimal_places=4, default=0, editable=False, help_text="Moving average of receipts.")
    reorder_point = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    suppliers = models.ManyToManyField(Supplier, through="VariantSupplier", related_name="variants")

    objects = VariantQuerySet.as_manager()

    class Meta:
        ordering = ["sku"]

    def __str__(self):
        return self.sku

    @property
    def full_name(self):
        return f"{self.product.name} ({self.name})" if self.name else self.product.name

    @property
    def on_hand(self):
        if "on_hand_total" in self.__dict__:
            return self.on_hand_total
        return self.stock_levels.aggregate(total=Sum("quantity"))["total"] or 0

    @property
    def available(self):
        if "available_total" in self.__dict__:
            return self.available_total
        return self.stock_levels.aggregate(total=Sum(F("quantity") - F("reserved")))["total"] or 0


class VariantSupplier(models.Model):
    variant = models.ForeignKey(Variant, models.CASCADE, related_name="supplier_links")
    supplier = models.ForeignKey(Supplier, models.PROTECT, related_name="variant_links")
    supplier_sku = models.CharField(max_length=60, blank=True)
    cost = models.DecimalField(max_digits=12, decimal_places=2, default=0, validators=NOT_NEGATIVE)
    pack_size = models.PositiveIntegerField(default=1, validators=AT_LEAST_ONE)
    min_order_quantity = models.PositiveIntegerField(default=1, validators=AT_LEAST_ONE)
    is_preferred = models.BooleanField(default=False)

    class Meta:
        ordering = ["-is_preferred", "cost", "pk"]
        indexes = [models.Index(fields=["-is_preferred", "cost", "id"])]
        constraints = [
            models.UniqueConstraint(fields=["variant", "supplier"], name="variant_supplier_unique"),
            models.UniqueConstraint(
                fields=["variant"], condition=Q(is_preferred=True), name="one_preferred_supplier",
                violation_error_message="The variant already has a preferred supplier."),
        ]

    def __str__(self):
        return f"{self.variant} from {self.supplier}"


GTIN_LENGTHS = {"ean13": 13, "ean8": 8, "upca": 12}


def gtin_check_digit(digits):
    """The check digit for the digits of a GTIN (EAN or UPC) without its last."""
    return -sum(int(d) * (1 if i % 2 else 3) for i, d in enumerate(reversed(digits))) % 10


class BarcodeQuerySet(models.QuerySet):
    def lookup(self, code):
        """Scanners may read a UPC-A as an EAN-13 with a leading zero, or the reverse."""
        code = code.strip()
        candidates = [code]
        if code.isdigit() and len(code) == 12:
            candidates.append("0" + code)
        elif code.isdigit() and len(code) == 13 and code[0] == "0":
            candidates.append(code[1:])
        found = {barcode.code: barcode for barcode in self.filter(code__in=candidates)}
        return next((found[c] for c in candidates if c in found), None)


class Barcode(models.Model):
    class Kind(models.TextChoices):
        EAN13 = "ean13", "EAN-13"
        EAN8 = "ean8", "EAN-8"
        UPCA = "upca", "UPC-A"
        OTHER = "other", "Other"

    variant = models.ForeignKey(Variant, models.CASCADE, related_name="barcodes")
    code = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.EAN13)

    objects = BarcodeQuerySet.as_manager()

    class Meta:
        ordering = ["code"]

    def __str__(self):
        return self.code

    def clean(self):
        self.validate_code(self.code, self.kind)

    @staticmethod
    def validate_code(code, kind):
        length = GTIN_LENGTHS.get(kind)
        if length is None:
            return
        if len(code) != length or not (code.isascii() and code.isdigit()):
            raise ValidationError({"code": f"Must be {length} digits."})
        if gtin_check_digit(code[:-1]) != int(code[-1]):
            raise ValidationError({"code": "The check digit is wrong."})
