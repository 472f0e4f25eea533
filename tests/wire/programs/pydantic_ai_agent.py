"""pydantic-ai: an agent, and a stream."""

import asyncio
import os

base = os.environ["PROVIDER_URL"]
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

model = OpenAIChatModel("gpt-4o", provider=OpenAIProvider(base_url=base + "/v1", api_key="none"))
agent = Agent(model)
agent.run_sync("hi")


async def main():
    async with Agent(model).run_stream("hi") as result:
        async for _ in result.stream_text():
            pass


asyncio.run(main())
