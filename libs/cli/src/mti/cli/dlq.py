"""`mti dlq`: look at dead letters, replay, mend and purge them."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from mti.cli import dead_letter_tables as tables
from mti.cli.console import ask, errors, output, say, write_json
from mti.cli.exit import FAILED
from mti.cli.filters import with_filters
from mti.cli.options import AsJson, Data, DryRun, Yes
from mti.common.errors import ConfigurationError
from mti.deployment import open_deployment
from mti.deployment.dead_letters import DeadLetters
from mti.operations.dead_letters import (
    REPLAY_LIMIT,
    Books,
    FileReplay,
    Plan,
    PurgeResult,
    Replayer,
    ReplayOptions,
    ReplayResult,
    Selection,
    append_archive,
    body_to_edit,
    find,
    one_letter,
    plan,
    purge,
    read_body,
    send_mended,
    survey,
    view,
    write_archive,
    write_body,
)
from mti.operations.to_json import to_json

app = typer.Typer(
    help="Look at dead letters, replay, mend and purge them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)

All = Annotated[bool, typer.Option("--all", help="Every dead letter, where no filter is given.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many.")]
WithoutBooks = Annotated[
    bool,
    typer.Option(
        "--without-books", help="Do it though the services' books are not told, so that the reconciliation misses it."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Also what was replayed as often as it may be.")]


@app.command("list")
@with_filters
def list_(chosen: Selection, data: Data = None, as_json: AsJson = False) -> None:
    """Count dead letters by entity and reason."""

    async def work() -> None:
        async with _dead_letters(data) as dead:
            groups = await survey(dead.queues, chosen, dead.clock)
        if as_json:
            rows: list[JsonValue] = [to_json(group) for group in groups]
            write_json({"dead_letters": rows, "total": sum(group.count for group in groups)})
        else:
            tables.print_groups(groups, dead.clock.now(), output())

    asyncio.run(work())


@app.command()
@with_filters
def show(
    chosen: Selection,
    which: Annotated[
        list[str] | None, typer.Argument(help="Sequence numbers or CloudEvents ids.", show_default=False)
    ] = None,
    data: Data = None,
    first: Annotated[int, typer.Option(min=1, help="How many of those that match.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Show dead letters whole: why they are there, their properties and their bodies."""

    async def work() -> None:
        async with _dead_letters(data) as dead:
            messages: list[JsonValue] = []
            meant = replace(chosen, identities=chosen.identities | set(which)) if which else chosen
            # Two entities may have the same number.
            most = max(first, len(dead.queues) * len(which or []))
            async for letter in find(dead.queues, meant, dead.clock, limit=most):
                if as_json:
                    messages.append(view(letter))
                else:
                    tables.print_message(view(letter), output(least=80))
                    messages.append(None)
        if as_json:
            write_json({"messages": messages})
        if not messages:
            raise ConfigurationError("no dead letter matches; see `mti dlq list`")

    asyncio.run(work())


@app.command()
@with_filters
def replay(
    chosen: Selection,
    data: Data = None,
    everything: All = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    limit: Limit = None,
    rate: Annotated[float | None, typer.Option(min=0.01, help="Messages a second, at the most.")] = None,
    force: Force = False,
    max_replays: Annotated[
        int, typer.Option(envvar="MTI_MAX_REPLAYS", min=1, help="Replays of one message, unless forced.")
    ] = REPLAY_LIMIT,
    out: Annotated[Path | None, typer.Option(help="Write them to this new file, and replay nothing.")] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="Replay what such a file holds.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to the queue or subscription that they came from, and to no other."""
    if out is not None and from_ is not None:
        raise ConfigurationError("--out and --from exclude each other: write the file first, then replay from it")
    if from_ is None:
        _require_choice(chosen, everything=everything)
    options = ReplayOptions(replay_limit=max_replays, force=force, rate=rate, dry_run=dry_run)

    async def work() -> None:
        async with _dead_letters(data) as dead:
            if out is not None:
                _report_file(out, await write_archive(out, find(dead.queues, chosen, dead.clock, limit=limit)), as_json)
                return
            if from_ is not None:
                result = await _replay_file(dead, from_, chosen, options, limit, yes=yes)
            else:
                planned = await plan(dead.queues, chosen, dead.clock, limit=limit)
                result = await _replay(dead, planned, options, yes=yes)
        if as_json:
            write_json(result.document())
        else:
            tables.print_replay(result, errors())
        if not result.complete:
            raise typer.Exit(FAILED)

    asyncio.run(work())


@app.command("purge")
@with_filters
def purge_(
    chosen: Selection,
    data: Data = None,
    everything: All = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    limit: Limit = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Keep what is removed in this file, which must be named without --data."),
    ] = None,
    without_books: WithoutBooks = False,
    as_json: AsJson = False,
) -> None:
    """Remove dead letters for good, and enter them in the services' books as purged."""
    _require_choice(chosen, everything=everything)

    async def work() -> None:
        async with _dead_letters(data) as dead:
            kept = out or dead.purged
            if kept is None and not dry_run:
                raise ConfigurationError(
                    "say where the dead letters are kept that are removed: --out FILE, which only you may read and"
                    " `mti dlq replay --from` brings back; nothing was removed"
                )
            planned = await plan(dead.queues, chosen, dead.clock, limit=limit)
            books = dead.books_for(planned.sequences, without=without_books or dry_run)
            result = await _purge(dead, planned, kept, books, yes=yes, dry_run=dry_run)
        if as_json:
            write_json({**result.document(), "kept_in": None if kept is None else str(kept)})
        else:
            tables.print_purge(result, None if kept is None else str(kept), errors())
        if not result.complete:
            raise typer.Exit(FAILED)

    asyncio.run(work())


