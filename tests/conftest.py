"""Its place puts the repository root on the path: `from tests.golden import golden_values`."""

from hypothesis import settings

import passerby  # noqa: F401 - before any test imports open_clip: guards against a torchvision that cannot load

settings.register_profile("passerby", deadline=None)  # how long an example takes is a matter of what else runs
settings.load_profile("passerby")
