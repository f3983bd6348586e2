"""What a Cohort or a model knows: baselines, probes and scores, always split by person; and how real a Cohort looks."""

from lsmlib.evaluate.features import hand_features as hand_features
from lsmlib.evaluate.learnability import label_table as label_table
from lsmlib.evaluate.realism import autocorrelation as autocorrelation
from lsmlib.evaluate.realism import daily_profile as daily_profile
from lsmlib.evaluate.realism import ks_distance as ks_distance
from lsmlib.evaluate.realism import minute_values as minute_values
from lsmlib.evaluate.realism import profile_correlation as profile_correlation
from lsmlib.evaluate.realism import step_transitions as step_transitions
from lsmlib.evaluate.realism import two_sample_test as two_sample_test
