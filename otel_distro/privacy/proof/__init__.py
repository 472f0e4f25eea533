"""Proof of privacy: runs any program with canary secrets and checks every exported field.

To plant a canary in a program's prompts:

    from otel_distro.privacy.proof import canary_text
    prompt = f"Summarise this. {canary_text()}"

The text is empty unless the program runs under `otel-distro privacy prove`.
"""

from otel_distro.privacy.proof.canaries import canary_text

__all__ = ["canary_text"]
