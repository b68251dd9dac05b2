"""The parts of `perfwright fix --ai`: who is asked, what is hidden, and which candidates are taken."""

import os
import re
import sys
import time
from pathlib import Path

import pytest

from _chat_server import Reply, code, endless, raw, redirects, refuses, says, serving, silent
from perfwright.config import Settings
from perfwright.errors import InputError
from perfwright.finding import Finding, Place
from perfwright.fix.ai import bodies, sensitive
from perfwright.fix.ai.asking import Bench, Case, counted, recipe, repaired
from perfwright.fix.ai.assistant import AssistantError, Message
from perfwright.fix.ai.command import Command
from perfwright.fix.ai.definitions import Definitions
from perfwright.fix.ai.endpoint import Endpoint
from perfwright.fix.ai.limits import NotTakenError
from perfwright.fix.ai.redaction import Redaction
from perfwright.fix.ai.replies import Answer, blocks
from perfwright.fix.ai.taking import taken
from perfwright.fix.ai.usage import Price, Used
from perfwright.fix.repairing import Repairer
from perfwright.fix.source import Source
from perfwright.report import fixed

MESSAGES: list[Message] = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "äöü?"}]
KEY = "sk-0123456789abcdef"


def nothing() -> None:
    """Do not count."""


# ------------------------------------------------------------------------------ an endpoint
def test_a_question_goes_out_as_the_protocol_says_and_the_answer_comes_back() -> None:
    with serving(says("one", "two", tokens=(12, 3))) as server:
        answer = Endpoint(server.url, "model-1", KEY, seconds=10).ask(MESSAGES, nothing)
        (request,) = server.requests
    assert answer == Answer("one\n\ntwo", 12, 3)
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["authorization"] == f"Bearer {KEY}"
    assert request["body"] == {"model": "model-1", "messages": MESSAGES, "stream": False}


def test_who_is_busy_is_asked_again_after_the_time_that_it_names() -> None:
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    past = "Thu, 01 Jan 1970 00:00:00 GMT"
    with serving(refuses(429, retry_after="7"), refuses(503, retry_after=past), refuses(500), says("now")) as server:
        answer = Endpoint(server.url, "m", "", seconds=10, pause=pause).ask(MESSAGES, nothing)
        assert "authorization" not in server.requests[0]["headers"]
        assert len(server.requests) == 4
    assert answer.text == "now"
    assert paused == [7, 0, 4]


def test_who_stays_busy_is_given_up() -> None:
    async def pause(_: float) -> None:
        """Do not wait."""

    counted: list[str] = []
    with (
        serving(refuses(503, "overloaded")) as server,
        pytest.raises(AssistantError, match=r"503 \(overloaded\)") as caught,
    ):
        Endpoint(server.url, "m", "", seconds=10, pause=pause).ask(MESSAGES, lambda: counted.append("one"))
    assert not caught.value.ends
    assert len(counted) == len(server.requests) == 5


