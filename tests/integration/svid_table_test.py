#!/usr/bin/env python3
"""X.509-SVIDs, good and bad, in real TLS handshakes with pawl-distributor, and with nginx as the control: what a
server does that knows certificate authorities and no SPIFFE.    svid_table_test.py BIN"""
import base64
import datetime
import ipaddress
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import NameOID

BIN = pathlib.Path(sys.argv[1])
NOW = datetime.datetime.utcnow().replace(microsecond=0)
ID = "spiffe://example.org/device/d1"
BOTH = (Eku.SERVER_AUTH, Eku.CLIENT_AUTH)
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
          "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
REQUEST = b"GET /v1/metadata/timestamp.json HTTP/1.1\r\nHost: d\r\n\r\n"


class Made:
    """A certificate and its key."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption())


def seconds(n):
    return NOW + datetime.timedelta(seconds=n)


def make(signer=None, *, uris=(ID,), dns=(), ip=(), ca=None, path=None, usage=("digital_signature",), critical=True,
         extended=BOTH, subject="leaf", san_critical=False, start=-60, end=3600, key=None, digest=None, constraints=None):
    """A leaf of `signer` (itself when there is none). ca: the CA flag of basic constraints; None: no such extension."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else [])
    builder = (x509.CertificateBuilder().subject_name(name).public_key(key.public_key())
               .issuer_name(signer.certificate.subject if signer else name).serial_number(x509.random_serial_number())
               .not_valid_before(seconds(start)).not_valid_after(seconds(end)))
    names = [x509.UniformResourceIdentifier(u) for u in uris] + [x509.DNSName(d) for d in dns]
    names += [x509.IPAddress(ipaddress.ip_address(i)) for i in ip]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), san_critical)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path if ca else None), True)
    if usage is not None:
        builder = builder.add_extension(x509.KeyUsage(**{u: u in usage for u in USAGES}), critical)
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), False)
    if constraints:
        builder = builder.add_extension(constraints, True)
    return Made(builder.sign(signer.key if signer else key, digest or hashes.SHA256()), key)


def authority(name, signer=None, domain="example.org", **more):
    spec = {"uris": (f"spiffe://{domain}",), "ca": True, "usage": ("key_cert_sign", "crl_sign"), "extended": None,
            "subject": name, "end": 86400, **more}
    return make(signer, **spec)


def jwk(made):
    numbers = made.key.public_key().public_numbers()
    coordinate = [base64.urlsafe_b64encode(n.to_bytes(32, "big")).rstrip(b"=").decode() for n in (numbers.x, numbers.y)]
    return {"kty": "EC", "crv": "P-256", "use": "x509-svid", "x": coordinate[0], "y": coordinate[1],
            "x5c": [base64.b64encode(made.der).decode()]}


ROOT, OTHER = authority("root"), authority("other root", domain="other.org")
BETWEEN = authority("between", ROOT)


def between(**more):
    """A leaf below an intermediate that differs in one thing."""
    leaf = more.pop("leaf", {})
    middle = authority("between", more.pop("signer", ROOT), **more)
    return [make(middle, **leaf), middle]


def chain_of(count):
    out = [ROOT]
    for n in range(count):
        out.append(authority(f"ca {n}", out[-1]))
    return [make(out[-1]), *reversed(out[1:])]


def tree(kind, value):
    names = [x509.UniformResourceIdentifier(value)]
    return x509.NameConstraints(names if kind == "permitted" else None, names if kind == "excluded" else None)


def uri(text, **more):
    return lambda: [make(ROOT, uris=(text,), **more)]


