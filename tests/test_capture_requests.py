"""Requests that would go out: counted once whatever the layers, stubbed unless asked otherwise."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from _watched import line_of, run

CLIENTS = """
import asyncio
import http.client
import urllib.request

import aiohttp
import httpx
import httpx2
import requests
import urllib3


def by_requests(base):
    with requests.Session() as session:
        return [session.get(f"{base}/users/{i}").json() for i in range(3)]  # requests


def by_httpx(base):
    with httpx.Client() as client:
        return [client.get(f"{base}/users/{i}").json() for i in range(3)]  # httpx


def by_httpx2(base):
    return [httpx2.post(f"{base}/users/{i}", json={"a": 1}).json() for i in range(3)]  # two


def by_urllib3(base):
    pool = urllib3.PoolManager()
    return [pool.request("GET", f"{base}/users/{i}").json() for i in range(3)]  # pool


def by_urllib(base):
    out = []
    for i in range(3):
        with urllib.request.urlopen(f"{base}/users/{i}") as answer:  # urlopen
            out.append(__import__("json").load(answer))
    return out


def by_http_client(base):
    connection = http.client.HTTPConnection(base.removeprefix("http://"))
    out = []
    for i in range(3):
        connection.request("GET", f"/users/{i}")  # client
        out.append(__import__("json").load(connection.getresponse()))
    connection.close()
    return out


def by_async_httpx(base):
    async def main():
        async with httpx.AsyncClient() as client:
            answers = [await client.get(f"{base}/users/{i}") for i in range(3)]  # async
            return [answer.json() for answer in answers]
    return asyncio.run(main())


def by_aiohttp(base):
    async def main():
        async with aiohttp.ClientSession() as session:
            out = []
            for i in range(3):
                async with session.get(f"{base}/users/{i}", params={"a": "b"}) as answer:  # session
                    out.append(await answer.json())
            return out
    return asyncio.run(main())
"""
SCRIPT = """
import clients
capture = Capture([ROOT], stub_requests=STUB)
capture.install()
for name in sorted(vars(clients)):
    if name.startswith("by_"):
        with capture.recording() as trace:
            answers = getattr(clients, name)(BASE)
        told[name] = {"answers": answers, "trace": trace.to_json()}
told["hooks"] = sorted(capture.hooks)
"""
PLACES = {
    "by_requests": "# requests",
    "by_httpx": "# httpx",
    "by_httpx2": "# two",
    "by_urllib3": "# pool",
    "by_urllib": "# urlopen",
    "by_http_client": "# client",
    "by_async_httpx": "# async",
    "by_aiohttp": "# session",
}


class Server(BaseHTTPRequestHandler):
    """Answers everything, and keeps what it was asked."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b'{"real": true}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def told(root: Path, base: str, *, stub: bool) -> dict[str, Any]:
    (root / "clients.py").write_text(CLIENTS)
    Server.seen.clear()
    return run(root, SCRIPT.replace("STUB", str(stub)).replace("BASE", repr(base)))


@pytest.mark.parametrize("stub", [True, False])
def test_every_client_is_counted_once_at_its_line(tmp_path: Path, base: str, stub: bool) -> None:
    found = told(tmp_path, base, stub=stub)

    for name, mark in PLACES.items():
        trace, answers = found[name]["trace"], found[name]["answers"]
        assert trace["faults"] == 0, name
        assert answers == [{} if stub else {"real": True}] * 3, name
        [group] = trace["requests"]
        assert (group["method"], group["host"], group["path"]) == (
            "POST" if name == "by_httpx2" else "GET",
            "127.0.0.1",
            "/users/{}",
        ), name
        assert (group["count"], group["stubbed"]) == (3, stub), name
        assert group["site"][-1][:2] == ["clients.py", line_of(tmp_path, "clients.py", mark)], name
    assert len(Server.seen) == (0 if stub else 3 * len(PLACES))


def test_a_test_client_and_transports_in_the_process_are_not_outbound(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import httpx\n"
        "from fastapi import FastAPI\n"
        "app = FastAPI()\n"
        "@app.get('/inner/{n}')\n"
        "async def inner(n: int):\n"
        "    return {'n': n}\n"
        "@app.get('/outer')\n"
        "def outer():\n"
        "    return httpx.get('http://other.example/things/77').json()  # out\n"
    )
    found = run(
        tmp_path,
        "import asyncio, app, httpx\n"
        "from fastapi.testclient import TestClient\n"
        "capture = Capture([ROOT]); capture.install()\n"
        "with TestClient(app.app) as client:\n"
        "    with capture.recording() as trace:\n"
        "        told['answers'] = [client.get('/inner/3').json(), client.get('/outer').json()]\n"
        "    told['trace'] = trace.to_json()\n"
        "async def main():\n"
        "    async with httpx.AsyncClient(transport=httpx.ASGITransport(app.app), base_url='http://in') as client:\n"
        "        return (await client.get('/inner/4')).json()\n"
        "with capture.recording() as trace:\n"
        "    told['asgi'] = asyncio.run(main())\n"
        "    mock = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(204)))\n"
        "    told['mock'] = mock.get('http://mocked').status_code\n"
        "told['inside'] = trace.to_json()['requests']\n",
    )

    assert found["answers"] == [{"n": 3}, {}]
    [group] = found["trace"]["requests"]
    assert (group["host"], group["path"], group["count"]) == ("other.example", "/things/{}", 1)
    assert group["site"] == [["app.py", 9, "outer"]]
    assert (found["asgi"], found["mock"], found["inside"]) == ({"n": 4}, 204, [])


def test_a_request_without_a_recording_does_not_go_out_either(tmp_path: Path, base: str) -> None:
    Server.seen.clear()
    found = run(
        tmp_path,
        "import requests, threading, urllib.request\n"
        "capture = Capture([ROOT]); capture.install()\n"
        f"told['json'] = requests.get('{base}/x').json()\n"
        f"told['text'] = urllib.request.urlopen('{base}/x').read().decode()\n"
        "capture.remove()\n"
        f"told['after'] = requests.get('{base}/after').json()\n",
    )

    assert found == {"json": {}, "text": "{}", "after": {"real": True}}
    assert Server.seen == ["/after"]
