"""Random programs for Hypothesis: grammatical, and about what the analysis knows, so that all of it is reached.

Names come from small pools, so that they collide: a local is a class elsewhere, a method calls a function of the same
name, a model points at itself. `programs()` writes programs from nothing, `mutants()` changes real ones.
"""

import ast
import os
import random
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

NAMES = ("a", "b", "c", "rows", "item", "items", "data", "x", "self", "request", "session", "cls", "queue", "total")
FUNCTIONS = ("f", "g", "h", "load", "save", "handle", "list", "get", "process", "__init__", "__iter__", "__call__")
CLASSES = ("A", "B", "Order", "Customer", "Item", "View", "Schema")
FIELDS = ("name", "customer", "items", "parent", "total", "order_set", "id", "pk", "objects", "data", "value", "lock")
MODULES = ("one", "two", "shop.models", "shop.views", "shop.tasks")
IMPORTS = (
    *("import requests", "import httpx", "import pandas as pd", "import numpy as np", "import redis", "import asyncio"),
    *("import time", "import re", "import json", "import os", "import threading", "import subprocess", "import copy"),
    *("from django.db import models, transaction, connection", "from django.db.models import Prefetch, F, Q, Count"),
    *("from django.shortcuts import render, get_object_or_404", "from rest_framework import serializers, viewsets"),
    *("from rest_framework.decorators import api_view, action", "from rest_framework.response import Response"),
    *("from sqlalchemy import select, Column, ForeignKey, Integer", "from sqlalchemy.ext.asyncio import AsyncSession"),
    *("from sqlalchemy.orm import relationship, Session, DeclarativeBase, Mapped, mapped_column, selectinload",),
    *("from pydantic import BaseModel, Field, field_validator", "from fastapi import FastAPI, Depends, APIRouter"),
    *("from flask import Flask, render_template, g, jsonify", "from celery import shared_task, Celery"),
    *("from functools import lru_cache, cache, partial, cached_property, wraps", "import functools, itertools"),
    *("from collections import defaultdict, deque, Counter", "from dataclasses import dataclass, field"),
    *(
        "from typing import Any, Generic, TypeVar, Optional, Iterator",
        "from concurrent.futures import ThreadPoolExecutor",
    ),
    *("from openai import OpenAI", "import aiohttp", "import boto3", "import strawberry", "import graphene"),
    *("from marshmallow import Schema, fields", "from tenacity import retry", "from urllib3 import Retry"),
)
STARTS = (  # expressions that bring something in
    *("{c}.objects.all()", "{c}.objects.filter({f}={e})", "{c}.objects.get(pk={e})", "{c}.objects.select_related({s})"),
    *("{c}.objects.prefetch_related({s}).order_by({s})", "{c}.objects.values_list({s}, flat=True)", "{c}.{f}"),
    *(
        "session.query({c}).all()",
        "session.execute(select({c}))",
        "session.get({c}, {e})",
        "session.scalars({e}).all()",
    ),
    *("requests.get({e})", "requests.Session()", "httpx.AsyncClient()", "OpenAI().chat.completions.create()", "{c}()"),
    *("pd.read_csv({s})", "pd.concat([{e}, {e}])", "pd.DataFrame({e})", "np.array({e})", "redis.Redis().get({e})"),
    *("open({s}).read()", "json.loads({e})", "json.dumps({e})", "re.compile({s})", "re.sub({s}, {s}, {e})"),
    *("threading.Lock()", "time.sleep(1)", "subprocess.run({e})", "asyncio.gather(*{e})", "asyncio.run({e})"),
    *("{c}({f}={e})", "{c}({e}, many=True).data", "{c}(data={e})", "{c}.model_validate({e})", "Response({e})"),
    *("render(request, 'page.html', {e})", "render_template('page.html', {n}={e})", "get_object_or_404({c}, pk=1)"),
    *("partial({u}, {e})", "ThreadPoolExecutor().map({u}, {e})", "defaultdict(list)", "deque({e})", "Counter({e})"),
    *("sorted({e}, key={u})", "map({u}, {e})", "filter({u}, {e})", "sum({e})", "max({e}, key=lambda {n}: {e})"),
    *("list({e})", "set({e})", "dict({e})", "dict({n}={e})", "tuple({e})", "len({e})", "range({e})", "zip({e}, {e})"),
    *("enumerate({e})", "any({e})", "isinstance({e}, {c})", "getattr({e}, {s})", "super()", "super().{u}({e})"),
    *("iter({e})", "next({e})", "reversed({e})", "str({e})", "hash({e})", "type({e})", "copy.deepcopy({e})", "vars()"),
)
IDIOMS = (  # statements that something is to be found in; a tab is an indentation
    "for {n} in {c}.objects.all():\n\tprint({n}.{f}.{f})\n\tfor {n} in {n}.{f}.all():\n\t\t{n}.{f}.{f}",
    "for {n} in {c}.objects.filter({f}={e}):\n\t{n}.{f} = {e}\n\t{n}.save()",
    "{n} = [{n}.{f}.{f} for {n} in {c}.objects.select_related({s})]",
    "for {n} in session.query({c}).all():\n\t{n}.{f}.{f}\n\tsession.add({c}({f}={n}))\n\tsession.commit()",
    "for {n} in {n}:\n\trequests.get(f'{{n}}', timeout={e}).json()\n\t{u}({n})",
    "{n} = []\nfor {n} in {e}:\n\tif {n} not in {n}:\n\t\t{n}.append({n})",
    "{n} = ''\nfor {n} in {e}:\n\t{n} += str({n}) + {e}\n\tif {n} in {n}:\n\t\tcontinue",
    "while {n}:\n\t{n} = {n}[1:]\n\t{n}.insert(0, {n}.pop(0))",
    "while True:\n\ttry:\n\t\t{n} = requests.get({s})\n\t\tbreak\n\texcept Exception:\n\t\tpass",
    "with transaction.atomic():\n\t{n} = {c}.objects.get(pk={e})\n\trequests.post({s}, json={n}.{f})\n\t{n}.save()",
    "with threading.Lock():\n\ttime.sleep(1)\n\t{u}({e})",
    "if not {c}.objects.filter({f}={e}).exists():\n\t{c}.objects.create({f}={e})\nelse:\n\t{n}.{f} -= 1\n\t{n}.save()",
    "for {n}, {n} in {n}.iterrows():\n\t{n} = pd.concat([{n}, pd.DataFrame({e})])\n\t{n} = {n}[{n}[{s}] == {n}]",
    "{n} = {n}.groupby({s}).apply(lambda {n}: {n}.{f})\n{n} = pd.read_csv({s})[{s}].apply({u}, axis=1)",
    "for {n} in {n}:\n\tre.compile({s}).match({n})\n\t{n}.sort(key=lambda {n}: {n}.{f})\n\tmax({n}), sum({n})",
    "if {n} not in {n}:\n\t{n}[{n}] = {u}({n})\n{n}.setdefault({e}, []).append({n})",
    "for {n} in range(len({n})):\n\tfor {n} in {n}:\n\t\tif {n}[{n}] == {n}.{f}:\n\t\t\t{n}.remove({n})",
    "if not hasattr({n}, {s}):\n\t{n}.{f} = {c}.objects.count()\nif len({c}.objects.all()) > 0:\n\tprint({n})",
    "{n} = OpenAI()\nfor {n} in {e}:\n\t{n}.chat.completions.create(messages=[{n}])\n\tjson.loads({n})",
    "{n} = {c}({c}.objects.all(), many=True).data\n{n} = {c}.objects.raw({s})",
    "{n} = pd.read_csv({s})\n{n} = {n}[{n}[{s}] == {e}]\n{n} = {n}[[{s}, {s}]]\n{n} = {u}({n}) + {u}({n})",
    "{n} = {c}.objects.all()\n{n} = [{n} for {n} in {n} if {n}.{f} == {e}]\n{n} = sorted({n}, key=lambda {n}: {n}.{f})",
    "{n} = {c}.objects.get(pk=1)\nif {n}.{f} > 0:\n\t{n}.{f} = {n}.{f} - 1\n\t{n}.save()",
    "{n} = session.execute(select({c}).options(selectinload({c}.{f}))).scalars().all()\nfor {n} in {n}:\n\t{n}.{f}",
)
AWAITED = (  # those of async functions
    "{n} = await {u}({e})\n{n} = await {u}({e})\n{n} = await session.get({c}, {e})",
    "for {n} in {e}:\n\tawait session.execute(select({c}).where({c}.{f} == {n}))\n\tawait asyncio.sleep(0)",
    "async with httpx.AsyncClient() as {n}:\n\tawait {n}.get({s})\n\ttime.sleep(1)\n\topen({s}).read()",
    "await asyncio.gather(*[{u}({n}) for {n} in {e}])\nasync for {n} in {n}:\n\tjson.dumps({n})",
)
METHODS = (
    *("all", "filter", "first", "count", "exists", "save", "delete", "append", "extend", "pop", "insert", "remove"),
    *("get", "items", "keys", "values", "update", "setdefault", "join", "split", "iterrows", "apply", "loc", "add"),
    *("commit", "flush", "execute", "scalars", "json", "read", "write", "acquire", "release", "put", "submit", "sort"),
    *("select_related", "prefetch_related", "order_by", "bulk_create", "iterator", "create", "is_valid", "options"),
)
DECORATORS = (
    *("property", "staticmethod", "classmethod", "lru_cache(maxsize=None)", "cache", "cached_property", "dataclass"),
    *(
        "shared_task",
        "app.get('/{n}')",
        "app.route('/')",
        "router.post('/')",
        "api_view(['GET'])",
        "transaction.atomic",
    ),
    *(
        "wraps({u})",
        "{u}",
        "{u}({e})",
        "{n}.setter",
        "action(detail=True)",
        "retry",
        "strawberry.field",
        "asyncio.coroutine",
    ),
    *("field_validator({s})", "functools.wraps({u})", "{c}", "contextmanager"),
)
BASES = (
    *("models.Model", "serializers.ModelSerializer", "serializers.Serializer", "viewsets.ModelViewSet", "BaseModel"),
    *(
        "DeclarativeBase",
        "Generic[T]",
        "dict",
        "list",
        "Exception",
        "Schema",
        "graphene.ObjectType",
        "threading.Thread",
    ),
)
FIELD_VALUES = (
    *("models.ForeignKey({s}, models.CASCADE, related_name={s})", "models.ForeignKey('self', models.CASCADE)"),
    *("models.ManyToManyField({s})", "models.OneToOneField({c}, on_delete=models.CASCADE)", "models.CharField()"),
    *("models.IntegerField(db_index=True)", "models.Manager()", "{c}.objects", "serializers.SerializerMethodField()"),
    *("{c}(many=True)", "{c}(read_only=True, source={s})", "serializers.CharField(source={s})", "Column(Integer)"),
    *("Column(ForeignKey({s}))", "relationship({s}, back_populates={s})", "relationship({s}, lazy='joined')"),
    *(
        "mapped_column(primary_key=True)",
        "Field(default_factory={u})",
        "fields.Nested({s})",
        "graphene.List(lambda: {c})",
    ),
)
TYPES = (
    *("{c}", "list[{c}]", "dict[str, {c}]", "'{c}'", "Optional[{c}]", "{c} | None", "tuple[{c}, {t}]", "list[{t}]"),
    *("pd.DataFrame", "Session", "AsyncSession", "Iterator[{t}]", "type[{c}]", "Any", "int", "str", "Mapped[{t}]"),
    *("'list[{c}]'", "Generic[{c}]", "set[{t}]", "redis.Redis", "requests.Session", "Mapped[list['{c}']]"),
)
MANAGERS = ("transaction.atomic()", "{n}.lock", "{e} as {n}", "open({s}) as {n}", "{n}, {e} as {n}")
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "|", "&", "^", "<<", "@")
COMPARED = ("in", "not in", "==", "!=", "<", ">=", "is", "is not")
PAGES = (
    "{% for a in rows %}{{ a.customer.name }}{% include 'page.html' %}{% endfor %}",
    "{% extends 'page.html' %}{% block b %}{{ rows|length }}{{ block.super }}{% endblock %}",
    "{% if data.items %}{% for x in data.items.all %}{{ x }}{% empty %}{% endfor %}{% elif a %}{% endif %",
    "{% macro f(x) %}{{ f(x.items) }}{% endmacro %}{% for a in rows if a %}{{ f(a) }}{{ loop.index }}{% endfor %}",
    "{% with a=rows.first %}{{ a.order_set.all.0.customer|default:a }}{% endwith %}{{ item.get_total() }}",
)
DEEPEST = 2  # expressions inside each other
LONGEST = 4  # statements of one block
LARGEST = 60_000  # bytes of a file that is mutated