# What happens to each: (name, chain, pawl, nginx). True: the request is answered.
CLASSES = [
    ("a good SVID", lambda: [make(ROOT)], True, True),
    ("two URI names", lambda: [make(ROOT, uris=(ID, "spiffe://example.org/device/d2"))], False, True),
    ("an ID of other.org signed by example.org's authority", uri("spiffe://other.org/device/d1"), False, True),
    ("an ID of example.org signed by other.org's authority", lambda: [make(OTHER)], False, False),
    ("a CA certificate as leaf", lambda: [ROOT], False, False),
    ("an expired SVID", lambda: [make(ROOT, start=-600, end=-1)], False, False),
]
CASES = [
    # names
    ("no name at all", lambda: [make(ROOT, uris=())], False, True),
    ("only a DNS name", lambda: [make(ROOT, uris=(), dns=("d1.example.org",))], False, True),
    ("an e-mail-like scheme", uri("mailto:d1@example.org"), False, True),
    ("an https URI", uri("https://example.org/device/d1"), False, True),
    ("the scheme in upper case", uri("SPIFFE://example.org/device/d1"), False, True),
    ("the domain in upper case", uri("spiffe://Example.org/device/d1"), False, True),
    ("the domain's own ID", uri("spiffe://example.org"), False, True),
    ("the domain's own ID and a slash", uri("spiffe://example.org/"), False, True),
    ("no domain", uri("spiffe:///device/d1"), False, True),
    ("a slash at the end", uri(ID + "/"), False, True),
    ("an empty segment", uri("spiffe://example.org/device//d1"), False, True),
    ("a dot segment", uri("spiffe://example.org/device/./d1"), False, True),
    ("two dots", uri("spiffe://example.org/device/../d1"), False, True),
    ("a percent-encoded letter", uri("spiffe://example.org/device/%64%31"), False, True),
    ("a percent-encoded slash", uri("spiffe://example.org/device%2fd1"), False, True),
    ("a user", uri("spiffe://user@example.org/device/d1"), False, True),
    ("a port", uri("spiffe://example.org:8443/device/d1"), False, True),
    ("a query", uri(ID + "?x=1"), False, True),
    ("a fragment", uri(ID + "#x"), False, True),
    ("a blank", uri("spiffe://example.org/device/d 1"), False, True),
    ("a domain that ours begins", uri("spiffe://example.org.evil/device/d1"), False, True),
    ("a domain below ours", uri("spiffe://sub.example.org/device/d1"), False, True),
    ("an unknown domain", uri("spiffe://unknown.org/device/d1"), False, True),
    ("an ID of 2049 bytes", uri("spiffe://example.org/" + "a" * 2028), False, True),
    ("the same URI twice", lambda: [make(ROOT, uris=(ID, ID))], False, True),
    ("an https URI beside the ID", lambda: [make(ROOT, uris=(ID, "https://example.org/"))], False, True),
    ("no subject and a name that is not critical", lambda: [make(ROOT, subject="")], False, True),
    # usages
    ("no key usage", lambda: [make(ROOT, usage=None)], False, True),
    ("key usage that is not critical", lambda: [make(ROOT, critical=False)], False, True),
    ("key agreement alone", lambda: [make(ROOT, usage=("key_agreement",))], False, None),
    ("a leaf that may sign certificates", lambda: [make(ROOT, usage=("digital_signature", "key_cert_sign"))], False, True),
    ("a leaf that may sign CRLs", lambda: [make(ROOT, usage=("digital_signature", "crl_sign"))], False, True),
    ("a leaf with the CA flag", lambda: [make(ROOT, ca=True)], False, True),
    ("clientAuth alone", lambda: [make(ROOT, extended=(Eku.CLIENT_AUTH,))], False, True),
    ("serverAuth alone", lambda: [make(ROOT, extended=(Eku.SERVER_AUTH,))], False, False),
    ("another usage alone", lambda: [make(ROOT, extended=(Eku.CODE_SIGNING,))], False, False),
    # dates
    ("not valid yet", lambda: [make(ROOT, start=600, end=3600)], False, False),
    ("an intermediate that has expired", lambda: between(start=-600, end=-1), False, False),
    ("an intermediate that is not valid yet", lambda: between(start=600), False, False),
    # paths
    ("a stranger's authority of the same name", lambda: [make(authority("root"))], False, False),
    ("a self-signed leaf", lambda: [make()], False, False),
    ("a missing intermediate", lambda: [make(BETWEEN)], False, False),
    ("a leaf that signed a leaf", lambda: (lambda l: [make(l), l])(make(ROOT, subject="d0")), False, False),
    ("an intermediate without the CA flag", lambda: between(ca=False), False, False),
    ("an intermediate that may not sign certificates", lambda: between(usage=("crl_sign",)), False, False),
    ("an intermediate without key usage", lambda: between(usage=None), False, True),
    ("an intermediate whose key usage is not critical", lambda: between(critical=False), False, True),
    ("an intermediate whose ID has a path", lambda: between(uris=("spiffe://example.org/ca",)), False, True),
    ("an intermediate with two URI names", lambda: between(uris=("spiffe://example.org", "spiffe://a.org")), False, True),
    ("a path length that is exceeded",
     lambda: (lambda a: (lambda b: [make(b), b, a])(authority("b", a)))(authority("a", ROOT, path=0)), False, False),
    ("a name constraint for another domain", lambda: between(constraints=tree("permitted", "other.org")), False, False),
    ("a name constraint against the domain", lambda: between(constraints=tree("excluded", "example.org")), False, False),
    ("five intermediates", lambda: chain_of(5), False, None),
    ("nine certificates", lambda: chain_of(9), False, None),
    # strength
    ("RSA with 1024 bits", lambda: [make(ROOT, key=rsa.generate_private_key(65537, 1024))], False, None),
    # and what is good
    ("an SVID below an intermediate", lambda: between(), True, True),
    ("four intermediates", lambda: chain_of(4), True, None),
    ("a DNS name and an address beside the ID", lambda: [make(ROOT, dns=("d1.example.org",), ip=("192.0.2.1",))], True, True),
    ("no subject and a critical name", lambda: [make(ROOT, subject="", san_critical=True)], True, True),
    ("no extended usage", lambda: [make(ROOT, extended=None)], True, True),
    ("both usages and a third", lambda: [make(ROOT, extended=(*BOTH, Eku.CODE_SIGNING))], True, True),
    ("an explicit end entity", lambda: [make(ROOT, ca=False)], True, True),
    ("an ID of 2048 bytes", uri("spiffe://example.org/" + "a" * 2027), True, True),
    ("every character an ID may have", uri("spiffe://example.org/AZaz09._-/..."), True, True),
    ("a name constraint that allows the domain", lambda: between(constraints=tree("permitted", "example.org")), True, True),
    ("RSA with 2048 bits", lambda: [make(ROOT, key=rsa.generate_private_key(65537, 2048))], True, True),
    ("P-384 with SHA-384", lambda: [make(ROOT, key=ec.generate_private_key(ec.SECP384R1()), digest=hashes.SHA384())],
     True, True),
    ("another domain's SVID, by its own authority", lambda: [make(OTHER, uris=("spiffe://other.org/device/d1",))], True,
     False),
]


