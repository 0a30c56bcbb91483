"""The page of links: what it shows, and, in a browser, that what a person decides becomes the file that a run obeys."""

import csv
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from passerby.cli import app
from passerby.data.camera_labels import CameraLabels, camera_labels
from passerby.data.constraints import COLUMNS, constraints_of_run, read_constraints
from passerby.data.formats.open_data import open_data
from passerby.errors import CheckpointError, RecipeError
from passerby.methods.ccafl.association.associate import associate
from passerby.methods.ccafl.association.files import kept_constraints, write_association
from passerby.methods.ccafl.association.statistics import association_statistics
from passerby.workflows.associations import AssociationRequest, write_association_page
from tests.data.layouts import write_tree
from tests.report.ranking.test_page import Page
from tests.report.test_browser import browser, started  # noqa: F401 - a fixture

PEOPLE = ("7", 'o"b, <b>')


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs, as far as the page looks: cameras door, hall and yard, two people in each."""
    folder = tmp_path_factory.mktemp("run")
    names = [f"{number}.jpg" for number in range(5)]
    write_tree(folder / "people", {f"{camera}/{who}": names for camera in ("door", "hall", "yard") for who in PEOPLE})
    labels = labels_of(folder)
    content = {"method": "ccafl", "data": {"name": str(folder / "people")}}
    (folder / "run").mkdir()
    (folder / "run/recipe.yaml").write_text(json.dumps(content))
    rows = "must-link,door,7,yard,7\ncannot-link,hall,7,yard,7\n"
    (folder / "constraints.csv").write_text(f"{','.join(COLUMNS)}\n{rows}")
    decided = constraints_of_run(kept_constraints(folder / "run"), folder / "constraints.csv", labels, keep=True)
    for epoch in (1, 2, 3):
        features = np.random.default_rng(epoch).normal(size=(6, 4))
        found = associate(
            features, labels.class_cameras, 2.0, must_link=decided.must_link, cannot_link=decided.cannot_link
        )
        truth = np.array([0, 1, 0, 1, 0, 1])
        write_association(folder / "run", epoch, found, labels, association_statistics(found, truth))
    return folder / "run"


def labels_of(folder: Path) -> CameraLabels:
    return camera_labels(open_data(str(folder / "people")).training_split())


def test_the_page_stands_alone(run: Path, tmp_path: Path) -> None:
    found = write_association_page(AssociationRequest(run, tmp_path / "links.html"))
    assert (found.page, found.epoch) == (tmp_path / "links.html", 3)
    text = found.page.read_text("utf-8")
    assert not re.search(r"url\(|@import|https?://", text)
    seen = Page(text)
    assert all(address.startswith("data:image/jpeg;base64,") for address in seen.addresses)
    assert "links of epoch 3 of 3" in seen.text
    assert "<b>" not in "".join(re.findall(r"<h3>(.*?)<small>", text)), "names are no markup"
    for words in ("Most doubtful", "A camera twice", "Longest", "decided before", "precision", "How right they are"):
        assert words in seen.text
    assert text.count("<article") >= found.statistics.links
    few = write_association_page(AssociationRequest(run, tmp_path / "few.html", epoch=1, links=1, crops=2))
    assert few.epoch == 1
    assert few.page.read_text("utf-8").count("<img") <= 4 * 2 * 2


def test_the_command_writes_it_into_the_run(run: Path) -> None:
    answer = CliRunner().invoke(app, ["associations", str(run)])
    assert answer.exit_code == 0, answer.output
    assert f"Page: {run / 'report/associations.html'}" in answer.output
    answer = CliRunner().invoke(app, ["associations", str(run), "--epoch", "2", "--json"])
    assert json.loads(answer.output)["epoch"] == 2


def test_pictures_that_have_gone_are_named(run: Path, tmp_path: Path) -> None:
    file = run.parent / "people/door/7/0.jpg"
    content = file.read_bytes()
    file.write_bytes(content[:100])
    try:
        page = write_association_page(AssociationRequest(run, tmp_path / "page.html")).page
    finally:
        file.write_bytes(content)
    assert "cannot be read: door/7/0.jpg" in Page(page.read_text("utf-8")).text


def test_a_run_without_links_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds no run"):
        write_association_page(AssociationRequest(tmp_path / "nowhere"))
    (tmp_path / "recipe.yaml").write_text("method: ccafl\n")
    with pytest.raises(CheckpointError, match="keeps no associations"):
        write_association_page(AssociationRequest(tmp_path))


CLICKS = """
addEventListener('load', () => {
  const frame = document.getElementById('page').contentWindow, page = frame.document;
  const found = [], say = () => found.push(page.getElementById('count').textContent);
  const press = key => page.dispatchEvent(new frame.KeyboardEvent('keydown', {key, bubbles: true}));
  const first = page.querySelector('#panel-doubtful .pair');
  let table = null;
  frame.Blob = function (parts) { table = parts.join(''); };
  frame.URL.createObjectURL = () => '#';
  say();
  press('ArrowDown'); found.push(page.querySelector('.now') === first);
  press('y'); say(); found.push(first.classList.contains('must'));
  found.push(page.querySelectorAll('.pair.must[data-link="' + first.dataset.link + '"]').length > 1);
  press('u'); say();
  found.push(page.querySelector('.now') === first);
  press('y'); press('ArrowUp'); press('n'); press('u');
  found.push(first.classList.contains('must')); press('u'); say();
  first.querySelector('.no').click(); say(); found.push(first.classList.contains('cannot'));
  page.getElementById('save').click();
  for (const pair of page.querySelectorAll('#panel-decided .pair')) pair.querySelector('.no').click();
  found.push(page.getElementById('trouble').textContent, page.documentElement.scrollWidth);
  document.getElementById('found').textContent = JSON.stringify({found, table});
});
"""


def test_decisions_of_the_page_are_what_a_run_obeys(browser: str, run: Path, tmp_path: Path) -> None:  # noqa: F811
    page = write_association_page(AssociationRequest(run, tmp_path / "links.html")).page
    inside = html.escape(page.read_text("utf-8"), quote=True)
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe id="page" srcdoc="{inside}" style="width:400px;height:900px;border:0"></iframe><p id="found"></p>'
        f"<script>{CLICKS}</script>",
        encoding="utf-8",
    )
    answer = started(browser, "--dump-dom", "--virtual-time-budget=10000", frame.as_uri()).decode()
    found = re.search(r'<p id="found">(\{.*?\})</p>', answer, re.DOTALL)
    assert found is not None, answer[-500:]
    said = json.loads(html.unescape(found[1]))
    before, marked, yes, must, everywhere, undone, back, again, twice, no, cannot, trouble, width = said["found"]
    assert before == "1 same, 1 different; the run obeyed 2"
    assert (yes, undone) == ("2 same, 1 different; the run obeyed 2", before)
    assert (again, twice) == (True, before), "what was said before comes back"
    assert no == "1 same, 2 different; the run obeyed 2"
    assert (marked, must, everywhere, back, cannot, trouble) == (True, True, True, True, True, "")
    assert width <= 400
    (tmp_path / "constraints.csv").write_text(said["table"], encoding="utf-8")
    assert next(csv.reader(said["table"].splitlines())) == list(COLUMNS)
    decisions = read_constraints(tmp_path / "constraints.csv", labels_of(run.parent))
    assert decisions.must_link.tolist() == [[0, 4]]
    assert len(decisions.cannot_link) == 2
