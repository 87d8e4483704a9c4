#!/usr/bin/env python3
"""The device's uplink: a TCP relay on 127.0.0.1 that can be cut.

    uplink.py DIR     writes DIR/port, passes bytes on to the port in DIR/server

DIR/state says what it does: "up", "cut", or a number: cut after so many bytes more to the device. Cut, it ends
every connection at once and lets no new one live.
"""
import pathlib
import socket
import sys
import threading


class Uplink:
    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()

    def state(self):
        return (self.folder / "state").read_text().strip()

    def allow(self, count):
        """How many of `count` bytes may still go to the device."""
        with self.lock:
            state = self.state()
            if state == "up":
                return count
            if state == "cut":
                return 0
            left = int(state)
            (self.folder / "state").write_text(str(left - count) if count < left else "cut")
            return min(count, left)

    def pass_on(self, source, target, to_device):
        try:
            while data := source.recv(65536):
                if to_device:
                    data = data[:self.allow(len(data))]
                if not data or self.state() == "cut":
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(self, device):
        try:
            if self.state() == "cut":
                return
            port = int((self.folder / "server").read_text())
            with socket.create_connection(("127.0.0.1", port)) as server:
                up = threading.Thread(target=self.pass_on, args=(device, server, False), daemon=True)
                up.start()
                self.pass_on(server, device, True)
                up.join()
        except OSError:
            pass
        finally:
            device.close()

    def run(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            (self.folder / "port").write_text(f"{listener.getsockname()[1]}\n")
            while True:
                device, _ = listener.accept()
                threading.Thread(target=self.serve, args=(device,), daemon=True).start()


if __name__ == "__main__":
    Uplink(pathlib.Path(sys.argv[1])).run()
