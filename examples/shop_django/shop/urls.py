from django.urls import include, path
from rest_framework.routers import SimpleRouter

from . import views

router = SimpleRouter()
router.register("products", views.ProductViewSet, basename="product")
router.register("cart", views.CartViewSet, basename="cart")
router.register("orders", views.OrderViewSet, basename="order")

urlpatterns = [
    path("register/", views.Register.as_view()),
    path("token/", views.Login.as_view()),
    path("me/", views.Profile.as_view()),
    path("categories/", views.CategoryList.as_view()),
    path("shipping-methods/", views.ShippingMethodList.as_view()),
    path("products/<slug:slug>/reviews/", views.ReviewList.as_view()),
    path("reports/sales/", views.SalesReport.as_view()),
    path("", include(router.urls)),
]
