"""The SQL of a transfer in pgbench: an upper limit for any Python program."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from ledger.db.server.embedded import programs
from ledger.embedded.instance import default_server
from ledger.embedded.roles import OWNER
from tests.bench.samples import ACCOUNT_ID_SQL
from tests.bench.servers import RIVALS

SCRIPT = f"""\
\\set sender random(1, :accounts)
\\set recipient 1 + (:sender - 1 + random(1, :accounts - 1)) % :accounts
\\set cents random(1, 1000)
BEGIN;
SELECT id, balance, held, status FROM accounts
    WHERE id IN ({ACCOUNT_ID_SQL.format(":sender")}, {ACCOUNT_ID_SQL.format(":recipient")})
    ORDER BY id FOR NO KEY UPDATE;
UPDATE accounts SET balance = balance - :cents / 100.0, last_entry_at = clock_timestamp()
    WHERE id = {ACCOUNT_ID_SQL.format(":sender")} RETURNING balance AS from_balance \\gset
UPDATE accounts SET balance = balance + :cents / 100.0, last_entry_at = clock_timestamp()
    WHERE id = {ACCOUNT_ID_SQL.format(":recipient")} RETURNING balance AS to_balance \\gset
INSERT INTO transactions (id, from_account_id, to_account_id, amount, currency, type, status,
        description, reference, metadata, created_at, value_date, from_balance, to_balance)
    VALUES (gen_random_uuid(), {ACCOUNT_ID_SQL.format(":sender")},
        {ACCOUNT_ID_SQL.format(":recipient")}, :cents / 100.0, 'USD', 'transfer', 'completed',
        'Rent ' || :cents, '', '{{}}', clock_timestamp(), current_date,
        :from_balance, :to_balance);
COMMIT;
"""
PACE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


def pay(database: str, *, clients: int, seconds: float, accounts: int) -> float:
    """Returns transfers per second. pgbench needs whole seconds. For less than one second, it runs
    ten transfers.
    """
    info = default_server().ensure_started()
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        script = Path(folder, "transfer.sql")
        script.write_text(SCRIPT)
        command = [
            *(str(programs() / "pgbench"), "--no-vacuum"),
            *("--protocol=prepared", f"--file={script}", f"--define=accounts={accounts}"),
            *(f"--client={clients}", f"--jobs={clients}"),
            "--transactions=10" if seconds < 1 else f"--time={round(seconds)}",
            *(f"--host={info.host}", f"--port={info.port}", f"--username={OWNER}", database),
        ]
        done = subprocess.run(
            command,
            env={**os.environ, "PGOPTIONS": f"-c search_path={RIVALS},public"},
            capture_output=True,
            text=True,
            check=False,
        )
    pace = PACE.search(done.stdout)
    if done.returncode or pace is None:
        raise RuntimeError(f"pgbench failed: {done.stderr}")
    return float(pace[1])
