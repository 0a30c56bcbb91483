"""Which of a gallery's models is meant."""

from passerby.errors import GalleryError
from passerby.gallery.gallery import Gallery
from passerby.gallery.records import ModelKey


def models_of(gallery: Gallery, where: str) -> list[ModelKey]:
    """The models whose features a gallery has, the newest last.

    Args:
        gallery: open.
        where: the gallery, for messages.

    Raises:
        GalleryError: it has none.
    """
    known = gallery.models()
    if not known:
        raise GalleryError(f"{where}: is empty: `passerby index` puts videos into it")
    return known


def model_of(gallery: Gallery, name: str | None, where: str) -> ModelKey:
    """The model of this name, or the newest.

    Args:
        gallery: open.
        name: as the gallery keeps it; None for the model whose features it got last.
        where: the gallery, for messages.

    Raises:
        GalleryError: the gallery has no features, or none of this model.
    """
    known = models_of(gallery, where)
    chosen = [each for each in known if name in (None, each.name)]
    if not chosen:
        raise GalleryError(f"{where}: has no features of {name}, but of {', '.join(each.name for each in known)}")
    return chosen[-1]
