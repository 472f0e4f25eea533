"""Agno: an agent."""

import os

base = os.environ["PROVIDER_URL"]
from agno.agent import Agent
from agno.models.openai import OpenAIChat

Agent(model=OpenAIChat(id="gpt-4o", base_url=base + "/v1", api_key="none"), telemetry=False).run(
    "hi"
)
