"""The words of captions: what signals are called in a sentence, and the sentences.

A template's slots are filled with facts and nothing else, so that a sentence can be read back into them (``parse``).
``{Signal}`` is a signal's phrase at the beginning of a sentence, ``{signal}`` inside; ``{unit}`` brings its own space.
Names of activities and moods come from a Cohort and never begin a sentence, where a capital would change them.
"""

from lsmlib.signals import SIGNALS

# All in the singular, so that one verb fits every signal.
PHRASES = {
    "heart_rate": "heart rate",
    "heart_rate_at_rest": "resting heart rate",
    "rr_percent_valid": "the fraction of valid beat intervals",
    "rr_80th_percentile": "the 80th percentile of beat intervals",
    "rr_20th_percentile": "the 20th percentile of beat intervals",
    "rr_median": "the median beat interval",
    "rmssd": "heart rate variability (RMSSD)",
    "sdnn": "heart rate variability (SDNN)",
    "rr_entropy": "beat interval entropy",
    "rr_diff_entropy": "the entropy of beat interval differences",
    "steps": "the step rate",
    "jerk_autocorrelation": "jerk autocorrelation",
    "log_energy": "the log energy of motion",
    "covariance_condition": "the covariance condition of motion",
    "log_energy_ratio": "the log energy ratio of motion",
    "zero_crossing_sd": "the spread of zero crossings",
    "zero_crossing_mean": "the time between zero crossings",
    "axis_mean": "the position of the wrist axes",
    "kurtosis": "the kurtosis of motion",
    "altimeter_sd": "the spread of air pressure",
    "sleep_coefficient": "the sleep coefficient",
    "skin_conductance": "skin conductance",
    "skin_conductance_slope": "the slope of skin conductance",
    "eda_lead_contacts": "the electrode contact count",
    "skin_temperature": "skin temperature",
    "skin_temperature_slope": "the slope of skin temperature",
}
# "a.u." would end a sentence with two full stops, and a fraction and a count need no unit.
_UNIT_WORDS = {"a.u.": " arbitrary units", "fraction": "", "counts": ""}
UNITS = {signal.name: _UNIT_WORDS.get(signal.unit, f" {signal.unit}") for signal in SIGNALS}

_RISE_OR_FALL = (
    "{Signal} {moved} by {value}{unit} between {start} and {end}.",
    "From {start} to {end}, {signal} {moved} by {value}{unit}.",
    "Starting at {start}, {signal} {moved} by {value}{unit} until {end}.",
    "{Signal} {moved} over the hours from {start} to {end}, by {value}{unit} in all.",
    "Between {start} and {end} there was {a_move} of {value}{unit} in {signal}.",
    "{Signal} showed {a_move} of {value}{unit} from {start} to {end}.",
    "A look at {signal} finds {a_move} of {value}{unit} that began at {start} and ended at {end}.",
    "{Signal} {moved} from {start} until {end}, by {value}{unit}.",
    "By {end}, {signal} had {been_moved} by {value}{unit} since {start}.",
    "Over the stretch {start} to {end}, {signal} {moved}, changing by {value}{unit}.",
)


def _fill(templates: tuple[str, ...], **words: str) -> tuple[str, ...]:
    for slot, word in words.items():
        templates = tuple(template.replace(f"{{{slot}}}", word) for template in templates)
    return templates


