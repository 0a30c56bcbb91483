"""Galleries as tables: export and import."""
