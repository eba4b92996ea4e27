"""Changes functions in a process that has already imported them, and clears their caches."""

import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any


def swap(filename: str, before: str, after: str) -> bool:
    """Gives each function of a file its code from the changed text. Returns False if the change
    needs a new process: it adds or removes a function, or a variable that an inner function uses.
    """
    old, new = ([*_codes(compile(each, filename, "exec", dont_inherit=True))]
                for each in (before, after))  # fmt: skip
    if [code.co_qualname for code in old] != [code.co_qualname for code in new]:
        return False
    codes = dict(zip(old, new, strict=True))
    # `isinstance` would read the class of lazy objects, which may need objects that do not exist
    # yet.
    functions = [each for each in _objects() if type(each) is FunctionType]
    for function in functions:
        code = function.__code__
        if code.co_filename != filename or code not in codes:
            continue
        if code.co_freevars != codes[code].co_freevars:
            return False
        function.__code__ = codes[code]
    return True


def caches_of(folder: Path) -> list[Any]:
    """Returns the functions of a project that `functools` caches, without functions of its
    tests.
    """
    wrapper = type(cache(len))
    found = [each for each in _objects() if type(each) is wrapper]
    places = [(each, getattr(each.__wrapped__, "__code__", None)) for each in found]
    tests = f"{folder}/tests/"
    return [each for each, code in places if code and code.co_filename.startswith(f"{folder}/")
            and not code.co_filename.startswith(tests)]  # fmt: skip


def _objects() -> list[Any]:
    """Returns all objects, including objects that garbage collections ignore after the collection
    of tests.
    """
    gc.unfreeze()
    return gc.get_objects()


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yields the code of a module and of everything that is defined in it, in order."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)
