"""What goes wrong on a day: a bug, a mail server and a database that are away, wrong books."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.ledger.logs.day import Day


def code_fails(day: "Day") -> None:
    """A bug: the database refuses a row with a sentence that has all of it."""
    day.bank.sql(
        "CREATE FUNCTION bug() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
        " 'Row % is wrong', NEW USING DETAIL = NEW::text, HINT = NEW::text, ERRCODE = '23505';"
        " END $$;"
        "CREATE TRIGGER bug BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION bug()"
    )
    ana = day.signed_in("ana")
    page = ana.submit("/accounts/open/", name="Violet's Lighthouse")
    assert page.status == 500
    day.failed.append(page.headers["X-Request-ID"])
    assert day.failed[-1] in page.html
    day.bank.sql("DROP FUNCTION bug CASCADE")


def the_mail_server_is_away(day: "Day") -> None:
    day.mails.refuse()
    stranger = day.visitor()
    page = stranger.submit("/account/password/reset/", email="ana@example.com")
    assert page.status == 503
    day.mails.accept()


def the_database_is_away(day: "Day") -> None:
    ana = day.signed_in("ana")
    form = ana.get("/transfers/new/")
    day.bank.server.stop()
    assert ana.get("/accounts/?q=violetsearch").status == 503
    assert ana.get("/Ana-Lindt-of-Violet/").status in (404, 503)
    page = ana.submit(
        form, "number", number="123456789012", amount="12.34", description="Violet umbrella"
    )
    assert page.status == 503
    day.failed.append(page.headers["X-Request-ID"])
    assert day.failed[-1] in page.html
    stranger = day.visitor()
    assert stranger.get("/readyz").status == 503
    assert stranger.raw("POST", "/account/login/", b"login=ana@example.com", {}).status in (
        403,
        503,
    )
    assert day.bank.run("work", "--once") == 1
    assert day.bank.run("audit_ledger") == 1
    assert day.bank.run("wait_for_db", "--timeout", "1") == 1
    day.bank.server.ensure_started()
    assert day.bank.run("work", "--once") == 0
    assert ana.get("/accounts/").status == 200


def the_books_are_wrong(day: "Day") -> None:
    """Somebody with the owner's rights changes an amount: the audit finds it."""
    day.bank.sql(
        "ALTER TABLE transactions DISABLE TRIGGER USER;"
        "UPDATE transactions SET description = 'Violet umbrella', amount = amount + 1"
        " WHERE id = (SELECT id FROM transactions ORDER BY id DESC LIMIT 1);"
        "ALTER TABLE transactions ENABLE TRIGGER USER"
    )
    assert day.bank.run("audit_ledger") == 1
