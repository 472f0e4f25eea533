"""openai, asynchronous: twenty calls at once, half of them streams."""

import asyncio, os
import openai


async def call(client, streamed):
    options = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
    answer = await client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hi"}], **options
    )
    if streamed:
        async for _ in answer:
            pass


async def main():
    async with openai.AsyncOpenAI(
        base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="none", max_retries=0
    ) as client:
        await asyncio.gather(*(call(client, n % 2 == 0) for n in range(20)))


asyncio.run(main())
