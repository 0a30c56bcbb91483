"""Present so that pytest puts the repository root on the path: `from tests.golden import golden_values`."""
