"""What Apple Health calls things: records that become signals, stages of sleep, kinds of workout."""

from typing import Literal, NamedTuple


class Quantity(NamedTuple):
    """A type of record: what becomes of it, and from its units to ours by factor and summand."""

    name: str  # of a signal, or of a number about a day
    kind: Literal["reading", "total", "day"]
    time: Literal["start", "end"]  # which of its two times a reading is told at, or which names its day
    units: dict[str, tuple[float, float]]


QUANTITIES = {
    "HKQuantityTypeIdentifierHeartRate": Quantity(
        "heart_rate", "reading", "start", {"count/min": (1, 0), "count/s": (60, 0)}
    ),
    "HKQuantityTypeIdentifierHeartRateVariabilitySDNN": Quantity(
        "sdnn", "reading", "end", {"ms": (1, 0), "s": (1000, 0)}
    ),
    "HKQuantityTypeIdentifierStepCount": Quantity("steps", "total", "start", {"count": (1, 0)}),
    "HKQuantityTypeIdentifierRestingHeartRate": Quantity(
        "resting_heart_rate", "day", "start", {"count/min": (1, 0), "count/s": (60, 0)}
    ),
    "HKQuantityTypeIdentifierAppleSleepingWristTemperature": Quantity(
        "sleeping_wrist_temperature", "day", "end", {"degC": (1, 0), "degF": (5 / 9, -160 / 9), "K": (1, -273.15)}
    ),
}
OF_DAY = {  # plausible range, unit and meaning of the numbers about a day
    "resting_heart_rate": (30.0, 150.0, "bpm", "resting heart rate of the day, as the device estimates it"),
    "sleeping_wrist_temperature": (15.0, 45.0, "°C", "wrist temperature of the night that ended on this day"),
}

SLEEP = "HKCategoryTypeIdentifierSleepAnalysis"
IN_BED = "HKCategoryValueSleepAnalysisInBed"
STAGES = {
    "HKCategoryValueSleepAnalysisAsleep": 1,  # until iOS 15
    "HKCategoryValueSleepAnalysisAsleepUnspecified": 1,
    "HKCategoryValueSleepAnalysisAsleepCore": 1,
    "HKCategoryValueSleepAnalysisAsleepDeep": 1,
    "HKCategoryValueSleepAnalysisAsleepREM": 1,
    "HKCategoryValueSleepAnalysisAwake": 0,
}

# HealthKit's own numbers of the kinds of workout, so codes are the same for every export and year. "Other", 3000 there,
# does not fit eight bits.
OTHER = 127
WORKOUT_PREFIX = "HKWorkoutActivityType"
WORKOUTS = {
    "AmericanFootball": 1,
    "Archery": 2,
    "AustralianFootball": 3,
    "Badminton": 4,
    "Baseball": 5,
    "Basketball": 6,
    "Bowling": 7,
    "Boxing": 8,
    "Climbing": 9,
    "Cricket": 10,
    "CrossTraining": 11,
    "Curling": 12,
    "Cycling": 13,
    "Dance": 14,
    "DanceInspiredTraining": 15,
    "Elliptical": 16,
    "EquestrianSports": 17,
    "Fencing": 18,
    "Fishing": 19,
    "FunctionalStrengthTraining": 20,
    "Golf": 21,
    "Gymnastics": 22,
    "Handball": 23,
    "Hiking": 24,
    "Hockey": 25,
    "Hunting": 26,
    "Lacrosse": 27,
    "MartialArts": 28,
    "MindAndBody": 29,
    "MixedMetabolicCardioTraining": 30,
    "PaddleSports": 31,
    "Play": 32,
    "PreparationAndRecovery": 33,
    "Racquetball": 34,
    "Rowing": 35,
    "Rugby": 36,
    "Running": 37,
    "Sailing": 38,
    "SkatingSports": 39,
    "SnowSports": 40,
    "Soccer": 41,
    "Softball": 42,
    "Squash": 43,
    "StairClimbing": 44,
    "SurfingSports": 45,
    "Swimming": 46,
    "TableTennis": 47,
    "Tennis": 48,
    "TrackAndField": 49,
    "TraditionalStrengthTraining": 50,
    "Volleyball": 51,
    "Walking": 52,
    "WaterFitness": 53,
    "WaterPolo": 54,
    "WaterSports": 55,
    "Wrestling": 56,
    "Yoga": 57,
    "Barre": 58,
    "CoreTraining": 59,
    "CrossCountrySkiing": 60,
    "DownhillSkiing": 61,
    "Flexibility": 62,
    "HighIntensityIntervalTraining": 63,
    "JumpRope": 64,
    "Kickboxing": 65,
    "Pilates": 66,
    "Snowboarding": 67,
    "Stairs": 68,
    "StepTraining": 69,
    "WheelchairWalkPace": 70,
    "WheelchairRunPace": 71,
    "TaiChi": 72,
    "MixedCardio": 73,
    "HandCycling": 74,
    "DiscSports": 75,
    "FitnessGaming": 76,
    "CardioDance": 77,
    "SocialDance": 78,
    "Pickleball": 79,
    "Cooldown": 80,
    "SwimBikeRun": 82,
    "Transition": 83,
    "UnderwaterDiving": 84,
    "Other": OTHER,
}
SEXES = {"HKBiologicalSexFemale": "female", "HKBiologicalSexMale": "male", "HKBiologicalSexOther": "other"}
