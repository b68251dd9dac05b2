"""The text of a template parted into tags, expressions and the text between."""

DJANGO, JINJA = "django", "jinja"
MOST = 50_000  # tags: more than that was generated
LONGEST = 8_000  # characters of one tag
RAW = ("raw", "verbatim", "comment")  # what stands between these is text

Tag = tuple[str, int, int, int]  # name ("" for an expression, "text" for text), start, inside from, inside to


class TooDeepError(ValueError):
    """A template that nests deeper, or is longer, than a person writes."""


def tags(text: str, dialect: str) -> list[Tag]:
    """Part a template into its tags, expressions and the text between; comments are left out.

    One walk from left to right: where the next end of each kind is, is remembered.
    """
    found: list[Tag] = []
    closers = {"%": -1, "{": -1, "#": -1}
    newline = -1
    at, written = 0, 0
    until = ""  # the tag that ends raw text
    while True:
        start = text.find("{", at)
        if start < 0 or start + 1 >= len(text):
            break
        kind = text[start + 1]
        if kind not in closers:
            at = start + 1
            continue
        if closers[kind] < start + 2:
            end = text.find("}}" if kind == "{" else f"{kind}}}", start + 2)
            closers[kind] = end if end >= 0 else len(text)
        end = closers[kind]
        if newline < start:
            newline = text.find("\n", start)
            newline = newline if newline >= 0 else len(text)
        if end >= len(text) or (dialect == DJANGO and newline < end):
            at = start + 2  # no tag: Django's stand on one line
            continue
        name, inside, stop = _inside(text, start + 2, end, kind)
        if until and name != until:
            at = start + 2
            continue
        if not until and text[written:start].strip():
            found.append(("text", written, written, start))
        at = written = end + 2
        until = f"end{name}" if not until and kind == "%" and name in RAW else ""
        if kind != "#" and name not in RAW and stop - inside <= LONGEST:
            found.append((name, start, inside, stop))
            if len(found) > MOST:
                raise TooDeepError("it holds more tags than a person writes")
    if not until and text[written:].strip():
        found.append(("text", written, written, len(text)))
    return found


def _inside(text: str, start: int, end: int, kind: str) -> tuple[str, int, int]:
    """Return a tag's name and where the rest of it stands, Jinja's marks for white space taken off."""
    if start < end and text[start] in "-+":
        start += 1
    if start < end and text[end - 1] in "-+":
        end -= 1
    if kind != "%":
        return "", start, end
    while start < end and text[start].isspace():
        start += 1
    name = start
    while name < end and (text[name].isalnum() or text[name] in "_.:"):
        name += 1
    return text[start:name], name, end
