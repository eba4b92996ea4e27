import pytest

from tests.flavours import FLAVOURS, Templates, templates


@pytest.fixture(params=FLAVOURS, scope="session")
def bank(request: pytest.FixtureRequest) -> Templates:
    """Returns the templates of one flavour of a bank. pytest runs each test with this fixture once
    for each flavour.
    """
    return templates(request.param)
