"""Programs of Debian packages that tests need. `.ci/run` installs the packages where it can."""

import pytest

REASON = "needs {0}: apt-get install {0}"


def needs(package: str, program: object) -> pytest.MarkDecorator:
    """Returns the mark of tests that need a program of this package. `program` is true if the
    program is installed.
    """
    return pytest.mark.skipif(not program, reason=REASON.format(package))