@pytest.mark.parametrize(
    ("reply", "said", "ends"),
    [
        (refuses(429, retry_after="86400"), "asks to wait 86,400 s", True),
        (refuses(401, f"the key {KEY} is not known"), "answers 401 (the key ... is not known)", True),
        (refuses(400, "\x1b[2Jno such\nmodel"), "no such model", True),
        (raw(b"<html>welcome</html>"), "no chat completion (<html>welcome</html>)", False),
        (raw(b'{"choices": [{"text": "old"}]}'), "no chat completion", False),
        (raw(b"[" * 100_000), "no chat completion", False),
        (raw(b""), "no chat completion", False),
        (endless(0.02), "did not answer within 1 s", False),
        (endless(0), "sends more than 4 MiB", False),
        (silent, "did not answer within 1 s", False),
        (redirects("http://127.0.0.2:9/v1"), "redirects to another host (127.0.0.2)", True),
        (redirects("https://127.0.0.1/v1"), "redirects to another host", True),
        (redirects("/v1/again"), "redirects without end", True),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_said_and_ends_in_time(reply: Reply, said: str, ends: bool) -> None:
    with serving(reply) as server, pytest.raises(AssistantError) as caught:
        Endpoint(server.url, "m", KEY, seconds=1).ask(MESSAGES, nothing)
    assert said in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.ends == ends


def test_a_redirect_is_followed_on_the_same_host() -> None:
    with serving(redirects("/elsewhere", 308), says("here")) as server:
        assert Endpoint(server.url, "m", KEY, seconds=10).ask(MESSAGES, nothing).text == "here"
        assert [each["path"] for each in server.requests] == ["/v1/chat/completions", "/elsewhere"]
        assert server.requests[1]["body"]["messages"] == MESSAGES


def test_code_for_another_host_goes_through_no_plain_connection() -> None:
    with serving(says("no")) as server, pytest.raises(AssistantError, match="cannot be reached"):
        Endpoint(server.url.replace("http:", "https:"), "m", KEY, seconds=5).ask(MESSAGES, nothing)
    assert server.requests == []
    for url in ("http://192.168.1.5:11434/v1", "http://127.0.0.1.example.com/v1", "http://localhost.example.com"):
        with pytest.raises(InputError, match="unencrypted"):
            Endpoint(url, "m", "", seconds=1)
    for url in ("http://[::1]:1/v1", "http://localhost:1", "https://api.example.com/v1/"):
        assert Endpoint(url, "m", "", seconds=1).place.endswith("/chat/completions")


def test_a_proxy_does_not_see_what_stays_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(says("proxied")) as proxy, serving(says("direct")) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert Endpoint(server.url, "m", "", seconds=5).ask(MESSAGES, nothing).text == "direct"
        assert proxy.requests == []


def test_nobody_there_is_said_at_once() -> None:
    with serving(says("no")) as server:
        url = server.url
    with pytest.raises(AssistantError, match="cannot be reached") as caught:
        Endpoint(url, "m", KEY, seconds=5).ask(MESSAGES, nothing)
    assert caught.value.ends


@pytest.mark.parametrize("key", ["a\r\nx-other: 1", "schlüssel"])
def test_a_key_that_is_none_is_not_sent_nor_shown(key: str) -> None:
    with pytest.raises(InputError) as caught:
        Endpoint("https://a.example", "m", key, seconds=1)
    assert key not in str(caught.value)


def test_an_answer_in_parts_is_read_and_one_of_nothing_too() -> None:
    parts = b'{"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"type": "x"}]}}], "usage": null}'
    nobody = (
        b'{"choices": [{"message": {"content": null}}], "usage": {"prompt_tokens": "many", "completion_tokens": -1}}'
    )
    with serving(raw(parts), raw(nobody)) as server:
        endpoint = Endpoint(server.url, "m", "", seconds=5)
        assert [endpoint.ask(MESSAGES, nothing) for _ in range(2)] == [Answer("a"), Answer("")]


# ------------------------------------------------------------------------------ a command
def python(script: str) -> str:
    return f'{sys.executable} -c "{script}"'


def test_a_command_gets_the_conversation_and_gives_the_answer() -> None:
    command = Command(python("import sys; print(sys.stdin.read().upper(), sys.argv)") + " '$HOME;' x", seconds=20)
    later: list[Message] = [
        *MESSAGES, {"role": "assistant", "content": "first"}, {"role": "user", "content": "then"},
    ]  # fmt: skip
    assert command.ask(MESSAGES, nothing).text == "BE BRIEF\n\näöü?\n".upper() + " ['-c', '$HOME;', 'x']\n"
    assert "# YOUR ANSWER WAS\n\nFIRST\n\n# WHAT TO DO NOW\n\nTHEN" in command.ask(later, nothing).text


@pytest.mark.parametrize(
    ("words", "said", "ends"),
    [
        ("no-such-program-anywhere", "cannot be started", True),
        (python("import sys; sys.exit('it is broken')"), "ends with status 1 (it is broken)", False),
        (python("import time; time.sleep(60)"), "did not answer within 1 s", False),
        (python("while True: print('x' * 9999)"), "writes more than 4 MiB", False),
    ],
)
def test_a_command_that_does_not_answer_is_ended(words: str, said: str, ends: bool) -> None:
    seconds = 20 if "4 MiB" in said else 1
    with pytest.raises(AssistantError, match=re.escape(said)) as caught:
        Command(words, seconds=seconds).ask(MESSAGES, nothing)
    assert caught.value.ends == ends


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups here")
def test_what_a_command_started_ends_with_it(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    script = tmp_path / "tool.py"
    child = f"import time, pathlib; time.sleep(3); pathlib.Path({str(mark)!r}).touch()"
    script.write_text(f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {child!r}])\nprint('done')\n")
    # The child holds the output open: the answer is there all the same, and the child is gone.
    assert Command(f"{sys.executable} {script}", seconds=30).ask(MESSAGES, nothing).text == "done\n"
    time.sleep(4)
    assert not mark.exists()


def test_a_command_that_does_not_read_is_no_fault() -> None:
    long: list[Message] = [{"role": "user", "content": "x" * 1_000_000}]
    assert Command(python("print('short')"), seconds=20).ask(long, nothing).text == "short\n"


# ------------------------------------------------------------------------------ answers and what they cost
def test_candidates_are_the_blocks_that_define_the_function() -> None:
    one, two = "def f(x):\n    return 1\n", "import re\n\n\nasync def f(x):\n    return '''\n```\n'''\n"
    windows = two.replace("\n", "\r\n")
    text = f"No: `def f`\n```sh\nrun\n```\n```python\n{one}```\n~~~py\r\n{windows}~~~\n```\n{one}```"
    assert blocks(text, "f") == [one, two]
    assert blocks(one, "f") == [one]
    assert blocks("```python\ndef g(): ...\n```", "f") == []
    assert blocks(f"```python\n{one}", "f") == [f"```python\n{one}"]  # cut short: it will not parse


def test_money_is_told_only_where_prices_and_tokens_are_known() -> None:
    used = Used(Price.read("2.5/10"), requests=2, functions=1)
    used.take(Answer("", 1_000_000, 100_000))
    assert used.dollars == pytest.approx(3.5)
    used.take(Answer(""))
    assert "at least $3.5000" in used.told()
    unknown = Used(requests=1)
    unknown.take(Answer("", 1, 1))
    assert unknown.dollars is None
    assert "price not known" in unknown.told()
    for text in ("-1/2", "1", "a/b", "nan/1", "1/2/3"):
        with pytest.raises(InputError):
            Price.read(text)


# ------------------------------------------------------------------------------ secrets
SECRETS = '''
import os
# the password: hunter22x, for now
PASSWORD = "hunter2"
DB = "postgresql://shop:s3cr3t@db.internal:5432/shop"
DSN = f"host=db password=pa55word user={DB}"
KEY = """-----BEGIN RSA PRIVATE KEY-----
MIIEpAIBAAKCAQEA7
-----END RSA PRIVATE KEY-----"""
SIGNING = {"signing_key": b"abc\\x00defgh", "kind": "rsa"}
AWS = ["AKIAABCDEFGHIJKLMNOP", "k9Zp2LmQ8vXw4RtY7uBn3sDf6gHj1cVa5eKo0iNq"]


def connect(host, password="letmein", *, retries=3):
    if host.token == "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b":
        return os.environ.get("DB_PASSWORD", "fallback-pw")
    login("me", "open sesame")
    return get(host, auth=("me", "xyzzy"), headers={"Authorization": "Bearer abcdefgh12345678ijkl"}), "hunter2"
'''  # fmt: skip
HIDDEN = (
    "hunter22x", "hunter2", "s3cr3t", "pa55word", "MIIEpAIBAAKCAQEA7", "x00defgh", "AKIAABCDEFGHIJKLMNOP",
    "k9Zp2LmQ8vXw4RtY7uBn3sDf6gHj1cVa5eKo0iNq", "letmein", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "fallback-pw",
    "open sesame", "xyzzy", "abcdefgh12345678ijkl",
)  # fmt: skip
HARMLESS = '''
PASSWORD_FIELD = "password"
TOKEN_TYPE = "bearer"
token_url = "https://example.com/oauth/token"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PLATFORM, MODEL = "python-3.11.4-linux-x86_64", "gpt-4o-mini-2024-07-18"
LABELS = {"password": "Password", "secret": "", "api_key": "API_KEY"}


def parse(tokens, key="name", password=None, secret="<secret>"):
    """Read tokens; a password: optional."""
    for token in tokens:
        if token == "(" or token.key == "order_by_created_at":
            yield sorted(tokens, key=key), f"postgres://{key}:{password}@host", os.environ["SECRET_KEY"]
'''  # fmt: skip


def test_secrets_are_hidden_and_put_back() -> None:
    redaction = Redaction()
    hidden = redaction.code(SECRETS)

    assert [each for each in HIDDEN if each in hidden] == []
    compile(hidden, "hidden", "exec")
    assert redaction.restored(hidden) == SECRETS
    # Names and all that is no secret stay as they are.
    assert re.sub(r"HIDDEN_SECRET_\d+", "", hidden).count("\n") == SECRETS.count("\n") - 2
    assert 'SIGNING = {"signing_key": b"HIDDEN_SECRET_' in hidden
    assert '"kind": "rsa"' in hidden
    # What is known from code is hidden in what is told of it.
    plain = [each for each in HIDDEN if each not in ("MIIEpAIBAAKCAQEA7", "x00defgh")]  # parts of one
    assert [each for each in plain if each in redaction.text(f"gives {' '.join(map(repr, plain))}")] == []
    assert "defgh" not in redaction.text(f"gives {b'abc' + bytes(1) + b'defgh'!r}, 'abc\0defgh'")
    assert redaction.text("calls hunter2x in testing") == "calls hunter2x in testing"


def test_what_is_no_secret_stays() -> None:
    assert Redaction().code(HARMLESS) == HARMLESS


def test_a_placeholder_stands_for_a_text_or_for_nothing() -> None:
    redaction = Redaction()
    redaction.code('PASSWORD = "hunter2"\n')
    assert redaction.restored("x = 'HIDDEN_SECRET_1'\n") == "x = 'hunter2'\n"
    for text in ("x = HIDDEN_SECRET_1\n", "x = 'HIDDEN_SECRET_2'\n", "x = 'HIDDEN_SECRET_'\n"):
        with pytest.raises(ValueError, match="HIDDEN_SECRET_"):
            redaction.restored(text)
    other = Redaction()
    assert (
        other.code('PASSWORD = "hunter2"  # HIDDEN_SECRET_1\n') == 'PASSWORD = "XHIDDEN_SECRET_1"  # HIDDEN_SECRET_1\n'
    )


def test_what_is_drawn_is_told_from_what_is_written() -> None:
    for text in ("Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA", "d8e8fca2dc0f896fd7cb4cb0031ba249", "q7fX2-kR9_tB4mZ8wLpN"):
        assert sensitive.is_random(text), text
    for text in ("RemovedInDjango60Warning", "InputUnionMember1DecisionInput", "abcdefghijklmnopqrstuvwxyz0123456789",
                 "00000000000000000000000000000000", "some_long_function_name_2"):  # fmt: skip
        assert not sensitive.is_random(text), text


# ------------------------------------------------------------------------------ candidates
FILE = '''"""What."""
import os

X = 1


class Shop:
    # about it
    @property
    def name(self):
        return self._name

    @name.setter
    def name(self, value):
        self._name = value

    def total(self, rows, rate=X):  # why
        """Say.

        More.
        """
        # first
        for row in rows:
            rate += row
        return rate  # end

    def short(self): return 3


# about f
def f(a: list[int]) -> str: return "x"
'''


def take(at: str, block: str, text: str = FILE) -> str:
    source = Source("a.py", text)
    line = text[: text.index(at)].count("\n") + 1
    function = bodies.around(source, line)
    assert function is not None
    return taken(Path("/nowhere"), source, function, block)


def test_a_body_is_replaced_and_all_else_stays() -> None:
    block = """\
class Shop:
  def total(self, rows, rate=2):
    '''Other.'''
    # sum
    text = '''
 one
'''
    return rate + sum(
 rows)
"""
    head, _, tail = FILE.partition("        # first\n")
    rest = tail.partition("  # end\n")[2]
    assert take("rate += row", block) == (
        f"{head}        # sum\n        text = '''\n one\n'''\n        return rate + sum(\n        rows)\n{rest}"
    )
    other = FILE.replace("(self): return 3", "(self):\n        return 4")
    assert take("def short", "def short(self):\n\treturn 4\n") == other
    assert take("def f(", "    def f(a):\n        return 'y'") == FILE.replace(': return "x"', ":\n    return 'y'")
    block = "class Shop:\n    @property\n    def name(self):\n        return self._name or ''\n"
    assert take("def name", block) == FILE.replace("return self._name\n", "return self._name or ''\n")


def test_imports_and_helpers_come_along() -> None:
    imports = "import os\nimport re\nfrom itertools import chain as joined\n"
    helper = "def _one(x):\n    # it\n    return x"
    after = take(
        "def f(",
        f"{imports}_ODD = (1, 3)\n_W = re.compile(r'a')\n\n{helper}\n\n\ndef f(a):\n    return _one(a)\n",
    )
    assert after.startswith(f'"""What."""\n{imports}\nX = 1\n')
    added = f"_ODD = (1, 3)\n\n\n_W = re.compile(r'a')\n\n\n{helper}\n\n\n"
    assert after.endswith(f"\n{added}# about f\ndef f(a: list[int]) -> str:\n    return _one(a)\n")


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("def f(a):\n    return 'x'\n", "it changes nothing"),
        ("def g(a):\n    return 'y'\n", "it has no function `f`"),
        ("def f(b):\n    return 'y'\n", "takes other parameters"),
        ("async def f(a):\n    return 'y'\n", "is now async"),
        ("def f(a)\n    return 'y'\n", "does not parse"),
        ("def f(a):\n    return 'y'\n\n\ndef f(a):\n    return 'z'\n", "twice"),
        ("X = 2\ndef f(a):\n    return 'y'\n", "another meaning"),
        ("def sorted(a):\n    return a\ndef f(a):\n    return 'y'\n", "another meaning"),
        ("from operator import add as X\ndef f(a):\n    return 'y'\n", "another meaning"),
        ("class Shop:\n    def short(self):\n        return 4\ndef f(a):\n    return 'y'\n", "changes more than `f`"),
        ("class New:\n    pass\ndef f(a):\n    return 'y'\n", "changes more than `f`"),
        ("known = {}\ndef f(a):\n    return known.setdefault(1, a)\n", "changes more than `f`"),
        ("Shop.short = f\ndef f(a):\n    return 'y'\n", "changes more than `f`"),
        ("from functools import cache\n@cache\ndef f(a):\n    return 'y'\n", "decorator"),
        ("from functools import cache\n@cache\ndef _g(a):\n    return a\ndef f(a):\n    return _g(a)\n", "decorator"),
        ("import numpy\ndef f(a):\n    return 'y'\n", "another dependency, `numpy`"),
        ("def f(a):\n    import subprocess\n    return subprocess.run('ls')\n", "imports `subprocess`"),
        ("from __future__ import annotations\ndef f(a):\n    return 'y'\n", "__future__"),
        ("from math import *\ndef f(a):\n    return 'y'\n", "imports all of"),
        ("def f(a):\n    return open('/etc/passwd').read()\n", "uses `open`"),
        ("import io\ndef f(a):\n    return io.open('/etc/passwd').read()\n", "uses `open`"),
        ("from datetime import date\ndef f(a):\n    return 'y' if date.today().year > 2030 else 'x'\n", "uses `today`"),
        ("from asyncio import open_connection as c\ndef f(a):\n    return c\n", "uses `open_connection`"),
        ("def f(a):\n    return ().__class__.__base__.__subclasses__()\n", "uses `__"),
        ("def f(a):\n    global X\n    X = 2\n    return 'y'\n", "from call to call"),
        ("def f(a):\n    return 'y'  # \u202e reversed\n", "U+202E"),
        ("def f(a):\n    return '\ud800'\n", "U+D800"),
        ("def f(a):\n    return 'y\0'\n", "U+0000"),
        ("def f(a):\n    return " + "(" * 5_000 + "\n", "does not parse"),
        ("def f(a):\n    return " + "-" * 50_000 + "1\n", "does not parse"),
        ("def f(a):\n    return '" + "y" * 70_000 + "'\n", "too long"),
    ],
)  # fmt: skip
def test_what_is_more_than_a_body_is_not_taken(block: str, why: str) -> None:
    with pytest.raises(NotTakenError, match=re.escape(why)):
        take("def f(", block)


