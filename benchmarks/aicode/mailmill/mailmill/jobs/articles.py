"""Similar articles by shared words, and recommendations made from them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Iterable

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from ..db import chunks
from ..models import Article, ArticleSimilarity, Event
from ..registry import JobContext, job
from ..text import words


def similar(texts: dict[int, str], top: int = 5, check=lambda: None) -> dict[int, list[tuple[int, float]]]:
    """Cosine of the shared words, rare words counting more."""
    bags = {key: words(text) for key, text in texts.items()}
    frequency = Counter(word for bag in bags.values() for word in bag)
    total = len(bags)
    # words found in most articles say nothing and would make the index quadratic
    weight = {word: math.log(1 + total / n) ** 2 for word, n in frequency.items()
              if n > 1 and (n <= total * 0.5 or total < 10)}
    index = defaultdict(list)
    for key, bag in bags.items():
        for word in bag & weight.keys():
            index[word].append(key)
    length = {key: math.sqrt(sum(math.log(1 + total / frequency[w]) ** 2 for w in bag)) for key, bag in bags.items()}
    result = {}
    for key, bag in bags.items():
        check()
        scores: dict[int, float] = defaultdict(float)
        for word in bag & weight.keys():
            for other in index[word]:
                if other != key:
                    scores[other] += weight[word]
        ranked = sorted(((s / (length[key] * length[o]), o) for o, s in scores.items()), key=lambda p: (-p[0], p[1]))
        result[key] = [(other, round(score, 6)) for score, other in ranked[:top]]
    return result


@job("similar-articles")
def similar_articles(ctx: JobContext, top: int = 5, newest: int = 3000) -> dict:
    with ctx.db.read() as session:
        rows = session.execute(select(Article.id, Article.title, Article.body)
                               .order_by(Article.published_at.desc(), Article.id.desc()).limit(newest)).all()
    found = similar({i: f"{title} {body}" for i, title, body in rows}, top, ctx.check)
    pairs = [dict(article_id=a, similar_id=b, score=s) for a, list_ in found.items() for b, s in list_]
    with ctx.db.write() as session:
        session.execute(delete(ArticleSimilarity))
        for part in chunks(pairs, 1000):
            session.execute(insert(ArticleSimilarity), part)
    return {"articles": len(rows), "pairs": len(pairs)}


class Recommender:
    """Articles similar to those a reader clicked, filled up with the newest."""

    def __init__(self, session: Session, newest: int = 3000):
        rows = session.execute(select(Article.id, Article.title, Article.url)
                               .order_by(Article.published_at.desc(), Article.id.desc()).limit(newest)).all()
        self.articles = {i: {"title": title, "url": url} for i, title, url in rows}
        self.newest = list(self.articles)
        self.similar: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for a, b, score in session.execute(select(ArticleSimilarity.article_id, ArticleSimilarity.similar_id,
                                                  ArticleSimilarity.score)):
            self.similar[a].append((b, score))

    @staticmethod
    def clicked(session: Session, subscribers: Iterable[int]) -> dict[int, list[int]]:
        result = defaultdict(list)
        for who, article in session.execute(
                select(Event.subscriber_id, Event.article_id)
                .where(Event.type == "click", Event.article_id.is_not(None), Event.subscriber_id.in_(list(subscribers)))
                .order_by(Event.occurred_at.desc())):
            result[who].append(article)
        return result

    def pick(self, clicked: list[int], count: int = 3) -> list[dict]:
        scores: dict[int, float] = defaultdict(float)
        for position, article in enumerate(clicked[:20]):
            for other, score in self.similar.get(article, ()):
                scores[other] += score / (1 + position)
        seen = set(clicked)
        order = sorted(scores, key=lambda i: (-scores[i], i)) + self.newest
        unique = dict.fromkeys(i for i in order if i not in seen and i in self.articles)
        return [self.articles[i] for i in list(unique)[:count]]
