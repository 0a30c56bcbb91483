"""Imports passerby first: its guard must stand before a test imports torchvision or timm on its own."""

import passerby  # noqa: F401
