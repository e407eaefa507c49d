"""What a careless or a bad change would do to the promises of docs/ARCHITECTURE.md, each with the tests that must fail.

An edit is a file, a text that stands in it once, and what a saboteur puts there.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sabotage:
    """Its name, the edits, and the pytest arguments of which at least one test must fail."""

    name: str
    edits: tuple[tuple[str, str, str], ...]
    tests: tuple[str, ...]


def one(name: str, file: str, old: str, new: str, *tests: str) -> Sabotage:
    """A sabotage of one edit."""
    return Sabotage(name, ((file, old, new),), tests)


SABOTAGES = (
    one(
        "a kept password goes to another host",
        "devicemgr/kept_password.py",
        "    if old.host != new.host:\n        return False\n",
        "",
        "tests/core/test_kept_password.py",
    ),
    one(
        "an admin of today approves",
        "devicemgr/two_person.py",
        "        _require_settled(site, session, actor)\n",
        "",
        "tests/core/test_operators.py",
    ),
    one(
        "a body that drips has for ever",
        "devicemgr/api/connections.py",
        "now - self._owed_since > allowed_s",
        "False",
        "tests/api/test_connections.py",
    ),
    one(
        "one address takes every connection",
        "devicemgr/api/connections.py",
        "if len(own) >= MAX_PER_ADDRESS:",
        "if False:",
        "tests/api/test_connections.py",
    ),
    one(
        "a site's file changes what its sender may not",
        "devicemgr/api/sitefile.py",
        "    require_roles(caller, changes)\n",
        "",
        "tests/api/test_site_rights.py",
    ),
    one(
        "acknowledged before the commit",
        "devicemgr/ledger.py",
        """            entries = ledger_rows.append(session, facts)
        del self._backlog[: len(batch)]
        for item, entry in zip(batch, entries, strict=False):
            _call(item.then, entry)
""",
        """            entries = ledger_rows.append(session, facts)
            for item, entry in zip(batch, entries, strict=False):
                _call(item.then, entry)
        del self._backlog[: len(batch)]
""",
        "tests/core/test_ledger.py",
        "tests/core/test_access.py",
    ),
    one(
        "commits that a power cut takes back",
        "devicemgr/store/sqlite.py",
        '"synchronous=FULL"',
        '"synchronous=NORMAL"',
        "tests/store/test_database.py",
    ),
    one(
        "one card under two notations assigned twice",
        "devicemgr/store/credentials.py",
        "CredentialRow.value.in_(notations_of(number))",
        "CredentialRow.value.in_([number])",
        "tests/client/test_credentials.py",
    ),
    one(
        "whom a device won't restrict left as before",
        "devicemgr/holder_sync.py",
        "            yield from self._remove([key])\n            if key not in self._records:",
        "            if key not in self._records:",
        "tests/core/test_holder_sync.py",
    ),
    one(
        "a face that can't be asked about counted as gone",
        "drivers/_hik_faces.py",
        "        if held is None:\n            raise NotVerifiable",
        "        if False:\n            raise NotVerifiable",
        "tests/drivers/test_hik_wire.py",
    ),
    one(
        "erased rows left in the file",
        "devicemgr/store/sqlite.py",
        '"secure_delete=ON"',
        '"secure_delete=OFF"',
        "tests/store/test_database.py",
        "tests/store/test_privacy.py",
    ),
    one(
        "how a reader is set up taken for what was used",
        "drivers/_hik_events.py",
        """    factors = code.factors if code.granted else frozenset()
""",
        """    factors = code.factors if code.granted else frozenset()
    if "face" in event.mode.lower():
        factors |= {Factor.FACE}
""",
        "tests/drivers/test_console_fuzz.py",
        "tests/drivers/hikvision/test_codes.py",
    ),
    one(
        "a question that the terminal itself refused",
        "drivers/_dahua_facts.py",
        """    refused = "" if _succeeded(told.data) else""",
        """    refused = "" if told.data else""",
        "tests/drivers/test_console_fuzz.py",
        "tests/drivers/dahua/test_questions.py",
    ),
    one(
        "a console's question that opens as often as it is sent",
        "devicemgr/console_questions.py",
        """        if key in self._asked:
            return "the same was asked before"
