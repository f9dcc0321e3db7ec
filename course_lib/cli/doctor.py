"""``course doctor``."""

from __future__ import annotations

import argparse
import json

from course_lib import clients
from course_lib.cli.progress import announce

SIGNS = {"ok": "\N{CHECK MARK}", "note": "\N{MIDDLE DOT}", "missing": "\N{MULTIPLICATION SIGN}"}


def run(arguments: argparse.Namespace) -> int:
    """Look, print, and answer by the exit code."""
    from course_lib.doctor import examine

    if arguments.fetch_client and clients.find() is None:
        clients.fetch(announce=announce)
    findings = examine()
    healthy = all(finding.state != "missing" for finding in findings)
    if arguments.json:
        document = {"ok": healthy, "findings": [finding.to_json() for finding in findings]}
        print(json.dumps(document, indent=2))
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            print(f"{SIGNS[finding.state]} {finding.name:<{width}}  {finding.found}")
            if finding.mend:
                print(f"  {'':<{width}}  mend it: {finding.mend}")
    return 0 if healthy else 1
