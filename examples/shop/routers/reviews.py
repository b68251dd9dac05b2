from fastapi import APIRouter, HTTPException
from sqlalchemy import select

from ..models import Order, OrderItem, OrderStatus, Review
from ..schemas import ReviewIn, ReviewOut
from ..security import Db, Me
from .catalog import find_product

router = APIRouter(tags=["reviews"])


@router.get("/products/{product_id}/reviews", response_model=list[ReviewOut])
def list_reviews(product_id: int, db: Db):
    product = find_product(db, product_id)
    return sorted(product.reviews, key=lambda r: r.created_at, reverse=True)


@router.post("/products/{product_id}/reviews", response_model=ReviewOut, status_code=201)
def create_review(product_id: int, data: ReviewIn, db: Db, me: Me):
    product = find_product(db, product_id)
    bought = db.scalar(
        select(OrderItem.id)
        .join(Order)
        .where(
            Order.customer_id == me.id,
            Order.status != OrderStatus.CANCELLED,
            OrderItem.product_id == product.id,
        )
        .limit(1)
    )
    if bought is None:
        raise HTTPException(403, "Only buyers can review a product")
    if any(r.customer_id == me.id for r in product.reviews):
        raise HTTPException(409, "You have reviewed this product")
    review = Review(**data.model_dump(), product_id=product.id, customer_id=me.id)
    db.add(review)
    db.commit()
    return review


@router.delete("/reviews/{review_id}", status_code=204)
def delete_review(review_id: int, db: Db, me: Me):
    review = db.get(Review, review_id)
    if review is None or review.customer_id != me.id:
        raise HTTPException(404, "No such review")
    db.delete(review)
    db.commit()
