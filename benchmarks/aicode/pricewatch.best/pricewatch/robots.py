"""robots.txt as in RFC 9309: longest match wins, * and $ are understood."""
import re
from urllib.parse import quote, unquote, urlsplit


def _norm(path: str) -> str:
    return quote(unquote(path), safe="/*$?&=:;,+@!~()'%")


class Robots:
    def __init__(self, text: str = "", agent: str = "pricewatch", unreachable: bool = False):
        self.unreachable, self.delay, self.sitemaps, self.rules = unreachable, None, [], []
        groups, current, in_rules = {}, [], True
        for line in text.lstrip("\ufeff").splitlines():
            key, _, value = line.split("#", 1)[0].partition(":")
            key, value = key.strip().lower(), value.strip()
            if key == "user-agent":
                if in_rules:
                    current, in_rules = [], False
                current.append(groups.setdefault(value.lower(), []))
            elif key == "sitemap":
                self.sitemaps.append(value)
            elif key in ("allow", "disallow", "crawl-delay"):
                in_rules = True
                for group in current:
                    group.append((key, value))
        token = re.split(r"[/\s]", agent.lower(), maxsplit=1)[0]
        for key, value in groups.get(token, groups.get("*", [])):
            if key == "crawl-delay":
                try:
                    self.delay = max(0.0, float(value))
                except ValueError:
                    pass
            elif value:
                self.rules.append((key == "allow", len(value), self._pattern(value)))

    @staticmethod
    def _pattern(path: str):
        """The parts between the stars, and whether the last one must end the address."""
        end = path.endswith("$")
        return [_norm(p) for p in (path[:-1] if end else path).split("*")], end

    @staticmethod
    def _fits(pattern, path: str) -> bool:
        """Each part at its first place after the one before: linear, and no other choice fits more."""
        parts, end = pattern
        if not path.startswith(parts[0]):
            return False
        if len(parts) == 1:
            return not end or len(path) == len(parts[0])
        pos = len(parts[0])
        for part in parts[1:-1] if end else parts[1:]:
            pos = path.find(part, pos)
            if pos < 0:
                return False
            pos += len(part)
        return not end or (path.endswith(parts[-1]) and len(path) - len(parts[-1]) >= pos)

    def allows(self, url: str) -> bool:
        if self.unreachable:
            return False
        parts = urlsplit(url)
        path = _norm(parts.path or "/") + (f"?{_norm(parts.query)}" if parts.query else "")
        hits = [(length, allow) for allow, length, pattern in self.rules if self._fits(pattern, path)]
        return max(hits)[1] if hits else True
