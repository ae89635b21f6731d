"""What exported files are called, and what stands below a figure in LaTeX and in Markdown."""

import re
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from dashboard.export.archive import Order, files
from dashboard.export.captions import Captioned, captions_md, figures_tex
from dashboard.export.names import figure_stem
from dashboard.figures import FIGURES


@pytest.mark.parametrize(
    ("class_name", "run_name", "stem"),
    [
        ("ship", "digits-CCE", "fig5-class-clusters-ship-digits-CCE"),
        ("船", "digits-CCE", "fig5-class-clusters-class0-digits-CCE"),
        ("", "digits-CCE", "fig5-class-clusters-class0-digits-CCE"),
        ("é/../$x", "a b", "fig5-class-clusters-e-x-class0-a-b-abcd"),
        ("ship", "..\\NUL:", "fig5-class-clusters-ship-NUL-abcd"),
        (
            "x" * 90,
            "y" * 90,
            f"fig5-class-clusters-{'x' * 11}-{'x' * 12}-class0-{'y' * 19}-{'y' * 20}-abcd",
        ),
    ],
)
def test_files_are_named_by_number_figure_class_and_run(class_name, run_name, stem):
    run = SimpleNamespace(
        name=run_name, class_names=[class_name], info={"dataset": {"fingerprint": "abcdef"}}
    )
    figure = FIGURES["class_clusters"]
    assert figure_stem("class_clusters", figure, [run], 0) == stem
    assert re.fullmatch(r"[A-Za-z0-9_+=-]{1,120}", stem)
    assert figure_stem("class_clusters", figure, [run, run, run], 0).endswith("-and-2-more")


def test_figures_of_two_classes_that_are_cut_alike_have_two_names():
    names = [f"{'a' * 20} {middle} {'b' * 20}" for middle in "xy"]
    run = SimpleNamespace(name="r", class_names=names, info={"dataset": {"fingerprint": "abcdef"}})
    stems = {figure_stem("curves", FIGURES["curves"], [run], label) for label in (0, 1)}
    assert len(stems) == 2


HOSTILE = "\\input{/etc/passwd} 50 % of $x$ & #1_~^{ 船"


def test_latex_includes_every_figure_with_caption_and_label():
    made = [
        Captioned("fig1-curves-a", ["csv", "png", "pdf"], HOSTILE),
        Captioned("fig2-logits-a", ["png"], "Plain."),
        Captioned("fig3-sphere-a", ["svg", "csv"], "Nothing that LaTeX can include."),
    ]
    text = figures_tex(made, wide=True)
    assert re.findall(r"\\includegraphics\[width=\\textwidth\]\{(.*)\}", text) == [
        "fig1-curves-a.pdf",
        "fig2-logits-a.png",
    ]
    assert text.count(r"\begin{figure*}[t]") == text.count(r"\end{figure*}") == 2
    assert r"\label{fig:fig1-curves-a}" in text
    assert r"\begin{figure}[t]" in figures_tex(made, wide=False)
    assert figures_tex(made[2:], wide=False) == ""


def test_a_hostile_caption_stays_a_text_in_latex_and_in_markdown():
    made = [Captioned("fig1-a", ["pdf"], HOSTILE)]
    text = figures_tex(made, wide=False)
    commands = set(re.findall(r"\\[A-Za-z]+", text.partition(r"\input{figures}")[2]))
    ours = {"begin", "centering", "includegraphics", "columnwidth", "caption", "label", "end"}
    escapes = {"textbackslash", "textasciitilde", "textasciicircum"}
    assert commands == {f"\\{name}" for name in ours | escapes}
    bare = re.sub(r"\\[&%$#_{}]", "", text.partition("\n")[2])  # what is left has a meaning
    assert not re.search(r"[&%$#~^]", bare)
    assert bare.count("{") == bare.count("}")
    assert bare.isascii()
    assert "\\_\\~^\\{" in captions_md(made)


def test_the_figures_of_hostile_names_are_included_as_plain_text(evil_run):
    order = Order([evil_run], ["curves", "clusters"], ["pdf"], choices={"given_label": 2})
    made = dict(files(order))
    text = made["figures.tex"].decode()
    included = re.findall(r"includegraphics\[[^]]*\]\{([^}]*)\}", text)
    assert len(included) == 2
    assert set(included) <= set(made)
    assert "$5$" not in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX is installed")
def test_latex_compiles(evil_run, tmp_path):
    list_of = files(Order([evil_run], ["curves", "logits"], ["pdf"], choices={"given_label": 2}))
    for name, data in list_of:
        (tmp_path / name).write_bytes(data)
    (tmp_path / "paper.tex").write_text(
        "\\documentclass[twocolumn]{article}\\usepackage{graphicx}\\begin{document}a"
        "\\input{figures}\\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
