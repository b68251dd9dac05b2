from django.contrib import admin
from django.urls import include, path
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.routers import DefaultRouter

from catalog import api as catalog
from core import api as core
from inventory import api as inventory
from purchasing import api as purchasing
from reports import api as reports
from sales import api as sales

router = DefaultRouter()
router.register("activity", core.ActivityViewSet, "activity")
router.register("categories", catalog.CategoryViewSet)
router.register("suppliers", catalog.SupplierViewSet)
router.register("products", catalog.ProductViewSet)
router.register("variants", catalog.VariantViewSet)
router.register("barcodes", catalog.BarcodeViewSet)
router.register("variant-suppliers", catalog.VariantSupplierViewSet)
router.register("warehouses", inventory.WarehouseViewSet)
router.register("shelves", inventory.ShelfViewSet)
router.register("stock", inventory.StockLevelViewSet, "stock")
router.register("movements", inventory.StockMovementViewSet, "movement")
router.register("stocktakes", inventory.StocktakeViewSet)
router.register("purchase-orders", purchasing.PurchaseOrderViewSet, "purchaseorder")
router.register("receipts", purchasing.ReceiptViewSet, "receipt")
router.register("customer-groups", sales.CustomerGroupViewSet)
router.register("customers", sales.CustomerViewSet)
router.register("prices", sales.PriceViewSet)
router.register("sales-orders", sales.SalesOrderViewSet, "salesorder")
router.register("shipments", sales.ShipmentViewSet, "shipment")
router.register("reports", reports.ReportViewSet, "report")

admin.site.site_header = admin.site.site_title = "Stockroom"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/token/", obtain_auth_token, name="api-token"),
    path("api/", include(router.urls)),
    path("accounts/", include("django.contrib.auth.urls")),
    path("", include("pages.urls")),
]
