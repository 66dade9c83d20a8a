{{ config(materialized='table') }}

-- Rebuilt from scratch each time: a folder's name is longer if another project has the same.
with paths as (
    select distinct project_path from {{ ref('int_session') }}
),

names as (
    select
        project_path,
        {{ path_name('project_path') }} as short_name,
        {{ path_name('project_path', 2) }} as long_name,
        count(*) over (partition by {{ path_name('project_path') }}) as sharing_count
    from paths
)

select
    project_path,
    coalesce(case when sharing_count > 1 then long_name else short_name end, 'unknown') as project_name
from names
