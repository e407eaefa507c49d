"""Events as syslog messages: RFC 5424 or CEF, over TLS, TCP or, where the address says so, UDP."""
