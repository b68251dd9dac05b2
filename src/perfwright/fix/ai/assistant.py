"""Whoever is asked for rewrites: an endpoint or a command, and how either fails."""

from collections.abc import Sequence
from typing import Protocol, TypedDict

from perfwright.errors import PerfwrightError
from perfwright.fix.ai.replies import Answer

LARGEST = 4 << 20  # bytes of an answer


class Message(TypedDict):
    """One turn of a conversation: `system`, `user` or `assistant`, and what is said."""

    role: str
    content: str


class AssistantError(PerfwrightError):
    """Nobody answered, or not as agreed; `ends` tells that asking again would be in vain."""

    def __init__(self, message: str, *, ends: bool = False) -> None:
        super().__init__(message, slug="no-answer")
        self.ends = ends


class Assistant(Protocol):
    """Whoever is asked."""

    @property
    def name(self) -> str:
        """Return who it is, in a word or two."""

    @property
    def place(self) -> str:
        """Return where what is asked goes to."""

    def ask(self, messages: Sequence[Message], sent: "Sent") -> Answer:
        """Return the answer to a conversation; `sent` is called with each request. Raises AssistantError."""


class Sent(Protocol):
    """Counts requests; raises AssistantError where no more may be sent."""

    def __call__(self) -> None: ...