""",
        "",
        "tests/core/test_console_questions.py",
    ),
    one(
        "a console's question of yesterday",
        "devicemgr/console_questions.py",
        """abs(fact.age) <= MAX_CONSOLE_AGE_S""",
        """fact.age is not None""",
        "tests/core/test_console_questions.py",
        "tests/drivers/test_console_fuzz.py",
    ),
    one(
        "timers by the wall clock",
        "devicemgr/access.py",
        """        now = time.monotonic()
        self._passages.tick(now)""",
        """        now = time.time()
        self._passages.tick(now)""",
        "tests/core/test_clock_jumps.py",
    ),
    one(
        "an expired right revived by a clock that is set back",
        "devicemgr/rulebook.py",
        "self.now, self.times = clock.now, clock.times",
        "self.now = clock.now\n"
        "        self.times = lambda: (__import__('datetime').datetime.now(__import__('datetime').UTC),)",
        "tests/core/test_clock_jumps.py",
    ),
    one(
        "an expired right granted",
        "devicemgr/rules/validity.py",
        "return Reason.EXPIRED",
        "return None",
        "tests/rules/test_validity.py",
    ),
    one(
        "evidence of long ago acted on",
        "devicemgr/rules/policy.py",
        "MAX_EVIDENCE_AGE_S = 2.0",
        "MAX_EVIDENCE_AGE_S = 2000.0",
        "tests/rules/test_policy.py",
        "tests/core/test_access_edges.py",
    ),
    one(
        "a release that is sent however late",
        "devicemgr/openings.py",
        "if time.monotonic() > order.deadline:",
        "if time.monotonic() > order.deadline + 1e6:",
        "tests/core/test_too_late.py",
    ),
    one(
        "a replayed event acted on",
        "devicemgr/access.py",
        "isinstance(fact, DeviceDecided) and fact.live and fact.granted",
        "isinstance(fact, DeviceDecided) and fact.granted",
        "tests/core/test_too_late.py",
    ),
    one(
        "a gate's command sent again when its answer is lost",
        "drivers/_modbus.py",
        "        if not came:\n            raise OutcomeUnknown(unknown)\n",
        "        if not came:\n            self._command(pdu, expected)\n",
        "tests/drivers/test_modbus_gate.py",
    ),
    one(
        "two releases for one decision",
        "devicemgr/openings.py",
        "            delivery = _release(order, device)\n",
        "            delivery = _release(order, device)\n            delivery = _release(order, device)\n",
        "tests/core/test_access.py",
    ),
    one(
        "a lock that counteracts fire",
        "devicemgr/portal_modes.py",
        """        if cause := self._must_wait(portal, by_guard=by_guard):
            self._owed.add(name)
            raise""",
        """        if cause := "":
            self._owed.add(name)
            raise""",
        "tests/core/test_fire.py",
    ),
    one(
        "an online device counts as one that has told of no fire",
        "devicemgr/fire.py",
        "return sorted(self.inputs if self.away else self.inputs - self.known)",
        "return sorted(self.inputs if self.away else ())",
        "tests/core/test_fire.py",
    ),
    one(
        "a forced door that nobody sees in status",
        "devicemgr/standing_alarms.py",
        "        stands = fact.kind in STANDING or fact.active is True\n",
        "        stands = False\n",
        "tests/core/test_standing_alarms.py",
    ),
    one(
        "a lock that stays in a fire",
        "devicemgr/portal_modes.py",
        """            if in_fire and portal.mode is not PortalMode.FREE and not self._is_locked(portal):
""",
        """            if in_fire:
