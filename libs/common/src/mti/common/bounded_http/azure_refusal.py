"""The refusal of an answer, apart from the transport: who handles it need not load a client of HTTP."""

from azure.core.exceptions import AzureError


class AnswerRefused(AzureError):
    """A body that is not taken, as an error that callers of the Azure libraries expect."""
