"""The rules of the shop. Views, the admin and the seed script all go through here."""
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from rest_framework.exceptions import APIException

from .models import Cart, CartItem, Coupon, Customer, Order, OrderLine, Product, money


class ShopError(APIException):
    status_code = 400
    default_code = "invalid"


class OutOfStock(ShopError):
    status_code = 409
    default_code = "out_of_stock"


def customer_for(user):
    return Customer.objects.select_related("user").get_or_create(user=user)[0]


def cart_for(user):
    cart, _ = Cart.objects.get_or_create(customer=customer_for(user))
    return cart


def adjust_stock(product_id, delta):
    """Change a stock level in one conditional UPDATE, so that it can't go below zero."""
    changed = Product.objects.filter(pk=product_id, stock__gte=max(0, -delta)).update(stock=F("stock") + delta)
    if not changed:
        product = Product.objects.get(pk=product_id)
        raise OutOfStock(f"Only {product.stock} of {product.name} in stock.")


@transaction.atomic
def set_cart_item(cart, product, quantity, add=False):
    item = cart.items.filter(product=product).first() or CartItem(cart=cart, product=product, quantity=0)
    item.quantity = item.quantity + quantity if add else quantity
    if not product.is_active:
        raise ShopError(f"{product.name} is no longer sold.")
    if item.quantity > product.stock:
        raise OutOfStock(f"Only {product.stock} of {product.name} in stock.")
    item.save()
    return item


@transaction.atomic
def apply_coupon(cart, code):
    coupon = Coupon.objects.filter(code=code.upper()).first()
    problem = coupon.problem(cart_totals(cart)["subtotal"]) if coupon else "This coupon is not valid."
    if problem:
        raise ShopError(problem)
    cart.coupon = coupon
    cart.save()


def cart_totals(cart):
    subtotal = money(sum(item.line_total for item in cart.items.select_related("product")))
    problem = cart.coupon.problem(subtotal) if cart.coupon else ""
    discount = cart.coupon.discount_on(subtotal) if cart.coupon and not problem else money(0)
    return {"subtotal": subtotal, "discount": discount, "total": subtotal - discount,
            "coupon_problem": problem}


@transaction.atomic
def checkout(customer, shipping_method, **address):
    """Turn the cart into an order: all of it, or on any error none of it."""
    cart = Cart.objects.select_related("coupon").get(customer=customer)
    items = list(cart.items.select_related("product"))
    if not items:
        raise ShopError("The cart is empty.")
    for item in items:
        if not item.product.is_active:
            raise ShopError(f"{item.product.name} is no longer sold.")
    totals = cart_totals(cart)
    if totals["coupon_problem"]:
        raise ShopError(totals["coupon_problem"])
    shipping_cost = shipping_method.cost_for(totals["total"])
    order = Order.objects.create(
        customer=customer, coupon=cart.coupon, coupon_code=cart.coupon.code if cart.coupon else "",
        shipping_method=shipping_method, shipping_cost=shipping_cost, subtotal=totals["subtotal"],
        discount=totals["discount"], total=totals["total"] + shipping_cost, **address)
    for item in items:
        adjust_stock(item.product_id, -item.quantity)
    OrderLine.objects.bulk_create([
        OrderLine(order=order, product=item.product, name=item.product.name, sku=item.product.sku,
                  unit_price=item.product.price, quantity=item.quantity, line_total=item.line_total)
        for item in items])
    if cart.coupon:
        Coupon.objects.filter(pk=cart.coupon.pk).update(used_count=F("used_count") + 1)
    cart.items.all().delete()
    cart.coupon = None
    cart.save()
    return order


@transaction.atomic
def change_status(order, status, by_customer=False):
    """Move an order on; cancelling gives back its stock and its use of the coupon."""
    order.refresh_from_db()
    if by_customer and (order.status, status) != (Order.Status.PENDING, Order.Status.CANCELLED):
        raise ShopError("Only an order that is not yet paid can be cancelled here.")
    if status not in Order.NEXT[order.status]:
        raise ShopError(f"An order that is {order.status} can't become {status}.")
    order.status = status
    if status == Order.Status.SHIPPED:
        order.shipped_at = timezone.now()
    order.save()
    if status == Order.Status.CANCELLED:
        for line in order.lines.all():
            adjust_stock(line.product_id, line.quantity)
        Coupon.objects.filter(pk=order.coupon_id, used_count__gt=0).update(used_count=F("used_count") - 1)
    return order
