"""The endpoints of model providers, by the paths of their URLs."""

from __future__ import annotations


def may_call_model(method: str, path: str) -> bool:
    """Return whether a request may be a model call, by its method and path alone.

    A cheap filter for every HTTP request of a process. False is final; after True `read_request`
    decides. *path* is as the client sends it; a query string may follow.
    """
    if method != "POST":
        return False
    end = path[path.rfind("/") :]
    return end in _LAST_PARTS or ":" in end or "%3A" in end


_LAST_PARTS = frozenset(
    {
        "/chat",
        "/completions",
        "/converse",
        "/converse-stream",
        "/embeddings",
        "/generate",
        "/invoke",
        "/invoke-with-response-stream",
        "/messages",
        "/rerank",
        "/responses",
    }
)
