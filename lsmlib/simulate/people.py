"""People: who they are, and the hidden tendencies that their bodies show and their labels depend on.

Each label has three parts: one that age, sex and body mass explain, one that a hidden tendency explains, and chance.
Signals see the tendencies only through the body, so the best model lands in the papers' ballpark and not at 1.0.
Weights are ours, chosen so that prevalences and dependences have the direction and rough size that medicine reports.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri

from lsmlib.simulate.noise import few_normals

ACTIVITY_COUNT = 20
TENDENCIES = 10  # independent normals behind a person's traits


class Traits(NamedTuple):
    """One person. Tendencies are in standard deviations; ``sex`` is 1 for female, 0 for male."""

    age: jax.Array  # years
    sex: jax.Array
    bmi: jax.Array  # kg/m²
    fitness: jax.Array  # sd
    chronotype: jax.Array  # hours that this person lives later than the average one
    arterial_stiffness: jax.Array  # sd; hidden
    worry: jax.Array  # sd; hidden
    metabolic_load: jax.Array  # sd; hidden
    sweat: jax.Array  # log of skin conductance against the average person's
    resting_heart_rate: jax.Array  # bpm, awake and seated
    vagal_tone: jax.Array  # log of RMSSD against the average person's
    hypertension: jax.Array  # 0 or 1
    anxiety: jax.Array  # 0 or 1
    homa_ir: jax.Array  # insulin resistance, dimensionless
    taste: jax.Array  # [20] sd; which activities this person likes
    commutes: jax.Array  # 0 or 1, walks to work
    wearing: jax.Array  # [3] sd; fit of the device for pulse, motion and skin contact


def draw_traits(person_key: jax.Array) -> Traits:
    """Draw one person from a key that belongs to (seed, person)."""
    uniform_key, normal_key = jax.random.split(person_key)
    born, female, commutes, chance_hypertension, chance_anxiety = jax.random.uniform(uniform_key, (5,))
    normals = few_normals(normal_key, TENDENCIES + ACTIVITY_COUNT + 3)
    normal = iter(normals[:TENDENCIES])

    age = 42.0 + 14.0 * ndtri(0.05 + 0.9485 * born)  # adults from 19 to 82
    sex = (female < 0.5).astype(jnp.float32)
    older = (age - 42.0) / 14.0
    bmi = jnp.clip(26.5 * jnp.exp(0.04 * older + 0.18 * next(normal)), 16.0, 55.0)
    heavier = (bmi - 27.0) / 5.0

    fitness = 0.9 * next(normal) - 0.35 * heavier - 0.2 * older
    chronotype = 0.9 * next(normal) - 0.25 * older
    arterial_stiffness = next(normal)
    worry = next(normal)
    metabolic_load = next(normal)
    sweat = 0.92 * next(normal) + 0.30 * worry

    hypertension_odds = -1.2 + 0.42 * older + 0.32 * heavier + 1.55 * arterial_stiffness
    anxiety_odds = -1.1 + 0.35 * sex - 0.2 * older + 1.9 * worry
    log_homa_ir = 0.55 + 0.26 * heavier - 0.16 * fitness + 0.30 * metabolic_load + 0.05 * older + 0.33 * next(normal)

    resting_heart_rate = (
        69.0 - 2.7 * fitness + 2.0 * sex + 0.8 * heavier
        + 2.4 * arterial_stiffness + 1.3 * worry + 1.9 * metabolic_load + 3.9 * next(normal)
    )  # fmt: skip
    vagal_tone = (
        -0.20 * older + 0.12 * fitness - 0.30 * arterial_stiffness - 0.26 * worry - 0.12 * metabolic_load
        + 0.24 * next(normal)
    )  # fmt: skip
    return Traits(
        age=age,
        sex=sex,
        bmi=bmi,
        fitness=fitness,
        chronotype=chronotype,
        arterial_stiffness=arterial_stiffness,
        worry=worry,
        metabolic_load=metabolic_load,
        sweat=sweat,
        resting_heart_rate=jnp.clip(resting_heart_rate, 46.0, 108.0),
        vagal_tone=vagal_tone,
        hypertension=(chance_hypertension < jax.nn.sigmoid(hypertension_odds)).astype(jnp.float32),
        anxiety=(chance_anxiety < jax.nn.sigmoid(anxiety_odds)).astype(jnp.float32),
        homa_ir=jnp.exp(log_homa_ir),
        taste=normals[TENDENCIES : TENDENCIES + ACTIVITY_COUNT],
        commutes=(commutes < 0.5).astype(jnp.float32),
        wearing=normals[-3:],
    )
