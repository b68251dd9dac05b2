"""Bytes that are copied only to be handed to what takes any buffer as it is."""

from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, walk
from perfwright.rules._frames import full_name
from perfwright.rules._started import assigned

# What takes a bytearray as well as bytes, answers the same, and keeps nothing of it.
TAKERS = frozenset(
    (
        *("json.loads", "zlib.compress", "zlib.decompress", "zlib.crc32", "gzip.compress", "gzip.decompress"),
        *("bz2.compress", "bz2.decompress", "lzma.compress", "lzma.decompress"),
        *("base64.b64encode", "base64.b64decode", "base64.urlsafe_b64encode", "base64.urlsafe_b64decode"),
        *("hashlib.md5", "hashlib.sha1", "hashlib.sha224", "hashlib.sha256", "hashlib.sha384", "hashlib.sha512"),
    )
)


def handed_on(effects: Effects, call: Node) -> Node | None:
    """Return the `bytes(buffer)` that a call decodes or is given first, where the bytearray itself would do."""
    if call[2][0] == "attr" and call[2][3] == "decode":
        copied: Node = call[2][2]
        return copied if is_copy(effects, copied) else None
    given: Node | None = call[3][0] if call[3] else None
    if given is not None and is_copy(effects, given) and full_name(effects, call[2]) in TAKERS:
        return given
    return None


def is_copy(effects: Effects, node: Node) -> bool:
    """Tell whether an expression makes bytes of a name that a function gives new bytearrays, and nothing else."""
    if node[0] != "call" or node[2][:3:2] != ("name", "bytes") or len(node[3]) != 1 or node[4]:
        return False
    source, function = node[3][0], effects.function
    if source[0] != "name" or "bytes" in function.module.names:
        return False
    name = source[2]
    if any(parameter[0] == name for parameter in function.parameters) or is_target(function.body, name):
        return False
    made = assigned(function.body, name)
    return bool(made) and all(is_bytearray(value) for value in made)


def is_bytearray(value: Node) -> bool:
    return bool(value[0] == "call" and value[2][:3:2] == ("name", "bytearray"))


def is_target(body: tuple[Node, ...], name: str) -> bool:
    """Tell whether a loop or a `with` binds a name, or unpacking that says nothing of the parts."""
    for node in walk(body):
        if node[0] == "for" and name in names_in(node[2]):
            return True
        if node[0] == "with" and any(target is not None and name in names_in(target) for _, target in node[2]):
            return True
        unpacked = node[2] if node[0] == "assign" and node[3][0] != "coll" else ()
        if any(target[0] == "coll" and name in names_in(target) for target in unpacked):
            return True
    return False


def is_read_in_parts(function: Function, name: Node) -> bool:
    """Tell whether a loop adds to a buffer what it reads: a body, a file."""
    return any(
        (node[0] == "aug" and node[2][:3:2] == name[:3:2])
        or (node[0] == "call" and node[2][0] == "attr" and node[2][3] == "extend" and node[2][2][:3:2] == name[:3:2])
        for loop in walk(function.body)
        if loop[0] in ("for", "while")
        for node in walk(loop)
    )
