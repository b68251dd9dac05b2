from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
from rest_framework import serializers

from . import services
from .models import CartItem, Category, Customer, Order, OrderLine, Product, Review, ShippingMethod

ADDRESS_FIELDS = ["street", "postal_code", "city", "country"]


class RegisterSerializer(serializers.ModelSerializer):
    email = serializers.EmailField()
    password = serializers.CharField(write_only=True, max_length=128, trim_whitespace=False)

    class Meta:
        model = User
        fields = ["username", "email", "password", "first_name", "last_name"]

    def validate(self, data):
        try:
            validate_password(data["password"], User(**{k: v for k, v in data.items() if k != "password"}))
        except DjangoValidationError as error:
            raise serializers.ValidationError({"password": error.messages}) from error
        return data

    @transaction.atomic
    def create(self, data):
        user = User.objects.create_user(**data)
        services.customer_for(user)
        return user


class CustomerSerializer(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)

    class Meta:
        model = Customer
        fields = ["username", "email", "phone"]


class CategorySerializer(serializers.ModelSerializer):
    class Meta:
        model = Category
        fields = ["name", "slug"]


class ProductSerializer(serializers.ModelSerializer):
    category = serializers.CharField(source="category.slug")
    rating = serializers.FloatField()
    review_count = serializers.IntegerField()

    class Meta:
        model = Product
        fields = ["name", "slug", "sku", "category", "description", "price", "stock", "rating",
                  "review_count"]


class ProductFilterSerializer(serializers.Serializer):
    category = serializers.SlugField(required=False)
    min_price = serializers.DecimalField(max_digits=10, decimal_places=2, required=False)
    max_price = serializers.DecimalField(max_digits=10, decimal_places=2, required=False)
    in_stock = serializers.BooleanField(required=False, allow_null=True, default=None)


class ReviewSerializer(serializers.ModelSerializer):
    customer = serializers.CharField(source="customer.user.first_name", read_only=True)

    class Meta:
        model = Review
        fields = ["customer", "rating", "text", "created_at"]


class CartItemSerializer(serializers.ModelSerializer):
    product = serializers.SlugRelatedField(slug_field="slug", queryset=Product.objects.filter(is_active=True))
    name = serializers.CharField(source="product.name", read_only=True)
    unit_price = serializers.DecimalField(10, 2, source="product.price", read_only=True)
    quantity = serializers.IntegerField(min_value=1, max_value=999)
    line_total = serializers.DecimalField(10, 2, read_only=True)

    class Meta:
        model = CartItem
        fields = ["id", "product", "name", "unit_price", "quantity", "line_total"]


class QuantitySerializer(serializers.Serializer):
    quantity = serializers.IntegerField(min_value=1, max_value=999)


class CouponCodeSerializer(serializers.Serializer):
    code = serializers.CharField(max_length=30)


class ShippingMethodSerializer(serializers.ModelSerializer):
    class Meta:
        model = ShippingMethod
        fields = ["id", "name", "price", "free_over"]


class CheckoutSerializer(serializers.ModelSerializer):
    shipping_method = serializers.PrimaryKeyRelatedField(queryset=ShippingMethod.objects.filter(is_active=True))

    class Meta:
        model = Order
        fields = ["shipping_method", *ADDRESS_FIELDS]


class OrderLineSerializer(serializers.ModelSerializer):
    class Meta:
        model = OrderLine
        fields = ["name", "sku", "unit_price", "quantity", "line_total"]


class OrderSerializer(serializers.ModelSerializer):
    customer = serializers.CharField(source="customer.user.username")
    shipping_method = serializers.CharField(source="shipping_method.name")
    lines = OrderLineSerializer(many=True)

    class Meta:
        model = Order
        fields = ["number", "status", "customer", "placed_at", "lines", "subtotal", "discount", "coupon_code",
                  "shipping_method", "shipping_cost", "total", *ADDRESS_FIELDS, "tracking_number",
                  "shipped_at"]


class PeriodSerializer(serializers.Serializer):
    start = serializers.DateField(required=False)
    end = serializers.DateField(required=False)

    def validate(self, data):
        if "start" in data and "end" in data and data["start"] > data["end"]:
            raise serializers.ValidationError({"end": "The end is before the start."})
        return data


class OrderFilterSerializer(PeriodSerializer):
    status = serializers.ChoiceField(Order.Status.choices, required=False)
