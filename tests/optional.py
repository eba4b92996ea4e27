"""Packages that `make install-dev` does not install. Tests that need one of them are skipped, but
not in CI.
"""

import io
import os
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import pytest

# ofxparse reads XML as HTML, and uses outdated names of Beautiful Soup.
WARNINGS_OF_OFXPARSE = ("ignore:It looks like you're using an HTML", "ignore::DeprecationWarning")
IN_CI = "TESTS_NEED_EVERY_PACKAGE"  # set by .ci/run


def missing(package: str) -> str:
    """Returns why a test that needs this package is skipped, or "" if the package is installed. In
    CI, always returns "", so that the test fails.
    """
    if os.environ.get(IN_CI):
        return ""
    try:
        distribution(package)
    except PackageNotFoundError:
        return f"needs the package {package}: make install-ci"
    return ""


def optional(package: str, module: str = "") -> Any:
    """Returns the package or a module of it. If the package is missing, skips the test or test
    module that calls this function.
    """
    if reason := missing(package):
        pytest.skip(reason, allow_module_level=True)
    return import_module(module or package)


def read_ofx(content: bytes) -> Any:
    """Returns the result of ofxparse, a third-party library, for this file."""
    return optional("ofxparse").OfxParser.parse(io.BytesIO(content))
