"""Sabotages of building and packaging."""

from tests.sabotage.sabotage import Sabotage, one

SABOTAGES = (
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
)
