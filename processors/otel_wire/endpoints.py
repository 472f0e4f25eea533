"""The endpoints of model providers, by the paths of their URLs.

Hosts are not considered: base URLs are configured, proxied and tested on loopback. Paths are
compared as servers read them: percent-decoded, without repeated or trailing slashes, parameters and
case.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from otel_wire import operations as op


class Endpoint(NamedTuple):
    """The operation behind a path."""

    provider: str
    """The provider that the path is named after; the host may name another."""
    operation: str
    certain: bool = True
    """Whether the path alone identifies a model call; otherwise the body has to look like one."""
    model: str = ""
    """The model in the path; empty if it is in the body."""
    streams: bool = False
    """Whether the path requests a stream."""
    opaque: bool = False
    """Whether the provider adds input that is not in the request."""


def _table(provider: str, operation: str, *paths: str, certain: bool = True, opaque: bool = False
           ) -> dict[str, Endpoint]:  # fmt: skip
    return {path: Endpoint(provider, operation, certain, opaque=opaque) for path in paths}


ENDPOINTS: dict[str, Endpoint] = {
    **_table("openai", op.CHAT, "/chat/completions", "/v1/responses", "/openai/responses",
             "/v1/responses/compact"),
    **_table("openai", op.CHAT, "/responses", certain=False),
    **_table("openai", op.TEXT_COMPLETION, "/v1/completions"),
    **_table("openai", op.TEXT_COMPLETION, "/completions", certain=False),
    **_table("openai", op.EMBEDDINGS, "/v1/embeddings"),
    **_table("openai", op.EMBEDDINGS, "/embeddings", certain=False),
    **_table("openai", op.IMAGE, "/images/generations", "/images/edits", "/images/variations"),
    **_table("openai", op.SPEECH, "/audio/speech"),
    **_table("openai", op.TRANSCRIPTION, "/audio/transcriptions", "/audio/translations"),
    **_table("openai", op.VIDEO, "/v1/videos", "/videos/generations", "/video/generations",
             "/video/generations/jobs"),
    **_table("openai", op.MODERATION, "/v1/moderations", "/moderations", certain=False),
    **_table("openai", op.REALTIME, "/v1/realtime", "/openai/realtime", "/realtime/calls"),
    **_table("openai", op.BATCH, "/v1/batches", "/openai/batches", opaque=True),
    **_table("openai", op.CHAT, "/threads/runs", opaque=True),
    **_table("anthropic", op.CHAT, "/v1/messages"),
    **_table("anthropic", op.CHAT, "/messages", certain=False),
    **_table("anthropic", op.TEXT_COMPLETION, "/v1/complete"),
    **_table("anthropic", op.BATCH, "/v1/messages/batches"),
    **_table("mistral_ai", op.TEXT_COMPLETION, "/fim/completions"),
    **_table("mistral_ai", op.CHAT, "/agents/completions", opaque=True),
    **_table("mistral_ai", op.CHAT, "/v1/conversations", certain=False, opaque=True),
    **_table("mistral_ai", op.TRANSCRIPTION, "/v1/ocr"),
    **_table("cohere", op.CHAT, "/v2/chat", "/v1/chat", certain=False),
    **_table("cohere", op.TEXT_COMPLETION, "/v1/generate", certain=False),
    **_table("cohere", op.EMBEDDINGS, "/v2/embed", "/v1/embed"),
    **_table("cohere", op.RERANK, "/v2/rerank", "/v1/rerank"),
    **_table("cohere", op.RERANK, "/rerank", certain=False),
    **_table("voyageai", op.EMBEDDINGS, "/v1/multimodalembeddings", "/v1/contextualizedembeddings"),
    **_table("ollama", op.CHAT, "/api/chat", certain=False),
    **_table("ollama", op.TEXT_COMPLETION, "/api/generate", certain=False),
    **_table("ollama", op.EMBEDDINGS, "/api/embed", "/api/embeddings", certain=False),
    **_table("huggingface", op.TEXT_COMPLETION, "/generate", "/generate_stream", certain=False),
    **_table("gcp.gemini", op.GENERATE_CONTENT, "/v1beta/interactions", certain=False),
    **_table("ibm.watsonx.ai", op.CHAT, "/ml/v1/text/chat", "/ml/v1/text/chat_stream"),
    **_table("ibm.watsonx.ai", op.TEXT_COMPLETION, "/ml/v1/text/generation",
             "/ml/v1/text/generation_stream"),
    **_table("ibm.watsonx.ai", op.EMBEDDINGS, "/ml/v1/text/embeddings"),
    # Of a deployment with its id in the path.
    **_table("ibm.watsonx.ai", op.CHAT, "/text/chat", "/text/chat_stream", certain=False),
    **_table("ibm.watsonx.ai", op.TEXT_COMPLETION, "/text/generation", "/text/generation_stream",
             certain=False),
    **_table("aws.bedrock", op.VIDEO, "/async-invoke"),
    **_table("aws.bedrock", op.BATCH, "/model-invocation-job", opaque=True),
    **_table("aws.bedrock", op.CHAT, "/retrieveandgenerate", "/retrieveandgeneratestream",
             opaque=True),
}  # fmt: skip
"""End of a path, in lower case -> its endpoint."""
_MOST_SEGMENTS = 5

_BEDROCK = re.compile(
    r"/model/(?P<model>.+)/(?P<verb>converse|converse-stream|invoke|invoke-with-response-stream"
    r"|invoke-with-bidirectional-stream)\Z",
    re.IGNORECASE,
)
_BEDROCK_AGENT = re.compile(
    r"/agents/[^/]+/agentaliases/[^/]+/sessions/[^/]+/text\Z", re.IGNORECASE
)
_RUN = re.compile(r"/threads/[^/]+/runs(?:/[^/]+/submit_tool_outputs)?\Z", re.IGNORECASE)
_REMIX = re.compile(r"/videos/[^/]+/remix\Z", re.IGNORECASE)
_DEPLOYMENT = re.compile(r"/(?:deployments|engines)/(?P<model>[^/]+)/", re.IGNORECASE)
_GOOGLE = re.compile(
    r"/(?:models|tunedmodels|endpoints)/(?P<model>[^/]+):(?P<verb>[a-z]+)\Z", re.IGNORECASE
)
_WORKERS_AI = re.compile(r"/ai/run/(?P<model>@[a-z]+/.+)\Z", re.IGNORECASE)
_SERVING = re.compile(r"/serving-endpoints/(?P<model>[^/]+)/invocations\Z", re.IGNORECASE)
_PUBLISHER = re.compile(r"/publishers/(?P<name>[^/]+)/models/", re.IGNORECASE)
_LIVE = "bidigeneratecontent"
_VERBS: dict[str, str] = {
    "generatecontent": op.GENERATE_CONTENT,
    "streamgeneratecontent": op.GENERATE_CONTENT,
    "generateanswer": op.GENERATE_CONTENT,
    "embedcontent": op.EMBEDDINGS,
    "embedtext": op.EMBEDDINGS,
    "batchembedcontents": op.EMBEDDINGS,
    "batchembedtext": op.EMBEDDINGS,
    "asyncbatchembedcontent": op.BATCH,
    "batchgeneratecontent": op.BATCH,
    "rawpredict": op.CHAT,
    "streamrawpredict": op.CHAT,
    "predict": "",
    "serverstreamingpredict": "",
    "predictlongrunning": op.VIDEO,
}

_ARN_OF_MODEL = re.compile(r"arn:[^/]*:(?:inference-profile|foundation-model)/", re.IGNORECASE)
LAST_PARTS = frozenset(path[path.rindex("/") + 1 :] for path in ENDPOINTS) | {
    "converse",
    "converse-stream",
    "invocations",
    "invoke",
    "invoke-with-response-stream",
    "invoke-with-bidirectional-stream",
    "remix",
    "runs",
    "submit_tool_outputs",
    "text",
}
"""Last parts of the paths of endpoints, in lower case."""
RUN = "/ai/run/"
"""In the paths of Workers AI, which end with a model's name."""
_PLAIN = re.compile(r"[\w.~@+,-]*\w", re.ASCII)
"""A last part of a path that needs no decoding and no resolution of dots."""
_MOST_DECODINGS = 3


