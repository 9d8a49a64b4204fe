"""Old XMPP peers by tlslite-ng, a TLS library that shares no code with OpenSSL, and a relay for programs without STARTTLS.

peer.py client HOST PORT DOMAIN VERSION [SUITE]     STARTTLS, a stream header, and prints what comes back
peer.py server HOST PORT CERT KEY VERSION [SUITE]   serves one stream after the other
peer.py relay HOST PORT TO_PORT                     does STARTTLS in clear, and hands all further octets to a TLS server

VERSION is one of ssl3.0, tls1.0, tls1.1; SUITE is "rsa" for key exchange without forward secrecy, or "dhe".
"""

import socket
import sys
import threading

VERSIONS = {"ssl3.0": (3, 0), "tls1.0": (3, 1), "tls1.1": (3, 2)}
NAMESPACES = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
HEADER = f"<?xml version='1.0'?><stream:stream {NAMESPACES} from='a.test' id='%d' version='1.0'>"
STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
PROCEED = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
LOGIN = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"


def features(inner):
    return f"<stream:features>{inner}</stream:features>"


def read_until(receive, end):
    got = b""
    while end not in got:
        more = receive(4096)
        if not more:
            raise ConnectionError(f"the connection ended behind {got!r}")
        got += bytes(more)
    return got


def settings(version, suites):
    from tlslite.api import HandshakeSettings

    chosen = HandshakeSettings()
    chosen.minVersion = chosen.maxVersion = VERSIONS[version]
    chosen.versions = [VERSIONS[version]]
    if version == "ssl3.0":
        # tlslite-ng would take up these extensions there too, and stumble over them.
        chosen.useExtendedMasterSecret = chosen.useEncryptThenMAC = False
    if suites == ["rsa"]:
        chosen.keyExchangeNames = ["rsa"]
    elif suites == ["dhe"]:
        chosen.keyExchangeNames = ["dhe_rsa"]
    return chosen


def say(tls):
    print(f"peer: {tls.getVersionName()} {tls.getCipherName()}", flush=True)


def client(host, port, domain, version, *suites):
    from tlslite.api import TLSConnection

    with socket.create_connection((host, int(port)), timeout=20) as clear:
        header = f"<?xml version='1.0'?><stream:stream {NAMESPACES} to='{domain}' version='1.0'>".encode()
        clear.sendall(header)
        read_until(clear.recv, b"</stream:features>")
        clear.sendall(STARTTLS.encode())
        read_until(clear.recv, b"/>")
        tls = TLSConnection(clear)
        name = None if version == "ssl3.0" else domain
        tls.handshakeClientCert(settings=settings(version, list(suites)), serverName=name)
        say(tls)
        tls.sendall(header)
        print(read_until(tls.recv, b"</stream:features>").decode())
        tls.sendall(b"</stream:stream>")
        read_until(tls.recv, b"</stream:stream>")
        tls.close()
        print("peer: closed", flush=True)


def clear_part(connection):
    """Until <proceed/>; a port that is only tried ends in ConnectionError."""
    read_until(connection.recv, b"version=")
    connection.sendall((HEADER % 1 + features(STARTTLS)).encode())
    read_until(connection.recv, b"/>")
    connection.sendall(PROCEED)


def listen(host, port):
    listener = socket.create_server((host, int(port)))
    print("listens", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(20)
        yield connection


def server(host, port, certificate, key, version, *suites):
    from tlslite.api import TLSConnection, X509CertChain, parsePEMKey

    chain = X509CertChain()
    chain.parsePemList(open(certificate).read())
    private = parsePEMKey(open(key).read(), private=True)
    for connection in listen(host, port):
        try:
            clear_part(connection)
            tls = TLSConnection(connection)
            tls.handshakeServer(certChain=chain, privateKey=private, settings=settings(version, list(suites)))
            say(tls)
            read_until(tls.recv, b"version=")
            tls.sendall((HEADER % 2 + features(LOGIN)).encode())
            read_until(tls.recv, b"</stream:stream>")
            tls.sendall(b"</stream:stream>")
            tls.close()
        except Exception as error:
            print(f"peer: {type(error).__name__}: {error}", flush=True)
        finally:
            connection.close()


def copy(source, sink):
    try:
        while data := source.recv(4096):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other direction ended it


def relay(host, port, to_port):
    for connection in listen(host, port):
        try:
            clear_part(connection)
        except ConnectionError:
            continue
        onward = socket.create_connection((host, int(to_port)), timeout=20)
        threading.Thread(target=copy, args=(connection, onward), daemon=True).start()
        copy(onward, connection)


if __name__ == "__main__":
    {"client": client, "server": server, "relay": relay}[sys.argv[1]](*sys.argv[2:])
