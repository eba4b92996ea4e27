"""Our own calls of the log: constant messages, and values that are nobody's."""

import ast
from collections.abc import Iterator

from ledger.web.json_lines import OURS
from tests.checks import tracked_files

PACKAGES = tuple(f"{package}/" for package in sorted(OURS))
METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
PERSONAL = {
    "address", "amount", "balance", "body", "code", "cookie", "description", "email", "name",
    "number", "password", "POST", "GET", "query", "reference", "secret", "text", "token",
}  # fmt: skip
# The names of what is no person's: jobs, groups, figures, headers.
NAMES = {"job.name", "name", "self.name"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call of a logger, with its place."""
    for path, text in tracked_files(".py"):
        if not path.startswith(PACKAGES) or "/migrations/" in path:
            continue
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in METHODS
                and ast.unparse(node.func.value) == "logger"
            ):
                yield f"{path}:{node.lineno}", node


def words(value: ast.expr) -> set[str]:
    return set(ast.unparse(value).replace("(", ".").replace(")", ".").replace("[", ".").split("."))


def test_each_message_is_a_constant_and_each_value_is_nobodys() -> None:
    found = list(calls())
    assert len(found) > 10
    wrong = []
    for place, call in found:
        arguments = call.args[1:] if ast.unparse(call.func).endswith(".log") else call.args
        message, values = arguments[0], arguments[1:]
        if not (isinstance(message, ast.Constant) and isinstance(message.value, str)):
            wrong.append(f"{place}: the message is put together")
        for value in values:
            if words(value) & PERSONAL and ast.unparse(value) not in NAMES:
                wrong.append(f"{place}: {ast.unparse(value)}")
            if "path" in words(value):
                wrong.append(f"{place}: {ast.unparse(value)}; name the route")
    assert wrong == []


def test_every_package_of_ours_is_read() -> None:
    found = {path.split("/")[0] for path, _text in tracked_files(".py") if path.count("/")}
    assert found - {"deploy", "tests"} == OURS
