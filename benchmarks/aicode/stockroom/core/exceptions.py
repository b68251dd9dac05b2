class DomainError(Exception):
    """A business rule forbids the operation. The API answers 409 with the message."""


class InsufficientStock(DomainError):
    pass