class Writer:
    """Writes one program, choice by choice, with what `random` decides."""

    def __init__(self, random: random.Random) -> None:
        self.random = random
        self.left = 40  # statements that may still be written

    def pick(self, options: tuple[str, ...]) -> str:
        return options[self.random.randrange(len(options))]

    def chance(self, of: int) -> bool:
        """Tell whether the rarer of two ways is taken: once in so many times."""
        return self.random.randrange(of) == of - 1

    def filled(self, template: str, depth: int) -> str:
        """Return a template with its places filled: names, classes, expressions."""
        for mark, options in (("{n}", NAMES), ("{c}", CLASSES), ("{f}", FIELDS), ("{u}", FUNCTIONS)):
            while mark in template:
                template = template.replace(mark, self.pick(options), 1)
        while "{s}" in template:
            template = template.replace("{s}", repr(self.pick((*FIELDS, *CLASSES, "customer__name", "\ud800"))), 1)
        while "{t}" in template:
            template = template.replace("{t}", self.type_(depth + 1), 1)
        while "{e}" in template:
            template = template.replace("{e}", self.expression(depth + 1), 1)
        return template

    # ------------------------------------------------------------------- expressions
    def expression(self, depth: int = 0) -> str:
        if depth > DEEPEST or (depth and self.chance(2)):
            return self.pick((*NAMES, *FUNCTIONS, *CLASSES, "1", "'s'", "None", "[]", "{}", "...", "b''", "2.5"))
        kinds = (self.name, self.start, self.method, self.attribute, self.called, self.operation, self.display,
                 self.comprehension, self.item, self.odd)  # fmt: skip
        return kinds[self.random.randrange(len(kinds))](depth)

    def name(self, _depth: int) -> str:
        return self.pick(NAMES)

    def start(self, depth: int) -> str:
        return self.filled(self.pick(STARTS), depth)

    def attribute(self, depth: int) -> str:
        return f"{self.primary(depth)}.{self.pick(FIELDS)}"

    def primary(self, depth: int) -> str:
        return f"({self.expression(depth + 1)})" if self.chance(3) else self.pick(NAMES)

    def method(self, depth: int) -> str:
        return f"{self.primary(depth)}.{self.pick((*METHODS, *FUNCTIONS))}({self.arguments(depth)})"

    def called(self, depth: int) -> str:
        return f"{self.pick((*FUNCTIONS, *CLASSES, *NAMES))}({self.arguments(depth)})"

    def arguments(self, depth: int) -> str:
        parts = [self.expression(depth + 1) for _ in range(self.random.randrange(3))]
        if self.chance(6):
            parts.append(f"*{self.primary(depth)}")
        if self.chance(4):
            parts.append(f"{self.pick(FIELDS)}={self.expression(depth + 1)}")
        if self.chance(8):
            parts.append(f"**{self.primary(depth)}")
        return ", ".join(parts)

    def operation(self, depth: int) -> str:
        left, right = self.primary(depth), self.primary(depth)
        if self.chance(2):
            return f"({left} {self.pick(COMPARED)} {right})"
        return f"({left} {self.pick((*OPERATORS, 'and', 'or'))} {right})"

    def display(self, depth: int) -> str:
        parts = [self.expression(depth + 1) for _ in range(self.random.randrange(4))]
        if self.chance(2):
            return "{" + ", ".join([f"{self.pick(FIELDS)!r}: {part}" for part in parts]) + "}"
        return f"[{', '.join(parts)}]" if self.chance(2) else f"({', '.join(parts)},)" if parts else "()"

    def comprehension(self, depth: int) -> str:
        element, source = self.expression(depth + 1), self.expression(depth + 1)
        test = f" if {self.expression(depth + 1)}" if self.chance(2) else ""
        more = f" for {self.pick(NAMES)} in {self.primary(depth)}" if self.chance(4) else ""
        inner = f"{element} for {self.target()} in ({source}){test}{more}"
        kind = self.random.randrange(4)
        return (f"[{inner}]", f"({inner})", f"{{{inner}}}", f"{{{self.pick(NAMES)}: {inner}}}")[kind]

    def item(self, depth: int) -> str:
        inside = self.pick(("0", ":10", "::2", "-1", "1:", "'name'")) if self.chance(2) else self.expression(depth + 1)
        return f"{self.primary(depth)}[{inside}]"

    def odd(self, depth: int) -> str:
        inner = self.expression(depth + 1)
        kinds = (f"({self.pick(NAMES)} := {inner})", f"(lambda {self.pick(NAMES)}=1, *b: {inner})", f"(not {inner})",
                 f"({inner} if {self.pick(NAMES)} else {self.primary(depth)})", f"f'{{{self.pick(NAMES)}!r}} x'",
                 f"(-{inner})", f"[*{self.primary(depth)}, {inner}]", f"{{**{self.primary(depth)}}}")  # fmt: skip
        return kinds[self.random.randrange(len(kinds))]

    def type_(self, depth: int) -> str:
        return self.filled(self.pick(TYPES), depth) if depth <= DEEPEST else self.pick(CLASSES)

    def target(self) -> str:
        kinds = ("{n}", "{n}", "{n}", "{n}, {n}", "{n}.{f}", "{n}[{n}]", "({n}, *{n})")
        return self.filled(self.pick(kinds), DEEPEST)

    # -------------------------------------------------------------------- statements
    def block(self, indent: str, *, within: str) -> list[str]:
        """Return the lines of a block; `within` says what is allowed: `a` in async functions, `f` in functions."""
        lines: list[str] = []
        for _ in range(1 + self.random.randrange(LONGEST)):
            if self.left > 0:
                self.left -= 1
                lines += self.statement(indent, within)
        return lines or [f"{indent}pass"]

    def statement(self, indent: str, within: str) -> list[str]:
        if self.chance(4):
            idiom = self.filled(self.pick((*IDIOMS, *AWAITED * 3) if "a" in within else IDIOMS), 1)
            return [indent + line.replace("\t", " ") for line in idiom.split("\n")]
        deep = len(indent) > 5
        kind = self.random.randrange(12 if deep else 22)
        if kind < 3:
            return [f"{indent}{self.target()} = {self.awaited(within)}"]
        if kind < 6:
            return [f"{indent}{self.awaited(within)}"]
        if kind < 12:
            return [indent + self.simple(within)]
        inner = f"{indent} "
        if kind < 16:
            head = f"for {self.target()} in {self.expression()}:"
            return self.compound(indent, "async " + head if "a" in within and self.chance(4) else head, within + "l")
        if kind < 18:
            lines = self.compound(indent, f"if {self.expression()}:", within)
            return lines + (self.compound(indent, "else:", within) if self.chance(2) else [])
        if kind == 18:
            head = f"with {self.filled(self.pick(MANAGERS), 1)}:"
            return self.compound(indent, "async " + head if "a" in within and self.chance(2) else head, within)
        if kind == 19:
            lines = self.compound(indent, "try:", within)
            caught = self.pick(("Exception", "KeyError as a", "A.DoesNotExist", "(ValueError, B)"))
            return (
                lines
                + self.compound(indent, f"except {caught}:", within)
                + (self.compound(indent, "finally:", within.replace("l", "")) if self.chance(4) else [])
            )
        if kind == 20:
            if self.chance(2):
                return self.compound(indent, f"while {self.expression()}:", within + "l")
            pattern = self.filled(
                self.pick(("{c}(name={n})", "[{n}, *_]", "{'a': {n}}", "1 | 2", "_", "str() as {n}")), 3
            )
            return [
                f"{indent}match {self.primary(1)}:",
                f"{inner}case {pattern}:",
                *self.block(f"{inner} ", within=within),
            ]
        return self.function(indent, within="")

    def compound(self, indent: str, head: str, within: str) -> list[str]:
        return [indent + head, *self.block(f"{indent} ", within=within)]

    def awaited(self, within: str) -> str:
        found = self.expression()
        return f"await ({found})" if "a" in within and self.chance(2) else found

    def simple(self, within: str) -> str:
        name, found = self.pick(NAMES), self.expression()
        kinds = [f"{name} += {found}", f"assert {found}, {name}", f"del {name}", f"raise {found}", "pass",
                 f"{name}: {self.type_(1)} = {found}", self.pick(IMPORTS), f"{name}.{self.pick(FIELDS)} = {found}",
                 f"if {name}: {name} = {found}", f"{name} = {self.pick(NAMES)} = {found}"]  # fmt: skip
        if "f" in within:
            kinds += [f"return {found}"] * 3 + [f"yield {found}"]
            kinds += [] if "a" in within else [f"{name} = yield from ({found})"]
        if "l" in within:
            kinds += ["break", "continue"]
        return kinds[self.random.randrange(len(kinds))]

    # ------------------------------------------------------------ functions and classes
    def model(self) -> list[str]:
        """Return a model of Django or SQLAlchemy that points at others of its kind."""
        name, first, second = self.pick(CLASSES), self.pick(CLASSES), self.pick(FIELDS[:5])
        if self.chance(2):
            values = (f"models.ForeignKey({first!r}, models.CASCADE, related_name={second!r})",
                      f"models.ManyToManyField({first!r})", "models.CharField()", "models.IntegerField()")  # fmt: skip
            lines = [f"class {name}(models.Model):"]
        else:
            values = (
                f"relationship({first!r}, back_populates={second!r})",
                f"relationship({first!r}, lazy='selectin')",
                f"Column(ForeignKey('{first.lower()}.id'))",
                "mapped_column()",
            )
            lines = [f"class {name}(DeclarativeBase):", f" __tablename__ = '{name.lower()}'"]
        lines += [f" {self.pick(FIELDS[:5])} = {self.pick(values)}" for _ in range(1 + self.random.randrange(4))]
        return lines + (self.function(" ", within="", first="self") if self.chance(2) else [])

    def function(self, indent: str, *, within: str, first: str = "") -> list[str]:
        lines = [f"{indent}@{self.filled(self.pick(DECORATORS), 2)}"] if self.chance(3) else []
        parameters = [first] if first else []
        for name in dict.fromkeys([self.pick(NAMES) for _ in range(self.random.randrange(4))]):
            if name not in parameters:
                annotation = f": {self.type_(1)}" if self.chance(2) else ""
                parameters.append(name + annotation)
        if self.chance(5):
            parameters.append(f"*args{f': {self.type_(2)}' if self.chance(2) else ''}")
            parameters.append("k=Depends(f)" if self.chance(2) else "k=None")
        if self.chance(6):
            parameters.append("**kwargs")
        is_async = self.chance(4)
        returns = f" -> {self.type_(1)}" if self.chance(3) else ""
        head = f"{'async ' if is_async else ''}def {self.pick(FUNCTIONS)}({', '.join(parameters)}){returns}:"
        inside = [f"{indent} {self.pick(('global', 'nonlocal'))} queue"] if self.chance(12) else []
        return [*lines, indent + head, *inside, *self.block(f"{indent} ", within=within + ("fa" if is_async else "f"))]

    def class_(self, indent: str) -> list[str]:
        bases = [self.pick((*BASES, *BASES, *CLASSES)) for _ in range(self.random.randrange(3))]
        lines = [f"{indent}@{self.filled(self.pick(DECORATORS), 2)}"] if self.chance(6) else []
        lines.append(f"{indent}class {self.pick(CLASSES)}({', '.join(bases)}):")
        for _ in range(self.random.randrange(5)):
            kind = self.random.randrange(3)
            value = self.filled(self.pick(FIELD_VALUES), 2)
            typed = f": {self.type_(1)}" if kind == 2 else ""
            lines.append(f"{indent} {self.pick(FIELDS)}{typed} = {value if kind else self.expression(2)}")
        if self.chance(3):
            lines += [f"{indent} class Meta:", f"{indent}  model = {self.pick(CLASSES)}",
                      f"{indent}  fields = {self.pick(('[]', repr(FIELDS), repr('__all__')))}"]  # fmt: skip
        if self.chance(3):
            lines += [f"{indent} queryset = {self.start(1)}", f"{indent} serializer_class = {self.pick(CLASSES)}"]
        for _ in range(self.random.randrange(4)):
            lines += self.function(f"{indent} ", within="", first="self" if not self.chance(5) else "")
        return [*lines, f"{indent} pass"]

    def module(self, others: list[str]) -> str:
        """Return one file; `others` are the modules beside it, itself included."""
        lines = list(IMPORTS) if self.chance(2) else [self.pick(IMPORTS) for _ in range(self.random.randrange(8))]
        for other in others:
            if self.chance(2):
                names = self.pick((*CLASSES, *FUNCTIONS[:9], "*"))
                lines.append(self.pick((f"from {other} import {names}", f"import {other}", f"from . import {names}")))
        if self.chance(3):
            lines.append(self.pick(("app = FastAPI()", "app = Flask(__name__)", "T = TypeVar('T')", "app = Celery()")))
        for _ in range(1 + self.random.randrange(5)):
            kind = self.random.randrange(7)
            if kind < 3:
                lines += self.function("", within="")
            elif kind < 5:
                lines += self.model()
            elif kind < 6:
                lines += self.class_("")
            else:
                lines += self.block("", within="")
        return "\n".join(lines) + "\n"

    def program(self) -> dict[str, str]:
        """Return the files of a program, by path."""
        chosen = list(dict.fromkeys([self.pick(MODULES) for _ in range(1 + self.random.randrange(2))]))
        files = {f"{name.replace('.', '/')}.py": self.module(chosen) for name in chosen}
        if self.chance(3):
            files["templates/page.html"] = "".join([self.pick(PAGES) for _ in range(1 + self.random.randrange(2))])
        return files


