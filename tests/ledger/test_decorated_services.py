"""Which services run again after a lost race, and which count their refusals for `/metrics`.

A change of a decorator shows in nothing else that a service does, unless two requests meet.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from accounts import refusal_counts
from ledger.db import retry

RETRIED = """
accounts.approvals: ask _changed
accounts.memberships: give_approved
accounts.services: choose_name open_accounts raise_overdraft_limits change_account
    _insert_under_free_number _changed_status
accounts.sign_in.access: revoke_tokens change_email _set_deleted_at
accounts.sign_in.addresses: give_to_owner
accounts.sign_in.passwords: save_password save_password_of_bank
accounts.sign_in.providers.group_map: set_groups
accounts.sign_in.recovery_codes: make_recovery_codes use_recovery_code
accounts.sign_in.removal: remove_password remove_passkey remove_second_factors
accounts.sign_in.tokens: issue revoke
banking.alerts.sending: _claim mark_sent _wait
banking.alerts.services: choose drop set_times mark_read
transactions.categories.services: give_category undo_change
banking.attachments.services: _insert _delete
transactions.categories.budgets: save_budget remove_budget
transactions.categories.new_payments: _apply_to_part
transactions.categories.rules: save_rule apply_to_past move_up remove_rule
banking.events.queues: begin finish
banking.events.services: add_webhook rotate_secret choose_kinds turn_off turn_on
    remove_webhook send_again
banking.outside.services: open_account change_account remove_account _store name_columns
    _read confirm undo discard
transactions.payees.services: _save remove_payee
transactions.privacy.leaving: leave
banking.reconciliation.services: _store match_sure match unmatch leave_over sign take_back
    discard
transactions.reports.saved: save_report remove_report
transactions.safeguards.quota: name_check may_check_number
banking.standing_orders.services: _set_up change_amount pause resume skip end give_up
    record_refusal
explorer.services: save_query delete_query record_run
"""
COUNTED = """
accounts.approvals: ask approve decline withdraw
accounts.memberships: give ask_for give_approved
accounts.services: choose_name open_account open_accounts raise_overdraft_limits change_account
    freeze_account unfreeze_account close_account change_status set_status
accounts.sign_in.recovery_codes: make_recovery_codes
accounts.sign_in.removal: remove_password remove_passkey
accounts.sign_in.tokens: issue
banking.alerts.services: choose
transactions.categories.services: give_category
transactions.annotations.services: annotate
banking.attachments.services: attach remove
transactions.audit.runs: run_audit
transactions.audit.sealing: seal
transactions.categories.budgets: save_budget
transactions.categories.rules: save_rule
banking.payment_files.storage: store
transactions.privacy.leaving: leave
"""


class Reached(Exception):
    """The call came as far as what the decorator adds."""


@pytest.mark.whole_code
@pytest.mark.parametrize(
    ("services", "module", "name"),
    [
        pytest.param(RETRIED, retry, "run_with_retry", id="retried"),
        pytest.param(COUNTED, refusal_counts, "counting_refusals", id="counted"),
    ],
)
def test_a_service_does_its_work_within_what_its_decorator_adds(
    services: str, module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reach(*_: object, **__: object) -> None:
        raise Reached

    monkeypatch.setattr(module, name, reach)
    assert [name for name, service in named(services) if not reaches(service)] == []


def named(services: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions of a list, with the names of their modules."""
    for module, names in re.findall(r"^([a-z_.]+):([a-z_\s]+)$", services, re.MULTILINE):
        for name in names.split():
            yield f"{module}.{name}", getattr(import_module(module), name)


def reaches(service: Callable[..., Any]) -> bool:
    """Whether a call without any values comes as far as the decorator's part."""
    parameters = inspect.signature(service).parameters.values()
    needed = [each for each in parameters if each.default is each.empty]
    positional = [None for each in needed if each.kind is each.POSITIONAL_OR_KEYWORD]
    keywords = {each.name: None for each in needed if each.kind is each.KEYWORD_ONLY}
    try:
        service(*positional, **keywords)
    except Reached:
        return True
    except Exception:  # noqa: BLE001 - whatever the service does with None
        return False
    return False
