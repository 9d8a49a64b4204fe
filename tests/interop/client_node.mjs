// An XMPP client that this project did not write (@xmpp/client), for tests on loopback.
//
//   node client_node.mjs NODE_MODULES SERVICE DOMAIN USER PASSWORD
//
// SERVICE is xmpp://HOST:PORT (STARTTLS) or xmpps://HOST:PORT (direct TLS). Certificates are verified
// against NODE_EXTRA_CA_CERTS. Logs in, binds, pings the server, and prints one JSON object: the
// address, the TLS version and "pong", or the error. Exit status 0 if there was a pong.
import { webcrypto } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import tls from "node:tls";

globalThis.crypto ??= webcrypto; // Node 18 has no global one yet

const [modules, service, domain, username, password] = process.argv.slice(2);
const resolve = createRequire(pathToFileURL(`${modules}/`)).resolve;
const { client, xml } = await import(pathToFileURL(resolve("@xmpp/client")));

const finish = (status, fields) => {
  console.log(JSON.stringify(fields));
  process.exit(status);
};
setTimeout(() => finish(2, { error: "timed out" }), 15000).unref();
process.on("unhandledRejection", (error) => finish(2, { error: String(error) }));

const xmpp = client({ service, domain, username, password });
xmpp.on("error", (error) => finish(2, { error: String(error) }));
xmpp.on("online", async (address) => {
  const socket = xmpp.socket?.socket ?? xmpp.socket;
  const version = socket instanceof tls.TLSSocket ? socket.getProtocol() : null;
  const ping = xml("iq", { type: "get", to: domain }, xml("ping", "urn:xmpp:ping"));
  try {
    await xmpp.iqCaller.request(ping, 5000);
    finish(0, { pong: domain, address: String(address), tls: version });
  } catch (error) {
    finish(1, { error: String(error), address: String(address), tls: version });
  }
});
await xmpp.start().catch((error) => finish(2, { error: String(error) }));
