"""Tests that AWS WAF protects the load balancer and logs no secrets, and that every connection is
logged.
"""

import pytest
from aws_cdk import App
from ledger_aws.config import read
from ledger_aws.firewall import PAGES_RATE
from ledger_aws.stacks import build

from tests.flavours import GIVEN, ROOT, Properties, Templates, text

MANAGED = {"AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"}


def _rules(bank: Templates) -> dict[str, Properties]:
    return {rule["Name"]: rule for rule in bank.one("AWS::WAFv2::WebACL")["Rules"]}


def test_it_stands_before_the_load_balancer(bank: Templates) -> None:
    ((acl, _),) = bank.of_type("AWS::WAFv2::WebACL")
    ((balancer, _),) = bank.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer")
    assert bank.one("AWS::WAFv2::WebACLAssociation") == {
        "ResourceArn": {"Ref": balancer}, "WebACLArn": {"Fn::GetAtt": [acl, "Arn"]},
    }  # fmt: skip


def test_rules_of_aws_block_but_for_large_bodies(bank: Templates) -> None:
    rules = _rules(bank)
    counted = {}
    for name in MANAGED:
        assert rules[name]["OverrideAction"] == {"None": {}}
        group = rules[name]["Statement"]["ManagedRuleGroupStatement"]
        assert (group["VendorName"], group["Name"]) == ("AWS", name)
        for rule in group.get("RuleActionOverrides", []):
            counted[rule["Name"]] = rule["ActionToUse"]
    assert counted == {"SizeRestrictions_BODY": {"Count": {}}}
    assert set(rules) == MANAGED | {"rate-of-pages", "rate-of-api"}


def test_an_address_with_too_many_requests_gets_retry_after(bank: Templates) -> None:
    found = {}
    for name in ("pages", "api"):
        rule = _rules(bank)[f"rate-of-{name}"]
        statement = rule["Statement"]["RateBasedStatement"]
        assert statement["AggregateKeyType"] == "IP"
        assert rule["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429
        scope = statement["ScopeDownStatement"]
        path = scope.get("NotStatement", {}).get("Statement", scope)["ByteMatchStatement"]
        assert (path["SearchString"], path["PositionalConstraint"]) == ("/api/", "STARTS_WITH")
        found[name] = (statement["Limit"], statement["EvaluationWindowSec"], len(scope))
        assert ("NotStatement" in scope) is (name == "pages")
    assert found == {"pages": (PAGES_RATE, 300, 1), "api": (_default_of_the_api(), 60, 1)}


def _default_of_the_api() -> int:
    (line,) = [
        line for line in (ROOT / ".env.example").read_text().splitlines()
        if line.startswith("#LEDGER_API_RATE=")
    ]  # fmt: skip
    return int(line.partition("=")[2])


@pytest.mark.parametrize(("given", "limit"), [("600", 600), ("0", None), ("5", None)])
def test_calls_are_not_limited_below_what_the_api_lets_through(
    given: str, limit: int | None
) -> None:
    app = App()
    _, bank = build(app, read(GIVEN | {"LEDGER_API_RATE": given}))
    resources = app.synth().get_stack_by_name(bank.stack_name).template["Resources"]
    (acl,) = [each for each in resources.values() if each["Type"] == "AWS::WAFv2::WebACL"]
    limits = [
        rule["Statement"]["RateBasedStatement"]["Limit"]
        for rule in acl["Properties"]["Rules"] if rule["Name"] == "rate-of-api"
    ]  # fmt: skip
    assert limits == ([limit] if limit else [])


def test_its_log_has_blocked_requests_without_what_people_typed(bank: Templates) -> None:
    log = bank.one("AWS::WAFv2::LoggingConfiguration")
    fields = {
        text(field.get("SingleHeader", {}).get("Name") or next(iter(field))).lower()
        for field in log["RedactedFields"]
    }
    assert fields == {
        "uripath", "querystring", "authorization", "cookie", "x-csrftoken", "referer",
        "hx-current-url", "last-event-id", "idempotency-key",
    }  # fmt: skip
    assert log["LoggingFilter"]["DefaultBehavior"] == "DROP"
    (kept,) = log["LoggingFilter"]["Filters"]
    assert kept["Conditions"] == [{"ActionCondition": {"Action": "BLOCK"}}]
    (target,) = log["LogDestinationConfigs"]
    assert ":log-group:" in text(target)
    assert not text(target).rstrip('"]} ').endswith("*")
    acl = bank.one("AWS::WAFv2::WebACL")
    for each in (acl, *acl["Rules"]):
        assert each["VisibilityConfig"]["SampledRequestsEnabled"] is False


def test_every_connection_of_the_network_is_logged(bank: Templates) -> None:
    ((vpc, _),) = bank.of_type("AWS::EC2::VPC")
    flows = bank.one("AWS::EC2::FlowLog")
    assert (flows["ResourceId"], flows["ResourceType"]) == ({"Ref": vpc}, "VPC")
    assert flows["TrafficType"] == "ALL"
    group = bank.resources[flows["LogGroupName"]["Ref"]]["Properties"]
    assert group["LogGroupName"] == f"/{bank.config.name}/flows"
    role = flows["DeliverLogsPermissionArn"]["Fn::GetAtt"][0]
    (statement,) = bank.statements(role)
    assert set(statement["Action"]) == {
        "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
    }  # fmt: skip
    assert statement["Resource"] == {"Fn::GetAtt": [flows["LogGroupName"]["Ref"], "Arn"]}