def test_what_a_function_uses_is_found_across_files_and_no_farther(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "outside.py").write_text("SECRET = 1\n", "utf8")
    root = tmp_path / "shop"
    for name, text in {
        "__init__.py": "", "deep.py": "def low(x):\n    return deeper(x)\n\n\ndef deeper(x):\n    return x\n",
        "rates.py": "from .deep import low\n\n\ndef rated(x):\n    return low(x)\n\n\ndef unused():\n    pass\n",
        "calc.py": "import deep as d\nfrom rates import rated\nfrom gone import lost\nfrom out import SECRET\n\n\n"
                   "class A:\n    def own(self):\n        return 1\n\n"
                   "    def f(self):\n        return self.own() + rated(SECRET) + d.low(lost)\n",
    }.items():  # fmt: skip
        (root / name).write_text(text, "utf8")
    (root / "out.py").symlink_to(tmp_path / "outside.py")
    source = Source("calc.py", (root / "calc.py").read_text("utf8"))
    finding = Finding(rule="r", symbol="", message="", place=Place(path="calc.py", line=12, function="A.f"))
    function = bodies.around(source, finding.place.line)
    assert function is not None
    found = {(each.path, each.text.splitlines()[0].strip()) for each in Definitions(root, source).of(function, finding)}
    assert found == {
        ("calc.py", "def own(self):"), ("calc.py", "import deep as d"), ("calc.py", "from rates import rated"),
        ("calc.py", "from gone import lost"), ("calc.py", "from out import SECRET"), ("rates.py", "def rated(x):"),
        ("rates.py", "from .deep import low"), ("deep.py", "def low(x):"), ("deep.py", "def deeper(x):"),
    }  # fmt: skip