def may_call_model(method: str, path: str) -> bool:
    """Return whether a request may be a model call, by its method and path alone.

    A cheap filter for every HTTP request of a process. False is final; after True `read_request`
    decides. *path* is as the client sends it; a query string may follow. A GET is one where it
    opens a realtime connection.
    """
    if method != "POST":
        if method == "GET":
            return ("realtime" in path or "BidiGenerate" in path) and find_endpoint(
                path
            ) is not None
        if method.upper() != "POST":
            return False
    if "?" in path:
        path = path[: path.index("?")]
    last = path.rpartition("/")[2]
    if last.isalnum():  # the common case; not cached, because paths with ids are many
        return last.lower() in LAST_PARTS or RUN in path
    if last in LAST_PARTS:
        return True
    if _PLAIN.fullmatch(last) is not None:
        last = last.lower()
        return last in LAST_PARTS or last.endswith(_LIVE) or RUN in path
    # It may be another spelling of an endpoint.
    return find_endpoint(path) is not None


def find_endpoint(path: str) -> Endpoint | None:
    """Return the endpoint of *path*, which may have a query string; None if it is no model call."""
    path, _, query = path.partition("?")
    endpoint = _find(path)
    if endpoint is not None and endpoint.operation == op.REALTIME and not endpoint.model and query:
        parameters = parse_qs(query[:2000], max_num_fields=50) if query.count("&") < 50 else {}
        return endpoint._replace(
            model=next(iter(parameters.get("model", parameters.get("deployment", []))), "")
        )
    return endpoint


