"""CSV import of products: one row per variant, matched by SKU, all rows or none."""
import csv
import io
from bisect import insort
from collections import defaultdict
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.db import transaction

from core.models import Activity

from .models import GTIN_LENGTHS, Barcode, Category, Product, Supplier, Variant, VariantSupplier

REQUIRED = {"sku", "product"}
OPTIONAL = {"variant", "category", "list_price", "reorder_point", "barcode",
            "supplier", "supplier_sku", "supplier_cost", "pack_size"}


def import_products(data, user=None, dry_run=False):
    """Import CSV bytes. An empty cell leaves the stored value. Returns counts and row errors."""
    result = {"created": 0, "updated": 0, "errors": [], "saved": False}
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return result | {"errors": [{"row": 0, "messages": ["The file is not UTF-8 text."]}]}
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""),
                            delimiter=";" if header.count(";") > header.count(",") else ",")
    columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
    missing, unknown = REQUIRED - set(columns), set(columns) - REQUIRED - OPTIONAL
    if missing or unknown:
        problems = [f"Missing column: {c}" for c in sorted(missing)]
        problems += [f"Unknown column: {c}" for c in sorted(unknown)]
        return result | {"errors": [{"row": 1, "messages": problems}]}
    reader.fieldnames = columns

    rows = [(reader.line_num, row) for row in reader]
    with transaction.atomic():
        imported = Import({k: (v or "").strip() for k, v in row.items()} for _, row in rows if None not in row)
        for line, row in rows:
            if None in row:
                result["errors"].append({"row": line, "messages": ["Too many cells."]})
                continue
            try:
                created = imported.add({k: (v or "").strip() for k, v in row.items()})
            except ValidationError as error:
                result["errors"].append({"row": line, "messages": error.messages})
            else:
                result["created" if created else "updated"] += 1
        if result["errors"] or dry_run:
            transaction.set_rollback(True)
        else:
            imported.save()
            result["saved"] = True
            Activity.record(user, "imported", "Products",
                            f"{result['created']} variants created, {result['updated']} updated")
    return result


def _number(row, column, convert):
    try:
        return convert(row[column])
    except (ValueError, InvalidOperation):
        raise ValidationError(f"{column}: {row[column]!r} is not a number.")


def _clean(obj):
    """What full_clean tests of an object by itself; keys and what must be unique are known here."""
    obj.clean_fields(exclude={field.name for field in obj._meta.fields if field.is_relation} | obj.get_deferred_fields())
    obj.clean()


class Table:
    """Objects of one model, in order: those read, as they were, and those to be made."""

    def __init__(self, model, *columns):
        self.model, self.columns, self.all, self.before, self.new = model, columns, [], {}, []

    def read(self, queryset):
        """Keep and return those that were not read before."""
        fresh = [obj for obj in queryset if obj.pk not in self.before]
        self.before.update((obj.pk, self.values(obj)) for obj in fresh)
        self.all += fresh
        return fresh

    def values(self, obj):
        return [getattr(obj, column) for column in self.columns]

    def add(self, obj):
        self.all.append(obj)
        self.new.append(obj)

    def save(self):
        changed = [obj for obj in self.all if obj.pk in self.before and self.values(obj) != self.before[obj.pk]]
        if changed:
            self.model.objects.bulk_update(changed, self.columns)
        self.model.objects.bulk_create(self.new)


