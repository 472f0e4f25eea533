"""Dialects of instrumentations for model calls, tried in this order."""

from otel_pricing.reading.dialects.anthropic_sdk import ANTHROPIC_SDK
from otel_pricing.reading.dialects.bedrock import BEDROCK
from otel_pricing.reading.dialects.coding_agents import CLAUDE_CODE, CODEX, GEMINI_CLI
from otel_pricing.reading.dialects.langfuse import LANGFUSE
from otel_pricing.reading.dialects.litellm import LITELLM
from otel_pricing.reading.dialects.logfire import LOGFIRE
from otel_pricing.reading.dialects.mlflow import MLFLOW
from otel_pricing.reading.dialects.openinference import OPENINFERENCE
from otel_pricing.reading.dialects.openllmetry import OPENLLMETRY
from otel_pricing.reading.dialects.otel_genai import OTEL_GENAI
from otel_pricing.reading.dialects.raw_usage import RAW_USAGE
from otel_pricing.reading.dialects.reading import Dialect
from otel_pricing.reading.dialects.vercel_ai import VERCEL_AI

DIALECTS: tuple[Dialect, ...] = (
    OPENINFERENCE,
    LANGFUSE,
    MLFLOW,
    LITELLM,
    VERCEL_AI,
    CLAUDE_CODE,
    CODEX,
    GEMINI_CLI,
    LOGFIRE,
    RAW_USAGE,
    ANTHROPIC_SDK,
    OPENLLMETRY,
    BEDROCK,
    # Last, because it may match every span.
    OTEL_GENAI,
)

__all__ = ["DIALECTS", "Dialect"]