class Client:
    """TLS connections of one device. Who the server is does not matter here: pawl-updater checks that."""

    def __init__(self, folder, chain):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.context.set_ciphers("DEFAULT@SECLEVEL=0")  # the server is to refuse weak keys, not this client
        file = folder / "client.pem"
        file.write_bytes(chain[0].key_pem + b"".join(m.pem for m in chain))
        self.context.load_cert_chain(file)

    def open(self, port, session=None):
        plain = socket.create_connection(("127.0.0.1", port), timeout=30)
        return self.context.wrap_socket(plain, session=session)

    def status(self, port, session=None):
        """The HTTP status, or None when the server ended the connection."""
        try:
            with self.open(port, session) as connection:
                return ask(connection)
        except (ssl.SSLError, ConnectionError):
            return None


def ask(connection):
    connection.sendall(REQUEST)
    head = b""
    while b"\r\n" not in head:
        more = connection.recv(4096)
        if not more:
            return None
        head += more
    return int(head.split()[1])


class Servers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-svids-"))
        (cls.folder / "repo/metadata").mkdir(parents=True)
        (cls.folder / "repo/metadata/timestamp.json").write_text("{}")
        own = make(ROOT, uris=("spiffe://example.org/distributor",))
        cls.write_identity(own, {"example.org": {"keys": [jwk(ROOT)], "spiffe_sequence": 1},
                                 "other.org": {"keys": [jwk(OTHER)], "spiffe_sequence": 1}})
        cls.start_pawl()
        cls.start_nginx(own)

    @classmethod
    def write_identity(cls, own, domains):
        cls.own = own
        svid = cls.folder / "svid"
        svid.mkdir(exist_ok=True)
        (svid / "svid.pem").write_bytes(own.pem)
        (svid / "key.pem").write_bytes(own.key_pem)
        (svid / "bundle.json").write_text(json.dumps({"trust_domains": domains}))

    @classmethod
    def start_pawl(cls):
        rules = "".join(f'[admit.{d}{n}]\ntrust_domain = "{d}.org"\nid = "{path}"\nproduct = "p"\n'
                        for d in ("example", "other") for n, path in enumerate(("/*", "/*/*")))
        (cls.folder / "d.toml").write_text(
            f'[device]\nlisten = "127.0.0.1:0"\n[identity]\nsource = "files"\nfolder = "{cls.folder}/svid"\n'
            f'[repository]\npath = "{cls.folder}/repo"\n[store]\npath = "{cls.folder}/d.db"\n'
            f'[admin]\nsocket = "{cls.folder}/d.sock"\n{rules}')
        cls.pawl = subprocess.Popen([BIN / "pawl-distributor", "serve", "--config", cls.folder / "d.toml", "--json",
                                     "--log", "info"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        cls.pawl_port = json.loads(cls.pawl.stdout.readline())["port"]

    @classmethod
    def start_nginx(cls, own):
        with socket.create_server(("127.0.0.1", 0)) as free:
            cls.nginx_port = free.getsockname()[1]
        for name, content in (("n.pem", own.pem), ("n.key", own.key_pem), ("ca.pem", ROOT.pem)):
            (cls.folder / name).write_bytes(content)
        (cls.folder / "nginx.conf").write_text(f"""pid {cls.folder}/nginx.pid; error_log {cls.folder}/error.log; daemon off;
events {{ }}
http {{ access_log off; client_body_temp_path {cls.folder}/t1; proxy_temp_path {cls.folder}/t2;
  fastcgi_temp_path {cls.folder}/t3; uwsgi_temp_path {cls.folder}/t4; scgi_temp_path {cls.folder}/t5;
  server {{ listen 127.0.0.1:{cls.nginx_port} ssl; ssl_protocols TLSv1.3; ssl_certificate {cls.folder}/n.pem;
    ssl_certificate_key {cls.folder}/n.key; ssl_client_certificate {cls.folder}/ca.pem; ssl_verify_client on;
    ssl_verify_depth 4; large_client_header_buffers 4 16k; location / {{ return 200 "ok"; }} }} }}
""")
        cls.nginx = subprocess.Popen(["nginx", "-p", cls.folder, "-c", cls.folder / "nginx.conf"], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", cls.nginx_port), timeout=1).close()
                return
            except ConnectionError:
                time.sleep(0.01)
        raise AssertionError("nginx does not start")

    @classmethod
    def tearDownClass(cls):
        for process in (cls.pawl, cls.nginx):
            process.send_signal(signal.SIGTERM)
        cls.pawl.communicate(timeout=60)
        cls.nginx.wait(60)
        shutil.rmtree(cls.folder)

    def outcome(self, chain):
        client = Client(self.folder, chain)
        return client.status(self.pawl_port) == 200, client.status(self.nginx_port) == 200

    def walk(self, rows):
        wrong, alone = [], []
        for name, chain, pawl, nginx in rows:
            got = self.outcome(chain())
            if got[0] != pawl or (nginx is not None and got[1] != nginx):
                wrong.append(f"{name}: pawl {got[0]}, nginx {got[1]}; expected {pawl}, {nginx}")
            if got[1] and not got[0]:
                alone.append(name)
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))
        return alone

    def test_the_seven_classes_of_the_standard(self):
        self.assertEqual(len(self.walk(CLASSES)), 2)
        # The seventh: a session resumed after its SVID has expired. The control takes it; here there is none to resume.
        client = Client(self.folder, [make(ROOT, end=int((datetime.datetime.utcnow() - NOW).total_seconds()) + 4)])
        with client.open(self.nginx_port) as first:
            self.assertEqual(ask(first), 200)
            ticket = first.session
        with client.open(self.pawl_port) as kept, client.open(self.pawl_port) as other:
            self.assertEqual(ask(kept), 200)
            self.assertFalse(kept.session and kept.session.has_ticket)
            while client.status(self.nginx_port) == 200:  # a full handshake: until the SVID has expired
                time.sleep(0.2)
            self.assertEqual(client.status(self.nginx_port, ticket), 200)
            self.assertIsNone(client.status(self.pawl_port, kept.session))
            self.assertIsNone(client.status(self.pawl_port))
            self.assertEqual(ask(kept), 403)  # the kept connection, judged again at its next request
            self.assertIn(ask(other), (403, None))

    def test_every_other_case(self):
        self.assertGreaterEqual(len(CASES), 40)
        alone = self.walk(CASES)
        print(f"{len(CLASSES) + 1 + len(CASES)} cases; nginx accepts {len(alone) + 3} that are refused here", file=sys.stderr)

    def test_a_rotated_bundle_ends_kept_connections_at_their_next_request(self):
        client = Client(self.folder, [make(OTHER, uris=("spiffe://other.org/device/d2",))])
        with client.open(self.pawl_port) as kept, client.open(self.pawl_port) as second:
            self.assertEqual(ask(kept), 200)
            self.reload({"other.org": {"keys": [jwk(authority("next", domain="other.org"))], "spiffe_sequence": 2}})
            self.assertEqual(ask(kept), 403)
            self.assertIn(ask(second), (403, None))
        self.assertIsNone(client.status(self.pawl_port))
        self.reload({"other.org": {"keys": [], "spiffe_sequence": 3}})  # everything of that domain is revoked
        self.assertIsNone(client.status(self.pawl_port))
        self.assertEqual(Client(self.folder, [make(ROOT)]).status(self.pawl_port), 200)
        self.reload({"other.org": {"keys": [jwk(OTHER)], "spiffe_sequence": 4}})
        self.assertEqual(client.status(self.pawl_port), 200)

    def reload(self, more):
        self.write_identity(self.own, {"example.org": {"keys": [jwk(ROOT)], "spiffe_sequence": 1}, **more})
        self.pawl.send_signal(signal.SIGHUP)
        while "identity-reloaded" not in self.pawl.stderr.readline():
            self.assertIsNone(self.pawl.poll())


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin"
    if shutil.which("nginx") is None:
        print("skipped: nginx is not installed (packaging/install-packages.sh test)")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
