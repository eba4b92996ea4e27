"""`python -m tests.checks`: rules of the repository that no other tool checks. `make check` runs
it.

Prints each finding as `file:line: what is wrong`, and exits with 1 if there is a finding. The
rules:

- a class name has one meaning: it is defined once in the whole repository;
- lines of templates and prose lines of docs have at most 120 characters;
- each tag of a template ends on its line, because Django shows a tag on two lines as text;
- no test module imports another test module: shared helpers are in plain modules;
- every file that docs, docstrings and comments name in backticks exists;
- code inside a text (a program that a test starts, an example in the docs) imports existing names;
- the import contracts of `pyproject.toml` contain every top-level Python package;
- no text and no name contains one of the avoided words in docs/glossary.md.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_LINE = 120
# Names to which Django gives a fixed meaning, and enumerations inside their models.
CONVENTIONAL = frozenset({"Command", "Config", "DatabaseWrapper", "Migration"})
CONVENTIONAL_INSIDE = frozenset({"Action", "Media", "Meta", "State", "Status", "Type"})
GENERATED_DOCS = "docs/orm-to-sql"
WAY_OUT_OF_PROSE = re.compile(r"\s*(\||!\[|\[[^\]]*\]:|<)")  # tables, pictures, link targets, HTML
NAMED_FILE = re.compile(r"`([\w-]+(?:/[\w-]+)*\.(?:py|html|css|js|md))`")
# The tests of this check name files that do not exist.
MAY_NAME_MISSING_FILES = (GENERATED_DOCS, "tests/test_checks.py")
# A test follows the second page, in a copy that has the modules.
MAY_IMPORT_WHAT_IS_MISSING = frozenset({"tests/test_checks.py", "docs/new-app.md"})
# Imports in a text of Python, or in a line of docs. `mypy` and the import itself check all other
# imports.
IMPORT_IN_TEXT = re.compile(
    r"^\s*(?:>>> )?from ([a-z_]\w*(?:\.\w+)+) import (\([^)]*\)|.+)", re.MULTILINE
)
SINGLE_TAG = re.compile(r"\{%((?!%\}).)*%\}|\{\{((?!\}\}).)*\}\}")
OPEN_TAG = re.compile(r"{[%{#](?!.*[%}#]})")

# Words that need a second reading, in lower case, and their replacements.
AVOIDED_WORDS = {
    "tell": "return, show, print, notify",
    "tells": "returns, shows, prints, notifies",
    "told": "returned, shown, notified",
    "telling": "showing, notifying",
    "say": "show, state, contain",
    "says": "shows, states, contains",
    "said": "shown, stated",
    "alone": "only",
    "anew": "again",
    "beside": "next to, with",
    "at once": "immediately, or in parallel",
    "meanwhile": "in the meantime, or when",
    "whoever": "the noun, as in: the user who",
    "whom": "the noun, as in: the user to which",
    "of its own": "its",
    "of their own": "their",
    "of one's own": "their, its",
}
AVOIDED = re.compile(
    rf"(?<![a-z])(?:{'|'.join(word.replace(' ', '[ _]') for word in AVOIDED_WORDS)})(?![a-z])", re.I
)
# Files and folders that may contain avoided words, with the reason.
NEEDS_A_MIGRATION = "is in SQL, a comment or a message of the database"
NAMES_OF_TESTS = "names tests and their files"
MAY_HAVE_AVOIDED_WORDS = {
    "accounts/models/": NEEDS_A_MIGRATION,
    "banking/alerts/models.py": NEEDS_A_MIGRATION,
    "banking/alerts/services.py": "calls a function of the database by its name",
    "banking/alerts/table_rules.py": "has the names of triggers",
    "banking/alerts/tables.py": "calls a function of the database by its name",
    "banking/alerts/triggers.py": NEEDS_A_MIGRATION,
    "banking/events/models/": NEEDS_A_MIGRATION,
    "banking/events/table_rules.py": "has the names of triggers",
    "banking/outside/file_parts.py": "has the method `tell` of files",
    "banking/outside/models.py": NEEDS_A_MIGRATION,
    "banking/payment_files/parser.py": "calls the method `tell` of files",
    "banking/reconciliation/models.py": NEEDS_A_MIGRATION,
    "banking/reconciliation/triggers.py": NEEDS_A_MIGRATION,
    "cookbook/documentation.py": "has recipes whose addresses are their names",
    "cookbook/recipes/basics.py": "has a recipe whose address is its name",
    "cookbook/recipes/fulltext_filters.py": "has a recipe whose address is its name",
    "cookbook/recipes/windows_frames.py": "has recipes whose addresses are their names",
    "docs/api.md": "has a problem's code of the API",
    "docs/columns.md": "has comments of the database",
    "docs/databases.md": "has the option --alone",
    "docs/features.md": NAMES_OF_TESTS,
    "docs/glossary.md": "lists them",
    "docs/orm-to-sql": "has recipes whose addresses are their names",
    "docs/rights.md": "has the name of a function of the database",
    "docs/schema.md": "has the names of triggers",
    "docs/table-rights.md": "has the names of functions of the database",
    "explorer/schema/": "has comments of the database, of which a digest is stored",
    "ledger/db/history/signed_facts.py": "calls a function of the database by its name",
    "ledger/embedded/pair.py": "has the option --alone",
    "ledger/embedded/management/commands/standby.py": "has the option --alone",
    "transactions/models/staff_triggers.py": NEEDS_A_MIGRATION,
    "transactions/models/transaction.py": NEEDS_A_MIGRATION,
    "CHANGELOG.md": "keeps what was written for earlier versions",
    "tests/": "not rewritten yet",
}

Sources = Sequence[tuple[str, str]]  # path from the root, text


def tracked_paths() -> list[str]:
    """Returns the sorted paths of all files that git tracks or would track."""
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"The rules of the repository need git and a clone: {error}")
    return sorted(path for path in listed.split("\0") if (ROOT / path).is_file())


def tracked_files(*suffixes: str) -> Sources:
    """Returns the files with these suffixes, each with its text, sorted by path."""
    paths = [path for path in tracked_paths() if path.endswith(suffixes)]
    return [(path, (ROOT / path).read_text(encoding="utf-8")) for path in paths]


def repeated_class_names(sources: Sources) -> Iterator[str]:
    """Yields classes whose name another class has too. Ignores migrations."""
    places: dict[str, list[str]] = defaultdict(list)
    for path, text in sources:
        if "/migrations/" in path:
            continue
        tree = ast.parse(text)
        outer = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        inner = {id(node) for each in outer for node in each.body}
        for node in outer:
            allowed = CONVENTIONAL_INSIDE if id(node) in inner else CONVENTIONAL
            if node.name not in allowed:
                places[node.name].append(f"{path}:{node.lineno}")
    for name, found in sorted(places.items()):
        for place in found[1:]:
            yield f"{place}: class {name} is also defined in {found[0]}"


def imports_of_tests(sources: Sources) -> Iterator[str]:
    """Yields imports in a test_*.py from another test module."""
    for path, text in sources:
        if not path.startswith("tests/"):
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            names = [name.name for name in node.names]
            for module in [getattr(node, "module", None) or "", *names]:
                if re.search(r"(^|\.)test_", module):
                    yield f"{path}:{node.lineno}: imports {module}; move what both need out of it"


def long_template_lines(sources: Sources) -> Iterator[str]:
    """Yields the lines of templates that are too long. A line that consists of one tag may be
    longer, because Django cannot read a tag on two lines.
    """
    for path, text in sources:
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > LONGEST_LINE and not SINGLE_TAG.fullmatch(line.strip()):
                yield f"{path}:{number}: {len(line)} characters, at most {LONGEST_LINE}"


def tags_on_two_lines(sources: Sources) -> Iterator[str]:
    """Yields the tags of templates that do not end on their line. Django shows such a tag as
    text.
    """
    for path, text in sources:
        for number, line in enumerate(text.splitlines(), 1):
            if OPEN_TAG.search(line):
                yield f"{path}:{number}: a tag that does not end on its line is shown as text"


def long_prose_lines(sources: Sources) -> Iterator[str]:
    """Yields the prose lines of docs that are too long. Code blocks, tables and pictures may be
    wider.
    """
    for path, text in sources:
        if path.startswith(GENERATED_DOCS):
            continue
        is_code = False
        for number, line in enumerate(text.splitlines(), 1):
            if line.lstrip().startswith("```"):
                is_code = not is_code
            elif not is_code and len(line) > LONGEST_LINE and not WAY_OUT_OF_PROSE.match(line):
                yield f"{path}:{number}: {len(line)} characters, at most {LONGEST_LINE}"


def missing_files(sources: Sources, existing: Iterable[str]) -> Iterator[str]:
    """Yields file names in backticks for which no file exists. A name may omit leading folders."""
    paths = {f"/{path}" for path in existing}
    for path, text in sources:
        for number, line in enumerate(text.splitlines(), 1):
            for name in NAMED_FILE.findall(line):
                if not any(each.endswith(f"/{name}") for each in paths):
                    yield f"{path}:{number}: there is no file {name}"


def unresolved_imports(sources: Sources, modules: Sources) -> Iterator[str]:
    """Yields imports, in docs and in texts of Python files, of modules or names that the project
    does not have.

    `modules` contains all Python files. Packages without a file in `modules` are third-party
    packages and are ignored.
    """
    trees = {_module_name(path): text for path, text in modules}
    packages = {name.partition(".")[0] for name in trees}
    for path, text in sources:
        for number, code in _codes_in(path, text):
            for found in IMPORT_IN_TEXT.finditer(code):
                module, line = found[1], number + code.count("\n", 0, found.start(1))
                if module.partition(".")[0] not in packages:
                    continue
                if module not in trees:
                    yield f"{path}:{line}: there is no module {module}"
                    continue
                defined = _names_defined_in(trees[module])
                for name in re.findall(
                    r"(\w+)(?: as \w+)?", found[2].partition("#")[0].partition(";")[0]
                ):
                    if name not in defined and f"{module}.{name}" not in trees:
                        yield f"{path}:{line}: {module} has no {name}"


def _module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _codes_in(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Yields the texts in which an import would be an example or a program, each with its first
    line.
    """
    if not path.endswith(".py"):
        yield 1, text
        return
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and "import" in node.value
        ):
            yield node.lineno, node.value