TEMPLATES = {
    "statistical": (
        "{Signal} averaged {mean}{unit} (sd {sd}), with values from {minimum} to {maximum}{unit}.",
        "The mean of {signal} was {mean}{unit}, its standard deviation {sd}, its lowest value {minimum} and its "
        "highest {maximum}{unit}.",
        "Over {minutes} measured minutes, {signal} had a mean of {mean}{unit}, a standard deviation of {sd}, a minimum "
        "of {minimum} and a maximum of {maximum}{unit}.",
        "{Signal} ranged from {minimum} to {maximum}{unit} around a mean of {mean} with a standard deviation of {sd}.",
        "Between its extremes of {minimum} and {maximum}{unit}, {signal} averaged {mean}, give or take {sd}{unit}.",
        "{Signal}: mean {mean}, sd {sd}, minimum {minimum}, maximum {maximum}{unit}.",
        "Measured in {minutes} minutes, {signal} averaged {mean}{unit}, varied by {sd} (one sd), reached {maximum} at "
        "most and {minimum}{unit} at least.",
        "On this day {signal} was {mean}{unit} on average and lay between {minimum} and {maximum}, with a spread (sd) "
        "of {sd}{unit}.",
        "The day's average of {signal} came to {mean}{unit}; the sd was {sd}, the range {minimum} to {maximum}{unit}.",
        "{Signal} went no lower than {minimum} and no higher than {maximum}{unit}; it averaged {mean} with an sd of "
        "{sd}{unit}.",
        "With {minutes} minutes on record, {signal} showed a mean of {mean}, an sd of {sd}, and a range of {minimum} "
        "to {maximum}{unit}.",
        "A mean of {mean}{unit} and a standard deviation of {sd}{unit} describe {signal}, whose readings ran from "
        "{minimum} to {maximum}{unit}.",
        "{Signal} reached a high of {maximum}{unit} and a low of {minimum}{unit}, and its mean and sd were {mean} and "
        "{sd}{unit}.",
        "From {minutes} minutes of readings: {signal} averaged {mean}{unit}, sd {sd}, lowest {minimum}, highest "
        "{maximum}{unit}.",
        "For {signal} the average was {mean}{unit}, the deviation around it {sd}, the smallest reading {minimum} and "
        "the largest {maximum}{unit}.",
        "{Signal} stood at {mean}{unit} on average, fluctuating with an sd of {sd} within {minimum} to "
        "{maximum}{unit}.",
        "Readings of {signal} had mean {mean}{unit} and sd {sd}; they started at {minimum} and topped out at "
        "{maximum}{unit}.",
        "{Signal}, seen in {minutes} minutes of the day, averaged {mean}{unit} with an sd of {sd}; its extremes were "
        "{minimum} and {maximum}{unit}.",
        "No reading of {signal} was below {minimum} or above {maximum}{unit}, the mean being {mean} and the sd "
        "{sd}{unit}.",
        "Typical of {signal} was {mean}{unit} (mean) with a scatter of {sd} (sd); the lowest and highest readings were "
        "{minimum} and {maximum}{unit}.",
    ),
    "rise": (
        *_fill(_RISE_OR_FALL[:5], moved="rose", a_move="a rise"),
        *_fill(_RISE_OR_FALL[5:], moved="increased", a_move="an increase", been_moved="gone up"),
        "{Signal} climbed from {start} on and was {value}{unit} higher by {end}.",
        "An upward trend took {signal} up by {value}{unit} between {start} and {end}.",
    ),
    "fall": (
        *_fill(_RISE_OR_FALL[:5], moved="fell", a_move="a fall"),
        *_fill(_RISE_OR_FALL[5:], moved="decreased", a_move="a decrease", been_moved="gone down"),
        "{Signal} sank from {start} on and was {value}{unit} lower by {end}.",
        "A downward trend took {signal} down by {value}{unit} between {start} and {end}.",
    ),
    "peak": (
        "{Signal} peaked at {value}{unit} between {start} and {end}.",
        "A peak in {signal} stands out from {start} to {end}, at {value}{unit}.",
        "Between {start} and {end}, {signal} shot up to {value}{unit} for a short while.",
        "{Signal} reached a brief high of {value}{unit} from {start} to {end}.",
        "At its peak, from {start} to {end}, {signal} averaged {value}{unit}.",
        "There was a spike in {signal} from {start} to {end}, where it averaged {value}{unit}.",
        "The half hour from {start} to {end} brought a peak of {value}{unit} in {signal}.",
        "{Signal} spiked from {start} to {end}, to {value}{unit}.",
        "For a short time, from {start} to {end}, {signal} jumped to {value}{unit}.",
        "{Signal} stood far above its surroundings from {start} to {end}, at {value}{unit}.",
    ),
    "dip": (
        "{Signal} dipped to {value}{unit} between {start} and {end}.",
        "A dip in {signal} stands out from {start} to {end}, at {value}{unit}.",
        "Between {start} and {end}, {signal} dropped to {value}{unit} for a short while.",
        "{Signal} reached a brief low of {value}{unit} from {start} to {end}.",
        "At its lowest point, from {start} to {end}, {signal} averaged {value}{unit}.",
        "There was a trough in {signal} from {start} to {end}, where it averaged {value}{unit}.",
        "The half hour from {start} to {end} brought a dip to {value}{unit} in {signal}.",
        "{Signal} plunged from {start} to {end}, to {value}{unit}.",
        "For a short time, from {start} to {end}, {signal} sagged to {value}{unit}.",
        "{Signal} stood far below its surroundings from {start} to {end}, at {value}{unit}.",
    ),
    "activity": (
        "The log shows {name} from {start} to {end}.",
        "Between {start} and {end} the person logged {name}.",
        "From {start} to {end} the activity was {name}.",
        "Activity between {start} and {end}: {name}.",
        "One {name} session ran from {start} to {end}.",
        "The time from {start} to {end} is filed under {name}.",
        "At {start} a session of {name} began, which lasted until {end}.",
        "Exercise on record from {start} to {end}: {name}.",
        "The wearer's activity from {start} until {end} was {name}.",
        "Starting at {start} and ending at {end}, the logged exercise was {name}.",
        "There is an entry for {name} between {start} and {end}.",
        "The minutes from {start} to {end} are labelled {name}.",
        "One of the day's activities, between {start} and {end}, was {name}.",
        "A workout of type {name} took place from {start} to {end}.",
        "The exercise that began at {start} and finished at {end} was {name}.",
        "Marked in the diary from {start} to {end} is {name}.",
        "Until {end}, from {start} on, the logged activity was {name}.",
        "What filled the time between {start} and {end} was {name}.",
        "For the period {start} to {end} the person entered {name}.",
        "Recorded as {name}, an activity went on from {start} to {end}.",
    ),
    "sleep": (
        "The person slept from {start} to {end}.",
        "Sleep lasted from {start} until {end}.",
        "Between {start} and {end} the person was asleep.",
        "From {start} to {end} there was sleep.",
        "The time from {start} to {end} was spent asleep.",
        "A period of sleep ran from {start} to {end}.",
        "Asleep: from {start} to {end}.",
        "The record has sleep between {start} and {end}.",
        "The wearer was sleeping from {start} until {end}.",
        "Rest in the form of sleep took place from {start} to {end}.",
        "The minutes from {start} to {end} are marked as sleep.",
        "Until {end}, from {start} on, the person was sleeping.",
    ),
    "mood": (
        "At {start} the person felt {name}.",
        "The mood logged at {start} was {name}.",
        "Feeling at {start}: {name}.",
        "At {start} the person described their mood as {name}.",
        "A mood entry at {start} says {name}.",
        "The person noted feeling {name} at {start}.",
        "Mood at {start}: {name}.",
        "By their own account the person was {name} at {start}.",
        "The diary has the person feeling {name} at {start}.",
        "The word for the mood at {start} was {name}.",
        "When the clock said {start}, the person reported being {name}.",
        "Self-reported mood, {start}: {name}.",
    ),
}
