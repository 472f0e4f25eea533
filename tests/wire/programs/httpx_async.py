"""httpx, asynchronous: five calls at once."""

import asyncio, os, httpx


async def main():
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    async with httpx.AsyncClient(base_url=os.environ["PROVIDER_URL"]) as client:
        await asyncio.gather(*(client.post("/v1/chat/completions", json=body) for _ in range(5)))


asyncio.run(main())
