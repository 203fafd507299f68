"""The playbook that has Mimecast remediate files: what Mimecast was asked, and what the incident was told."""

import json

import pytest
from aiohttp import web

from mti.simulators.mimecast import Endpoint, Mailed, MimecastFault, MimecastFaultKind, MimecastSettings
from tests.normalizer.world import sha256
from tests.playbooks.azure import LOGS, MANAGER, VAULT
from tests.playbooks.world import ACCOUNT, HARMLESS, KNOWN, MIMECAST_SECRET, WITHDRAWN, World, incident, row, world

NAME = "remediate-in-mailboxes"


def secrets_in(at: World, text: str) -> list[str]:
    tokens = [*at.azure.tokens, *at.mimecast._bearer._live]
    return [secret for secret in (MIMECAST_SECRET, "contoso-secret", *tokens) if secret in text]


async def test_a_file_of_the_incident_is_remediated_and_the_incident_told() -> None:
    async with world([row()]) as at:
        run = await at.run(NAME, incident(KNOWN.upper()))
        (asked,) = at.mimecast.remediations.incidents
        assert (asked.kind, asked.value, asked.reason, asked.account) == (
            "hash", KNOWN, "Microsoft Sentinel incident 42", "contoso",
        )  # fmt: skip
        assert (asked.asked_ms - asked.start_ms) // 86_400_000 == 30
        assert run.status == "Succeeded"
        assert at.azure.comment == (
            f"<b>Mimecast - Remediate a file in mailboxes</b><br>{KNOWN}: asked for as incident {asked.code} of "
            "Mimecast; 4 messages found, 4 remediated, 0 failed."
        )
        assert len(run.of("Look")) == 3, "until all that was found is remediated"


async def test_the_workspace_s_own_rows_say_which_files_are_meant() -> None:
    """The query is executed on tables that the pipeline filled: withdrawn and unknown files are left alone."""
    async with world() as at:
        run = await at.run(NAME, incident(KNOWN, WITHDRAWN, HARMLESS, sha256("other's")))
        assert [asked.value for asked in at.mimecast.remediations.incidents] == [KNOWN]
        assert f"{WITHDRAWN}: left alone, since the indicator was withdrawn." in at.azure.comment
        assert HARMLESS not in at.azure.comment
        assert run.status == "Succeeded"


async def test_nothing_secret_is_in_a_comment_or_in_the_history_of_the_run() -> None:
    async with world([row()]) as at:
        run = await at.run(NAME, incident(KNOWN))
        assert secrets_in(at, at.azure.comment) == []
        assert secrets_in(at, json.dumps(run.history, default=str)) == []
        assert run.of("Secret")[0]["outputs"] == run.of("Token")[0]["inputs"] == "hidden"


async def test_what_mimecast_refuses_is_told_and_fails_the_run() -> None:
    reader = ACCOUNT.model_copy(update={"remediation": ("read",)})
    async with world([row()], account=reader) as at:
        run = await at.run(NAME, incident(KNOWN))
        assert (run.status, run.error["code"]) == ("Failed", "NotDone")
        assert f"{KNOWN}: Mimecast refused (status 403): Services | Threat Remediation | Edit is missing" in (
            at.azure.comment
        )
        assert run.of("Look") == []


async def test_a_failure_under_status_200_is_one() -> None:
    async with world([row()]) as at:
        fault = MimecastFault(kind=MimecastFaultKind.FAIL, endpoint=Endpoint.REMEDIATE, message="<b>Not now</b>")
        at.mimecast.faults.add(fault)
        run = await at.run(NAME, incident(KNOWN))
        assert run.status == "Failed"
        assert "refused (status 200): &lt;b&gt;Not now&lt;/b&gt;" in at.azure.comment


@pytest.mark.parametrize("form", ["flat_fail", "flat_error"])
async def test_every_form_of_a_refusal_is_read(form: str) -> None:
    async with world([row()]) as at:
        fault = {"kind": "fail", "endpoint": Endpoint.REMEDIATE, "form": form, "message": "No, thank you."}
        at.mimecast.faults.add(MimecastFault.model_validate(fault))
        assert (await at.run(NAME, incident(KNOWN))).status == "Failed"
        assert "No, thank you." in at.azure.comment


@pytest.mark.parametrize("kind", [MimecastFaultKind.HTML, MimecastFaultKind.DROPPED])
async def test_an_answer_that_is_none_is_told_and_fails_the_run(kind: MimecastFaultKind) -> None:
    async with world([row()]) as at:
        at.mimecast.faults.add(MimecastFault(kind=kind, endpoint=Endpoint.REMEDIATE, status=404, times=None))
        assert (await at.run(NAME, incident(KNOWN))).status == "Failed"
        assert "it gave no reason" in at.azure.comment


