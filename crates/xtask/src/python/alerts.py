"""Every alert fires and recovers, told once by e-mail (SMTP with STARTTLS and a CA of our own) and by a signed webhook;
and the daily report comes to both once a day.

Given a real project under a simulated clock, when each of the ten conditions begins and ends, then both receivers are
told of its beginning and of its end; while they are down nothing is lost, and nobody is told twice of one event. The same
holds of the reports that runs make, of which one receiver wants each at once and one at a time of the
shop's clock.

arguments: BINARY SHOP; runs in a Python environment with aiosmtpd and cryptography
"""

import collections, datetime, email, email.policy, hashlib, hmac, http.server, json, os, pathlib, shutil, socket, ssl
import subprocess, sys, threading, time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BINARY, SHOP = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
HOOK_SECRET, SMTP_PASSWORD = "hook-secret", "smtp-password"
KINDS = ["pipeline_failed", "error_rate", "reject_share", "freshness", "volume", "schema_change", "query_slow", "cost",
         "sql", "anomaly"]

CLOCK = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    const char *shift = getenv("SHIFT");
    if (!failed && clock == CLOCK_REALTIME && shift) now->tv_sec += atoll(shift);
    return failed;
}
"""


# ── receivers ────────────────────────────────────────────────────────────────────────────────────────────────────────
down = threading.Event()
hooks, mails, refused = [], [], collections.Counter()


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if down.is_set():
            refused["webhook"] += 1
            self.send_response(503)
        else:
            at, code = (part.split("=", 1)[1] for part in self.headers["shoplake-signature"].split(","))
            ours = hmac.new(HOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
            assert hmac.compare_digest(code, ours), "the signature is not that of the body"
            hooks.append((self.headers["shoplake-event"], json.loads(body)))
            self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Mails:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if down.is_set():
            refused["e-mail"] += 1
            return "451 try later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        assert session.ssl is not None, "nothing may be said before TLS"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mails.append((mail["message-id"], envelope.rcpt_tos, mail))
        return "250 OK"


def check_login(server, session, envelope, mechanism, login):
    good = login.login == b"shop" and login.password == SMTP_PASSWORD.encode()
    return AuthResult(success=good)


class Mailbox(Controller):
    def factory(self):
        return SMTP(self.handler, tls_context=self.tls, require_starttls=True, auth_required=True, auth_require_tls=True,
                    authenticator=check_login, hostname="localhost", enable_SMTPUTF8=True)


def certificates(folder):
    """A CA, and a certificate of localhost that it has signed."""
    now = datetime.datetime.now(datetime.timezone.utc)
    times = now - datetime.timedelta(days=1), now + datetime.timedelta(days=3650)
    key = lambda: ec.generate_private_key(ec.SECP256R1())
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    ca_key, own_key = key(), key()
    def builder(subject, issuer, public):
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
        return made.serial_number(x509.random_serial_number()).not_valid_before(times[0]).not_valid_after(times[1])
    ca = builder(name("Test CA"), name("Test CA"), ca_key.public_key())
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    ca = ca.add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
    ca = ca.sign(ca_key, hashes.SHA256())
    own = builder(name("localhost"), ca.subject, own_key.public_key())
    own = own.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    own = own.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    own = own.sign(ca_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "own.pem").write_bytes(own.public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "own.key").write_bytes(own_key.private_bytes(pem, *plain))


# ── the shop and its clock ───────────────────────────────────────────────────────────────────────────────────────────
class Shop:
    def __init__(self):
        # All of a simulated day lies before the next one, whenever the test begins.
        now = datetime.datetime.now(datetime.timezone.utc)
        self.today = (now + datetime.timedelta(days=1)).date()
        self.shift = int((self.at(self.today, 8) - now).total_seconds())
        self.serial = 0

    @staticmethod
    def at(day, hour):
        return datetime.datetime.combine(day, datetime.time(hour), datetime.timezone.utc)

    def wait(self, **time_passes):
        self.shift += int(datetime.timedelta(**time_passes).total_seconds())

    def command(self, *arguments, codes=(0,)):
        environment = {**os.environ, "LD_PRELOAD": str(SHOP / "clock.so"), "SHIFT": str(self.shift)}
        done = subprocess.run([BINARY, *arguments], cwd=SHOP, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode in codes, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run(self, codes=(0,)):
        self.wait(minutes=1)
        return self.command("run", "--quiet", codes=codes)

    def check(self, **time_passes):
        self.wait(**time_passes)
        return self.command("alert", "check", "--quiet", codes=(0, 1))

    def sales(self, name, day, rows, revenue=None, amount=None, more=""):
        """A file of a day's sales whose amounts sum to `revenue`, or are `amount` each."""
        header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date" + (",channel" if more else "")
        each = amount if amount is not None else revenue / rows
        lines = [f"{name}-{row},C1,P1,1,{each:.2f},{day}T10:00:00{more}" for row in range(rows)]
        self.drop("sales", f"{name}.csv", "\n".join([header, *lines, ""]))

    def drop(self, dataset, name, text):
        folder = SHOP / "inbox" / dataset
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def usual(day):
    """The revenue of a day: a weekday's own, with a noise that knows nothing of weekdays."""
    noise = int(hashlib.sha256(str(day).encode()).hexdigest(), 16) % 7 - 3
    return 1000 + 300 * day.weekday() + 10 * noise


