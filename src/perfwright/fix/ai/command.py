"""A command that is asked: the conversation on its input, the answer on its output, within limits of time and size."""

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO

from perfwright.errors import InputError
from perfwright.fix.ai.assistant import LARGEST, AssistantError, Message, Sent
from perfwright.fix.ai.replies import Answer

SHOWN = 300  # letters of what it complains of
GONE = 5.0  # seconds in which what was ended is gone


class Command:
    """A program with its arguments. Raises InputError where the words cannot be told apart."""

    def __init__(self, words: str, *, seconds: float) -> None:
        try:
            self.words = shlex.split(words)
        except ValueError as error:
            raise InputError(
                f"--ai-command cannot be read ({error}); quote its words as in a shell.", slug="no-assistant"
            ) from error
        if not self.words:
            raise InputError(
                "--ai-command is empty; give a program such as 'my-assistant --print'.", slug="no-assistant"
            )
        self.seconds = seconds

    @property
    def name(self) -> str:
        return os.path.basename(self.words[0])  # noqa: PTH119 - a word, of which only the end is shown

    @property
    def place(self) -> str:
        return f"the command {self.name}"

    def ask(self, messages: Sequence[Message], sent: Sent) -> Answer:
        """Return what the command writes. Raises AssistantError.

        It is started in an empty folder, so that it sees no more of the project than it is told.
        """
        sent()
        with tempfile.TemporaryDirectory(prefix="perfwright-") as folder:
            try:
                process = subprocess.Popen(
                    self.words,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=folder,
                    start_new_session=True,
                )
            except OSError as error:
                raise AssistantError(
                    f"{self.place} cannot be started ({error.strerror or error}); name a program that can.", ends=True
                ) from error
            try:
                return self._answer(process, conversation(messages).encode("utf8", "replace"))
            finally:
                _end(process)

    def _answer(self, process: "subprocess.Popen[bytes]", text: bytes) -> Answer:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        output, errors = _Reader(process.stdout), _Reader(process.stderr)
        threading.Thread(target=_write, args=(process.stdin, text), daemon=True).start()
        until = time.monotonic() + self.seconds
        while output.is_alive() and process.poll() is None and time.monotonic() < until:
            output.join(0.05)
        if process.poll() is not None:
            _end(process)  # with all that holds its output open
            output.join(GONE)
        if output.is_alive():
            raise AssistantError(f"{self.place} did not answer within {self.seconds:g} s (--ai-seconds).")
        if len(output.data) > LARGEST:
            raise AssistantError(f"{self.place} writes more than {LARGEST >> 20} MiB; that is no answer.")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GONE)
        if process.returncode:
            errors.join(1.0)
            said = " ".join(bytes(errors.data[:LARGEST]).decode("utf8", "replace").split())
            raise AssistantError(
                f"{self.place} ends with status {process.returncode}{f' ({said[:SHOWN]})' if said else ''}."
            )
        return Answer(bytes(output.data).decode("utf8", "replace"))


class _Reader(threading.Thread):
    """Reads a pipe to its end, or as far as an answer may go."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.pipe, self.data = pipe, bytearray()
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while len(self.data) <= LARGEST and (chunk := os.read(self.pipe.fileno(), 1 << 16)):
                self.data += chunk


def conversation(messages: Sequence[Message]) -> str:
    """Return a conversation as one text, for who is told all of it each time."""
    if len(messages) <= 2:
        return "\n\n".join(each["content"] for each in messages) + "\n"
    titles = {"assistant": "# Your answer was\n\n", "user": "# What to do now\n\n"}
    told = [each["content"] for each in messages[:2]]
    told += [titles[each["role"]] + each["content"] for each in messages[2:]]
    return "\n\n".join(told) + "\n"


def _write(pipe: IO[bytes], text: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):  # it may have read enough
        pipe.write(text)
        pipe.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started in its group."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GONE)
