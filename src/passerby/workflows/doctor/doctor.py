"""Look at an installation: what is there, what is missing or in the way, and what to do."""

from passerby.workflows.doctor.findings import Finding
from passerby.workflows.doctor.machine import machine_findings
from passerby.workflows.doctor.packages import package_findings
from passerby.workflows.doctor.places import place_findings
from passerby.workflows.doctor.runtimes import runtime_findings


def examine() -> list[Finding]:
    """Everything that `passerby doctor` tells, by topic; takes seconds where torch is installed."""
    found = package_findings()
    if any(each.state == "problem" for each in found):  # runtimes of broken packages would end in their tracebacks
        return [*found, *machine_findings(), *place_findings()]
    return [*found, *machine_findings(), *runtime_findings(), *place_findings()]
