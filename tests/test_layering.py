"""Who may import whom, read off the source and seen at run time."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {"hmw_core": set(), "training": {"hmw_core"}, "dashboard": {"hmw_core"}}
# Each room of a package, bottom first: it imports only from those before it.
ROOMS = {
    "hmw_core": (
        "errors", "catalogue", "class_limit", "file_names", "command_line", "processes",
        "spreadsheet", "foreign", "margins", "log",
        "statistics", "noise", "objective", "feature_space", "pictures", "criteria",
        "recording", "samples", "review", "experiments", "importers", "laboratory",
    ),
    "training": (
        "recipes", "config", "devices", "stopping", "lasting_stream", "progress", "schedule",
        "data", "networks", "methods", "evaluation", "checkpoint", "threshold_samples",
        "validation", "records", "teacher", "loop", "noise_export", "map_at_end", "listing",
        "prove", "sweeps", "callbacks", "__main__",
    ),
    "dashboard": (
        "drawing", "figures", "presenters", "export", "jobs", "gate", "launcher", "labels",
        "project", "verify", "cached", "runs", "picture_route", "views", "frame", "app",
    ),
}  # fmt: skip
DOORS = {"__init__", "moved"}  # the face of a package, which any room may lie behind
TORCH = {"torch", "torchvision", "timm"}
# recording/arrays.py names the type only.
TORCH_PLACES = ("training", "hmw_core/objective", "hmw_core/recording/arrays.py")
STREAMLIT_PLACES = (
    "dashboard/app.py",
    "dashboard/frame.py",
    "dashboard/cached",
    "dashboard/runs.py",
    "dashboard/picture_route.py",  # by way of the runs
    "dashboard/launcher.py",
    "dashboard/views",
)
SOURCES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
REGISTRIES = sorted(
    path.parent for path in SOURCES if path.name == "__init__.py" and path.parents[1] != ROOT
)


def imports(path: Path) -> set[str]:
    """Return the dotted names a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_in(path: Path, places: tuple[str, ...]) -> bool:
    return any(place(path) == p or place(path).startswith(f"{p}/") for p in places)


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package):
    forbidden = MAY_IMPORT.keys() - MAY_IMPORT[package] - {package}
    for path in (ROOT / package).rglob("*.py"):
        assert not roots(path) & forbidden, f"{place(path)} imports {roots(path) & forbidden}"


