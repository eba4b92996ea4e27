"""docs/deploy-server.md: its commands, on a Debian of its own with systemd."""

import base64
import re
import shlex
from functools import partial
from pathlib import Path

import pytest

from tests.console import read
from tests.deploying.conftest import (
    BACKUP,
    BASE,
    HOST,
    MAIL_SERVER,
    MOMENT,
    NEEDS_A_MACHINE,
    SECTIONS,
    Follow,
    commit,
    psql,
    serves,
)
from tests.deploying.machine import Machine
from tests.deploying.wrapper import ODD, WRAPPER, wrapper
from tests.explorer.as_command import EXPLORE
from tests.ledger.processes import wait_until
from tests.metrics import TOKEN

# The stream of an account, of which webhooks are told.
STREAM = """
ledger shell -v 0 -c '
from accounts.services import open_account
from banking.events.models import EventStream
person = User.objects.create_user("hook@bank.example", name="Hook")
EventStream.objects.create(account=open_account(user=person, currency="USD"))'
"""
# A base backup that is not as its checksums say.
UNCHECKED = """
sed 's/.*pg_verifybackup.*/false/' /srv/ledger/deploy/server/base > /root/unchecked
chmod 755 /root /root/unchecked
! runuser -u postgres -- sh /root/unchecked
"""
# A run of back-to that dies when the bank is back.
DYING = """
sed '/^until ledger wait_for_db/,/^done/ s/^done/done; kill -9 $$/' \
    /srv/ledger/deploy/server/back-to > /root/dying
! sh /root/dying /base/{base} '{moment}'
"""
# What the next start would read, and what the next standby would copy.
TARGETS = """
SELECT name FROM pg_file_settings
WHERE name ~ '^(recovery_|restore_command|hot_standby)' OR sourcefile ~ 'back-to'
"""
RESTORES = "SELECT count(*) FROM events WHERE kind = 'ledger.restored'"

pytestmark = [NEEDS_A_MACHINE]


@pytest.fixture(scope="module")
def backed_up(bank: Machine) -> Machine:
    """The bank, with a backup of it in /root that was made after the note."""
    note(bank, "before the backup")
    bank.run(f"ledger backup /var/backups/ledger/{BACKUP}")
    bank.run(f"cd /var/backups/ledger; mv {BACKUP} {BACKUP}.manifest /root")
    return bank


def note(bank: Machine, title: str) -> None:
    """Writes a row that is there or not after a restore."""
    psql(bank, f"INSERT INTO auth_group (name) VALUES ('{title}')")


def notes(bank: Machine, database: str = "ledger") -> set[str]:
    return set(psql(bank, "SELECT name FROM auth_group", database).split("\n"))


def has_started(bank: Machine, unit: str) -> bool:
    """Whether the last start of the unit, as its log says, was of the commit that is there."""
    log = bank.run(f"journalctl --no-pager -o cat -u {unit}")
    found = re.findall(r'"event": "process\.started".*"revision": "(\w+)"', log)
    return found[-1:] == bank.run("git -C /srv/ledger rev-parse HEAD").split()


def test_a_program_of_the_page_comes_with_debian_or_with_a_package_it_names(
    debian: Machine,
) -> None:
    (_update, install) = (step.command for step in SECTIONS["packages"].steps)
    named = install.removeprefix("apt-get install -y ").split()
    listed = debian.run("dpkg-query -W -f '${Package}\\t${Priority}\\t${Depends}\\n'")
    known = {name: rest for name, *rest in (line.split("\t") for line in listed.splitlines())}
    there = {name for name, (priority, _) in known.items() if priority in ("required", "important")}
    ahead = [*named, *there]
    while ahead:
        there.add(name := ahead.pop())
        depends = re.findall(r"(?:^|[,|]) *([a-z0-9][a-z0-9+.-]*)", known[name][1])
        ahead += [each for each in depends if each in known and each not in there]
    commands = [step.command for block in SECTIONS.values() for step in block.steps]
    commands += [(WRAPPER.parent / name).read_text() for name in ("install", "base", "watch")]
    words = {word for command in commands for word in re.findall(r"[a-z_.]+", command)}
    programs = ("git", "curl", "openssl", "nginx", "psql", "pg_basebackup", "adduser", "runuser")
    assert words >= set(programs)
    for program in programs:
        path = debian.run(f"readlink -f $(command -v {program}); command -v {program}").split()
        path += [each.removeprefix("/usr") for each in path]  # as dpkg knows it
        found = debian.run(f"dpkg -S {' '.join(path)} 2> /dev/null || true")
        assert {line.partition(":")[0] for line in found.splitlines()} & there, program


