"""Tests that only the load balancer is public, and that each part may connect only to what it
needs.
"""

import subprocess
from typing import Any

from tests.flavours import ROOT, Templates, text

EVERYBODY = ("0.0.0.0/0", "::/0")
BALANCER_PORTS = {80, 443}


def _rules(bank: Templates, way: str) -> list[tuple[str, dict[str, Any]]]:
    """Returns each rule with its group. `way` is Ingress or Egress."""
    found = []
    for id, group in bank.of_type("AWS::EC2::SecurityGroup"):
        found += [(id, rule) for rule in group.get(f"SecurityGroup{way}", [])]
    for _, rule in bank.of_type(f"AWS::EC2::SecurityGroup{way}"):
        found.append((text(rule["GroupId"]), rule))
    return found


def test_the_internet_enters_only_by_the_load_balancer(bank: Templates) -> None:
    entries = [
        (group, rule) for group, rule in _rules(bank, "Ingress")
        if rule.get("CidrIp") in EVERYBODY or rule.get("CidrIpv6") in EVERYBODY
    ]  # fmt: skip
    assert {rule["FromPort"] for _, rule in entries} == BALANCER_PORTS
    assert all("NetworkBalancer" in group for group, _ in entries)
    assert all("CidrIp" not in rule or rule["CidrIp"] in EVERYBODY for _, rule in entries)


def test_every_other_entry_is_from_a_group_of_ours(bank: Templates) -> None:
    for group, rule in _rules(bank, "Ingress"):
        if "NetworkBalancer" not in group:
            assert "SourceSecurityGroupId" in rule, (group, rule)
            assert rule["IpProtocol"] == "tcp"
            assert rule["FromPort"] == rule["ToPort"]


def test_no_group_lets_everything_out(bank: Templates) -> None:
    for group, rule in _rules(bank, "Egress"):
        if rule.get("CidrIp") == "255.255.255.255/32":  # how CDK writes "nothing"
            continue
        assert rule["IpProtocol"] == "tcp", (group, rule)
        if rule.get("CidrIp") in EVERYBODY:
            assert rule["FromPort"] in (443, 587) or _is_to_a_receiver(group, rule), (group, rule)


def _is_to_a_receiver(group: str, rule: dict[str, Any]) -> bool:
    return group.startswith("NetworkWork") and rule["FromPort"] == 8443


def test_events_go_out_to_each_port_that_a_webhook_may_have(bank: Templates) -> None:
    code = "import django; django.setup(); from banking.events.targets import PORTS;"
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", f"{code} print(*PORTS)"], cwd=ROOT, check=True,
        capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "ledger.settings"},
    )  # fmt: skip
    open_to = {
        rule["FromPort"] for group, rule in _rules(bank, "Egress")
        if group.startswith("NetworkWork") and rule.get("CidrIp") in EVERYBODY
    }  # fmt: skip
    assert open_to == {*map(int, done.stdout.split()), 587}
    _, service = bank.service("work")
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert "NetworkWork" in text(network["SecurityGroups"])
    assert {"VpcTasksSubnet" in text(each) for each in network["Subnets"]} == {True}


def test_no_rule_is_given_twice(bank: Templates) -> None:
    """Checks for repeated rules, which EC2 refuses. A port that is not a number in the template is
    the port of Postgres.
    """
    pairs = [
        (text(rule["GroupId"]), text(rule["SourceSecurityGroupId"]),
         rule["FromPort"] if isinstance(rule["FromPort"], int) else 5432)
        for _, rule in bank.of_type("AWS::EC2::SecurityGroupIngress")
    ]  # fmt: skip
    assert len(pairs) == len(set(pairs))


def test_who_reaches_the_database(bank: Templates) -> None:
    sources = {
        text(rule["SourceSecurityGroupId"]).partition("Network")[2].rstrip('"]} ')[:5]
        for group, rule in _rules(bank, "Ingress")
        if "NetworkDatabase" in group
    }
    expected = {"Comma", "Rotat", "Work9"}
    if bank.config.proxy:
        expected.add("Proxy")
    if not bank.config.proxy or (bank.config.size.has_replica and not bank.config.is_aurora):
        expected.add("Web48")
    assert sources == expected


def test_nothing_but_the_load_balancer_has_a_public_address(bank: Templates) -> None:
    balancers = dict(bank.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer"))
    assert [each["Scheme"] for each in balancers.values()] == ["internet-facing"]
    for id, subnet in bank.of_type("AWS::EC2::Subnet"):
        assert not subnet.get("MapPublicIpOnLaunch"), id
    for id, instance in bank.of_type("AWS::RDS::DBInstance"):
        assert instance["PubliclyAccessible"] is False, id
    for id, service in bank.of_type("AWS::ECS::Service"):
        address = service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"]
        assert address == "DISABLED", id
    for id, schedule in bank.of_type("AWS::Scheduler::Schedule"):
        network = schedule["Target"]["EcsParameters"]["NetworkConfiguration"]
        assert network["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED", id


def test_the_database_and_the_cache_have_no_way_to_the_internet(bank: Templates) -> None:
    ids = {id for id, _ in bank.of_type("AWS::EC2::Subnet") if "VpcDataSubnet" in id}
    assert len(ids) == 2
    tables = {
        table["RouteTableId"]["Ref"]
        for _, table in bank.of_type("AWS::EC2::SubnetRouteTableAssociation")
        if table["SubnetId"]["Ref"] in ids
    }
    for id, route in bank.of_type("AWS::EC2::Route"):
        assert route["RouteTableId"]["Ref"] not in tables, id
    groups = [
        properties.get("SubnetIds") or properties.get("DBSubnetGroup", {}).get("SubnetIds")
        for _, properties in bank.of_type(
            "AWS::RDS::DBSubnetGroup", "AWS::ElastiCache::SubnetGroup"
        )
    ]
    assert groups
    for subnets in groups:
        assert {subnet["Ref"] for subnet in subnets} == ids
    assert (
        {subnet["Ref"] for subnet in bank.one("AWS::RDS::DBProxy")["VpcSubnetIds"]} == ids
        if bank.config.proxy
        else True
    )


def test_pages_go_only_by_tls(bank: Templates) -> None:
    listeners = {
        each["Port"]: each for _, each in bank.of_type("AWS::ElasticLoadBalancingV2::Listener")
    }
    assert set(listeners) == BALANCER_PORTS
    (action,) = listeners[80]["DefaultActions"]
    assert action["Type"] == "redirect"
    assert action["RedirectConfig"]["Protocol"] == "HTTPS"
    assert listeners[443]["Protocol"] == "HTTPS"
    assert "TLS13" in listeners[443]["SslPolicy"]
    (certificate,) = listeners[443]["Certificates"]
    assert certificate["CertificateArn"]
