{#
    Whether a call logged as rejected by the user was interrupted with a key press: nothing was asked, because
    the turn allows everything, or the answer came faster than anyone reads. Plans and questions are always
    asked.
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
