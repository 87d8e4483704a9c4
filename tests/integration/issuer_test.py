#!/usr/bin/env python3
"""pawl-issuer as a program against TPM emulators: pawl-updater enrols over TLS, and a device written here
with tpm2-tools and openssl tries everything that must be refused.    issuer_test.py BIN"""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

BIN = pathlib.Path(sys.argv[1])
PCRS = (0, 1, 2, 4, 7, 8, 9, 11, 12, 13)
PEER, MALFORMED, BAD_SIGNATURE, HASH, REFUSED, TPM, TIMEOUT = 20, 10, 12, 15, 23, 40, 51
UPDATER = """[device]
product = "thermostat"
hardware = "r1"
vendor_id = "8a4a6f3c-1f5e-4c0a-9b1d-0e6f2c3d4e5f"
class_id = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
[server]
url = "file:///nowhere"
[identity]
source = "issuer"
url = "https://127.0.0.1:{port}"
id = "spiffe://example.org/issuer"
bundle = "{bundle}"
tcti = "{tcti}"
[slots.a]
rootfs = "a.img"
uki = "a.efi"
[slots.b]
rootfs = "b.img"
uki = "b.efi"
[boot]
backend = "file"
profile = "efi-uki"
state = "boot"
booted = "booted"
"""


def b64(data):
    return base64.b64encode(data).decode()


def run(*words, cwd=None, env=None, data=None):
    done = subprocess.run([str(w) for w in words], cwd=cwd, env=env, input=data, capture_output=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.stderr.decode()}")
    return done.stdout


