"""Sabotages of API, security and site."""

from tests.sabotage.sabotage import one

SABOTAGES = (
    one(
        "a kept password goes to another host",
        "devicemgr/site/password_scope.py",
        "    if old.host != new.host:\n        return False\n",
        "",
        "tests/devicemgr/site/test_password_scope.py",
    ),
    one(
        "an admin of today approves",
        "devicemgr/security/approvals.py",
        "        _require_settled(site, session, actor)\n",
        "",
        "tests/devicemgr/security/test_passwords.py",
    ),
    one(
        "a body that drips has for ever",
        "devicemgr/api/connection_limits.py",
        "now - self._owed_since > allowed_s",
        "False",
        "tests/devicemgr/api/test_connections.py",
    ),
    one(
        "one address takes every connection",
        "devicemgr/api/connection_limits.py",
        "if len(own) >= MAX_PER_ADDRESS:",
        "if False:",
        "tests/devicemgr/api/test_connections.py",
    ),
    one(
        "a site's file changes what its sender may not",
        "devicemgr/api/routes/site/site_file.py",
        "    require_roles(caller, changes)\n",
        "",
        "tests/devicemgr/api/test_site_rights.py",
    ),
    one(
        "a body without bound",
        "devicemgr/api/body_limit.py",
        "        announced = dict(scope",
        "        most = 1 << 60\n        announced = dict(scope",
        "tests/devicemgr/api/test_problems.py",
    ),
    one(
        "no role is asked for",
        "devicemgr/api/authorization.py",
        "return caller.is_owner or bool(caller.roles & allowed)",
        "return True",
        "tests/devicemgr/api/test_roles.py",
    ),
    one(
        "no CSRF token is asked for",
        "devicemgr/api/csrf.py",
        "if method not in SAFE_METHODS and not hmac.compare_digest(sent, csrf_of(secret).encode()):",
        "if False:",
        "tests/devicemgr/api/test_tcp.py",
    ),
    one(
        "passwords tried without limit",
        "devicemgr/security/rate_limit.py",
        "            if len(tries) >= self._most:\n",
        "            if False:\n",
        "tests/devicemgr/api/test_tcp.py",
        "tests/devicemgr/security/test_passwords.py",
    ),
    one(
        "a socket that everybody may write to",
        "devicemgr/api/server.py",
        "0o660, dir_fd=folder)",
        "0o666, dir_fd=folder)",
        "tests/devicemgr/api/test_server.py",
    ),
    one(
        "links out of an import's folder followed",
        "devicemgr/cli/people/roster.py",
        'return None if file.resolve().is_relative_to(inside) else "links out of the folder"',
        "return None",
        "tests/devicemgr/cli/people/test_roster.py",
    ),
    one(
        "a token revived by a clock that is set back",
        "devicemgr/security/sessions.py",
        "        if token.expires <= rfc3339(clock.now()):",
        "        if token.expires <= rfc3339(datetime.now(UTC)):",
        "tests/devicemgr/clock/test_both_clocks.py",
    ),
    one(
        "a sudo claim that any caller can make",
        "devicemgr/api/authentication.py",
        "    if caller is None or not caller.is_owner or csrf.DOOR in scope:\n",
        "    if caller is None:\n",
        "tests/devicemgr/api/test_sudo_claim.py",
    ),
)
