"""How figures are set: sizes, titles from a template, palettes; and what hues mean."""

import itertools

import numpy as np
import pandas as pd
import pytest

from dashboard.drawing import style
from dashboard.drawing.cloud import LEGEND_UP_TO, Look, highlighted, panels
from dashboard.drawing.facts import facts_of, knows_truth
from dashboard.drawing.run_lines import run_colours
from dashboard.drawing.style import (
    CLASS_COLOURS,
    GREY,
    GROUP_COLOURS,
    LOGIT_COLOURS,
    PAPER_COLOURS,
    STAR,
    Typography,
    colour_map,
    criterion_colour,
)
from dashboard.drawing.text import title_on_paper, title_on_screen
from hmw_core.criteria import CRITERIA
from hmw_core.errors import UsageError

FACTS = {"recipe": "CCE", "noise_rate": "0.5", "run": "cost $5"}


def lab(colour):
    """Return a colour in CIELAB, in which distances are those one sees."""
    red_green_blue = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    light = np.where(
        red_green_blue <= 0.04045, red_green_blue / 12.92, ((red_green_blue + 0.055) / 1.055) ** 2.4
    )
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ light / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one, other):
    return float(np.linalg.norm(lab(one) - lab(other)))


@pytest.mark.parametrize(
    "colours",
    [LOGIT_COLOURS.values(), map(criterion_colour, CRITERIA)],
    ids=["logits", "criteria"],
)
def test_what_is_drawn_beside_roles_has_no_hue_of_a_role(colours):
    pairs = itertools.product(colours, GROUP_COLOURS.values())
    near = [pair for pair in pairs if distance(*pair) < 25]
    assert not near


def test_no_class_has_the_grey_that_means_unknown():
    assert min(distance(colour, GREY) for colour in CLASS_COLOURS) > 30


def test_weights_of_clean_and_mislabeled_lie_apart_and_none_is_the_star_s():
    hexes = [style.to_hex(colour_map()(share)) for share in (0.3, 0.6, 1.0)]
    assert distance(hexes[0], hexes[1]) > 60
    assert distance(hexes[2], STAR) > 30


def test_a_run_has_one_colour_whichever_comes_first():
    assert run_colours(["b", "a"]) == run_colours(["a", "b"])


def test_a_palette_changes_roles_and_nothing_else():
    paper = Typography(palette="paper")
    assert paper.colour("mislabeled") == PAPER_COLOURS["mislabeled"]
    assert paper.colour("iam") == Typography().colour("iam") == criterion_colour("iam")
    assert paper.colour("#123456") == "#123456"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": "wide"}, "unknown width 'wide'"),
        ({"size": 1.0}, "2 to 40 inches"),
        ({"font": "comic"}, "unknown font"),
        ({"palette": "loud"}, "unknown palette"),
        ({"title": "{recepie}"}, r"no placeholder \{recepie\}; it can have \{panel\}, \{run\}"),
    ],
)
def test_what_does_not_exist_is_said_in_a_sentence(options, said):
    with pytest.raises(UsageError, match=said):
        Typography(**options)


def test_latex_is_set_by_tex_or_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(style, "which", lambda program: None)
    with pytest.raises(UsageError, match=r"'latex' needs all of TeX here, and .*'times' does not"):
        Typography(font="latex")


def test_a_title_is_mathematics_in_files_and_letters_on_the_screen():
    template = r"{recipe}, $\eta = {noise_rate}$"
    assert title_on_screen(template, FACTS) == "CCE, η = 0.5"
    assert title_on_paper(template, FACTS) == r"CCE, $\eta{}={}0.5$"
    assert title_on_paper("{run} {seed}", FACTS) == r"cost \$5 ?"
    assert title_on_screen(r"$\mathrm{CCE}_{0}$", {}) == "CCE0"


def test_panels_are_lettered_but_a_single_one_is_not():
    lettered = Typography(letters=True)
    assert lettered.title_on_screen(1, 2, "IAM", {}) == "(b) IAM"
    assert lettered.title_on_paper(0, 1, "IAM", {}) == "IAM"
    assert Typography(title=" ").title_on_paper(0, 2, "IAM", {}) == ""


def test_facts_of_several_runs_stand_one_after_another():
    table = pd.DataFrame({"run": ["a", "b"], "seed": ["0", "0"], "epoch": [3, 100]})
    assert facts_of(table) == {"run": "a, b", "seed": "0", "epoch": "100"}


def test_a_table_knows_the_truth_if_it_says_so_of_a_sample():
    assert knows_truth(pd.DataFrame({"group": ["unknown", "mislabeled"]}))
    assert not knows_truth(pd.DataFrame({"group": ["unknown"], "role": ["low"]}))


def points(x, y, n_classes=1):
    samples = pd.DataFrame({"kind": "sample", "sample_id": range(len(x)), "x": x, "y": y})
    stars = pd.DataFrame({"kind": "class", "x": np.zeros(n_classes), "y": np.zeros(n_classes)})
    table = pd.concat([samples, stars], ignore_index=True)
    return table.assign(panel="a", n_samples=len(x), axes="PCA", map_epoch=1, value="clean")


def test_an_outlier_is_marked_at_the_edge_and_squeezes_nothing():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 100))
    x[7] = 1000.0
    [panel] = panels(points(x, y), Look(colours={"clean": "clean"}))
    assert panel.outside["sample_id"].tolist() == [7]
    assert panel.outside["x"].tolist() == [panel.window.right]
    assert panel.window.right < 10
    assert len(panel.samples) == 99
    assert "1 lies outside, marked at the edge" in panel.count


def test_many_class_vectors_are_told_and_not_drawn():
    x = np.linspace(0, 1, 50)
    [few] = panels(points(x, x, LEGEND_UP_TO), Look())
    [many] = panels(points(x, x, LEGEND_UP_TO + 1), Look())
    assert len(few.vectors) == LEGEND_UP_TO
    assert many.vectors.empty
    assert "no stars for 21 class vectors" in many.count


def test_of_many_classes_the_largest_has_a_colour():
    labels = [*range(21), 4]
    table = pd.DataFrame({"value": [f"class {n}" for n in labels], "value_label": labels})
    assert highlighted(table)["value"].value_counts().to_dict() == {
        "other classes": 20,
        "class 4": 2,
    }
    assert highlighted(table[:20]).equals(table[:20])
