"""The rules of `tests.checks`: each rule finds a forbidden example."""

from tests import checks


def test_a_class_name_that_stands_twice_is_found() -> None:
    sources = [("a.py", "class Row: ...\n"), ("tests/b.py", "\nclass Row: ...\nclass Other: ...\n")]
    assert list(checks.repeated_class_names(sources)) == [
        "tests/b.py:2: class Row is also defined in a.py:1"
    ]


def test_names_with_a_fixed_meaning_and_migrations_may_repeat() -> None:
    meta = "class A:\n    class Meta: ...\nclass B:\n    class Meta: ...\n"
    assert len(list(checks.repeated_class_names([("a.py", "class Meta: ...\n" * 2)]))) == 1
    migrations = [(f"a/migrations/{n}.py", "class Old: ...") for n in (1, 2)]
    assert not list(checks.repeated_class_names([("a.py", meta), *migrations]))


def test_an_import_from_a_test_module_is_found_everywhere_but_outside_the_tests() -> None:
    text = (
        "from tests.a.test_pages import upload\nfrom tests.a.pages import other\n"
        "import tests.a.test_pages\nfrom tests.a import test_pages\n"
    )
    found = list(checks.imports_of_tests([("tests/a/test_b.py", text), ("a/test_b.py", text)]))
    assert [line.partition(": ")[0] for line in found] == [
        f"tests/a/test_b.py:{line}" for line in (1, 3, 4)
    ]


def test_long_lines_are_found_in_templates() -> None:
    text = "x" * 120 + "\n" + "y" * 121 + "\n"
    assert [line.partition(": ")[0] for line in checks.long_template_lines([("t.html", text)])] == [
        "t.html:2"
    ]


def test_tags_that_do_not_end_on_their_line_are_found() -> None:
    text = "{% if a %}{{ b }}{# c #}\n<p {% if a %}x{% elif b or\n  c %}{% endif %}>{{ d\n}}"
    assert [line.partition(": ")[0] for line in checks.tags_on_two_lines([("t.html", text)])] == [
        "t.html:2", "t.html:3",
    ]  # fmt: skip


def test_long_lines_of_prose_are_found_but_not_those_of_code_and_tables() -> None:
    long = "x" * 121
    text = f"{long}\n```\n{long}\n```\n| {long} |\n- {long}\n"
    found = [line.partition(": ")[0] for line in checks.long_prose_lines([("docs/a.md", text)])]
    assert found == ["docs/a.md:1", "docs/a.md:6"]
    assert not list(checks.long_prose_lines([("docs/orm-to-sql.md", text)]))


def test_a_named_file_must_exist() -> None:
    text = "See `a/b.py`, `b.py` and `c/b.py`; `README.md`."
    found = list(checks.missing_files([("docs/x.md", text)], ["z/a/b.py", "README.md"]))
    assert found == ["docs/x.md:1: there is no file c/b.py"]


def test_an_import_in_a_text_must_exist() -> None:
    modules = [
        ("a/b.py", "from x import Other\nclass Row: ...\nLIMIT: int = 3"),
        ("a/__init__.py", ""),
    ]
    sources = [
        (
            "tests/t.py",
            'PROGRAM = """\nimport os\nfrom a.b import Row, Gone\nfrom django.db import x\n"""',
        ),
        ("docs/t.md", ">>> from a.b import (LIMIT, Other as Mine)\n>>> from a.c import Row\n"),
        ("tests/u.py", "from a.c import Row\n"),
    ]
    assert list(checks.unresolved_imports(sources, modules)) == [
        "tests/t.py:3: a.b has no Gone",
        "docs/t.md:2: there is no module a.c",
    ]


def test_a_package_that_no_import_contract_knows_is_found() -> None:
    paths = ["a/__init__.py", "b/__init__.py", "b/c/__init__.py", "tests/__init__.py", "d/e.py"]
    assert [line.partition(": ")[0] for line in checks.packages_without_contract(paths, ["a"])] == [
        "b/__init__.py:1"
    ]


def test_a_word_that_the_glossary_avoids_is_found_in_texts_and_names() -> None:
    text = "# Tells why\ndef made_at_once(): ...\nseveral, hotel, alonely = 1, 2, 3\n"
    sources = [(path, text) for path in ("a/b.py", "a/migrations/1.py", "CHANGELOG.md")]
    found = list(checks.avoided_words(sources))
    assert [line.partition(",")[0] for line in found] == [
        'a/b.py:1: instead of "Tells"', 'a/b.py:2: instead of "at_once"',
    ]  # fmt: skip


def test_the_glossary_lists_the_words_that_the_check_refuses() -> None:
    text = (checks.ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    rows = text.partition("## Words we do not use")[2]
    listed = {word.strip() for row in rows.splitlines() if row.count("|") == 3
              for word in row.split("|")[1].split(",")}  # fmt: skip
    assert listed >= checks.AVOIDED_WORDS.keys() - {"tells", "told", "telling", "says", "said"}
