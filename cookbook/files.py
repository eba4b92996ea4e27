"""The page of a source file: the file of a recipe, or the file with its use in the bank."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cookbook.in_the_bank import USES
from cookbook.recipes import BY_SLUG
from ledger.env import BASE_DIR


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the repository. `line` is the number of the line to which the page scrolls."""

    path: str
    line: int

    @property
    def text(self) -> str:
        return (BASE_DIR / self.path).read_text()


def file_of_recipe(slug: str) -> SourceFile | None:
    """Returns the file with the recipe, or None if the recipe does not exist."""
    recipe = BY_SLUG.get(slug)
    if recipe is None:
        return None
    return SourceFile(recipe.file, inspect.getsourcelines(recipe.function)[1])


def file_in_the_bank(slug: str) -> SourceFile | None:
    """Returns the file in which the bank uses the recipe's feature, or None without such a use.

    The line is the first line of code with the text of the use. Without such a line, it is the
    first line with this text.
    """
    use = USES.get(slug)
    if use is None:
        return None
    source = (BASE_DIR / use.file).read_text()
    found = [n for n, line in enumerate(source.splitlines(), 1) if use.text in line]
    other = set(_lines_without_code(source))
    return SourceFile(use.file, next((line for line in found if line not in other), found[0]))


def _lines_without_code(source: str) -> Iterator[int]:
    """Yields the numbers of the lines of comments, imports and docstrings."""
    for number, line in enumerate(source.splitlines(), 1):
        if line.lstrip().startswith("#"):
            yield number
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Expr | ast.Import | ast.ImportFrom):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


@require_safe
def source_file(request: HttpRequest, slug: str, *, of_the_bank: bool) -> HttpResponse:
    """Shows the complete file."""
    found = file_in_the_bank(slug) if of_the_bank else file_of_recipe(slug)
    if found is None:
        raise Http404
    return render(request, "cookbook/file.html", {"file": found, "recipe": BY_SLUG[slug]})
