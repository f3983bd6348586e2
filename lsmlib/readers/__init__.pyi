from .actigraphy import read_actigraphy as read_actigraphy
from .apple_health import read_apple_health as read_apple_health
from .empatica import read_empatica as read_empatica
from .fitabase import read_fitabase as read_fitabase
from .fitbit_takeout import read_fitbit_takeout as read_fitbit_takeout
from .summary import ReadingSummary as ReadingSummary
from .summary import describe_reading as describe_reading
from .table import read_table as read_table
