"""What goes over the wire."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from .models import OrderStatus


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CategoryIn(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    slug: str = Field(pattern=r"^[a-z0-9-]+$", max_length=100)
    parent_id: int | None = None


class CategoryOut(Out):
    id: int
    name: str
    slug: str
    path: str


class CategoryNode(BaseModel):
    id: int
    name: str
    product_count: int
    children: list["CategoryNode"] = []


class ProductIn(BaseModel):
    sku: str = Field(min_length=1, max_length=40)
    name: str = Field(min_length=1, max_length=200)
    description: str = ""
    price: int = Field(ge=0)
    stock: int = Field(default=0, ge=0)
    category_id: int


class ProductPatch(BaseModel):
    name: str = Field(default="", min_length=1, max_length=200)
    description: str = ""
    price: int = Field(default=0, ge=0)
    stock: int = Field(default=0, ge=0)
    active: bool = True
    category_id: int = 0


class ProductOut(Out):
    id: int
    sku: str
    name: str
    description: str
    price: int
    stock: int
    category: CategoryOut
    average_rating: float | None
    review_count: int


class ReviewIn(BaseModel):
    rating: int = Field(ge=1, le=5)
    title: str = Field(default="", max_length=200)
    body: str = ""


class ReviewOut(Out):
    id: int
    rating: int
    title: str
    body: str
    author: str
    created_at: datetime


class CustomerIn(BaseModel):
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=200)
    name: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=8, max_length=200)
    address: str = ""


class CustomerPatch(BaseModel):
    name: str = Field(default="", min_length=1, max_length=200)
    address: str = ""


class CustomerOut(Out):
    id: int
    email: str
    name: str
    address: str
    created_at: datetime


class Login(BaseModel):
    email: str
    password: str


class Token(BaseModel):
    token: str


class CartItemIn(BaseModel):
    product_id: int
    quantity: int = Field(ge=1, le=100)


class CartItemOut(Out):
    product_id: int
    name: str
    quantity: int
    unit_price: int
    line_total: int


class CartOut(BaseModel):
    items: list[CartItemOut]
    total: int


class Checkout(BaseModel):
    shipping_address: str | None = None


class OrderItemOut(Out):
    product_id: int
    product_name: str
    quantity: int
    unit_price: int
    line_total: int


class OrderOut(Out):
    id: int
    status: OrderStatus
    shipping_address: str
    created_at: datetime
    items: list[OrderItemOut]
    total: int


class StatusIn(BaseModel):
    status: OrderStatus


class InvoiceOut(Out):
    number: str
    order_id: int
    net: int
    tax: int
    gross: int
    issued_at: datetime
    paid_at: datetime | None


class CustomerRow(BaseModel):
    id: int
    name: str
    email: str
    orders: int
    total_spent: int


class ProductRow(BaseModel):
    id: int
    name: str
    sold: int
    revenue: int


class Dashboard(BaseModel):
    customers: int
    products: int
    orders_by_status: dict[str, int]
    revenue: int
    revenue_last_30_days: int
    unpaid_invoices: int
    best_sellers: list[ProductRow]
    best_customers: list[CustomerRow]
    low_stock: list[str]
