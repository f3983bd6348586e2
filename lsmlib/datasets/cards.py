"""What is known of a public data set: who was recorded, with what, under which licence, and where it lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class DatasetCard:
    """A data set at a glance; shows itself as text, and as a table in notebooks."""

    name: str
    title: str
    people: int
    days: str
    device: str
    signals: Sequence[str]  # those of the 26 that become observed
    also: Sequence[str]  # other variables and labels
    licence: str
    citation: str
    page: str  # where a person reads about it and downloads it by hand
    downloads: Sequence[str]  # addresses of its files, or "doi:…/file" where the archive tells digests itself
    traps: Sequence[str]  # what a reader of the data should know

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("people", f"{self.people}, {self.days}"),
            ("device", self.device),
            ("signals", ", ".join(self.signals)),
            ("also", ", ".join(self.also)),
            ("licence", self.licence),
            ("cite", self.citation),
            ("source", self.page),
            *(("mind", trap) for trap in self.traps),
        ]

    def __repr__(self) -> str:
        return "\n".join([f"{self.title} ({self.name})", *(f"  {key:8s} {text}" for key, text in self._rows())])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{key}</td><td>{escape(text)}</td></tr>" for key, text in self._rows())
        return f"<p><b>{escape(self.title)}</b></p><table>{rows}</table>"

    def how_to_get(self, folder: object) -> str:
        """What a person without a network here should do."""
        files = ", ".join(
            address.rsplit("/", 1)[-1] if address.startswith("doi:") else address for address in self.downloads
        )
        return (
            f"Download {files} (see {self.page}), put it into {folder} (unpacked or as it is), and call "
            f"lsmlib.datasets.load({self.name!r}, {str(folder)!r})"
        )


FITBIT = DatasetCard(
    name="fitbit",
    title="Crowd-sourced Fitbit datasets",
    people=33,
    days="about a month each in spring 2016, free-living",
    device="Fitbit trackers of the participants' own",
    signals=("steps", "heart_rate"),
    also=("intensity", "minutes_asleep, minutes_in_bed (per night, some people)"),
    licence="CC BY 4.0 (Zenodo), CC0 (Kaggle)",
    citation="Furberg, Brinton, Keating & Ortiz (2016), doi 10.5281/zenodo.53894",
    page="https://zenodo.org/record/53894",
    downloads=(
        "doi:10.5281/zenodo.53894/mturkfitbit_export_3.12.16-4.11.16.zip",
        "doi:10.5281/zenodo.53894/mturkfitbit_export_4.12.16-5.12.16.zip",
    ),
    traps=(
        "a tracker in a drawer writes 0 steps, not a gap: non_wear='stepless_day' removes whole such days",
        "heart rate exists for few people; the table of minutes that circulates was cut to hours of the clock, "
        "each person's own, and gaps of up to an hour in it were filled in: what is missing in it tells nothing",
    ),
)
DEPRESJON = DatasetCard(
    name="depresjon",
    title="Depresjon: motor activity of depressed patients and controls",
    people=55,
    days="5 to 20 days each, 693 in all",
    device="Actiwatch AW4 (Cambridge Neurotechnology), right wrist",
    signals=("log_energy",),
    also=("counts", "depression", "madrs", "age (middle of a band)", "sex"),
    licence="free for research and teaching, cite the paper",
    citation="Garcia-Ceja et al., MMSys (2018), doi 10.1145/3204949.3208125",
    page="https://datasets.simula.no/depresjon",
    downloads=("https://datasets.simula.no/downloads/depresjon.zip",),
    traps=("files run on for weeks after the study: only the first days, as scores.csv counts them, are read",),
)
MMASH = DatasetCard(
    name="mmash",
    title="MMASH: multilevel monitoring of activity and sleep in healthy people",
    people=22,
    days="about 24 hours each",
    device="Polar H7 chest belt (beats), ActiGraph wGT3X-BT at the hip (steps, posture)",
    signals=("heart_rate", "steps", "rmssd", "sdnn"),
    also=("standing, sitting, lying (shares of the minute)", "age", "sex (all male)", "bmi"),
    licence="ODC-BY 1.0",
    citation="Rossi et al., Data 5(4) (2020), doi 10.3390/data5040091",
    page="https://physionet.org/content/mmash/1.0.0",
    downloads=("https://physionet.org/files/mmash/1.0.0/MMASH.zip",),
    traps=(
        "dates are invented, the clock is real",
        "the table of minutes that circulates holds 10 of the 22 people",
        "heart rate runs from 3 to 240 and is cut to what is plausible",
    ),
)
STRESS_PREDICT = DatasetCard(
    name="stress_predict",
    title="Stress-Predict: stress tasks in the laboratory",
    people=35,
    days="a session of about an hour each",
    device="Empatica E4, wrist",
    signals=(
        "heart_rate",
        "skin_conductance",
        "skin_conductance_slope",
        "skin_temperature",
        "skin_temperature_slope",
    ),
    also=("stress (0 rest, 1 task, per minute)",),
    licence="MIT",
    citation="Iqbal et al., Sensors 22(21), 8135 (2022), doi 10.3390/s22218135",
    page="https://doi.org/10.3390/s22218135",
    downloads=("https://github.com/italha-d/Stress-Predict-Dataset/archive/refs/heads/main.zip",),
    traps=("S01 has no labels", "an hour of a day is a day of which 96 % is missing"),
)
AW_FB = DatasetCard(
    name="aw_fb",
    title="Apple Watch and Fitbit on a treadmill",
    people=49,
    days="6,264 separate minutes of 65-minute protocols",
    device="Apple Watch Series 2 and Fitbit Charge HR 2, worn together",
    signals=("heart_rate", "steps"),
    also=("activity (lying, sitting, self-paced walk, 3, 5 and 7 METs)", "device", "age", "sex", "bmi"),
    licence="CC0",
    citation="Fuller et al. (2020), doi 10.7910/DVN/ZS2Z2J",
    page="https://doi.org/10.7910/DVN/ZS2Z2J",
    downloads=("doi:10.7910/DVN/ZS2Z2J/aw_fb_data.csv",),
    traps=(
        "rows are minutes without a clock: they are laid one after another from midnight, and dates are invented",
        "there is no person in the table: people are told apart by age, sex, height and weight",
        "steps fit neither the activities nor each other (Apple Watch, lying: 162 a minute on average); those beyond "
        "what legs can do become gaps. Calories are in two scales, and are not read",
    ),
)
CARDS = {card.name: card for card in (FITBIT, DEPRESJON, MMASH, STRESS_PREDICT, AW_FB)}
