"""`treadle gate`: everything that `[tool.treadle]` lists, checked, each target in a process of its own.

`settings` reads the table and `lines` finds the line of what is wrong in it; `jobs` makes jobs of the targets, which
`validating` looks at before anything long starts; `worker` is the process that does a job, `children` starts, watches
and ends such processes, `crashes` reads what a dead one left behind; `scheduler` runs all jobs and survives whatever
they do; `store` keeps failing schedules; `judging` makes outcomes of what came back, `known` takes known violations
out; `live`, `summary`, `github` and `documents` say it. `command` is the command line.
"""