class Tpm:
    """An emulator, and tpm2-tools pointed at it. tpm2-tools make the attestation key below the endorsement key."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-swtpm-"))
        self.tcti = f"swtpm:path={self.folder}/sock"
        self.env = dict(os.environ, TPM2TOOLS_TCTI=self.tcti, TSS2_LOG="all+NONE")
        self.start()

    def start(self):
        for name in ("sock", "sock.ctrl"):
            (self.folder / name).unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}", "--server",
             f"type=unixio,path={self.folder}/sock", "--ctrl", f"type=unixio,path={self.folder}/sock.ctrl", "--flags",
             "not-need-init,startup-clear"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (self.folder / "sock.ctrl").exists():
            time.sleep(0.01)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)

    def tool(self, name, *args):
        out = run(name, *args, cwd=self.folder, env=self.env)
        return out

    def read(self, name):
        return (self.folder / name).read_bytes()

    def make_keys(self, ak_tool_args=()):
        self.tool("tpm2_createek", "-G", "rsa", "-c", "ek.ctx", "-u", "ek.pub")
        self.flush()
        self.tool("tpm2_createak", "-C", "ek.ctx", "-c", "ak.ctx", "-G", "ecc", "-g", "sha256", "-s", "ecdsa", "-u",
                  "ak.pub", "-r", "ak.priv", *ak_tool_args)
        self.flush()
        self.tool("tpm2_readpublic", "-c", "ek.ctx", "-f", "der", "-o", "ek.der")
        self.flush()

    def flush(self):
        self.tool("tpm2_flushcontext", "-t")

    @property
    def ek_public(self):
        return self.read("ek.pub")[2:]

    @property
    def ak_public(self):
        return self.read("ak.pub")[2:]

    @property
    def fingerprint(self):
        return hashlib.sha256(self.read("ek.der")).digest()

    def activate(self, credential, secret):
        blob = b"\xba\xdc\xc0\xde\0\0\0\1"
        for part in (credential, secret):
            blob += len(part).to_bytes(2, "big") + part
        (self.folder / "cred").write_bytes(blob)
        self.tool("tpm2_startauthsession", "--policy-session", "-S", "session.ctx")
        try:
            self.tool("tpm2_policysecret", "-S", "session.ctx", "-c", "e")
            self.tool("tpm2_activatecredential", "-c", "ak.ctx", "-C", "ek.ctx", "-i", "cred", "-o", "opened", "-P",
                      "session:session.ctx")
        finally:
            self.tool("tpm2_flushcontext", "session.ctx")
            self.flush()
        return self.read("opened")

    def quote(self, challenge):
        selection = "sha256:" + ",".join(map(str, PCRS))
        self.tool("tpm2_quote", "-c", "ak.ctx", "-l", selection, "-q", challenge.hex(), "-m", "quote", "-s", "sig",
                  "-g", "sha256")
        self.flush()
        self.tool("tpm2_pcrread", selection, "-o", "values")
        values = self.read("values")
        pcrs = {str(n): values[32 * i:32 * i + 32].hex() for i, n in enumerate(PCRS)}
        return self.read("quote"), self.read("sig"), pcrs


class SvidKey:
    def __init__(self, folder, name):
        self.path = folder / name
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path)
        self.spki = run("openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER")

    def sign(self, message):
        return run("openssl", "dgst", "-sha256", "-sign", self.path, data=message)


class Issuer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tpm, cls.other = Tpm(), Tpm()
        for tpm in (cls.tpm, cls.other):
            tpm.make_keys()

    @classmethod
    def tearDownClass(cls):
        for tpm in (cls.tpm, cls.other):
            tpm.close()

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-issuer-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.config = self.folder / "issuer.toml"
        self.configure()
        self.verb("ca", "new")
        self.server = None
        self.serve()
        self.addCleanup(self.stop)
        self.key = SvidKey(self.folder, "device.pem")

    def configure(self, more="", port=0):
        self.config.write_text(f'[server]\nlisten = "127.0.0.1:{port}"\n[identity]\ndomain = "example.org"\n'
                               f'[authority]\nfolder = "{self.folder}/ca"\n[ek]\nfolder = "{self.folder}/eks"\n{more}')

    def verb(self, *words, status=0):
        done = subprocess.run([BIN / "pawl-issuer", *words, "--config", self.config, "--json"], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def serve(self):
        self.server = subprocess.Popen([BIN / "pawl-issuer", "serve", "--config", self.config, "--json"], text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = json.loads(self.server.stdout.readline())["port"]

    def stop(self):
        if self.server:
            self.server.send_signal(signal.SIGTERM)
            self.assertEqual(self.server.wait(60), 0)
            self.server.stdout.close()
        self.server = None

    def admit(self, tpm):
        self.verb("ek", "add", tpm.fingerprint.hex())

    def ask(self, method, path, body=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # who the issuer is, pawl-updater checks; here it does not matter
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        result = answer.status, json.loads(answer.read())
        connection.close()
        return result

    def start_body(self, tpm, **bent):
        return {"binding": "quote", "ek_public": b64(tpm.ek_public), "ak_public": b64(tpm.ak_public),
                "svid_public": b64(self.key.spki), **bent}

    def begin(self, tpm, **bent):
        status, started = self.ask("POST", "/v1/enroll/start", self.start_body(tpm, **bent))
        self.assertEqual(status, 200, started)
        return started

    def challenge(self, tpm, started, key=None):
        name = b"\0\x0b" + hashlib.sha256(tpm.ak_public).digest()
        return hashlib.sha256(b"pawl-enroll-v1\0" + bytes.fromhex(started["session"]) + tpm.fingerprint + name +
                              hashlib.sha256((key or self.key).spki).digest()).digest()

    def proof(self, tpm, started, key=None):
        opened = tpm.activate(base64.b64decode(started["credential"]), base64.b64decode(started["secret"]))
        challenge = self.challenge(tpm, started, key)
        quote, signature, pcrs = tpm.quote(challenge)
        return {"session": started["session"], "activated": b64(opened), "quote": b64(quote),
                "quote_signature": b64(signature), "pcrs": pcrs,
                "svid_signature": b64((key or self.key).sign(b"pawl-enroll-svid-v1\0" + challenge))}

    def finish(self, body):
        return self.ask("POST", "/v1/enroll/finish", body)

    def refused(self, answer, code, status=403):
        self.assertEqual((answer[0], answer[1].get("code")), (status, code), answer[1])

    # pawl-updater, with a TPM of its own: its keys are not those of tpm2-tools

    def updater(self, tpm, *words, status=0):
        config = self.folder / "updater.toml"
        config.write_text(UPDATER.format(port=self.port, bundle=self.folder / "ca/bundle.json", tcti=tpm.tcti))
        done = subprocess.run([BIN / "pawl-updater", "enroll", *words, "--config", config, "--state",
                               self.folder / "state", "--json"], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def test_pawl_updater_enrols_once_and_its_svid_is_good(self):
        self.updater(self.tpm, status=REFUSED)  # nobody has admitted it
        self.admit(self.tpm)
        made = self.updater(self.tpm)
        self.assertTrue(made["changed"])
        self.assertEqual(made["id"], "spiffe://example.org/device/" + self.tpm.fingerprint.hex()[:32])
        svid = self.folder / "state/svid"
        run("openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", self.folder / "ca/ca.pem",
            svid / "svid.pem")
        self.assertEqual((svid / "key.pem").stat().st_mode & 0o777, 0o600)
        public = run("openssl", "x509", "-in", svid / "svid.pem", "-noout", "-pubkey")
        self.assertEqual(public, run("openssl", "pkey", "-in", svid / "key.pem", "-pubout"))
        self.assertFalse(self.updater(self.tpm)["changed"])
        self.assertTrue(self.verb("ek", "list")["eks"][0]["ak"])
        # The issuer starts anew and knows the key; a lost SVID is simply fetched again.
        shutil.rmtree(svid)
        self.stop()
        self.serve()
        self.assertTrue(self.updater(self.tpm)["changed"])

    def test_another_attestation_key_needs_the_operator(self):
        self.admit(self.tpm)
        self.updater(self.tpm)
        shutil.rmtree(self.folder / "state/svid")
        self.updater(self.tpm, "--new-ak", status=REFUSED)
        self.verb("ek", "rm", self.tpm.fingerprint.hex())
        self.updater(self.tpm, status=REFUSED)
        self.admit(self.tpm)
        self.updater(self.tpm)
        self.verb("ek", "rm", self.tpm.fingerprint.hex(), "--ban")
        shutil.rmtree(self.folder / "state/svid")
        self.updater(self.tpm, status=REFUSED)

    def test_a_disk_in_another_device_enrols_nothing(self):
        for tpm in (self.tpm, self.other):
            self.admit(tpm)
        self.updater(self.tpm)
        shutil.rmtree(self.folder / "state/svid")
        self.updater(self.other, status=TPM)

    def test_an_issuer_that_is_not_the_pinned_one_gets_nothing(self):
        self.admit(self.tpm)
        self.stop()
        self.configure(more='', port=0)
        text = self.config.read_text().replace('domain = "example.org"',
                                               'domain = "example.org"\nid = "spiffe://example.org/other"')
        self.config.write_text(text)
        self.serve()
        self.updater(self.tpm, status=PEER)

    # A device made of tpm2-tools

    def test_tpm2_tools_and_openssl_enrol_without_any_code_of_ours(self):
        self.admit(self.tpm)
        status, answer = self.finish(self.proof(self.tpm, self.begin(self.tpm)))
        self.assertEqual(status, 200, answer)
        (self.folder / "svid.pem").write_text(answer["svid_chain_pem"])
        run("openssl", "verify", "-x509_strict", "-CAfile", self.folder / "ca/ca.pem", self.folder / "svid.pem")
        text = run("openssl", "x509", "-in", self.folder / "svid.pem", "-noout", "-ext", "subjectAltName").decode()
        self.assertEqual(text.count("URI:"), 1)
        self.assertIn(answer["id"], text)
        status, bundle = self.ask("GET", "/bundle")
        self.assertEqual((status, bundle), (200, answer["bundle"]))
        self.assertEqual(bundle["spiffe_sequence"], 1)

    def test_who_may_not_enrol_is_refused_at_the_first_request(self):
        self.refused(self.ask("POST", "/v1/enroll/start", self.start_body(self.tpm)), PEER)  # not admitted
        self.admit(self.tpm)
        soft = SvidKey(self.folder, "soft.pem").spki[-64:]
        public = self.tpm.ak_public
        at = public.index(b"\0\x20", 20)
        software = public[:at] + b"\0\x20" + soft[:32] + b"\0\x20" + soft[32:]
        # A software key with the attributes of a real one is found out by the TPM: no secret comes back.
        started = self.begin(self.tpm, ak_public=b64(software))
        with self.assertRaises(AssertionError):
            self.tpm.activate(base64.b64decode(started["credential"]), base64.b64decode(started["secret"]))
        # So is the key of another TPM.
        started = self.begin(self.tpm, ak_public=b64(self.other.ak_public))
        for tpm in (self.tpm, self.other):
            with self.assertRaises(AssertionError):
                tpm.activate(base64.b64decode(started["credential"]), base64.b64decode(started["secret"]))
        # A signing key of this TPM that is not restricted could sign a forged quote.
        self.tpm.tool("tpm2_createprimary", "-C", "o", "-c", "srk.ctx")
        self.tpm.tool("tpm2_create", "-C", "srk.ctx", "-G", "ecc256:ecdsa-sha256", "-u", "plain.pub", "-r", "plain.priv",
                      "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign")
        self.tpm.flush()
        self.refused(self.ask("POST", "/v1/enroll/start",
                              self.start_body(self.tpm, ak_public=b64(self.tpm.read("plain.pub")[2:]))), PEER)

    def test_a_session_is_good_once(self):
        self.admit(self.tpm)
        proof = self.proof(self.tpm, self.begin(self.tpm))
        self.assertEqual(self.finish(proof)[0], 200)
        self.refused(self.finish(proof), PEER)
        started = self.begin(self.tpm)
        proof = self.proof(self.tpm, started)
        self.refused(self.finish({**proof, "activated": b64(bytes(32))}), PEER)
        self.refused(self.finish(proof), PEER)  # one wrong try has spent it

    def test_a_session_ends_with_its_time_and_with_the_issuer(self):
        self.admit(self.tpm)
        proof = self.proof(self.tpm, self.begin(self.tpm))
        self.stop()
        self.configure(more="[limits]\nsession = 1\n")
        self.serve()
        self.refused(self.finish(proof), PEER)
        begun = time.monotonic()
        started = self.begin(self.tpm)
        answered = time.monotonic()
        proof = self.proof(self.tpm, started)
        while time.monotonic() - answered < 1.1:  # everything else it asks of the TPM is in time or not
            self.tpm.tool("tpm2_getrandom", "8")
        self.assertGreater(time.monotonic() - begun, 1)
        self.refused(self.finish(proof), TIMEOUT)

    def test_an_svid_key_in_another_s_place_is_refused(self):
        self.admit(self.tpm)
        thief = SvidKey(self.folder, "thief.pem")
        started = self.begin(self.tpm)
        self.refused(self.finish(self.proof(self.tpm, started, thief)), HASH)  # the quote vouches for another
        started = self.begin(self.tpm)
        proof = self.proof(self.tpm, started)
        proof["svid_signature"] = b64(thief.sign(b"pawl-enroll-svid-v1\0" + self.challenge(self.tpm, started)))
        self.refused(self.finish(proof), BAD_SIGNATURE)
        started = self.begin(self.tpm)
        proof = self.proof(self.tpm, started)
        theirs = self.other.quote(self.challenge(self.tpm, started))
        self.refused(self.finish({**proof, "quote": b64(theirs[0]), "quote_signature": b64(theirs[1])}), BAD_SIGNATURE)

    def test_bodies_that_are_none(self):
        self.refused(self.ask("POST", "/v1/enroll/start", {}), MALFORMED, 400)
        self.refused(self.ask("POST", "/v1/enroll/finish", {}), MALFORMED, 400)
        self.refused(self.ask("GET", "/v1/enroll/start"), MALFORMED, 405)
        self.refused(self.ask("GET", "/v1/other"), MALFORMED, 404)

    def test_a_maker_s_certificate_admits_without_a_list(self):
        maker, ek = self.folder / "makers", self.tpm.folder / "ek.der"
        maker.mkdir()
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.folder / "maker.key", "-out",
            maker / "maker.pem", "-subj", "/CN=maker", "-days", "30", "-addext", "basicConstraints=critical,CA:true",
            "-addext", "keyUsage=critical,keyCertSign")
        (self.folder / "ext").write_text("extendedKeyUsage = 2.23.133.8.1\nbasicConstraints = critical,CA:false\n")
        run("openssl", "pkey", "-pubin", "-inform", "DER", "-in", ek, "-out", self.folder / "ek.pem")
        run("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", self.folder / "any.key", "-subj", "/CN=ek",
            "-out", self.folder / "ek.csr")
        run("openssl", "x509", "-req", "-in", self.folder / "ek.csr", "-force_pubkey", self.folder / "ek.pem", "-CA",
            maker / "maker.pem", "-CAkey", self.folder / "maker.key", "-CAcreateserial", "-days", "20", "-extfile",
            self.folder / "ext", "-outform", "DER", "-out", self.folder / "ek.crt")
        certificate = b64((self.folder / "ek.crt").read_bytes())
        body = self.start_body(self.tpm, ek_certificates=[certificate])
        self.refused(self.ask("POST", "/v1/enroll/start", body), PEER)
        self.stop()
        self.config.write_text(self.config.read_text().replace("[ek]\n", f'[ek]\nmakers = "{maker}"\n'))
        self.serve()
        self.refused(self.ask("POST", "/v1/enroll/start", self.start_body(self.tpm)), PEER)
        self.refused(self.ask("POST", "/v1/enroll/start", self.start_body(self.other, ek_certificates=[certificate])), PEER)
        status, answer = self.finish(self.proof(self.tpm, self.begin(self.tpm, ek_certificates=[certificate])))
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.verb("ek", "list")["eks"][0]["origin"], "maker")


if __name__ == "__main__":
    missing = [t for t in ("swtpm", "tpm2_createek", "openssl") if shutil.which(t) is None]
    if missing:
        print(f"skipped: {missing} not installed")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
