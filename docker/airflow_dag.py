"""A team's lake with Airflow 3: a task per host builds and shares its logs, the last one builds the lake.

Each task is a command of agent-store, installed where the tasks run. With the container use KubernetesPodOperator in place
of BashOperator: the same commands are its arguments.
"""

from datetime import UTC, datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

HOSTS = ("ana-laptop", "ben-laptop", "ci")
LOGS, HOMES = "/logs", "/data"
LAKE = "postgresql://lake@postgres:5432/lake"

with DAG(
    "agent_store_lake",
    schedule="15 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=4,
):
    shards = BashOperator.partial(
        task_id="shard",
        bash_command=(
            f'agent-store build --quiet --root "{LOGS}/$HOST_NAME" --host "$HOST_NAME"'
            f' && agent-store share {LAKE} --host "$HOST_NAME"'
        ),
        append_env=True,
        retries=2,
    ).expand(env=[{"HOST_NAME": host, "AGENT_STORE_HOME": f"{HOMES}/{host}"} for host in HOSTS])
    lake = BashOperator(
        task_id="lake",
        bash_command=f"agent-store lake build {LAKE} --into {HOMES}/_lake",
        # A host that failed does not stop the lake: it has what that host shared before.
        trigger_rule="all_done",
    )
    _ = shards >> lake
