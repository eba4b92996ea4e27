"""The possible changes of a file."""

import ast

import pytest

from tests.mutations.changes import changes_in


def in_function(line: str) -> str:
    return f"def f(a, b, c):\n    {line}\n"


def changed(text: str) -> set[str]:
    return {change.apply(text) for change in changes_in(text)}


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("x = a < b", ["x = a <= b"]),
        ("x = (a) is not (b)", ["x = (a) is (b)"]),
        ("x = a <= b < c", ["x = a < b < c", "x = a <= b <= c"]),
        ("x = a and b and c", ["x = a or b and c", "x = a and b or c"]),
        ("x = not a", ["x = a"]),
        ("x = a - b", ["x = a + b"]),
        ("x = a // b", ["x = a * b"]),
        ("a += b", ["a -= b"]),
        ("x = 3", ["x = 4"]),
        ("x = True", ["x = False"]),
        ('x = Decimal("0.5")', ['x = Decimal("1.5")']),
        ("return a", ["return None"]),
        ("raise a(3)", ["pass"]),
        ("f(a)", ["pass"]),
        ("a.x = b", ["pass"]),
        ("x = f(a, b=c)", ["x = f(a, )"]),
        ("x = f(b=c, *a)", ["x = f(*a)"]),
        ("x = max(a)", ["x = min(a)"]),
        ("x = a.filter(b)", ["x = a.exclude(b)"]),
        ("x = f(b__gte=c)", ["x = f(b__gt=c)", "x = f()"]),
        ("x = a if b else c", ["x = a if True else c", "x = a if False else c"]),
        ("x = [y for y in a if y]", ["x = [y for y in a if True]"]),
        ("for x in a: break", ["for x in a: continue"]),
    ],
)  # fmt: skip
def test_each_kind_of_change(line: str, changes: list[str]) -> None:
    assert changed(in_function(line)) == {in_function(each) for each in changes}


@pytest.mark.parametrize(
    "line",
    [
        '"""More than 3 < 4."""',
        "x: int | None",
        "logger.info(a, extra=b)",
        "x = zip(a, b, strict=True)",
        'x = "a" + b',
        'x = "text"',
        "x = a",
        "return None",
        "isinstance(a, b | c) and a",
        'x = f"{a < b}"',
    ],
)
def test_text_types_and_logs_stay_as_they_are(line: str) -> None:
    expected = {in_function("isinstance(a, b | c) or a")} if "isinstance" in line else set()
    assert changed(in_function(line)) == expected


def test_a_decorator_is_removed_unless_nothing_works_without() -> None:
    text = "class A:\n    @property\n    @login_required\n    def f(self): ...\n"
    [change] = changes_in(text)
    assert change.apply(text) == "class A:\n    @property\n    \n    def f(self): ...\n"
    assert change.runs_at_import
    assert (change.first, change.last) == (4, 4)


def test_all_lines_keep_their_numbers_and_every_change_compiles() -> None:
    text = """
def f(a, b):
    if g(
        a,
        key=b,
    ):
        raise ValueError(
            a
        )
    g(
        a
    )
    return [
        'ä', a < b
    ]
"""
    changes = changes_in(text)
    assert {change.kind for change in changes} >= {"condition", "raise", "call", "return"}
    for change in changes:
        after = change.apply(text)
        assert after.count("\n") == text.count("\n")
        assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(text))


def test_the_lines_of_a_change_are_those_of_its_statement_without_the_body() -> None:
    text = "def f(a):\n    for x in g(\n        a < 3\n    ):\n        h(x)\n"
    lines = {change.line: (change.first, change.last) for change in changes_in(text)}
    assert lines == {3: (2, 4), 5: (5, 5)}


def test_code_of_a_module_or_a_class_runs_at_import() -> None:
    text = "LIMIT = 3\nclass A:\n    many = 4\n    def f(self, x=5):\n        return x\n"
    at_import = {change.line: change.runs_at_import for change in changes_in(text)}
    assert at_import == {1: True, 3: True, 4: True, 5: False}
    assert {change.line for change in changes_in(text, class_bodies=False)} == {1, 5}
