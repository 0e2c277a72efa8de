# SPDX-License-Identifier: Apache-2.0
"""What should pass, by the words of weir-policy(5) and of nothing else: the model that weir is held against. A
policy is a dict of `default`, `run` (a phase's mode or None) and `allow`, a list of rules; an attempt is a dict of
`host` (a name or an address), `port`, `transport`, and what is spoken: `speak` and `name` (SNI or Host)."""

import ipaddress

# What the names of the test world lead to. Not asked of a name server: this is what the author of the world says.
PUBLIC4, PUBLIC6 = "198.51.100.%d", "2001:db8:2::%d"
LEADS = {n: (PUBLIC4 % h, PUBLIC6 % h) for n, h in {
    "files.test": 10, "www.test": 10, "h2.test": 11, "pypi.test": 20, "npm.test": 21, "git.test": 30,
    "evil.test": 66, "a.wild.test": 10, "b.a.wild.test": 10}.items()}
LEADS.update({
    "inside.test": ("10.20.0.11", "fd20::11"), "meta.test": ("169.254.169.254", "fd00:ec2::254"),
    "mixed.test": ("10.20.0.12", "198.51.100.10", "fd20::12"), "chain.test": ("10.20.0.11",),
    "mapped.test": ("::ffff:10.20.0.11",), "v4.test": ("198.51.100.10",), "v6.test": ("2001:db8:2::10",)})

SPECIAL = [ipaddress.ip_network(n) for n in (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16 "
    "198.18.0.0/15 224.0.0.0/3 ::/8 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/32 2002::/16 fc00::/7 fe80::/9 ff00::/8").split()]


def address(text):
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def special(a):
    return any(a in n for n in SPECIAL if n.version == a.version)


def rule_names(rule, host):
    a = address(host)
    if a is None:
        if rule["host"].startswith("*."):
            return host.endswith(rule["host"][1:])
        return rule["host"] == host
    try:
        return a in ipaddress.ip_network(rule["host"])
    except ValueError:
        return False


def mode(policy):
    if policy.get("run"):
        return policy["run"]
    return "public" if policy["default"] == "allow" else "allowlist" if policy["allow"] else "none"


def deciding(policy, host, port, transport):
    """The rule that lets it pass, "public", or None."""
    if mode(policy) == "none":
        return None
    for rule in policy["allow"]:
        if rule_names(rule, host) and rule.get("transport", "tcp") == transport and port in rule.get("ports", [port]):
            return rule
    if mode(policy) == "public" and transport == "tcp" and not (address(host) and special(address(host))):
        return "public"
    return None


def spoken_well(rule, t):
    """The opening against the rule and against the name that was asked for."""
    wanted = rule.get("protocol") if rule != "public" else None
    if t["transport"] == "udp":
        return t["port"] != 53 or t["speak"] == "dns"
    if wanted and t["speak"] != wanted:
        return False
    if t["port"] == 53 and t["speak"] != "dns":
        return False
    return address(t["host"]) is not None or t["speak"] not in ("tls", "http") or t["name"] == t["host"]


def reaches(policy, t):
    """The addresses of which one is to be reached; empty: none may be."""
    rule = deciding(policy, t["host"], t["port"], t["transport"])
    return leads(policy, t) if rule and spoken_well(rule, t) else set()


def touches(policy, t):
    """Where no protocol is asked for the server may be the first to speak: a client that is silent for a while is
    connected, and what it says then is still held back. A connection without a byte."""
    rule = deciding(policy, t["host"], t["port"], t["transport"])
    return leads(policy, t) if rule and t["port"] != 53 and (rule == "public" or "protocol" not in rule) else set()


def leads(policy, t):
    if address(t["host"]):
        return {t["host"]}
    found = set()
    for a in LEADS.get(t["host"], ()):
        a = ipaddress.ip_address(a)
        a = getattr(a, "ipv4_mapped", None) or a
        if not special(a) or (by := deciding(policy, str(a), t["port"], t["transport"])) and by != "public":
            found.add(str(a))
    return found
