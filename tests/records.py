"""Records made by hand: what the tests of reports, baselines and changes are given."""

from dataclasses import replace

from perfwright.finding import Cost, Finding, Place, Predicted, Record, Step, Summary, Term, Unreadable

N_PLUS_ONE = Finding(
    rule="n-plus-one-query",
    severity="error",
    confidence="certain",
    place=Place(path="shop/views.py", line=4, column=5, end_line=5, function="order_list"),
    symbol="Order.customer",
    message="one query per order: `order.customer` is not fetched with the orders",
    cure='Order.objects.select_related("customer")',
    chain=(
        Step(path="shop/views.py", line=4, function="order_list", what="loop over Order"),
        Step(path="shop/views.py", line=5, function="order_list", what="order.customer"),
        Step(path="shop/models.py", line=2, function="Order.customer", what="db.query"),
    ),
    entry_points=("GET /orders", "GET /orders.csv", "GET /customers/{id}"),
    cost=Cost(
        terms=(Term("db.query", ("Order",)),),
        at={"Order": 100_000},
        predicted={"latency_ms": 100_001.0, "queries": 100_001},
    ),
    evidence=(Predicted(resolved_calls=1.0),),
)
SCAN = Finding(
    rule="membership-in-list",
    severity="warning",
    confidence="likely",
    place=Place(path="shop/prices.py", line=3, column=12, function="common"),
    symbol="right",
    message="every pass over `left` scans the list `right`",
    cure="make a set of `right` before the loop",
    cost=Cost(terms=(Term("compare", ("items", "items")),), at={"items": 1_000}, predicted={"latency_ms": 20.0}),
)
STALL = Finding(
    rule="blocking-call-in-async",
    severity="error",
    confidence="certain",
    place=Place(path="shop/hooks.py", line=2, column=5, function="notify"),
    symbol="requests.post",
    message="`requests.post()` stops the event loop while it waits",
    cure="await a call of httpx.AsyncClient, or asyncio.to_thread(requests.post, ...)",
    chain=(
        Step(path="shop/hooks.py", line=2, function="notify", what="send()"),
        Step(path="shop/mail.py", line=9, function="send", what="http.request: requests.post(url, json=body)"),
    ),
    entry_points=("POST /hooks",),
    cost=Cost(terms=(Term("http.request"),), predicted={"stall_ms": 50.0}),
)
WHOLE_TABLE = Finding(
    rule="unbounded-result",
    severity="error",
    confidence="likely",
    place=Place(path="shop/views.py", line=9, column=5, function="country_list"),
    symbol="Country",
    message="GET /countries answers with all `Country` rows, however many there are",
    cure="give the query a limit, or page through it",
    entry_points=("GET /countries",),
    cost=Cost(
        terms=(Term("load", ("Country",)),),
        at={"Country": 100_000},
        predicted={"latency_ms": 1_000.0, "memory_mb": 48.8281, "response_kb": 50_000.0},
    ),
)
TWIN_RULE = replace(
    N_PLUS_ONE,
    place=replace(N_PLUS_ONE.place, line=5, end_line=5),
    symbol="Order.coupon",
    message="one query per order: `order.coupon` is not fetched with the orders",
    cure='Order.objects.select_related("coupon")',
)
RACE = Finding(
    rule="check-then-act",
    severity="warning",
    confidence="certain",
    place=Place(path="shop/prices.py", line=1, function="<module>"),
    symbol="Price",
    message="two requests can both find no `Price` and both create one",
)
NOTE = replace(SCAN, severity="note", symbol="colours", message="every pass over `left` scans the list `colours`")
POSSIBLE = replace(N_PLUS_ONE, confidence="possible", symbol="Order.shop", message="perhaps one query per shop")
SIX = (N_PLUS_ONE, TWIN_RULE, STALL, WHOLE_TABLE, SCAN, RACE)
UNREADABLE = Unreadable(path="shop/old.py", why="Line 3 is not Python 3.11: missing parentheses in call to 'print'.")
SOURCES = {
    "shop/views.py": """from shop.models import Order

def order_list(request):
    for order in Order.objects.all():
        rows.append((order.customer.name, order.coupon.code))
    return rows

def country_list(request):
    return list(Country.objects.all())
""",
    "shop/hooks.py": "async def notify(event):\n    send(event.url, event.body)\n",
    "shop/prices.py": "def common(left, right):\n    # [bold] is text\n    return [x for x in left if x in right]\n",
}


def record(*findings: Finding, stated: bool = True, unreadable: tuple[Unreadable, ...] = ()) -> Record:
    """Return a record that holds the findings."""
    return Record(
        tool_version="0.1.0",
        size_stated=stated,
        findings=findings,
        summary=Summary(files=3, lines=120, calls_resolved=0.71, unreadable=unreadable),
        sources={"shop/views.py": "0" * 32},
    )
