"""anthropic, asynchronous."""

import asyncio, os
import anthropic


async def main():
    async with anthropic.AsyncAnthropic(
        base_url=os.environ["PROVIDER_URL"], api_key="none", max_retries=0
    ) as client:
        request = {
            "model": "claude-sonnet-4-5",
            "max_tokens": 200,
            "messages": [{"role": "user", "content": "hi"}],
        }
        await asyncio.gather(*(client.messages.create(**request) for _ in range(5)))
        async with client.messages.stream(**request) as stream:
            async for _ in stream:
                pass


asyncio.run(main())
