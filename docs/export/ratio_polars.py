import sys

import polars
from polars import col

facts = polars.read_parquet(sys.argv[1])
at_33 = facts.filter((col("quantity") == "ratio") & (col("percent") == 33) & (col("epoch") > 1))
runs = at_33.group_by("method", "seed").agg(col("value").mean())
value = col("value")
table = runs.group_by("method").agg(mean=value.mean(), std=value.std(), count=value.count())
print(table.sort("method").write_csv(float_precision=6), end="")
