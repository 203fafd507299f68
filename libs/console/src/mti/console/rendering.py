"""Pages from templates. Whatever a template is handed is escaped; what is missing is an error and no empty place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

_HERE: Final = Path(__file__).parent


def environment() -> Environment:
    """Return what renders: the templates of the console, then those of its preview."""
    loader = ChoiceLoader([FileSystemLoader(_HERE / "templates"), FileSystemLoader(_HERE / "preview" / "templates")])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


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
        context: what the template is handed, beside what every page has: `section`, `sections`, `workplace`,
            `form_token`.
        status: of HTTP.
    """
    state = request.app.state
    given = {
        "section": section,
        "sections": state.sections,
        "workplace": state.workplace.name,
        "form_token": state.access.form_token,
        **(context or {}),
    }
    return HTMLResponse(state.templates.get_template(template).render(given), status)
