#!/usr/bin/env python3
"""The scripts of examples/ci, as the pipelines there run them: one signature in the pipeline, one elsewhere.

    ci_test.py FOLDER-OF-PROGRAMS [unittest arguments]
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import yaml

import signer_test
from signer_test import MODULE, PIN, SOURCE, Signer

CI = SOURCE / "examples/ci"


class Pipeline(unittest.TestCase):
    def setUp(self):
        """A product of two keys: ci in the pipeline's folder, second on a machine apart."""
        self.s = Signer()
        self.state = self.s.folder / "state"
        self.s.env["PATH"] = f"{pathlib.Path(signer_test.signer).parent}:{os.environ['PATH']}"
        self.script("new-state.sh", self.state, self.s.folder / "pin")
        self.s.env.update(SOFTHSM2_CONF=str(self.state / "softhsm2.conf"), PAWL_STATE=str(self.state))
        work = self.s.folder
        self.s.folder = self.state  # keys and repository of the set-up day
        for name in ("office", "second"):
            self.s.token(name)
        shutil.copy(work / "pin", self.state / "pin")
        self.s.key("root", "office")
        for name in ("targets", "snap", "time"):
            self.s.key(name, "office")
        self.s.key("yubihsm", "second")
        self.s.json("repo", "init", "repo", "--root", "root", "--targets", "targets", "--snapshot", "snap", "--timestamp",
                    "time", "--product", "gw3=ci,yubihsm:2", "--ceiling", "gw3=5")
        self.apart(work / "host")
        self.s.folder = work
        self.assertEqual(self.s.build("1.0.0", "release", "--counter", 1).returncode, 0)

    def apart(self, host):
        """The second key leaves for a machine of its own, which takes over what is published."""
        shutil.copytree(self.state, host)
        toml = (self.state / "signer.toml").read_text()
        tables = re.split(r"(?m)^(?=\[)", toml)
        second = [t for t in tables if t.startswith("[keys.yubihsm]")]
        (self.state / "signer.toml").write_text("".join(t for t in tables if t not in second))
        identity = [line for line in tables[0].splitlines() if line.startswith("repository_id")]
        (host / "signer.toml").write_text("\n".join([*identity, "", *second]))
        (host / "signer.ledger").unlink()
        (host / "softhsm2.conf").write_text(f"directories.tokendir = {host}/tokens\nlog.level = ERROR\n")
        self.host = host
        self.host_env = dict(self.s.env, SOFTHSM2_CONF=str(host / "softhsm2.conf"), PAWL_STATE=str(host))
        self.on_host("ledger", "init", "--repo", "repo")
        shutil.rmtree(host / "repo")

    def tearDown(self):
        self.s.close()

    def script(self, name, *args, code=0, env=None):
        done = subprocess.run([CI / name, *map(str, args)], cwd=self.s.folder, env=env or self.s.env, text=True,
                              capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def on_host(self, *args, code=0):
        done = subprocess.run([signer_test.signer, *map(str, args)], cwd=self.host, env=self.host_env, text=True,
                              capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def published(self):
        return [r["version"] for r in self.s.json("verify", self.state / "repo")[0]["releases"]]

    def ssh(self):
        """A stand-in for sshd's forced command: it hands over what the client asked for."""
        folder = self.s.folder / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "ssh").write_text(f'''#!/bin/bash
shift
SSH_ORIGINAL_COMMAND="$*" PAWL_STATE={self.host} SOFTHSM2_CONF= exec {CI}/sign-on-host.sh
''')
        (folder / "ssh").chmod(0o755)
        return dict(self.s.env, PATH=f"{folder}:{self.s.env['PATH']}")

    def test_publishing_waits_for_the_second_signature(self):
        self.script("propose.sh", "release", "release.ceremony")
        done = self.script("publish.sh", "release", "release.ceremony", code=3)
        self.assertIn("1 more of", done.stderr)
        self.assertEqual(self.published(), [])
        copy = shutil.copy(self.s.folder / "release.ceremony", self.host / "copy.ceremony")
        words = re.search(r'"words":"([a-z ]*)"', self.on_host("ceremony", "show", copy, "--json").stdout).group(1)
        self.on_host("ceremony", "sign", copy, "--words", words)
        self.script("publish.sh", "release", "release.ceremony", copy)
        self.assertEqual(self.published(), ["1.0.0"])

    def test_a_host_with_the_other_key_is_asked_over_ssh(self):
        self.script("propose.sh", "release", "release.ceremony")
        self.script("ask-host.sh", "signing-host", "release.ceremony", "signed.ceremony", env=self.ssh())
        self.script("publish.sh", "release", "release.ceremony", "signed.ceremony")
        self.assertEqual(self.published(), ["1.0.0"])

    def test_the_host_signs_no_second_manifest_of_a_version_and_runs_nothing_else(self):
        self.script("propose.sh", "release", "release.ceremony")
        env = self.ssh()
        self.script("ask-host.sh", "signing-host", "release.ceremony", "signed.ceremony", env=env)
        shutil.copytree(self.s.folder / "state", self.s.folder / "stolen")  # the pipeline's state, in other hands
        (self.s.folder / "stolen/signer.ledger").unlink()
        other = dict(env, PAWL_STATE=str(self.s.folder / "stolen"))
        self.assertEqual(self.s.build("1.0.0", "forged", "--counter", 1, "--severity", "low").returncode, 0)
        self.assertIn("no ledger", self.script("propose.sh", "forged", "x.ceremony", code=17, env=other).stderr)
        (self.s.folder / "x.ceremony").unlink()
        self.s.run("ledger", "init", "--config", "stolen/signer.toml", "--repo", "stolen/repo")
        self.script("propose.sh", "forged", "x.ceremony", env=other)
        done = self.script("ask-host.sh", "signing-host", "x.ceremony", "x.signed", code=17, env=other)
        self.assertIn("another manifest of gw3 1.0.0", done.stderr)
        self.assertFalse((self.s.folder / "x.signed").exists())
        for request in ("", "sh", "sign a b; reboot", "sign " + " ".join(["word"] * 13)):
            done = subprocess.run([CI / "sign-on-host.sh"], env=dict(self.host_env, SSH_ORIGINAL_COMMAND=request),
                                  text=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)

    def test_the_pipelines_are_yaml_of_their_forge(self):
        gitlab = yaml.safe_load((CI / "gitlab-ci.yml").read_text())
        jobs = {name: job for name, job in gitlab.items() if name not in ("stages", "variables")}
        self.assertEqual({job["stage"] for job in jobs.values()}, set(gitlab["stages"]))
        for name, job in jobs.items():
            self.assertTrue(all(isinstance(line, str) for line in job["script"]), name)
        self.assertEqual(jobs["publish"]["rules"][0]["when"], "manual")
        workflows = [yaml.safe_load(path.read_text()) for path in CI.glob("github/*.yml")]
        self.assertEqual(len(workflows), 2)
        for workflow in workflows:
            self.assertIn(True, workflow)  # `on` is a truth value in YAML 1.1, which the forge reads as a word
            for name, job in workflow["jobs"].items():
                self.assertIn("runs-on", job, name)
                for step in job["steps"]:
                    self.assertEqual(len({"run", "uses"} & set(step)), 1, step)

    def test_the_pipelines_run_scripts_that_exist_and_parse(self):
        for pipeline in (CI / "gitlab-ci.yml", *CI.glob("github/*.yml")):
            named = set(re.findall(r"examples/ci/[\w-]+\.sh", pipeline.read_text()))
            self.assertTrue(named, pipeline)
            for script in named:
                self.assertTrue(os.access(SOURCE / script, os.X_OK), script)
        for script in CI.glob("*.sh"):
            subprocess.run(["bash", "-n", script], check=True)

    def test_no_pin_is_on_a_command_line(self):
        for script in CI.glob("*.sh"):
            self.assertNotRegex(script.read_text(), r"--pin +(?!\"?file:)|--so-pin|pin-value")
        self.assertNotIn(PIN, (self.state / "signer.toml").read_text())


if __name__ == "__main__":
    signer_test.signer = str(pathlib.Path(sys.argv.pop(1)).resolve() / "pawl-signer")
    if not os.path.exists(MODULE):
        print(f"{MODULE} is not installed")
        sys.exit(77)
    unittest.main()
