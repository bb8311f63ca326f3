"""The Python clients: main.py HOST:PORT [REGEX]."""

import logging

import check
import with_aiokafka  # noqa: F401
import with_confluent_kafka  # noqa: F401
import with_kafka_python  # noqa: F401

logging.disable(logging.CRITICAL)
check.main()
