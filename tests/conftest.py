"""Its place puts the repository root on the path: `from tests.golden import golden_values`."""

import passerby  # noqa: F401 - before any test imports open_clip: guards against a torchvision that cannot load
