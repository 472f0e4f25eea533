"""Clients for the examples: of the fake provider that PROVIDER_URL names, else of the real one."""

import os
from typing import Any


def openai_client() -> Any:
    """Return a client of the openai package."""
    import openai

    url = os.environ.get("PROVIDER_URL")
    return openai.OpenAI(base_url=f"{url}/v1", api_key="none") if url else openai.OpenAI()


def anthropic_client() -> Any:
    """Return a client of the anthropic package."""
    import anthropic

    url = os.environ.get("PROVIDER_URL")
    return anthropic.Anthropic(base_url=url, api_key="none") if url else anthropic.Anthropic()
