"""What a run is: a world to search and how to search it, from a name, a `.toml` file and `key=value` settings."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any

from .errors import AlifeError, BadOption, BadWorld, UnknownName, suggest

DEFAULT_WORLD = "lenia"
DEFAULT_MINUTES = 2.0
DEFAULT_FRAMES = 8
DEFAULT_MODEL, DEFAULT_TEXT_MODEL = "texture", "builtin"
"""Who looks when no model is named: the second where there are prompts, negatives or axes to be understood."""
BETWEEN = "|"
"""Stands between the two opposite texts of an axis, see `alife.axes`."""
BUDGETS = ("generations", "evaluations", "minutes")
TABLES = ("options", "search", "model")
AIMS = ("prompts", "images", "liked")
"""What worlds should look like; who says one of them takes back what a world says of the others."""


@dataclass(frozen=True)
class RunConfig:
    """A world and a search over its substrate; everything that a run depends on.

    A world file has these keys, and nothing else; `name`, `origin` and `plugins` come from the command line.
    """

    substrate: str
    """Name of the substrate."""
    steps: int
    """How long each world runs, steps (its horizon)."""
    name: str = ""
    """Name of the world."""
    summary: str = ""
    """One line about the world."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Constructor options of the substrate."""
    genotype: Any = None
    """The world's own genotype: one number for all places, a list of numbers, or text the substrate reads; or a list of
    such lists, with which the first generation begins."""
    seed: int = 0
    """Decides every random number of the run."""
    score: str = ""
    """Expression, see `alife.score`; higher is better."""
    search: Mapping[str, Any] = field(default_factory=dict)
    """`name` and the search's own options; without a name, one that suits score and genotype is chosen."""
    model: Mapping[str, Any] = field(default_factory=dict)
    """`name` and the model's own options, or a text, see `model_table`; without a name: as `DEFAULT_MODEL` says."""
    prompts: Sequence[str] = ()
    """Texts that the frames should show, in time order."""
    images: Sequence[str | Mapping[str, str]] = ()
    """Files of pictures that the frames should look like, in time order, after the prompts; relative ones in a world
    file are beside it.  A run stores with each what its model saw, see `alife.targets`."""
    negatives: Sequence[str] = ()
    """Texts that no frame should show."""
    liked: Sequence[str | Mapping[str, str]] = ()
    """Lifeforms that worlds should end like: RUN for its favourites, RUN:ID or RUN:3,7 for these; a relative RUN in a
    world file is beside it.  A run stores with each what its model saw, see `alife.liked`."""
    frames: int | None = None
    """Pictures taken of each world (K); None = 8, or one per step where there are fewer steps."""
    img_size: int | None = None
    """Edge of a picture, pixels; None = what the model likes best."""
    population: int = 16
    """Worlds in one generation (N)."""
    generations: int | None = None
    """Budget: stop after so many generations."""
    evaluations: int | None = None
    """Budget: stop after the generation in which so many worlds have been run."""
    minutes: float | None = None
    """Budget: stop after the generation in which so many minutes have passed."""
    patience: int | None = None
    """Stop early after so many generations in which the best score has not risen."""
    target: float | None = None
    """Stop early after the generation in which a world scores so high."""
    memory_mb: int = 2048
    """Budget for worlds that are evaluated at the same time, megabytes, on each accelerator; changes no result."""
    clip: int = 0
    """Pictures of the clip of its whole life that is kept with each world in the archive; 0 = no clips."""
    keep_states: bool = False
    """Whether the states at the moments of the frames are kept too."""
    peak: str | None = None
    """Measure whose highest moment is kept too: value, step and picture; None = none.  It is taken after every step,
    which for measures that look ahead costs as much as the step itself."""
    sample: float = 0.0
    """Share of all worlds that is kept besides, whatever the search thinks of them, from 0 to 1: an unbiased sample."""
    migrate: int = 8
    """Where workers search islands: generations between two exchanges of what they have found; 0 = never."""
    steady: bool = False
    """Where workers run the worlds of one search: each counts as soon as it ends, in whatever order."""
    origin: str = ""
    """The archive and lifeforms that its genotypes come from, where it goes on from another run."""
    plugins: Sequence[str] = ()
    """Plugin files, absolute paths."""

    def __post_init__(self) -> None:
        for f in fields(self):
            _check(f.name, getattr(self, f.name))
        says = self.prompts or self.negatives or self._has_texts_as_axes()
        default = DEFAULT_TEXT_MODEL if says else DEFAULT_MODEL
        object.__setattr__(self, "model", {"name": default, **model_table(self.model)})
        budgets = [name for name in BUDGETS if getattr(self, name) is not None]
        if len(budgets) > 1:
            raise BadOption(f"{' and '.join(budgets)} are given; expected at most one of {', '.join(BUDGETS)}")
        if not self.score:
            wanted = ["prompt"] * bool(self.prompts or self.images) + ["liked"] * bool(self.liked)
            default = " + ".join(wanted) or ("illumination" if self._searches_by_looks() else "open_ended")
            object.__setattr__(self, "score", default)
        if self.frames is None:
            object.__setattr__(self, "frames", min(DEFAULT_FRAMES, self.steps))
        elif self.frames > self.steps:
            raise BadOption(f"frames is {self.frames}, more than the {self.steps} steps; expected at most one per step")
        if self.clip > self.steps:
            raise BadOption(f"clip is {self.clip}, more than the {self.steps} steps; expected at most one per step")
        if not budgets:
            object.__setattr__(self, "minutes", DEFAULT_MINUTES)

    def _has_texts_as_axes(self) -> bool:
        axes = self.search.get("axes", ())
        return isinstance(axes, list | tuple) and any(isinstance(axis, str) and BETWEEN in axis for axis in axes)

    def _searches_by_looks(self) -> bool:
        return self.search.get("name", "illuminate") in ("illuminate", "random")

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `RunConfig(**...)` makes the same configuration."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}