class Import:
    """The rows of one file against what is stored, which is read once and written once."""

    def __init__(self, rows):
        rows = list(rows)

        def named(column):
            return sorted({row[column] for row in rows if row.get(column)})

        self.categories, self.suppliers = {}, {}
        self.products = Table(Product, "name", "category_id")
        self.variants = Table(Variant, "name", "list_price", "reorder_point")
        self.links = Table(VariantSupplier, "supplier_sku", "cost", "pack_size")
        self.barcodes = Table(Barcode)
        for skus in _parts(named("sku")):
            self.variants.read(Variant.objects.filter(sku__in=skus).order_by("pk"))
        for pks in _parts(sorted({variant.product_id for variant in self.variants.all})):
            self.products.read(Product.objects.filter(pk__in=pks).only("name", "category"))
        for names in _parts(named("product")):
            self.products.read(Product.objects.filter(name__in=names).only("name", "category"))
        self.products.all.sort(key=lambda product: product.pk)
        self.places = {id(product): place for place, product in enumerate(self.products.all)}
        products = {product.pk: product for product in self.products.all}
        for variant in self.variants.all:
            variant.product = products[variant.product_id]
        self.by_sku = {variant.sku: variant for variant in self.variants.all}
        self.by_name = defaultdict(list)
        for product in self.products.all:
            self.by_name[product.name].append(product)
        self.by_variant = defaultdict(dict)  # id of the object: {supplier: link}
        by_key = {variant.pk: variant for variant in self.variants.all}
        for pks in _parts(list(by_key)):
            for link in self.links.read(VariantSupplier.objects.filter(variant__in=pks).order_by()):
                self.by_variant[id(by_key[link.variant_id])][link.supplier_id] = link
        self.owners = {}  # code: the variant, or its key where it is not in the file
        for codes in _parts(named("barcode")):
            for code, owner in Barcode.objects.filter(code__in=codes).values_list("code", "variant_id"):
                self.owners[code] = by_key.get(owner, owner)

    def category(self, path):
        category = None
        for name in filter(None, (part.strip() for part in path.split(">"))):
            key = (category.pk if category else None, name)
            if key not in self.categories:
                self.categories[key], _ = Category.objects.get_or_create(name=name, parent=category)
            category = self.categories[key]
        return category

    def supplier(self, code):
        if code not in self.suppliers:
            self.suppliers[code] = Supplier.objects.filter(code__iexact=code).first()
        if not self.suppliers[code]:
            raise ValidationError(f"supplier: no supplier has the code {code!r}.")
        return self.suppliers[code]

    def add(self, row):
        """Take one row in, or leave all as it was and raise. Returns whether the variant is new."""
        if not row["sku"] or not row["product"]:
            raise ValidationError("sku and product are required.")
        category = self.category(row["category"]) if row.get("category") else None
        variant = self.by_sku.get(row["sku"])
        created = variant is None
        if created:
            named = self.by_name.get(row["product"], ())
            product = next((p for p in named if category is None or p.category_id == category.pk), None) or Product()
            variant = Variant(sku=row["sku"])
        else:
            product = variant.product
        touched = [(obj, dict(obj.__dict__), dict(obj._state.fields_cache)) for obj in (product, variant)]
        try:
            barcode, link = self.fill(row, product, variant, category, touched)
        except ValidationError:
            for obj, values, cache in touched:
                obj.__dict__.clear()
                obj.__dict__.update(values)
                obj._state.fields_cache = cache
            raise
        self.keep(product, variant, barcode, link, touched[0][1]["name"])
        return created

    def fill(self, row, product, variant, category, touched):
        product.name = row["product"]
        if category:
            product.category = category
        _clean(product)
        variant.product = product
        if row.get("variant"):
            variant.name = row["variant"]
        if row.get("list_price"):
            variant.list_price = _number(row, "list_price", Decimal)
        if row.get("reorder_point"):
            variant.reorder_point = _number(row, "reorder_point", int)
        _clean(variant)
        barcode = link = None
        code = row.get("barcode")
        if code and self.owners.get(code) is not variant:
            kinds = {length: kind for kind, length in GTIN_LENGTHS.items()}
            barcode = Barcode(variant=variant, code=code, kind=kinds.get(len(code), "other") if code.isdigit() else "other")
            _clean(barcode)
            if code in self.owners:
                raise ValidationError({"code": [barcode.unique_error_message(Barcode, ("code",))]})
        if row.get("supplier"):
            supplier = self.supplier(row["supplier"])
            links = self.by_variant.get(id(variant), {})
            link = links.get(supplier.pk) or VariantSupplier(
                variant=variant, supplier=supplier, is_preferred=not any(x.is_preferred for x in links.values()))
            touched.append((link, dict(link.__dict__), dict(link._state.fields_cache)))
            link.supplier_sku = row.get("supplier_sku") or link.supplier_sku
            if row.get("supplier_cost"):
                link.cost = _number(row, "supplier_cost", Decimal)
            if row.get("pack_size"):
                link.pack_size = _number(row, "pack_size", int)
            _clean(link)
        return barcode, link

    def keep(self, product, variant, barcode, link, old_name):
        if id(product) not in self.places:
            self.places[id(product)] = len(self.places)
            self.products.add(product)
            self.by_name[product.name].append(product)
        elif product.name != old_name:
            self.by_name[old_name].remove(product)
            insort(self.by_name[product.name], product, key=lambda p: self.places[id(p)])
        if variant.sku not in self.by_sku:
            self.by_sku[variant.sku] = variant
            self.variants.add(variant)
        if barcode:
            self.owners[barcode.code] = variant
            self.barcodes.add(barcode)
        if link and link.supplier_id not in self.by_variant[id(variant)]:
            self.by_variant[id(variant)][link.supplier_id] = link
            self.links.add(link)

    def save(self):
        for table in (self.products, self.variants, self.barcodes, self.links):
            table.save()


def _parts(values, size=500):
    return (values[start:start + size] for start in range(0, len(values), size))
