"""AutoGen: its OpenAI client, also a stream."""

import asyncio
import os

base = os.environ["PROVIDER_URL"]
from autogen_core.models import UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient


async def main():
    client = OpenAIChatCompletionClient(model="gpt-4o", base_url=base + "/v1", api_key="none")
    await client.create([UserMessage(content="hi", source="user")])
    async for _ in client.create_stream([UserMessage(content="hi", source="user")]):
        pass


asyncio.run(main())
