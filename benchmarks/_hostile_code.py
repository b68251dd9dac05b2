"""The text of programs that nobody means to write, at any size: what `_hostile.py` is made of."""

Text = str | bytes


def nested(head: str, n: int, leaf: str = "pass", step: str = " ") -> str:
    """Return compound statements inside each other: `{i}` in the head is the level."""
    lines = [step * level + head.replace("{i}", str(level)) for level in range(n)]
    return "\n".join((*lines, step * n + leaf, ""))


def nested_tries(n: int) -> str:
    """Return `try` statements inside each other."""
    closing = [" " * level + "finally: pass" for level in reversed(range(n))]
    return nested("try:", n) + "\n".join((*closing, ""))


def nested_matches(n: int) -> str:
    """Return `match` statements inside each other, which take two indentations each."""
    return "".join([f"{' ' * 2 * i}match x:\n{' ' * (2 * i + 1)}case 1:\n" for i in range(n)]) + " " * 2 * n + "pass\n"


def inside(before: str, after: str, n: int, leaf: str = "x") -> str:
    """Return an expression in a function: the leaf with something around it, n times."""
    return f"def f(x, y):\n    return {before * n}{leaf}{after * n}\n"


def repeated(line: str, n: int, head: str = "") -> str:
    """Return a line n times: `{i}` in it is the number, `{j}` the number after it."""
    return head + "".join([line.replace("{i}", str(number)).replace("{j}", str(number + 1)) for number in range(n)])


def body(line: str, n: int, head: str = "def f(x, y, z):\n") -> str:
    """Return a function of n like statements."""
    return repeated("    " + line.replace("\n", "\n    ").rstrip(" "), n, head)


def diamonds(n: int) -> str:
    """Return classes that each inherit from both of the two before: paths double at every step."""
    steps = [
        f"class A{i}(L{i - 1}, R{i - 1}):\n    def f(self):\n        return super().f()\n"
        f"class L{i}(A{i}):\n    def f(self):\n        return super().f()\n"
        f"class R{i}(A{i}):\n    pass\n"
        for i in range(1, n)
    ]
    return (
        "class L0:\n    def f(self): pass\nclass R0: pass\n" + "".join(steps) + f"def g():\n    return R{n - 1}().f()\n"
    )


def tree_of_calls(n: int) -> str:
    """Return functions that each call the next two: 2^n ways through them, with rows in hand."""
    head = "import requests\n\n\n"
    step = (
        "def f{i}(a, b):\n    for x in a:\n        f{j}([x], b)\n        f{j}(b, {x: a})\n    return f{j}(a, a)\n\n\n"
    )
    return repeated(step, n, head) + f"def f{n}(a, b):\n    return requests.get(a)\n"


def ring_of_imports(n: int) -> dict[str, Text]:
    """Return modules that import each other in a ring, with everything in them."""
    files: dict[str, Text] = {}
    for number in range(n):
        after = (number + 1) % n
        files[f"m{number}.py"] = (
            f"from m{after} import *\nfrom m{after} import f{after} as g, missing\nimport m{after}\n"
            f"X = m{after}.X\n\n\ndef f{number}(x):\n    return g(m{after}.f{after}(missing(X)))\n"
        )
    return files


DJANGO = "from django.db import models\nfrom rest_framework import serializers, viewsets\n\n\n"


def models_in_a_circle(n: int) -> str:
    """Return models of which each points at the next, and serializers that show them all the way round."""
    model = (
        'class M{i}(models.Model):\n    to = models.ForeignKey("M{n}", models.CASCADE, related_name="back{i}")\n'
        '    many = models.ManyToManyField("M{n}")\n    me = models.ForeignKey("self", models.CASCADE)\n\n\n'
    )
    shown = (
        "class S{i}(serializers.ModelSerializer):\n    to = serializers.SerializerMethodField()\n"
        "    me = serializers.SerializerMethodField()\n    class Meta:\n        model = M{i}\n"
        "        fields = '__all__'\n        depth = 5\n\n"
        "    def get_to(self, row):\n        return S{n}(row.to.back{i}.all(), many=True).data\n\n"
        "    def get_me(self, row):\n        return S{i}(row.me).data\n\n\n"
    )
    view = "class V{i}(viewsets.ModelViewSet):\n    queryset = M{i}.objects.all()\n    serializer_class = S{i}\n\n\n"
    text = DJANGO
    for part in (model, shown, view):
        for number in range(n):
            text += part.replace("{i}", str(number)).replace("{n}", str((number + 1) % n))
    return text


def nested_serializers(n: int) -> str:
    """Return serializers of which each holds the two before and itself."""
    text = DJANGO + "class M(models.Model):\n    to = models.ForeignKey('self', models.CASCADE)\n\n\n"
    text += "class S0(serializers.ModelSerializer):\n    class Meta:\n        model = M\n        fields = ['to']\n\n\n"
    step = (
        "class S{j}(serializers.ModelSerializer):\n    to = S{i}(many=True)\n    too = S{i}()\n"
        "    def get_fields(self):\n        fields = super().get_fields()\n        fields['to'] = S{j}(many=True)\n"
        "        return fields\n    class Meta:\n        model = M\n        fields = ['to', 'too']\n\n\n"
    )
    view = f"class V(viewsets.ModelViewSet):\n    queryset = M.objects.all()\n    serializer_class = S{n}\n"
    return repeated(step, n, text) + view


