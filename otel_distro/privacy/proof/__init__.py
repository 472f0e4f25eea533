"""Proof of privacy: run any program with canary secrets and look at every field that would leave.

In a program's prompts a canary is planted by

    from otel_distro.proof import canary_text
    prompt = f"Summarise this. {canary_text()}"

which is empty unless the program runs under `otel-distro prove-privacy`.
"""

from otel_distro.privacy.proof.canaries import canary_text

__all__ = ["canary_text"]