def _names_defined_in(text: str) -> set[str]:
    """Returns the names that a module defines or imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(each.asname or each.name).partition(".")[0] for each in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def packages_without_contract(paths: Iterable[str], root_packages: Iterable[str]) -> Iterator[str]:
    """Yields the top-level packages that import-linter does not check. Tests may import
    anything.
    """
    packages = {path.partition("/")[0] for path in paths if path.count("/") == 1
                and path.endswith("/__init__.py")}  # fmt: skip
    for name in sorted(packages - {"tests"} - set(root_packages)):
        yield f"{name}/__init__.py:1: {name} is missing in root_packages of pyproject.toml"


def avoided_words(sources: Sources) -> Iterator[str]:
    """Yields words and parts of names that the glossary avoids. Ignores migrations."""
    for path, text in sources:
        if "/migrations/" in path or path.startswith(tuple(MAY_HAVE_AVOIDED_WORDS)):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for word in dict.fromkeys(AVOIDED.findall(line)):
                better = AVOIDED_WORDS[word.lower().replace("_", " ")]
                yield f'{path}:{number}: instead of "{word}", write: {better}'


def findings() -> Iterable[str]:
    """Yields all findings in this checkout."""
    python = tracked_files(".py")
    yield from repeated_class_names(python)
    yield from imports_of_tests(python)
    templates = [s for s in tracked_files(".html") if "templates/" in s[0]]
    yield from long_template_lines(templates)
    yield from tags_on_two_lines(templates)
    yield from long_prose_lines(tracked_files(".md"))
    named = [s for s in tracked_files(".md", ".py") if not s[0].startswith(MAY_NAME_MISSING_FILES)]
    yield from missing_files(named, tracked_paths())
    may_import = [s for s in tracked_files(".md", ".py") if s[0] not in MAY_IMPORT_WHAT_IS_MISSING]
    yield from unresolved_imports(may_import, python)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    known = contracts["importlinter"]["root_packages"]
    yield from packages_without_contract(tracked_paths(), known)
    texts = tracked_files(".py", ".md", ".html", ".txt", ".js", ".css", ".toml", ".yml", "Makefile")
    yield from avoided_words(texts)


if __name__ == "__main__":
    found = list(findings())
    print("\n".join(found) or "Names, imports, line lengths and named files: nothing to mend.")
    sys.exit(bool(found))
