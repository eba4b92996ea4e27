"""Defines a recipe: a small function with a description and its source code.

    GROUP = RecipeGroup("joins", "Joins", "Rows of several tables in one query.")

    @GROUP.recipe("Every row with its parent", asks="…", shows=("select_related",), …)
    def payments_with_sender(most: int = 5) -> QuerySet[Transaction]:
        ...

The arguments of the function are the parameters of the recipe's page: see `parameters.py`.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import chain
from typing import Any

import django
from django.db import connection
from django.urls import reverse

from cookbook import models

RECIPES = "cookbook.recipes"  # the package with the files of the recipes


@dataclass(frozen=True)
class PrintedFunction:
    """A function whose source code is shown, with everything that the source needs to run."""

    function: Callable[..., Any]

    @property
    def name(self) -> str:
        """The name of the function, such as "lost_update"."""
        return self.function.__name__

    @property
    def slug(self) -> str:
        """The name of the function in URLs, such as "lost-update"."""
        return self.name.replace("_", "-")

    @property
    def file(self) -> str:
        """The path of the function's file in the repository."""
        return f"{self.function.__module__.replace('.', '/')}.py"

    @cached_property
    def source(self) -> str:
        """The source code of the function without its decorator."""
        return _without_decorator(self.function)

    @cached_property
    def parts(self) -> str:
        """The source code of the classes and functions that the function uses from the files of the
        recipes.
        """
        return "\n\n\n".join(_without_decorator(part) for part in self._parts)

    @cached_property
    def _parts(self) -> list[Any]:
        return list(_definitions_used(self.source, vars(_module_of(self.function))))

    @cached_property
    def constants(self) -> str:
        """The constants and conditional imports of the function's file, and of the files of its
        parts, that are used.
        """
        used = _names_in(f"{self.parts}\n\n\n{self.source}")
        return "\n".join(
            f"{text}\n" if isinstance(node, ast.If) else text  # a blank line ends it in a shell
            for node, text in self._statements
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.If) and _bound_in(node) & used
        )

    @property
    def _statements(self) -> Iterator[tuple[ast.stmt, str]]:
        modules = dict.fromkeys(map(_module_of, (self.function, *self._parts)))
        return chain.from_iterable(map(_statements_of, modules))

    @cached_property
    def body(self) -> str:
        """The source code of the function, after everything from the files of the recipes that it
        uses.
        """
        return "\n\n\n".join(filter(None, (self.constants, self.parts, self.source)))

    @cached_property
    def tables(self) -> str:
        """The source code of the models that the function uses from `cookbook.models`."""
        used = _definitions_used(self.body, vars(models))
        return "\n\n\n".join(_without_decorator(part) for part in used)

    @cached_property
    def imports(self) -> str:
        """The imports of the function's file, and of the files of its parts, that are used."""
        used = _names_in(self.body)
        found: dict[str, ast.Import | ast.ImportFrom] = {}
        for node, _text in self._statements:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            source = getattr(node, "module", "") or ast.unparse(node)
            known = {alias.name for alias in found[source].names} if source in found else set()
            names = [
                alias
                for alias in node.names
                if (alias.asname or alias.name) in used and alias.name not in known
            ]
            if names and not source.startswith(RECIPES):  # these are parts
                if not known:
                    found[source] = copy(node)  # the statement itself is shared by all recipes
                    found[source].names = []
                found[source].names += names
        return "\n".join(map(ast.unparse, found.values()))


