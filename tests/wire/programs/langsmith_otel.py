"""langsmith over OpenTelemetry: its wrapper of openai inside a traced function, a chain, a failure."""

import os

os.environ.update(
    LANGSMITH_TRACING="true", LANGSMITH_OTEL_ENABLED="true", LANGSMITH_OTEL_ONLY="true"
)
os.environ.update(LANGSMITH_API_KEY="none", LANGSMITH_ENDPOINT=os.environ["PROVIDER_URL"])
import openai
from langsmith import Client, traceable
from langsmith.wrappers import wrap_openai

client = wrap_openai(
    openai.OpenAI(base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="none", max_retries=0)
)
tracing = Client()


@traceable(client=tracing)
def ask(text):
    return client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": text}],
        langsmith_extra={"client": tracing},
    )


@traceable(
    run_type="llm", client=tracing, metadata={"ls_model_name": "gpt-4o", "ls_provider": "openai"}
)
def answer_of_our_own(text):
    return {"role": "assistant", "content": text}


ask("hi")
for _ in client.chat.completions.create(
    model="gpt-4o",
    messages=[{"role": "user", "content": "hi"}],
    stream=True,
    stream_options={"include_usage": True},
    langsmith_extra={"client": tracing},
):
    pass
answer_of_our_own("hi")
tracing.flush()
