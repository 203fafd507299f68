"""Config.json, as Microsoft's emulator has it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from servicebus_local import ConfigError, NamespaceConfig

EMULATOR_SAMPLE: dict[str, Any] = {
    "UserConfig": {
        "Namespaces": [
            {
                "Name": "sbemulatorns",
                "Queues": [
                    {
                        "Name": "queue.1",
                        "Properties": {
                            "DeadLetteringOnMessageExpiration": False,
                            "DefaultMessageTimeToLive": "PT1H",
                            "DuplicateDetectionHistoryTimeWindow": "PT20S",
                            "ForwardDeadLetteredMessagesTo": "",
                            "ForwardTo": "",
                            "LockDuration": "PT1M",
                            "MaxDeliveryCount": 3,
                            "RequiresDuplicateDetection": False,
                            "RequiresSession": False,
                        },
                    }
                ],
                "Topics": [
                    {
                        "Name": "topic.1",
                        "Properties": {"DefaultMessageTimeToLive": "PT1H", "RequiresDuplicateDetection": False},
                        "Subscriptions": [
                            {
                                "Name": "subscription.1",
                                "Properties": {"LockDuration": "PT1M", "MaxDeliveryCount": 3, "RequiresSession": False},
                                "Rules": [
                                    {
                                        "Name": "app-prop-filter-1",
                                        "Properties": {
                                            "FilterType": "Correlation",
                                            "CorrelationFilter": {"ContentType": "application/text", "Label": "l"},
                                        },
                                    }
                                ],
                            }
                        ],
                    }
                ],
            }
        ],
        "Logging": {"Type": "File"},
    }
}


def changed(path: str, value: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(EMULATOR_SAMPLE))
    *parents, last = path.split("/")
    place: Any = document
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    place[last] = value
    return document


def test_the_emulators_sample_is_read(tmp_path: Path) -> None:
    path = tmp_path / "Config.json"
    path.write_text(json.dumps(EMULATOR_SAMPLE))
    config = NamespaceConfig.load(path)
    assert (config.queues[0].name, config.queues[0].properties.max_delivery_count) == ("queue.1", 3)
    assert config.queues[0].properties.lock_duration == timedelta(minutes=1)
    correlation = config.topics[0].subscriptions[0].rules[0].properties.correlation_filter
    assert correlation is not None
    assert correlation.label == "l"


def test_what_is_left_out_has_the_services_default() -> None:
    properties = NamespaceConfig.build(queues={"q": {}}).queues[0].properties
    assert (properties.max_delivery_count, properties.lock_duration) == (10, timedelta(minutes=1))
    assert properties.default_message_time_to_live is None
    assert properties.max_message_size_in_kilobytes == 256


QUEUE = "UserConfig/Namespaces/0/Queues/0"
RULE = "UserConfig/Namespaces/0/Topics/0/Subscriptions/0/Rules/0/Properties"


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (f"{QUEUE}/Properties/LockDurations", "PT1M", r"Queues\[0\].Properties.LockDurations: Extra inputs"),
        (f"{QUEUE}/Properties/LockDuration", "PT6M", r"Queues\[0\].Properties.LockDuration: .*less than or equal"),
        (f"{QUEUE}/Properties/LockDuration", "60", r"Queues\[0\].Properties.LockDuration: .*ISO 8601"),
        (f"{QUEUE}/Properties/LockDuration", 60, r"Queues\[0\].Properties.LockDuration: .*ISO 8601"),
        (f"{QUEUE}/Properties/AutoDeleteOnIdle", "PT4M", r"Queues\[0\].Properties.AutoDeleteOnIdle: .*greater than or"),
        (f"{QUEUE}/Name", "bad name", r"Queues\[0\].Name: .*a name is letters"),
        (f"{QUEUE}/Name", "TOPIC.1", r"Namespaces\[0\]: .*'topic.1' is used twice"),
        (f"{RULE}/FilterType", "Sql", r"Rules\[0\].Properties: .*needs a SqlFilter"),
        (f"{RULE}/FilterType", "Xml", r"Rules\[0\].Properties.FilterType: Input should be 'Correlation', 'Sql'"),
        (f"{RULE}/CorrelationFilter", {}, r"CorrelationFilter: .*at least one property"),
        (f"{RULE}/Action", {"SqlExpression": "x"}, r"Rules\[0\].Properties.Action: .*syntax error in 'x' at line 1"),
        ("UserConfig/Namespaces", [], r"UserConfig.Namespaces: .*at least 1 item"),
        ("Other", 1, r"^Other: Extra inputs"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(path: str, value: object, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        NamespaceConfig.parse(changed(path, value))


def test_a_file_that_is_not_there_or_not_json_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        NamespaceConfig.load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ConfigError, match="Invalid JSON"):
        NamespaceConfig.load(tmp_path / "bad.json")
