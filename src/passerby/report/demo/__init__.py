"""The demonstration's page and film."""
