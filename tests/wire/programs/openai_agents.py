"""openai-agents: an agent with a tool on the Responses API."""

import asyncio
import os

base = os.environ["PROVIDER_URL"]
import openai
from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled

set_tracing_disabled(True)


@function_tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return "sunny"


client = openai.AsyncOpenAI(base_url=base + "/v1", api_key="none", max_retries=0)
agent = Agent(name="a", model=OpenAIChatCompletionsModel("gpt-4o", client), tools=[weather])
asyncio.run(Runner.run(agent, "TOOL weather in Paris"))
