"""Frames of files, folders of pictures and live streams, in order and with their times."""
