"""What `import passerby` arranges for packages of others that are imported later; costs nothing until they are."""

from passerby.import_guards import compiler_guard, reporting_guard, torchvision_guard


def install() -> None:
    """Let torchvision be imported beside a torch it was not built for and without torch's compiler, and nothing report."""
    reporting_guard.install()
    compiler_guard.install()
    torchvision_guard.install()