def graphql_in_a_circle(n: int) -> str:
    """Return GraphQL types of which each resolves to a list of the next."""
    text = "import strawberry\nfrom graphene_django import DjangoObjectType\nimport graphene\n" + DJANGO
    for number in range(n):
        after = (number + 1) % n
        text += (
            f"class M{number}(models.Model):\n    to = models.ForeignKey('M{after}', models.CASCADE)\n\n\n"
            f"class G{number}(DjangoObjectType):\n    to = graphene.List(lambda: G{after})\n"
            f"    class Meta:\n        model = M{number}\n\n    def resolve_to(self, info):\n"
            f"        return M{after}.objects.filter(to=self.to)\n\n\n"
            f"@strawberry.type\nclass T{number}:\n    @strawberry.field\n"
            f"    def to(self) -> list['T{after}']:\n        return [x.to for x in M{after}.objects.all()]\n\n\n"
        )
    text += "class Query(graphene.ObjectType):\n    every = graphene.List(G0)\n\n    def resolve_every(self, info):\n"
    text += "        return M0.objects.all()\n\n\n@strawberry.type\nclass Root:\n    @strawberry.field\n"
    return text + "    def every(self) -> list[T0]:\n        return []\n\n\nschema = strawberry.Schema(query=Root)\n"


VIEWS = (
    "from django.db import models\nfrom django.shortcuts import render\n\n\n"
    "class M(models.Model):\n    to = models.ForeignKey('self', models.CASCADE)\n\n\n"
    "def page(request):\n    return render(request, 'page.html', {'rows': M.objects.all()})\n"
)
FLASK = (
    "from flask import Flask, render_template\n\napp = Flask(__name__)\n\n\n"
    "@app.get('/')\ndef page():\n    return render_template('page.html', rows=[1])\n"
)


def including(n: int) -> dict[str, Text]:
    """Return templates of which each includes and extends the next, in a ring."""
    files: dict[str, Text] = {"views.py": VIEWS, "templates/page.html": "{% include 'p0.html' %}"}
    for number in range(n):
        after = f"p{(number + 1) % n}.html"
        files[f"templates/p{number}.html"] = (
            f"{{% extends '{after}' %}}{{% block a %}}{{% for row in rows %}}{{{{ row.to.to }}}}"
            f"{{% include '{after}' %}}{{% include '{after}' with rows=row.m_set.all %}}{{% endfor %}}{{% endblock %}}"
        )
    return files


def generic(n: int) -> str:
    """Return generic classes made of themselves, ever deeper."""
    deep = "A0[" * n + "T" + "]" * n
    text = "from typing import Generic, TypeVar\n\nT = TypeVar('T')\n\n\n"
    text += f"class A0(Generic[T], list['A0[A0[T]]'], dict['{deep}', '{deep}']):\n    x: 'A0[A0[T]]'\n\n"
    text += "    def f(self: 'A0[A0[T]]', y: 'list[A0[A0[T]]]') -> 'A0[A0[A0[T]]]':\n"
    text += "        for z in self.x.x:\n            z.f(z.f([self]))\n        return self.f(self.f(y))\n\n\n"
    return text + repeated("class A{j}(A{i}['A{j}[T]']):\n    y: 'A{j}[A{i}[T]]'\n\n\n", n)


def aliases(n: int) -> str:
    """Return type aliases in a ring, each made of the two next to it."""
    text = "".join(
        [f"A{i} = list['A{(i + 1) % n}'] | dict[str, 'A{i - 1 if i else n - 1}'] | 'A{i}'\n" for i in range(n)]
    )
    text += "".join([f"B{i} = B{i + 1}\n" for i in range(n)]) + f"B{n} = B0\n"
    return (
        text
        + "\n\ndef f(x: A0, b: B0) -> A1:\n    for y in x:\n        for z in y:\n            f(z, b)\n    return x\n"
    )


def arguments(n: int) -> str:
    """Return a function with many parameters, of every kind, and calls of it."""
    names = [f"a{number}" for number in range(n)]
    call = "".join([f"    f({', '.join(names)}, x={number})\n" for number in range(5)])
    return f"def f({', '.join(names)}, *rest, {', '.join([f'k{i}: int = {i}' for i in range(n)])}, **more):\n{call}"


def matching(n: int) -> str:
    """Return a match statement of many cases."""
    case = "        case {'k{i}': [x, *y], **z} | A{i}(x=x, y=y, z=z) if x > {i}:\n            print(x)\n"
    return repeated(case, n, "def f(x, y, z):\n    match x:\n") + "    return x\n"


def alike(n: int) -> str:
    """Return many functions with the same N+1 query in each."""
    step = (
        "def f{i}():\n    for row in M.objects.all():\n"
        "        print(row.to.name, row.to.to, [r for r in row.m_set.all()])\n"
        "        M.objects.get(id={i}).save()\n\n\n"
    )
    return repeated(step, n, VIEWS)


def chain(n: int, last: str, line: str = "    return f{j}(x)\n") -> str:
    """Return functions that call each other one after the other."""
    return "import requests\n\n\n" + repeated("def f{i}(x):\n" + line, n) + last


def loops(n: int) -> str:
    """Return loops inside each other: as many as there are indentations, then as comprehensions."""
    heads = "".join([" " * (level + 1) + f"for x{level} in x{level - 1 if level else ''}:\n" for level in range(n)])
    parts = " ".join([f"for y{level} in {f'y{level - 1}' if level else 'x'}" for level in range(n * 20)])
    return f"def f(x):\n{heads}{' ' * (n + 1)}x in x\n\n\ndef g(x):\n return [x in x {parts}]\n"
