"""aiohttp: two calls and a stream."""

import asyncio, os, aiohttp


async def main():
    url = os.environ["PROVIDER_URL"] + "/v1/chat/completions"
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.post(url, json=body) as response:
                await response.json()
        streamed = body | {"stream": True, "stream_options": {"include_usage": True}}
        async with session.post(url, json=streamed) as response:
            async for _ in response.content:
                pass


asyncio.run(main())
