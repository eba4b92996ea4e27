"""Inserts reminders into the practice bank. A policy lets each reader see only the reader's own
reminders.
"""

from django.db.backends.utils import CursorWrapper

# The setting practice.reader contains the id of the reader.
POLICY = """
    ALTER TABLE reminders ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_reminders ON reminders
        USING (owner_id = nullif(current_setting('practice.reader', true), '')::uuid)
"""


def insert_reminders(cursor: CursorWrapper) -> None:
    """Inserts two reminders for each person, and then protects the table by a policy.

    The policy reads the reader's id from a plain setting. Anybody who sends SQL can set this
    setting, which is enough for a lesson. In the real bank, the policies verify a token
    (docs/rights.md).
    """
    cursor.execute(
        """
        INSERT INTO reminders (owner_id, text)
        SELECT id, text || split_part(name, ' ', 1)
        FROM users, unnest(ARRAY['Pay the rent, ', 'Read the statement, ']) AS text
        ORDER BY users.id, text
        """
    )
    cursor.execute(POLICY)
