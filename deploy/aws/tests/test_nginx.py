"""Tests that nginx runs between the load balancer and the web process of each task."""

import subprocess
from pathlib import Path

from tests.flavours import ROOT, Templates, text

FAKE = '#!/bin/sh\nprintf "%s\\n" "$@"; cat "$4"; cat "$(dirname "$4")/ledger.conf"\n'


def test_the_load_balancer_reaches_only_nginx(bank: Templates) -> None:
    _, service = bank.service("web")
    (target,) = service["LoadBalancers"]
    assert (target["ContainerName"], target["ContainerPort"]) == ("nginx", 8080)
    assert bank.one("AWS::ElasticLoadBalancingV2::TargetGroup")["Port"] == 8080
    (to_balancer,) = [
        rule["FromPort"] for _, rule in bank.of_type("AWS::EC2::SecurityGroupIngress")
        if "NetworkBalancer" in text(rule["SourceSecurityGroupId"])
    ]  # fmt: skip
    assert to_balancer == 8080
    web = bank.container("web")
    assert "PortMappings" not in web
    settings = {each["Name"]: each["Value"] for each in web["Environment"]}
    assert (settings["LEDGER_HOST"], settings["PORT"]) == ("127.0.0.1", "8000")
    assert settings["LEDGER_PROBE_PORT"] == "8001"


def test_it_ends_before_the_web_process_and_with_it_the_task(bank: Templates) -> None:
    nginx = bank.container("web", "nginx")
    assert nginx["DependsOn"] == [{"Condition": "HEALTHY", "ContainerName": "app"}]
    assert nginx["Essential"] is True
    assert nginx["ReadonlyRootFilesystem"] is True
    assert "Secrets" not in nginx


def test_its_volume_is_not_mounted_in_the_other_containers(bank: Templates) -> None:
    mounted = {
        name: {each["SourceVolume"] for each in bank.container("web", name)["MountPoints"]}
        for name in ("app", "figures", "nginx")
    }
    assert mounted["app"] == mounted["figures"]
    assert not mounted["nginx"] & mounted["app"]


def test_it_is_the_image_of_compose_and_reads_the_files_of_the_repository(
    bank: Templates, tmp_path: Path
) -> None:
    nginx = bank.container("web", "nginx")
    version = nginx["Image"].removeprefix("public.ecr.aws/docker/library/")
    assert f"image: {version}\n" in (ROOT / "compose.yaml").read_text()

    (tmp_path / "nginx").write_text(FAKE)
    (tmp_path / "nginx").chmod(0o755)
    files = {each["Name"]: each["Value"] for each in nginx["Environment"]}
    done = subprocess.run(
        nginx["EntryPoint"], cwd=tmp_path, env=files | {"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    written = [(ROOT / "deploy/nginx" / name).read_text() for name in ("nginx.conf", "ledger.conf")]
    arguments = ["-e", "stderr", "-c", f"{tmp_path}/nginx.conf", "-g", "daemon off;", ""]
    expected = "\n".join(arguments) + "".join(written)
    assert done.stdout == expected.replace(" web:", " 127.0.0.1:")
    assert "set $web 127.0.0.1:8000;" in done.stdout
    assert '"" 127.0.0.1:8001;' in done.stdout
