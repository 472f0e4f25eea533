"""LangChain with google-genai."""

import os

base = os.environ["PROVIDER_URL"]
from langchain_google_genai import ChatGoogleGenerativeAI

model = ChatGoogleGenerativeAI(
    model="gemini-2.5-flash",
    google_api_key="none",
    transport="rest",
    client_options={"api_endpoint": base},
    base_url=base,
)
model.invoke("hi")
