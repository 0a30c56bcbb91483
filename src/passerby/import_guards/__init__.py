"""What `import passerby` arranges for packages of others that are imported later; costs nothing until they are."""

from passerby.import_guards import compiler_guard, reporting_guard, torchvision_guard


def install() -> None:
    """Let nothing report to its makers, and torchvision be imported beside any torch and without torch's compiler."""
    reporting_guard.install()
    compiler_guard.install()
    torchvision_guard.install()
