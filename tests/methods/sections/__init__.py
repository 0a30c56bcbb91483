"""Tests of sections that recipes share."""
