"""Inserts gift vouchers into the practice bank. The table has enough rows to make an index
useful.
"""

from django.db.backends.utils import CursorWrapper

VOUCHERS = 5_000


def insert_vouchers(cursor: CursorWrapper) -> None:
    """Inserts vouchers that were sold in one year to 1,000 addresses. Every twentieth voucher is
    unspent.
    """
    cursor.execute(
        """
        INSERT INTO vouchers (code, email, worth, spent, sold_on)
        SELECT
            'GIFT-' || to_char(number, 'FM00000'),
            'Guest' || number %% 1000 || '@Example.com',
            (ARRAY[10, 20, 50, 100])[1 + number %% 4],
            CASE number %% 20 WHEN 0 THEN 0 ELSE (ARRAY[10, 15, 50, 75])[1 + number %% 4] END,
            DATE '2025-07-01' + number * 365 / %s
        FROM generate_series(1, %s) AS number
        """,
        [VOUCHERS + 1, VOUCHERS],
    )
