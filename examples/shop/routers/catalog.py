from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import or_, select

from ..models import Category, Product
from ..schemas import CategoryIn, CategoryNode, CategoryOut, ProductIn, ProductOut, ProductPatch
from ..security import Admin, Db
from ..services import category_tree, descendant_ids

router = APIRouter(tags=["catalog"])

SORTS = {
    "name": Product.name,
    "price": Product.price,
    "-price": Product.price.desc(),
    "newest": Product.created_at.desc(),
}


def find_product(db: Db, product_id: int) -> Product:
    product = db.get(Product, product_id)
    if product is None or not product.active:
        raise HTTPException(404, "No such product")
    return product


@router.get("/categories", response_model=list[CategoryOut])
def list_categories(db: Db):
    return db.scalars(select(Category).order_by(Category.name)).all()


@router.get("/categories/tree", response_model=list[CategoryNode])
def tree(db: Db):
    return category_tree(db)


@router.post("/categories", response_model=CategoryOut, status_code=201, dependencies=[Admin])
def create_category(data: CategoryIn, db: Db):
    if data.parent_id is not None and db.get(Category, data.parent_id) is None:
        raise HTTPException(404, "No such parent category")
    if db.scalar(select(Category).where(Category.slug == data.slug)):
        raise HTTPException(409, "Slug is taken")
    category = Category(**data.model_dump())
    db.add(category)
    db.commit()
    return category


@router.get("/products", response_model=list[ProductOut])
def list_products(
    db: Db,
    q: str = "",
    category: str = "",
    min_price: int | None = None,
    max_price: int | None = None,
    min_rating: float | None = None,
    in_stock: bool = False,
    sort: str = Query("name", pattern="^(name|price|-price|newest)$"),
    page: int = Query(1, ge=1),
    size: int = Query(20, ge=1, le=100),
):
    query = select(Product).where(Product.active)
    if q:
        query = query.where(or_(Product.name.contains(q), Product.description.contains(q)))
    if category:
        found = db.scalar(select(Category).where(Category.slug == category))
        if found is None:
            raise HTTPException(404, "No such category")
        query = query.where(Product.category_id.in_(descendant_ids(found)))
    if min_price is not None:
        query = query.where(Product.price >= min_price)
    if max_price is not None:
        query = query.where(Product.price <= max_price)
    if in_stock:
        query = query.where(Product.stock > 0)
    query = query.order_by(SORTS[sort], Product.id)
    if min_rating is not None:
        products = [p for p in db.scalars(query) if (p.average_rating or 0) >= min_rating]
        return products[(page - 1) * size : page * size]
    return db.scalars(query.offset((page - 1) * size).limit(size)).all()


@router.get("/products/{product_id}", response_model=ProductOut)
def get_product(product_id: int, db: Db):
    return find_product(db, product_id)


@router.get("/products/{product_id}/related", response_model=list[ProductOut])
def related_products(product_id: int, db: Db):
    product = find_product(db, product_id)
    others = [p for p in product.category.products if p.id != product.id and p.active]
    others.sort(key=lambda p: p.average_rating or 0, reverse=True)
    return others[:5]


@router.post("/products", response_model=ProductOut, status_code=201, dependencies=[Admin])
def create_product(data: ProductIn, db: Db):
    if db.get(Category, data.category_id) is None:
        raise HTTPException(404, "No such category")
    if db.scalar(select(Product).where(Product.sku == data.sku)):
        raise HTTPException(409, "SKU is taken")
    product = Product(**data.model_dump())
    db.add(product)
    db.commit()
    return product


@router.patch("/products/{product_id}", response_model=ProductOut, dependencies=[Admin])
def update_product(product_id: int, data: ProductPatch, db: Db):
    product = db.get(Product, product_id)
    if product is None:
        raise HTTPException(404, "No such product")
    changes = data.model_dump(exclude_unset=True)
    if "category_id" in changes and db.get(Category, changes["category_id"]) is None:
        raise HTTPException(404, "No such category")
    for field, value in changes.items():
        setattr(product, field, value)
    db.commit()
    db.refresh(product)
    return product


@router.delete("/products/{product_id}", status_code=204, dependencies=[Admin])
def delete_product(product_id: int, db: Db):
    find_product(db, product_id).active = False
    db.commit()
