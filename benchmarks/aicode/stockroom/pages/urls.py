from django.urls import path

from . import views

urlpatterns = [
    path("", views.Dashboard.as_view(), name="dashboard"),
    path("products/<int:pk>/", views.ProductPage.as_view(), name="product-page"),
    path("picking/", views.PickingIndex.as_view(), name="picking-index"),
    path("picking/<int:pk>/", views.PickingList.as_view(), name="picking-list"),
]