def told(kind):
    """What both receivers were told of an alert: the phases, in order."""
    by_hook = [body["phase"] for event, body in hooks if body["alert"] == kind]
    by_mail = ["resolved" if f"{kind} is over" in mail["subject"] else "firing"
               for _, _, mail in mails if f" {kind} " in mail["subject"]]
    return by_hook, by_mail


def expect(kind, phases):
    got = told(kind)
    assert got == (phases, phases), f"{kind}: {got}, not {phases}\nmails: {[str(m['subject']) for _, _, m in mails]}"
    if phases:
        print(f"   {kind:16} {phases[-1]}")


def reported():
    """The days whose report came by webhook, and by e-mail with its page attached."""
    by_mail = []
    for _, _, mail in mails:
        pages = [part for part in mail.iter_attachments()] if mail.is_multipart() else []
        for page in pages:
            date = page.get_filename().removeprefix("daily-").removesuffix(".html")
            assert f"daily report of {date}" in mail["subject"] and "<html" in page.get_content().lower(), mail["subject"]
            by_mail.append(date)
    by_hook = []
    for _, body in hooks:
        if body.get("report"):
            assert body["report"]["figures"]["kpis"], body
            by_hook.append(body["report"]["date"])
    return by_hook, by_mail


def reports(shop, day, url):
    """A report after its run by webhook, and three hours later by e-mail; both receivers are down for a while."""
    day += datetime.timedelta(days=1)
    shop.wait(hours=24)
    at = datetime.datetime.fromtimestamp(time.time() + shop.shift, datetime.timezone.utc) + datetime.timedelta(hours=3)
    at = at.replace(second=0, microsecond=0)
    with open(SHOP / "shoplake.yml", "a") as settings:
        settings.write(f'deliver:\n  - {{ report: daily, to: {{ webhook: {{ url: "{url}", secret: "${{HOOK_SECRET}}" }} }} }}\n'
                       f'  - {{ report: daily, to: {{ email: {{ recipients: [owner@shop.example] }} }}, at: "{at:%H:%M}" }}\n')
    shop.sales(f"r{day}", day, 20, revenue=usual(day))
    down.set()
    before = collections.Counter(refused)
    shop.run()
    shop.check(minutes=5)
    assert reported() == ([], []) and refused["webhook"] >= before["webhook"] + 2, (reported(), refused)
    down.clear()
    shop.check(minutes=5)
    assert reported() == ([str(day)], []), reported()
    shop.sales(f"r{day}-late", day, 1, amount=0)
    shop.run()
    shop.check(hours=1)
    assert reported() == ([str(day)], []), f"a day that is run again is told once: {reported()}"

    shop.wait(seconds=at.timestamp() - 60 - (time.time() + shop.shift))
    shop.check()
    assert reported() == ([str(day)], []), f"it is before {at:%H:%M}: {reported()}"
    down.set()
    before = collections.Counter(refused)
    shop.check(minutes=2)
    shop.check(minutes=5)
    assert reported()[1] == [] and refused["e-mail"] >= before["e-mail"] + 2, (reported(), refused)
    down.clear()
    shop.check(minutes=5)
    shop.check(hours=1)
    assert reported() == ([str(day)], [str(day)]), reported()
    print(f"   the report of a day came by webhook after its run, and by e-mail at {at:%H:%M}, once each")


