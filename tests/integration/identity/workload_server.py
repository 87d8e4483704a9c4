#!/usr/bin/env python3
"""A gRPC server for the Workload API client's test: says on its streams what it is told on stdin.

Commands, one per line: `message HEX` sends it on every open and later stream; `end CODE` ends every
open and later stream with that status; `forget` drops both. Answers each with one line on stdout.
"""
import sys
import threading
from concurrent import futures

import grpc

CODES = {code.value[0]: code for code in grpc.StatusCode}


class State:
    def __init__(self):
        self.changed = threading.Condition()
        self.messages = []
        self.end = None


def fetch(state, context):
    if dict(context.invocation_metadata()).get("workload.spiffe.io") != "true":
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing")
    with state.changed:
        sent = max(len(state.messages) - 1, 0)  # a new stream begins with the newest state
    while True:
        with state.changed:
            state.changed.wait_for(lambda: state.end is not None or len(state.messages) > sent)
            if state.end is not None:
                context.abort(CODES[state.end], "told so")
            message, sent = state.messages[sent], sent + 1
        yield message


def command(state, line):
    words = line.split()
    with state.changed:
        if words[0] == "message":
            state.messages.append(bytes.fromhex(words[1]))
        elif words[0] == "end":
            state.end = int(words[1])
        elif words[0] == "forget":
            state.messages, state.end = [], None
        state.changed.notify_all()


def main():
    state = State()
    handler = grpc.unary_stream_rpc_method_handler(lambda request, context: fetch(state, context))
    service = grpc.method_handlers_generic_handler("SpiffeWorkloadAPI", {"FetchX509SVID": handler})
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port("unix:" + sys.argv[1])
    server.start()
    print("up", flush=True)
    for line in sys.stdin:
        command(state, line)
        print("done", flush=True)
    with state.changed:
        state.end = 14
        state.changed.notify_all()
    server.stop(None)


main()
