"""One step of a society, in the published order: agents, deaths, births, robots, land."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.types import PRNGKey

from .births import born, dice_for_births, died, reseeded
from .dice import thrown
from .effects import felt, price, worked, written
from .living import Thought, thought
from .numbers import DID, as_vector
from .robots import Turn, taped, turn
from .settings import Dials, Settings
from .space import EDITS, LAYERS, State, Terrain, cell_of, way, wrapped
from .terrain import MAPS, clipped, dice_for_noise, drifted, flooded, grown, landness, of_noise, risen

RECENTLY = 16
"""Steps for which a robot counts as told what to do."""
WORKSHOP = 32.0
"""World units from a robot within which what agents eat counts as got with its help."""
LIVING = 0.25
"""What a robot's turn costs, energy."""


def stepped(key: PRNGKey, state: State, settings: Settings, dials: Dials) -> State:
    """The next moment."""
    think_key, birth_key, robot_key, dice_key = jax.random.split(key, 4)
    dice = thrown(dice_key, **dice_for_births(settings), **dice_for_noise(settings.lattice))
    before = state
    what = thought(state, settings, think_key)
    state, numbers = acted(state, what, settings, dials)
    agents, deaths = died(state.agents)
    state = state._replace(agents=agents)
    mates = jnp.where(what.agents.there[:, 0], what.agents.who[:, 0], jnp.arange(settings.agents))
    state, births = born(state, settings, dials, mates, dice, birth_key)
    state, seeds = reseeded(state, settings, dice)
    numbers |= deaths | births | seeds
    state, machines = _robots(state, settings, dials, robot_key)
    numbers |= machines | {name: numbers[name] + machines[name] for name in ("hit_loss", "clipped")}
    state, grows = _land(state, settings, dials, dice)
    numbers |= grows | _of(state, settings) | _use(before, state, what, numbers, settings)
    now = as_vector(numbers)
    begins = before.t % settings.epoch == 0
    return state._replace(t=before.t + 1, now=now, sums=jnp.where(begins, 0, before.sums) + now)


def acted(state: State, what: Thought, settings: Settings, dials: Dials) -> tuple[State, dict[str, Array]]:
    """All effects of what the agents do, added up."""
    agents, robots, deeds = state.agents, state.robots, what.deeds
    cell = cell_of(agents.x, settings.size)
    to_agents, hits = felt(deeds, what.agents, agents.x, settings, dials)
    to_robots, more = felt(deeds, what.robots, robots.x, settings, dials)
    terrain, eaten = worked(state.terrain, cell, deeds, dials, settings.conserve_food)
    living = jnp.where(agents.alive, dials.life_cost + agents.age * dials.age_cost, 0)
    spent = living + price(deeds.record, state.terrain, cell, dials, settings.signed_costs)
    gained = hits + more
    x = agents.x + dials.speed * deeds.record[:, :2] + to_agents.push
    outbox, inbox = jnp.tanh(agents.outbox + what.show), jnp.tanh(written(agents.inbox, to_agents))
    alive = agents.alive[:, None]
    agents = agents._replace(
        age=agents.age + agents.alive,
        energy=agents.energy + eaten + gained - spent - to_agents.hit,
        x=wrapped(x, settings.side),
        outbox=jnp.where(alive, outbox, 0),
        inbox=jnp.where(alive, inbox, 0),
        action=deeds.record,
        hidden=what.hidden,
    )
    energy = jnp.maximum(robots.energy - to_robots.hit, 0)
    robots = robots._replace(
        energy=energy,
        program=jnp.clip(written(robots.program, to_robots), -1, 1),
        x=wrapped(robots.x + to_robots.push, settings.side),
        told=jnp.where(to_robots.gate > 0, state.t, robots.told),
    )
    tidy = clipped(terrain)
    done = jnp.abs(deeds.record)
    people = jnp.maximum(1, jnp.sum(agents.alive))
    robots_lost = jnp.sum(to_robots.hit)
    numbers = {
        **_did("agents", jnp.sum(done, axis=0) / people),
        "eaten": jnp.sum(eaten),
        "eaten_by": eaten,
        "spent": jnp.sum(spent),
        "hit_loss": jnp.sum(to_agents.hit) + robots_lost - jnp.sum(gained),
        "clipped": jnp.sum(energy - state.robots.energy) + robots_lost + jnp.sum(tidy.energy - terrain.energy),
    }
    return state._replace(agents=agents, robots=robots, terrain=tidy), numbers