@app.command()
def edit(
    sequence: Annotated[int, typer.Argument(help="The sequence number, as `show` says it.")],
    data: Data = None,
    entity: Annotated[
        str | None, typer.Option(help="The queue, topic or subscription, if two have the number.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the body to this new file.")] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="Send the mended body of this file.")] = None,
    yes: Yes = False,
    without_books: WithoutBooks = False,
    as_json: AsJson = False,
) -> None:
    """Mend a dead letter: write its body to a file with --out, mend it there, send it with --from."""
    if (out is None) == (from_ is None):
        raise ConfigurationError("write the body with --out FILE, mend it there, then send it with --from FILE")

    async def work() -> None:
        async with _dead_letters(data) as dead:
            chosen = Selection(entity=entity)
            queue, letter = await one_letter([each for each in dead.queues if chosen.covers(each.entity)], sequence)
            if out is not None:
                write_body(out, body_to_edit(letter))
                _report_file(out, 1, as_json)
                return
            assert from_ is not None  # noqa: S101  one of the two is given
            body = read_body(from_)
            books = dead.books_for([queue.entity.path], without=without_books)
            if not yes and not ask(f"Send the mended body in the place of {letter.reason} {sequence}?"):
                return
            edited = await send_mended(queue, letter, body, books=books)
        if as_json:
            write_json(asdict(edited))
        else:
            say(f"Sent as {edited.id}, in the place of {edited.replaces or sequence}.")
        if not edited.removed:
            say("The dead letter is still there, locked by somebody else: purge it in five minutes.")
            raise typer.Exit(FAILED)

    asyncio.run(work())


@asynccontextmanager
async def _dead_letters(data: Path | None) -> AsyncIterator[DeadLetters]:
    async with open_deployment(data) as deployment:
        yield await deployment.dead_letters()


async def _replay(dead: DeadLetters, planned: Plan, options: ReplayOptions, *, yes: bool) -> ReplayResult:
    if planned.count and not (yes or options.dry_run):
        tables.print_groups(planned.groups, dead.clock.now(), errors())
        if not ask(f"Replay {planned.count:,} dead letters?"):
            return ReplayResult()
    with tables.Counter(planned.count, errors()) as counter:
        return await Replayer(dead.queues, dead.judge, dead.clock, options, counter.update).replay(planned)


async def _replay_file(
    dead: DeadLetters, file: Path, chosen: Selection, options: ReplayOptions, limit: int | None, *, yes: bool
) -> ReplayResult:
    work = FileReplay(file, dead.entities, chosen, dead.clock, random.SystemRandom(), limit=limit)
    meant, already = await work.count()
    if meant > already and not (yes or options.dry_run) and not ask(f"Replay {meant - already:,} of {file}?"):
        return ReplayResult()
    with tables.Counter(meant - already, errors()) as counter:
        replayer = Replayer(dead.queues, dead.judge, dead.clock, options, counter.update)
        return await work.run(replayer, dry_run=options.dry_run)


async def _purge(
    dead: DeadLetters, planned: Plan, kept: Path | None, books: Books | None, *, yes: bool, dry_run: bool
) -> PurgeResult:
    if dry_run:
        return PurgeResult(matched=planned.count, purged=planned.count, dry_run=True)
    if planned.count and not yes:
        tables.print_groups(planned.groups, dead.clock.now(), errors())
        if not ask(f"Remove {planned.count:,} dead letters for good?"):
            return PurgeResult()
    assert kept is not None  # noqa: S101  asked for above
    keep = partial(append_archive, kept)
    with tables.Counter(planned.count, errors()) as counter:
        return await purge(dead.queues, planned, keep, counter.update, books=books)


def _require_choice(chosen: Selection, *, everything: bool) -> None:
    if chosen.everything and not everything:
        raise ConfigurationError(
            "say which dead letters: by --entity, --reason, --source and the like, or --all for every one"
        )


def _report_file(path: Path, count: int, as_json: bool) -> None:
    if as_json:
        write_json({"file": str(path), "written": count})
    else:
        say(f"{count:,} written to {path}.")
