"""CrewAI: its LLM."""

import os

os.environ["CREWAI_DISABLE_TELEMETRY"] = "true"
import os

base = os.environ["PROVIDER_URL"]
from crewai import LLM

LLM(model="openai/gpt-4o", base_url=base + "/v1", api_key="none").call("hi")
