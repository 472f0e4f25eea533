"""Print the results of `.ci/audit`; exit with 1 on a known vulnerability of the runtime.

usage: audit_report.py SBOM AUDIT SBOM_ERROR AUDIT_ERROR
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OURS = "otel-distro"


def read(path: str) -> dict[str, Any]:
    """Return the JSON object in *path*; empty where there is none."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def main(sbom: str, audit: str, sbom_error: str, audit_error: str) -> int:
    """Print both results and return the exit code."""
    bill = read(sbom)
    if bill.get("components"):
        print(
            f"bill of materials: CycloneDX {bill['specVersion']}, {len(bill['components'])} parts"
        )
    else:
        print(f"!! SKIPPED: no bill of materials could be made: {sbom_error}")

    packages = [each for each in read(audit).get("dependencies", ()) if each["name"] != OURS]
    looked_up = [each for each in packages if "vulns" in each]
    known = [(each, flaw) for each in looked_up for flaw in each["vulns"]]
    for each, flaw in known:
        fixed = ", ".join(flaw.get("fix_versions") or ["no version yet"])
        print(f"{each['name']} {each['version']}: {flaw['id']}, fixed in {fixed}")
    if not looked_up:
        why = f"it knows none of {len(packages)} packages" if packages else audit_error
        print(f"!! SKIPPED: vulnerabilities were NOT looked up, the advisory service failed: {why}")
        return 0
    missing = len(packages) - len(looked_up)
    print(
        f"{len(known)} known vulnerabilities in {len(looked_up)} packages; {missing} not looked up"
    )
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
