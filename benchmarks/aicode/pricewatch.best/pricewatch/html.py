"""A small document tree on top of html.parser, with a useful part of CSS selectors:
tag, *, #id, .class, [attr], [attr=v] (also ~= ^= $= *=), :first-child, descendant, >, and commas."""
import re
from functools import lru_cache
from html.parser import HTMLParser

VOID = set("area base br col embed hr img input link meta source track wbr".split())
CLOSES = {"li": {"li"}, "p": {"p"}, "option": {"option"}, "tr": {"tr", "td", "th"},
          "td": {"td", "th"}, "th": {"td", "th"}, "dt": {"dt", "dd"}, "dd": {"dt", "dd"}}
MAX_DEPTH = 400


class Node:
    def __init__(self, tag: str, attrs: dict, parent: "Node | None"):
        self.tag, self.attrs, self.parent, self.children, self.all = tag, attrs, parent, [], None

    @property
    def text(self) -> str:
        return " ".join("".join(self._strings()).split())

    @property
    def raw_text(self) -> str:
        return "".join(c for c in self.children if isinstance(c, str))

    def _strings(self):
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in ("script", "style", "template"):
                yield from child._strings()
                if child.tag in ("br", "p", "div", "li", "td", "tr"):
                    yield " "

    def walk(self):
        stack = [self]
        while stack:
            node = stack.pop()
            if node is not self:
                yield node
            stack.extend(c for c in reversed(node.children) if isinstance(c, Node))

    def each(self, selector: str):
        """The elements that fit, one by one. The list of all elements is kept: a tree does not change once it is parsed."""
        groups, above = parse_selector(selector), {}
        if self.all is None:
            self.all = list(self.walk())
        return (n for n in self.all if any(_matches(n, g, len(g) - 1, above) for g in groups))

    def select(self, selector: str) -> "list[Node]":
        return list(self.each(selector))


class _Builder(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = self.current = Node("#root", {}, None)
        self.depth = 0

    def handle_starttag(self, tag, attrs):
        if self.current.tag in CLOSES.get(tag, ()):
            self._close()
            if tag == "tr" and self.current.tag == "tr":
                self._close()
        node = Node(tag, {k: v or "" for k, v in reversed(attrs)}, self.current)
        self.current.children.append(node)
        if tag not in VOID and self.depth < MAX_DEPTH:
            self.current, self.depth = node, self.depth + 1

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID and self.current.tag == tag:
            self._close()

    def handle_endtag(self, tag):
        node = self.current
        while node.parent and node.tag != tag:
            node = node.parent
        if node.parent:
            while self.current is not node:
                self._close()
            self._close()

    def _close(self):
        self.current, self.depth = self.current.parent, self.depth - 1

    def handle_data(self, data):
        self.current.children.append(data)


def parse(text: str) -> Node:
    builder = _Builder()
    builder.feed(text)
    builder.close()
    return builder.root


_TOKEN = re.compile(r"""\s*(?P<comma>,)\s*|\s*(?P<child>>)\s*|(?P<space>\s+)|(?P<first>:first-child)
    |(?P<tag>\*|[a-zA-Z][\w-]*)|\#(?P<id>[\w-]+)|\.(?P<cls>[\w-]+)
    |\[\s*(?P<attr>[\w:.-]+)\s*(?:(?P<op>[~^$*]?=)\s*(?:"(?P<v1>[^"]*)"|'(?P<v2>[^']*)'|(?P<v3>[^\]\s]+))\s*)?\]
    """, re.X)
_OPS = {"=": lambda a, v: a == v, "~=": lambda a, v: v in a.split(), "^=": lambda a, v: v and a.startswith(v),
        "$=": lambda a, v: v and a.endswith(v), "*=": lambda a, v: v and v in a}


@lru_cache(maxsize=512)
def parse_selector(selector: str):
    """-> groups; a group is a list of (combinator before it, [tests])."""
    groups, pos, text, comb = [[]], 0, selector.strip(), " "
    fresh = True            # the next test begins a new compound
    while pos < len(text):
        match = _TOKEN.match(text, pos)
        if not match:
            raise ValueError(f"selector not understood: {selector!r} at {text[pos:]!r}")
        pos, kind = match.end(), match.lastgroup
        if kind in ("comma", "child", "space"):
            if not groups[-1] or fresh and kind != "space":
                raise ValueError(f"selector not understood: {selector!r}")
            if kind == "comma":
                groups.append([])
            comb, fresh = (">" if kind == "child" else " "), True
            continue
        if fresh:
            groups[-1].append((comb, []))
            comb, fresh = " ", False
        groups[-1][-1][1].append(_test(match))
    if fresh:
        raise ValueError(f"selector not understood: {selector!r}")
    return groups


def _test(match):
    if match["tag"]:
        tag = match["tag"].lower()
        return lambda n: tag in ("*", n.tag)
    if match["id"]:
        return lambda n: n.attrs.get("id") == match["id"]
    if match["cls"]:
        return lambda n: match["cls"] in n.attrs.get("class", "").split()
    if match["first"]:
        return lambda n: next(c for c in n.parent.children if isinstance(c, Node)) is n
    attr, op = match["attr"].lower(), match["op"]
    value = next((match[v] for v in ("v1", "v2", "v3") if match[v] is not None), None)
    return lambda n: attr in n.attrs and (op is None or bool(_OPS[op](n.attrs[attr], value)))


def _matches(node: Node, group, index: int, above: dict) -> bool:
    comb, tests = group[index]
    if node.parent is None or not all(test(node) for test in tests):
        return False
    if index == 0:
        return True
    if comb == ">":
        return _matches(node.parent, group, index - 1, above)
    return _above(node.parent, group, index - 1, above)


def _above(node: Node, group, index: int, above: dict) -> bool:
    """Whether this element or one around it fits; `above` remembers the answers of one selector."""
    found, asked = False, []
    while node:
        key = (node, id(group), index)
        if key in above:
            found = above[key]
            break
        asked.append(key)
        if _matches(node, group, index, above):
            found = True
            break
        node = node.parent
    above.update(dict.fromkeys(asked, found))
    return found
