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
        "doctor reads no event behind the seal",
        "devicemgr/ledger/verification.py",
        "    count, flaw = ledger.verify(after, previous)\n",
        "    count, flaw = 30, None\n",
        "tests/devicemgr/ledger/test_verification.py",
    ),
    one(
        "doctor reads every event there is",
        "devicemgr/ledger/verification.py",
        "    if last - first <= MIN_RECENT:\n",
        "    if last >= first:\n",
        "tests/devicemgr/ledger/test_verification.py",
    ),
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
        "acknowledged before the commit",
        "devicemgr/ledger/writer.py",
        """            entries = events.append(session, facts)
        del self._backlog[: len(batch)]
        for item, entry in zip(batch, entries, strict=False):
            _call(item.then, entry)
""",
        """            entries = events.append(session, facts)
            for item, entry in zip(batch, entries, strict=False):
                _call(item.then, entry)
        del self._backlog[: len(batch)]
""",
        "tests/devicemgr/ledger/test_writer.py",
        "tests/devicemgr/access/test_pipeline.py",
    ),
    one(
        "commits that a power cut takes back",
        "devicemgr/store/sqlite.py",
        '"synchronous=FULL"',
        '"synchronous=NORMAL"',
        "tests/devicemgr/store/test_database.py",
    ),
    one(
        "one card under two notations assigned twice",
        "devicemgr/store/people/credentials.py",
        "CredentialRow.value.in_(notations_of(number))",
        "CredentialRow.value.in_([number])",
        "tests/devicemgr/cli/people/test_credentials.py",
    ),
    one(
        "whom a device won't restrict left as before",
        "devicemgr/sync/device_sync.py",
        "            yield from self._remove([key])\n            if key not in self._records:",
        "            if key not in self._records:",
        "tests/devicemgr/sync/test_device_sync.py",
    ),
    one(
        "a face that can't be asked about counted as gone",
        "drivers/hikvision_console/users/faces.py",
        "        if held is None:\n            raise NotVerifiable",
        "        if False:\n            raise NotVerifiable",
        "tests/drivers/hikvision_console/test_wire.py",
    ),
    one(
        "erased rows left in the file",
        "devicemgr/store/sqlite.py",
        '"secure_delete=ON"',
        '"secure_delete=OFF"',
        "tests/devicemgr/store/test_database.py",
        "tests/devicemgr/store/test_privacy.py",
    ),
    one(
        "how a reader is set up taken for what was used",
        "drivers/hikvision_console/events/translate.py",
        """    factors = code.factors if code.granted else frozenset()
""",
        """    factors = code.factors if code.granted else frozenset()
    if "face" in event.mode.lower():
        factors |= {Factor.FACE}
""",
        "tests/drivers/common/console/test_question_fuzz.py",
        "tests/drivers/hikvision_console/test_codes.py",
    ),
    one(
        "a question that the terminal itself refused",
        "drivers/dahua_console/events/translate.py",
        """    refused = "" if _succeeded(told.data) else""",
        """    refused = "" if told.data else""",
        "tests/drivers/common/console/test_question_fuzz.py",
        "tests/drivers/dahua_console/test_questions.py",
    ),
    one(
        "a console's question that opens as often as it is sent",
        "devicemgr/access/evidence/console_questions.py",
        """        if key in self._known:
            return "the same question was received before"
""",
        "",
        "tests/devicemgr/access/evidence/test_console_questions.py",
    ),
    one(
        "a console's question of yesterday",
        "devicemgr/access/evidence/console_questions.py",
        """abs(fact.age) <= MAX_CONSOLE_AGE_S""",
        """fact.age is not None""",
        "tests/devicemgr/access/evidence/test_console_questions.py",
        "tests/drivers/common/console/test_question_fuzz.py",
    ),
    one(
        "timers by the wall clock",
        "devicemgr/access/pipeline.py",
        """        now = time.monotonic()
        self._passages.tick(now)""",
        """        now = time.time()
        self._passages.tick(now)""",
        "tests/scenarios/test_clock_jumps.py",
    ),
    one(
        "an expired right revived by a clock that is set back",
        "devicemgr/access/policy_cache.py",
        "self.now, self.times = clock.now, clock.times",
        "self.now = clock.now\n"
        "        self.times = lambda: (__import__('datetime').datetime.now(__import__('datetime').UTC),)",
        "tests/scenarios/test_clock_jumps.py",
    ),
    one(
        "an expired right granted",
        "devicemgr/domain/rules/validity.py",
        "return Reason.EXPIRED",
        "return None",
        "tests/devicemgr/domain/rules/test_validity.py",
    ),
    one(
        "evidence of long ago acted on",
        "devicemgr/domain/rules/policy.py",
        "MAX_EVIDENCE_AGE_S = 2.0",
        "MAX_EVIDENCE_AGE_S = 2000.0",
        "tests/devicemgr/domain/rules/test_policy.py",
        "tests/devicemgr/access/test_pipeline_edges.py",
    ),
    one(
        "a release that is sent however late",
        "devicemgr/access/release.py",
        "if time.monotonic() > order.deadline:",
        "if time.monotonic() > order.deadline + 1e6:",
        "tests/scenarios/test_too_late.py",
    ),
    one(
        "a replayed event acted on",
        "devicemgr/access/pipeline.py",
        "isinstance(fact, DeviceDecided) and fact.live and fact.granted",
        "isinstance(fact, DeviceDecided) and fact.granted",
        "tests/scenarios/test_too_late.py",
    ),
    one(
        "a gate's command sent again when its answer is lost",
        "drivers/modbus_gate/master.py",
        "        if not came:\n            raise OutcomeUnknown(unknown)\n",
        "        if not came:\n            self._command(pdu, expected)\n",
        "tests/drivers/modbus_gate/test_lot_turnstile.py",
    ),
    one(
        "two releases for one decision",
        "devicemgr/access/release.py",
        "            delivery = _release(order, device)\n",
        "            delivery = _release(order, device)\n            delivery = _release(order, device)\n",
        "tests/devicemgr/access/test_pipeline.py",
    ),
    one(
        "a lock that counteracts fire",
        "devicemgr/access/portals/portal_modes.py",
        """        if cause := self._must_wait(portal, by_guard=by_guard):
            self._owed.add(name)
            raise""",
        """        if cause := "":
            self._owed.add(name)
            raise""",
        "tests/devicemgr/access/portals/test_fire_alarm.py",
    ),
    one(
        "an online device counts as one that has told of no fire",
        "devicemgr/access/portals/fire_alarm.py",
        "return sorted(self.inputs if self.away else self.inputs - self.known)",
        "return sorted(self.inputs if self.away else ())",
        "tests/devicemgr/access/portals/test_fire_alarm.py",
    ),
    one(
        "a forced door that nobody sees in status",
        "devicemgr/access/portals/standing_alarms.py",
        "        stands = fact.kind in STANDING or fact.active is True\n",
        "        stands = False\n",
        "tests/devicemgr/access/portals/test_standing_alarms.py",
    ),
    one(
        "a lock that stays in a fire",
        "devicemgr/access/portals/portal_modes.py",
        """            if in_fire and portal.mode is not PortalMode.FREE and not self._is_locked(portal):
""",
        """            if in_fire:
""",
        "tests/devicemgr/access/portals/test_fire_alarm.py",
    ),
    one(
        "no margin to the next person",
        "enrollment/matching/gallery.py",
        "return self.runner_up is not None and self.score - self.runner_up < self.margin_needed",
        "return False",
        "tests/enrollment/matching/test_gallery.py",
    ),
    one(
        "one blurred picture grants",
        "devicemgr/access/evidence/face_evidence.py",
        "return self.pictures[person] >= frames and 2 * self.pictures[person] > self.pictures.total()",
        "return True",
        "tests/devicemgr/access/evidence/test_face_evidence.py",
    ),
    one(
        "an unknown face's numbers written down",
        "devicemgr/access/ledger_facts.py",
        "    return shown or None\n",
        '    shown |= {"probe": [0.5] * 128} if request.face and request.face.person_id is None else {}\n'
        "    return shown or None\n",
        "tests/scenarios/test_unknown_face.py",
    ),
    one(
        "templates stored plain",
        "devicemgr/vault.py",
        'return _seal(self._key, embedding, f"template|{self._person_id}|{model}")',
        "return embedding",
        "tests/devicemgr/store/test_privacy.py",
    ),
    one(
        "a swallowed MAC failure",
        "devicemgr/vault.py",
        """        raise KeyMissing(
            "a protected record""",
        """        return sealed[_NONCE:-16]
        raise KeyMissing(
            "a protected record""",
        "tests/devicemgr/store/test_privacy.py",
    ),
    one(
        "rows that may be swapped between people",
        "devicemgr/vault.py",
        "return nonce + AESGCM(key).encrypt(nonce, plaintext, associated.encode())",
        'return nonce + AESGCM(key).encrypt(nonce, plaintext, b"")  # and so in _open',
        "tests/devicemgr/store/test_privacy.py",
    ),
    one(
        "a key file that others may read",
        "devicemgr/vault.py",
        "if mode & (0o007 if credential else 0o077):",
        "if False:",
        "tests/devicemgr/store/test_privacy.py",
        "tests/devicemgr/cli/system/test_doctor.py",
        "tests/devicemgr/daemon/test_home.py",
    ),
    one(
        "the key file read through a link",
        "devicemgr/vault.py",
        "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)",
        "os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)",
        "tests/devicemgr/store/test_privacy.py",
        "tests/devicemgr/daemon/test_home.py",
    ),
    one(
        "a seal that is not verified",
        "devicemgr/domain/ledger_seals.py",
        """    except (InvalidSignature, ValueError, TypeError):
        return False""",
        """    except (InvalidSignature, ValueError, TypeError):
        return True""",
        "tests/devicemgr/ledger/test_sealer.py",
    ),
    one(
        "a chain that is not followed",
        "devicemgr/domain/ledger_chain.py",
        "if not isinstance(entry.body, str) or link(previous, entry.body) != entry.hash:",
        "if not entry.hash:",
        "tests/devicemgr/ledger/test_writer.py",
        "tests/devicemgr/ledger/test_sealer.py",
    ),
    Sabotage(
        "XML with entities and DTD",
        (
            (
                "drivers/common/http/xml.py",
                """    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )""",
                "    parser = etree.XMLParser(load_dtd=True, huge_tree=True)",
            ),
            (
                "drivers/common/http/xml.py",
                "if root is None or root.getroottree().docinfo.doctype:",
                "if root is None:",
            ),
        ),
        ("tests/drivers/hikvision_console/test_answers.py", "tests/drivers/test_fuzz.py"),
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
        "no limit to wrong PINs",
        "devicemgr/access/evidence/pins.py",
        "if count >= MAX_WRONG and time.monotonic() - since < LOCKOUT_S:",
        "if False:",
        "tests/devicemgr/access/evidence/test_pins.py",
    ),
    one(
        "a driver's call without deadline",
        "devicemgr/devices/call_timeouts.py",
        "self._call = _Call(now, now + deadline, silent)",
        "self._call = _Call(now, now + 1e9, silent)",
        "tests/devicemgr/devices/test_supervision.py",
    ),
    one(
        "a watchdog that is fed whatever happens",
        "devicemgr/daemon/watchdog.py",
        "    if not stalled:\n        systemd",
        "    if True:\n        systemd",
        "tests/devicemgr/daemon/test_watchdog.py",
    ),
    one(
        "a device's words in the log as they are",
        "devicemgr/logging.py",
        "record.message = safe(record.message, _MOST)",
        "record.message = record.message[:_MOST]",
        "tests/devicemgr/test_logging.py",
        "tests/devicemgr/test_text.py",
    ),
    one(
        "a picture of any size decoded",
        "enrollment/photos/image.py",
        "            if picture.width * picture.height > MAX_PIXELS:\n                raise PhotoError",
        "            if False:\n                raise PhotoError",
        "tests/enrollment/photos/test_image.py",
    ),
    one(
        "links out of an import's folder followed",
        "devicemgr/cli/people/roster.py",
        'return None if file.resolve().is_relative_to(inside) else "links out of the folder"',
        "return None",
        "tests/devicemgr/cli/people/test_roster.py",
    ),
    one(
        "a healthy database moved for an error of another kind",
        "devicemgr/daemon/startup.py",
        "        except DatabaseDamaged as error:\n            why = str(error)\n    _quarantine",
        "        except Exception as error:\n            why = str(error)\n    _quarantine",
        "tests/devicemgr/daemon/test_keys_at_start.py",
    ),
    one(
        "a clock that jumped ahead believed alone",
        "devicemgr/access/pipeline.py",
        "request = replace(request, at=at, also_at=tuple(others))",
        "request = replace(request, at=at)",
        "tests/scenarios/test_clock_jumps.py",
    ),
    one(
        "a token revived by a clock that is set back",
        "devicemgr/security/sessions.py",
        "        if token.expires <= rfc3339(clock.now()):",
        "        if token.expires <= rfc3339(datetime.now(UTC)):",
        "tests/devicemgr/clock/test_both_clocks.py",
    ),
    one(
        "a PIN that counts for whoever shows a card next",
        "devicemgr/access/pipeline.py",
        "waiting is not None and _person_of(waiting) == checked.person_id:",
        "waiting is not None:",
        "tests/devicemgr/access/evidence/test_multi_factor.py",
    ),
    one(
        "pushes taken from any address",
        "drivers/common/http/push_server.py",
        "        if knows(self._hosts, str(client_address[0])):\n",
        "        if True:\n",
        "tests/drivers/common/console/test_push_sources.py",
    ),
    one(
        "two lanes side by side open for one person",
        "devicemgr/access/evidence/recent_grants.py",
        "if grant is not None and not grant.ended and time.monotonic()",
        "if False and time.monotonic()",
        "tests/devicemgr/access/evidence/test_recent_grants.py",
    ),
    one(
        "an anchor that appends to any file",
        "devicemgr/ledger/anchors.py",
        'if end and (not newline or _read_line(whole.rpartition(b"\\n")[2]) is None):',
        "if False:",
        "tests/devicemgr/ledger/test_anchors.py",
    ),
    one(
        "a forged restore that explains an older copy",
        "devicemgr/ledger/restorations.py",
        'one.get("id") == detail.get("backup") and one.get("commitment") == commitment(proof) for one in found',
        'one.get("id") == detail.get("backup") for one in found',
        "tests/devicemgr/ledger/test_anchors.py",
    ),
    one(
        "a withdrawn face that stays readable",
        "devicemgr/store/people/people.py",
        "    row.wrapped_key = None\n",
        "    row.wrapped_key = row.wrapped_key\n",
        "tests/devicemgr/store/test_privacy.py",
    ),
    one(
        "a plain password for a stream that asks for one",
        "drivers/common/video/stream_login.py",
        "        if not self._allow_basic:\n",
        "        if self._username is None:\n",
        "tests/drivers/common/video/test_stream_login.py",
    ),
    one(
        "an echo of a command taken for its answer",
        "drivers/modbus_gate/master.py",
        "            echoes = expected == pdu and self._bus.echo.seen is not False\n",
        "            echoes = False\n",
        "tests/drivers/common/serial/test_echo.py",
    ),
    one(
        "a release without feedback told as confirmed",
        "drivers/relay_gate/driver.py",
        "Delivery.CONFIRMED if board.confirms else Delivery.SENT",
        "Delivery.CONFIRMED",
        "tests/devicemgr/cli/site/test_release_outcomes.py",
    ),
    one(
        "a release that stays in force at the gate when the lane gives it up",
        "devicemgr/access/portals/passage_tracker.py",
        "            self._cancel(portal, direction)\n",
        "            pass\n",
        "tests/devicemgr/access/portals/test_release_times.py",
    ),
    one(
        "a lane that goes by another clock than its turnstile",
        "drivers/modbus_gate/lot_turnstile.py",
        "return ReleaseTimes(self._times.waits_s or seconds, self._times.passage_s)",
        "return ReleaseTimes(seconds, self._times.passage_s)",
        "tests/drivers/common/test_release_times.py",
    ),
    one(
        "an import that brings back who withdrew",
        "devicemgr/people/consents.py",
        "    if terms.bulk and (refused := consents.newest_withdrawn(row)) is not None:\n",
        "    if False and (refused := consents.newest_withdrawn(row)) is not None:\n",
        "tests/devicemgr/cli/people/test_withdrawn.py",
        "tests/devicemgr/api/test_withdrawn_consent.py",
    ),
    one(
        "a wheel without the template of the udev rules",
        "pyproject.toml",
        'only-include = ["devicemgr", "drivers", "enrollment", "cli.py", "udev"]',
        'only-include = ["devicemgr", "drivers", "enrollment", "cli.py"]',
        "tests/packaging/test_wheel.py",
    ),
    one(
        "sources built by whatever pip fetches",
        "packaging/common.sh",
        "--no-deps --require-hashes --no-build-isolation \\\n",
        "--no-deps --require-hashes \\\n",
        "tests/packaging/test_switch.py",
    ),
    one(
        "an upgrade that does not try the home first",
        "packaging/install.sh",
        "    check_home\n",
        "",
        "tests/packaging/test_switch.py",
    ),
    one(
        "a dry run that leaves its copy of the database",
        "devicemgr/daemon/start_check.py",
        'with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=home.cache) as folder:',
        'if folder := tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=home.cache):',
        "tests/devicemgr/cli/system/test_start_check.py",
    ),
    one(
        "a terminal that proves itself by no serial number",
        "drivers/zkteco_terminal/listener.py",
        'elif not secrets.compare_digest(query.get("sn", "").encode(), listener.serial.encode()):',
        "elif False:",
        "tests/drivers/zkteco_terminal/test_strangers.py",
    ),
    one(
        "an opening that was never fetched counts as done",
        "drivers/zkteco_terminal/device.py",
        "        if command.result is None and self._commands.withdraw([command]):\n",
        "        if False:\n",
        "tests/drivers/zkteco_terminal/test_terminal.py",
    ),
    one(
        "a typed number proves a person",
        "drivers/common/zkteco/codes.py",
        "    1: {Factor.FINGER}, 3:",
        "    1: {Factor.FINGER}, 2: {Factor.PIN}, 3:",
        "tests/drivers/zkteco_terminal/test_messages.py",
    ),
    one(
        "people who stay on a terminal count as removed",
        "drivers/zkteco_terminal/people.py",
        '            raise DeviceRefused(f"the terminal still holds {safe(',
        '            DeviceRefused(f"the terminal still holds {safe(',
        "tests/drivers/zkteco_terminal/test_people.py",
    ),
    one(
        "a sudo claim that any caller can make",
        "devicemgr/api/authentication.py",
        "    if caller is None or not caller.is_owner or csrf.DOOR in scope:\n",
        "    if caller is None:\n",
        "tests/devicemgr/api/test_sudo_claim.py",
    ),
    one(
        "a migration that the log does not mention",
        "devicemgr/store/database.py",
        "        if found not in (None, _head()):\n",
        "        if False:\n",
        "tests/devicemgr/cli/system/test_start_check.py",
    ),
    one(
        "a late answer of a controller answers the next question",
        "drivers/zkteco_controller/protocol.py",
        "return int(message) != self._message",
        "return False",
        "tests/drivers/zkteco_controller/test_wire.py",
    ),
    one(
        "a controller's OK is taken for the deed",
        "drivers/zkteco_controller/people.py",
        "            if not held:\n",
        "            if False:\n",
        "tests/drivers/zkteco_controller/test_controller.py",
    ),
    one(
        "an opening whose answer was lost is reported as refused",
        "drivers/zkteco_controller/controller.py",
        "        except (DeviceUnreachable, DeviceGarbled) as error:\n            raise OutcomeUnknown(",
        "        except (DeviceUnreachable, DeviceGarbled) as error:\n            raise DeviceRefused(",
        "tests/drivers/zkteco_controller/test_controller.py",
    ),
)
