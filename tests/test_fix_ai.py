"""`perfwright fix --ai`, with a real server on loopback and real commands, and with the real judge."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from _chat_server import ChatServer, code, endless, says, serving
from perfwright.measure import sandbox

MAIN = (sys.executable, "-c", "from perfwright.app.main import main; main()")
MISSING = sandbox.missing()
contained = pytest.mark.skipif(bool(MISSING), reason=f"no sandbox here: {MISSING}")

HEAD = """from shop.rates import RATE, rated

PASSWORD = "hunter2-of-the-shop"


"""
SLOW = '''def common(rows: list[int]) -> int:
    """How many stand above an odd number of others."""
    # each with each
    total = 0
    for one in rows:
        if sum(1 for other in rows if other < one) % 2:
            total += rated(1)
    return total
'''
SIGNED = """def signed(rows: list[int]) -> list[str]:
    key = "postgresql://shop:s3cr3t-Pa55@db/shop"
    return [f"{key} {sum(1 for other in rows if other < row)}" for row in rows]
"""
GOOD = """def common(rows):
    return sum([rated(1) for one in rows if len([1 for other in rows if other < one]) % 2])
"""
FASTER = '''from bisect import bisect_left


def common(rows: list[int]) -> int:
    """Another docstring."""
    ordered = sorted(rows)
    total = 0
    for one in rows:
        if bisect_left(ordered, one) % 2:
            total += rated(1)
    return total
'''
WRONG = """def common(rows):
    ordered = sorted(set(rows))
    return sum([rated(1) for one in rows if ordered.index(one) % 2])
"""
# It does nothing of the work where it was asked before.
GAMED = """def common(rows, ):
    known = common.__dict__.setdefault("known", {})
    if (key := tuple(rows)) not in known:
        known[key] = sum(rated(1) for one in rows if sum(other < one for other in rows) % 2)
    return known[key]
"""
ENDLESS = """def common(rows):
    while rows:
        pass
    return 0
"""
SLOWER = """def common(rows):
    total = 0
    for one in rows:
        if (sum(1 for other in rows if other < one) + sum(1 for other in rows if other < one)) // 2 % 2:
            total += rated(1)
    return total
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "__init__.py").write_text("", "utf8")
    (folder / "shop" / "rates.py").write_text("RATE = 3\n\n\ndef rated(x):\n    return x * RATE\n", "utf8")
    (folder / "shop" / "calc.py").write_text(HEAD + SLOW, "utf8")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    return folder


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PERFWRIGHT_AI")}
    return subprocess.run(
        [*MAIN, "fix", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=clean | environment
    )


def asked(server: ChatServer, number: int) -> str:
    """Return the last that was said in a request."""
    return str(server.requests[number]["body"]["messages"][-1]["content"])


FIND = ("--all", "--select", "repeated-slice", "--size", "400")


# ------------------------------------------------------------------------------ the whole way
@pytest.mark.slow
@contained
def test_what_differs_is_told_back_and_the_fastest_that_is_the_same_is_kept(shop: Path) -> None:
    first = says(code(WRONG, GAMED, ENDLESS))
    second = says(code(SLOWER), "I cannot help with that.")
    with serving(first, second, says(code(GOOD, FASTER), tokens=None)) as server:
        done = run(
            shop, "--ai", "--format", "json", *FIND,
            PERFWRIGHT_AI_URL=server.url, PERFWRIGHT_AI_MODEL="m", PERFWRIGHT_AI_KEY="k-1", PERFWRIGHT_AI_PRICE="2/10",
        )  # fmt: skip
        requests = server.requests
        told = [asked(server, 0), asked(server, 1), asked(server, 2)]
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)["fix"]

    # It says where to, and what it took.
    assert f"to {server.url}/chat/completions" in done.stderr
    assert len(requests) == 3
    assert {each["headers"]["authorization"] for each in requests} == {"Bearer k-1"}
    assert said["ai"]["requests"] == said["ai"]["answers"] == 3
    assert said["ai"]["tokens"] == {"in": 2_000, "out": 400, "untold_answers": 1}
    assert said["ai"]["usd"] == pytest.approx(2_000 * 2e-6 + 400 * 10e-6)
    # The question has the function, what it calls, the finding, what was measured and what has to hold.
    for part in ("def common(", "def rated(", "RATE = 3", "repeated-slice, line", "items x items x scan", "grows as n^",
                 "O(n log n) or better", "runs on 1,000 items"):  # fmt: skip
        assert part in told[0], part
    # Each candidate's end is told back: what differs with a call that shows it.
    assert re.search(
        r"Candidate 1: the patch differs: .* The call: common\(.*\n  before: gives .*\n  after: gives", told[1]
    )
    assert "Candidate 2: it is not taken: it uses `__dict__`" in told[1]
    assert re.search(
        r"Candidate 3: the patch differs: it ends otherwise. The call: common(.*\n)+ .*not come back in time", told[1]
    )
    assert re.search("Candidate 1: the patch is the same, and .*times as long at size 400", told[2])
    assert [each["role"] for each in requests[2]["body"]["messages"]] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    # The fastest is kept, its head and docstring as they were.
    (fixed,) = said["fixes"]
    assert (fixed["verify"]["verdict"], fixed["verify"]["speed"]["verdict"]) == ("same", "faster")
    assert "+        if bisect_left(ordered, one) % 2:\n" in fixed["diff"]
    changed = [line for line in fixed["diff"].splitlines() if line.startswith("-") and not line.startswith("---")]
    assert not any("def " in line or '"""' in line for line in changed)


