"""A data logger: a row in a CSV file for each reading, and a summary of it at the end.

With pandas the summary is that of a data frame; without it, minimum and maximum will do.
"""

import csv
import sys
from importlib import import_module
from pathlib import Path

from wisblock_bridge.client import Bridge, RemoteError


def log(path: Path, rows: int, interval_s: float = 1.0) -> None:
    """Write so many rows; a failure becomes a row too, and the logger goes on."""
    with Bridge() as bridge, path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["time", "current_ma", "percent", "quality", "note"])
        with bridge.rak5801(slot=1).every(interval_s).read() as readings:
            for _ in range(rows):
                try:
                    result = next(readings)
                except RemoteError as error:
                    table.writerow(["", "", "", "error", error])
                    continue
                time = result.time.isoformat(timespec="milliseconds")
                table.writerow([time, result.current, result.percent, result.quality, result.note])
                file.flush()


def summary(path: Path) -> str:
    """Describe what is in a file."""
    try:
        pandas = import_module("pandas")
    except ImportError:
        with path.open(newline="") as file:
            found = [float(row["current_ma"]) for row in csv.DictReader(file) if row["current_ma"]]
        return f"{len(found)} readings, {min(found):.2f} to {max(found):.2f} mA"
    return str(pandas.read_csv(path, parse_dates=["time"])["current_ma"].describe())


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "log.csv")
    log(target, rows=60)
    print(summary(target))
