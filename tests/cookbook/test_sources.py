"""The printed source of each recipe and exercise is complete."""

import builtins
from codeop import compile_command
from symtable import SymbolTable, symtable

import pytest

from cookbook.exercises import EXERCISES
from cookbook.recipe import PrintedFunction
from cookbook.recipes import RECIPES
from cookbook.templatetags.cookbook import whole_source


def global_names(scope: SymbolTable) -> set[str]:
    """The names that a scope and the scopes inside it read from the module."""
    is_module = scope.get_type() == "module"
    names = {
        symbol.get_name()
        for symbol in scope.get_symbols()
        if symbol.is_global() or (is_module and symbol.is_referenced())
    }
    return names.union(*map(global_names, scope.get_children()))


@pytest.mark.parametrize("printed", [*RECIPES, *EXERCISES], ids=lambda printed: printed.slug)
def test_the_printed_source_can_be_pasted_into_a_shell(printed: PrintedFunction) -> None:
    typed = ""
    for line in [*whole_source(printed).splitlines(), ""]:
        typed = f"{typed}\n{line}" if typed else line
        if compile_command(typed) is not None:
            typed = ""
    assert typed == ""


@pytest.mark.parametrize("printed", [*RECIPES, *EXERCISES], ids=lambda printed: printed.slug)
def test_the_printed_source_defines_every_name_that_it_uses(printed: PrintedFunction) -> None:
    source = whole_source(printed)
    module = symtable(source, printed.file, "exec")
    defined = {
        symbol.get_name()
        for symbol in module.get_symbols()
        if symbol.is_assigned() or symbol.is_imported()
    }
    assert global_names(module) - defined - set(dir(builtins)) == set()