_WHOLE = ("a whole number from 1 to 2147483647", lambda v: type(v) is int and 1 <= v < 2**31)
_COUNT = ("a whole number from 0 to 2147483647", lambda v: type(v) is int and 0 <= v < 2**31)
_TEXT = ("text", lambda v: isinstance(v, str))
_TABLE = ("a table of key = value", lambda v: isinstance(v, Mapping))
_TEXTS = ("a list of texts", lambda v: isinstance(v, (list, tuple)) and all(isinstance(t, str) for t in v))
_NAMED = ("a table with a text `name`", lambda v: isinstance(v, Mapping) and isinstance(v.get("name", ""), str))
_PICTURES = (
    "a list of picture files",
    lambda v: isinstance(v, (list, tuple)) and all(isinstance(p, str) or _is_stored_picture(p) for p in v),
)
_EXPECTED = {
    "substrate": _TEXT,
    "name": _TEXT,
    "summary": _TEXT,
    "origin": _TEXT,
    "score": _TEXT,
    "steps": _WHOLE,
    "frames": _WHOLE,
    "population": _WHOLE,
    "memory_mb": _WHOLE,
    "clip": _COUNT,
    "migrate": _COUNT,
    "steady": ("true or false", lambda v: isinstance(v, bool)),
    "keep_states": ("true or false", lambda v: isinstance(v, bool)),
    "peak": ("the name of a measure", lambda v: isinstance(v, str)),
    "sample": ("a share of the worlds, from 0 to 1", lambda v: type(v) in (int, float) and 0 <= v <= 1),
    "patience": _WHOLE,
    "target": ("a score, a finite number", lambda v: type(v) in (int, float) and abs(v) < float("inf")),
    "generations": _WHOLE,
    "evaluations": _WHOLE,
    "img_size": ("a whole number of pixels from 8 to 4096", lambda v: type(v) is int and 8 <= v <= 4096),
    "minutes": ("a number of minutes, more than 0", lambda v: type(v) in (int, float) and 0 < v < float("inf")),
    "seed": ("a whole number from 0 to 4294967295", lambda v: type(v) is int and 0 <= v < 2**32),
    "options": _TABLE,
    "search": _NAMED,
    "model": ("a name, NAME:WHICH, or a table with a text `name`", lambda v: isinstance(v, str) or _NAMED[1](v)),
    "prompts": _TEXTS,
    "images": _PICTURES,
    "negatives": _TEXTS,
    "liked": ("a list of runs, each RUN or RUN:ID", _PICTURES[1]),
    "plugins": _TEXTS,
    "genotype": ("a number, a list of numbers or text", lambda v: isinstance(v, (int, float, str, list, tuple))),
}
_OPTIONAL = ("genotype", "frames", "img_size", "patience", "target", "peak", *BUDGETS)


def _check(key: str, value: Any) -> None:
    expected, fits = _EXPECTED[key]
    if (value is None and key in _OPTIONAL) or fits(value):
        return
    raise BadOption(f"{key} is {value!r}; expected {expected}")


def _is_stored_picture(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(value.get(key), str) for key in ("file", "model", "z"))


