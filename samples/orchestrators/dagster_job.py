"""A Dagster job that syncs one profile. Connections come from the environment (see profile.yaml), the ledger from ROLLCALL_LEDGER."""
import json
import os
import subprocess

from dagster import Failure, MetadataValue, Out, Output, RetryPolicy, ScheduleDefinition, job, op

MAPPING = os.environ.get("ROLLCALL_MAPPING", "./mapping")
COMMAND = ["rollcall", "sync", "run", MAPPING, "--ledger", "${env:ROLLCALL_LEDGER}", "--actor", "dagster", "--json"]


@op(out=Out(dict), retry_policy=RetryPolicy(max_retries=3, delay=120))
def sync(context):
    done = subprocess.run(COMMAND, stdout=subprocess.PIPE, text=True)
    if done.returncode == 4:
        raise Failure("the mapping or the command line is wrong", allow_retries=False)
    if done.returncode not in (0, 2, 3, 99):
        raise Failure(f"exit code {done.returncode}")
    result = json.loads(done.stdout)
    if done.returncode in (2, 3):
        context.log.warning("outcome %s: see 'rollcall sync status'", result["outcome"])
    yield Output(result, metadata={"outcome": result["outcome"], "calls": MetadataValue.json(result["calls"])})


@job
def edfi_sync():
    sync()


every_15_minutes = ScheduleDefinition(job=edfi_sync, cron_schedule="*/15 * * * *")
