"""What others say on an operator's screen: it is read, never obeyed. The real command, on the folder of a stack."""

import json
import random
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from mti.common.adapters.packed import packed
from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import IndicatorBatch, indicators_message
from mti.common.errors import Pause
from mti.common.escaping import escaped, on_one_line
from mti.common.pauses import paused
from mti.fetcher.records import SourceCheckpoint, source_checkpoints
from mti.stack.attach import attached
from mti.stack.layout import LastRun, Layout
from tests.common.tenants import tenant
from tests.publisher.world import CONTOSO, CUSTOMER, indicator
from tests.support.bus import INDICATORS
from tests.support.cli import Said, mti

pytestmark = pytest.mark.timeout(180)

HOSTILE = (
    "they said\x1b]52;c;cm0gLXJmIC8=\x07 \x1b[2J\x1b[H \x9b2J \u202egnp.exe\u202c \u2066x\u2069 \u200b \U000e0041 \x7f"
    " [/red] [bold]x [link=http://evil.example]y[/link]\r\nThe books close.\u2028done"
)
ASCII = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
LATIN = {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
PLAIN_C = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A folder on which everything that others can say is hostile."""
    layout = Layout(tmp_path / "data")
    layout.make()
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text(yaml.safe_dump({"tenants": [tenant()]}))
    layout.remember(LastRun(tenants=tenants))
    stores = {
        service: packed(SqliteStore(layout.database(service))) for service in ("fetcher", "normalizer", "publisher")
    }
    checkpoints = source_checkpoints(stores["fetcher"].container("checkpoints"))
    loaded = await checkpoints.load(CUSTOMER, SourceCheckpoint())
    pause = paused(Pause("CredentialsRefused", HOSTILE), datetime.now(UTC), None, random.Random(0))
    await checkpoints.save(loaded.with_value(SourceCheckpoint(pause=pause)))
    for service in ("normalizer", "publisher"):
        assert await stores[service].container("checkpoints").read("no", "one") is None
    for store in stores.values():
        await store.close()
    await bury(layout.root)
    return layout.root


async def bury(data: Path) -> None:
    batch = indicators_message(
        CONTOSO, IndicatorBatch(source=CUSTOMER, objects=[indicator("x").model_copy(update={"name": HOSTILE})])
    )
    async with attached(data) as at:
        bus = ServiceBus.from_connection_string(at.connection_string)
        await bus.sender(INDICATORS).send([batch])
        async with bus.receiver(INDICATORS, session=CONTOSO) as receiver:
            (found,) = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
            await receiver.dead_letter_message(found, reason="ObjectRefused", error_description=HOSTILE)
        await bus.close()


def assert_obeys_nothing(said: Said) -> None:
    for text in (said.out, said.err):
        assert [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} and c not in "\n\t"] == []
    assert "Traceback" not in said.err
    assert "\nThe books close." not in said.err.removesuffix("The books close.\n")


COMMANDS = [
    ("status",),
    ("status", "--json"),
    ("reconcile",),
    ("reconcile", "--json"),
    ("checkpoints", "show"),
    ("checkpoints", "show", "--json"),
    ("dlq", "list"),
    ("dlq", "list", "--json"),
    ("dlq", "show"),
    ("dlq", "show", "--json"),
    ("dlq", "replay", "--all", "--dry-run"),
    ("dlq", "purge", "--all"),
    ("dlq", "purge", "--all", "--yes", "--without-books"),
    ("-v", "dlq", "purge", "--all", "--yes", "--without-books", "--json"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_no_command_hands_a_terminal_what_others_say_to_obey(data: Path, command: tuple[str, ...]) -> None:
    said = await mti(*command, "--data", data)
    assert_obeys_nothing(said)
    if "--json" in command:
        json.loads(said.out)


async def test_what_they_say_is_still_read(data: Path) -> None:
    status = await mti("status", "--data", data)
    assert r"paused: source contoso/malware_customer since" in status.err
    assert r"they said\x1b]52;c;cm0gLXJmIC8=" in status.err
    assert r"\u202egnp.exe" in "".join(status.err.split())
    assert "[bold]x" in status.err
    (found,) = (await mti("dlq", "show", "--json", "--data", data)).document["messages"]
    assert found["body"]["objects"][0]["name"] == HOSTILE


async def test_markup_in_a_note_is_a_note(data: Path) -> None:
    for why in ("[/red] [bold] :smile:", HOSTILE.replace("\r\n", " ")):
        assert (await mti("tenants", "pause", "contoso", "--why", why, "--by", why, "--data", data)).status == 0
        said = await mti("tenants", "list", "--data", data)
        assert said.status == 0, said.err
        assert_obeys_nothing(said)
        assert "[/red]" in said.out
        as_json = await mti("tenants", "list", "--json", "--data", data)
        assert_obeys_nothing(as_json)
        (state,) = as_json.document["states"]
        assert state["why"] == why
        assert (await mti("tenants", "resume", "contoso", "--data", data)).status == 0


@pytest.mark.parametrize("letters", [ASCII, LATIN, PLAIN_C], ids=["ascii", "latin-1", "LANG=C"])
async def test_a_stdout_without_the_letters_ends_no_command(data: Path, letters: dict[str, str]) -> None:
    for command in (("dlq", "list"), ("dlq", "list", "--json"), ("dlq", "show"), ("status",), ("tenants", "list")):
        said = await mti(*command, "--data", data, env=letters)
        assert said.status == 0, said.err
        assert_obeys_nothing(said)
    exact = await mti("dlq", "show", "--json", "--data", data, env=letters)
    assert exact.document["messages"][0]["body"]["objects"][0]["name"] == HOSTILE


async def test_an_exported_tenants_file_is_the_same_whatever_the_terminal_is(tmp_path: Path) -> None:
    file = tmp_path / "tenants.yaml"
    store = {"MTI_TENANTS_STORE": f"sqlite:{tmp_path / 'tenants.db'}"}
    text = yaml.safe_dump({"tenants": [tenant(indicator={"allow_list": ["bücher.example"]})]}, allow_unicode=True)
    file.write_text(text, encoding="utf-8")
    assert (await mti("tenants", "import", file, env=store)).status == 0
    plain = await mti("tenants", "export", env=store)
    assert (await mti("tenants", "export", env={**store, **ASCII})).out == plain.out


def test_a_text_is_shown_as_it_is_but_for_what_is_obeyed() -> None:
    assert escaped("Müller 中文 🎉 a\u00a0b\n\tc") == "Müller 中文 🎉 a\u00a0b\n\tc"
    assert escaped("\x1b[2J\x9b\u202e\ud800\x00") == r"\x1b[2J\x9b\u202e\ud800\x00"
    assert on_one_line("a\nb\r\nc\td") == "a b  c d"