def main():
    if SHOP.exists():
        shutil.rmtree(SHOP)
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    subprocess.run([BINARY, "init", SHOP, "--timezone", "UTC", "--quiet"], check=True)
    certificates(SHOP)
    (SHOP / "clock.c").write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", SHOP / "clock.so", SHOP / "clock.c"], check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SHOP / "own.pem", SHOP / "own.key")
    Mailbox.tls = context
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mailbox = Mailbox(Mails(), hostname="127.0.0.1", port=port)
    mailbox.start()

    (SHOP / ".env").write_text(f"HOOK_SECRET={HOOK_SECRET}\nSMTP_PASSWORD={SMTP_PASSWORD}\n")
    with open(SHOP / "shoplake.yml", "a") as settings:
        settings.write(f'\nsmtp: {{ host: localhost, port: {port}, username: shop, password: "${{SMTP_PASSWORD}}", '
                       f'from: shoplake@shop.example, ca: ca.pem }}\n')
    for file in (SHOP / "alerts").iterdir():
        file.unlink()
    conditions = {
        "pipeline_failed": "{ pipeline_failed: {} }",
        "error_rate": "{ error_rate: { above: 0.5, runs: 3 } }",
        "reject_share": "{ reject_share: { dataset: sales, above: 0.05 } }",
        "freshness": "{ freshness: { dataset: sales, older_than: 26h } }",
        "volume": "{ volume: { dataset: sales, below: 0.5, weeks: 4 } }",
        "schema_change": "{ schema_change: { dataset: sales } }",
        "query_slow": "{ query_slow: { above: 0.000001 } }",
        "cost": '{ cost: { above: "10.00", forecast: true } }',
        "sql": '{ sql: { query: "SELECT product_id, stock FROM products WHERE stock < 0" } }',
        "anomaly": '{ anomaly: { query: "SELECT date, total_revenue FROM daily_sales_summary", sensitivity: 8 } }',
    }
    assert list(conditions) == KINDS
    url = f"http://127.0.0.1:{web.server_address[1]}/hook"
    for kind, when in conditions.items():
        (SHOP / "alerts" / f"{kind}.yml").write_text(
            f"name: {kind}\nseverity: critical\nwhen: {when}\non_recover: true\nnotify:\n"
            f"  email: {{ recipients: [owner@shop.example] }}\n"
            f'  webhook: {{ url: "{url}", secret: "${{HOOK_SECRET}}" }}\n')

    shop = Shop()
    day = shop.today
    for back in range(70, 0, -1):
        before = day - datetime.timedelta(days=back)
        shop.sales(f"d{before}", before, 20, revenue=usual(before))
    shop.drop("products", "p1.json", json.dumps([{"product_id": "P1", "name": "Tea", "stock": 5}]))
    shop.run()
    assert not hooks and not mails, f"all is well: {hooks} {[str(m[2]['subject']) for m in mails]}"

    shop.drop("products", "p2.json", json.dumps([{"product_id": "P1", "name": "Tea", "stock": -1}]))
    shop.run()
    expect("sql", ["firing"])
    shop.drop("products", "p3.json", json.dumps([{"product_id": "P1", "name": "Tea", "stock": 1}]))
    shop.run()
    expect("sql", ["firing", "resolved"])

    shop.sales("new-shape", day, 3, amount=0, more=",web")
    shop.run()
    expect("schema_change", ["firing"])
    shop.run()
    expect("schema_change", ["firing", "resolved"])

    shop.sales("bad", day, 110, amount=0)
    with open(SHOP / "inbox/sales/bad.csv", "a") as file:
        file.writelines(f"bad-x{row},C1,P1,0,1.00,{day}T10:00:00\n" for row in range(12))
    shop.run()
    expect("reject_share", ["firing"])
    shop.run()
    expect("reject_share", ["firing", "resolved"])

    # Both receivers are down while the pipeline begins to fail.
    model = SHOP / "models/marts/top_products.sql"
    good = model.read_text()
    model.write_text("SELECT CAST('x' AS INT) AS product_id FROM {{ ref('sales') }}")
    down.set()
    shop.run(codes=(1,))
    shop.check(minutes=5)
    expect("pipeline_failed", [])
    assert refused["webhook"] >= 2 and refused["e-mail"] >= 2, refused
    down.clear()
    shop.check(minutes=5)
    expect("pipeline_failed", ["firing"])
    shop.run(codes=(1,))
    expect("error_rate", ["firing"])
    expect("pipeline_failed", ["firing"])
    model.write_text(good)
    shop.run()
    expect("pipeline_failed", ["firing", "resolved"])
    expect("error_rate", ["firing"])
    shop.run()
    expect("error_rate", ["firing", "resolved"])

    for _ in range(20):
        shop.command("query", "SELECT count(*) FROM sales")
    shop.check()
    expect("query_slow", ["firing"])
    shop.check(minutes=90)
    expect("query_slow", ["firing", "resolved"])

    prices = SHOP / "prices.yml"
    before = prices.read_text() if prices.exists() else None
    prices.write_text('currency: USD\nprices: { compute: { each: "1000" } }\n')
    shop.check()
    expect("cost", ["firing"])
    if before is None:
        prices.unlink()
    else:
        prices.write_text(before)
    shop.check()
    expect("cost", ["firing", "resolved"])

    # The next day: nothing comes for 27 hours; then what is missing does.
    shop.check(hours=27)
    expect("freshness", ["firing"])
    shop.sales(f"d{day}", day, 20, revenue=usual(day))
    shop.run()
    expect("freshness", ["firing", "resolved"])

    # The day after: two rows of twenty, then the rest of them.
    day += datetime.timedelta(days=1)
    shop.wait(hours=20)
    shop.sales(f"d{day}-a", day, 2, revenue=usual(day))
    shop.run()
    expect("volume", ["firing"])
    shop.sales(f"d{day}-b", day, 18, amount=0)
    shop.run()
    expect("volume", ["firing", "resolved"])

    # And the day after that: fifty times the revenue, then the file as it should be.
    day += datetime.timedelta(days=1)
    shop.wait(hours=24)
    shop.sales(f"d{day}", day, 20, revenue=50 * usual(day))
    shop.run()
    expect("anomaly", ["firing"])
    shop.sales(f"d{day}", day, 20, revenue=usual(day))
    shop.run()
    expect("anomaly", ["firing", "resolved"])

    reports(shop, day, url)

    for kind in KINDS:
        got = told(kind)
        assert got == (["firing", "resolved"],) * 2, f"{kind}: {got}"
    events, names = [event for event, _ in hooks], [name for name, _, _ in mails]
    assert len(set(events)) == len(events) and len(set(names)) == len(names), "somebody was told twice"
    waiting = json.loads(shop.command("alert", "ls", "--json").stdout)
    assert not [alert for alert in waiting if alert["undelivered"]], waiting
    for _, to, mail in mails:
        text = mail.get_content() if not mail.is_multipart() else mail.get_body(("plain",)).get_content()
        assert to == ["owner@shop.example"] and SMTP_PASSWORD not in text and HOOK_SECRET not in text

    # Without the CA nothing is said to the server.
    settings = (SHOP / "shoplake.yml").read_text()
    (SHOP / "shoplake.yml").write_text(settings.replace(", ca: ca.pem", ""))
    many = len(mails)
    distrusted = shop.command("alert", "test", "cost", codes=(2,))
    assert "TLS with the mail server failed" in distrusted.stderr and len(mails) == many, distrusted.stderr
    mailbox.stop()
    print(f"   {len(KINDS)} alerts: {len(hooks)} signed webhooks and {len(mails)} e-mails over STARTTLS, none twice; "
          f"{sum(refused.values())} refusals while the receivers were down")


main()
