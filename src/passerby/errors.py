"""The errors a user can meet. Every message is one line that names the culprit and the remedy."""


class PasserbyError(Exception):
    """Base of all errors that passerby raises on purpose; the command line prints its message and exits with 1."""


class DataError(PasserbyError):
    """A data set, table or image on disk is not what was expected."""


class RecipeError(PasserbyError):
    """A recipe names an unknown key, a value out of range, or a combination that cannot work."""


class PluginError(PasserbyError):
    """A plugin cannot be imported, is not the one that a run was made with, or takes a name that is taken."""


class InUseError(DataError):
    """Another process works there: it may be free later."""


class CheckpointError(PasserbyError):
    """A file of weights cannot be read, or does not fit the model."""


class EvaluationError(PasserbyError):
    """Features or labels handed to a metric cannot be evaluated."""


class GalleryError(PasserbyError):
    """A gallery cannot be opened, written or searched as was asked."""


class NotInGalleryError(GalleryError):
    """A tracklet, an identity or something else that was named is not in the gallery."""


class SupersededError(GalleryError):
    """A change cannot be taken back any more, since something that it changed was changed again, or it was undone."""


class StoreError(GalleryError):
    """The disk or the server that holds a gallery does not do what is asked: repeating it later may help."""


class ServiceError(PasserbyError):
    """A service cannot be reached, or says no."""


class DeviceError(PasserbyError):
    """The machine lacks a device, a precision or a package extra that was asked for."""


class ExportError(PasserbyError):
    """What was exported does not compute what the model does, and was not kept."""
