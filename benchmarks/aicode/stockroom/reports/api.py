from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from core.rest import date, parse_param

from . import services


def days(raw):
    value = int(raw)
    if not 0 < value <= 3650:
        raise ValueError(raw)
    return value


def count(raw):
    value = int(raw)
    if not 0 <= value <= 100_000:
        raise ValueError(raw)
    return value


class ReportViewSet(viewsets.ViewSet):
    """Reports; all take query parameters and return JSON."""

    def list(self, request):
        return Response({a.url_path: request.build_absolute_uri(f"{a.url_path}/") for a in self.get_extra_actions()})

    def params(self, **parsers):
        """The given query parameters under the names the service uses."""
        names = {"start": "from", "end": "to"}
        parsed = {name: parse_param(self.request.query_params, names.get(name, name), parse)
                  for name, parse in parsers.items()}
        return {name: value for name, value in parsed.items() if value is not None}

    @action(detail=False, url_path="low-stock")
    def low_stock(self, request):
        return Response(services.low_stock(**self.params(warehouse=int, window_days=days, cover_days=count)))

    @action(detail=False, url_path="stock-value")
    def stock_value(self, request):
        return Response(services.stock_value())

    @action(detail=False, url_path="best-sellers")
    def best_sellers(self, request):
        params = self.params(start=date, end=date, warehouse=int, by=str, limit=count)
        if params.get("by", "quantity") not in ("quantity", "revenue"):
            raise ValidationError({"by": ["Must be quantity or revenue."]})
        return Response(services.best_sellers(**params))

    @action(detail=False, url_path="slow-movers")
    def slow_movers(self, request):
        return Response(services.slow_movers(**self.params(days=days, max_sold=count, warehouse=int)))

    @action(detail=False, url_path="supplier-performance")
    def supplier_performance(self, request):
        return Response(services.supplier_performance(**self.params(start=date, end=date)))

    @action(detail=False)
    def ageing(self, request):
        return Response(services.ageing(**self.params(warehouse=int)))
