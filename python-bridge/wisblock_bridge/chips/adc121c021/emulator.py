"""ADC121C021, 12-bit converter with one input and limits: the emulator.

1. Bus side: eight registers behind a sticky pointer; conversions when read, or by the clock.
   Emulator control: one analog wire in, one digital wire (ALERT) out.
2. Values are typed from the datasheet, never imported from the driver.
3. A result that is read is the conversion before: a single read gets the previous value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wisblock_bridge.buses.emulated.wires import AnalogWire, Wire
    from wisblock_bridge.clock import Clock

RESULT, STATUS, CONFIG, LOW, HIGH, HYSTERESIS, LOWEST, HIGHEST = range(8)

WRITABLE_BITS = {
    CONFIG: 0xFD,
    LOW: 0x0FFF,
    HIGH: 0x0FFF,
    HYSTERESIS: 0x0FFF,
    LOWEST: 0x0FFF,
    HIGHEST: 0x0FFF,
}
ONE_BYTE = (STATUS, CONFIG)

ALERT = 0x8000
OVER, UNDER = 0x02, 0x01
HOLD, FLAG_ENABLE, PIN_ENABLE, ACTIVE_HIGH = 0x10, 0x08, 0x04, 0x01

FASTEST_CYCLE_S = 1 / 27000
"""Cycle code 001, 32 conversion times; each further code doubles it."""


class EmulatedADC121C021:
    """A converter in memory.

    Time passes only as its clock says, and the chip looks at the clock when somebody talks to it,
    or when ``look`` is called: conversions of the automatic mode that lie in the past are one,
    taken then. A conversion in the other mode takes 1 us, less than a bit on the bus, and is over
    at once. Pointers above 7 are taken by their low three bits; the datasheet forbids them.

    Args:
        analog: The input.
        clock: Time.
        supply_v: Supply voltage, V, which is the reference too.
        alert: Where the open-drain ALERT pin goes; None when it goes nowhere.
        name: Under which name it drives that wire.

    Source: Texas Instruments ADC121C021 datasheet SNAS415F, sections "Internal registers" and
        "Alert function".
    """

    def __init__(
        self,
        analog: AnalogWire,
        clock: Clock,
        *,
        supply_v: float,
        alert: Wire | None = None,
        name: str = "ADC121C021",
    ) -> None:
        self.analog = analog
        self.supply_v = supply_v
        self.alert = alert
        self.name = name
        self._clock = clock
        self._registers: list[int] = []
        self._pointer = 0
        self._next_at = 0.0
        self.power_cycle()

    def power_cycle(self) -> None:
        """Take the supply away and bring it back."""
        self._registers = [0x0000, 0x00, 0x00, 0x0000, 0x0FFF, 0x0000, 0x0FFF, 0x0000]
        self._pointer = 0
        self._work_pin()

    def look(self) -> None:
        """Let the chip notice that time has passed, as it does when somebody talks to it."""
        cycle = self._cycle_s()
        now = self._clock.monotonic()
        if cycle is None or now < self._next_at:
            return
        self._next_at += (int((now - self._next_at) / cycle) + 1) * cycle
        self._convert_and_compare()

    def settle(self) -> None:
        """Convert at once if the automatic mode is on, as it would within the next moments.

        For a test that changes the input and then looks at the ALERT pin, without talking to the
        chip.
        """
        if self._cycle_s() is not None:
            self._convert_and_compare()

    def write(self, data: bytes) -> None:
        """Take a pointer and perhaps a value, as ``EmulatedI2CDevice.write`` says."""
        if not data:
            return
        self.look()
        self._pointer = data[0] & 0x07
        if self._pointer in ONE_BYTE:
            if len(data) > 1:
                self._store(self._pointer, data[1])
        elif len(data) > 2:  # noqa: PLR2004  (a word is written when its second byte has arrived)
            self._store(self._pointer, data[1] << 8 | data[2])

    def read(self, length: int) -> bytes:
        """Return the register that the pointer is on; it does not move on, more bytes repeat."""
        self.look()
        if self._pointer in ONE_BYTE:
            return bytes((self._registers[self._pointer],)) * length
        words = [self._word() for _ in range((length + 1) // 2)]
        return b"".join(word.to_bytes(2, "big") for word in words)[:length]

    def _word(self) -> int:
        word = self._registers[self._pointer]
        if self._pointer == RESULT:
            if self._registers[CONFIG] & FLAG_ENABLE and self._registers[STATUS]:
                word |= ALERT
            if self._cycle_s() is None:
                self._convert()  # to be read the next time
        return word

    def _store(self, register: int, value: int) -> None:
        if register == STATUS:
            self._registers[STATUS] &= ~value  # ones clear
        elif register in WRITABLE_BITS:
            self._registers[register] = value & WRITABLE_BITS[register]
        cycle = self._cycle_s()
        if register == CONFIG and cycle is not None:
            self._next_at = self._clock.monotonic() + cycle
        self._work_pin()

    def _cycle_s(self) -> float | None:
        code = self._registers[CONFIG] >> 5
        return FASTEST_CYCLE_S * 2 ** (code - 1) if code else None

    def _convert_and_compare(self) -> None:
        self._convert()
        code = self._registers[RESULT]
        self._registers[LOWEST] = min(self._registers[LOWEST], code)
        self._registers[HIGHEST] = max(self._registers[HIGHEST], code)

    def _convert(self) -> None:
        code = round(self.analog.volts() * 4096 / self.supply_v)
        code = min(max(code, 0), 4095)
        registers = self._registers
        registers[RESULT] = code
        hold, hysteresis = registers[CONFIG] & HOLD, registers[HYSTERESIS]
        if code > registers[HIGH]:
            registers[STATUS] |= OVER
        elif not hold and code <= registers[HIGH] - hysteresis:
            registers[STATUS] &= ~OVER
        if code < registers[LOW]:
            registers[STATUS] |= UNDER
        elif not hold and code >= registers[LOW] + hysteresis:
            registers[STATUS] &= ~UNDER
        self._work_pin()

    def _work_pin(self) -> None:
        if self.alert is None:
            return
        config = self._registers[CONFIG]
        alert = bool(self._registers[STATUS])
        low = bool(config & PIN_ENABLE) and alert != bool(config & ACTIVE_HIGH)
        self.alert.drive(self.name, 0 if low else None)