def test_the_page_leads_to_a_bank_over_tls(bank: Machine) -> None:
    cookie = "--cookie __Host-sessionid=of-nobody"  # which is looked up in the database
    signing_in = bank.run(f"curl --silent --include --location {cookie} https://{HOST}/")
    assert "strict-transport-security: max-age=31536000" in signing_in
    assert "Sign in" in signing_in
    assert bank.run(f"curl --silent --head http://{HOST}/").startswith("HTTP/1.1 301")
    roles = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'ledger'"
    bank.run("systemctl stop ledger-work")
    assert psql(bank, roles, "postgres") == "ledger_web"
    bank.run("systemctl start ledger-work")
    assert bank.run("systemctl show --property=User --value ledger-work").strip() == "ledger_worker"
    assert psql(bank, "SHOW data_checksums") == "on"
    journal = bank.run("systemd-analyze cat-config systemd/journald.conf")
    assert "MaxRetentionSec=365day" in journal.splitlines()

    hidden = "cat /etc/ledger/ledger.env", "touch /srv/ledger/manage.py", "ls /var/backups/ledger"
    for command in hidden:
        with pytest.raises(AssertionError, match="Permission denied"):
            bank.run(f"runuser -u ledger_web -- {command}")


def test_what_the_server_refuses_does_not_stand_in_its_log(bank: Machine) -> None:
    twice = "INSERT INTO auth_group (name) VALUES ('ana.lindt'), ('ana.lindt')"
    with pytest.raises(AssertionError):
        psql(bank, twice)
    log = bank.run("cat /var/log/postgresql/*.log")
    assert "duplicate key value violates unique constraint" in log
    # Those of Debian's server before the page's settings are of no people.
    assert not re.findall("lindt|INSERT INTO", log, re.IGNORECASE)


def test_the_explorer_signs_in_from_web_processes_alone_and_without_a_password(
    bank: Machine,
) -> None:
    explore = f"ledger shell -v 0 -c {shlex.quote(EXPLORE)} 2>&1"
    assert "('ledger_explorer',)" in bank.run(f"AS=ledger_web {explore}")
    assert "is not set up" in bank.run(f"AS=ledger {explore} || true")


def test_other_names_old_ciphers_and_compression_are_refused(bank: Machine) -> None:
    for address in ("http://127.0.0.1/", "https://127.0.0.1/ --insecure"):
        with pytest.raises(AssertionError):
            bank.run(f"curl --silent {address}")
    ask = f"openssl s_client -connect {HOST}:443 -servername {HOST} -tls1_2"
    assert "ECDHE" in bank.run(f"{ask} < /dev/null 2> /dev/null")
    with pytest.raises(AssertionError):
        bank.run(f"{ask} -cipher 'AES256-SHA:AES128-GCM-SHA256' < /dev/null")
    page = bank.run(f"curl -s -i -L -H 'Accept-Encoding: gzip' https://{HOST}/ | tr -d '\\0'")
    assert "content-encoding" not in page.lower()


