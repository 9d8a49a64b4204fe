#!/usr/bin/env python3
"""An XMPP client that this project did not write (slixmpp), for tests on loopback.

client.py --jid alice@a.test --host 127.0.0.2 --ca WORKDIR/certs/ca.crt ping b.test
client.py ... send bob@b.test "hello"
client.py ... wait 5            prints the messages that arrive within 5 seconds
client.py ... echo echo@b.test "hello"    sends, and waits for the first message that comes back

One JSON object a line on standard output. Exit status: 0 when it worked, 1 when the server answered
with an error, 2 when there was no session. The password is "secret" unless --password says otherwise.
--direct: TLS from the first byte (port 5223). --insecure: certificates are not verified.
"""
import argparse
import asyncio
import json
import logging
import ssl
import sys
import time

import slixmpp
from slixmpp.exceptions import IqError, IqTimeout


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--jid", required=True)
    p.add_argument("--password", default="secret")
    p.add_argument("--host", required=True)
    p.add_argument("--port", type=int)
    p.add_argument("--ca")
    p.add_argument("--insecure", action="store_true")
    p.add_argument("--direct", action="store_true")
    p.add_argument("--timeout", type=float, default=15)
    p.add_argument("--xml", action="store_true", help="log the stream to standard error")
    p.add_argument("action", choices=["ping", "send", "wait", "echo"])
    p.add_argument("args", nargs="*")
    return p.parse_args()


def out(**fields):
    print(json.dumps(fields), flush=True)


class Client(slixmpp.ClientXMPP):
    def __init__(self, options):
        super().__init__(options.jid, options.password)
        self.options = options
        self.register_plugin("xep_0199")
        self.done = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("message", self.message)
        self.add_event_handler("failed_all_auth", lambda e: self.finish(2, "authentication failed"))
        self.add_event_handler("connection_failed", lambda e: self.finish(2, f"connection failed: {e}"))
        self.add_event_handler("ssl_invalid_chain", lambda e: self.finish(2, f"certificate: {e}"))
        self.add_event_handler("ssl_invalid_cert", lambda e: self.finish(2, f"certificate: {e}"))
        self.add_event_handler("stream_error", lambda e: self.finish(2, f"stream error: {e['condition']}"))

    def finish(self, status, why=None):
        if not self.done.done():
            if why:
                out(error=str(why))
            self.done.set_result(status)

    def get_ssl_context(self):
        context = ssl.create_default_context(cafile=self.options.ca)
        if self.options.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def message(self, message):
        error = message["error"]["condition"] if message["type"] == "error" else None
        out(message=str(message["body"]), type=message["type"], sender=str(message["from"]), error=error)
        if self.options.action == "echo":
            self.finish(1 if error else 0)

    async def start(self, _):
        tls = self.transport.get_extra_info("ssl_object")
        out(session=str(self.boundjid), tls=tls and tls.version(), cipher=tls and tls.cipher()[0])
        self.send_presence()
        args = self.options.args
        if self.options.action == "wait":
            await asyncio.sleep(float(args[0]))
            self.finish(0)
        elif self.options.action == "echo":
            self.send_message(mto=args[0], mbody=args[1], mtype="chat")
        elif self.options.action == "send":
            self.send_message(mto=args[0], mbody=args[1], mtype="chat")
            await asyncio.sleep(float(args[2]) if len(args) > 2 else 1)
            self.finish(0)
        else:
            await self.ping(args[0])

    async def ping(self, target):
        begin = time.time()
        try:
            await self.plugin["xep_0199"].send_ping(slixmpp.JID(target), timeout=self.options.timeout)
            out(pong=target, ms=round(1000 * (time.time() - begin)))
            self.finish(0)
        except IqError as e:
            # An error of the far side's own went there and back all the same: show who answered.
            error = e.iq["error"]
            by = error["by"] if "by" in error.xml.attrib else str(e.iq["from"])
            out(error=e.condition, text=e.text, by=by, ms=round(1000 * (time.time() - begin)))
            self.finish(1)
        except IqTimeout:
            self.finish(1, "ping timed out")


async def main():
    options = arguments()
    if options.xml:
        logging.basicConfig(level=logging.DEBUG)
    client = Client(options)
    client.enable_direct_tls = options.direct
    client.enable_starttls = not options.direct
    client.connect(options.host, options.port or (5223 if options.direct else 5222))
    try:
        status = await asyncio.wait_for(client.done, options.timeout + 5)
    except asyncio.TimeoutError:
        out(error="timed out")
        status = 2
    client.disconnect(wait=0.2)
    await asyncio.sleep(0.4)
    return status


sys.exit(asyncio.run(main()))
