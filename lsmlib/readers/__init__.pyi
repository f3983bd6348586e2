from .actigraphy import read_actigraphy as read_actigraphy
from .summary import ReadingSummary as ReadingSummary
from .summary import describe_reading as describe_reading
from .table import read_table as read_table
