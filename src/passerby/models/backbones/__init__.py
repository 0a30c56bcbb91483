"""The backbones of ReIDZoo and of timm, by name."""
