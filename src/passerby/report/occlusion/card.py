"""The curves of an occlusion experiment, for the page of an evaluation."""

import base64
from pathlib import Path

from markupsafe import Markup

from passerby.data.display_name import display_name
from passerby.report.html.cards import ChartCard


def occlusion_card(folder: Path, data_name: str) -> list[ChartCard]:
    """The picture that `passerby occlusion` left in the run for this data set; none if there is none.

    Args:
        folder: of the run.
        data_name: of the data set.
    """
    picture = folder / "occlusion" / display_name(data_name) / "curves.png"
    if not picture.is_file():
        return []
    address = base64.b64encode(picture.read_bytes()).decode("ascii")
    drawn = f'<img class="picture" alt="Figures by share occluded" src="data:image/png;base64,{address}">'
    return [ChartCard("Occlusion", Markup(drawn), note="Measured by the occlusion experiment of this run.")]
