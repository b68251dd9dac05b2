"""`check --traffic` and `--top-endpoints`: requests meet the routes of the source, and weigh what is found there."""

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfwright import config, discover, pipeline, report
from perfwright.errors import InputError
from perfwright.finding import Finding, Place, Record
from perfwright.profiles import load, overlay, traffic
from perfwright.profiles.modules import Modules
from perfwright.profiles.routes import Route, Routes, parts
from records import N_PLUS_ONE, record
from test_finding import SCHEMA

SAMPLES = Path(__file__).parent / "profiles"
EXAMPLES = Path(__file__).parent.parent / "examples"
SHOP = EXAMPLES / "shop"
NAMES = discover.find(SHOP, [SHOP], exclude=(), tests=False)
LOG = SAMPLES / "uvicorn.log"


@pytest.fixture(scope="module")
def routes() -> Routes:
    return load.routes_of(SHOP, NAMES)


@pytest.fixture(scope="module")
def found() -> Record:
    return pipeline.check(SHOP, NAMES, config.read(SHOP / "perfwright.toml"))


def of_sources(**files: str) -> Routes:
    """Return the routes of files whose names are written with `__` for `/`."""
    texts = {f"{name.replace('__', '/')}.py": text for name, text in files.items()}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    return Routes(load.routes_in(trees, Modules(texts)))


def met(routes: Routes, method: str, target: str) -> str:
    entry = routes.match(method, target)
    return "" if entry is None else f"{entry.name} {entry.route.function}"


# ---------------------------------------------------------------------------------- routes
@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/orders", "GET /orders list_orders"),
        ("GET", "/admin/orders?page=2", "GET /admin/orders list_orders"),
        ("GET", "/orders/17/", "GET /orders/{order_id} get_order"),
        ("POST", "/orders/17/cancel", "POST /orders/{order_id}/cancel cancel_order"),
        ("GET", "/products/5/related", "GET /products/{product_id}/related related_products"),
        ("HEAD", "/cart", "GET /cart show_cart"),
        ("GET", "http://shop.test/categories/tree#x", "GET /categories/tree tree"),
        ("GET", "//categories//tree", "GET /categories/tree tree"),
        ("DELETE", "/orders/17", ""),
        ("GET", "/nowhere", ""),
        ("GET", "/" + "a/" * 100_000, ""),
    ],
)
def test_a_request_meets_its_route(routes: Routes, method: str, target: str, name: str) -> None:
    assert met(routes, method, target) == name


def test_routers_below_routers_add_their_prefixes() -> None:
    routes = of_sources(
        app__main="from app.api import api\napp = FastAPI()\napp.include_router(api, prefix='/v1')",
        app__api=(
            "from . import orders\nfrom .items import router as items_router\n"
            "api = APIRouter(prefix='/api')\napi.include_router(orders.router)\n"
            "api.include_router(items_router, prefix='/i')"
        ),
        app__orders="router = APIRouter(prefix='/orders')\n@router.get('/{id}')\ndef one(id): ...",
        app__items="router = APIRouter()\n@router.get('')\ndef items(): ...",
    )

    assert met(routes, "GET", "/v1/api/orders/3") == "GET /v1/api/orders/{id} one"
    assert met(routes, "GET", "/v1/api/i") == "GET /v1/api/i items"
    assert met(routes, "GET", "/orders/3") == ""


def test_routers_that_include_each_other_end() -> None:
    routes = of_sources(
        a="from b import two\none = APIRouter(prefix='/a')\none.include_router(two)\n@one.get('/x')\ndef x(): ...",
        b="from a import one\ntwo = APIRouter(prefix='/b')\ntwo.include_router(one)",
    )

    assert met(routes, "GET", "/a/b/a/b/a/b/a/b/a/x").endswith(" x")


def test_a_prefix_that_is_not_written_out_may_be_anything() -> None:
    routes = of_sources(
        main="from shop import router\napp.include_router(router, prefix=settings.PREFIX)",
        shop="router = APIRouter()\n@router.get('/orders/{id}')\ndef order(id): ...",
    )

    assert met(routes, "GET", "/some/where/orders/3") == "GET /orders/{id} order"
    assert met(routes, "GET", "/some/where/else/3") == ""


