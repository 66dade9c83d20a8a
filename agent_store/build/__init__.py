"""Making the store: dbt, the lock, the state of builds, publishing and progress. Only this room calls dbt."""