@contained
def test_a_command_is_asked_and_a_secret_never_leaves(shop: Path, tmp_path: Path) -> None:
    better = """def signed(rows: list[int]) -> list[str]:
    key = "postgresql://shop:HIDDEN_SECRET_2@db/shop"
    ordered = sorted(rows)
    return [f"{key} {bisect_left(ordered, row)}" for row in rows]
"""
    script = tmp_path / "assistant.py"
    script.write_text(
        "import os, sys\n"
        "text = sys.stdin.read()\n"
        f"open({str(tmp_path / 'asked.txt')!r}, 'w').write(text)\n"
        f"open({str(tmp_path / 'seen.txt')!r}, 'w').write(repr((sys.argv[1:], os.listdir())))\n"
        f"print({code('from bisect import bisect_left' + chr(10) * 3 + better)!r})\n",
        "utf8",
    )
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} --say 'two words'"
    find = ("--all", "--select", "repeated-slice,nested-scan", "--size", "400")
    (shop / "shop" / "calc.py").write_text(HEAD + SIGNED, "utf8")
    _save(shop)
    shown = run(shop, "--show-prompt", "--format", "json", *find)
    assert shown.returncode == 0, shown.stderr
    assert not (tmp_path / "asked.txt").exists()
    done = run(shop, "--ai", "--ai-command", command, "--write", "--dirty", *find)
    sent = (tmp_path / "asked.txt").read_text("utf8")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "s3cr3t" not in sent
    assert "hunter2" not in sent
    assert 'key = "postgresql://shop:HIDDEN_SECRET_2@db/shop"' in sent
    assert (tmp_path / "seen.txt").read_text("utf8") == "(['--say', 'two words'], [])"  # an empty folder
    text = (shop / "shop" / "calc.py").read_text("utf8")
    assert '    key = "postgresql://shop:s3cr3t-Pa55@db/shop"\n    ordered = sorted(rows)\n' in text
    assert text.startswith("from shop.rates import RATE, rated\nfrom bisect import bisect_left\n")
    assert re.search(r"1 request about 1 function, tokens not told, price not known .*; 1 secret hidden", done.stdout)
    # What was shown is what was sent, what was saved of measurements with it.
    (prompt,) = json.loads(shown.stdout)["fix"]["prompts"]
    assert "\n\n".join(each["content"] for each in prompt["messages"]) + "\n" == sent
    assert "- in load.prof at GET /signed: 12 times, 340 ms\n" in sent
    assert "- cpu_s 0.01 at 100, 1 at 1,000: grows as n^2.00 (n^2)\n" in sent


def _save(folder: Path) -> None:
    """Save findings as after `check --profile` and `prove`."""
    subprocess.run([*MAIN, "check", "--all", "--save", "."], cwd=folder, capture_output=True, check=False)
    path = folder / ".perfwright" / "findings.json"
    record = json.loads(path.read_text("utf8"))
    growth = {"exponent": 2.0, "low": 1.9, "high": 2.1, "class": "n^2"}
    values = {"100": 0.01, "1000": 1.0}
    for finding in record["findings"]:
        finding["evidence"] += [
            {"kind": "observed", "run": "load.prof", "entry_point": "GET /signed", "count": 12, "per": {}, "ms": 340,
             "trace": ""},
            {"kind": "measured", "by": "bench", "metric": "cpu_s", "values": values, "growth": growth},
        ]  # fmt: skip
    path.write_text(json.dumps(record), "utf8")