""",
        "tests/core/test_fire.py",
    ),
    one(
        "no margin to the next person",
        "enrollment/gallery.py",
        "return self.runner_up is not None and self.score - self.runner_up < self.margin_needed",
        "return False",
        "tests/enrollment/test_gallery.py",
    ),
    one(
        "one blurred picture grants",
        "devicemgr/presence.py",
        "return self.pictures[person] >= frames and 2 * self.pictures[person] > self.pictures.total()",
        "return True",
        "tests/core/test_presence.py",
    ),
    one(
        "an unknown face's numbers written down",
        "devicemgr/openings.py",
        "    return shown or None\n",
        '    shown |= {"probe": [0.5] * 128} if request.face and request.face.person_id is None else {}\n'
        "    return shown or None\n",
        "tests/core/test_unknown_face.py",
    ),
    one(
        "templates stored plain",
        "devicemgr/vault.py",
        'return _seal(self._key, embedding, f"template|{self._person_id}|{model}")',
        "return embedding",
        "tests/store/test_privacy.py",
    ),
    one(
        "a swallowed MAC failure",
        "devicemgr/vault.py",
        """        raise KeyMissing(
            "a protected record""",
        """        return sealed[_NONCE:-16]
        raise KeyMissing(
            "a protected record""",
        "tests/store/test_privacy.py",
    ),
    one(
        "rows that may be swapped between people",
        "devicemgr/vault.py",
        "return nonce + AESGCM(key).encrypt(nonce, plaintext, associated.encode())",
        'return nonce + AESGCM(key).encrypt(nonce, plaintext, b"")  # and so in _open',
        "tests/store/test_privacy.py",
    ),
    one(
        "a key file that others may read",
        "devicemgr/vault.py",
        "if mode & (0o007 if credential else 0o077):",
        "if False:",
        "tests/store/test_privacy.py",
        "tests/client/test_doctor.py",
        "tests/core/test_home.py",
    ),
    one(
        "the key file read through a link",
        "devicemgr/vault.py",
        "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)",
        "os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)",
        "tests/store/test_privacy.py",
        "tests/core/test_home.py",
    ),
    one(
        "a seal that is not verified",
        "devicemgr/seals.py",
        """    except (InvalidSignature, ValueError, TypeError):
        return False""",
        """    except (InvalidSignature, ValueError, TypeError):
        return True""",
        "tests/core/test_seals.py",
    ),
    one(
        "a chain that is not followed",
        "devicemgr/chain.py",
        "if not isinstance(entry.body, str) or link(previous, entry.body) != entry.hash:",
        "if not entry.hash:",
        "tests/core/test_ledger.py",
        "tests/core/test_seals.py",
    ),
    Sabotage(
        "XML with entities and DTD",
        (
            (
                "drivers/_xml.py",
                """    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )""",
                "    parser = etree.XMLParser(load_dtd=True, huge_tree=True)",
            ),
            (
                "drivers/_xml.py",
                "if root is None or root.getroottree().docinfo.doctype:",
                "if root is None:",
            ),
        ),
        ("tests/drivers/test_hik_answers.py", "tests/drivers/test_fuzz.py"),
    ),
    one(
        "a body without bound",
        "devicemgr/api/limits.py",
        "        announced = dict(scope",
        "        most = 1 << 60\n        announced = dict(scope",
        "tests/api/test_problems.py",
    ),
    one(
        "no role is asked for",
        "devicemgr/api/roles.py",
        "return caller.is_owner or bool(caller.roles & allowed)",
        "return True",
        "tests/api/test_roles.py",
    ),
    one(
        "no CSRF token is asked for",
        "devicemgr/api/web.py",
        "if method not in SAFE_METHODS and not hmac.compare_digest(sent, csrf_of(secret).encode()):",
        "if False:",
        "tests/api/test_tcp.py",
    ),
    one(
        "passwords tried without limit",
        "devicemgr/signin.py",
        "            if len(tries) >= self._most:\n",
        "            if False:\n",
        "tests/api/test_tcp.py",
        "tests/core/test_operators.py",
    ),
    one(
        "a socket that everybody may write to",
        "devicemgr/api/server.py",
        "0o660, dir_fd=folder)",
        "0o666, dir_fd=folder)",
        "tests/api/test_server.py",
    ),
    one(
        "no limit to wrong PINs",
        "devicemgr/pins.py",
        "if count >= MOST_WRONG and time.monotonic() - since < REFUSED_SECONDS:",
        "if False:",
        "tests/core/test_pins.py",
    ),
    one(
        "a driver's call without deadline",
        "devicemgr/driver_calls.py",
        "self._call = _Call(now, now + deadline, silent)",
        "self._call = _Call(now, now + 1e9, silent)",
        "tests/core/test_supervision.py",
    ),
    one(
        "a watchdog that is fed whatever happens",
        "devicemgr/watchdog.py",
        "    if not stalled:\n        notify",
        "    if True:\n        notify",
        "tests/core/test_watchdog.py",
    ),
    one(
        "a device's words in the log as they are",
        "devicemgr/logs.py",
        "record.message = safe(record.message, _MOST)",
        "record.message = record.message[:_MOST]",
        "tests/core/test_logs.py",
        "tests/core/test_text_out.py",
    ),
    one(
        "a picture of any size decoded",
        "enrollment/photo.py",
        "            if picture.width * picture.height > MAX_PIXELS:\n                raise PhotoError",
        "            if False:\n                raise PhotoError",
        "tests/enrollment/test_photo.py",
    ),
    one(
        "links out of an import's folder followed",
        "devicemgr/client/roster.py",
        'return None if file.resolve().is_relative_to(inside) else "links out of the folder"',
        "return None",
        "tests/client/test_roster.py",
    ),
    one(
        "a healthy database moved for an error of another kind",
        "devicemgr/entry.py",
        "        except DatabaseDamaged as error:\n            why = str(error)\n    _set_aside",
        "        except Exception as error:\n            why = str(error)\n    _set_aside",
        "tests/core/test_keys_at_start.py",
    ),
    one(
        "a clock that jumped ahead believed alone",
        "devicemgr/access.py",
        "request = replace(request, at=at, also_at=tuple(others))",
        "request = replace(request, at=at)",
        "tests/core/test_clock_jumps.py",
    ),
    one(
        "a token revived by a clock that is set back",
        "devicemgr/signin.py",
        "        if token.expires <= rfc3339(clock.now()):",
        "        if token.expires <= rfc3339(datetime.now(UTC)):",
        "tests/core/test_both_clocks.py",
    ),
    one(
        "a PIN that counts for whoever shows a card next",
        "devicemgr/access.py",
        "waiting is not None and _person_of(waiting) == checked.person_id:",
        "waiting is not None:",
        "tests/core/test_credentials.py",
    ),
    one(
        "pushes taken from any address",
        "drivers/_push_server.py",
        "        if knows(self._hosts, str(client_address[0])):\n",
        "        if True:\n",
        "tests/drivers/test_push_sources.py",
    ),
    one(
        "two lanes side by side open for one person",
        "devicemgr/recent_grants.py",
        "if grant is not None and not grant.ended and time.monotonic()",
        "if False and time.monotonic()",
        "tests/core/test_one_opening.py",
    ),
    one(
        "an anchor that appends to any file",
        "devicemgr/anchors.py",
        'if end and (not newline or _read_line(whole.rpartition(b"\\n")[2]) is None):',
        "if False:",
        "tests/core/test_anchors.py",
    ),
    one(
        "a forged restore that explains an older copy",
        "devicemgr/restorations.py",
        'one.get("id") == detail.get("backup") and one.get("commitment") == commitment(proof) for one in found',
        'one.get("id") == detail.get("backup") for one in found',
        "tests/core/test_anchors.py",
    ),
    one(
        "a withdrawn face that stays readable",
        "devicemgr/store/people.py",
        "    row.wrapped_key = None\n",
        "    row.wrapped_key = row.wrapped_key\n",
        "tests/store/test_privacy.py",
    ),
    one(
        "a plain password for a stream that asks for one",
        "drivers/_stream_login.py",
        "        if not self._allow_basic:\n",
        "        if self._username is None:\n",
        "tests/drivers/test_stream_login.py",
    ),
    one(
        "an echo of a command taken for its answer",
        "drivers/_modbus.py",
        "            echoes = expected == pdu and self._bus.echo.seen is not False\n",
        "            echoes = False\n",
        "tests/drivers/test_echoes.py",
    ),
    one(
        "a release without feedback told as confirmed",
        "drivers/relay_gate.py",
        "Delivery.CONFIRMED if board.confirms else Delivery.SENT",
        "Delivery.CONFIRMED",
        "tests/client/test_release_outcomes.py",
    ),
    one(
        "a release that stays in force at the gate when the lane gives it up",
        "devicemgr/passages.py",
        "            self._cancel(portal, direction)\n",
        "            pass\n",
        "tests/core/test_release_times.py",
    ),
    one(
        "a lane that goes by another clock than its turnstile",
        "drivers/_lot_gate.py",
        "return ReleaseTimes(self._times.waits_s or seconds, self._times.passage_s)",
        "return ReleaseTimes(seconds, self._times.passage_s)",
        "tests/drivers/test_release_times.py",
    ),
    one(
        "an import that brings back who withdrew",
        "devicemgr/consents.py",
        "    if terms.bulk and (refused := rows.newest_withdrawn(row)) is not None:\n",
        "    if False and (refused := rows.newest_withdrawn(row)) is not None:\n",
        "tests/client/test_withdrawn.py",
        "tests/api/test_withdrawn_consent.py",
    ),
    one(
        "a wheel without the template of the udev rules",
        "pyproject.toml",
        'only-include = ["devicemgr", "drivers", "enrollment", "cli.py", "udev"]',
        'only-include = ["devicemgr", "drivers", "enrollment", "cli.py"]',
        "tests/packaging/test_wheel.py",
    ),
)
