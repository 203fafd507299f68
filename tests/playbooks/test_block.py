"""The playbook that blocks files in Defender for Endpoint: what it was given, and what the incident was told."""

import json

from aiohttp import web

from tests.normalizer.world import md5, sha256
from tests.playbooks.azure import DEFENDER
from tests.playbooks.world import HARMLESS, KNOWN, UNTIL, WITHDRAWN, incident, row, world

NAME = "block-in-defender"


async def test_a_file_of_the_incident_is_blocked_until_its_indicator_expires() -> None:
    async with world([row()]) as at:
        run = await at.run(NAME, incident(KNOWN.upper()))
        assert at.azure.indicators == {
            ("FileSha256", KNOWN): {
                "indicatorValue": KNOWN,
                "indicatorType": "FileSha256",
                "action": "BlockAndRemediate",
                "title": "Malicious file that Mimecast found in mail",
                "description": "By Microsoft Sentinel incident 42: an indicator of Mimecast's threat intelligence.",
                "severity": "High",
                "recommendedActions": (
                    "Look at the incident in Microsoft Sentinel; delete this indicator if the file turns out to be "
                    "harmless."
                ),
                "expirationTime": UNTIL,
                "generateAlert": True,
            }
        }
        assert run.status == "Succeeded"
        assert at.azure.comment == (
            "<b>Mimecast - Block a file in Defender for Endpoint</b><br>"
            f"{KNOWN}: Defender for Endpoint has it as BlockAndRemediate until {UNTIL}."
        )


async def test_the_workspace_s_own_rows_say_what_is_blocked_and_until_when() -> None:
    """The query is executed on tables that the pipeline filled; a hash that no indicator names is never blocked."""
    both = sha256("both hashes")
    async with world() as at:
        hashes = [KNOWN, both, md5("both hashes"), WITHDRAWN, HARMLESS, sha256("other's"), sha256("expired")]
        run = await at.run(NAME, incident(*hashes))
        assert set(at.azure.indicators) == {
            ("FileSha256", KNOWN), ("FileSha256", both), ("FileMd5", md5("both hashes")),
        }  # fmt: skip
        assert at.azure.indicators["FileSha256", KNOWN]["expirationTime"] > at.clock().isoformat()
        assert f"{WITHDRAWN}: left alone, since the indicator is not active (withdrawn)." in at.azure.comment
        assert HARMLESS not in at.azure.comment
        assert run.status == "Succeeded"


async def test_a_hash_is_a_text_to_the_query_whatever_it_holds() -> None:
    async with world([]) as at:
        await at.run(NAME, incident('"]) | union SecurityIncident //', "x' or true"))
        (query,) = at.asked
        hashes = query.partition("dynamic(")[2].partition(");\n")[0]
        assert json.loads(hashes) == ['"]) | union securityincident //', "x' or true"]


async def test_what_is_too_much_for_a_run_is_told_and_not_passed_over_in_silence() -> None:
    hashes = [sha256(str(number)) for number in range(51)]
    async with world([row(value) for value in hashes[:50]]) as at:
        run = await at.run(NAME, incident(*hashes, *hashes))
        (query,) = at.asked
        assert [value in query for value in hashes] == [True] * 50 + [False]
        assert run.status == "Succeeded"
        assert "The incident names 51 hashes; the first 50 were looked at, and the others were not." in at.azure.comment
        assert len(at.azure.indicators) == 50


async def test_a_file_is_one_indicator_however_often_it_is_blocked() -> None:
    async with world([row()]) as at:
        for _ in range(2):
            await at.run(NAME, incident(KNOWN, KNOWN))
        assert len(at.azure.indicators) == 1
        assert len(at.asked) == len(at.azure.comments) == 2


async def test_severity_follows_confidence_and_type_the_hash() -> None:
    sha1 = "1" * 40
    async with world([row(confidence=60), row(sha1, kind="SHA1", confidence=20)]) as at:
        await at.run(NAME, incident(KNOWN, sha1), Action="Audit")
        found = {key[0]: (each["severity"], each["action"]) for key, each in at.azure.indicators.items()}
        assert found == {"FileSha256": ("Medium", "Audit"), "FileSha1": ("Low", "Audit")}


async def test_what_defender_refuses_is_told_and_fails_the_run() -> None:
    async with world([row("not-a-hash"), row()]) as at:
        run = await at.run(NAME, incident(KNOWN))
        assert (run.status, run.error["code"]) == ("Failed", "NotDone")
        assert "not-a-hash: Defender for Endpoint refused (status 400)" in at.azure.comment
        assert "the value is none of its type" in at.azure.comment
        assert set(at.azure.indicators) == {("FileSha256", KNOWN)}, "the other one is blocked all the same"


async def test_a_missing_permission_is_told() -> None:
    async with world([row()]) as at:
        at.azure.granted.resources -= {DEFENDER}
        assert (await at.run(NAME, incident(KNOWN))).status == "Failed"
        assert "refused (status 403)" in at.azure.comment


async def test_who_is_asked_too_often_is_waited_for() -> None:
    async with world([row()]) as at:
        at.azure.broken["api"] = [web.Response(status=429) for _ in range(3)]
        assert (await at.run(NAME, incident(KNOWN))).status == "Succeeded"
        assert len(at.azure.indicators) == 1


async def test_an_answer_that_breaks_the_playbook_off_is_told_and_fails_the_run() -> None:
    async with world([row()]) as at:
        at.azure.broken["api"] = [web.Response(text='{"cut', content_type="application/json")]
        run = await at.run(NAME, incident(KNOWN))
        assert run.status == "Failed"
        assert "broke off before it was done" in at.azure.comment


async def test_no_token_is_in_a_comment_or_in_the_history_of_the_run() -> None:
    async with world([row()]) as at:
        run = await at.run(NAME, incident(KNOWN))
        text = at.azure.comment + json.dumps(run.history, default=str)
        assert [token for token in at.azure.tokens if token in text] == []
