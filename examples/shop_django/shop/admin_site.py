from django.contrib import admin
from django.template.response import TemplateResponse
from django.urls import path


class ShopAdminSite(admin.AdminSite):
    site_header = site_title = "Shop administration"
    index_template = "admin/shop_index.html"

    def get_urls(self):
        return [path("dashboard/", self.admin_view(self.dashboard), name="dashboard"), *super().get_urls()]

    def dashboard(self, request):
        from .reports import sales_report  # models aren't loaded yet when this module is
        from .serializers import PeriodSerializer

        period = PeriodSerializer(data=request.GET)
        report = sales_report(**(period.validated_data if period.is_valid() else {}))
        best = max((row["revenue"] for row in report["by_day"]), default=0)
        for row in report["by_day"]:
            row["bar"] = int(100 * row["revenue"] / best) if best else 0
        return TemplateResponse(request, "admin/dashboard.html", {
            **self.each_context(request), "title": "Sales dashboard", "report": report,
            "errors": period.errors})
