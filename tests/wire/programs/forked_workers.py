"""openai in four forked processes."""

import multiprocessing, os
import openai


def work(n):
    client = openai.OpenAI(
        base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="none", max_retries=0
    )
    for _ in range(3):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])


context = multiprocessing.get_context("fork")
workers = [context.Process(target=work, args=(n,)) for n in range(4)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
