import sys

import pandas

facts = pandas.read_csv(sys.argv[1])
at_33 = facts.query("quantity == 'ratio' and percent == 33 and epoch > 1")
runs = at_33.groupby(["method", "seed"])["value"].mean()
table = runs.groupby("method").agg(["mean", "std", "count"])
print(table.to_csv(float_format="%.6f"), end="")
