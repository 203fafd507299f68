"""The workbook's texts: Markdown without HTML, without pictures, and with links to the web alone."""

from typing import Final

from markdown_it import MarkdownIt
from markupsafe import Markup

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_block", "html_inline"])


def rendered(markdown: str) -> Markup:
    """Return a text as HTML."""
    return Markup(_MARKDOWN.render(markdown))  # noqa: S704  it lets no HTML through, nor links but to the web