def room(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("package", ROOMS)
def test_a_room_imports_only_from_those_before_it(package):
    order = ROOMS[package]
    strays = []
    for path in sorted((ROOT / package).rglob("*.py")):
        here = room(module_name(path) + ".__init__")
        if here in DOORS:
            continue
        assert here in order, f"{place(path)} is in no room of the list"
        above = set(order[order.index(here) + 1 :]) | DOORS
        used = {name for name in imports(path) if name.startswith(f"{package}.")}
        strays += [f"{place(path)} imports {name}" for name in sorted(used) if room(name) in above]
    assert strays == []


def test_every_room_is_there():
    for package, order in ROOMS.items():
        folder = ROOT / package
        inside = {path.stem for path in folder.glob("*.py")}
        inside |= {path.parent.name for path in folder.glob("*/__init__.py")}
        assert inside - DOORS == set(order)


@pytest.mark.parametrize(
    ("libraries", "places"),
    [
        (TORCH, (*TORCH_PLACES, "hmw_core/recording/arrays.py")),  # which names torch's types only
        ({"streamlit"}, STREAMLIT_PLACES),
    ],
)
def test_a_heavy_library_stays_in_its_places(libraries, places):
    strays = [place(p) for p in SOURCES if roots(p) & libraries and not is_in(p, places)]
    assert strays == []


def test_files_of_a_run_are_read_in_one_place():
    """Anybody may have made them: `log/files.py` bounds what is read before it is read."""
    foreign = ("hmw_core/log/files.py", "hmw_core/importers", "hmw_core/review/label_codec.py")
    foreign += ("hmw_core/foreign/columns.py",)
    reads = re.compile(r"pq\.(read_|Parquet(File|Dataset)\()|pd\.read_parquet\(")
    mine = [path for path in SOURCES if place(path).split("/")[0] != "training"]
    texts = {
        place(path): path.read_text(encoding="utf-8") for path in mine if not is_in(path, foreign)
    }
    lines = [f"{p}: {line}" for p, text in texts.items() for line in text.splitlines()]
    code = [line for line in lines if reads.search(line) and "samples = pd." not in line]
    assert code == []


def members(folder: Path) -> set[str]:
    """Return the modules that the upper-case dicts of a package's `__init__` register."""
    package = place(folder).replace("/", ".")
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    came_from, registered = {}, set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                file = ROOT / str(node.module).replace(".", "/") / f"{alias.name}.py"
                is_module = file.exists()  # `from package import member`
                came_from[alias.asname or alias.name] = (
                    f"{node.module}.{alias.name}" if is_module else str(node.module)
                )
        target = node.target if isinstance(node, ast.AnnAssign) else None
        target = node.targets[0] if isinstance(node, ast.Assign) else target
        if (
            isinstance(target, ast.Name)
            and target.id.isupper()
            and isinstance(node.value, ast.Dict)
        ):
            for value in node.value.values:
                registered |= {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
    modules = {came_from[name] for name in registered & came_from.keys()}
    return {m for m in modules if m.startswith(f"{package}.")} - {
        f"{package}.{contract}" for contract in ("base", "criterion")
    }


@pytest.mark.parametrize("folder", REGISTRIES, ids=place)
def test_members_of_a_registry_do_not_import_one_another(folder):
    for member in members(folder):
        path = ROOT / f"{member.replace('.', '/')}.py"
        used = imports(path) & (members(folder) - {member})
        assert not used, f"{place(path)} imports {used}"


def test_the_registries_are_found():
    found = {place(folder): len(members(folder)) for folder in REGISTRIES}
    assert found["hmw_core/objective/losses"] == 3
    assert found["hmw_core/criteria"] == 7


def test_hmw_core_neither_prints_nor_logs():
    for path in (ROOT / "hmw_core").rglob("*.py"):
        if path.name in ("__main__.py", "command_line.py"):
            continue  # a command line speaks
        assert not roots(path) & {"logging", "rich"}, place(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Name) and node.id == "print"), place(path)


def test_what_trains_never_sees_the_true_label():
    places = (
        "hmw_core/objective",
        "training/methods",
    )
    for path in SOURCES:
        if is_in(path, places):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = {getattr(node, "id", 0), getattr(node, "attr", 0), getattr(node, "arg", 0)}
                assert "true_label" not in names, place(path)


def module_name(path: Path) -> str:
    return place(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports_without(absent: set[str], modules: list[str]) -> None:
    """Import the modules in a fresh Python in which some libraries are missing."""
    # By a finder that refuses: a None in sys.modules looks loaded to libraries such as SciPy.
    code = [
        "import sys",
        "class Refuse:",
        "    def find_spec(self, name, path=None, target=None):",
        f"        if name.split('.')[0] in {sorted(absent)}:",
        "            raise ModuleNotFoundError(name)",
        "sys.meta_path.insert(0, Refuse())",
        *(f"import {module}" for module in modules),
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_hmw_core_loads_without_torch_and_streamlit():
    paths = [p for p in SOURCES if is_in(p, ("hmw_core",)) and not is_in(p, TORCH_PLACES)]
    imports_without(TORCH | {"streamlit"}, [module_name(p) for p in paths])


def test_the_dashboard_loads_without_torch():
    # Streamlit runs app.py, frame.py and the views; the pages' tests run them.
    scripts = ("dashboard/app.py", "dashboard/frame.py", "dashboard/views")
    paths = [p for p in SOURCES if is_in(p, ("dashboard",)) and not is_in(p, scripts)]
    imports_without(TORCH, [module_name(p) for p in paths])


def test_figures_and_their_export_load_without_streamlit():
    paths = [p for p in SOURCES if is_in(p, ("dashboard",)) and not is_in(p, STREAMLIT_PLACES)]
    imports_without(TORCH | {"streamlit"}, [module_name(p) for p in paths])


def test_training_loads_without_streamlit():
    paths = [p for p in SOURCES if is_in(p, ("training",)) and p.name != "__main__.py"]
    imports_without({"streamlit"}, [module_name(p) for p in paths])