def test_flasks_blueprints_and_converters() -> None:
    routes = of_sources(
        main=(
            "from shop import bp\napp.register_blueprint(bp, url_prefix='/b')\n"
            "@app.route('/f/<path:rest>')\ndef file(rest): ..."
        ),
        shop=(
            "bp = Blueprint('shop', __name__, url_prefix='/a')\n"
            "@bp.route('/<int:id>', methods=['PUT', 'POST'])\ndef change(id): ...\n"
            "@bp.get('/x-<name>.txt')\ndef named(name): ..."
        ),
    )

    assert met(routes, "PUT", "/b/3") == "PUT /b/<int:id> change"
    assert met(routes, "GET", "/b/3") == ""
    assert met(routes, "PUT", "/a/3") == ""
    assert met(routes, "GET", "/b/x-y.txt") == "GET /b/x-<name>.txt named"
    assert met(routes, "GET", "/f/one/two/three") == "GET /f/<path:rest> file"


def test_djangos_patterns_and_viewsets() -> None:
    names = discover.find(EXAMPLES / "shop_django", [EXAMPLES / "shop_django"], exclude=(), tests=False)

    routes = load.routes_of(EXAMPLES / "shop_django", names)

    assert met(routes, "GET", "/api/categories/") == "GET /api/categories CategoryList"
    assert met(routes, "GET", "/api/orders/") == "GET /api/orders OrderViewSet"
    assert met(routes, "PATCH", "/api/orders/7/") == "PATCH /api/orders/{pk} OrderViewSet"
    assert met(routes, "GET", "/api/products/red-lamp/reviews/") == "GET /api/products/<slug:slug>/reviews ReviewList"


def test_a_pattern_of_django_is_read_and_not_run() -> None:
    routes = of_sources(
        urls="urlpatterns = [re_path(r'^o/(?P<pk>(a+)+)/x$', views.one), path('s/', include('shop.urls'))]",
        shop__urls="urlpatterns = [path('<int:pk>/', Show.as_view())]\nurlpatterns += [path('', index)]",
    )

    assert met(routes, "GET", "/o/" + "a" * 5_000 + "/x") == "GET /o/{pk}/x one"
    assert met(routes, "GET", "/s/3/") == "GET /s/<int:pk> Show"
    assert met(routes, "GET", "/s/") == "GET /s index"


def test_handlers_with_the_same_label_are_told_apart_by_their_files(routes: Routes) -> None:
    def at(path: str) -> set[str]:
        return {route.template for _, route in routes.of("GET /", [path])}

    assert at("routers/orders.py") == {"/orders"}
    assert at("routers/carts.py") == {"/cart"}
    assert at("services.py") == {"/orders", "/cart", "/invoices"}


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=80))
def test_any_address_is_split_and_looked_up(target: str) -> None:
    route = Route(method="GET", template="/a/{b}", own="/", path="a.py", function="f")

    assert all("/" not in part for part in parts(target))
    Routes([route]).match("GET", target)


