"""The way in for whoever has the printed link."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mti.console.guard import ENTRY, cookie_name
from mti.console.rendering import render_page


async def enter(request: Request) -> Response:
    """Take the token of the link, and give a cookie for it.

    The page leads on by itself, and no redirect does: who follows the link from another site's page would be sent on as
    from there, and without the cookie.
    """
    session = request.app.state.access.session_of(request.query_params.get("token", ""))
    if session is None:
        return PlainTextResponse("That is not the link of this run: open the one that `mti console` printed.\n", 401)
    page = render_page(request, "entry.html", "")
    name = cookie_name(request.headers["host"])
    page.set_cookie(name, session, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return page


ROUTES = (Route(ENTRY, enter, methods=["GET"]),)
