from decimal import Decimal

from django.db.models import Avg, Count
from django.shortcuts import get_object_or_404
from rest_framework import filters, generics, mixins, permissions, viewsets
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from . import reports, services
from . import serializers as s
from .models import Category, Order, Product, Review, ShippingMethod


def checked(serializer_class, data):
    serializer = serializer_class(data=data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def amounts_as_text(data):
    """Plain data with its Decimals as strings, the way serializers write prices."""
    if isinstance(data, dict):
        return {key: amounts_as_text(value) for key, value in data.items()}
    if isinstance(data, list):
        return [amounts_as_text(value) for value in data]
    return str(data) if isinstance(data, Decimal) else data


class Register(generics.CreateAPIView):
    serializer_class = s.RegisterSerializer
    permission_classes = [permissions.AllowAny]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "credentials"


class Login(ObtainAuthToken):
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "credentials"


class Profile(generics.RetrieveUpdateAPIView):
    serializer_class = s.CustomerSerializer

    def get_object(self):
        return services.customer_for(self.request.user)


class CategoryList(generics.ListAPIView):
    queryset = Category.objects.all()
    serializer_class = s.CategorySerializer
    permission_classes = [permissions.AllowAny]
    pagination_class = None


class ShippingMethodList(generics.ListAPIView):
    queryset = ShippingMethod.objects.filter(is_active=True)
    serializer_class = s.ShippingMethodSerializer
    permission_classes = [permissions.AllowAny]
    pagination_class = None


class ProductViewSet(viewsets.ReadOnlyModelViewSet):
    """The catalogue and its search; staff change products in the admin."""
    serializer_class = s.ProductSerializer
    permission_classes = [permissions.AllowAny]
    lookup_field = "slug"
    filter_backends = [filters.SearchFilter, filters.OrderingFilter]
    search_fields = ["name", "description", "sku", "category__name"]
    ordering_fields = ["name", "price", "rating", "created_at"]
    ordering = ["name", "id"]  # grouping, for the rating, drops the model's own

    def get_queryset(self):
        return Product.objects.filter(is_active=True).select_related("category").annotate(
            rating=Avg("reviews__rating"), review_count=Count("reviews"))

    def filter_queryset(self, queryset):
        if self.action == "list":
            wanted = checked(s.ProductFilterSerializer, self.request.query_params)
            for key, lookup in (("category", "category__slug"), ("min_price", "price__gte"),
                                ("max_price", "price__lte")):
                if key in wanted:
                    queryset = queryset.filter(**{lookup: wanted[key]})
            if wanted["in_stock"] is not None:
                queryset = queryset.filter(**{"stock__gt" if wanted["in_stock"] else "stock": 0})
        return super().filter_queryset(queryset)


class ReviewList(generics.ListCreateAPIView):
    serializer_class = s.ReviewSerializer
    permission_classes = [permissions.IsAuthenticatedOrReadOnly]

    def get_queryset(self):
        return Review.objects.filter(product=self.product()).select_related("customer__user")

    def product(self):
        return get_object_or_404(Product, slug=self.kwargs["slug"], is_active=True)

    def perform_create(self, serializer):
        serializer.instance, created = Review.objects.get_or_create(
            product=self.product(), customer=services.customer_for(self.request.user),
            defaults=serializer.validated_data)
        if not created:
            raise services.ShopError("You have already reviewed this product.")


class CartViewSet(viewsets.ViewSet):
    """The customer's cart; the pk in the addresses is that of a cart item."""
    lookup_value_regex = r"\d+"

    def cart_response(self, status=200):
        cart = services.cart_for(self.request.user)
        items = s.CartItemSerializer(cart.items.select_related("product"), many=True).data
        return Response({"items": items, "coupon": cart.coupon and cart.coupon.code,
                         **amounts_as_text(services.cart_totals(cart))}, status=status)

    def list(self, request):
        return self.cart_response()

    def create(self, request):
        """Add to what the cart already holds."""
        data = checked(s.CartItemSerializer, request.data)
        services.set_cart_item(services.cart_for(request.user), data["product"], data["quantity"], add=True)
        return self.cart_response(status=201)

    def partial_update(self, request, pk):
        cart = services.cart_for(request.user)
        item = get_object_or_404(cart.items.select_related("product"), pk=pk)
        services.set_cart_item(cart, item.product, checked(s.QuantitySerializer, request.data)["quantity"])
        return self.cart_response()

    def destroy(self, request, pk):
        get_object_or_404(services.cart_for(request.user).items, pk=pk).delete()
        return self.cart_response()

    @action(detail=False, methods=["post", "delete"])
    def coupon(self, request):
        cart = services.cart_for(request.user)
        if request.method == "DELETE":
            cart.coupon = None
            cart.save()
        else:
            services.apply_coupon(cart, checked(s.CouponCodeSerializer, request.data)["code"])
        return self.cart_response()

    @action(detail=False, methods=["post"])
    def checkout(self, request):
        customer = services.cart_for(request.user).customer
        order = services.checkout(customer, **checked(s.CheckoutSerializer, request.data))
        return Response(s.OrderSerializer(order).data, status=201)


class OrderViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """A customer's own order history; staff see everyone's orders."""
    serializer_class = s.OrderSerializer
    lookup_field = "number"

    def get_queryset(self):
        orders = Order.objects.select_related("customer__user", "shipping_method").prefetch_related("lines")
        return orders if self.request.user.is_staff else orders.filter(customer__user=self.request.user)

    def filter_queryset(self, queryset):
        if self.detail:
            return queryset
        wanted = checked(s.OrderFilterSerializer, self.request.query_params)
        if "status" in wanted:
            queryset = queryset.filter(status=wanted["status"])
        return reports.in_period(queryset, wanted.get("start"), wanted.get("end"))

    @action(detail=True, methods=["post"])
    def cancel(self, request, number):
        order = services.change_status(self.get_object(), Order.Status.CANCELLED,
                                       by_customer=not request.user.is_staff)
        return Response(s.OrderSerializer(order).data)

    @action(detail=False)
    def export(self, request):
        return reports.orders_csv(self.filter_queryset(self.get_queryset()).prefetch_related(None))


class SalesReport(APIView):
    permission_classes = [permissions.IsAdminUser]

    def get(self, request):
        report = reports.sales_report(**checked(s.PeriodSerializer, request.query_params))
        return Response(amounts_as_text(report))
