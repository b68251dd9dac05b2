"""An endpoint that speaks the chat protocol of OpenAI: one POST, one answer, within limits of time and size."""

import asyncio
import email.utils
import ipaddress
import json
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from perfwright.errors import InputError
from perfwright.fix.ai.assistant import LARGEST, AssistantError, Message, Sent
from perfwright.fix.ai.replies import Answer

if TYPE_CHECKING:
    import httpx

CONNECT = 20.0  # seconds
TRIES, REDIRECTS = 5, 3
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds before trying again
AGAIN = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
SHOWN = 300  # letters of what a server says
Pause = Callable[[float], Coroutine[Any, Any, None]]


class Endpoint:
    """An endpoint by its URL, with a model and a key; `pause` waits before it is asked again.

    Raises InputError where they cannot be used.
    """

    def __init__(self, url: str, model: str, key: str, *, seconds: float, pause: Pause = asyncio.sleep) -> None:
        self.pause = pause
        self.url, self.model, self.key, self.seconds = _checked(url), model, key.strip(), seconds
        if not self.key.isascii() or not (self.key.isprintable()):
            raise InputError("PERFWRIGHT_AI_KEY is no key: give it in plain letters, on one line.", slug="no-assistant")
        try:
            import httpx  # noqa: F401 - only where somebody is asked
        except ImportError as error:
            raise InputError(
                "--ai asks over HTTP, for which httpx is needed; install perfwright[ai].", slug="no-assistant"
            ) from error

    @property
    def name(self) -> str:
        return self.model

    @property
    def place(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    def ask(self, messages: Sequence[Message], sent: Sent) -> Answer:
        """Return the answer to a conversation. Raises AssistantError."""
        body = json.dumps({"model": self.model, "messages": list(messages), "stream": False}).encode()
        return asyncio.run(self._ask(body, sent))

    async def _ask(self, body: bytes, sent: Sent) -> Answer:
        wait = FIRST_WAIT
        for left in reversed(range(TRIES)):
            sent()
            try:
                async with asyncio.timeout(self.seconds):
                    status, headers, data = await self._post(body)
            except TimeoutError as error:
                raise AssistantError(
                    f"{self.place} did not answer within {self.seconds:g} s (--ai-seconds)."
                ) from error
            if status == 200:
                return self._answer(data)
            if status not in AGAIN or not left:
                raise AssistantError(
                    f"{self.place} answers {status}{self._said(data)}; check PERFWRIGHT_AI_URL, _MODEL and _KEY.",
                    ends=status not in AGAIN,
                )
            asked = _retry_after(headers.get("retry-after", ""))
            if asked is not None and asked > LONGEST_WAIT:
                raise AssistantError(f"{self.place} answers {status} and asks to wait {asked:,.0f} s.", ends=True)
            await self.pause(wait if asked is None else asked)
            wait = min(2 * wait, LONGEST_WAIT)
        raise AssertionError("the last try raises")

    async def _post(self, body: bytes) -> "tuple[int, httpx.Headers, bytes]":
        """Return status, headers and body of what the server sends, following it on its own host alone."""
        import httpx

        headers = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        url = self.url
        limits = httpx.Timeout(self.seconds, connect=CONNECT)
        # No proxy stands between this machine and itself.
        async with httpx.AsyncClient(timeout=limits, trust_env=not _is_here(urlsplit(url))) as client:
            for _ in range(REDIRECTS):
                try:
                    async with client.stream("POST", url, content=body, headers=headers) as response:
                        if response.status_code not in (301, 302, 303, 307, 308):
                            return response.status_code, response.headers, await self._read(response)
                        url = self._redirected(url, response.headers.get("location", ""))
                except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
                    raise TimeoutError from error
                except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                    refused = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                    raise AssistantError(
                        f"{self.place} cannot be reached ({self._masked(str(error)) or type(error).__name__}).",
                        ends=refused,
                    ) from error
        raise AssistantError(f"{self.place} redirects without end.", ends=True)

    async def _read(self, response: "httpx.Response") -> bytes:
        data = bytearray()
        async for chunk in response.aiter_raw():
            data += chunk
            if len(data) > LARGEST:
                raise AssistantError(f"{self.place} sends more than {LARGEST >> 20} MiB; that is no answer.")
        return bytes(data)

    def _redirected(self, url: str, location: str) -> str:
        """Return where a redirect leads. Raises AssistantError where that is another host: code and key stay here."""
        to = urljoin(url, location)
        here, there = urlsplit(url), urlsplit(to)
        if not location or (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise AssistantError(
                f"{self.place} redirects to another host ({there.hostname}), which is not followed; "
                "set PERFWRIGHT_AI_URL to the address that answers.",
                ends=True,
            )
        return to

    # ------------------------------------------------------------------------------ what comes back
    def _answer(self, data: bytes) -> Answer:
        try:
            said = json.loads(data)
            texts = [_text(each["message"].get("content")) for each in said["choices"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise AssistantError(f"{self.place} answers with what is no chat completion{self._said(data)}.") from error
        usage = said.get("usage") if isinstance(said.get("usage"), dict) else {}
        return Answer("\n\n".join(texts), _tokens(usage, "prompt_tokens"), _tokens(usage, "completion_tokens"))

    def _said(self, data: bytes) -> str:
        """Return what a server says of an error, without the key."""
        text = data[: LARGEST >> 4].decode("utf8", "replace")
        try:
            found: Any = json.loads(data)
            error = found["error"]
            text = error["message"] if isinstance(error, dict) else error
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        text = " ".join(self._masked(str(text)).split())
        return f" ({text[:SHOWN]})" if text else ""

    def _masked(self, text: str) -> str:
        return text.replace(self.key, "...") if self.key else text


def _checked(url: str) -> str:
    """Return the address that is asked. Raises InputError where it is none, or would send code for all to read."""
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise _no_address() from error
    if parts.scheme not in ("http", "https") or not host:
        raise _no_address()
    if parts.username is not None or parts.password is not None:
        raise InputError(
            "PERFWRIGHT_AI_URL holds a name or a password; give the key in PERFWRIGHT_AI_KEY.", slug="no-assistant"
        )
    if parts.scheme == "http" and not _is_here(parts):
        raise InputError(
            f"PERFWRIGHT_AI_URL would send your code to {host} unencrypted; use https, or http to this machine alone.",
            slug="unencrypted-endpoint",
        )
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        path += "/chat/completions"
    return parts._replace(path=path, fragment="").geturl()


def _no_address() -> InputError:
    return InputError("PERFWRIGHT_AI_URL is no address; give such as https://api.example.com/v1.", slug="no-assistant")


def _is_here(parts: SplitResult) -> bool:
    """Tell whether an address is this machine."""
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _retry_after(text: str) -> float | None:
    """Return the seconds that `Retry-After` asks for; None where it says nothing."""
    if text.strip().isdecimal():
        return float(text[:9])
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _text(content: object) -> str:
    """Return what a message says: a text, or parts of one."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(each.get("text") or "") for each in content if isinstance(each, dict))
    return ""


def _tokens(usage: Mapping[str, Any], name: str) -> int | None:
    count = usage.get(name)
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None
