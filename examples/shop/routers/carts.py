from fastapi import APIRouter, HTTPException

from ..models import Cart, CartItem
from ..schemas import CartItemIn, CartOut
from ..security import Db, Me
from ..services import get_cart
from .catalog import find_product

router = APIRouter(prefix="/cart", tags=["cart"])


def cart_out(cart: Cart) -> dict:
    return {
        "items": [
            {
                "product_id": item.product_id,
                "name": item.product.name,
                "quantity": item.quantity,
                "unit_price": item.product.price,
                "line_total": item.line_total,
            }
            for item in cart.items
        ],
        "total": cart.total,
    }


@router.get("", response_model=CartOut)
def show_cart(db: Db, me: Me):
    return cart_out(get_cart(db, me))


@router.put("/items", response_model=CartOut)
def put_item(data: CartItemIn, db: Db, me: Me):
    product = find_product(db, data.product_id)
    if product.stock < data.quantity:
        raise HTTPException(409, f"Only {product.stock} left")
    cart = get_cart(db, me)
    for item in cart.items:
        if item.product_id == product.id:
            item.quantity = data.quantity
            break
    else:
        cart.items.append(CartItem(product=product, product_id=product.id, quantity=data.quantity))
    db.commit()
    return cart_out(cart)


@router.delete("/items/{product_id}", response_model=CartOut)
def remove_item(product_id: int, db: Db, me: Me):
    cart = get_cart(db, me)
    for item in cart.items:
        if item.product_id == product_id:
            cart.items.remove(item)
            db.commit()
            return cart_out(cart)
    raise HTTPException(404, "Not in the cart")


@router.delete("", status_code=204)
def empty_cart(db: Db, me: Me):
    get_cart(db, me).items.clear()
    db.commit()
