"""Makes users, rights and a topic, and writes what the clients of the suite are to know: prepare.py HOST:PORT FILE.

HOST:PORT is the plain listener, where everybody is a super user. The others, and the folder of the certificates, are asked for."""

import json
import pathlib
import sys
import time

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

USERS = ["alice", "carol", "olga", "CN=client"]
SCRAM_PASSWORD = "carol-secret"


def may(user, operation, kind, name, pattern=ResourcePatternType.PREFIXED):
    return AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)


def main(broker, path):
    admin = AdminClient({"bootstrap.servers": broker})
    node = str(next(iter(admin.list_topics(timeout=20).brokers)))
    asked = ConfigResource(ConfigResource.Type.BROKER, node)
    configs = admin.describe_configs([asked])[asked].result(20)
    listeners = dict(item.split("://") for item in configs["advertised.listeners"].value.split(","))
    certificates = pathlib.Path(configs["ssl.keystore.location"].value).parent

    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        credential = UserScramCredentialUpsertion("carol", ScramCredentialInfo(mechanism, 4096), SCRAM_PASSWORD.encode())
        for future in admin.alter_user_scram_credentials([credential]).values():
            future.result(20)
    rights = []
    for user in USERS:
        for operation in (AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE):
            rights.append(may(user, operation, ResourceType.TOPIC, "sec-"))
        rights.append(may(user, AclOperation.READ, ResourceType.GROUP, "sec-"))
    for future in admin.create_acls(rights).values():
        future.result(20)
    topic = f"sec-{int(time.time() * 1000)}"
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)

    ways = [
        {"name": "ssl", "listener": "SSL", "mechanism": "", "certificate": False},
        {"name": "mtls", "listener": "SSL", "mechanism": "", "certificate": True},
    ]
    passwords = {"PLAIN": ("alice", "alice-secret"), "SCRAM-SHA-256": ("carol", SCRAM_PASSWORD), "SCRAM-SHA-512": ("carol", SCRAM_PASSWORD), "OAUTHBEARER": ("olga", "")}
    for listener in ("SASL_SSL", "SASL_PLAINTEXT"):
        for mechanism, (user, password) in passwords.items():
            name = f"{listener}-{mechanism}".lower().replace("_", "-")
            ways.append({"name": name, "listener": listener, "mechanism": mechanism, "user": user, "password": password, "certificate": False})
    for way in ways:
        way["address"] = listeners[way["listener"]]
    known = {
        "ways": ways,
        "topic": topic,
        "ca": str(certificates / "tls-ca.pem"),
        "client": str(certificates / "tls-client.pem"),
    }
    pathlib.Path(path).write_text(json.dumps(known))


main(*sys.argv[1:])
