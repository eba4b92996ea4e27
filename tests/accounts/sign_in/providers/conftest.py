from tests.identity_provider import mock_server, there

__all__ = ["mock_server", "there"]
