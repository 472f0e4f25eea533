"""Proof of privacy: runs any program with canary secrets and checks every exported field.

In a program's prompts a canary is planted by

    from otel_distro.privacy.proof import canary_text
    prompt = f"Summarise this. {canary_text()}"

which is empty unless the program runs under `otel-distro privacy prove`.
"""

from otel_distro.privacy.proof.canaries import canary_text

__all__ = ["canary_text"]
