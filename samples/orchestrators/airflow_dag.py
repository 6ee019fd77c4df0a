"""Syncs each profile every 15 minutes. Connections come from the worker's environment (see profile.yaml), the ledger from ROLLCALL_LEDGER."""
import json
import os
import subprocess
from datetime import datetime, timedelta

from airflow.decorators import dag, task
from airflow.exceptions import AirflowFailException, AirflowSkipException

MAPPING = os.environ.get("ROLLCALL_MAPPING", "./mapping")
COMMAND = ["rollcall", "sync", "run", MAPPING, "--ledger", "${env:ROLLCALL_LEDGER}", "--actor", "airflow", "--json"]


@dag(schedule=timedelta(minutes=15), start_date=datetime(2026, 8, 1), catchup=False, max_active_runs=1)
def edfi_sync():
    @task(retries=3, retry_delay=timedelta(minutes=2))
    def sync():
        done = subprocess.run(COMMAND, stdout=subprocess.PIPE, text=True)
        if done.returncode == 4:
            raise AirflowFailException("the mapping or the command line is wrong; trying again does not help")
        if done.returncode == 99:
            raise AirflowSkipException("nothing to do")
        if done.returncode not in (0, 2, 3):
            raise RuntimeError(f"exit code {done.returncode}")
        result = json.loads(done.stdout)
        return {"outcome": result["outcome"], "calls": result["calls"]}

    sync()


edfi_sync()