# ------------------------------------------------------------------------------------ logs
LINES = {
    "common": '10.0.0.1 - - [21/Nov/2026:10:00:00 +0000] "GET /orders HTTP/1.0" 200 512',
    "combined": '10.0.0.1 - bob [21/Nov/2026:10:00:00 +0] "GET /orders?a=1 HTTP/1.1" 200 5 "http://x/" "M \\"y\\"" 1',
    "uvicorn": 'INFO:     127.0.0.1:41234 - "GET /orders HTTP/1.1" 200 OK',
    "gunicorn": '[2026-11-21 10:00:00 +0000] [7] [INFO] 10.0.0.1 - - "GET /orders HTTP/2" 200',
    "json": '{"method": "GET", "path": "/orders", "status": 200}',
    "json request": '{"time": 1, "request": "GET /orders HTTP/1.1"}',
    "json inside": '{"severity": "INFO", "httpRequest": {"requestMethod": "GET", "requestUrl": "https://x.test/orders"}}',
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_each_kind_is_a_request(routes: Routes, tmp_path: Path, name: str) -> None:
    path = tmp_path / "access.log"
    path.write_text(f"{LINES[name]}\n" * 3)

    asked = traffic.read(path, routes)

    assert {entry.name: count for entry, count in asked.counts.items()} == {"GET /orders": 3.0}
    assert (asked.total, asked.unread) == (3.0, 0)


def test_what_matches_nothing_is_counted_and_said(routes: Routes, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text(
        "\n".join([LINES["common"], "starting", LINES["uvicorn"].replace("/orders", "/x?y=1"), "", "\0\xff"])
    )

    asked = traffic.read(path, routes)

    assert (asked.total, asked.unmatched, asked.unread) == (2.0, 1.0, 2)
    assert load.notes(asked) == ["1 match none, such as GET /x", "2 lines tell no request"]


TABLES = {
    "x.csv": "GET /orders,3\nPOST /orders,1\n",
    "head.csv": "method,path,rate\nGET,/orders,30.0\nPOST,/orders,10\n",
    "entry.csv": "entry_point;requests\nGET /orders;3\nPOST /orders;1\n",
    "x.tsv": "GET /orders\t3\nPOST /orders\t1\n",
    "x.json": '{"GET /orders": 3, "POST /orders": 1}',
    "list.json": '[{"endpoint": "GET /orders", "rps": 0.3}, {"method": "post", "path": "/orders", "rps": 0.1}]',
    "x.txt": "GET /orders, 3\nPOST /orders, 1\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_each_kind_gives_rates(routes: Routes, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(TABLES[name])

    asked = traffic.read(path, routes)

    assert {e.name: pytest.approx(c / asked.total) for e, c in asked.counts.items()} == {
        "GET /orders": 0.75,
        "POST /orders": 0.25,
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.csv", "GET /orders,nan\n", "rate in line 1"),
        ("x.csv", "GET /orders,-1\n", "rate in line 1"),
        ("x.csv", "GET /orders,1\nGET /cart,many\n", "the rate 'many' in line 2"),
        ("x.csv", "GET /orders\n", "no rate in line 1"),
        ("x.csv", "orders,3\n", "the entry point 'orders'"),
        ("x.json", '{"GET /orders": 1e400}', "rate for GET /orders"),
        ("x.json", '{"GET /orders": true}', "rate for GET /orders"),
        ("x.json", '{"GET /orders": ', "neither JSON nor a log"),
        ("x.json", "[" * 100_000, "neither JSON nor a log"),
        ("x.json", "[1, 2]", "rate of None"),
        ("access.log", "nothing here\n", "tells no request"),
        ("access.log", "", "tells no request"),
    ],
)
def test_what_is_no_traffic_is_refused_in_one_sentence(
    routes: Routes, tmp_path: Path, name: str, text: str, said: str
) -> None:
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(InputError) as refused:
        traffic.read(path, routes)

    assert said in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_line_without_end_is_read_in_pieces(routes: Routes, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text("\n".join([LINES["common"], "x" * 5_000_000, '"GET ' * 50_000, LINES["common"]]))

    assert traffic.read(path, routes).total == 2.0


# --------------------------------------------------------------------------------- weights
def test_a_finding_weighs_its_cost_times_the_requests_that_reach_it(found: Record, routes: Routes) -> None:
    asked = Counter(re.findall(r'"GET (/[^ ?"]*)', LOG.read_text()))
    products = asked["/products"]

    made = load.lay_traffic(found, LOG, routes)

    [finding] = [f for f in made.findings if f.place.path == "routers/catalog.py" and f.place.line == 78]
    [share] = finding.shares
    [seen] = [item for item in finding.evidence if item.to_json()["kind"] == "observed"]
    assert products > 0
    assert seen.to_json()["per"] == {"GET /products": products}
    costs = [count_ms(each) for each in made.findings]
    assert share.part == pytest.approx(count_ms(finding) / sum(costs))
    assert all(one >= other for one, other in pairwise(finding.weight[1] for finding in made.findings))
    SCHEMA.validate(json.loads(json.dumps(made.to_json())))


def count_ms(finding: Finding) -> float:
    """Return requests times milliseconds, from what the record holds."""
    observed = [item.to_json() for item in finding.evidence]
    counts = sum(sum(item["per"].values()) for item in observed if item["kind"] == "observed")
    predicted = finding.cost.predicted
    return counts * max(predicted.get("latency_ms", 0.0), predicted.get("stall_ms", 0.0))


def test_the_place_to_start_is_the_costliest_of_what_is_asked_for(found: Record, routes: Routes) -> None:
    made = load.start_here(load.lay_traffic(found, LOG, routes), routes, 3)

    starts = made.summary.start_here
    assert starts[0].entry_point == "GET /products"
    assert len(starts) == 3
    assert [start.share for start in starts] == sorted((start.share for start in starts), reverse=True)
    by_key = {finding.key: finding for finding in made.findings}
    assert all(by_key[key].shares for start in starts for key in start.findings)


def test_without_traffic_the_profile_says_where_to_start(found: Record, routes: Routes) -> None:
    laid = overlay.lay_profile(found, SAMPLES / "py-spy.txt", SHOP, NAMES)

    starts = load.start_here(laid, routes, 2).summary.start_here

    assert len(starts) == 2
    assert starts[0].requests == 0.0
    assert starts[0].share >= starts[1].share > 0


def test_a_profile_and_traffic_are_both_evidence(found: Record, routes: Routes) -> None:
    laid = overlay.lay_profile(load.lay_traffic(found, LOG, routes), SAMPLES / "py-spy.txt", SHOP, NAMES)

    both = [f for f in laid.findings if {share.of for share in f.shares} == {"time", "traffic"}]
    assert both
    weights = [finding.weight for finding in laid.findings]
    assert weights == sorted(weights, reverse=True)
    assert [seen.of for seen in laid.summary.seen] == ["traffic", "time"]


def test_a_finding_that_no_request_reaches_says_so(found: Record, routes: Routes, tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("GET /orders,1\n")

    made = load.lay_traffic(found, path, routes)
    shown = report.render(made, format="terminal", options=report.Options(root=SHOP, lines=lambda _: ()))

    assert "no request of rates.csv reaches it" in shown
    assert "most of GET /orders" not in shown
    assert "1 request of GET /orders" in shown


def test_a_label_without_an_address_is_met_by_its_class() -> None:
    routes = of_sources(urls="urlpatterns = [path('o/<pk>', OrderView.as_view())]")
    finding = replace(N_PLUS_ONE, entry_points=("GET OrderView", "command seed"), place=Place(path="views.py", line=1))

    costs = load.Costs([finding], routes, {entry: 2.0 for entry in [routes.match("GET", "/o/1")] if entry}, 4.0)

    assert costs.entries[finding.key] == {"GET /o/<pk>": 0.5}


# ------------------------------------------------------------------------------ the command
@pytest.fixture
def check() -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        command = [sys.executable, "-c", "from perfwright.app.main import main; main()", "check", str(SHOP)]
        done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_command_takes_both_and_keeps_its_status(check: Callable[..., tuple[int, str, str]]) -> None:
    plain, _, _ = check("--format", "json")

    given, out, _ = check(
        "--format", "json", "--profile", SAMPLES / "shop.prof", "--traffic", LOG, "--top-endpoints", 2
    )

    data = json.loads(out)
    jsonschema.validate(data, SCHEMA.schema)
    assert given == plain == 1
    assert [seen["format"] for seen in data["summary"]["seen"]] == ["access log", "cProfile"]
    assert len(data["summary"]["start_here"]) == 2
    assert Record.from_json(data).to_json() == data


@pytest.mark.parametrize("option", ["--profile", "--traffic"])
def test_a_file_that_is_not_there_is_refused(check: Callable[..., tuple[int, str, str]], option: str) -> None:
    status, out, err = check(option, "nowhere.prof")

    assert (status, out) == (2, "")
    assert "nowhere.prof does not exist" in err
    assert "docs: errors.md#missing-path" in err


def test_the_terminal_says_where_to_start(check: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = check("--traffic", LOG, "--top-endpoints", 1)

    assert "start here: the entry points where work pays off first\n  1. GET /products" in out
    assert "\n  2. " not in out
    assert "uvicorn.log: access log, " in out


def test_nothing_is_said_of_runs_where_none_was_given(found: Record) -> None:
    shown = report.render(found, format="terminal", options=report.Options(root=SHOP, lines=lambda _: ()))

    assert "seen" not in shown
    assert record(N_PLUS_ONE).summary.start_here == ()
