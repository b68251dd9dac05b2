from fastapi import APIRouter, HTTPException
from sqlalchemy import select

from ..models import Order, OrderStatus
from ..schemas import Checkout, OrderOut, StatusIn
from ..security import Admin, Db, Me
from ..services import change_status, place_order

router = APIRouter(prefix="/orders", tags=["orders"])


def my_order(db: Db, me: Me, order_id: int) -> Order:
    order = db.get(Order, order_id)
    if order is None or order.customer_id != me.id:
        raise HTTPException(404, "No such order")
    return order


@router.post("", response_model=OrderOut, status_code=201)
def checkout(data: Checkout, db: Db, me: Me):
    return place_order(db, me, data.shipping_address)


@router.get("", response_model=list[OrderOut])
def list_orders(db: Db, me: Me, status: OrderStatus | None = None):
    query = select(Order).where(Order.customer_id == me.id).order_by(Order.created_at.desc())
    if status:
        query = query.where(Order.status == status)
    return db.scalars(query).all()


@router.get("/{order_id}", response_model=OrderOut)
def get_order(order_id: int, db: Db, me: Me):
    return my_order(db, me, order_id)


@router.post("/{order_id}/cancel", response_model=OrderOut)
def cancel_order(order_id: int, db: Db, me: Me):
    return change_status(db, my_order(db, me, order_id), OrderStatus.CANCELLED)


@router.put("/{order_id}/status", response_model=OrderOut, dependencies=[Admin])
def set_status(order_id: int, data: StatusIn, db: Db):
    order = db.get(Order, order_id)
    if order is None:
        raise HTTPException(404, "No such order")
    return change_status(db, order, data.status)