# ------------------------------------------------------------------------------ asking
def case(text: str) -> Case:
    source = Source("a.py", text)
    finding = Finding(rule="nested-scan", symbol="", message="", place=Place(path="a.py", line=1, function="f"))
    function = bodies.around(source, finding.place.line)
    assert function is not None
    return Case(finding, source, function, "faster!", Redaction(), "\n")


def test_what_is_not_taken_is_told_back_three_times_and_no_more(tmp_path: Path) -> None:
    bench = Bench(Repairer(tmp_path, Path(sys.executable), "require", 10, None, None, fixed.why), Settings())
    used = Used()
    replies = [says(code(f"import numpy\n\n\ndef f(x):\n    return {number}\n")) for number in range(9)]
    with serving(*replies) as server:
        endpoint = Endpoint(server.url, "m", "", seconds=10)
        why = repaired(bench, case("def f(x):\n    return 9\n"), endpoint, used, counted(used, 9))
    assert isinstance(why, str)
    assert why.startswith(
        "asked, 4 candidates in 4 answers, no repair: a candidate is not taken: it imports another dep"
    )
    assert [len(each["body"]["messages"]) for each in server.requests] == [2, 4, 6, 8]
    last = server.requests[-1]["body"]["messages"][-1]["content"]
    assert "- Candidate 1: it is not taken: it imports another dependency, `numpy`, which the file does not." in last


def test_who_repeats_an_answer_is_not_asked_again(tmp_path: Path) -> None:
    bench = Bench(Repairer(tmp_path, Path(sys.executable), "require", 10, None, None, fixed.why), Settings())
    used = Used()
    with serving(says(code("def f(x, y):\n    return 1\n"))) as server:
        endpoint = Endpoint(server.url, "m", "", seconds=10)
        why = repaired(bench, case("def f(x):\n    return 9\n"), endpoint, used, counted(used, 9))
    assert isinstance(why, str)
    assert "1 candidate in 2 answers" in why
    assert used.requests == len(server.requests) == 2


@pytest.mark.parametrize(
    ("rule", "improves"),
    [
        ("nested-scan", ("time",)),
        ("client-per-call", ("time", "connections")),
        ("sequential-awaits", ("time", "elapsed")),
        ("unbounded-cache", ()),
    ],
)
def test_a_candidate_is_measured_in_what_recipes_of_its_rule_improve(rule: str, improves: tuple[str, ...]) -> None:
    finding = Finding(rule=rule, symbol="", message="", place=Place(path="a.py", line=1, function="f"))
    assert recipe(finding).improves == improves
    assert recipe(finding).allows == ()
