"""Semantic Kernel: a chat completion."""

import asyncio
import os

base = os.environ["PROVIDER_URL"]
import openai
from semantic_kernel.connectors.ai.open_ai import (
    OpenAIChatCompletion,
    OpenAIChatPromptExecutionSettings,
)
from semantic_kernel.contents import ChatHistory


async def main():
    client = openai.AsyncOpenAI(base_url=base + "/v1", api_key="none", max_retries=0)
    service = OpenAIChatCompletion(ai_model_id="gpt-4o", async_client=client)
    history = ChatHistory()
    history.add_user_message("hi")
    await service.get_chat_message_content(history, OpenAIChatPromptExecutionSettings())


asyncio.run(main())
