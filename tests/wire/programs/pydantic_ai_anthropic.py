"""pydantic-ai with anthropic."""

import os

base = os.environ["PROVIDER_URL"]
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider
import anthropic

client = anthropic.AsyncAnthropic(base_url=base, api_key="none", max_retries=0)
Agent(
    AnthropicModel("claude-sonnet-4-5", provider=AnthropicProvider(anthropic_client=client))
).run_sync("hi")