def _did(whose: str, means: Float[Array, " 12"]) -> dict[str, Array]:
    return dict(zip((f"{whose}_{name}" for name in DID), [means[0] + means[1], *means[2:]], strict=True))


def _robots(state: State, settings: Settings, dials: Dials, key: PRNGKey) -> tuple[State, dict[str, Array]]:
    """All turns of the robots."""
    names = (*(f"robots_{name}" for name in DID), "robots_eaten", "robots_spent", "hit_loss", "clipped")

    def once(i: Array, made: tuple[State, dict[str, Array]]) -> tuple[State, dict[str, Array]]:
        state, sums = made
        state, numbers = machined(state, turn(state, settings, jax.random.fold_in(key, i)), settings, dials)
        return state, {name: sums[name] + numbers[name] for name in names}

    # without the genomes, which robots never touch
    slim = state._replace(agents=state.agents._replace(genome=None), bank=None)
    slim, sums = jax.lax.fori_loop(0, settings.robot_ticks, once, (slim, dict.fromkeys(names, jnp.float32(0))))
    whole = slim._replace(agents=slim.agents._replace(genome=state.agents.genome), bank=state.bank)
    turns = max(1, settings.robot_ticks)
    return whole, {n: v / turns if n.removeprefix("robots_") in DID else v for n, v in sums.items()}


def machined(state: State, did: Turn, settings: Settings, dials: Dials) -> tuple[State, dict[str, Array]]:
    """All effects of one turn of the robots."""
    agents, robots, deeds, side = state.agents, state.robots, did.deeds, settings.side
    cell = cell_of(robots.x, settings.size)
    to_agents, hits = felt(deeds, did.agents, agents.x, settings, dials)
    to_robots, more = felt(deeds, did.robots, robots.x, settings, dials)
    terrain, eaten = worked(state.terrain, cell, deeds, dials, settings.conserve_food)
    spent = price(deeds.record, state.terrain, cell, dials, settings.signed_costs) + jnp.where(deeds.able, LIVING, 0)
    x = wrapped(robots.x + dials.speed * deeds.record[:, :2] + to_robots.push, side)
    bit, memory = taped(state, did, did.memory, x)
    gained = hits + more
    energy = robots.energy + eaten + gained - spent - to_robots.hit
    fed = agents.energy - to_agents.hit
    tidy = clipped(terrain._replace(bit=bit))
    state = state._replace(
        robots=robots._replace(
            energy=jnp.maximum(energy, 0),
            memory=jnp.clip(memory, -1, 1),
            program=jnp.clip(written(robots.program, to_robots), -1, 1),
            x=x,
            told=jnp.where(to_robots.gate > 0, state.t, robots.told),
        ),
        agents=agents._replace(
            energy=jnp.maximum(fed, 0),
            inbox=jnp.clip(written(agents.inbox, to_agents), -1, 1),
            x=wrapped(agents.x + to_agents.push, side),
        ),
        terrain=tidy,
    )
    cut = jnp.sum(jnp.maximum(-energy, 0)) + jnp.sum(jnp.maximum(-fed, 0)) + jnp.sum(tidy.energy - terrain.energy)
    numbers = {
        **_did("robots", jnp.sum(jnp.abs(deeds.record), axis=0) / jnp.maximum(1, jnp.sum(deeds.able))),
        "robots_eaten": jnp.sum(eaten),
        "robots_spent": jnp.sum(spent),
        "hit_loss": jnp.sum(to_agents.hit) + jnp.sum(to_robots.hit) - jnp.sum(gained),
        "clipped": cut,
    }
    return state, numbers


