"""docker-compose.yml and the Dockerfile agree with the code: checked without a container engine."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mti.common.settings import BusSettings, RunSettings, StoreSettings, TenantsSettings
from tests.support.processes import start_python

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def settings() -> set[str]:
    models = (BusSettings, RunSettings, StoreSettings, TenantsSettings)
    return {f"MTI_{name.upper()}" for model in models for name in model.model_fields}


def test_every_variable_is_one_that_the_services_read() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("environment", {})) <= settings(), name


def test_every_service_keeps_a_store_of_its_own() -> None:
    stores = [service["environment"]["MTI_STORE"] for service in SERVICES.values() if "environment" in service]
    assert len(stores) == len(set(stores)) == 3


def test_the_image_holds_every_member_and_only_pinned_packages() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    members = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("*/*/pyproject.toml")}
    assert set(re.findall(r"\./((?:libs|services)/[a-z-]+)", dockerfile)) == members
    assert "--require-hashes -r requirements/runtime.txt" in dockerfile


def test_the_image_s_packages_are_those_that_the_tests_ran_with() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / name).read_text()
        return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", text, re.MULTILINE))

    runtime, dev = pins("runtime.txt"), pins("dev.txt")
    assert runtime.items() <= dev.items()
    assert "pytest" not in runtime


@pytest.mark.parametrize("name", ["fetcher", "normalizer", "publisher"])
async def test_a_service_s_command_starts_and_says_which_setting_is_missing(name: str) -> None:
    process = await start_python("-m", *SERVICES[name]["command"], stderr=asyncio.subprocess.PIPE, env={})
    _, err = await process.communicate()
    assert process.returncode == 2
    assert b"MTI_STORE" in err
    assert b"Traceback" not in err


async def test_the_bus_command_serves(tmp_path: Path) -> None:
    command = [word.replace("/data/bus", str(tmp_path)) for word in SERVICES["bus"]["command"]]
    command = ["127.0.0.1" if word == "0.0.0.0" else "0" if word in {"5672", "5300"} else word for word in command]
    process = await start_python("-m", *command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    process.terminate()
    assert await process.wait() == 0
    assert ready["port"] > 0
