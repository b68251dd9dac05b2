"""The one class of this room that is a kind of text: apart, because what is compiled cannot inherit from `str`."""


class External(str):
    """The dotted name of something outside the project."""

    __slots__ = ()
