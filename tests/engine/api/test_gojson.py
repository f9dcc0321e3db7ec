"""Bodies are read as Go reads them, with the error texts that dockerd 26.1 gives.

Every text here was seen on a real dockerd.
"""

import pytest

from course_lib.engine.api import schemas
from course_lib.engine.api.gojson import decode
from course_lib.engine.errdefs import InvalidParameter

CANNOT = "invalid JSON: json: cannot unmarshal "
WRAPPER = "ContainerConfigWrapper"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"Image":5}', f"number into Go struct field {WRAPPER}.Config.Image of type string"),
        ('{"Tty":"x"}', f"string into Go struct field {WRAPPER}.Config.Tty of type bool"),
        ('{"Env":"a"}', f"string into Go struct field {WRAPPER}.Config.Env of type []string"),
        (
            '{"Labels":[]}',
            f"array into Go struct field {WRAPPER}.Config.Labels of type map[string]string",
        ),
        (
            '{"Labels":{"a":1}}',
            f"number into Go struct field {WRAPPER}.Config.Labels of type string",
        ),
        (
            '{"HostConfig":{"PortBindings":[]}}',
            "array into Go struct field HostConfig.HostConfig.PortBindings of type nat.PortMap",
        ),
        (
            '{"HostConfig":{"PortBindings":{"80":[{"HostPort":5}]}}}',
            "number into Go struct field PortBinding.HostConfig.PortBindings.HostPort "
            "of type string",
        ),
        (
            '{"HostConfig":{"Memory":"5"}}',
            "string into Go struct field HostConfig.HostConfig.Resources.Memory of type int64",
        ),
        (
            '{"HostConfig":{"Memory":1.5}}',
            "number 1.5 into Go struct field HostConfig.HostConfig.Resources.Memory of type int64",
        ),
        (
            '{"HostConfig":5}',
            f"number into Go struct field {WRAPPER}.HostConfig of type container.HostConfig",
        ),
        (
            '{"NetworkingConfig":{"EndpointsConfig":{"a":{"Aliases":"b"}}}}',
            "string into Go struct field EndpointSettings.NetworkingConfig.EndpointsConfig.Aliases "
            "of type []string",
        ),
        (
            '{"ExposedPorts":["80"]}',
            f"array into Go struct field {WRAPPER}.Config.ExposedPorts of type nat.PortSet",
        ),
        ("[]", "array into Go value of type runconfig.ContainerConfigWrapper"),
        ('"a"', "string into Go value of type runconfig.ContainerConfigWrapper"),
    ],
)  # fmt: skip
def test_wrong_type_is_told_as_go_tells_it(body: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        decode(schemas.CONTAINER_CREATE, body.encode())
    assert str(caught.value) == CANNOT + message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "invalid JSON: unexpected EOF"),
        ('{"a"', "invalid JSON: unexpected EOF"),
        ('{"a":}', "invalid JSON: invalid character '}' looking for beginning of value"),
        ("x", "invalid JSON: invalid character 'x' looking for beginning of value"),
        (
            '{"a":1,}',
            "invalid JSON: invalid character '}' looking for beginning of object key string",
        ),
        ('{"a":1 "b"}', "invalid JSON: invalid character '\"' after object key:value pair"),
        ("[1 2]", "invalid JSON: invalid character '2' after array element"),
        ("{} {}", "unexpected content after JSON"),
        ("", "invalid JSON: got EOF while reading request body"),
        ("NaN", "invalid JSON: invalid character 'N' looking for beginning of value"),
    ],
)
def test_bad_syntax_is_told_as_go_tells_it(body: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        decode(schemas.CONTAINER_CREATE, body.encode())
    assert str(caught.value) == message


def test_names_match_without_case_and_null_is_not_given() -> None:
    body = b'{"image":"alpine","Cmd":"ls","ENV":null,"hostconfig":{"binds":[]},"unknown":1}'
    assert decode(schemas.CONTAINER_CREATE, body) == {
        "Image": "alpine",
        "Cmd": ["ls"],
        "HostConfig": {"Binds": []},
    }


def test_null_body_is_nothing() -> None:
    assert decode(schemas.CONTAINER_CREATE, b"null") is None


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        decode(schemas.CONTAINER_CREATE, b"[" * 200_000)


def test_number_out_of_range_shows_it() -> None:
    with pytest.raises(InvalidParameter, match=r"number 99999999999999999999 into Go struct"):
        decode(schemas.CONTAINER_CREATE, b'{"HostConfig":{"ShmSize":99999999999999999999}}')
