"""The load of `check_profiles.py`: seeds `examples/shop` and asks for its pages, all in one thread.

Run as a program, from the folder that holds `shop`; what profiles it runs around it.
"""

import argparse
import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any

# How often each page is asked for in one round: `{n}` is a product's number.
PAGES = (
    ("GET", "/products?min_rating=3", 3),
    ("GET", "/products/{n}/related", 12),
    ("GET", "/products/{n}/reviews", 10),
    ("GET", "/categories/tree", 2),
    ("GET", "/categories", 2),
    ("GET", "/admin/orders", 4),
    ("GET", "/admin/orders.csv", 1),
    ("GET", "/admin/revenue", 1),
    ("GET", "/admin/dashboard", 1),
    ("GET", "/orders", 6),
    ("GET", "/cart", 4),
    ("GET", "/nowhere/{n}", 2),
)


async def at_once(function: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
    """Stand in for Starlette's thread pool: cProfile and pyinstrument see only the thread that starts them."""
    return function(*given, **named)


def seed(products: int, orders: int) -> None:
    """Fill the database that `STORE_DATABASE_URL` names."""
    from shop import database
    from shop import seed as filling

    random.seed(1)
    database.init_db()
    with database.SessionLocal() as session:
        made = filling.seed_products(session, filling.seed_categories(session), products)
        filling.seed_orders(session, filling.seed_customers(session, 20), made, orders)
        filling.seed_reviews(session)


def token() -> str:
    """Return a customer's token, logged in as the shop does it."""
    from shop import database, models, security

    with database.SessionLocal() as session:
        return security.issue_token(session, session.query(models.Customer).first())


def requests(rounds: int, products: int) -> list[tuple[str, str]]:
    """Return the requests of a load, shuffled the same way each time."""
    chance = random.Random(2)
    asked = [(method, path) for method, path, often in PAGES for _ in range(often * rounds)]
    chance.shuffle(asked)
    return [(method, path.replace("{n}", str(chance.randint(1, products)))) for method, path in asked]


async def drive(send: Callable[[str, str], Awaitable[int]], asked: list[tuple[str, str]]) -> None:
    """Send the requests one after another; anything but an answer that is meant ends it."""
    for method, path in asked:
        status = await send(method, path)
        if status != (404 if path.startswith("/nowhere") else 200):
            raise SystemExit(f"{method} {path} was answered with {status}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--products", type=int, default=120)
    parser.add_argument("--orders", type=int, default=150)
    parser.add_argument("--address", default="", help="Ask a server that runs there, rather than the application.")
    given = parser.parse_args()
    import httpx
    from starlette import concurrency

    concurrency.run_in_threadpool = at_once
    headers = {"x-admin-token": os.environ["STORE_ADMIN_TOKEN"], "authorization": f"Bearer {token()}"}
    transport = None
    if not given.address:
        from shop.main import app

        transport = httpx.ASGITransport(app=app)
    base = given.address or "http://shop"
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers, timeout=60) as client:

        async def send(method: str, path: str) -> int:
            return (await client.request(method, path)).status_code

        await drive(send, requests(given.rounds, given.products))


if __name__ == "__main__":
    asyncio.run(main())