@dataclass(frozen=True)
class Recipe(PrintedFunction):
    """One recipe of the cookbook: a function with its texts and its limits.

    - `asks`: a developer's question that the recipe answers.
    - `shows`: the features of the recipe, with the names that people search for.
    - `notice` and `pitfall`: one or two sentences each.
    - `writes`: allows writes to the practice bank, which are rolled back.
    - `on_writer`: runs the recipe on the primary database, because it queries the server about
      itself.
    - `commits`: runs the recipe on separate connections in a scratch schema (see `sessions.py`).
    - `own_database`: runs the recipe as a superuser in a database that exists only for the run (see
      `own_database.py`).
    - `preload`: the library that the server must load at its start for this recipe.
    - `teaches_plan`: shows the plans expanded, and the slowest plans of the steps side by side.
    - `teaches_model`: shows the models before the source, because their Meta is the lesson.
    - `created_by`: the SQL that created what the recipe uses and Django has no operation for, such
      as a partition, a policy or a trigger.
    - `postgres` and `django`: the oldest versions that can run the recipe, such as 170000 and (6,
      0).
    """

    group: "RecipeGroup"
    title: str
    asks: str
    shows: tuple[str, ...]
    notice: str
    pitfall: str
    writes: bool = False
    on_writer: bool = False
    commits: bool = False
    own_database: bool = False
    preload: str = ""
    teaches_plan: bool = False
    teaches_model: bool = False
    created_by: str = ""
    postgres: int = 0
    django: tuple[int, int] = (0, 0)

    @property
    def url(self) -> str:
        return reverse("cookbook:recipe", args=[self.slug])

    @property
    def feature(self) -> str:
        """The main feature of the recipe: the first part of the title, such as
        "F() expressions".
        """
        return self.title.partition(": ")[0]

    @property
    def summary(self) -> str:
        """The second part of the title, such as "avoid the lost update", or "" if the title has
        only one part.
        """
        return self.title.partition(": ")[2]

    @property
    def creation(self) -> str:
        """The text of `created_by` without its common indentation and without empty lines."""
        lines = textwrap.dedent(self.created_by).splitlines()
        return "\n".join(line.rstrip() for line in lines if line.strip())

    @property
    def changes_rows(self) -> bool:
        """Whether the code changes rows, tables or roles where somebody pastes it."""
        return self.writes or self.commits or self.own_database

    @property
    def about(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @cached_property
    def searched(self) -> str:
        """The source code in which the search looks: the function, and the classes and functions
        that it uses from its file.
        """
        file = _module_of(self.function)
        own = [part for part in self._parts if _module_of(part) is file]
        return "\n".join(map(_without_decorator, [*own, self.function]))

    @property
    def missing(self) -> str:
        """The reason why the recipe cannot run here, such as "needs Postgres 17", or "" if the
        recipe can run.
        """
        if self.django > django.VERSION[:2]:
            return f"needs Django {'.'.join(map(str, self.django))}"
        if self.postgres > connection.pg_version:  # type: ignore[attr-defined]
            return f"needs Postgres {self.postgres // 10_000}"
        return ""


@dataclass
class RecipeGroup:
    """Recipes about one subject, in reading order."""

    slug: str
    title: str
    about: str
    recipes: list[Recipe] = field(default_factory=list)

    @property
    def url(self) -> str:
        return reverse("cookbook:group", args=[self.slug])

    def recipe(
        self, title: str, **words: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Returns a decorator that adds a function to the recipes of this group and returns the
        function unchanged. The keyword arguments are fields of `Recipe`.
        """

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            self.recipes.append(Recipe(function, self, title, **words))
            return function

        return add


def _without_decorator(part: Any) -> str:
    """Returns the source code without the decorator that adds a recipe or an exercise. Other
    decorators are kept.
    """
    source = textwrap.dedent(inspect.getsource(part))
    (node,) = ast.parse(source).body
    own = [
        decorator.lineno
        for decorator in getattr(node, "decorator_list", [])
        if not ast.unparse(decorator).startswith(("GROUP.recipe(", "PART.exercise("))
    ]
    return "\n".join(source.splitlines()[min([node.lineno, *own]) - 1 :])


def _names_in(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


@cache
def _statements_of(module: Any) -> list[tuple[ast.stmt, str]]:
    """Returns the statements of a module, each with its lines of source code."""
    source = inspect.getsource(module)
    lines = source.splitlines()
    return [
        (node, "\n".join(lines[node.lineno - 1 : node.end_lineno]))
        for node in ast.parse(source).body
    ]


def _bound_in(statement: ast.stmt) -> set[str]:
    """Returns the names that a statement, such as an `if` with imports, assigns or imports."""
    bound = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name)
    return bound


def _module_of(part: Any) -> Any:
    return sys.modules[part.__module__]


def _definitions_used(
    source: str, namespace: dict[str, Any], seen: set[str] | None = None
) -> Iterator[Any]:
    """Yields the functions and classes that the source uses, directly or indirectly, if they are
    defined in the module with this namespace or in a file of recipes. A definition comes before the
    definitions that use it.
    """
    seen = set() if seen is None else seen
    for name in sorted(_names_in(source) - seen):
        part = namespace.get(name)
        if inspect.isfunction(part) or inspect.isclass(part):
            seen.add(name)
            if part.__module__ == namespace["__name__"] or part.__module__.startswith(RECIPES):
                namespace_of_part = vars(_module_of(part))
                yield from _definitions_used(_without_decorator(part), namespace_of_part, seen)
                yield part