async def test_a_busy_mimecast_is_asked_again() -> None:
    async with world([row()]) as at:
        at.mimecast.faults.add(MimecastFault(kind=MimecastFaultKind.RATE_LIMITED, endpoint=Endpoint.REMEDIATE, times=2))
        assert (await at.run(NAME, incident(KNOWN))).status == "Succeeded"
        assert len(at.mimecast.remediations.incidents) == 1


async def test_messages_that_could_not_be_remediated_fail_the_run() -> None:
    stuck = ACCOUNT.model_copy(update={"mail": {KNOWN: Mailed(messages=3, failing=2)}})
    async with world([row()], account=stuck) as at:
        run = await at.run(NAME, incident(KNOWN))
        assert run.status == "Failed"
        assert "3 messages found, 1 remediated, 2 failed." in at.azure.comment


async def test_several_files_wait_together_and_one_refusal_stops_none() -> None:
    second = sha256("long known")
    both = ACCOUNT.model_copy(update={"mail": {KNOWN: Mailed(messages=1), second: Mailed(messages=2)}})
    async with world([row("not-a-hash"), row(), row(second, "Expired")], account=both) as at:
        began = at.clock()
        run = await at.run(NAME, incident(KNOWN, second))
        assert [asked.value for asked in at.mimecast.remediations.incidents] == [KNOWN, second]
        assert (at.clock() - began).total_seconds() <= 240
        assert run.status == "Failed"
        assert "not-a-hash: Mimecast refused (status 400)" in at.azure.comment
        assert f"{second}: asked for as incident" in at.azure.comment


async def test_a_remediation_that_takes_long_is_reported_as_it_stands() -> None:
    async with world([row()], settings=MimecastSettings(remediation_seconds=7200)) as at:
        run = await at.run(NAME, incident(KNOWN))
        assert run.status == "Succeeded"
        assert "4 messages found, 0 remediated, 0 failed by the end of the wait" in at.azure.comment
        assert len(run.of("Look")) == 10


async def test_a_file_in_no_mailbox_is_reported_as_such() -> None:
    async with world([row(sha256("long known"))]) as at:
        assert (await at.run(NAME, incident(sha256("long known")))).status == "Succeeded"
        assert "0 messages found" in at.azure.comment


async def test_an_outcome_that_can_t_be_looked_up_is_said() -> None:
    async with world([row()]) as at:
        fault = MimecastFault(kind=MimecastFaultKind.STATUS, endpoint=Endpoint.REMEDIATION, status=404, times=None)
        at.mimecast.faults.add(fault)
        assert (await at.run(NAME, incident(KNOWN))).status == "Succeeded"
        assert "what became of it could not be looked up" in at.azure.comment


@pytest.mark.parametrize(
    ("taken_away", "told"),
    [
        ("vault", "Has the playbook's identity Key Vault Secrets User on it?"),
        ("secret", "Mimecast gave no token for the application"),
        ("workspace", "Has the playbook's identity Microsoft Sentinel Responder on the workspace?"),
    ],
)
async def test_a_missing_right_is_told_with_its_cure(taken_away: str, told: str) -> None:
    secrets = {"mimecast-client-secret": "another"} if taken_away == "secret" else None
    async with world([row()], secrets=secrets) as at:
        at.azure.granted.resources -= {{"vault": VAULT, "workspace": LOGS}.get(taken_away, "")}
        run = await at.run(NAME, incident(KNOWN))
        assert run.status == "Failed"
        assert told in at.azure.comment
        assert "broke off" not in at.azure.comment
        assert at.mimecast.remediations.incidents == []


async def test_who_may_not_comment_fails_visibly() -> None:
    async with world([row()]) as at:
        at.azure.granted.resources -= {MANAGER}
        assert (await at.run(NAME, incident(KNOWN))).status == "Failed"


@pytest.mark.parametrize("hashes", [[], [HARMLESS]])
async def test_where_there_is_nothing_to_do_nobody_is_asked(hashes: list[str]) -> None:
    async with world([]) as at:
        run = await at.run(NAME, incident(*hashes))
        assert run.status == "Succeeded"
        assert "nothing was done" in at.azure.comment
        assert (run.of("Secret"), at.mimecast.journal.statuses) == ([], {})


async def test_an_odd_answer_of_the_workspace_fails_the_run() -> None:
    async with world([row()]) as at:
        at.azure.broken["v1"] = [web.json_response({"tables": []}) for _ in range(9)]
        run = await at.run(NAME, incident(KNOWN))
        assert run.status == "Failed"
        assert "could not be asked" in at.azure.comment
