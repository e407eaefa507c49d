"""A ZKTeco face terminal with access-control PUSH firmware, for training and tests; shares no table with the driver."""
