"""A server that knows nothing new: every request gets 204."""
import socket
import ssl
import threading


def listen(folder):
    """Serves with the SVID in FOLDER until the process ends. Returns the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / "svid.pem", folder / "key.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(context, listener), daemon=True).start()
    return listener.getsockname()[1]


def serve(context, listener):
    while True:
        plain, _ = listener.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                while connection.recv(65536):
                    connection.sendall(b"HTTP/1.1 204 No Content\r\nRetry-After: 600\r\n\r\n")
        except OSError:
            plain.close()
