"""Pages from templates. Whatever a template is handed is escaped; what is missing is an error and no empty place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mti.console.formats import FILTERS
from mti.console.outcomes import Outcome, Outcomes
from mti.console.snapshots import Snapshots

_HERE: Final = Path(__file__).parent


def environment() -> Environment:
    """Return what renders: the templates of the console, then those of its preview."""
    loader = ChoiceLoader([FileSystemLoader(_HERE / "templates"), FileSystemLoader(_HERE / "preview" / "templates")])
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(FILTERS)
    return made


def render_page(
    request: Request,
    template: str,
    section: str,
    context: Mapping[str, object] | None = None,
    *,
    status: int = 200,
) -> HTMLResponse:
    """Return a page.

    Args:
        request: that it answers.
        template: its name; it extends `base.html`.
        section: which entry of the navigation it belongs to, by `Section.name`.
        context: what the template is handed, beside what every page has: `section`, `sections`, `badges`, `workplace`,
            `options`, `form_token`, `outcome`.
        status: of HTTP.
    """
    state = request.app.state
    outcomes: Outcomes = state.outcomes
    given = {
        "section": section,
        "sections": state.sections,
        "badges": _badges(state.snapshots),
        "workplace": state.workplace.name,
        "options": state.workplace.options,
        "form_token": state.access.form_token,
        "outcome": outcomes.get(request.query_params.get("done")),
        **(context or {}),
    }
    return HTMLResponse(state.templates.get_template(template).render(given), status)


def done(request: Request, address: str, outcome: Outcome) -> Response:
    """Lead on after a piece of work: what it came to is told there, and the next look is taken anew.

    Args:
        request: the form.
        address: a path of the console, with or without a query.
        outcome: what it came to.
    """
    state = request.app.state
    state.snapshots.forget()
    name = state.outcomes.keep(outcome)
    return RedirectResponse(f"{address}{'&' if '?' in address else '?'}done={name}", 303)


def _badges(snapshots: Snapshots) -> dict[str, int]:
    """Return what the navigation counts, as far as it was seen."""
    snapshot = snapshots.latest
    if snapshot is None:
        return {}
    status = snapshot.status
    dead = sum(each.dead_letters for each in status.sources) + sum(each.dead_letters for each in status.destinations)
    return {"pauses": len(snapshot.held), "dead-letters": dead}
