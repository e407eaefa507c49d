"""Events by e-mail: alarms in words, those of one kind collected, and reports at their hours."""
