"""The cluster files against Ray's own schema, and the launcher scripts against bash."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path

import pytest

jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "cluster_configs"
LAUNCHERS = ROOT / "launchers"
RAY_CLUSTERS = ["aws-gpu.yaml", "gcp-tpu.yaml", "on-premises.yaml"]


def load(name: str) -> dict:
    return yaml.safe_load((CONFIGS / name).read_text())


def ray_schema() -> dict:
    found = importlib.util.find_spec("ray")
    if found is None or found.origin is None:
        pytest.skip("ray is not installed")
    return json.loads((Path(found.origin).parent / "autoscaler" / "ray-schema.json").read_text())


def test_every_file_is_checked() -> None:
    assert sorted(path.name for path in CONFIGS.glob("*.yaml")) == sorted(
        [*RAY_CLUSTERS, "kuberay-rayjob.yaml"]
    )


@pytest.mark.parametrize("name", RAY_CLUSTERS)
def test_ray_accepts_the_cluster(name: str) -> None:
    jsonschema.validate(load(name), ray_schema())


@pytest.mark.parametrize("name", RAY_CLUSTERS)
def test_the_dashboard_stays_inside(name: str) -> None:
    commands = " ".join(load(name)["head_start_ray_commands"])
    assert "--dashboard-host=127.0.0.1" in commands
    assert "0.0.0.0" not in commands


@pytest.mark.parametrize("name", ["aws-gpu.yaml", "gcp-tpu.yaml"])
def test_the_autoscaler_can_grow(name: str) -> None:
    config = load(name)
    kinds = config["available_node_types"]
    assert kinds[config["head_node_type"]]["resources"] == {"CPU": 0}
    workers = [kind for key, kind in kinds.items() if key != config["head_node_type"]]
    assert sum(kind["max_workers"] for kind in workers) <= config["max_workers"]
    assert any({"GPU", "TPU"} & kind["resources"].keys() for kind in workers)


def test_the_ray_job_holds_its_workers() -> None:
    job = load("kuberay-rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert job["metadata"]["generateName"]
    spec = job["spec"]
    assert spec["shutdownAfterJobFinishes"] is True
    cluster = spec["rayClusterSpec"]
    pods = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    images = {box["image"] for pod in pods for box in pod["template"]["spec"]["containers"]}
    assert len(images) == 1
    for pod in pods:
        inner = pod["template"]["spec"]
        volumes = {volume["name"] for volume in inner["volumes"]}
        for box in inner["containers"]:
            assert {mount["name"] for mount in box["volumeMounts"]} <= volumes
            assert box["resources"]["requests"] == box["resources"]["limits"]
        assert all(isinstance(value, str) for value in pod["rayStartParams"].values())
    gpus = sum(
        group["replicas"]
        * int(group["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"])
        for group in cluster["workerGroupSpecs"]
    )
    workers = int(re.search(r"--workers (\d+)", spec["entrypoint"])[1])
    assert "--resource GPU=1" in spec["entrypoint"]
    assert workers <= gpus
    assert spec["entrypoint"].startswith("kdist run ")


@pytest.mark.parametrize(
    "script", [*sorted(LAUNCHERS.glob("*.sh")), LAUNCHERS / "slurm.sbatch"], ids=lambda p: p.name
)
def test_bash_can_read_the_launcher(script: Path) -> None:
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    source = script.read_text()
    assert source.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in source
    assert script.stat().st_mode & 0o111


def test_the_job_launcher_builds_its_command() -> None:
    spec = importlib.util.spec_from_file_location("submit", LAUNCHERS / "ray_job_submit.py")
    submit = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(submit)
    options = submit.parse(
        ["--address", "http://head:8265", "jobs/train.py", "--workers", "8", "--resource", "GPU=1",
         "--pip", "kdist[jax,ray]", "--", "--name", "two words"]
    )  # fmt: skip
    assert submit.entrypoint(options) == (
        "kdist run --workers 8 --backend jax --resource GPU=1 train.py -- --name 'two words'"
    )
    env = submit.runtime_env(options)
    assert env["working_dir"] == str(Path("jobs").resolve())
    assert env["pip"] == ["kdist[jax,ray]"]
