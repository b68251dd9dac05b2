"""CSV import of products: one row per variant, matched by SKU, all rows or none."""
import csv
import io
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

    with transaction.atomic():
        for row in reader:
            line = reader.line_num
            if None in row:
                result["errors"].append({"row": line, "messages": ["Too many cells."]})
                continue
            try:
                with transaction.atomic():
                    created = _import_row({k: (v or "").strip() for k, v in row.items()})
            except ValidationError as error:
                result["errors"].append({"row": line, "messages": error.messages})
            else:
                result["created" if created else "updated"] += 1
        if result["errors"] or dry_run:
            transaction.set_rollback(True)
        else:
            result["saved"] = True
            Activity.record(user, "imported", "Products",
                            f"{result['created']} variants created, {result['updated']} updated")
    return result


def _number(row, column, convert):
    try:
        return convert(row[column])
    except (ValueError, InvalidOperation):
        raise ValidationError(f"{column}: {row[column]!r} is not a number.")


def _category(path):
    category = None
    for name in filter(None, (part.strip() for part in path.split(">"))):
        category, _ = Category.objects.get_or_create(name=name, parent=category)
    return category


def _save(obj):
    obj.full_clean()
    obj.save()
    return obj


def _import_row(row):
    if not row["sku"] or not row["product"]:
        raise ValidationError("sku and product are required.")
    category = _category(row["category"]) if row.get("category") else None
    variant = Variant.objects.select_related("product").filter(sku=row["sku"]).first()
    created = variant is None
    if created:
        matches = Product.objects.filter(name=row["product"])
        product = (matches.filter(category=category) if category else matches).first() or Product()
        variant = Variant(sku=row["sku"])
    else:
        product = variant.product
    product.name = row["product"]
    product.category = category or product.category
    variant.product = _save(product)
    if row.get("variant"):
        variant.name = row["variant"]
    if row.get("list_price"):
        variant.list_price = _number(row, "list_price", Decimal)
    if row.get("reorder_point"):
        variant.reorder_point = _number(row, "reorder_point", int)
    _save(variant)

    code = row.get("barcode")
    if code and not variant.barcodes.filter(code=code).exists():
        kinds = {length: kind for kind, length in GTIN_LENGTHS.items()}
        _save(Barcode(variant=variant, code=code, kind=kinds.get(len(code), "other") if code.isdigit() else "other"))
    if row.get("supplier"):
        supplier = Supplier.objects.filter(code__iexact=row["supplier"]).first()
        if not supplier:
            raise ValidationError(f"supplier: no supplier has the code {row['supplier']!r}.")
        link = variant.supplier_links.filter(supplier=supplier).first() or VariantSupplier(
            variant=variant, supplier=supplier,
            is_preferred=not variant.supplier_links.filter(is_preferred=True).exists())
        link.supplier_sku = row.get("supplier_sku") or link.supplier_sku
        if row.get("supplier_cost"):
            link.cost = _number(row, "supplier_cost", Decimal)
        if row.get("pack_size"):
            link.pack_size = _number(row, "pack_size", int)
        _save(link)
    return created
