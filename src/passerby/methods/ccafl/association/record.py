"""Store each epoch's association in the run, and compute its statistics."""

from pathlib import Path

from passerby.data.camera_labels import CameraLabels
from passerby.data.split import IntegerColumn
from passerby.distributed.roles import is_main_process
from passerby.methods.ccafl.association.associate import Association
from passerby.methods.ccafl.association.files import write_association
from passerby.methods.ccafl.association.statistics import AssociationStatistics, association_statistics


class AssociationRecord:
    """Keeps associations of a run and judges them; the one place that true identities reach.

    Args:
        folder: of the run; None to keep nothing.
        labels: of the training images.
        true_identities: who each camera identity is in all cameras, int64 [N], -1 where unknown; None if nothing is
            known.
    """

    def __init__(self, folder: Path | None, labels: CameraLabels, true_identities: IntegerColumn | None) -> None:
        self.folder, self._labels, self._true_identities = folder, labels, true_identities

    def __call__(self, epoch: int, association: Association) -> AssociationStatistics:
        """Figures of the association of an epoch (from 1), after keeping it."""
        statistics = association_statistics(association, self._true_identities)
        if self.folder is not None and is_main_process():
            write_association(self.folder, epoch, association, self._labels, statistics)
        return statistics