def model_table(said: str | Mapping[str, Any]) -> dict[str, Any]:
    """A model as a table of its name and options; what follows the first colon of a text is its option `which`.

    >>> model_table("texture"), model_table("open_clip:ViT-B-32:weights.safetensors")
    ({'name': 'texture'}, {'name': 'open_clip', 'which': 'ViT-B-32:weights.safetensors'})
    """
    if not isinstance(said, str):
        return dict(said)
    name, colon, which = said.partition(":")
    return {"name": name, "which": which} if colon else {"name": name}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def load_world(world: str, horizons: Mapping[str, int], **changes: Any) -> RunConfig:
    """The configuration of a world by name or file, with changes on top.

    Args:
        world: name of a substrate, name of a world in the catalog, or path of a `.toml` file.
        horizons: steps that each registered substrate runs for by default.
        changes: keys of `RunConfig` that override what the world says; None = as the world says.

    Raises:
        UnknownName: no such world.
        BadWorld: the file is missing, is not TOML, or has a wrong key or type; names file, key and what was expected.
        BadOption: a change of the wrong type or range.
    """
    if world.endswith(".toml"):
        file: Any = Path(world)
        said, where, name = _read(file), world, file.stem
    elif world in horizons:
        said, where, name = {"substrate": world}, f"substrate {world}", world
    elif world in catalog_names():
        file = _catalog_path(world)
        said, where, name = _read(file), f"world {world}", world
    else:
        hint = "`alife list worlds` shows them; a world file ends in .toml, a substrate of your own is FILE.py:Class"
        raise UnknownName("world", world, [*horizons, *catalog_names()], hint)
    substrate = said.get("substrate")
    if not isinstance(substrate, str) or substrate not in horizons:
        near = suggest(str(substrate), sorted(horizons))
        raise BadWorld(f"{where}: substrate is {substrate!r}; expected the name of a substrate; {near}")
    values = {"name": name, "steps": horizons[substrate], **said}
    try:
        RunConfig(**values)
    except BadOption as error:
        raise BadWorld(f"{where}: {error}") from None
    for key in ("images", "liked"):
        if key in said:
            values[key] = [str(file.parent / one) if isinstance(one, str) else one for one in said[key]]
    return RunConfig(**merged(values, changes))


def catalog_names() -> list[str]:
    """Names of the worlds that ship.

    >>> "orbium" in catalog_names()
    True
    """
    folder = resources.files("alife.worlds.catalog")
    return sorted(path.name[: -len(".toml")] for path in folder.iterdir() if path.name.endswith(".toml"))


def catalog_summary(name: str) -> tuple[str, str]:
    """(substrate, summary) of a world that ships."""
    said = _read(_catalog_path(name))
    return said["substrate"], said.get("summary", "")


def _catalog_path(name: str) -> Any:
    return resources.files("alife.worlds.catalog") / f"{name}.toml"


def _read(path: Any) -> dict[str, Any]:
    """The keys of a world file, checked for their names."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadWorld(
            f"{path}: there is no such file; expected a world file, see `alife list worlds` for ready ones"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise BadWorld(f"{path}: not TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadWorld(f"{path}: cannot be read: {error}") from None
    known = [f.name for f in fields(RunConfig) if f.name not in ("name", "origin", "plugins")]
    for key in said:
        if key not in known:
            raise BadWorld(f"{path}: there is no key {key!r}; {suggest(key, known)}")
    if "substrate" not in said:
        raise BadWorld(f"{path}: the key 'substrate' is missing; expected substrate = \"lenia\" or another name")
    return said


def merged(values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes on top of what a world says; another search or model by name drops the old one's options."""
    config = dict(values)
    changes = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in changes.items()}
    for table in (config, changes):
        if table.get("model") is not None:
            table["model"] = model_table(table["model"])
    given = {key: value for key, value in changes.items() if value is not None and not _is_empty(value)}
    if any(key in given for key in BUDGETS):
        for key in BUDGETS:
            config.pop(key, None)
    targets = [key for key in AIMS if key in given]
    if targets:
        for key in AIMS:
            config.pop(key, None)
        if "score" not in given:
            config.pop("score", None)  # who says what to look for wants it looked for
    if ("score" in given or targets) and "name" not in given.get("search", {}):
        config.pop("search", None)
    for key, value in given.items():
        if key not in TABLES:
            config[key] = value
            continue
        old = dict(config.get(key, {}))
        if "name" in value and value["name"] != old.get("name"):
            old = {}
        config[key] = {**old, **value}
    return config


def _is_empty(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and not value


def replace(config: RunConfig, **changes: Any) -> RunConfig:
    """A configuration with some keys changed; one budget takes the place of another."""
    if any(key in changes for key in BUDGETS):
        changes = {**dict.fromkeys(BUDGETS), **changes}
    return dataclasses.replace(config, **changes)


def from_json(values: Mapping[str, Any]) -> RunConfig:
    """The configuration that `as_json` wrote.

    Raises:
        BadWorld: keys that this version does not know, or values of another type.
    """
    try:
        return RunConfig(**values)
    except (TypeError, AlifeError) as error:
        raise BadWorld(f"the stored run configuration cannot be used by this version: {error}") from None