def test_a_page_says_that_the_bank_is_away_and_no_log_has_the_address(bank: Machine) -> None:
    bank.run("systemctl stop ledger-web.socket")
    page = bank.run(f"curl --silent --include 'https://{HOST}/search/?q=secret'")
    assert " 502" in page.splitlines()[0]
    assert "not available" in page
    assert "secret" not in bank.run("cat /var/log/nginx/*.log /var/log/ledger/*.log")
    assert bank.run("stat -c %a /var/log/ledger/requests.log").strip() == "640"
    bank.run("logrotate --force /etc/logrotate.d/ledger; > /var/log/ledger/requests.log")
    bank.run(f"curl --silent https://{HOST}/healthz")
    wait_until(lambda: bool(bank.run("cat /var/log/ledger/requests.log").strip()))
    assert "hourly" in bank.run("systemctl cat logrotate.timer")
    bank.run("systemctl start ledger-web")
    too_large = f"head -c 35000000 /dev/zero | curl -s --data-binary @- https://{HOST}/"
    assert "too large" in bank.run(too_large)


def test_a_changed_setting_is_told_until_the_page_applies_it(bank: Machine, follow: Follow) -> None:
    bank.run("echo 'LEDGER_FOUR_EYES_OVER=77' >> /etc/ledger/ledger.env")
    told = bank.run("ledger check --deploy 2>&1 || true")
    assert "ledger.approval_thresholds" in told

    web = bank.run("systemctl show -P MainPID ledger-web")
    follow("changed")

    assert psql(bank, "SELECT currency, amount FROM approval_thresholds") == "*|77.0000"
    assert bank.run("systemctl show -P MainPID ledger-web") != web
    assert serves(bank)


@pytest.fixture(scope="module")
def mailed(bank: Machine) -> Machine:
    """The bank, whose mails are kept."""
    bank.run(MAIL_SERVER)
    return bank


def test_mails_go_out_by_hand_and_when_a_service_fails(mailed: Machine, follow: Follow) -> None:
    bank = mailed
    follow("mail")
    wait_until(lambda: f"you@{HOST}" in bank.run("cat /root/mails"))

    bank.run("mv /var/backups/ledger /root/aside")
    with pytest.raises(AssertionError):
        bank.run("systemctl start ledger-backup")
    bank.run("mv /root/aside /var/backups/ledger")

    wait_until(lambda: "ledger-backup failed" in bank.run("cat /root/mails"))
    assert f"operator@{HOST}" in bank.run("cat /root/mails")
    bank.run("systemctl reset-failed")


def test_a_service_that_does_not_start_is_mailed_and_the_page_leads_back(
    mailed: Machine, follow: Follow
) -> None:
    """By a mail for which no setting of Ledger has to be right, also within an hour."""
    bank = mailed
    for _ in range(2):
        before = mails_of(bank, "ledger-web")
        bank.run("echo LEDGER_WORKERS=0 >> /etc/ledger/ledger.env")
        try:
            bank.run("systemctl restart --no-block ledger-web")
            wait_until(partial(has_one_more, bank, "ledger-web", before))
            assert bank.run("systemctl is-active ledger-web || true").strip() == "failed"
        finally:
            bank.run("sed -i '/LEDGER_WORKERS=0/d' /etc/ledger/ledger.env")
        follow("changed")
        assert serves(bank)


def mails_of(bank: Machine, unit: str) -> int:
    """How many mails say that the unit failed."""
    return bank.run("cat /root/mails").count(f"Subject: {unit} failed")


def has_one_more(bank: Machine, unit: str, before: int) -> bool:
    return mails_of(bank, unit) == before + 1


def test_the_journal_names_a_failure_without_the_settings(bank: Machine) -> None:
    """The mailer starts, although systemd cannot read its settings."""
    bank.run("mv /etc/ledger/ledger.env /root/ledger.env")
    try:
        bank.run("systemctl start ledger-failed@ledger-web || true")
        assert bank.run("systemctl show -P Result ledger-failed@ledger-web").strip() == "exit-code"
        log = bank.run("journalctl --no-pager -o cat -u ledger-failed@ledger-web")
        assert "ledger-web failed" in log
    finally:
        bank.run("mv /root/ledger.env /etc/ledger/ledger.env; systemctl reset-failed")


