"""A possible change, and the positions of changes in a file."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tests.mutations.counterparts import STRUCTURAL_DECORATORS, Function, own_lines


@dataclass(frozen=True)
class Mutation:
    """A possible change: a span of the text (character offsets), and its replacement."""

    line: int
    start: int
    end: int
    replacement: str
    kind: str
    # The lines whose tests can notice the change. Empty if the code runs only at import.
    first: int = 0
    last: int = 0

    @property
    def runs_at_import(self) -> bool:
        """Whether the changed code runs when the module is imported."""
        return self.kind == "decorator" or not self.first

    def apply(self, text: str) -> str:
        """Returns the changed text of the file."""
        return text[: self.start] + self.replacement + text[self.end :]


class Places(ast.NodeVisitor):
    """A visitor that walks through the scopes and statements of a module, and collects changes."""

    def __init__(self, text: str, *, class_bodies: bool) -> None:
        self.text = text
        self.class_bodies = class_bodies
        self.lines = text.splitlines(keepends=True)
        self.offsets = [0]
        for line in self.lines:
            self.offsets.append(self.offsets[-1] + len(line))
        self.found: list[Mutation] = []
        self.scope = "module"
        self.statement: ast.stmt | None = None

    def at(self, line: int, column: int) -> int:
        """Returns the character offset of a position of `ast`. The columns of `ast` count bytes."""
        before = self.lines[line - 1].encode()[:column].decode()
        return self.offsets[line - 1] + len(before)

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        """Returns the start and the end of a node's text."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self.at(node.lineno, node.col_offset),
            self.at(node.end_lineno, node.end_col_offset),
        )

    def add(
        self,
        kind: str,
        start: int,
        end: int,
        new: str,
        *,
        statement: bool = False,
        lines: tuple[int, int] = (0, 0),
    ) -> None:
        """Adds a change. The new text gets as many lines as the text that it replaces."""
        if self.scope == "class" and not self.class_bodies:
            return
        missing = self.text.count("\n", start, end) - new.count("\n")
        new += ("\n" if statement else " \\\n") * missing
        line = self.text.count("\n", 0, start) + 1
        if self.scope == "function" and self.statement is not None:
            lines = own_lines(self.statement)
        self.found.append(Mutation(line, start, end, new, kind, *lines))

    def swap_between(
        self, kind: str, left: ast.expr, right: ast.expr, operator: str, new: str
    ) -> None:
        """Adds a change of the operator between two expressions."""
        start, end = self.span(left)[1], self.span(right)[0]
        match = re.search(rf"(?<![\w<>=!*/]){operator}(?![\w<>=*/])", self.text[start:end])
        if match:
            self.add(kind, start + match.start(), start + match.end(), new)

    def visit(self, node: ast.AST) -> None:
        """Visits a node, and stores the statement to which the node belongs."""
        if not isinstance(node, ast.stmt):
            super().visit(node)
            return
        outer, self.statement = self.statement, node
        super().visit(node)
        self.statement = outer

    def visit_in(self, scope: str, nodes: Iterable[ast.AST]) -> None:
        """Visits the nodes as the body of a function or a class."""
        outer, self.scope = self.scope, scope
        for node in nodes:
            self.visit(node)
        self.scope = outer

    def visit_FunctionDef(self, node: Function) -> None:
        """Visits the body as code of a function. Its decorators and defaults run outside of the
        function.
        """
        for decorator in node.decorator_list:
            self.decorator(decorator, node)
            self.visit(decorator)
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        self.visit_in("function", node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Visits the body as code of a function."""
        self.visit_in("function", [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Visits the body as statements of a class."""
        inside = "function" if self.scope == "function" else "class"
        self.visit_in(inside, [*node.decorator_list, *node.body])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Visits only the value, not the type hint."""
        if node.value:
            self.visit(node.value)

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """Ignores type aliases."""

    def decorator(self, decorator: ast.expr, function: Function) -> None:
        """Removes a decorator, except decorators without which the function does not work."""
        name = decorator.func if isinstance(decorator, ast.Call) else decorator
        last = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")
        if last in STRUCTURAL_DECORATORS:
            return
        start, end = self.span(decorator)
        lines = function.body[0].lineno, function.end_lineno or function.lineno
        sign = self.text.rindex("@", 0, start)
        self.add("decorator", sign, end, "", statement=True, lines=lines)
