"""What people do with a bank on a day: customers, staff, strangers; and what goes wrong meanwhile.

Each part asserts what its pages answered, so that a day on which nothing happened proves nothing.
What is typed is in `TYPED`: none of it may stand in a log.
"""

import re
import socket
from typing import Any

from tests.ledger.logs.failures import (
    code_fails,
    the_books_are_wrong,
    the_database_is_away,
    the_mail_server_is_away,
)
from tests.ledger.logs.mail_sink import MailSink
from tests.ledger.logs.used_bank import MAIL_PASSWORD, METRICS_TOKEN, SECRET_KEY, UsedBank
from tests.ledger.logs.visitor import Answered, Visitor
from tests.sign_in import code_of

DEMO_PASSWORD = "ledger-demo"
ADDRESSES = [f"203.0.113.{last}" for last in range(71, 90)]
NEW_PASSWORD, NEWEST_PASSWORD = "seven-quiet-harbours-of-violet", "eight-quiet-harbours-of-violet"
WRONG_PASSWORD = "a-wrong-guess-of-violet"
TYPED = {
    "address": ["violet.visitor@example.com", "nobody.violet@example.com", "ana@example.com"],
    "name": ["Violet Visitor", "Ana-Lindt-of-Violet", "Violet's Lighthouse", "Nobody Violet"],
    "amount": ["43.21", "9876543.21", "77.77", "12.34", "56.78", "64.20"],
    "text": [
        "Violet umbrella", "VIOLET-REF-1", "violetsearch", "Violet note", "violettag",
        "Violet salary", "Violet over the desk", "-of-Violet.csv", "Violet reason",
    ],
    "password": [DEMO_PASSWORD, NEW_PASSWORD, NEWEST_PASSWORD, WRONG_PASSWORD],
    "ip": ADDRESSES,
}  # fmt: skip


