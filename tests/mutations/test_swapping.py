"""Changes of functions that are already imported."""

import gc
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.mutations.swapping import swap

TEXT = """
def decorated(function):
    return kept(function)
def made(step):
    def inner(number):
        return number + step
    return inner
@kept
def plain(number):
    return number < 3
class Row:
    @property
    def many(self):
        return 1
add = made(2)
"""


def loaded() -> dict[str, Any]:
    names: dict[str, Any] = {"kept": cache}
    exec(compile(TEXT, "/swapped/toy.py", "exec"), names)  # noqa: S102
    return names


def after(old: str, new: str) -> tuple[bool, dict[str, Any]]:
    names = loaded()
    return swap("/swapped/toy.py", TEXT, TEXT.replace(old, new)), names


def test_decorated_functions_properties_and_closures_change_in_place() -> None:
    is_swapped, names = after("number < 3", "number <= 3")
    assert is_swapped
    assert names["plain"](3)
    is_swapped, names = after("return 1", "return 2")
    assert is_swapped
    assert names["Row"]().many == 2
    is_swapped, names = after("number + step", "number - step")
    assert is_swapped
    assert names["add"](5) == 3


def test_functions_that_garbage_collections_skip_change_too() -> None:
    names = loaded()
    gc.freeze()
    assert swap("/swapped/toy.py", TEXT, TEXT.replace("number < 3", "number <= 3"))
    assert names["plain"](3)


def test_functions_of_other_files_stay() -> None:
    names = loaded()
    assert swap("/swapped/other.py", TEXT, TEXT.replace("number < 3", "number <= 3"))
    assert not names["plain"](3)


def test_a_change_of_what_an_inner_function_uses_needs_a_new_process() -> None:
    add: Callable[[int], int]
    is_swapped, names = after("number + step", "number")
    add = names["add"]
    assert not is_swapped
    assert add(5) == 7


def test_a_removed_function_needs_a_new_process() -> None:
    assert not after("    def inner(number):\n        return number + step\n    return inner",
                     "    return 3\n\n")[0]  # fmt: skip
