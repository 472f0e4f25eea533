"""Strands: an agent on openai, whose calls are streams."""

import os

base = os.environ["PROVIDER_URL"]
from strands import Agent
from strands.models.openai import OpenAIModel

model = OpenAIModel(client_args={"base_url": base + "/v1", "api_key": "none"}, model_id="gpt-4o")
Agent(model=model, callback_handler=None)("hi")
