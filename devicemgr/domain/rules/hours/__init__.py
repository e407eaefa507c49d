"""What calendars and schedules open, over days."""
