"""The text of a document, which every store keeps: what its maker has, or what is made of its body."""

from mti.common.adapters.store_documents import body_to_text
from mti.common.ports.store import Document


def text_of(document: Document) -> str:
    """Return the body of a document as compact JSON.

    Raises:
        ValueError: it holds a number that JSON has no words for (NaN, infinity).
    """
    return body_to_text(document.body) if document.text is None else document.text.decode()
