"""The receiver of a webhook learns of a restore from a backup, from the bank that comes back."""

from collections.abc import Callable
from pathlib import Path

from tests.banking.events.receiver import Receiver, receiving
from tests.banking.events.receiver_books import ReceiverBooks
from tests.ledger.own_bank import own_bank
from tests.ledger.processes import manage

LISTEN = """
from banking.events.services import add_webhook
add_webhook(owner=User.objects.get(email="load@example.com"), url="{url}", kinds=["posted"])
"""
PAY = """
from decimal import Decimal
from transactions.services import withdraw
account = Account.objects.filter(user__email="load@example.com").earliest("id")
for _ in range({times}):
    print(withdraw(from_account=account, amount=Decimal(1)).pk)
"""


class ListeningBank:
    """One folder of data, with the key and the settings of both."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder, self.key = folder, key

    def manage(self, *arguments: str) -> str:
        settings = {"LEDGER_WEBHOOK_PRIVATE": "True", "SECRET_KEY": self.key}
        done = manage(self.folder, *arguments, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pay(self, times: int) -> list[str]:
        return self.manage("shell", "-v", "0", "-c", PAY.format(times=times)).split()

    def deliver(self) -> None:
        self.manage("work", "--webhooks", "--once")


def test_what_a_restore_takes_away_is_taken_away_from_a_receiver_too(
    new_folder: Callable[[], Path], tmp_path: Path
) -> None:
    file, books = str(tmp_path / "bank.backup"), ReceiverBooks()

    def take(receiver: Receiver) -> None:
        books.take(receiver.received)
        receiver.received.clear()

    with own_bank() as found, receiving() as receiver:
        listened = ListeningBank(
            found.data_dir, (found.data_dir / "secret_key").read_text().strip()
        )
        listened.manage("shell", "-v", "0", "-c", LISTEN.format(url=receiver.url))
        stays = listened.pay(2)
        listened.deliver()
        listened.manage("backup", file)
        lost = listened.pay(3)
        listened.deliver()
        take(receiver)
        assert [*books.kept.values()] == stays + lost

        restored = ListeningBank(new_folder(), listened.key)
        restored.manage("restore", file)
        later = restored.pay(1)
        restored.deliver()
        take(receiver)

    assert [*books.kept.values()] == stays + later
