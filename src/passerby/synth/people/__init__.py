"""People: attributes, bodies, clothes and poses."""
