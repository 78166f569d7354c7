"""Every parameter of every operation and event: inside its limits accepted, outside refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgpack
import msgspec
import pytest
from tests.bridge.parameter_cases import fitting, inside, outside
from tests.bridge.rig import load_catalogue
from tests.cases import for_each

from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.server.parameters import Checker, allowed
from wisblock_bridge.wire.messages import NO_PARAMS

if TYPE_CHECKING:
    from tests.tally import Tally

    from wisblock_bridge.module_api.signatures import OperationDescription, ParamDescription

OPERATIONS = {
    f"{name}.{operation.name}": operation
    for name, module in load_catalogue().modules.items()
    for operation in (*module.description.operations.values(), *module.description.events.values())
}
each_operation = for_each("operation", OPERATIONS.values(), ids=OPERATIONS)
each_parameter = for_each(
    ("operation", "param"),
    [(operation, param) for operation in OPERATIONS.values() for param in operation.params],
    ids=[
        f"{name}.{param.name}"
        for name, operation in OPERATIONS.items()
        for param in operation.params
    ],
)


def check(operation: OperationDescription, params: object) -> msgspec.Struct:
    return Checker(operation).check(msgspec.Raw(msgpack.packb(params)))


def refuse(operation: OperationDescription, params: object) -> BadParamsError:
    with pytest.raises(BadParamsError) as caught:
        check(operation, params)
    assert caught.value.message
    return caught.value


def goes_together(operation: OperationDescription, params: dict[str, Any]) -> bool:
    """Return whether the check of the whole accepts parameters that are valid one by one."""
    if operation.check is None:
        return True
    try:
        operation.check(operation.struct(**params))
    except BadParamsError:
        return False
    return True


def test_the_catalogue_is_not_empty() -> None:
    assert len(OPERATIONS) >= 100
    assert sum(len(operation.params) for operation in OPERATIONS.values()) >= 300


@each_operation
def test_defaults_are_filled_in(operation: OperationDescription) -> None:
    given = fitting(operation)
    checked = msgspec.structs.asdict(check(operation, given))
    assert checked == {
        param.name: given.get(param.name, param.default) for param in operation.params
    }


@each_operation
def test_no_parameters_at_all(operation: OperationDescription) -> None:
    checker = Checker(operation)
    for raw in (NO_PARAMS, msgspec.Raw(b"\x80")):
        if any(param.required for param in operation.params):
            with pytest.raises(BadParamsError) as caught:
                checker.check(raw)
            assert " needs " in caught.value.message
        else:
            assert checker.check(raw) == operation.struct()


@each_parameter
def test_values_inside_the_limits_are_accepted(
    operation: OperationDescription, param: ParamDescription
) -> None:
    values = inside(param)
    assert values
    for value in values:
        params = {**fitting(operation), param.name: value}
        if goes_together(operation, params):
            assert getattr(check(operation, params), param.name) == value
        else:
            refuse(operation, params)


@each_parameter
def test_values_outside_the_limits_are_rejected(
    operation: OperationDescription, param: ParamDescription, tally: Tally
) -> None:
    values, seen = outside(param), ""
    for value in values:
        error = refuse(operation, {**fitting(operation), param.name: value})
        assert error.code == "bad_params"
        assert error.data["param"] == param.name, value
        assert param.name in error.message
        assert error.data["allowed"] == allowed(param)
        assert error.message.endswith(f"allowed: {allowed(param)}.")
        assert len(error.message) < 500
        seen = error.message
    tally.add(
        "bad_input", "a parameter of the wrong type or out of its range", len(values), seen=seen
    )


@each_parameter
def test_a_duplicate_parameter_is_rejected(
    operation: OperationDescription, param: ParamDescription
) -> None:
    given = {**fitting(operation), param.name: inside(param)[0]}
    once = b"".join(msgpack.packb(name) + msgpack.packb(value) for name, value in given.items())
    again = msgpack.packb(param.name) + msgpack.packb(inside(param)[-1])
    with pytest.raises(BadParamsError, match="occurs twice"):
        Checker(operation).check(msgspec.Raw(bytes((0x80 | len(given) + 1,)) + once + again))


@each_operation
def test_a_missing_parameter_is_named(operation: OperationDescription) -> None:
    given = fitting(operation)
    for name in given:
        less = {key: value for key, value in given.items() if key != name}
        error = refuse(operation, less)
        assert error.data["param"] == name
        assert f"needs {name}" in error.message


@each_operation
@for_each("name", ["nonsense", "", "Samples", "x" * 10_000, "\x00"])
def test_unknown_names(operation: OperationDescription, name: str) -> None:
    error = refuse(operation, {**fitting(operation), name: 1})
    assert error.data["param"] == name[:60]
    assert error.data["allowed"] == [param.name for param in operation.params]
    assert len(error.message) < 500


@each_operation
@for_each("params", [None, 1, [], "x", b"", [1, 2], True, 1.5, {1: 2}, {None: 1}])
def test_not_a_map_of_names(operation: OperationDescription, params: object) -> None:
    refuse(operation, params)


def test_a_whole_number_is_a_number() -> None:
    """JavaScript sends 4.0 as 4."""
    for operation in OPERATIONS.values():
        for param in operation.params:
            if param.kind == "float" and param.facts.low is not None:
                params = {**fitting(operation), param.name: math.ceil(param.facts.low)}
                if goes_together(operation, params):
                    value = getattr(check(operation, params), param.name)
                    assert isinstance(value, float)


def test_the_text_that_describes_the_limits() -> None:
    texts = {
        f"{name}.{param.name}": allowed(param)
        for name, operation in OPERATIONS.items()
        for param in operation.params
    }
    assert texts["RAK5801.read.samples"] == "a whole number 1...1024"
    assert texts["RAK5801.read.scale_low"] == "a number -1e+09...1e+09"
    assert texts["TPT29555.write.expander"] == "one of slots, board"
    assert texts["TPT29555.change.lines"] == "a list of 0...64, each a whole number 0...15"
    assert texts["RAK5802.write_registers.registers"] == (
        "a list of 1...123, each a whole number 0...65535"
    )
    assert texts["RAK5802.write_coils.bits"] == "a list of 1...1968, each true or false"
    assert texts["TPT29555.pulse.ms"].endswith(" ms")
    assert "0, 1" in texts["TPT29555.write.level"]
    assert "2/3, 1, 2, 4, 8, 16" in texts["ADC.read.gain"]


@each_parameter
def test_a_length_error_names_the_limit(
    operation: OperationDescription, param: ParamDescription
) -> None:
    """For lists, bytes and text, so that a user need not guess the number."""
    if param.kind in {"list", "bytes", "str"} and not param.choices:
        too_many = {"list": [0] * 5000, "bytes": bytes(100_000), "str": "x" * 100_000}[param.kind]
        most = param.facts.most if param.item_kind else int(param.facts.high or -1)
        assert most > 0
        error = refuse(operation, {**fitting(operation), param.name: too_many})
        assert f"...{most}" in error.message
        assert f"...{most}" in str(error.data["allowed"])