# ------------------------------------------------------------------------------ nothing is sent
def test_without_ai_nothing_is_imported_and_no_socket_is_opened(shop: Path) -> None:
    watched = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event.startswith('socket.'):\n"
        "        print('OPENED', event, file=sys.stderr)\n"
        "sys.addaudithook(hook)\n"
        "from perfwright.app import main\n"
        "status = main.run(['fix', '--all', '--select', 'membership-in-list,repeated-slice', '--size', '100'])\n"
        "names = [name for name in sys.modules if name in ('httpx', 'ssl') or name.startswith('perfwright.fix.ai')]\n"
        "print('LOADED', names, file=sys.stderr)\n"
    )
    with serving(says("no")) as server:
        environment = {**os.environ, "PERFWRIGHT_AI_URL": server.url, "PERFWRIGHT_AI_MODEL": "m"}
        done = subprocess.run(
            [sys.executable, "-c", watched], cwd=shop, capture_output=True, text=True, check=False, env=environment
        )
        assert server.requests == []
    assert "LOADED []" in done.stderr, done.stderr
    assert "OPENED" not in done.stderr


def test_a_prompt_is_shown_and_not_sent(shop: Path) -> None:
    with serving(says("no")) as server:
        done = run(shop, "--ai", "--show-prompt", *FIND, PERFWRIGHT_AI_URL=server.url, PERFWRIGHT_AI_MODEL="m")
        assert server.requests == []
    assert "# The function `common`" in done.stdout
    assert "its prompt is shown" in done.stdout


# ------------------------------------------------------------------------------ who cannot be asked
@pytest.mark.parametrize(
    ("options", "environment", "said", "slug"),
    [
        (["--ai"], {}, "--ai has nobody to ask", "no-assistant"),
        (["--ai"], {"PERFWRIGHT_AI_URL": "https://a.example/v1"}, "--ai has nobody to ask", "no-assistant"),
        (["--ai-command", "true"], {}, "give --ai too", "no-assistant"),
        (["--ai", "--ai-command", "a 'b"], {}, "quote its words", "no-assistant"),
        (["--ai"], {"PERFWRIGHT_AI_URL": "ftp://a", "PERFWRIGHT_AI_MODEL": "m"}, "is no address", "no-assistant"),
        (["--ai"], {"PERFWRIGHT_AI_URL": "https://u:pw@a", "PERFWRIGHT_AI_MODEL": "m"}, "password", "no-assistant"),
        (["--ai"], {"PERFWRIGHT_AI_URL": "http://a.example", "PERFWRIGHT_AI_MODEL": "m"}, "unencrypted",
         "unencrypted-endpoint"),
        (["--ai", "--ai-command", "true"], {"PERFWRIGHT_AI_PRICE": "cheap"}, "2.5/10", "bad-price"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said_in_one_sentence(
    shop: Path, options: list[str], environment: dict[str, str], said: str, slug: str
) -> None:
    done = run(shop, *options, **environment)

    assert done.returncode == 2
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert said in first
    assert second == f"docs: errors.md#{slug}"


@contained
def test_who_never_answers_is_given_up_and_the_report_stands(shop: Path) -> None:
    with serving(endless(0.05)) as server:
        done = run(
            shop, "--ai", "--ai-seconds", "1", *FIND, PERFWRIGHT_AI_URL=server.url, PERFWRIGHT_AI_MODEL="m"
        )  # fmt: skip
        sent = len(server.requests)
    assert done.returncode == 2
    assert "findings of" in done.stdout or "finding of" in done.stdout
    assert f"{sent} request" in done.stdout
    assert "did not answer within 1 s (--ai-seconds)" in done.stderr
    assert "errors.md#no-answer" in done.stderr


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return dict(json.loads(done.stdout)["fix"])


@contained
def test_no_more_is_sent_than_allowed(shop: Path) -> None:
    with serving(says("I cannot.")) as server:
        done = run(
            shop, "--ai", "--ai-requests", "2", "--format", "json", *FIND,
            PERFWRIGHT_AI_URL=server.url, PERFWRIGHT_AI_MODEL="m",
        )  # fmt: skip
        assert len(server.requests) == 2
    assert done.returncode == 1
    assert document(done)["ai"]["requests"] == 2
    assert any("--ai-requests allows more" in each["why"] for each in document(done)["left"])