def programs() -> st.SearchStrategy[dict[str, str]]:
    """Return a strategy for programs written from nothing: the text of each file, by path."""
    return st.randoms(use_true_random=False).map(lambda random: Writer(random).program())


# --------------------------------------------------------------------------- mutants
@cache
def statements() -> tuple[str, ...]:
    """Return functions and classes of the standard library, as text."""
    found: list[str] = []
    for path in sorted(Path(os.__file__).parent.glob("*.py")):
        if path.stat().st_size > LARGEST:
            continue
        try:
            source = path.read_text("utf8")
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        lines = source.splitlines(keepends=True)
        for node in tree.body:
            size = (node.end_lineno or node.lineno) - node.lineno
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and 3 < size < 80:
                found.append("".join(lines[node.lineno - 1 : node.end_lineno]))
    return tuple(found)


class Mutation(ast.NodeTransformer):
    """Changes a tree here and there: another name, another expression of the program, a statement gone or doubled."""

    def __init__(self, random: random.Random, tree: ast.Module) -> None:
        self.random = random
        self.expressions = [n for n in ast.walk(tree) if isinstance(n, ast.expr) and not isinstance(n, ast.Starred)]
        self.changes = 1 + random.randrange(12)
        self.every = max(1, len(self.expressions) // (self.changes + 1))
        self.seen = 0

    def visit(self, node: ast.AST) -> ast.AST:
        """Change a node, or what is below it."""
        self.generic_visit(node)
        context = getattr(node, "ctx", None)
        if isinstance(node, ast.expr) and not isinstance(context, ast.Store | ast.Del):
            self.seen += 1
            if self.seen % self.every == 0:
                return self.other(node)
        body = getattr(node, "body", None)
        if isinstance(body, list) and len(body) > 1 and self.random.randrange(8) == 7:
            first, second = self.random.randrange(len(body)), self.random.randrange(len(body))
            body[first] = body[second]
        return node

    def other(self, node: ast.expr) -> ast.expr:
        kind = self.random.randrange(3)
        if kind == 0:
            return ast.Name(id=NAMES[self.random.randrange(len(NAMES))], ctx=ast.Load())
        if kind == 1:
            return ast.parse(Writer(self.random).expression(2).encode("utf8", "replace"), mode="eval").body
        found = self.expressions[self.random.randrange(len(self.expressions))]
        loads = isinstance(getattr(found, "ctx", ast.Load()), ast.Load)
        # Only a small one: two that hold each other would have no end.
        return found if loads and isinstance(found, ast.Name | ast.Constant | ast.Attribute) else node


def mutated(random: random.Random) -> dict[str, str]:
    """Return a program of functions and classes of the standard library, changed."""
    known = statements()
    lines = [IMPORTS[random.randrange(len(IMPORTS))] for _ in range(3)]
    parts = [known[random.randrange(len(known))] for _ in range(1 + random.randrange(3))]
    source = "\n".join([*lines, *parts])
    if random.randrange(4) == 3:
        return {"one.py": torn(random, source)}
    tree = ast.parse(source)
    try:
        changed = ast.unparse(ast.fix_missing_locations(Mutation(random, tree).visit(tree)))
    except (ValueError, RecursionError):  # what unparse cannot write
        changed = source
    return {"one.py": changed}


def torn(random: random.Random, source: str) -> str:
    """Return a text with some of its words and marks moved: mostly no Python any more."""
    words = source.split(" ")
    for _ in range(1 + random.randrange(6)):
        first, second = random.randrange(len(words)), random.randrange(len(words))
        words[first], words[second] = words[second], words[first]
    return " ".join(words)


def mutants() -> st.SearchStrategy[dict[str, str]]:
    """Return a strategy for programs made of real ones."""
    return st.randoms(use_true_random=False).map(mutated)