def test_a_bank_that_does_not_answer_is_mailed_once(mailed: Machine) -> None:
    bank = mailed
    bank.run("systemctl start ledger-alive")
    before = mails_of(bank, "ledger-alive")
    bank.run("systemctl stop ledger-web.socket")
    for _ in range(2):
        with pytest.raises(AssertionError, match="ledger-web does not run"):
            bank.run("systemctl start ledger-alive")
    bank.run("systemctl start ledger-failed@ledger-alive")  # returns when no mail is being sent
    assert has_one_more(bank, "ledger-alive", before)
    bank.run("systemctl reset-failed; systemctl start ledger-web")


def test_a_restart_loses_no_request_and_there_is_no_reload(bank: Machine) -> None:
    """A reload by HUP would keep the old code and say that it worked."""
    with pytest.raises(AssertionError, match="not applicable"):
        bank.run("systemctl reload ledger-web")
    before = bank.run("systemctl show -P MainPID ledger-web")
    codes = bank.run(
        f"""
        trap 'touch /root/over' EXIT  # the clients end whatever fails
        for client in 1 2 3 4; do
            while [ ! -e /root/over ]; do
                curl --silent --output /dev/null --write-out '%{{http_code}}\n' https://{HOST}/
            done > /root/codes.$client &
        done
        systemctl restart ledger-web
        curl --silent --output /dev/null https://{HOST}/
        touch /root/over
        wait
        cat /root/codes.*
        rm /root/over /root/codes.*
        """
    ).split()
    assert set(codes) == {"302"}
    assert len(codes) >= 4
    assert bank.run("systemctl show -P MainPID ledger-web") != before


def test_requests_that_wait_for_a_slow_start_are_answered(bank: Machine) -> None:
    slow = "/run/systemd/system/ledger-web.service.d/slow.conf"
    bank.run(f"mkdir -p $(dirname {slow}); printf '[Service]\nExecStartPre=sleep 6\n' > {slow}")
    codes = bank.run(
        f"""
        systemctl daemon-reload
        systemctl stop ledger-web
        for client in 1 2 3 4; do
            curl --silent --output /dev/null --write-out '%{{http_code}}\n' https://{HOST}/ &
        done
        wait
        rm {slow}
        systemctl daemon-reload
        """
    )
    assert codes.split() == ["302"] * 4


def test_the_backup_of_a_day_is_kept_for_30_days_though_it_is_read(
    bank: Machine, follow: Follow
) -> None:
    bank.run("rm -f /var/backups/ledger/*")
    files = follow("backup")
    assert re.search(r"-rw------- 1 ledger ledger .*\.bank\n", files)
    bank.run("cd /var/backups/ledger; touch old; touch -m -d '31 days ago' old; cat old")
    bank.run("systemd-tmpfiles --clean /etc/tmpfiles.d/ledger.conf")
    assert "old" in bank.run("ls /var/backups/ledger").split()  # as long as no newer one is made
    follow("backup")
    there = bank.run("ls /var/backups/ledger").split()
    assert "old" not in there
    assert len(there) == 4


def test_the_commands_of_the_runbook_run_with_ledger_in_place_of_manage(bank: Machine) -> None:
    bank.run(f"echo LEDGER_METRICS_TOKEN={TOKEN} >> /etc/ledger/ledger.env")
    bank.run("systemctl restart ledger-web")
    # The processes open it when they have begun, which systemd does not wait for.
    bank.run("curl -sf --retry 9 --retry-connrefused http://localhost:8001/readyz")
    runbook = read("docs/runbook.md").replace("http://localhost:8000", f"https://{HOST}")
    (token,) = re.findall(r"``(LEDGER_METRICS_TOKEN=.+) ``", runbook)
    steps = re.findall(r"^(?:curl|manage\.py (?:dbshell|wait)) .*$", runbook, re.MULTILINE)
    assert len(steps) > 8
    for step in steps[:5]:
        assert bank.run(f"{token}\n{step.replace('manage.py', 'ledger')} 2>&1")


