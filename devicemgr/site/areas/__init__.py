"""Zones and interlocks, where people are, and why they are let in or refused."""
