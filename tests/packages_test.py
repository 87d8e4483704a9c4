#!/usr/bin/env python3
"""The Debian packages: what is in them, what they need, what lintian says, that two runs make the same bytes,
and that dpkg installs, repeats, removes and purges them in an empty root.

    packages_test.py ROOT BUILD    the programs are built already; needs root for the last part
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

root, build = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
for tool in ("dpkg", "dpkg-shlibdeps", "lintian", "systemd-sysusers", "scdoc"):
    if shutil.which(tool) is None:
        print(f"skipped: there is no {tool}")
        sys.exit(77)
if os.getuid() != 0:
    print("skipped: only root installs packages")
    sys.exit(77)

UNITS = {"updater": ["pawl-boot.service", "pawl-trial.service", "pawl-updater.service", "pawl-poll.service",
                     "pawl-poll.timer"],
         "signer": ["pawl-signer-renew.service"], "distributor": ["pawl-distributor.service"],
         "issuer": ["pawl-issuer.service"], "vault": []}
USERS = {"signer", "distributor", "issuer"}
SECTION = {"signer": 1, "vault": 1}
# Never among what a package needs: keys and networks stay apart, as tests/linked_test.py has it for programs.
FORBIDDEN = {"updater": "libp11|sqlite", "signer": "libcurl|libtss2|nghttp2|sqlite", "issuer": "libcurl|sqlite|libp11",
             "distributor": "libp11|libtss2", "vault": "libcurl|libp11|sqlite"}
NEEDED = {"updater": ["libtss2-esys-3.0.2-0", "libtss2-mu0", "libtss2-rc0", "libtss2-tcti-device0", "libcurl4"],
          "vault": ["libtss2-rc0", "libtss2-tcti-device0"], "signer": ["libp11-3"], "distributor": ["libsqlite3-0"],
          "issuer": ["libssl3"]}
BUDGET = 2 * 1024 * 1024  # bytes of the updater as it is installed
faults = []


def expect(truth, fault):
    if not truth:
        faults.append(fault)


def run(*words, env=None, fine=True):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, cwd=build,
                          env={**os.environ, **(env or {})})
    if fine and done.returncode != 0:
        faults.append(f"{' '.join(map(str, words[:4]))}: {(done.stdout + done.stderr).strip()[-1500:]}")
    return done


def pack(folder):
    run("cpack", "-G", "DEB", "-B", folder, env={"SOURCE_DATE_EPOCH": "1795478400"})
    return {p.name.split("_")[0].removeprefix("pawl-"): p for p in folder.glob("*.deb")}


def expected_files(name):
    program = f"pawl-{name}"
    out = {f"usr/bin/{program}", f"usr/share/doc/{program}/copyright", f"usr/share/doc/{program}/changelog.gz",
           f"usr/share/man/man{SECTION.get(name, 8)}/{program}.{SECTION.get(name, 8)}.gz"}
    out |= {f"usr/lib/systemd/system/{unit}" for unit in UNITS[name]}
    if name in USERS:
        out.add(f"usr/lib/sysusers.d/{program}.conf")
    if name != "signer":
        out.add(f"usr/share/doc/{program}/examples/{name}.toml")
    if name == "updater":
        out |= {f"usr/share/pawl/boot-loaders/{file}" for file in ("u-boot/pawl.cmd", "grub/grub.cfg")}
    return out


def judge_content(name, package, unpacked):
    run("dpkg-deb", "-x", package, unpacked)
    there = {str(p.relative_to(unpacked)) for p in unpacked.rglob("*") if p.is_file()}
    expect(there == expected_files(name), f"pawl-{name}: files differ: {sorted(there ^ expected_files(name))}")
    program = unpacked / f"usr/bin/pawl-{name}"
    symbols = run("readelf", "-S", program).stdout
    expect(".symtab" not in symbols, f"pawl-{name} is not stripped")
    if name == "updater" and build.name == "release":
        expect(program.stat().st_size <= BUDGET, f"pawl-updater has {program.stat().st_size} bytes installed")
    fields = run("dpkg-deb", "-f", package, "Depends").stdout
    expect(not re.search(FORBIDDEN[name], fields), f"pawl-{name} needs what it must not: {fields.strip()}")
    for library in NEEDED[name]:
        expect(re.search(rf"(^|, ){re.escape(library)}\b", fields), f"pawl-{name} does not need {library}")
    for unit in UNITS[name]:
        text = (unpacked / "usr/lib/systemd/system" / unit).read_text()
        user = re.search(r"^User=(.*)$", text, re.M)
        made = (unpacked / f"usr/lib/sysusers.d/pawl-{name}.conf") if name in USERS else None
        expect(not user or (made and f"u {user[1]} " in made.read_text()), f"{unit}: nobody makes its user")
    example = unpacked / f"usr/share/doc/pawl-{name}/examples/{name}.toml"
    if example.exists():
        run(program, "check-config", "--config", example)


def dpkg(where, *words):
    # the scripts run here with DPKG_ROOT set, as image builders do; the libraries are not in there
    return run("dpkg", f"--root={where}", "--force-script-chrootless", "--force-depends", "--force-unsafe-io",
               "--log=/dev/null", *words)


def judge_installation(packages, where):
    for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "var/lib/pawl/journal"):
        (where / folder).mkdir(parents=True)
    (where / "var/lib/dpkg/status").touch()
    kept = where / "var/lib/pawl/journal/record.json"
    kept.write_text("a record of this device\n")
    wants = where / "etc/systemd/system/multi-user.target.wants"
    for name in sorted(packages.keys() - {"distributor"}):
        dpkg(where, "-i", packages[name])
    before = {p.name for p in wants.iterdir()}
    expect(before == {"pawl-boot.service", "pawl-trial.service"}, f"enabled by default: {sorted(before)}")
    refused = run("dpkg", f"--root={where}", "--force-script-chrootless", "--force-depends", "-i",
                  packages["distributor"], fine=False)
    expect(refused.returncode != 0, "the distributor goes beside the updater, whose state it would take over")
    (wants / "pawl-trial.service").unlink()
    dpkg(where, "-i", packages["updater"])  # again, as an upgrade does
    expect(not (wants / "pawl-trial.service").exists(), "an upgrade enables again what was disabled")
    dpkg(where, "-P", "pawl-updater")
    expect(not list(wants.iterdir()) if wants.exists() else True, "a purge leaves units enabled")
    expect(kept.read_text() == "a record of this device\n", "a purge takes the device's records away")
    dpkg(where, "-i", packages["distributor"])
    users = {line.split(":")[0] for line in (where / "etc/passwd").read_text().splitlines()}
    expect(users == {f"pawl-{name}" for name in USERS}, f"users made: {sorted(users)}")


with tempfile.TemporaryDirectory(prefix="pawl-packages-") as scratch:
    here = pathlib.Path(scratch)
    os.umask(0o022)
    run("cmake", "--build", build, "--target", "package_files")
    first = pack(here / "first")
    second = pack(here / "second")
    expect(first.keys() == UNITS.keys(), f"packages made: {sorted(first)}")
    for name, package in first.items():
        expect(package.read_bytes() == second[name].read_bytes(), f"pawl-{name}: two runs made different bytes")
        judge_content(name, package, here / name)
    run("lintian", "--allow-root", "--fail-on", "error,warning", *first.values())
    if first.keys() == UNITS.keys():
        judge_installation(first, here / "root")
print("\n".join(faults) or f"{len(first)} packages: files, needs, lintian, same bytes twice, installed and purged")
sys.exit(bool(faults))
