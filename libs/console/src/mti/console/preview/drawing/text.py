"""The workbook's texts: Markdown without HTML, without pictures, and with links to the web alone."""

from typing import Final

from markdown_it import MarkdownIt
from markupsafe import Markup

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_block", "html_inline"])


def rendered(markdown: str, *, raised: bool = False) -> Markup:
    """Return a text as HTML.

    Args:
        markdown: the text.
        raised: whether it is the head of a page: the portal's `##` is the heading of the whole page then.
    """
    tokens = _MARKDOWN.parse(markdown)
    for token in tokens:
        if raised and token.tag == "h2":
            token.tag = "h1"
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Markup(html)  # noqa: S704  it lets no HTML through, nor links but to the web
