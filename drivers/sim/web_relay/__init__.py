"""Simulated relay boards with a web server: Shelly, Tasmota, Dingtian, Devantech ETH and KMTronic LAN."""
