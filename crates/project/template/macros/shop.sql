{#-
  What the models need besides plain SQL, in each dialect: Shoplake's own functions where Shoplake runs them, and
  the same figures in DuckDB's or PostgreSQL's words where dbt does.
-#}

{#- The hour of the shop's clock at a moment, 0 to 23. -#}
{%- macro local_hour(moment) -%}
{%- if target is not defined or target.type == 'shoplake' -%}
local_hour({{ moment }})
{%- else -%}
CAST(date_part('hour', timezone('{{ var("time_zone") }}', {{ moment }})) AS integer)
{%- endif -%}
{%- endmacro -%}

{#- The shop's calendar day at a moment. -#}
{%- macro local_date(moment) -%}
{%- if target is not defined or target.type == 'shoplake' -%}
local_date({{ moment }})
{%- else -%}
CAST(timezone('{{ var("time_zone") }}', {{ moment }}) AS date)
{%- endif -%}
{%- endmacro -%}

{#- The shop's weekday at a moment: 1 is Monday, 7 is Sunday. -#}
{%- macro iso_weekday(moment) -%}
{%- if target is not defined or target.type == 'shoplake' -%}
iso_weekday({{ moment }})
{%- else -%}
CAST(date_part('isodow', timezone('{{ var("time_zone") }}', {{ moment }})) AS integer)
{%- endif -%}
{%- endmacro -%}

{#- The moment that lies so many seconds after 1970-01-01T00:00Z. -#}
{%- macro moment_at(seconds) -%}
{%- if target is not defined or target.type == 'shoplake' -%}
arrow_cast({{ seconds }}, 'Timestamp(Second, Some("UTC"))')
{%- else -%}
to_timestamp({{ seconds }})
{%- endif -%}
{%- endmacro -%}

{#- Days from one date to a later one. -#}
{%- macro days_between(earlier, later) -%}
{%- if target is not defined or target.type == 'shoplake' -%}
CAST(arrow_cast({{ later }}, 'Int32') - arrow_cast({{ earlier }}, 'Int32') AS bigint)
{%- elif target.type == 'duckdb' -%}
date_diff('day', {{ earlier }}, {{ later }})
{%- else -%}
CAST({{ later }} - {{ earlier }} AS bigint)
{%- endif -%}
{%- endmacro -%}

{#- `part / whole` as an exact decimal of 4 places, half away from zero; NULL where `whole` is 0. -#}
{%- macro average(part, whole) -%}
{%- if target is not defined or target.type == 'shoplake' -%}
average({{ part }}, {{ whole }})
{%- elif target.type == 'duckdb' -%}
{#- DuckDB divides decimals as floats: whole millionths are divided in 128 bits in their place. -#}
{%- set part = 'CAST(CAST(' ~ part ~ ' AS decimal(38, 6)) * 1000000 AS hugeint)' -%}
{%- set whole = 'CAST(CAST(nullif(' ~ whole ~ ', 0) AS decimal(38, 6)) * 1000000 AS hugeint)' -%}
CASE WHEN ({{ part }} < 0) <> ({{ whole }} < 0) THEN -1 ELSE 1 END
* CAST((20000 * abs({{ part }}) + abs({{ whole }})) // (2 * abs({{ whole }})) AS decimal(34, 0)) * CAST(0.0001 AS decimal(4, 4))
{%- else -%}
round(CAST({{ part }} AS numeric) / nullif(CAST({{ whole }} AS numeric), 0), 4)
{%- endif -%}
{%- endmacro -%}

{#- The fifth, 1 to 5, of rank `place` (from 1) among `many` by percent rank, so that equals score equal. -#}
{%- macro fifth(place, many) -%}
CASE
            {%- for score in [1, 2, 3, 4] %}
            WHEN 5 * ({{ place }} - 1) < {{ score }} * greatest({{ many }} - 1, 1) THEN {{ score }}
            {%- endfor %}
            ELSE 5
        END
{%- endmacro -%}

{#- The data test that Shoplake has built in, for dbt. -#}
{%- macro test_unique_combination_of_columns(model, combination_of_columns) -%}
SELECT {{ combination_of_columns | join(', ') }}
FROM {{ model }}
GROUP BY {{ combination_of_columns | join(', ') }}
HAVING count(*) > 1
{%- endmacro -%}
