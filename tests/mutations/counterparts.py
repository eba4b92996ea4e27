"""The replacement for each piece of code, and the pieces that do not change."""

import ast
from collections.abc import Iterator

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.BitOr: (r"\|", "&"),
    ast.BitAnd: ("&", "|"),
}
CALLS = {
    "all": "any", "any": "all", "exclude": "filter", "filter": "exclude", "first": "last",
    "last": "first", "max": "min", "min": "max",
}  # fmt: skip
LOOKUPS = {"lt": "lte", "lte": "lt", "gt": "gte", "gte": "gt"}
# Arguments that only refuse mistakes of programs, or save memory.
GUARDS = {"durable", "frozen", "kw_only", "slots", "strict"}
LOGGERS = {"log", "logger", "logging"}
# Without these decorators, the function does not work, so any test would notice the change.
STRUCTURAL_DECORATORS = {
    "abstractmethod", "cached_property", "classmethod", "contextmanager", "dataclass", "fixture",
    "overload", "property", "setter", "staticmethod", "total_ordering",
}  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


def own_lines(statement: ast.stmt) -> tuple[int, int]:
    """Returns the first and the last line of a statement, without the statements inside it."""
    inside = [each.lineno for each in _statements_in(statement)]
    last = statement.end_lineno or statement.lineno
    return statement.lineno, max(statement.lineno, min([last + 1, *inside]) - 1)


def _statements_in(statement: ast.stmt) -> Iterator[ast.stmt]:
    for name in ("body", "orelse", "finalbody"):
        yield from getattr(statement, name, [])
    for case in getattr(statement, "cases", []):
        yield from case.body


def augmented(operator: ast.operator) -> tuple[str, str]:
    """Returns the pattern of `+=` and its counterpart, or of another operator."""
    old, new = ARITHMETIC[type(operator)]
    return f"{old}=", f"{new}="


def is_text(node: ast.expr) -> bool:
    """Returns whether the expression is a literal text."""
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


def is_type(node: ast.BinOp) -> bool:
    """Returns whether the expression may be a union of types: `Account | None`."""
    return isinstance(node.op, ast.BitOr) and not isinstance(node.right, ast.Call | ast.BinOp)


def is_logging(call: ast.Call) -> bool:
    """Returns whether the call writes to a log."""
    name = call.func
    return (
        isinstance(name, ast.Attribute)
        and isinstance(name.value, ast.Name)
        and name.value.id.strip("_") in LOGGERS
    )