def _land(state: State, settings: Settings, dials: Dials, dice: dict[str, Array]) -> tuple[State, dict[str, Array]]:
    """Growth, healing, and from time to time the weather."""
    before = jnp.sum(state.terrain.energy)
    phase, base = jax.lax.cond(
        (state.t + 1) % settings.weather_every == 0,
        lambda: weathered(state, settings, dials, dice),
        lambda: (state.phase, state.base),
    )
    terrain = state.terrain
    if settings.capacity_follows_weather:
        terrain = terrain._replace(capacity=base.capacity)
    if MAPS[settings.terrain].seasons:
        terrain = risen(terrain, state.base, base)
    terrain = grown(terrain, base, dials)
    return state._replace(phase=phase, base=base, terrain=terrain), {"grown": jnp.sum(terrain.energy) - before}


def weathered(
    state: State, settings: Settings, dials: Dials, dice: dict[str, Array]
) -> tuple[dict[str, Array], Terrain]:
    """Phases and base of the terrain, one look at the weather later."""
    phase = drifted(dice, state.phase, settings.weather_every, dials.weather)
    kind = MAPS[settings.terrain]
    if kind.base is None:
        return phase, of_noise(phase, settings.size, dials)
    return phase, flooded(state.base, state.t + 1) if kind.seasons else state.base


def _of(state: State, settings: Settings) -> dict[str, Array]:
    """Numbers that a moment shows."""
    agents, terrain, base = state.agents, state.terrain, state.base
    people = jnp.sum(agents.alive)
    some = jnp.maximum(1, people)

    def mean(values: Array) -> Array:
        return jnp.sum(jnp.where(agents.alive, values, 0)) / some

    tag = jnp.where(agents.alive[:, None], agents.tag, 0)
    spread = jnp.sum(tag**2, axis=0) / some - (jnp.sum(tag, axis=0) / some) ** 2
    edited = [jnp.mean(jnp.abs(getattr(terrain, name) - getattr(base, name))) for name in EDITS]
    water = landness(base) < 0.5
    bridged = jnp.sum(water & (terrain.move_cost < base.move_cost / 2)) / jnp.maximum(1, jnp.sum(water))
    robots = jnp.maximum(1, jnp.sum(state.robots.active))
    return {
        "population": people,
        "energy": mean(agents.energy),
        "age": mean(agents.age),
        "ancestors": mean(agents.generation),
        "deepest": jnp.max(jnp.where(agents.alive, agents.generation, 0)),
        "tag_diversity": jnp.mean(jnp.sqrt(jnp.maximum(spread, 0))),
        **{f"land_{name}": jnp.mean(getattr(terrain, name)) for name in LAYERS},
        "terraforming": sum(edited),  # type: ignore[dict-item]  # an array, as there are edits
        "agriculture": jnp.mean(terrain.growth - base.growth),
        "bridges": bridged,
        "health": jnp.abs(people / settings.agents - 0.7),
        "told": jnp.sum(state.robots.active & (state.t - state.robots.told < RECENTLY)) / robots,
        "programmed": jnp.sum(state.robots.active & jnp.any(state.robots.program != 0, axis=1)) / robots,
    }


def _use(before: State, after: State, what: Thought, numbers: dict[str, Array], settings: Settings) -> dict[str, Array]:
    """Energy that went through, and the share of the food that was eaten beside a robot told what to do."""
    eaten_by = numbers.pop("eaten_by")
    spent = numbers["spent"] + numbers["birth_prices"]
    robot = what.robots.who[:, 0]
    distance = jnp.linalg.norm(way(before.agents.x, before.robots.x[robot], settings.side), axis=-1)
    told = what.robots.there[:, 0] & (before.t - before.robots.told[robot] < RECENTLY) & (distance < WORKSHOP)
    total = jnp.maximum(numbers["eaten"], 1e-6)
    return {
        "throughput": spent + numbers["robots_spent"],
        "throughput_per_capita": (spent + numbers["robots_spent"]) / jnp.maximum(1, jnp.sum(before.agents.alive)),
        "tool_use": jnp.sum(jnp.where(told, eaten_by, 0)) / total,
    }