class Day:
    def __init__(self, bank: UsedBank, mails: MailSink) -> None:
        self.bank, self.mails = bank, mails
        self.visitors: list[Visitor] = []
        self.secrets: set[str] = set()
        self.failed: list[str] = []  # the ids of requests, as their pages show them
        self.codes = {"123456", "654321"}

    def known(self) -> dict[str, list[Any]]:
        """All that the bank knows, and all that people typed and were given."""
        found = self.bank.known()
        for kind, facts in TYPED.items():
            found[kind] = [*found.get(kind, ()), *facts]
        given = {secret for visitor in self.visitors for secret in visitor.secrets}
        found["secret"] = [*given, *self.secrets, SECRET_KEY, METRICS_TOKEN, MAIL_PASSWORD]
        found["code"] = sorted(self.codes)
        return found

    def visitor(self) -> Visitor:
        found = Visitor(self.bank.port, ADDRESSES[len(self.visitors) % len(ADDRESSES)])
        self.visitors.append(found)
        return found

    def signed_in(self, who: str, password: str = DEMO_PASSWORD) -> Visitor:
        found = self.visitor()
        page = sign_in(found, f"{who}@example.com", password)
        assert page.status == 200, page.text
        assert "/account/" not in page.path, page.path
        return found

    def happen(self) -> None:
        assert self.bank.run("wait_for_db", "--timeout", "20") == 0
        assert self.bank.run("migrate") == 0
        assert self.bank.run("prepare") == 0
        self.bank.web()
        worker = self.bank.start("work")
        self.strangers_come()
        self.somebody_signs_up()
        self.a_customer_pays()
        self.a_customer_guards_the_sign_in()
        self.staff_work()
        code_fails(self)
        the_mail_server_is_away(self)
        the_database_is_away(self)
        worker.terminate()
        assert self.bank.run("expire_holds") == 0
        assert self.bank.run("seal_ledger") == 0
        the_books_are_wrong(self)

    def strangers_come(self) -> None:
        stranger = self.visitor()
        assert stranger.get("/Ana-Lindt-of-Violet/?q=violetsearch").status in (200, 404)
        assert stranger.get("/accounts/?next=violetsearch").path.startswith("/account/login/")
        for path in (
            "/healthz",
            "/readyz",
            "/static/ledger.css",
            "/static/Ana-Lindt-of-Violet.css",
        ):
            stranger.get(path)
        for login in ("ana@example.com", "nobody.violet@example.com"):
            sign_in(stranger, login, WRONG_PASSWORD)
        token = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        assert stranger.raw("GET", "/metrics", None, token).status == 200
        for method, path in (("VIOLET", "/"), ("POST", "/"), ("DELETE", "/accounts/")):
            stranger.raw(method, path, b"name=Violet", {})
        stranger.raw("GET", "/", None, {"Host": "violet.visitor.example"})
        stranger.raw("GET", "/", None, {"X-Forwarded-For": "Violet Visitor"})
        assert stranger.post("/account/login/", {"login": "x" * 3_000_000}).status == 413
        report = b'{"csp-report": {"document-uri": "http://localhost/Ana-Lindt-of-Violet?q=violetsearch",'
        report += (
            b' "blocked-uri": "https://violet.visitor.example/x", "violated-directive": "img-src"}}'
        )
        stranger.raw("POST", "/csp-report/", report, {"Content-Type": "application/csp-report"})
        for line in (b"Violet Visitor", b"GET /violetsearch HTTP/1.1\r\nViolet Visitor: 1"):
            assert b" 400 " in self._unreadable(line)

    def _unreadable(self, line: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.bank.port), 20) as connection:
            connection.sendall(line + b"\r\n\r\n")
            return connection.recv(4096)

    def somebody_signs_up(self) -> None:
        violet = self.visitor()
        page = violet.submit(
            "/account/signup/", name="Violet Visitor", email="violet.visitor@example.com",
            password1=NEW_PASSWORD, password2=NEW_PASSWORD,
        )  # fmt: skip
        assert violet.submit(page, "code", code="WRONG1").status == 200
        page = violet.submit(page, "code", code=self._mailed(r"^([A-Z0-9]{3,}-?[A-Z0-9]{3,})$"))
        assert page.path == "/", page.text
        assert violet.submit("/accounts/open/", name="Violet's Lighthouse").status == 200
        violet.submit(violet.get("/"), "csrfmiddlewaretoken")

        again = self.visitor()
        again.submit(
            "/account/signup/", name="Nobody Violet", email="ana@example.com",
            password1=NEW_PASSWORD, password2=NEW_PASSWORD,
        )  # fmt: skip
        again = self.visitor()
        page = again.submit("/account/login/code/", email="violet.visitor@example.com")
        page = again.submit(page, "code", code=self._mailed(r"^([A-Z0-9]{3,}-?[A-Z0-9]{3,})$"))
        assert page.path == "/", page.text

        reset = self.visitor()
        reset.submit("/account/password/reset/", email="violet.visitor@example.com")
        link = self._mailed(r"(/account/password/reset/key/\S+)")
        self.secrets.add(link.rstrip("/").rpartition("/")[2])
        page = reset.submit(reset.get(link), password1=NEWEST_PASSWORD, password2=NEWEST_PASSWORD)
        assert page.status == 200
        assert reset.get(link).status == 200  # used

    def _mailed(self, pattern: str) -> str:
        found = self.mails.last(pattern)
        self.secrets.add(found)
        return found

    def a_customer_pays(self) -> None:
        ana = self.signed_in("ana")
        recipient = found(r'<option value="([\d ]+)">Mara Lindt', ana.get("/transfers/new/"))
        page = pay(ana, recipient, "43.21", "Violet umbrella", "VIOLET-REF-1")
        assert page.path.startswith("/transactions/"), page.text
        receipt = page.path
        refused = pay(ana, recipient, "9876543.21", "Violet umbrella", "VIOLET-REF-1")
        assert "/transactions/" not in refused.path
        pay(ana, "123456789012", "12.34", "Violet umbrella", "VIOLET-REF-1")
        assert ana.submit(f"{receipt}note/", text="Violet note", tags="violettag").status == 200
        assert ana.get("/search/?q=violetsearch+amount%3A%3E12.34+Mara+Lindt").status == 200
        account = re.search(r"/accounts/[0-9a-f-]{36}/", ana.get("/accounts/").html)
        assert account
        for path in (
            account[0] + "?q=violetsearch", account[0] + "statement.csv", receipt,
            receipt + "metadata.json", "/transactions/01a202d5-bece-73b2-9dd8-90c81f79e96e/",
            "/accounts/Ana-Lindt-of-Violet/", "/privacy/", "/account/data/", "/account/email/",
            "/account/providers/", "/reports/",
        ):  # fmt: skip
            assert ana.get(path).status in (200, 404), path
        assert ana.get("/admin/accounts/user/?q=violetsearch").status in (200, 403)
        lines = f"to,amount,description,reference\n{recipient},77.77,Violet salary,VIOLET-REF-1\n"
        file = ana.submit("/transfers/files/new/", "from_account", file__file=lines)
        assert file.path.startswith("/transfers/files/"), file.html
        page = ana.submit(file, "step", step="pay")
        assert page.status == 200
        assert ana.submit("/account/data/", "format", format="json").status == 200
        page = ana.submit(
            "/account/email/", "action_add", email="nobody.violet@example.com", action_add="yes"
        )
        assert page.status == 200

    def a_customer_guards_the_sign_in(self) -> None:
        violet = self.visitor()
        assert sign_in(violet, "violet.visitor@example.com", NEWEST_PASSWORD).path == "/"
        page = violet.get("/account/2fa/totp/activate/")
        secret = re.search(r'data-copy="([A-Z2-7]{16,})"', page.html)
        assert secret
        self.secrets |= {secret[1]}
        violet.submit(page, "code", code="123456")
        for _ in range(3):  # a code may end on its way
            page = violet.submit(page, "code", code=self._of_the_app(secret[1]))
            if page.path != "/account/2fa/totp/activate/":
                break
        codes = re.findall(
            r"\b(?:[A-Z2-9]{5}-){4}[A-Z2-9]{5}\b", violet.get("/account/2fa/recovery-codes/").html
        )
        self.secrets |= {*codes}
        again = self.visitor()
        page = sign_in(again, "violet.visitor@example.com", NEWEST_PASSWORD)
        assert page.path.startswith("/account/2fa/authenticate/"), page.path
        page = again.submit(page, "code", code="654321")
        assert page.path.startswith("/account/2fa/authenticate/")
        if codes:
            again.submit(page, "code", code=codes[0])
        violet.submit("/account/logout/")

    def _of_the_app(self, secret: str) -> str:
        code = code_of(secret)
        self.codes.add(code)
        return code

    def staff_work(self) -> None:
        staff = self.signed_in("staff")
        for person in ("staff", "manager", "auditor", "people", "support", "analyst"):
            somebody = staff if person == "staff" else self.signed_in(person)
            pages = [
                "/admin/", "/admin/search/?q=ana@example.com", "/admin/search/?q=Ferreira",
                "/admin/accounts/user/?q=ana@example.com", "/admin/accounts/account/?q=Ferreira",
                "/admin/accounts/change/", "/admin/accounts/read/", "/admin/approvals/",
                "/admin/transactions/transaction/?q=violetsearch", "/admin/transactions/auditrun/",
                "/admin/database/",
                "/search/?whose=bank&q=violetsearch", "/reports/",
            ]  # fmt: skip
            found = [somebody.get(path) for path in pages]
            assert {page.status for page in found} <= {200, 403, 404}
            for page in found:
                row = re.search(r'href="(/admin/[a-z]+/[a-z]+/[0-9a-f-]{36}/change/)', page.html)
                if row:
                    assert somebody.get(row[1]).status in (200, 403)
                    somebody.get(row[1].replace("change", "history"))
        analyst = self.signed_in("analyst")
        for path in {*re.findall(r"/reports/[a-z-]+/", analyst.get("/reports/").html)}:
            assert analyst.get(path).status == 200, path
            analyst.get(path + "report.csv")
        (number, *_rest) = self.bank.known()["number"]
        desk = staff.submit(
            "/admin/transactions/transaction/cash-desk/", "number", number=number, amount="56.78",
            description="Violet over the desk", reference="VIOLET-REF-1",
        )  # fmt: skip
        assert desk.status == 200
        page = staff.submit(desk, "reviewed", book="1") if 'name="reviewed"' in desk.html else desk
        assert page.status == 200
        staff.submit(
            "/admin/transactions/transaction/hold/", "number", number=number, amount="64.20",
            description="Violet umbrella", reason="Violet reason",
        )  # fmt: skip
        lines = f"to,amount,description,reference\n{number},77.77,Violet salary,VIOLET-REF-1\n"
        staff.submit(
            "/admin/payment_files/paymentfile/add/", "number", number=number, file__file=lines
        )


def sign_in(visitor: Visitor, login: str, password: str) -> Answered:
    return visitor.submit("/account/login/", login=login, password=password)


def pay(payer: Visitor, number: str, amount: str, description: str, reference: str) -> Answered:
    """The review, then the receipt, where the page leads there."""
    page = payer.submit(
        "/transfers/new/", "number", number=number, amount=amount, description=description,
        reference=reference,
    )  # fmt: skip
    if 'name="reviewed"' not in page.html:
        return page
    return payer.submit(page, "reviewed", step="send")


def found(pattern: str, page: Answered) -> str:
    match = re.search(pattern, page.html)
    assert match, page.text
    return match[1]
