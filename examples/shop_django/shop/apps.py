from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ShopConfig(AppConfig):
    name = "shop"


class ShopAdminConfig(AdminConfig):
    default_site = "shop.admin_site.ShopAdminSite"
