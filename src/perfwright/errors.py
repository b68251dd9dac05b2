"""Every refusal of perfwright is one of these: a sentence, and a heading of `docs/errors.md`."""


class PerfwrightError(Exception):
    """What is wrong and what would be right, in one sentence.

    `slug` names the heading in `docs/errors.md` that says more.
    """

    def __init__(self, message: str, *, slug: str) -> None:
        super().__init__(message)
        self.slug = slug


class ConfigError(PerfwrightError):
    """A setting that perfwright does not know or cannot use."""


class InputError(PerfwrightError):
    """A path, a saved file or a revision that cannot be read."""


class LibraryModelError(PerfwrightError):
    """A library model that says what the vocabulary does not know."""
