"""The possible changes in the source of one file.

A change replaces one span of text. A change never changes the number of lines, so all other lines
keep their numbers. Changes that no test can notice are excluded: docstrings, type hints, calls of
loggers, guards against programming mistakes, and changes after which the code does not compile.
"""

import ast
import re
from decimal import Decimal

from tests.mutations.counterparts import (
    ARITHMETIC,
    CALLS,
    COMPARISONS,
    GUARDS,
    LOOKUPS,
    augmented,
    is_logging,
    is_text,
    is_type,
)
from tests.mutations.places import Mutation, Places


def changes_in(text: str, *, class_bodies: bool = True) -> list[Mutation]:
    """Returns all possible changes of a file, ordered by their positions. Without `class_bodies`,
    excludes the statements directly in a class, such as model fields.
    """
    finder = _Finder(text, class_bodies=class_bodies)
    finder.visit(ast.parse(text))
    found = {change: None for change in finder.found if _compiles(change.apply(text))}
    return sorted(found, key=lambda change: (change.start, change.end, change.replacement))


def _compiles(text: str) -> bool:
    try:
        compile(text, "changed", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


class _Finder(Places, ast.NodeVisitor):
    """A visitor that adds the changes of each kind of statement and expression."""

    def visit_If(self, node: ast.If) -> None:
        """Sets the condition to True and False. Ignores code that only type checkers read."""
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        for value in ("True", "False"):
            self.add("condition", *self.span(node.test), value)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Sets the condition to True and False."""
        for value in ("True", "False"):
            self.add("condition", *self.span(node.test), value)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Sets each condition to True."""
        for test in node.ifs:
            self.add("condition", *self.span(test), "True")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        """Removes a call whose result is not used."""
        if isinstance(node.value, ast.Call):
            if is_logging(node.value):
                return
            self.add("call", *self.span(node), "pass", statement=True)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Removes the statement. Does not change its message, which is text."""
        self.add("raise", *self.span(node), "pass", statement=True)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Removes an assignment to an attribute or an item."""
        if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            self.add("assignment", *self.span(node), "pass", statement=True)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Swaps the operator, except for texts."""
        if type(node.op) in ARITHMETIC and not is_text(node.value):
            self.swap_between("arithmetic", node.target, node.value, *augmented(node.op))
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        """Replaces the value with None."""
        if node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self.add("return", *self.span(node.value), "None")
        self.generic_visit(node)

    def visit_Break(self, node: ast.Break) -> None:
        """Swaps `break` and `continue`."""
        self.add("loop", *self.span(node), "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        """Swaps `continue` and `break`."""
        self.add("loop", *self.span(node), "break")

    def visit_Compare(self, node: ast.Compare) -> None:
        """Swaps each operator. For example, `<` becomes `<=`."""
        operands = [node.left, *node.comparators]
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            self.swap_between("comparison", left, right, *COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Swaps each `and` and `or`."""
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.swap_between("boolean", left, right, old, new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """Removes `not`, and `~` of a condition."""
        start, _ = self.span(node)
        match = re.match(r"not\s|~", self.text[start:])
        if match and isinstance(node.op, ast.Not | ast.Invert):
            self.add("not", start, start + match.end(), "")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Swaps the operator, except for texts and unions of types."""
        is_other = is_text(node.left) or is_text(node.right)
        if self.scope != "function":
            is_other = is_other or is_type(node)
        if type(node.op) in ARITHMETIC and not is_other:
            self.swap_between("arithmetic", node.left, node.right, *ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Changes a number by one, and inverts a bool."""
        if isinstance(node.value, bool):
            self.add("constant", *self.span(node), str(not node.value))
        elif isinstance(node.value, int | float):
            self.add("constant", *self.span(node), str(node.value + 1))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Ignores f-strings, because their parts have no exact positions before Python 3.12."""

    def visit_Call(self, node: ast.Call) -> None:
        """Removes each keyword argument, and swaps calls and lookups that have a counterpart."""
        if is_logging(node):
            return
        name = node.func
        if isinstance(name, ast.Attribute) and name.attr in CALLS:
            _, end = self.span(name)
            self.add("call", end - len(name.attr), end, CALLS[name.attr])
        elif isinstance(name, ast.Name) and name.id in CALLS:
            self.add("call", *self.span(name), CALLS[name.id])
        elif isinstance(name, ast.Name) and name.id == "Decimal":
            self.decimal(node.args[0])
        if isinstance(name, ast.Name) and name.id in {"cast", "isinstance", "issubclass"}:
            return
        for keyword in node.keywords:
            if keyword.arg not in GUARDS:
                self.keyword(keyword)
        self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        """Ignores the value of a guard."""
        if node.arg not in GUARDS:
            self.generic_visit(node)

    def decimal(self, number: ast.expr) -> None:
        """Changes the number in `Decimal("1")` by one."""
        if isinstance(number, ast.Constant) and isinstance(number.value, str):
            self.add("constant", *self.span(number), f'"{Decimal(number.value) + 1}"')

    def keyword(self, keyword: ast.keyword) -> None:
        """Removes a keyword argument and the comma after it, and moves the boundary of a lookup."""
        if keyword.arg is None:
            return
        start, end = self.span(keyword)
        comma = re.match(r"\s*,[ ]?", self.text[end:])
        self.add("argument", start, end + (comma.end() if comma else 0), "", statement=True)
        path, _, lookup = keyword.arg.rpartition("__")
        if path and lookup in LOOKUPS:
            end = start + len(keyword.arg)
            self.add("comparison", end - len(lookup), end, LOOKUPS[lookup])
