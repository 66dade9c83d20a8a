{#
    Whether a call that the log shows as refused by the user was in truth broken off with a key: nothing was
    asked, since the turn allows everything, or the answer came faster than anyone reads. A plan and a
    question are always put to the user.
#}
{% macro is_broken_off(error_type, tool_name, permission_mode, called_at, returned_at) -%}
    coalesce(
        {{ error_type }} = 'denied_user'
        and {{ tool_name }} not in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode', 'EnterPlanMode')
        and (
            {{ permission_mode }} = 'bypassPermissions' or {{ ms_between(called_at, returned_at) }} < 1000
        ), false
    )
{%- endmacro %}
