"""`python -m mti.simulators`: both simulators as one process, until SIGTERM or SIGINT.

When ready it prints one line of JSON on stdout, `{"mimecast": URL, "sentinel": URL, "detections": N, "pid": N}`;
everything else goes to stderr. With `--sentinel-tls FOLDER` Sentinel and its authority speak https, under the
certificate `FOLDER/certificate.pem`, which is made there when it is missing.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import ssl
import sys
from pathlib import Path

from pydantic import ValidationError

from mti.simulators.scenario import Scenario, Simulators, demo_scenario
from servicebus_local.certificates import server_context

_log = logging.getLogger("mti.simulators")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mti.simulators", description=__doc__)
    world = parser.add_mutually_exclusive_group(required=True)
    world.add_argument("--scenario", type=Path, help="a scenario as JSON")
    world.add_argument("--demo", type=int, metavar="DETECTIONS", help="the demonstration's scenario, of that size")
    parser.add_argument("--seed", type=int, default=0, help="for --demo")
    parser.add_argument("--port", type=int, default=0, help="Mimecast's port; 0 takes a free one")
    parser.add_argument("--sentinel-port", type=int, default=0, help="Sentinel's port; 0 takes a free one")
    parser.add_argument("--sentinel-tls", type=Path, metavar="FOLDER", help="serve Sentinel by https; see above")
    parser.add_argument("--tenants", type=Path, help="write the tenants file here")
    parser.add_argument("--env", type=Path, help="write the secrets as NAME=value lines here, for the owner only")
    return parser.parse_args()


def _scenario(arguments: argparse.Namespace) -> Scenario:
    if arguments.demo is not None:
        return demo_scenario(arguments.seed, arguments.demo)
    return Scenario.model_validate_json(arguments.scenario.read_bytes())


def _write_files(simulators: Simulators, tenants: Path | None, env: Path | None) -> None:
    if tenants is None:
        return
    secrets = simulators.write_tenants(tenants)
    if env is not None:
        env.touch(mode=0o600)
        env.write_text("".join(f"{name}={value}\n" for name, value in secrets.items()), encoding="utf-8")


def _tls(folder: Path | None) -> ssl.SSLContext | None:
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return server_context(folder, "127.0.0.1")


async def _serve(scenario: Scenario, arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    simulators = Simulators(
        scenario,
        mimecast_port=arguments.port,
        sentinel_port=arguments.sentinel_port,
        sentinel_tls=_tls(arguments.sentinel_tls),
    )
    async with simulators:
        _write_files(simulators, arguments.tenants, arguments.env)
        ready = {
            "mimecast": simulators.mimecast.base_url,
            "sentinel": simulators.sentinel.base_url,
            "detections": simulators.detections(),
            "pid": os.getpid(),
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        _log.info("serving %s feeds", len(simulators.feeds))
        await stop.wait()
    _log.info("stopped")


def main() -> int:
    """Run until told to stop; return the exit status, 2 for a scenario that cannot be used."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    arguments = _arguments()
    try:
        scenario = _scenario(arguments)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            _log.error("scenario: %s: %s", ".".join(str(part) for part in problem["loc"]), problem["msg"])
        return 2
    except OSError as error:
        _log.error("scenario: %s", error)
        return 2
    asyncio.run(_serve(scenario, arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
