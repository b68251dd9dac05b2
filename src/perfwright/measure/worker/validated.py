"""Objects of classes that check what they are made with: Pydantic's models, which are made here by their attributes."""

from typing import Any

# Errors that say nothing of a value: of other names of fields, and of functions of the user's, which may change values.
OF_NO_VALUE = frozenset(("missing", "extra_forbidden", "value_error", "assertion_error"))


def check(value: Any) -> None:
    """Raise ValueError for an object that its class would not have made: text that is none, a number out of bounds."""
    kind = type(value)
    validator = getattr(kind, "__pydantic_validator__", None)
    if validator is None or getattr(kind, "__pydantic_root_model__", False):
        return
    try:
        validator.validate_python(dict(vars(value)))
    except Exception as error:  # it runs functions of the user's
        told = getattr(error, "errors", None)
        wrong = {each.get("type") for each in told()} - OF_NO_VALUE if callable(told) else set()
        if wrong:
            raise ValueError(f"no {kind.__qualname__} is like that: {', '.join(sorted(map(str, wrong)))}") from error
