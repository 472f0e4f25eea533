"""LlamaIndex with anthropic."""

import os

base = os.environ["PROVIDER_URL"]
from llama_index.core.llms import ChatMessage
from llama_index.llms.anthropic import Anthropic

Anthropic(model="claude-sonnet-4-5", base_url=base, api_key="none").chat(
    [ChatMessage(role="user", content="hi")]
)
