"""Whether TensorBoard's own reader finds in event files what the table of the same run says."""

import pathlib
import sys

import numpy
import pandas
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder, table = sys.argv[1:]
facts = pandas.read_csv(table, keep_default_na=False, na_values={"percent": "", "step": "", "value": "NaN"})
facts = facts[~facts["quantity"].str.contains("^tensor-|^position-|-time$")]
compared = 0
for cell, of_cell in facts.groupby("cell"):
    [file] = pathlib.Path(folder).rglob(f"{cell}/events.out.tfevents.*")
    read = EventAccumulator(str(file), size_guidance={"scalars": 0})
    read.Reload()
    tags = set(read.Tags()["scalars"])
    for (quantity, percent, part), rows in of_cell.groupby(["quantity", "percent", "part"], dropna=False):
        candidates = [f"{quantity}/{part}" if part else quantity, f"{quantity}/{percent:g} %"]
        [tag] = [tag for tag in candidates if tag in tags]
        tags.discard(tag)
        events = read.Scalars(tag)
        assert [event.step for event in events] == sorted({event.step for event in events}), (tag, "steps")
        found = numpy.array([event.value for event in events], dtype="float32")
        numpy.testing.assert_array_equal(found, rows["value"].to_numpy("float32"), err_msg=f"{cell}, {tag}")
        assert all(a.wall_time <= b.wall_time for a, b in zip(events, events[1:])), (tag, "times")
        compared += len(events)
    assert not tags, (cell, tags)
assert compared > 0
print(f"tensorboard: {compared} numbers of {facts['cell'].nunique()} cells as in the table")
