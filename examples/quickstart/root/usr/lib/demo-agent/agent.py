"""A very small agent: reads a temperature, answers with the speed of a fan.

With --self-test it does one round and ends: 0 when everything it needs is in place, 1 otherwise.
"""
import configparser
import ssl
import sys
import time

CONFIG = "/etc/demo-agent.conf"
MIN_AUTHORITIES = 50


def read(path):
    """The configuration in the file `path`, which must exist."""
    config = configparser.ConfigParser()
    with open(path, encoding="utf-8") as file:
        config.read_file(file)
    return config


class Agent:
    """The model and the authorities for talking to the outside, both loaded at the start."""

    def __init__(self, config):
        self.model = read(config["agent"]["model"])["model"]
        self.tls = ssl.create_default_context(cafile=config["agent"]["authorities"])

    def fan(self, degrees):
        """The speed of the fan in per cent at so many degrees Celsius."""
        speed = float(self.model["slope"]) * degrees + float(self.model["offset"])
        return min(100.0, max(0.0, speed))


def self_test():
    """The text of a healthy agent; an exception when it is not."""
    agent = Agent(read(CONFIG))
    authorities = len(agent.tls.get_ca_certs())
    if authorities < MIN_AUTHORITIES:
        raise ValueError(f"only {authorities} certificate authorities")
    if not agent.fan(20) < agent.fan(40) < agent.fan(60):
        raise ValueError("the fan does not follow the temperature")
    return f"agent: {authorities} authorities, {ssl.OPENSSL_VERSION}, fan at 40 C: {agent.fan(40)}%"


def main():
    """Runs the self-test or the agent."""
    if sys.argv[1:] == ["--self-test"]:
        try:
            print(self_test())
        except (OSError, ValueError, KeyError) as error:
            sys.exit(f"agent: {error}")
        return
    agent = Agent(read(CONFIG))
    while True:
        print(f"agent: fan at {agent.fan(40)}%", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    main()
