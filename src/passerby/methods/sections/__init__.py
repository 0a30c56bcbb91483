"""Sections that several recipes share."""