@lru_cache(maxsize=1024)
def _find(path: str) -> Endpoint | None:
    clean = _cleaned(path)
    if (match := _BEDROCK.search(clean)) is not None:
        model = without_arn(match["model"])
        return Endpoint("aws.bedrock", op.CHAT, True, model, "stream" in match["verb"].lower())  # noqa: FBT003
    if (match := _GOOGLE.search(clean)) is not None:
        return _google(clean, match["model"], match["verb"].lower())
    if (match := _WORKERS_AI.search(clean)) is not None:
        return Endpoint("cloudflare", _run(match["model"].lower()), True, match["model"])  # noqa: FBT003
    if (match := _SERVING.search(clean)) is not None:
        return Endpoint("databricks", op.CHAT, certain=False, model=match["model"])
    lower = clean.lower()
    if lower.endswith(_LIVE):
        return Endpoint("gcp.gemini", op.REALTIME)
    if _RUN.search(lower) or _BEDROCK_AGENT.search(lower):
        return Endpoint("openai" if "/threads/" in lower else "aws.bedrock", op.CHAT, opaque=True)
    if _REMIX.search(lower):
        return Endpoint("openai", op.VIDEO)
    endpoint = _by_end(lower)
    if endpoint is not None and (match := _DEPLOYMENT.search(clean)) is not None:
        return endpoint._replace(model=match["model"], certain=True)
    return endpoint


def without_arn(model: str) -> str:
    """Return the model in the ARN of a foundation model or of a system's inference profile.

    Other ARNs (application profiles, provisioned, custom and imported models, routers, prompts) do
    not name their model and stay unchanged, and so does every other name.
    """
    return _ARN_OF_MODEL.sub("", model)


def _by_end(path: str) -> Endpoint | None:
    """Return the endpoint with the longest table entry that *path* ends with."""
    ends, at = [], len(path)
    for _ in range(_MOST_SEGMENTS):
        at = path.rfind("/", 0, at)
        if at < 0:
            break
        ends.append(path[at:])
    return next((ENDPOINTS[end] for end in reversed(ends) if end in ENDPOINTS), None)


def _google(path: str, model: str, verb: str) -> Endpoint | None:
    operation = _VERBS.get(verb)
    if operation is None:
        return None
    publisher = _PUBLISHER.search(path)
    if "rawpredict" in verb:
        maker = publisher["name"].lower() if publisher else "anthropic"
        maker = {"mistralai": "mistral_ai", "google": "gcp.gemini"}.get(maker, maker)
        return Endpoint(maker, op.CHAT, True, model, verb.startswith("stream"))  # noqa: FBT003
    if not operation:
        operation = _predicted(model.lower())
    # The verb alone does not identify Google: other services have `predict`, too.
    certain = "predict" not in verb or publisher is not None
    return Endpoint("gcp.gemini", operation, certain, model, verb.startswith("stream"))


def _run(model: str) -> str:
    """Return the operation of a model of Workers AI, by its name: the path is the same for all."""
    if "bge-" in model or "embedding" in model:
        return op.EMBEDDINGS
    if any(word in model for word in ("flux", "diffusion", "lucid", "phoenix", "dreamshaper")):
        return op.IMAGE
    if "whisper" in model or "nova-" in model:
        return op.TRANSCRIPTION
    return op.SPEECH if "aura-" in model or "melotts" in model else op.CHAT


def _predicted(model: str) -> str:
    if "embedding" in model or "gecko" in model:
        return op.EMBEDDINGS
    if "imagen" in model or "image" in model:
        return op.IMAGE
    return op.VIDEO if "veo" in model else op.GENERATE_CONTENT


def _cleaned(path: str) -> str:
    """Return *path* as a lenient server reads it, with its case kept."""
    path = path.partition("#")[0]
    if "://" in path[:10]:
        path = "/" + path.partition("://")[2].partition("/")[2]
    for _ in range(_MOST_DECODINGS):
        if "%" not in path:
            break
        path = unquote(path)
    segments: list[str] = []
    for part in path.replace("\\", "/").split("/"):
        segment = part.partition(";")[0].strip()
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    return "/" + "/".join(segments)
