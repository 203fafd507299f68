"""Dead letters: the list with its filters, one of them whole, and what was replayed or mended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mti.common.errors import ConfigurationError
from mti.common.registry import Registry
from mti.console.forms import read_form
from mti.console.letter_filters import given_in, mark_of, selection_of
from mti.console.letter_text import body_for, fields_of
from mti.console.outcomes import Outcome
from mti.console.rendering import done, render_page
from mti.deployment import Deployment
from mti.operations.bus import DeadLetter
from mti.operations.dead_letters import (
    Mark,
    Replayer,
    ReplayOptions,
    Selection,
    body_to_edit,
    one_letter,
    peek,
    plan,
    send_mended,
    view,
)
from mti.operations.wording import not_replayed, replayed

MENDED_BYTES = 4 << 20
"""A form with the mended body of a message: at most 1 MiB of it, of which each letter may be written as three."""


@dataclass(frozen=True, slots=True)
class Row:
    """A dead letter in the list."""

    letter: DeadLetter
    age_seconds: float
    address: str


def address_of(letter: DeadLetter) -> str:
    """Return where a dead letter is shown."""
    return f"/dead-letters/{letter.sequence}?{urlencode({'entity': letter.entity})}"


async def dead_letters(request: Request) -> Response:
    """Show the first that match, from a mark on."""
    given, query = given_in(request.query_params), request.query_params
    after = mark_of(query.get("after", ""))
    async with request.app.state.workplace.open() as deployment:
        bus, topology, clock = await deployment.view(), deployment.topology, deployment.clock
        selection = selection_of(given, await _registry(deployment, given))
        peeked = await peek(bus, topology.entities, selection, clock, after=after)
        now = clock.now()
    rows = [_row(letter, now) for letter in peeked.letters]
    last = peeked.letters[-1] if peeked.letters and peeked.more else None
    following = {**given, "after": f"{last.entity}:{last.sequence}"} if last else None
    context = {
        "rows": rows,
        "peeked": peeked,
        "given": given,
        "entities": [entity.path for entity in topology.entities],
        "next": f"/dead-letters?{urlencode(following)}" if following else None,
        "first": f"/dead-letters?{urlencode(given)}" if after else None,
        "everything": selection.everything,
    }
    return render_page(request, "dead_letters.html", "dead-letters", context)


async def dead_letter(request: Request) -> Response:
    """Show one whole."""
    letter, now = await _one(request)
    body, cut = body_for(view(letter)["body"])
    fields = fields_of(view(letter, body=False))
    context = {"row": _row(letter, now), "letter": letter, "fields": fields, "body": body, "cut": cut}
    return render_page(request, "dead_letter.html", "dead-letters", context)


async def _one(request: Request) -> tuple[DeadLetter, datetime]:
    """Return the dead letter that an address names, and the time.

    Raises:
        HTTPException: there is none.
    """
    chosen = Selection(
        entity=request.query_params.get("entity"), identities=frozenset({str(request.path_params["sequence"])})
    )
    async with request.app.state.workplace.open() as deployment:
        bus, topology, clock = await deployment.view(), deployment.topology, deployment.clock
        entities = [each for each in topology.entities if chosen.covers(each)]
        after = Mark(entities[0].path, request.path_params["sequence"] - 1) if len(entities) == 1 else None
        peeked = await peek(bus, entities, chosen, clock, after=after, count=1)
    if not peeked.letters:
        raise HTTPException(404, "That dead letter is not there any more: it was replayed, mended or purged.")
    return peeked.letters[0], clock.now()


async def replay(request: Request) -> Response:
    """Count what is meant, and replay it when that was confirmed."""
    form = await read_form(request)
    given, sequence = given_in(form), form.get("sequence", "")
    async with request.app.state.workplace.open() as deployment:
        selection = selection_of(given, await _registry(deployment, given))
        if sequence:
            selection = Selection(entity=selection.entity, identities=frozenset({sequence}))
        dead = await deployment.dead_letters([each for each in deployment.topology.entities if selection.covers(each)])
        planned = await plan(dead.queues, selection, dead.clock)
        if not sequence and form.get("confirmed") != "yes":
            context = {"planned": planned, "given": given}
            return render_page(request, "replay.html", "dead-letters", context)
        options = ReplayOptions(force=form.get("force") == "yes")
        result = await Replayer(dead.queues, dead.judge, dead.clock, options).replay(planned)
    lines = (replayed(result), *not_replayed(result))
    return done(request, "/dead-letters", Outcome(lines, "good" if result.complete else "bad"))


async def mend(request: Request) -> Response:
    """Show a dead letter's body to be mended."""
    letter, now = await _one(request)
    sequence = letter.sequence
    try:
        text = body_to_edit(letter).decode()
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"the body of {sequence} is no text, and can't be mended on a page; `mti dlq edit {sequence}"
            f"{request.app.state.workplace.options} --out FILE` writes it to a file"
        ) from None
    return render_page(request, "mend.html", "dead-letters", {"row": _row(letter, now), "letter": letter, "text": text})


async def send(request: Request) -> Response:
    """Send a mended body in the place of a dead letter."""
    form, sequence = await read_form(request, limit=MENDED_BYTES), request.path_params["sequence"]
    async with request.app.state.workplace.open() as deployment:
        chosen = Selection(entity=form.get("entity") or None)
        dead = await deployment.dead_letters([each for each in deployment.topology.entities if chosen.covers(each)])
        queue, letter = await one_letter(dead.queues, sequence)
        books = dead.books_for([queue.entity.path])
        edited = await send_mended(queue, letter, form.get("body", "").encode(), books=books)
    lines = [f"Sent as {edited.id}, in the place of {edited.replaces or sequence}."]
    if not edited.removed:
        lines.append("The dead letter is still there, locked by somebody else: purge it in five minutes.")
    return done(request, "/dead-letters", Outcome(tuple(lines), "good" if edited.removed else "warn"))


async def _registry(deployment: Deployment, given: Mapping[str, str]) -> Registry | None:
    """Return the tenants where a tenant is asked for and they are known."""
    if "tenant" not in given:
        return None
    try:
        return await deployment.registry()
    except ConfigurationError:
        return None


def _row(letter: DeadLetter, now: datetime) -> Row:
    return Row(letter, letter.age(now).total_seconds(), address_of(letter))


ROUTES = (
    Route("/dead-letters", dead_letters),
    Route("/dead-letters/replay", replay, methods=["POST"]),
    Route("/dead-letters/{sequence:int}", dead_letter),
    Route("/dead-letters/{sequence:int}/mend", mend, methods=["GET"]),
    Route("/dead-letters/{sequence:int}/mend", send, methods=["POST"]),
)
