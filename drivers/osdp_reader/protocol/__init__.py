"""OSDP 2.2 as spoken by a control panel: messages, the Secure Channel, and one exchange on a shared line."""
