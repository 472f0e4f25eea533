"""smolagents: its OpenAI model."""

import os

base = os.environ["PROVIDER_URL"]
from smolagents import ChatMessage, OpenAIServerModel

model = OpenAIServerModel(model_id="gpt-4o", api_base=base + "/v1", api_key="none")
model([ChatMessage(role="user", content=[{"type": "text", "text": "hi"}])])
