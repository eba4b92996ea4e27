"""A query of the explorer as one text, for `manage.py shell -c` in deployments of their own."""

EXPLORE = """
from accounts.models import User
from explorer.access import ExplorerReader
from explorer.running.session import read_only_session
with read_only_session(ExplorerReader(User()), 5) as session:
    found = session.execute(b"SELECT session_user FROM (SELECT count(*) FROM users) AS it")
    print(found.fetchone())
"""
