"""Sensors: what the device on the wrist makes of body and behaviour, as the 26 minute-level signals.

The scales of the accelerometer features follow their published means and deviations, read as 8-bit codes; the
shapes (which feature rises with motion, which with rhythm) follow their definitions.
"""

import jax
import jax.numpy as jnp

from lsmlib.signals import HIGH, LOW, SIGNAL_NAMES
from lsmlib.simulate.behaviour import Behaviour
from lsmlib.simulate.noise import respond, wander, white
from lsmlib.simulate.people import Traits
from lsmlib.simulate.physiology import Physiology

RR_BIN = 6.0  # ms. The published means of SDNN, RMSSD and both entropies agree with Gaussians binned at 6 ms.
GAUSSIAN_ENTROPY = 1.4189  # ½ ln(2πe): entropy in nats of a Gaussian of unit width

# The published mean of the heart rate at rest, 82.9 bpm, lies above that of all heart rates, and no body explains it:
# an offset of the estimator, kept in part, and one that depends on how the device is worn.
REST_OFFSET, REST_OFFSET_SD = 6.4, 2.5  # bpm
# Nor can the published means of heart rate (76.0 bpm) and of RR intervals (781 ms) be those of the same beats: the mean
# of 60,000 / heart rate is never below 60,000 / 76.0 = 790 ms, and intervals are found best while a heart is slow. An
# estimator that finds them a little short is what brings both means together.
RR_SHORT = 0.967

# Smallest step that a device reports, one a signal: numbers that no sensor could tell apart are stored as the same.
RESOLUTION = {
    "rr_percent_valid": 0.01,
    "rr_entropy": 0.005,
    "rr_diff_entropy": 0.005,
    "altimeter_sd": 1 / 8192,
    "skin_conductance": 1 / 64,
    "skin_conductance_slope": 1 / 64,
    "skin_temperature": 1 / 64,
    "heart_rate": 0.125,
    "heart_rate_at_rest": 0.125,
    "rr_80th_percentile": 0.5,
    "rr_20th_percentile": 0.5,
    "rr_median": 0.5,
    "rmssd": 0.25,
    "sdnn": 0.25,
    "skin_temperature_slope": 0.25,
}
_STEP = jnp.array([RESOLUTION.get(name, 1.0) for name in SIGNAL_NAMES], jnp.float32)[:, None]


def measure_day(key: jax.Array, traits: Traits, behaviour: Behaviour, body: Physiology) -> jax.Array:
    """Read the 26 signals, float32 ``[s, t]`` in physical units, complete: gaps come later, and only there."""
    slow_key, white_key = jax.random.split(key)
    #                       fit    optics posture fidget
    slow = wander(slow_key, [35.0, 20.0, 28.0, 9.0])
    noise = dict(zip(SIGNAL_NAMES, white(white_key, len(SIGNAL_NAMES)), strict=True))

    signals = {
        **_pulse(traits, behaviour, body, slow[1], traits.wearing[0], noise),
        **_motion(behaviour, slow[2], slow[3], traits.wearing[1], noise),
        **_skin(behaviour, body, slow[0], traits.wearing[2], noise),
    }
    values = jnp.stack([signals[name] for name in SIGNAL_NAMES])
    return jnp.clip(jnp.round(values / _STEP) * _STEP, LOW[:, None], HIGH[:, None])


def _pulse(traits, behaviour, body, optics, wearing, noise):
    still = (behaviour.motion < 0.16) & (behaviour.stage == 0) & (behaviour.effort < 0.05)
    heart_rate = body.heart_rate + (0.4 + 2.0 * behaviour.motion) * noise["heart_rate"]
    rest_offset = REST_OFFSET + REST_OFFSET_SD * wearing
    # The published percentiles lie 1.04 SDNN from the median on average (a Gaussian's would lie 0.84 from it).
    wide = 1.04 * body.sdnn
    sdnn = body.sdnn * jnp.exp(0.08 * noise["sdnn"])
    rmssd = jnp.minimum(body.rmssd * jnp.exp(0.08 * noise["rmssd"]), 1.38 * sdnn)
    clean = -1.45 - 9.0 * behaviour.motion + 1.8 * (behaviour.stage > 0) + 0.6 * wearing + 1.1 * optics
    rr_median = RR_SHORT * body.rr_median + 4.0 * noise["rr_median"]
    return {
        "heart_rate": heart_rate,
        "heart_rate_at_rest": _hold_at_rest(body.heart_rate, still) + rest_offset + 0.2 * noise["heart_rate_at_rest"],
        "rr_percent_valid": jax.nn.sigmoid(clean + 0.5 * noise["rr_percent_valid"]),
        "rr_median": rr_median,
        "rr_80th_percentile": rr_median + wide * jnp.exp(0.12 * noise["rr_80th_percentile"]),
        "rr_20th_percentile": rr_median
        - jnp.minimum(wide, 0.4 * body.rr_median) * jnp.exp(0.12 * noise["rr_20th_percentile"]),
        "rmssd": rmssd,
        "sdnn": sdnn,
        "rr_entropy": _entropy(sdnn) + 0.07 * noise["rr_entropy"],
        "rr_diff_entropy": _entropy(rmssd) + 0.07 * noise["rr_diff_entropy"],
    }  # fmt: skip


