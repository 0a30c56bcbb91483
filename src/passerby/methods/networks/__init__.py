"""How several methods build their networks."""
