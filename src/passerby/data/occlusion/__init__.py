"""Controlled occlusion of images, and how much of a person is visible."""
