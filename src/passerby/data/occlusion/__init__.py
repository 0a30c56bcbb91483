"""Controlled occlusion of images, and the visible fraction of people."""
