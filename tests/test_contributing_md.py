"""The commands in CONTRIBUTING.md work."""

import inspect
import re
from typing import Any

import pytest
from django.test import Client

from ledger.env import BASE_DIR

CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.django_db
def test_the_example_of_a_test_passes(client: Client) -> None:
    (code,) = CODE.findall((BASE_DIR / "CONTRIBUTING.md").read_text())
    names = dict[str, Any]()
    exec(code, names)  # noqa: S102 - our own page
    tests = [each for name, each in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        assert [*inspect.signature(test).parameters] == ["client"]
        test(client)
