"""Erase tracklets, and prove that they are gone."""
