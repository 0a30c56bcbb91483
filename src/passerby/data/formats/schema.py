"""The columns of tables of images, and the names that other programs have for them."""

TABLE_SUFFIXES = (".csv", ".parquet", ".pq")

SCHEMA = {
    "path": "image file, relative to the table",
    "identity": "label valid everywhere; -1 is junk",
    "local_identity": "label valid only inside its camera",
    "true_identity": "for reporting only; never read in training",
    "camera": "name of the camera",
    "video": "name of the source video",
    "track": "tracklet inside the video",
    "frame": "frame number, whole",
    "time": "when the frame was taken: a time stamp (UTC), or seconds since the video began",
    "x": "left edge of the box in the frame, pixels",
    "y": "upper edge of the box in the frame, pixels",
    "width": "width of the box in the frame, pixels",
    "height": "height of the box in the frame, pixels",
    "score": "how sure the detector was of the box",
    "visible": "visible fraction, 0 to 1",
    "caption": "a sentence about the person",
    "split": "train, query or gallery",
    "embedding": "float32 vector, as embed returns it",
}
"""Columns that a table may have, and what they mean; only `path` is required, other columns are left alone."""

OTHER_NAMES = {
    "path": ("file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "img_path"),
    "identity": ("pid", "person", "person_id", "personid", "identity_id"),
    "camera": ("cam", "camid", "cam_id", "camera_id", "cameraid"),
    "split": ("subset", "partition"),
    "track": ("tracklet", "tracklet_id", "track_id", "trackid"),
    "video": ("video_id", "videoid"),
    "frame": ("frame_id", "frame_number", "frameid"),
}
"""Names that mean a column of `SCHEMA` elsewhere: a table with such a column and without ours is refused."""