@pytest.mark.parametrize("service", ["web", "work", "prepare", "backup", "base"])
def test_a_service_may_do_little(bank: Machine, service: str) -> None:
    bank.run(f"systemd-analyze security --threshold=25 ledger-{service}.service")


def test_the_look_at_the_server_finds_nothing_and_then_a_certificate_that_ends(
    bank: Machine,
) -> None:
    bank.run("systemctl start ledger-backup")  # without one of the day, that is an issue
    bank.run("systemctl start ledger-watch")
    assert "no issues" in bank.run("ledger check --deploy 2>&1")
    renew = "openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=x -keyout /dev/null"
    bank.run("cp /etc/ledger/tls/fullchain.pem /root/kept.pem")
    bank.run(f"{renew} -out /etc/ledger/tls/fullchain.pem")
    assert "expires within" in bank.run("sh /srv/ledger/deploy/server/watch || true")
    bank.run("cp /root/kept.pem /etc/ledger/tls/fullchain.pem")


def test_the_wrapper_reads_the_settings_as_systemd_does(bank: Machine) -> None:
    bank.run(f"cat > /root/odd.env <<'END_OF_ODD'\n{ODD}\nEND_OF_ODD")
    read = "systemd-run --quiet --pipe --wait -p EnvironmentFile=/root/odd.env env -0 | base64 -w0"
    given = base64.b64decode(bank.run(read)).decode().split("\0")
    theirs = dict(line.split("=", 1) for line in given if line)
    ours = wrapper().values_of(f"{ODD}\n")
    assert len(ours) > 10
    assert {name: theirs.get(name) for name in ours} == ours


def test_a_backup_is_proved_in_a_database_that_is_gone_afterwards(
    bank: Machine, follow: Follow
) -> None:
    record = "SELECT done_at, failed_at FROM job_records WHERE name = 'backup'"
    listed = "SELECT datname FROM pg_database"
    before, databases = psql(bank, record), psql(bank, listed)
    refused = "ledger backup --prove /var/backups/ledger/refused.bank 2>&1 || true"
    assert "CREATEDB" in bank.run(refused)
    assert "refused" not in bank.run("ls /var/backups/ledger")
    assert psql(bank, record) == before

    assert "every seal holds" in follow("prove")
    assert sorted(psql(bank, listed).split()) == sorted(databases.split())


def test_a_backup_comes_back_beside_the_bank_and_takes_its_place(
    backed_up: Machine, follow: Follow
) -> None:
    bank = backed_up
    note(bank, "after the backup")
    unreadable = bank.run(f"ledger restore /root/{BACKUP} 2>&1 || true")
    assert "Traceback" not in unreadable
    assert f"/root/{BACKUP} cannot be read" in unreadable
    follow("fetch")

    assert "every seal holds" in follow("restore")
    assert serves(bank)
    lost = notes(bank) - notes(bank, "ledger_new")
    assert "after the backup" in lost
    assert "before the backup" not in lost
    follow("switch")

    assert "after the backup" not in notes(bank)
    assert "before the backup" in notes(bank)
    wait_until(lambda: serves(bank))


def test_a_backup_comes_back_on_a_server_without_a_bank(backed_up: Machine, follow: Follow) -> None:
    bank = backed_up
    follow("fetch")
    bank.run("systemctl stop ledger-prepare; runuser -u postgres -- dropdb ledger")
    bank.run("AS=postgres ledger create_roles")

    assert "every seal holds" in follow("restore-new")
    bank.run("systemctl start ledger-web ledger-work")

    assert "before the backup" in notes(bank)
    wait_until(lambda: serves(bank))


