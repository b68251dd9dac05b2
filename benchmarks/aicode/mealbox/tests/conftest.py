from datetime import date, timedelta

import httpx
import pytest
from mealbox.config import Settings
from mealbox.deps import Outside
from mealbox.main import create_app
from mealbox.models import User
from sqlalchemy import update

MONDAY = date.today() - timedelta(days=date.today().weekday())


@pytest.fixture
def anyio_backend():
    return "asyncio"


class FakeMailer:
    def __init__(self):
        self.sent = []

    async def send(self, messages):
        self.sent += messages


class World:
    """The app with its outside stubbed: self.pages are web pages, self.prices what the prices API knows."""

    def __init__(self, app, client):
        self.app, self.client = app, client
        self.pages, self.prices, self.requests = {}, {}, []
        self.mailer = FakeMailer()

    def outside(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.host == "prices.test":
            if self.prices is None:
                return httpx.Response(503)
            names = [name for name in request.url.params["names"].split(",") if name in self.prices]
            return httpx.Response(200, json={"prices": [{"name": name, **self.prices[name]} for name in names]})
        page = self.pages.get(str(request.url))
        if isinstance(page, httpx.Response):
            return page
        return httpx.Response(200, html=page) if page else httpx.Response(404)

    async def person(self, name, admin=False):
        login = {"email": f"{name}@example.com", "password": "correct horse"}
        response = await self.client.post("/auth/register", json=login | {"name": name.title()})
        assert response.status_code == 201, response.text
        if admin:
            async with self.app.state.sessions() as session:
                await session.execute(update(User).where(User.email == login["email"]).values(is_admin=True))
                await session.commit()
        token = (await self.client.post("/auth/login", json=login)).json()["token"]
        return Person(self, response.json()["id"], token)

    async def household(self, name):
        """A new person with a household of their own."""
        person = await self.person(name)
        home = await person.post("/households", {"name": f"{name}'s"})
        person.home, person.invite = f"/households/{home['id']}", home["invite_code"]
        person.home_id = home["id"]
        return person


class Person:
    def __init__(self, world, user_id, token):
        self.world, self.id, self.token = world, user_id, token

    async def call(self, method, path, expect=None, **kwargs):
        response = await self.world.client.request(
            method, path, headers={"Authorization": f"Bearer {self.token}"}, **kwargs)
        if expect:
            assert response.status_code == expect, response.text
        else:
            assert response.is_success, response.text
        is_json = response.content and response.headers.get("content-type") == "application/json"
        return response.json() if is_json else response

    async def get(self, path, expect=None, **params):
        return await self.call("GET", path, expect, params=params)

    async def post(self, path, json=None, expect=None, **params):
        return await self.call("POST", path, expect, json=json, params=params)

    async def put(self, path, json=None, expect=None):
        return await self.call("PUT", path, expect, json=json)

    async def delete(self, path, expect=None):
        return await self.call("DELETE", path, expect)

    async def recipe(self, title="Soup", ingredients=(), **extra):
        lines = [dict(zip(("name", "amount", "unit"), line, strict=False)) for line in ingredients]
        return await self.post(f"{self.home}/recipes", {"title": title, "ingredients": lines, **extra})

    async def plan(self, recipe, day=MONDAY, **extra):
        return await self.post(f"{self.home}/plan", {"recipe_id": recipe["id"], "day": str(day), **extra})


@pytest.fixture
async def world(tmp_path):
    settings = Settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/test.db", prices_url="http://prices.test/v1")
    app = create_app(settings)
    async with app.router.lifespan_context(app), httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://mealbox.test") as client:
        world = World(app, client)
        async with httpx.AsyncClient(transport=httpx.MockTransport(world.outside)) as outside:
            app.state.outside = Outside(settings, outside, world.mailer)
            yield world
