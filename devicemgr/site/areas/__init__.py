"""Zones and interlocks, where people are, why they are let in or refused, and alarms."""