def test_the_bank_comes_back_to_a_moment(bank: Machine, follow: Follow) -> None:
    old = "/base/2000-01-01T023000", "/archive/000000010000000000000000.gz"
    bank.run(f"mkdir -p /archive {old[0]}; touch -d '8 days ago' {' '.join(old)}")
    bank.run("chown -R postgres: /archive /base")
    bank.run("install -d -m 700 /base/lost+found; touch -d '8 days ago' /base/lost+found")
    base, of_the_disk = follow("archive").split()
    assert of_the_disk == "lost+found"
    bank.run(STREAM)
    assert "000000010000000000000000.gz" not in bank.run("ls /archive")
    note(bank, "before the moment")
    moment = psql(bank, "SELECT clock_timestamp()")
    note(bank, "after the moment")

    later = psql(bank, "SELECT clock_timestamp()")
    note(bank, "at the end")
    with pytest.raises(AssertionError):  # there is no log up to then
        follow("back", {BASE: base, MOMENT: "2999-01-01 00:00:00+00"})
    bank.run(DYING.format(base=base, moment=moment))
    assert psql(bank, TARGETS) == ""  # with a target, the next standby would promote itself
    follow("back", {BASE: base, MOMENT: moment})
    assert "before the moment" in notes(bank)
    assert "after the moment" not in notes(bank)
    assert psql(bank, RESTORES) == "1"
    wait_until(lambda: serves(bank))
    printed = follow("back", {BASE: base, MOMENT: later})  # the first was too early
    assert psql(bank, RESTORES) == "1"
    assert "after the moment" in notes(bank)
    assert "at the end" not in notes(bank)
    kept = bank.run("ls -d /var/lib/postgresql/15/lost-*/PG_VERSION").split()
    assert len(kept) == 3
    assert all(path.removesuffix("/PG_VERSION") in printed.splitlines()[-1] for path in kept)
    assert psql(bank, TARGETS) == ""


def test_a_base_backup_has_its_name_once_it_is_checked(bank: Machine, follow: Follow) -> None:
    bank.run("mkdir -p /archive /base; chown postgres: /archive /base")
    follow("archive")
    named = bank.run("ls -d /base/2*")
    for _ in range(2):
        bank.run(UNCHECKED)
    assert bank.run("ls -d /base/2*") == named
    bank.run("systemctl start ledger-base")
    assert len(bank.run("ls -d /base/2*").split()) == len(named.split()) + 1


def test_the_bank_comes_up_when_postgres_is_late(bank: Machine) -> None:
    bank.run("systemctl stop ledger-prepare postgresql")
    bank.run("systemctl mask --runtime postgresql postgresql@15-main")

    bank.run("systemctl start --no-block ledger-web")
    wait_until(lambda: "Waiting" in bank.run("journalctl -b -u ledger-prepare -n 3 -o cat"))
    assert bank.run("systemctl is-active ledger-prepare || true").strip() == "activating"
    assert bank.run("systemctl show -P TimeoutStartUSec ledger-prepare").strip() == "infinity"
    assert "--timeout 86400" in bank.run("systemctl show -P ExecStart ledger-prepare")
    bank.run("systemctl unmask --runtime postgresql postgresql@15-main")
    bank.run("systemctl start postgresql")

    wait_until(lambda: serves(bank))
    bank.run("systemctl start ledger-work")


def test_a_new_version_comes_and_goes_and_comes_again(
    bank: Machine, follow: Follow, repository: Path
) -> None:
    unit = repository / "deploy/server/ledger-web.service"
    for number in (1, 2):
        unit.write_text(f"{unit.read_text()}# Version {number}\n")
        commit(repository, f"Version {number}")
        follow("upgrade")
        assert f"# Version {number}" in bank.run("systemctl cat ledger-web")
        wait_until(lambda: has_started(bank, "ledger-web") and has_started(bank, "ledger-work"))
        follow("downgrade")
        assert bank.run("git -C /srv/ledger status --porcelain --branch").startswith("## m")
        bank.run("/srv/ledger/deploy/server/install")
        assert f"# Version {number}" not in bank.run("systemctl cat ledger-web")
    assert "The books are clean" in bank.run("ledger audit_ledger")
    assert "0 loaded units" in bank.run("systemctl --failed --no-pager")
    assert serves(bank)
