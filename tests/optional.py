"""Packages that `make install-dev` leaves out: tests that need one are skipped, but not in CI."""

import io
import os
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import pytest

# ofxparse reads XML as HTML, and calls Beautiful Soup by names of long ago.
WARNINGS_OF_OFXPARSE = ("ignore:It looks like you're using an HTML", "ignore::DeprecationWarning")
IN_CI = "TESTS_NEED_EVERY_PACKAGE"  # set by .ci/run


def missing(package: str) -> str:
    """Returns why a test that needs this package is skipped, or an empty text.

    In CI it never is: the test fails.
    """
    if os.environ.get(IN_CI):
        return ""
    try:
        distribution(package)
    except PackageNotFoundError:
        return f"needs the package {package}: make install-ci"
    return ""


def optional(package: str, module: str = "") -> Any:
    """Returns the package or a module of it, or skips the test, or test module, that calls this."""
    if reason := missing(package):
        pytest.skip(reason, allow_module_level=True)
    return import_module(module or package)


def read_ofx(content: bytes) -> Any:
    """Returns what ofxparse, a library of others, reads in this file."""
    return optional("ofxparse").OfxParser.parse(io.BytesIO(content))