def _entropy(spread):
    """Entropy [t] in nats of a few hundred intervals that spread by so many ms; so few flatten it at both ends."""
    return 0.9 * jnp.log(spread / RR_BIN) + 0.16 + GAUSSIAN_ENTROPY


def _hold_at_rest(heart_rate, still):
    """Heart rate at rest [t]: the mean over earlier still minutes, recent ones first; holds its value between them."""
    first = jnp.sum(heart_rate * still) / jnp.maximum(jnp.sum(still), 1)
    before = jnp.where(still.any(), first, heart_rate[0])
    # Decays slowly enough that float32 still tells the weights of the morning from zero in the evening.
    summed, weight = respond(jnp.stack([still * heart_rate, still.astype(jnp.float32)]), [10.0, 10.0], start=0.0)
    return jnp.where(weight > 1e-30, summed / jnp.maximum(weight, 1e-30), before)


def _motion(behaviour, posture, fidget, wearing, noise):
    awake = behaviour.stage == 0
    restless = jnp.where(awake, 1.0, 0.3) * fidget
    liveliness = behaviour.motion**0.7  # the codes are logarithmic: small movements count for much
    return {
        "steps": jnp.where(behaviour.cadence > 0, behaviour.cadence * (1 + 0.08 * noise["steps"]), 0.0),
        "jerk_autocorrelation": 215.0 - 84.0 * behaviour.motion + 26.0 * behaviour.rhythm + 8.0 * posture
        + 22.0 * noise["jerk_autocorrelation"],
        "log_energy": 275.0 * liveliness + 10.0 * restless + 6.0 * noise["log_energy"],
        "covariance_condition": 42.0 + 14.0 * behaviour.rhythm + 7.0 * posture + 11.0 * noise["covariance_condition"],
        "log_energy_ratio": 38.0 + 48.0 * behaviour.motion + 30.0 * behaviour.rhythm + 7.0 * posture
        + 15.0 * noise["log_energy_ratio"],
        "zero_crossing_sd": 164.0 - 70.0 * behaviour.motion + 9.0 * posture + 20.0 * noise["zero_crossing_sd"],
        "zero_crossing_mean": 90.0 - 195.0 * liveliness + 16.0 * posture + 12.0 * noise["zero_crossing_mean"],
        "axis_mean": 123.0 + 7.0 * wearing + 18.0 * posture * jnp.where(awake, 1.0, 0.8) + 4.0 * noise["axis_mean"],
        "kurtosis": 122.0 - 130.0 * behaviour.motion + 22.0 * fidget + 50.0 * noise["kurtosis"],
        "altimeter_sd": 0.0346 * jnp.abs(behaviour.climb) + 0.0008 * jnp.abs(noise["altimeter_sd"]),
        "sleep_coefficient": 35.0 * liveliness + 1.3 * restless + 0.9 * noise["sleep_coefficient"],
    }  # fmt: skip


def _skin(behaviour, body, fit, wearing, noise):
    conductance = body.tonic + body.phasic
    rise = jnp.diff(conductance, prepend=conductance[:1])
    drift = jnp.diff(body.skin_temperature, prepend=body.skin_temperature[:1])
    contact = jax.nn.sigmoid(4.6 + 1.3 * wearing + 3.2 * fit - 3.5 * behaviour.motion - 6.0 * behaviour.wet)
    return {
        "skin_conductance": conductance * jnp.exp(0.02 * noise["skin_conductance"]),
        # The published mean slope, 3.2 µS/min, would raise the level by 4,600 µS a day: an offset of the device's own
        # coding, kept. Around it the slope follows the level's change, compressed as the published spread asks.
        "skin_conductance_slope": 3.24 + 2.2 * jnp.arcsinh(3.0 * rise) + 0.25 * noise["skin_conductance_slope"],
        "eda_lead_contacts": 256.0 * contact + 6.0 * noise["eda_lead_contacts"],
        "skin_temperature": body.skin_temperature + 0.02 * noise["skin_temperature"],
        "skin_temperature_slope": 1000.0 * drift + 4.0 * noise["skin_temperature_slope"],
    }
