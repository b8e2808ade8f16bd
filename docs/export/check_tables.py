"""Whether pandas and polars read the same from each form of a table, and what the results themselves say."""

import json
import math
import sys

import pandas
import polars

stem, results = sys.argv[1:]
tables = {
    "csv, pandas": pandas.read_csv(stem + ".csv", keep_default_na=False, na_values={"percent": "", "step": "", "value": "NaN"}),
    "json, pandas": pandas.read_json(stem + ".json", dtype={"seed": "uint64"}, precise_float=True),
    "parquet, pandas": pandas.read_parquet(stem + ".parquet"),
    "csv, polars": polars.read_csv(stem + ".csv", infer_schema_length=None).to_pandas(),
    "parquet, polars": polars.read_parquet(stem + ".parquet").to_pandas(),
}
columns = "run cell model method seed epoch percent step part quantity value unit".split()
first = tables["parquet, pandas"]
for name, table in tables.items():
    assert list(table.columns) == columns, (name, list(table.columns))
    assert len(table) == len(first) > 10_000, (name, len(table))
    for column in columns:
        one, other = first[column], table[column]
        if column in ("cell", "model", "part"):
            # Polars reads a text that is empty as one that is missing.
            other = other.fillna("")
        if column in ("percent", "step", "value"):
            one, other = one.astype("float64"), other.astype("float64")
            # JSON has no infinities.
            one = one.replace([math.inf, -math.inf], math.nan) if name.startswith("json") else one
        same = (one == other) | (one.isna() & other.isna())
        assert same.all(), (name, column, one[~same].head(), other[~same].head())
    print(f"{name}: {len(table)} rows as the others")

facts = first[first["run"] == f"{results}/quick"]
result = json.load(open(f"{results}/quick/result.json"))
points = [dict(zip(result["points"]["columns"], row)) for row in result["points"]["rows"]]
ratios = facts[facts["quantity"] == "ratio"]
points = [point for point in points if point["ratio"] is not None]
assert len(ratios) == len(points)
moment = ["model", "method", "seed", "epoch", "percent"]
of_moment = ratios.set_index(moment)["value"]
for point in points:
    assert of_moment[tuple(point[name] for name in moment)] == point["ratio"]
print(f"{len(points)} ratios as in result.json, to the bit")
