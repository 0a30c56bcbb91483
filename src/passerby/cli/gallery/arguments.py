"""Arguments and options that several commands of galleries have."""

from typing import Annotated

from passerby.cli.options import argument, option

GalleryArgument = Annotated[str, argument("GALLERY", "A gallery's folder, or the address of a PostgreSQL server.")]
IdentityArgument = Annotated[int, argument("IDENTITY", "Its number.")]
Reason = Annotated[str, option("TEXT", "Why, for the gallery's log.")]
