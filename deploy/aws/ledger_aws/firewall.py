"""AWS WAF in front of the load balancer: blocks known attacks, and limits requests per address.

The log contains only blocked requests, without URLs, credentials and cookies. Requests are not
sampled, because samples would contain URLs, credentials and cookies.
"""

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from ledger_aws.config import Config
from ledger_aws.log_groups import new_log_group

API_RATE = 12_000  # the default of LEDGER_API_RATE: calls per minute with one token
PAGES_RATE, PAGES_SECONDS = 6_000, 300  # per address, which a whole office may share
TOO_MANY = 429
# Counted, but not blocked: payment files and API metadata have bodies over 8 KB.
COUNTED = {"AWSManagedRulesCommonRuleSet": ["SizeRestrictions_BODY"]}
MANAGED = ["AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"]
# Headers that are removed from WAF's log. Some contain the URL of the previous page, with search
# words. Programs send the last two: amounts on hold, and a text that the caller chose.
REDACTED_HEADERS = (
    "authorization", "cookie", "x-csrftoken", "referer", "hx-current-url", "last-event-id",
    "idempotency-key",
)  # fmt: skip


class Firewall(Construct):
    def __init__(
        self,
        scope: Construct,
        config: Config,
        balancer: elb.ApplicationLoadBalancer,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, "Firewall")
        rules = [_rate_of_pages(), *_rate_of_api(config)]
        rules += map(_managed, MANAGED)
        acl = waf.CfnWebACL(
            self,
            "Acl",
            name=config.name,
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility("all"),
            rules=[
                waf.CfnWebACL.RuleProperty(priority=place, **rule)
                for place, rule in enumerate(rules)
            ],
        )
        waf.CfnWebACLAssociation(
            self, "Before", resource_arn=balancer.load_balancer_arn, web_acl_arn=acl.attr_arn
        )
        self._log(config, acl, key)

    def _log(self, config: Config, acl: waf.CfnWebACL, key: kms.IKey) -> None:
        """Logs blocked requests. WAF requires that the name of the log group begins with
        `aws-waf-logs-`, and that the ARN of the log group does not end with `:*`.
        """
        log = new_log_group(self, "Log", f"aws-waf-logs-{config.name}", key)
        field = waf.CfnLoggingConfiguration.FieldToMatchProperty
        headers = [field(single_header={"Name": name}) for name in REDACTED_HEADERS]
        waf.CfnLoggingConfiguration(
            self,
            "Blocked",
            resource_arn=acl.attr_arn,
            log_destination_configs=[
                Stack.of(self).format_arn(
                    service="logs", resource=f"log-group:{log.log_group_name}"
                )
            ],
            # The path of a link in an email contains a key, which is still valid after the request
            # was blocked.
            redacted_fields=[field(uri_path={}), field(query_string={}), *headers],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {
                        "Behavior": "KEEP",
                        "Requirement": "MEETS_ANY",
                        "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
                    }
                ],
            },
        )


def _rate_of_pages() -> dict[str, Any]:
    not_api = waf.CfnWebACL.StatementProperty(
        not_statement=waf.CfnWebACL.NotStatementProperty(
            statement=waf.CfnWebACL.StatementProperty(byte_match_statement=_is_of_api())
        )
    )
    return _rate("pages", PAGES_RATE, PAGES_SECONDS, not_api)


def _rate_of_api(config: Config) -> list[dict[str, Any]]:
    """Returns a rate rule, or no rule if the API has no limit or a limit below 10, which is WAF's
    minimum.
    """
    given = config.ledger_settings.get("LEDGER_API_RATE", str(API_RATE))
    if not given.isdecimal() or int(given) < 10:
        return []
    statement = waf.CfnWebACL.StatementProperty(byte_match_statement=_is_of_api())
    return [_rate("api", int(given), 60, statement)]


def _is_of_api() -> waf.CfnWebACL.ByteMatchStatementProperty:
    return waf.CfnWebACL.ByteMatchStatementProperty(
        field_to_match=waf.CfnWebACL.FieldToMatchProperty(uri_path={}),
        positional_constraint="STARTS_WITH",
        search_string="/api/",
        text_transformations=[waf.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")],
    )


def _rate(
    name: str, limit: int, seconds: int, of: waf.CfnWebACL.StatementProperty
) -> dict[str, Any]:
    response = waf.CfnWebACL.CustomResponseProperty(
        response_code=TOO_MANY,
        response_headers=[
            waf.CfnWebACL.CustomHTTPHeaderProperty(name="Retry-After", value=str(seconds))
        ],
    )
    return {
        "name": f"rate-of-{name}",
        "action": waf.CfnWebACL.RuleActionProperty(
            block=waf.CfnWebACL.BlockActionProperty(custom_response=response)
        ),
        "statement": waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP",
                limit=limit,
                evaluation_window_sec=seconds,
                scope_down_statement=of,
            )
        ),
        "visibility_config": _visibility(f"rate-of-{name}"),
    }


def _managed(name: str) -> dict[str, Any]:
    """Returns a group of rules that AWS keeps up to date."""
    counted = [
        waf.CfnWebACL.RuleActionOverrideProperty(
            name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={})
        )
        for rule in COUNTED.get(name, [])
    ]
    return {
        "name": name,
        "override_action": waf.CfnWebACL.OverrideActionProperty(none={}),
        "statement": waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS", name=name, rule_action_overrides=counted or None
            )
        ),
        "visibility_config": _visibility(name),
    }


def _visibility(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
