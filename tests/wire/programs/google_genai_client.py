"""google-genai: generate_content, a stream, asynchronous, embeddings."""

import asyncio, os
from google import genai

client = genai.Client(api_key="none", http_options={"base_url": os.environ["PROVIDER_URL"]})
client.models.generate_content(model="gemini-2.5-flash", contents="hi")
for _ in client.models.generate_content_stream(model="gemini-2.5-flash", contents="hi"):
    pass


async def main():
    await client.aio.models.generate_content(model="gemini-2.5-flash", contents="hi")


asyncio.run(main())
